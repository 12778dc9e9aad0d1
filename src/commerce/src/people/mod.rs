//! Who uses the shop: signing up, logging in, roles, and the checks of one person's right to one thing.

pub(crate) mod passwords;
pub(crate) mod sessions;
pub(crate) mod stream_keys;

use crate::Shop;
use crate::clock;
use crate::error::{Check, Error, Result};
use crate::id::Id;
use crate::operations::audit;
use crate::store::{Connection, args, choice, read, record, transact};

choice! {
    /// What a person may do at all. A seller can also buy; an admin can do everything but trade in another's name.
    Role {
        /// Buys, bids, chats, reviews; sells second-hand things.
        Buyer = "buyer",
        /// Sells in every form and broadcasts.
        Seller = "seller",
        /// Keeps order.
        Admin = "admin",
    }
}

choice! {
    /// Whether somebody acts for himself or for a company.
    Sort {
        /// A private person.
        Personal = "personal",
        /// A registered company.
        Company = "company",
    }
}

record! {
    /// Somebody with an account.
    Person from "people" {
        /// Identity.
        id: Id,
        /// Lower-case e-mail address, the name to log in with.
        email: String,
        /// The name shown to others.
        name: String,
        /// Personal or company.
        sort: Sort,
        /// The company's name.
        company: Option<String>,
        /// The company's registration number.
        registration: Option<String>,
        /// What they may do.
        role: Role,
        /// Words about themselves.
        about: String,
        /// Whether an admin locked them out.
        suspended: bool,
        /// When they signed up, in milliseconds since 1970.
        created_at: i64,
    }
}

impl Person {
    /// The company's name, or their own.
    pub(crate) fn shown_name(&self) -> &str {
        self.company.as_deref().unwrap_or(&self.name)
    }

    /// Whether they may sell new goods and broadcast.
    pub(crate) fn sells(&self) -> bool {
        matches!(self.role, Role::Seller | Role::Admin)
    }

    /// Whether they keep order.
    pub(crate) fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Refuses who may not sell.
    pub(crate) fn must_sell(&self) -> Result<()> {
        if self.sells() { Ok(()) } else { Err(Error::Forbidden("only sellers may do this")) }
    }

    /// Refuses who is no admin.
    pub(crate) fn must_be_admin(&self) -> Result<()> {
        if self.is_admin() { Ok(()) } else { Err(Error::Forbidden("only admins may do this")) }
    }

    /// Refuses everyone but the owner of a thing and admins.
    pub(crate) fn must_own(&self, owner: Id) -> Result<()> {
        if self.id == owner || self.is_admin() { Ok(()) } else { Err(Error::Forbidden("it belongs to somebody else")) }
    }
}

/// What signing up takes.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct SignUp {
    /// E-mail address.
    pub(crate) email: String,
    /// At least ten characters.
    pub(crate) password: String,
    /// The name shown to others.
    pub(crate) name: String,
    /// Whether they want to sell.
    #[serde(default)]
    pub(crate) seller: bool,
    /// The company's name, for a company.
    #[serde(default)]
    pub(crate) company: Option<String>,
    /// The company's registration number, for a company.
    #[serde(default)]
    pub(crate) registration: Option<String>,
}

/// What a profile may change.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct Profile {
    /// The name shown to others.
    pub(crate) name: String,
    /// Words about themselves.
    #[serde(default)]
    pub(crate) about: String,
    /// Become a seller.
    #[serde(default)]
    pub(crate) seller: bool,
}

impl SignUp {
    fn check(&self) -> Result<()> {
        let mut check = Check::default();
        check.that(is_email(&self.email), "email", "must be an e-mail address");
        check.text(&self.name, 1, 40, "name");
        let length = self.password.chars().count();
        check.that((10..=200).contains(&length), "password", "must have 10 to 200 characters");
        if let Some(company) = filled(&self.company) {
            check.text(company, 1, 60, "company");
            check.text(self.registration.as_deref().unwrap_or(""), 4, 20, "registration");
        }
        check.done()
    }
}

/// An optional text that holds more than space.
fn filled(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

/// Whether a text can be an address: one `@`, a dotted domain, no space. The mail itself is the only real test.
fn is_email(text: &str) -> bool {
    let Some((user, domain)) = text.split_once('@') else { return false };
    (3..=254).contains(&text.len())
        && !user.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && text.chars().all(|c| !c.is_whitespace() && !c.is_control())
        && !domain.contains('@')
}

/// Makes an account.
pub(crate) async fn sign_up(shop: &Shop, input: SignUp) -> Result<Person> {
    input.check()?;
    let password = passwords::hash(shop, input.password.clone()).await?;
    let company = filled(&input.company).map(str::to_owned);
    let person = Person {
        id: Id::new(),
        email: input.email.to_lowercase(),
        name: input.name.trim().to_owned(),
        sort: if company.is_some() { Sort::Company } else { Sort::Personal },
        registration: company.as_ref().and_then(|_| filled(&input.registration).map(str::to_owned)),
        company,
        role: if input.seller { Role::Seller } else { Role::Buyer },
        about: String::new(),
        suspended: false,
        created_at: clock::now(),
    };
    let stored = transact!(shop.database, [person, password], |c| insert(c, &person, &password).await);
    match stored.await {
        Ok(()) => Ok(person),
        Err(Error::Conflict(..)) => Err(Error::Conflict("email-taken", "this e-mail address has an account".into())),
        Err(e) => Err(e),
    }
}

/// Writes a person.
pub(crate) async fn insert(c: &mut dyn Connection, person: &Person, password: &str) -> Result<()> {
    let sql = "INSERT INTO people (id, email, name, password, sort, company, registration, role, about, suspended,
        created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let p = person.clone();
    let values = args![
        p.id,
        p.email,
        p.name,
        password,
        p.sort,
        p.company,
        p.registration,
        p.role,
        p.about,
        p.suspended,
        p.created_at
    ];
    c.execute(sql, values).await?;
    audit::append(c, Some(person.id), "person.sign-up", &person.id.to_string(), person.role.word()).await
}

/// The person an address and a password belong to. A wrong address takes as long as a wrong password.
pub(crate) async fn authenticate(shop: &Shop, email: &str, password: &str) -> Result<Person> {
    let email = email.trim().to_lowercase();
    let found = read!(shop.database, Committed, [email], |c| {
        let hash: Option<String> = c.cell("SELECT password FROM people WHERE email = ?", args![&email]).await?;
        Ok((hash, c.one::<Person>("WHERE email = ?", args![email]).await?))
    });
    let (hash, person) = found.await?;
    let right = passwords::matches(shop, password.to_owned(), hash).await?;
    match person {
        Some(person) if right && !person.suspended => Ok(person),
        Some(_) | None => Err(Error::Unauthenticated),
    }
}

/// Somebody by id.
pub(crate) async fn find(c: &mut dyn Connection, id: Id) -> Result<Person> {
    c.one::<Person>("WHERE id = ?", args![id]).await?.ok_or(Error::NotFound("person"))
}

/// Changes a profile.
pub(crate) async fn change(shop: &Shop, person: &Person, input: Profile) -> Result<Person> {
    let mut check = Check::default();
    check.text(&input.name, 1, 40, "name").text(&input.about, 0, 1000, "about").done()?;
    let mut person = person.clone();
    person.name = input.name.trim().to_owned();
    person.about = input.about;
    let promoted = input.seller && person.role == Role::Buyer;
    if promoted {
        person.role = Role::Seller;
    }
    let changed = transact!(shop.database, [person], |c| {
        c.execute(
            "UPDATE people SET name = ?, about = ?, role = ? WHERE id = ?",
            args![&person.name, &person.about, person.role, person.id],
        )
        .await?;
        if promoted {
            audit::append(c, Some(person.id), "person.sells", &person.id.to_string(), "").await?;
        }
        Ok(person)
    });
    let person = changed.await?;
    shop.sessions.forget_person(person.id);
    Ok(person)
}

/// Locks somebody out, or lets them in again.
pub(crate) async fn suspend(shop: &Shop, admin: &Person, id: Id, suspended: bool) -> Result<()> {
    admin.must_be_admin()?;
    if admin.id == id {
        return Err(Error::Conflict("yourself", "an admin cannot suspend themselves".into()));
    }
    let admin_id = admin.id;
    let done = transact!(shop.database, [], |c| {
        if c.execute("UPDATE people SET suspended = ? WHERE id = ?", args![suspended, id]).await? == 0 {
            return Err(Error::NotFound("person"));
        }
        c.execute("DELETE FROM sessions WHERE person_id = ?", args![id]).await?;
        let action = if suspended { "person.suspend" } else { "person.restore" };
        audit::append(c, Some(admin_id), action, &id.to_string(), "").await
    });
    done.await?;
    shop.sessions.forget_person(id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_text() {
        for good in ["a@b.kr", "first.last+tag@mail.example.com", "한글@예시.kr"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a", "@b.kr", "a@b", "a@.kr", "a@kr.", "a b@c.kr", "a@b@c.kr", "a@b.kr\n"] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
