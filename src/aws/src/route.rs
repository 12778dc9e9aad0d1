//! Routes: where a table sends what is for a range, in a blueprint's words and in AWS's.

use std::fmt;
use std::str::FromStr;

use aws_sdk_ec2::types::{self, RouteOrigin};
use engine::{Error, Ref, Result};
use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::kinds::{InternetGateway, NatGateway};
use crate::{Aws, Call, Deleted};

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

impl Route {
    /// The route of everything that has no other: `0.0.0.0/0`.
    pub fn default(via: Via) -> Self {
        Self { to: Destination::Range("0.0.0.0/0".parse().expect("a range")), via }
    }
}

/// Makes a route, or turns the one to the same destination, so that traffic always has a way.
pub(crate) async fn put(aws: &Aws, table: &str, route: &Route, known: bool) -> Result<()> {
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

/// Takes a route away.
pub(crate) async fn remove(aws: &Aws, table: &str, to: &Destination) -> Result<()> {
    let delete = aws.ec2.delete_route().route_table_id(table);
    let delete = match to {
        Destination::Range(IpNet::V4(range)) => delete.destination_cidr_block(range.to_string()),
        Destination::Range(IpNet::V6(range)) => delete.destination_ipv6_cidr_block(range.to_string()),
        Destination::PrefixList(list) => delete.destination_prefix_list_id(list),
    };
    delete.send().await.call("DeleteRoute").deleted()
}

/// The routes somebody made by hand or by a tool. The network's own route, propagated ones and the ones a gateway
/// endpoint adds are not among them; a route to what no longer exists has no `Via`.
pub(crate) fn made(table: &types::RouteTable) -> impl Iterator<Item = (Destination, Option<Via>)> {
    let by_hand = |route: &&types::Route| {
        !matches!(route.origin(), Some(RouteOrigin::CreateRouteTable | RouteOrigin::EnableVgwRoutePropagation))
            && route.gateway_id() != Some("local")
            && !(route.destination_prefix_list_id().is_some()
                && route.gateway_id().is_some_and(|id| id.starts_with("vpce-")))
    };
    table.routes().iter().filter(by_hand).filter_map(|route| Some((destination(route)?, via(route))))
}

pub(crate) fn destination(route: &types::Route) -> Option<Destination> {
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
