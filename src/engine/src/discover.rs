//! Reads everything an owner has: every kind in every site at once, calls per kind, not per resource.

use futures::future::try_join_all;

use crate::{Error, Inventory, Owner, Provider, Query, Site};

/// A listing that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot list every `{kind}` of site `{site}`: {error}")]
pub struct Undiscovered {
    /// The kind.
    pub kind: &'static str,
    /// The site.
    pub site: Site,
    /// Why.
    #[source]
    pub error: Error,
}

/// Reads what is live.
///
/// # Errors
/// The first listing that failed: a plan made on half an inventory would make things twice.
pub async fn discover(provider: &dyn Provider, owner: &Owner) -> Result<Inventory, Undiscovered> {
    let sites = provider.sites();
    let listings = sites.iter().flat_map(|site| provider.kinds().iter().map(move |kind| (site, kind.name)));
    let found = try_join_all(listings.map(async |(site, kind)| {
        let found = provider.find(site, kind, Query::Owned(owner)).await;
        found.map_err(|error| Undiscovered { kind, site: site.clone(), error })
    }));
    Ok(Inventory::new(found.await?.into_iter().flatten()))
}
