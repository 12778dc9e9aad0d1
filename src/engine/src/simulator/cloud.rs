//! The rules of the simulated cloud, on JSON. Knows no kind but by what it says of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::labels::tag;
use crate::lease::Record;
use crate::reference::{ids, key};
use crate::spec::hex_digest;
use crate::{Address, Changed, Error, KindInfo, Labels, Live, Owner, Phase, Query, Result, Site, Spec, Tags};

/// How long, in the cloud's time, a deleted resource is still listed: NAT gateways are for about an hour on AWS.
const LINGER: Duration = Duration::from_secs(60);

/// The time of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Unix time in microseconds.
    pub(super) now: u64,
    /// Real seconds per second of the cloud.
    pub(super) scale: f64,
    /// How long listings lag behind, in the cloud's time.
    pub(super) lag: Duration,
}

impl Moment {
    fn after(self, cloud: Duration) -> u64 {
        self.now + self.span(cloud)
    }

    fn span(self, cloud: Duration) -> u64 {
        cloud.mul_f64(self.scale).as_micros() as u64
    }
}

/// Everything in the cloud.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Cloud {
    resources: BTreeMap<String, Item>,
    /// Client tokens and what they made; they outlive it.
    tokens: BTreeMap<String, String>,
    serial: u64,
    leases: BTreeMap<String, BTreeMap<u32, Record>>,
}

/// One resource. Times are Unix times in microseconds.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    site: Site,
    kind: String,
    name: String,
    tags: Tags,
    properties: Value,
    revision: u32,
    /// When listings begin to show it.
    listed: u64,
    ready: u64,
    gone: Option<u64>,
    /// What listings show until a moment.
    stale: Option<(u64, Tags, Value, u32)>,
}

impl Item {
    fn phase(&self, now: u64) -> Phase {
        match self.gone {
            Some(gone) if gone <= now => Phase::Gone,
            Some(_) => Phase::Deleting,
            None if self.ready > now => Phase::Pending,
            None => Phase::Ready,
        }
    }

    fn is_live(&self, now: u64) -> bool {
        matches!(self.phase(now), Phase::Ready | Phase::Pending)
    }

    fn belongs_to(&self, labels: &Labels) -> bool {
        self.tags.get(tag::STACK) == Some(&labels.owner.to_string())
            && self.tags.get(tag::ADDRESS) == Some(&labels.address.to_string())
    }
}

fn refuse<T>(operation: &'static str, code: &str, message: String) -> Result<T> {
    Err(Error::Service { operation, code: code.to_owned(), message })
}

fn info<'a>(kinds: &'a [KindInfo], kind: &str) -> Result<&'a KindInfo> {
    let found = kinds.iter().find(|info| info.name == kind);
    found.ok_or_else(|| Error::Invalid(format!("unknown kind `{kind}`")))
}

impl Cloud {
    pub(super) fn contents(&self, moment: Moment) -> Vec<(String, String)> {
        let live = self.resources.iter().filter(|(_, item)| item.phase(moment.now) != Phase::Gone);
        live.map(|(id, item)| (item.kind.clone(), id.clone())).collect()
    }

    pub(super) fn tamper(&mut self, id: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
        change(&mut self.resources.get_mut(id).ok_or(Error::NotFound)?.properties);
        Ok(())
    }

    pub(super) fn find(
        &self,
        kinds: &[KindInfo],
        site: &Site,
        kind: &str,
        which: Query<'_>,
        moment: Moment,
    ) -> Result<Vec<Live>> {
        let info = info(kinds, kind)?;
        let owner = match which {
            Query::Owned(owner) => Some(owner.to_string()),
            Query::Ids(_) => None,
        };
        let asked = |id: &String, item: &Item| match which {
            Query::Owned(_) => item.tags.get(tag::STACK) == owner.as_ref(),
            Query::Ids(ids) => ids.contains(id),
        };
        let listed = |item: &Item| {
            let lingers = item.gone.is_none_or(|gone| moment.now < gone + moment.span(LINGER));
            item.listed <= moment.now && lingers
        };
        let mine = self
            .resources
            .iter()
            .filter(|(id, item)| item.site == *site && item.kind == kind && asked(id, item) && listed(item));
        Ok(mine.filter_map(|(id, item)| show(info, id, item, moment.now)).collect())
    }

    pub(super) fn create(
        &mut self,
        kinds: &[KindInfo],
        properties: &Value,
        labels: &Labels,
        moment: Moment,
    ) -> Result<String> {
        let address = &labels.address;
        let info = info(kinds, address.kind())?;
        let properties = (info.canonical)(properties.clone())?;
        if let Some(flaw) = (info.check)(&properties).into_iter().next() {
            return refuse("Create", "InvalidParameterValue", format!("{}: {}", flaw.path, flaw.message));
        }
        let name = labels.name(63);
        if info.repeatable {
            if let Some(id) = self.tokens.get(&labels.token) {
                return Ok(id.clone());
            }
            let same_name = |item: &&Item| item.site == *address.site() && item.kind == info.name && item.name == name;
            let taken =
                self.resources.iter().find(|(_, item)| same_name(item) && item.phase(moment.now) != Phase::Gone);
            if let Some((id, item)) = taken {
                return match item.phase(moment.now) {
                    Phase::Deleting => Err(Error::Busy(format!("`{name}` is being deleted"))),
                    _ if item.belongs_to(labels) => Ok(id.clone()),
                    _ => Err(Error::Foreign { name, owner: format!("{:?}", item.tags.get(tag::STACK)) }),
                };
            }
        }
        self.check_references(&properties, moment)?;
        self.check_unique(info, address, &properties, moment)?;
        self.check_quota(info, address, moment)?;
        self.resources.retain(|_, item| item.gone.is_none_or(|gone| moment.now < gone + moment.span(LINGER)));
        self.serial += 1;
        let id = format!("{}-{}", info.name, &hex_digest(&[info.name, &self.serial.to_string()])[..17]);
        let item = Item {
            site: address.site().clone(),
            kind: info.name.to_owned(),
            name,
            tags: labels.all(),
            properties,
            revision: 1,
            listed: moment.after(moment.lag),
            ready: moment.after((info.timing)().create),
            gone: None,
            stale: None,
        };
        self.resources.insert(id.clone(), item);
        self.tokens.insert(labels.token.clone(), id.clone());
        Ok(id)
    }

    pub(super) fn update(
        &mut self,
        kinds: &[KindInfo],
        address: &Address,
        id: &str,
        properties: &Value,
        changed: &Changed,
        moment: Moment,
    ) -> Result<()> {
        let info = info(kinds, address.kind())?;
        let properties = (info.canonical)(properties.clone())?;
        self.check_references(&properties, moment)?;
        let item = self.resources.get_mut(id).ok_or(Error::NotFound)?;
        match item.phase(moment.now) {
            Phase::Pending => return Err(Error::Busy(format!("`{id}` is being changed"))),
            Phase::Deleting | Phase::Gone => return Err(Error::NotFound),
            Phase::Ready | Phase::Failed(_) => {}
        }
        if let Some(fixed) = info.fixed.iter().find(|fixed| changed.has(fixed)) {
            return refuse("Update", "InvalidParameterValue", format!("`{fixed}` cannot change"));
        }
        item.stale = Some((moment.after(moment.lag), item.tags.clone(), item.properties.clone(), item.revision));
        for name in &changed.0 {
            item.properties[name] = properties.get(name).cloned().unwrap_or(Value::Null);
        }
        item.revision += 1;
        item.ready = moment.after((info.timing)().update);
        Ok(())
    }

    pub(super) fn label(&mut self, id: &str, labels: &Labels, moment: Moment) -> Result<()> {
        let item = self.resources.get_mut(id).filter(|item| item.is_live(moment.now)).ok_or(Error::NotFound)?;
        if item.stale.as_ref().is_none_or(|(until, ..)| *until <= moment.now) {
            item.stale = Some((moment.after(moment.lag), item.tags.clone(), item.properties.clone(), item.revision));
        }
        item.tags.extend(labels.all());
        Ok(())
    }

    pub(super) fn delete(&mut self, kinds: &[KindInfo], address: &Address, id: &str, moment: Moment) -> Result<()> {
        let info = info(kinds, address.kind())?;
        let item = self.resources.get(id).ok_or(Error::NotFound)?;
        match item.phase(moment.now) {
            Phase::Gone => return Err(Error::NotFound),
            Phase::Deleting => return Ok(()),
            Phase::Ready | Phase::Pending | Phase::Failed(_) => {}
        }
        if info.protection.is_some_and(|name| item.properties.get(name) == Some(&Value::Bool(true))) {
            return refuse("Delete", "OperationNotPermitted", format!("`{id}` is protected against deletion"));
        }
        let needs = |(other, holder): &(&String, &Item)| {
            *other != id && holder.phase(moment.now) != Phase::Gone && {
                let after = kinds.iter().find(|kind| kind.name == holder.kind).map(|kind| kind.after);
                let comes_after = after.unwrap_or_default().contains(&info.name)
                    && holder.site == item.site
                    && holder.tags.get(tag::STACK) == item.tags.get(tag::STACK);
                ids(&holder.properties).contains(&key(&item.kind, id)) || comes_after
            }
        };
        if let Some((holder, _)) = self.resources.iter().find(needs) {
            return Err(Error::Busy(format!("`{id}` is used by `{holder}`")));
        }
        let gone = moment.after((info.timing)().delete);
        self.resources.get_mut(id).ok_or(Error::NotFound)?.gone = Some(gone);
        Ok(())
    }

    fn check_references(&self, properties: &Value, moment: Moment) -> Result<()> {
        for key in ids(properties) {
            let id = key.split_once('/').map_or("", |(_, id)| id);
            if !self.resources.get(id).is_some_and(|item| item.is_live(moment.now)) {
                return refuse("Write", "InvalidID.NotFound", format!("`{id}` does not exist"));
            }
        }
        Ok(())
    }

    fn check_unique(&self, info: &KindInfo, address: &Address, properties: &Value, moment: Moment) -> Result<()> {
        if info.unique.is_empty() {
            return Ok(());
        }
        let key =
            |properties: &Value| info.unique.iter().map(|name| properties.get(*name).cloned()).collect::<Vec<_>>();
        let wanted = key(properties);
        // What is left out is shared with nobody: private NAT gateways have no address.
        if wanted.iter().any(Option::is_none) {
            return Ok(());
        }
        let mut others = self.resources.iter().filter(|(_, item)| {
            item.site == *address.site() && item.kind == info.name && item.phase(moment.now) != Phase::Gone
        });
        match others.find(|(_, item)| key(&item.properties) == wanted) {
            Some((id, item)) if item.gone.is_some() => Err(Error::Busy(format!("`{id}` is being deleted"))),
            Some((id, _)) => refuse("Create", "Conflict", format!("`{id}` has the same {}", info.unique.join(" and "))),
            None => Ok(()),
        }
    }

    fn check_quota(&self, info: &KindInfo, address: &Address, moment: Moment) -> Result<()> {
        let Some(quota) = info.quota else { return Ok(()) };
        let same = |item: &&Item| item.site == *address.site() && item.kind == info.name && item.is_live(moment.now);
        if self.resources.values().filter(same).count() >= quota as usize {
            return refuse("Create", "LimitExceeded", format!("the account may have {quota} of `{}`", info.name));
        }
        Ok(())
    }

    pub(super) fn leases(&self, owner: &Owner) -> Vec<(u32, Record)> {
        let records = self.leases.get(&owner.to_string()).into_iter().flatten();
        records.map(|(number, record)| (*number, record.clone())).collect()
    }

    pub(super) fn create_lease(&mut self, owner: &Owner, number: u32, record: &Record) -> bool {
        let records = self.leases.entry(owner.to_string()).or_default();
        let free = !records.contains_key(&number);
        if free {
            records.insert(number, record.clone());
        }
        free
    }

    pub(super) fn write_lease(&mut self, owner: &Owner, number: u32, record: &Record) {
        self.leases.entry(owner.to_string()).or_default().insert(number, record.clone());
    }

    pub(super) fn remove_lease(&mut self, owner: &Owner, number: u32) {
        if let Some(records) = self.leases.get_mut(&owner.to_string()) {
            records.remove(&number);
        }
    }
}

/// What a listing shows of a resource; `None` for one without an address of its kind.
fn show(info: &KindInfo, id: &str, item: &Item, now: u64) -> Option<Live> {
    let (tags, properties, revision) = match &item.stale {
        Some((until, tags, properties, revision)) if *until > now => (tags, properties, *revision),
        _ => (&item.tags, &item.properties, item.revision),
    };
    let named: Address = tags.get(tag::ADDRESS)?.parse().ok()?;
    Some(Live {
        id: id.to_owned(),
        address: Address::at(item.site.clone(), named.kind(), named.name()),
        outputs: match (info.simulate)(properties, id, revision) {
            Value::Object(outputs) => Value::Object(outputs),
            _ => json!({}),
        },
        properties: properties.clone(),
        phase: item.phase(now),
        spec: tags.get(tag::SPEC).cloned().map(Spec::from).unwrap_or_default(),
        tags: tags
            .iter()
            .filter(|(key, _)| !key.starts_with(tag::PREFIX))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
        note: None,
    })
}
