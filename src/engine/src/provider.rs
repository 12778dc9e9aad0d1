//! The only door between the engine and a cloud.

use std::marker::PhantomData;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kind::{typed, untyped};
use crate::labels::tag;
use crate::lease::LeaseStore;
use crate::{Address, Changed, Error, Found, Kind, KindInfo, Labels, Phase, Query, Result, Site, Spec, Tags};

/// A live resource with its type erased.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// The cloud's id.
    pub id: String,
    /// What the blueprint calls it, from its tags.
    pub address: Address,
    /// The live values of every managed property; references to other resources are `{"$id": …}`.
    pub properties: Value,
    /// What other resources may read.
    pub outputs: Value,
    /// How far along it is.
    pub phase: Phase,
    /// The digest of the properties last applied; empty when it was never recorded.
    pub spec: Spec,
    /// Tags that are not the engine's.
    pub tags: Tags,
    /// Something a person should know when a change does not take.
    pub note: Option<String>,
}

impl Live {
    /// The id with the kind, as references carry it.
    pub(crate) fn key(&self) -> String {
        crate::reference::key(self.address.kind(), &self.id)
    }
}

/// A cloud, or something that behaves like one.
pub trait Provider: Send + Sync {
    /// Every kind it knows, in the registry's order.
    fn kinds(&self) -> &[KindInfo];

    /// The sites resources may live in.
    fn sites(&self) -> Vec<Site>;

    /// Reads live resources of one kind.
    fn find<'a>(&'a self, site: &'a Site, kind: &'a str, which: Query<'a>) -> BoxFuture<'a, Result<Vec<Live>>>;

    /// Makes `labels.address` and returns its id.
    fn create<'a>(&'a self, properties: &'a Value, labels: &'a Labels) -> BoxFuture<'a, Result<String>>;

    /// Changes the named properties in place.
    fn update<'a>(
        &'a self,
        address: &'a Address,
        id: &'a str,
        properties: &'a Value,
        changed: &'a Changed,
    ) -> BoxFuture<'a, Result<()>>;

    /// Writes the labels' tags.
    fn label<'a>(&'a self, id: &'a str, labels: &'a Labels) -> BoxFuture<'a, Result<()>>;

    /// Deletes a live resource.
    fn delete<'a>(&'a self, address: &'a Address, id: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Where the lease of this cloud is kept.
    fn leases(&self) -> &dyn LeaseStore;
}

/// [`Kind`] made object-safe; implemented once, by [`Erased`].
pub trait AnyKind<C>: Send + Sync {
    /// What the kind says of itself.
    fn info(&self) -> KindInfo;
    /// [`Kind::find`].
    fn find<'a>(&'a self, cloud: &'a C, site: &'a Site, which: Query<'a>) -> BoxFuture<'a, Result<Vec<Live>>>;
    /// [`Kind::create`].
    fn create<'a>(&'a self, cloud: &'a C, properties: &'a Value, labels: &'a Labels) -> BoxFuture<'a, Result<String>>;
    /// [`Kind::update`].
    fn update<'a>(
        &'a self,
        cloud: &'a C,
        id: &'a str,
        properties: &'a Value,
        changed: &'a Changed,
    ) -> BoxFuture<'a, Result<()>>;
    /// [`Kind::label`].
    fn label<'a>(&'a self, cloud: &'a C, id: &'a str, labels: &'a Labels) -> BoxFuture<'a, Result<()>>;
    /// [`Kind::delete`].
    fn delete<'a>(&'a self, cloud: &'a C, id: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// A kind without its type.
pub struct Erased<K>(PhantomData<fn() -> K>);

impl<K: Kind> Erased<K> {
    /// The one value.
    pub const NEW: Self = Self(PhantomData);
}

impl<K: Kind> AnyKind<K::Cloud> for Erased<K> {
    fn info(&self) -> KindInfo {
        KindInfo::of::<K>()
    }

    fn find<'a>(&'a self, cloud: &'a K::Cloud, site: &'a Site, which: Query<'a>) -> BoxFuture<'a, Result<Vec<Live>>> {
        Box::pin(async move {
            let found = K::find(cloud, which).await?;
            Ok(found.into_iter().filter_map(|found| erase(found, site)).collect())
        })
    }

    fn create<'a>(
        &'a self,
        cloud: &'a K::Cloud,
        properties: &'a Value,
        labels: &'a Labels,
    ) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move { typed::<K>(properties)?.create(cloud, labels).await })
    }

    fn update<'a>(
        &'a self,
        cloud: &'a K::Cloud,
        id: &'a str,
        properties: &'a Value,
        changed: &'a Changed,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { typed::<K>(properties)?.update(cloud, id, changed).await })
    }

    fn label<'a>(&'a self, cloud: &'a K::Cloud, id: &'a str, labels: &'a Labels) -> BoxFuture<'a, Result<()>> {
        Box::pin(K::label(cloud, id, labels))
    }

    fn delete<'a>(&'a self, cloud: &'a K::Cloud, id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(K::delete(cloud, id))
    }
}

/// Drops what is not the engine's: a resource without an address tag, or with another kind's.
fn erase<K: Kind>(found: Found<K>, site: &Site) -> Option<Live> {
    let address = owned_as(&found.tags, K::NAME, site)?;
    Some(Live {
        id: found.id,
        address,
        properties: untyped(found.properties),
        outputs: untyped(found.outputs),
        phase: found.phase,
        spec: found.tags.get(tag::SPEC).cloned().map(Spec::from).unwrap_or_default(),
        tags: found.tags.into_iter().filter(|(key, _)| !key.starts_with(tag::PREFIX)).collect(),
        note: found.note,
    })
}

/// The address a resource's tags give it, if it is one of this kind and site: IAM lists an account's roles in every
/// region, so two sites of one account see each other's.
fn owned_as(tags: &Tags, kind: &str, site: &Site) -> Option<Address> {
    let address = Address::parse(tags.get(tag::ADDRESS)?)?;
    (address.kind() == kind && address.site() == site).then_some(address)
}

/// A cloud's sites together with the kinds that live in them.
pub struct Catalog<C: 'static> {
    sites: Vec<(Site, C)>,
    kinds: &'static [&'static dyn AnyKind<C>],
    infos: Vec<KindInfo>,
    leases: Box<dyn LeaseStore>,
}

impl<C> Catalog<C> {
    /// Binds kinds to the clients of each site.
    pub fn new(sites: Vec<(Site, C)>, kinds: &'static [&'static dyn AnyKind<C>], leases: Box<dyn LeaseStore>) -> Self {
        Self { sites, kinds, infos: kinds.iter().map(|kind| kind.info()).collect(), leases }
    }

    fn kind(&self, name: &str) -> Result<&'static dyn AnyKind<C>> {
        let found = self.kinds.iter().find(|kind| kind.info().name == name);
        found.copied().ok_or_else(|| Error::Invalid(format!("unknown kind `{name}`")))
    }

    fn cloud(&self, site: &Site) -> Result<&C> {
        let found = self.sites.iter().find(|(name, _)| name == site);
        found.map(|(_, cloud)| cloud).ok_or_else(|| Error::Invalid(format!("the environment has no site `{site}`")))
    }
}

impl<C: Send + Sync> Provider for Catalog<C> {
    fn kinds(&self) -> &[KindInfo] {
        &self.infos
    }

    fn sites(&self) -> Vec<Site> {
        self.sites.iter().map(|(site, _)| site.clone()).collect()
    }

    fn find<'a>(&'a self, site: &'a Site, kind: &'a str, which: Query<'a>) -> BoxFuture<'a, Result<Vec<Live>>> {
        Box::pin(async move { self.kind(kind)?.find(self.cloud(site)?, site, which).await })
    }

    fn create<'a>(&'a self, properties: &'a Value, labels: &'a Labels) -> BoxFuture<'a, Result<String>> {
        let address = &labels.address;
        Box::pin(
            async move { self.kind(address.kind())?.create(self.cloud(address.site())?, properties, labels).await },
        )
    }

    fn update<'a>(
        &'a self,
        address: &'a Address,
        id: &'a str,
        properties: &'a Value,
        changed: &'a Changed,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.kind(address.kind())?.update(self.cloud(address.site())?, id, properties, changed).await
        })
    }

    fn label<'a>(&'a self, id: &'a str, labels: &'a Labels) -> BoxFuture<'a, Result<()>> {
        let address = &labels.address;
        Box::pin(async move { self.kind(address.kind())?.label(self.cloud(address.site())?, id, labels).await })
    }

    fn delete<'a>(&'a self, address: &'a Address, id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.kind(address.kind())?.delete(self.cloud(address.site())?, id).await })
    }

    fn leases(&self) -> &dyn LeaseStore {
        &*self.leases
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_belongs_to_the_site_its_tags_name() {
        let tags = |address: &str| Tags::from([(tag::ADDRESS.to_owned(), address.to_owned())]);
        let (primary, recovery) = (Site::primary(), Site::new("recovery"));
        let role: Address = "recovery:role/web".parse().unwrap();
        assert_eq!(owned_as(&tags("recovery:role/web"), "role", &recovery), Some(role));
        assert_eq!(owned_as(&tags("recovery:role/web"), "role", &primary), None);
        assert_eq!(owned_as(&tags("role/web"), "role", &recovery), None);
        assert_eq!(owned_as(&tags("role/web"), "subnet", &primary), None);
        assert_eq!(owned_as(&Tags::new(), "role", &primary), None);
    }
}
