//! The `route-table` kind: the table, its routes and the subnets that follow it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use aws_sdk_ec2::types::{self, Filter, ResourceType, RouteOrigin, RouteState, RouteTableAssociationStateCode};
use engine::{Changed, Error, Flaw, Found, Impact, Kind, Labels, Phase, Query, Ref, Result, Risk, Timing};
use futures::future::try_join_all;
use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{InternetGateway, NatGateway, Subnet, Vpc};
use crate::{Already, Aws, Call, Deleted, Required, cidr, tags};

/// Where traffic that leaves its subnets goes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    /// The network it is part of.
    pub vpc: Ref<Vpc>,
    /// Its routes, besides the one inside the network that every table has; none unless set.
    #[serde(default)]
    pub routes: BTreeSet<Route>,
    /// The subnets that follow it; none unless set. A subnet follows one table.
    #[serde(default)]
    pub subnets: BTreeSet<Ref<Subnet>>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The addresses it is for.
    pub to: Destination,
    /// Where they are sent.
    pub via: Via,
}

/// The addresses a route is for: a range, or a prefix list by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// An IPv4 or IPv6 range.
    Range(IpNet),
    /// A prefix list, `pl-…`.
    PrefixList(String),
}

/// Where a route sends traffic. What terrace does not make is named by its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// The internet, both ways.
    InternetGateway(Ref<InternetGateway>),
    /// The internet, outwards.
    NatGateway(Ref<NatGateway>),
    /// A transit gateway, `tgw-…`.
    TransitGateway(#[schemars(regex(pattern = "^tgw-[0-9a-f]+$"))] String),
    /// A peering connection, `pcx-…`.
    Peering(#[schemars(regex(pattern = "^pcx-[0-9a-f]+$"))] String),
    /// A virtual private gateway, `vgw-…`.
    VirtualPrivateGateway(#[schemars(regex(pattern = "^vgw-[0-9a-f]+$"))] String),
    /// An egress-only internet gateway for IPv6, `eigw-…`.
    EgressOnlyInternetGateway(#[schemars(regex(pattern = "^eigw-[0-9a-f]+$"))] String),
    /// A network interface, such as a firewall appliance's, `eni-…`.
    NetworkInterface(#[schemars(regex(pattern = "^eni-[0-9a-f]+$"))] String),
    /// A gateway load balancer's or a network firewall's endpoint, `vpce-…`.
    FirewallEndpoint(#[schemars(regex(pattern = "^vpce-[0-9a-f]+$"))] String),
}

/// What other resources may read from a live table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The table's id.
    pub id: String,
}

impl Kind for RouteTable {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "route-table";
    const FIXED: &'static [&'static str] = &["vpc"];

    fn example() -> Self {
        Self {
            vpc: Ref::to("main"),
            routes: BTreeSet::from([Route::default(Via::NatGateway(Ref::to("a")))]),
            subnets: BTreeSet::from([Ref::to("web-a")]),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        let inner = Route {
            to: Destination::Range("192.168.0.0/16".parse().expect("a range")),
            via: Via::NatGateway(Ref::to("a")),
        };
        vec![
            Self { routes: example.routes.iter().cloned().chain([inner]).collect(), ..example.clone() },
            Self {
                routes: BTreeSet::from([Route::default(Via::InternetGateway(Ref::to("main")))]),
                ..example.clone()
            },
            Self { routes: BTreeSet::new(), ..example.clone() },
            Self { subnets: BTreeSet::from([Ref::to("web-a"), Ref::to("web-c")]), ..example.clone() },
            Self { subnets: BTreeSet::new(), ..example },
        ]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        let tables = describe(aws, tags::ec2::filter(which, "route-table-id")).await?;
        tables.iter().map(read).collect()
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let create = aws
            .ec2
            .create_route_table()
            .vpc_id(self.vpc.id()?)
            .client_token(&labels.token)
            .tag_specifications(tags::ec2::specification(ResourceType::RouteTable, labels));
        let created = create.send().await.call("CreateRouteTable")?;
        let id = created.route_table.and_then(|table| table.route_table_id).required("RouteTableId")?;
        // A table not known everywhere yet is left to the update.
        self.fill(aws, &id).await.deleted()?;
        Ok(id)
    }

    async fn update(&self, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
        let table = one(aws, id).await?;
        if changed.has("routes") {
            self.set_routes(aws, id, &table).await?;
        }
        if changed.has("subnets") {
            self.set_subnets(aws, id, &table).await?;
        }
        Ok(())
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        tags::ec2::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        let tables = describe(aws, tags::ec2::filter(Query::Ids(&[id.to_owned()]), "route-table-id")).await?;
        let associations = tables.iter().flat_map(followers).map(|(_, association)| association);
        try_join_all(associations.map(|association| disassociate(aws, association))).await?;
        aws.ec2.delete_route_table().route_table_id(id).send().await.call("DeleteRouteTable").deleted()
    }

    fn check(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, route) in self.routes.iter().enumerate() {
            let path = format!("routes.{index}.to");
            if let Destination::Range(range) = &route.to {
                flaws.extend(cidr::flaw(&path, *range));
            }
            if !seen.insert(&route.to) {
                flaws.push(Flaw::new(path, format!("`{}` has two routes", route.to)).hint("keep one of them"));
            }
        }
        flaws
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
        let open = |table: &Self| table.routes.iter().any(|route| matches!(route.via, Via::InternetGateway(_)));
        let mut impacts = Vec::new();
        if open(after) && !open(before) {
            impacts.push(Impact::new(Risk::Exposure, "its subnets can be reached from the internet"));
        }
        let kept: BTreeSet<_> = after.routes.iter().map(|route| &route.to).collect();
        for route in before.routes.iter().filter(|route| !kept.contains(&route.to)) {
            impacts.push(Impact::new(Risk::Downtime, format!("its subnets lose their way to {}", route.to)));
        }
        impacts
    }

    fn timing() -> Timing {
        Timing::seconds(3, 2, 3)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned() }
    }
}

impl Route {
    /// The route of everything that has no other: `0.0.0.0/0`.
    pub fn default(via: Via) -> Self {
        Self { to: Destination::Range("0.0.0.0/0".parse().expect("a range")), via }
    }
}

impl RouteTable {
    /// Routes first: a subnet must not follow a table that leads nowhere yet.
    async fn fill(&self, aws: &Aws, id: &str) -> Result<()> {
        if self.routes.is_empty() && self.subnets.is_empty() {
            return Ok(());
        }
        let table = one(aws, id).await?;
        self.set_routes(aws, id, &table).await?;
        self.set_subnets(aws, id, &table).await
    }

    async fn set_routes(&self, aws: &Aws, id: &str, table: &types::RouteTable) -> Result<()> {
        let live: BTreeMap<Destination, Option<Via>> = routes(table).collect();
        let put = self.routes.iter().filter_map(|route| match live.get(&route.to) {
            Some(via) if via.as_ref() == Some(&route.via) => None,
            known => Some(put(aws, id, route, known.is_some())),
        });
        try_join_all(put).await?;
        let kept: BTreeSet<_> = self.routes.iter().map(|route| &route.to).collect();
        let gone = live.keys().filter(|to| !kept.contains(to));
        try_join_all(gone.map(async |to: &Destination| {
            let delete = aws.ec2.delete_route().route_table_id(id);
            let delete = match to {
                Destination::Range(IpNet::V4(range)) => delete.destination_cidr_block(range.to_string()),
                Destination::Range(IpNet::V6(range)) => delete.destination_ipv6_cidr_block(range.to_string()),
                Destination::PrefixList(list) => delete.destination_prefix_list_id(list),
            };
            delete.send().await.call("DeleteRoute").deleted()
        }))
        .await
        .map(drop)
    }

    async fn set_subnets(&self, aws: &Aws, id: &str, table: &types::RouteTable) -> Result<()> {
        let live: BTreeMap<&str, &str> = followers(table).collect();
        let wanted = self.subnets.iter().map(Ref::id).collect::<Result<BTreeSet<&str>>>()?;
        let new: Vec<String> =
            wanted.iter().filter(|subnet| !live.contains_key(*subnet)).map(|subnet| (*subnet).to_owned()).collect();
        if !new.is_empty() {
            // A subnet that follows another table moves over in one step, without a moment on the main table.
            let filter = Filter::builder().name("association.subnet-id").set_values(Some(new.clone())).build();
            let others = describe(aws, filter).await?;
            let following: BTreeMap<&str, &str> = others.iter().flat_map(followers).collect();
            try_join_all(new.iter().map(|subnet| associate(aws, id, subnet, following.get(subnet.as_str()).copied())))
                .await?;
        }
        let gone = live.iter().filter(|(subnet, _)| !wanted.contains(*subnet));
        try_join_all(gone.map(|(_, association)| disassociate(aws, association))).await.map(drop)
    }
}

async fn describe(aws: &Aws, filter: Filter) -> Result<Vec<types::RouteTable>> {
    let describe = aws.ec2.describe_route_tables().filters(filter);
    describe.into_paginator().items().send().try_collect().await.call("DescribeRouteTables")
}

async fn one(aws: &Aws, id: &str) -> Result<types::RouteTable> {
    let tables = describe(aws, tags::ec2::filter(Query::Ids(&[id.to_owned()]), "route-table-id")).await?;
    tables.into_iter().next().ok_or(Error::NotFound)
}

/// Makes a route, or turns the one to the same destination, so that traffic always has a way.
async fn put(aws: &Aws, table: &str, route: &Route, known: bool) -> Result<()> {
    if !known {
        match create(aws, table, route).await {
            Err(Error::Service { code, .. }) if code == "RouteAlreadyExists" => {}
            done => return done,
        }
    }
    let replace = aws.ec2.replace_route().route_table_id(table);
    let replace = match &route.to {
        Destination::Range(IpNet::V4(range)) => replace.destination_cidr_block(range.to_string()),
        Destination::Range(IpNet::V6(range)) => replace.destination_ipv6_cidr_block(range.to_string()),
        Destination::PrefixList(list) => replace.destination_prefix_list_id(list),
    };
    let replace = match &route.via {
        Via::InternetGateway(gateway) => replace.gateway_id(gateway.id()?),
        Via::NatGateway(gateway) => replace.nat_gateway_id(gateway.id()?),
        Via::TransitGateway(id) => replace.transit_gateway_id(id),
        Via::Peering(id) => replace.vpc_peering_connection_id(id),
        Via::VirtualPrivateGateway(id) => replace.gateway_id(id),
        Via::EgressOnlyInternetGateway(id) => replace.egress_only_internet_gateway_id(id),
        Via::NetworkInterface(id) => replace.network_interface_id(id),
        Via::FirewallEndpoint(id) => replace.vpc_endpoint_id(id),
    };
    replace.send().await.call("ReplaceRoute").map(drop)
}

async fn create(aws: &Aws, table: &str, route: &Route) -> Result<()> {
    let create = aws.ec2.create_route().route_table_id(table);
    let create = match &route.to {
        Destination::Range(IpNet::V4(range)) => create.destination_cidr_block(range.to_string()),
        Destination::Range(IpNet::V6(range)) => create.destination_ipv6_cidr_block(range.to_string()),
        Destination::PrefixList(list) => create.destination_prefix_list_id(list),
    };
    let create = match &route.via {
        Via::InternetGateway(gateway) => create.gateway_id(gateway.id()?),
        Via::NatGateway(gateway) => create.nat_gateway_id(gateway.id()?),
        Via::TransitGateway(id) => create.transit_gateway_id(id),
        Via::Peering(id) => create.vpc_peering_connection_id(id),
        Via::VirtualPrivateGateway(id) => create.gateway_id(id),
        Via::EgressOnlyInternetGateway(id) => create.egress_only_internet_gateway_id(id),
        Via::NetworkInterface(id) => create.network_interface_id(id),
        Via::FirewallEndpoint(id) => create.vpc_endpoint_id(id),
    };
    create.send().await.call("CreateRoute").map(drop)
}

/// Lets a subnet follow a table; `following` is its association with another one.
async fn associate(aws: &Aws, table: &str, subnet: &str, following: Option<&str>) -> Result<()> {
    if let Some(association) = following {
        let replace = aws.ec2.replace_route_table_association().route_table_id(table).association_id(association);
        return replace.send().await.call("ReplaceRouteTableAssociation").map(drop);
    }
    let associate = aws.ec2.associate_route_table().route_table_id(table).subnet_id(subnet);
    associate.send().await.call("AssociateRouteTable").already(&["Resource.AlreadyAssociated"])
}

async fn disassociate(aws: &Aws, association: &str) -> Result<()> {
    aws.ec2.disassociate_route_table().association_id(association).send().await.call("DisassociateRouteTable").deleted()
}

/// The subnets that follow a table, each with the association's id.
fn followers(table: &types::RouteTable) -> impl Iterator<Item = (&str, &str)> {
    let gone = |association: &&types::RouteTableAssociation| {
        let state = association.association_state().and_then(|state| state.state());
        !matches!(
            state,
            Some(RouteTableAssociationStateCode::Disassociating | RouteTableAssociationStateCode::Disassociated)
        )
    };
    let associations = table.associations().iter().filter(gone);
    associations.filter_map(|association| Some((association.subnet_id()?, association.route_table_association_id()?)))
}

/// The routes somebody made by hand or by a tool. The network's own route, propagated ones and the ones a gateway
/// endpoint adds are not among them; a route to what no longer exists has no `Via`.
fn routes(table: &types::RouteTable) -> impl Iterator<Item = (Destination, Option<Via>)> {
    let made = |route: &&types::Route| {
        !matches!(route.origin(), Some(RouteOrigin::CreateRouteTable | RouteOrigin::EnableVgwRoutePropagation))
            && route.gateway_id() != Some("local")
            && !(route.destination_prefix_list_id().is_some()
                && route.gateway_id().is_some_and(|id| id.starts_with("vpce-")))
    };
    table.routes().iter().filter(made).filter_map(|route| Some((destination(route)?, via(route))))
}

fn destination(route: &types::Route) -> Option<Destination> {
    let range = route.destination_cidr_block().or(route.destination_ipv6_cidr_block());
    range.or(route.destination_prefix_list_id())?.parse().ok()
}

fn via(route: &types::Route) -> Option<Via> {
    if let Some(id) = route.nat_gateway_id() {
        return Some(Via::NatGateway(Ref::live(id)));
    }
    let others = route
        .transit_gateway_id()
        .or(route.vpc_peering_connection_id())
        .or(route.egress_only_internet_gateway_id())
        .or(route.network_interface_id());
    let id = route.gateway_id().or(others)?;
    let (prefix, _) = id.split_once('-')?;
    Some(match prefix {
        "igw" => Via::InternetGateway(Ref::live(id)),
        "vgw" => Via::VirtualPrivateGateway(id.to_owned()),
        "vpce" => Via::FirewallEndpoint(id.to_owned()),
        "tgw" => Via::TransitGateway(id.to_owned()),
        "pcx" => Via::Peering(id.to_owned()),
        "eigw" => Via::EgressOnlyInternetGateway(id.to_owned()),
        "eni" => Via::NetworkInterface(id.to_owned()),
        _ => return None,
    })
}

fn read(table: &types::RouteTable) -> Result<Found<RouteTable>> {
    let id = table.route_table_id().required("RouteTableId")?;
    let blackholes = table.routes().iter().filter(|route| route.state() == Some(&RouteState::Blackhole));
    let blackholes: Vec<String> = blackholes.filter_map(destination).map(|to| to.to_string()).collect();
    Ok(Found {
        id: id.to_owned(),
        tags: tags::ec2::read(table.tags()),
        properties: RouteTable {
            vpc: Ref::live(table.vpc_id().required("VpcId")?),
            routes: routes(table).filter_map(|(to, via)| Some(Route { to, via: via? })).collect(),
            subnets: followers(table).map(|(subnet, _)| Ref::live(subnet)).collect(),
        },
        outputs: Outputs { id: id.to_owned() },
        phase: Phase::Ready,
        note: (!blackholes.is_empty()).then(|| format!("traffic to {} is dropped: its target is gone", blackholes.join(", "))),
    })
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => range.fmt(f),
            Self::PrefixList(list) => list.fmt(f),
        }
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text.starts_with("pl-") {
            return Ok(Self::PrefixList(text.to_owned()));
        }
        text.parse().map(Self::Range).map_err(|_| format!("`{text}` is neither a range nor a prefix list's id"))
    }
}

impl Serialize for Destination {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Destination {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Destination".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An IPv4 or IPv6 range, or a prefix list's id.",
            "type": "string",
            "anyOf": [{ "format": "cidr" }, { "pattern": "^pl-[0-9a-f]+$" }],
        })
    }
}
