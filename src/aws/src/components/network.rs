//! `network`: one VPC; in every zone a public subnet and private ones; ways out to the internet.
//!
//! Ranges are stable: a group of subnets has its block by its position in `subnets`, and a zone its range in the block
//! by its letter. Adding a zone, removing one, or appending a group moves nobody.

use std::collections::{BTreeMap, BTreeSet};

use engine::blueprint::{Component, Expansion, Scope, did_you_mean};
use engine::{Flaw, Ref};
use ipnet::Ipv4Net;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::forms::Range;
use super::parts::{Parts, letter, section};
use crate::kinds::nat_gateway::Connectivity;
use crate::kinds::route_table::{Destination, Route, Via};
use crate::kinds::vpc_endpoint::Sort;
use crate::kinds::{ElasticIp, InternetGateway, NatGateway, RouteTable, Subnet, Vpc, VpcEndpoint};

/// The name of the network and of its internet gateway.
pub(super) const MAIN: &str = "main";
/// The group of subnets that the internet reaches.
pub(super) const PUBLIC: &str = "public";
/// How many groups, and how many zones of each, a network has room for.
const SHARES: u32 = 16;

/// The `network` section.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Network {
    /// The network's IPv4 range, /16 to /20: it is divided into 16 groups, each group into 16 zones.
    #[schemars(with = "String", extend("format" = "cidr-ipv4"))]
    pub(super) cidr: Ipv4Net,
    /// Groups of subnets, one subnet in every zone; append new ones, since the position decides on the range.
    #[schemars(inner(regex(pattern = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")), length(min = 1, max = 16))]
    #[schemars(extend("uniqueItems" = true))]
    pub(super) subnets: Vec<String>,
    /// Groups without a way to the internet.
    pub(super) isolated: BTreeSet<String>,
    /// Ranges of single subnets that should not be computed: `group: {zone letter: range}`.
    #[schemars(with = "BTreeMap<String, BTreeMap<String, Range>>")]
    pub(super) ranges: BTreeMap<String, BTreeMap<String, Ipv4Net>>,
    /// NAT gateways: one in every zone, a single one (cheaper; its zone's loss cuts off the others), or none.
    pub(super) nat: Nat,
    /// Whether S3 is reached inside AWS, without NAT gateways and their charge.
    pub(super) s3_endpoint: bool,
}

/// How many NAT gateways there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Nat {
    /// One in every zone.
    PerZone,
    /// One for all zones.
    Single,
    /// None: private subnets reach nothing outside.
    None,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            cidr: "10.0.0.0/16".parse().expect("a valid range"),
            subnets: [PUBLIC, "web", "was", "db"].map(str::to_owned).into(),
            isolated: ["db".to_owned()].into(),
            ranges: BTreeMap::new(),
            nat: Nat::PerZone,
            s3_endpoint: true,
        }
    }
}

impl Network {
    /// The blueprint's network, as other sections see it; `None` if it has none.
    pub(super) fn of(scope: &Scope<'_>) -> Option<Self> {
        Self::deserialize(scope.document.get("network")?).ok()
    }

    /// The range of a group's subnet in a zone; `None` if the network has no room for it.
    fn range(&self, group: &str, zone: &str) -> Option<Ipv4Net> {
        if let Some(range) = self.ranges.get(group).and_then(|zones| zones.get(zone)) {
            return Some(*range);
        }
        let block = self.subnets.iter().position(|known| known == group)? as u32;
        let share = u32::from(zone.bytes().next()?.checked_sub(b'a')?);
        let length = self.cidr.prefix_len().checked_add(8).filter(|length| (24..=28).contains(length))?;
        if block >= SHARES || share >= SHARES {
            return None;
        }
        let start = u32::from(self.cidr.network()).checked_add((block * SHARES + share) << (32 - length))?;
        Ipv4Net::new(start.into(), length).ok()
    }
}

/// The `network` section as a component.
pub(super) struct NetworkSection;

impl Component for NetworkSection {
    fn name(&self) -> &'static str {
        "network"
    }

    fn schema(&self) -> Schema {
        schema_for!(Network)
    }

    fn expand(&self, value: &Value, scope: &Scope<'_>) -> Expansion {
        let network: Network = match section(value) {
            Ok(network) => network,
            Err(expansion) => return expansion,
        };
        let mut parts = Parts::default();
        mistakes(&network, value, scope, &mut parts);
        resources(&network, scope, &mut parts);
        parts.done()
    }
}

/// The name of a group's subnet in a zone.
pub(super) fn subnet(group: &str, zone: &str) -> String {
    format!("{group}-{}", letter(zone))
}

/// References to a group's subnets.
pub(super) fn subnets<T: FromIterator<Ref<Subnet>>>(group: &str, scope: &Scope<'_>) -> T {
    scope.zones.iter().map(|zone| Ref::to(&subnet(group, zone))).collect()
}

fn mistakes(network: &Network, value: &Value, scope: &Scope<'_>, parts: &mut Parts) {
    if !(16..=28).contains(&network.cidr.prefix_len()) {
        let message = format!("a network cannot be as {} as /{}", size(network.cidr, 16), network.cidr.prefix_len());
        parts.flaw(Flaw::new("cidr", message).hint("AWS allows /16 to /28; `10.0.0.0/16` leaves room for everything"));
    }
    let groups: Vec<&str> = network.subnets.iter().map(String::as_str).collect();
    let isolated = value.get("isolated").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for (index, group) in isolated.enumerate() {
        let path = format!("isolated.{index}");
        if group == PUBLIC {
            parts.flaw(Flaw::new(path, "the public subnets cannot be isolated from the internet"));
        } else if !groups.contains(&group) {
            parts.flaw(unknown(&path, group, &groups));
        }
    }
    for (group, zones) in &network.ranges {
        if !groups.contains(&group.as_str()) {
            parts.flaw(unknown(&format!("ranges.{group}"), group, &groups));
        }
        for (zone, range) in zones {
            let path = format!("ranges.{group}.{zone}");
            let letters: Vec<_> = scope.zones.iter().map(|zone| letter(zone)).collect();
            if !letters.contains(&zone.as_str()) {
                let hint = format!("the letters of the zones in use: {}", letters.join(", "));
                parts.flaw(Flaw::new(&path, format!("the blueprint has no zone `{zone}`")).hint(hint));
            }
            if !(16..=28).contains(&range.prefix_len()) {
                let message = format!("a subnet cannot be as {} as /{}", size(*range, 16), range.prefix_len());
                parts.flaw(Flaw::new(&path, message).hint("AWS allows /16 to /28"));
            }
        }
    }
    if network.nat != Nat::None && !groups.contains(&PUBLIC) {
        let path = if value.get("nat").is_some() { "nat" } else { "subnets" };
        let hint = "add `public` to `subnets`, or write `nat: none`";
        parts.flaw(Flaw::new(path, "NAT gateways live in public subnets, and there are none").hint(hint));
    }
    let crowded = |group: &&&str| scope.zones.iter().any(|zone| network.range(group, letter(zone)).is_none());
    if (16..=28).contains(&network.cidr.prefix_len())
        && let Some(group) = groups.iter().find(crowded)
    {
        let message = format!("{} has no room for the subnets `{group}`", network.cidr);
        let hint = "use a range from /16 to /20, or write the subnets' own under `ranges`";
        parts.flaw(Flaw::new("cidr", message).hint(hint));
    }
}

fn size(range: Ipv4Net, least: u8) -> &'static str {
    if range.prefix_len() < least { "large" } else { "small" }
}

fn unknown(path: &str, group: &str, groups: &[&str]) -> Flaw {
    let flaw = Flaw::new(path, format!("there are no subnets `{group}`"));
    let hint = did_you_mean(group, groups.iter().copied());
    flaw.hint(hint.unwrap_or_else(|| format!("the groups are: {}", groups.join(", "))))
}

fn resources(network: &Network, scope: &Scope<'_>, parts: &mut Parts) {
    let vpc = || Ref::to(MAIN);
    parts.want("", MAIN, Vpc { cidr: network.cidr, dns_hostnames: true, dns_support: true });
    let public = network.subnets.iter().any(|group| group == PUBLIC);
    if public {
        parts.want("", MAIN, InternetGateway { vpc: vpc() });
    }
    for zone in nat_zones(network, scope) {
        let name = letter(zone);
        parts.want("nat", &format!("nat-{name}"), ElasticIp {});
        let subnet = Ref::to(&subnet(PUBLIC, zone));
        let address = Some(Ref::to(&format!("nat-{name}")));
        parts.want("nat", name, NatGateway { subnet, address, connectivity: Connectivity::Public });
    }
    let mut tables = Vec::new();
    for group in &network.subnets {
        for zone in scope.zones {
            let Some(cidr) = network.range(group, letter(zone)) else { continue };
            let overridden = network.ranges.get(group).is_some_and(|zones| zones.contains_key(letter(zone)));
            let path = if overridden { format!("ranges.{group}.{}", letter(zone)) } else { "subnets".to_owned() };
            let subnet = Subnet { vpc: vpc(), cidr, zone: zone.clone(), public_addresses: false };
            parts.want(&path, &self::subnet(group, zone), subnet);
        }
        tables.extend(route_tables(network, group, scope, parts));
    }
    if network.s3_endpoint {
        parts.want(
            "s3_endpoint",
            "s3",
            VpcEndpoint {
                vpc: vpc(),
                service: "s3".into(),
                sort: Sort::Gateway,
                route_tables: tables.iter().map(|name| Ref::to(name)).collect(),
                subnets: BTreeSet::new(),
                security_groups: BTreeSet::new(),
                private_dns: None,
                policy: None,
            },
        );
    }
}

/// The zones that get a NAT gateway.
fn nat_zones<'a>(network: &Network, scope: &Scope<'a>) -> &'a [String] {
    match network.nat {
        Nat::PerZone => scope.zones,
        Nat::Single => &scope.zones[..scope.zones.len().min(1)],
        Nat::None => &[],
    }
}

/// One table for the public subnets; one for every private subnet, so that a zone's way out can change alone.
fn route_tables(network: &Network, group: &str, scope: &Scope<'_>, parts: &mut Parts) -> Vec<String> {
    let default = |via: Via| Route { to: Destination::Range(Ipv4Net::default().into()), via };
    let mut want = |name: &str, via: Option<Via>, subnets: BTreeSet<Ref<Subnet>>| {
        let routes = via.map(default).into_iter().collect();
        parts.want("subnets", name, RouteTable { vpc: Ref::to(MAIN), routes, subnets });
        name.to_owned()
    };
    if group == PUBLIC {
        return vec![want(PUBLIC, Some(Via::InternetGateway(Ref::to(MAIN))), subnets(PUBLIC, scope))];
    }
    let nat = nat_zones(network, scope);
    let table = |zone: &String| {
        let way_out = nat.iter().find(|with| *with == zone).or(nat.first());
        let way_out = way_out.filter(|_| !network.isolated.contains(group));
        let via = way_out.map(|zone| Via::NatGateway(Ref::to(letter(zone))));
        let name = subnet(group, zone);
        want(&name, via, BTreeSet::from([Ref::to(&name)]))
    };
    scope.zones.iter().map(table).collect()
}
