//! Password hashing on a bounded pool: each hash takes 19 MiB, so the number at once is the memory it may take.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::Shop;
use crate::error::{Error, Result};

/// Hashes computed at the same time; more wait.
pub(crate) const AT_ONCE: usize = 2;

/// Memory in KiB, passes and lanes as OWASP's password storage cheat sheet advises.
fn argon() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("the parameters are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A hash that no password has, compared against when the address is unknown.
static NOBODY: std::sync::LazyLock<String> =
    std::sync::LazyLock::new(|| compute(&crate::secret::token()).unwrap_or_default());

fn compute(password: &str) -> Result<String> {
    let salt = SaltString::encode_b64(&crate::secret::random::<16>()).map_err(|e| Error::Internal(e.to_string()))?;
    let hash = argon().hash_password(password.as_bytes(), &salt).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(hash.to_string())
}

async fn bounded<T: Send + 'static>(shop: &Shop, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _turn = shop.hashing.acquire().await.map_err(|e| Error::Internal(e.to_string()))?;
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::Internal(e.to_string()))
}

/// The hash to store.
pub(crate) async fn hash(shop: &Shop, password: String) -> Result<String> {
    bounded(shop, move || compute(&password)).await?
}

/// Whether a password has the stored hash; takes as long when there is none.
pub(crate) async fn matches(shop: &Shop, password: String, stored: Option<String>) -> Result<bool> {
    let check = move || {
        let known = stored.is_some();
        let text = stored.unwrap_or_else(|| NOBODY.clone());
        let right =
            PasswordHash::new(&text).is_ok_and(|hash| argon().verify_password(password.as_bytes(), &hash).is_ok());
        known && right
    };
    bounded(shop, check).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_argon2id_with_the_advised_cost() {
        let hash = compute("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let parsed = PasswordHash::new(&hash).unwrap();
        assert!(argon().verify_password(b"correct horse", &parsed).is_ok());
        assert!(argon().verify_password(b"wrong horse", &parsed).is_err());
    }
}
