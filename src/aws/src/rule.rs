//! Security group rules in one canonical form: one rule is one protocol, one range of ports and one peer.
//!
//! AWS merges rules of the same ports into one permission and splits them again as it likes; a set of these compares
//! equal whatever way it was written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};
use engine::{Error, Flaw, Ref, Result};
use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::cidr;
use crate::kinds::SecurityGroup;

/// Traffic a security group allows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The protocol.
    pub protocol: Protocol,
    /// The port or range of ports, TCP and UDP alone; every one unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<Ports>,
    /// The type of message, ICMP alone; every one unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp: Option<Icmp>,
    /// Who it comes from, or goes to.
    pub peer: Peer,
    /// What it is for; nothing unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]+$"))]
    pub description: Option<String>,
}

/// A protocol a rule allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Every protocol, on every port.
    All,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP for IPv4.
    Icmp,
    /// ICMP for IPv6.
    Icmpv6,
    /// Another one, by its number, such as 50 for ESP.
    Number(u8),
}

/// A port, or a range of ports: `443` or `8000-8100`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ports {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// A type of ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Icmp {
    /// The type's number, such as 8 for an echo request.
    #[serde(rename = "type")]
    pub number: u8,
    /// The code; every one unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u8>,
}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// A range of IPv4 or IPv6 addresses.
    Cidr(#[schemars(with = "String", extend("format" = "cidr"))] IpNet),
    /// Everything in another security group.
    SecurityGroup(Ref<SecurityGroup>),
    /// Everything in the same security group.
    #[serde(rename = "self")]
    Itself,
    /// The ranges of a prefix list, by id.
    PrefixList(#[schemars(regex(pattern = "^pl-[0-9a-f]+$"))] String),
}

/// What makes two rules the same to AWS: everything but the description.
pub(crate) type Key = (Protocol, Option<Ports>, Option<Icmp>, Peer);

impl Rule {
    /// TCP to one port.
    pub fn tcp(port: u16, peer: Peer) -> Self {
        Self::tcp_range(port, port, peer)
    }

    /// TCP to a range of ports.
    pub fn tcp_range(first: u16, last: u16, peer: Peer) -> Self {
        Self { ports: Some(Ports { first, last }), ..Self::of(Protocol::Tcp, peer) }
    }

    /// IPv4 echo requests.
    pub fn ping(peer: Peer) -> Self {
        Self { icmp: Some(Icmp { number: 8, code: None }), ..Self::of(Protocol::Icmp, peer) }
    }

    /// Every protocol and port.
    pub fn everything(peer: Peer) -> Self {
        Self::of(Protocol::All, peer)
    }

    fn of(protocol: Protocol, peer: Peer) -> Self {
        Self { protocol, ports: None, icmp: None, peer, description: None }
    }

    /// Says what the rule is for.
    #[must_use]
    pub fn described(mut self, description: &str) -> Self {
        self.description = Some(description.to_owned());
        self
    }

    pub(crate) fn key(&self) -> Key {
        (self.protocol, self.ports, self.icmp, self.peer.clone())
    }

    /// The protocol and ports in words: `tcp 443`.
    pub(crate) fn ports(&self) -> String {
        let protocol = match self.protocol {
            Protocol::All => return "every port".to_owned(),
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Icmp => "icmp",
            Protocol::Icmpv6 => "icmpv6",
            Protocol::Number(number) => return format!("protocol {number}"),
        };
        match (self.ports, self.icmp) {
            (Some(ports), _) => format!("{protocol} {ports}"),
            (None, Some(icmp)) => format!("{protocol} type {}", icmp.number),
            (None, None) => format!("every {protocol} port").replace("icmp port", "icmp type"),
        }
    }

    /// The first and last port in AWS's words.
    fn span(&self) -> (Option<i32>, Option<i32>) {
        match self.protocol {
            Protocol::All | Protocol::Number(_) => (None, None),
            Protocol::Tcp | Protocol::Udp => {
                let ports = self.ports.unwrap_or(Ports::ALL);
                (Some(ports.first.into()), Some(ports.last.into()))
            }
            Protocol::Icmp | Protocol::Icmpv6 => {
                let code = self.icmp.and_then(|icmp| icmp.code).map_or(-1, i32::from);
                (Some(self.icmp.map_or(-1, |icmp| icmp.number.into())), Some(code))
            }
        }
    }
}

impl Peer {
    /// Every IPv4 address.
    pub fn everywhere() -> Self {
        Self::Cidr("0.0.0.0/0".parse().expect("a range"))
    }

    /// Whether it is the whole internet.
    pub(crate) fn is_everybody(&self) -> bool {
        matches!(self, Self::Cidr(range) if range.prefix_len() == 0)
    }
}

/// The peer in words.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(range) if self.is_everybody() => write!(f, "everybody ({range})"),
            Self::Cidr(range) => range.fmt(f),
            Self::SecurityGroup(group) => group.fmt(f),
            Self::Itself => f.write_str("the group itself"),
            Self::PrefixList(list) => list.fmt(f),
        }
    }
}

/// What is wrong with a set of rules, at paths below `path`.
pub(crate) fn flaws(path: &str, rules: &BTreeSet<Rule>) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, rule) in rules.iter().enumerate() {
        let at = |field: &str| format!("{path}.{index}{field}");
        let ported = matches!(rule.protocol, Protocol::Tcp | Protocol::Udp);
        let icmp = matches!(rule.protocol, Protocol::Icmp | Protocol::Icmpv6);
        match rule.ports {
            Some(_) if !ported => {
                flaws.push(Flaw::new(at(".ports"), "only tcp and udp have ports").hint("remove `ports`"));
            }
            Some(Ports::ALL) => {
                flaws.push(Flaw::new(at(".ports"), "these are all the ports there are").hint("remove `ports`"));
            }
            Some(ports) if ports.first > ports.last => {
                let hint = format!("write `{}-{}`", ports.last, ports.first);
                flaws.push(Flaw::new(at(".ports"), format!("`{ports}` runs backwards")).hint(hint));
            }
            _ => {}
        }
        if rule.icmp.is_some() && !icmp {
            flaws.push(Flaw::new(at(".icmp"), "only icmp and icmpv6 have message types").hint("remove `icmp`"));
        }
        if let Peer::Cidr(range) = rule.peer {
            flaws.extend(cidr::flaw(&at(".peer.cidr"), range));
        }
        if !seen.insert(rule.key()) {
            let hint = "keep one of them: AWS tells rules apart by protocol, ports and peer";
            flaws.push(Flaw::new(at(""), "the same rule is there with another description").hint(hint));
        }
    }
    flaws
}

/// Rules as AWS takes them, for a group with the id `own`.
pub(crate) fn permissions<'a>(own: &str, rules: impl Iterator<Item = &'a Rule>) -> Result<Vec<IpPermission>> {
    let mut spans: BTreeMap<_, Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        spans.entry((rule.protocol, rule.span())).or_default().push(rule);
    }
    let permission = |((protocol, (first, last)), rules): (_, Vec<&Rule>)| {
        let protocol = match protocol {
            Protocol::All => "-1".to_owned(),
            Protocol::Tcp => "tcp".to_owned(),
            Protocol::Udp => "udp".to_owned(),
            Protocol::Icmp => "icmp".to_owned(),
            Protocol::Icmpv6 => "icmpv6".to_owned(),
            Protocol::Number(number) => number.to_string(),
        };
        let empty = IpPermission::builder().ip_protocol(protocol).set_from_port(first).set_to_port(last);
        let full = rules.into_iter().try_fold(empty, |permission, rule| {
            let text = rule.description.clone();
            Ok::<_, Error>(match &rule.peer {
                Peer::Cidr(IpNet::V4(range)) => {
                    permission.ip_ranges(IpRange::builder().cidr_ip(range.to_string()).set_description(text).build())
                }
                Peer::Cidr(IpNet::V6(range)) => permission
                    .ipv6_ranges(Ipv6Range::builder().cidr_ipv6(range.to_string()).set_description(text).build()),
                Peer::SecurityGroup(group) => permission.user_id_group_pairs(pair(group.id()?, text)),
                Peer::Itself => permission.user_id_group_pairs(pair(own, text)),
                Peer::PrefixList(list) => permission
                    .prefix_list_ids(PrefixListId::builder().prefix_list_id(list).set_description(text).build()),
            })
        })?;
        Ok(full.build())
    };
    spans.into_iter().map(permission).collect()
}

fn pair(group: &str, description: Option<String>) -> UserIdGroupPair {
    UserIdGroupPair::builder().group_id(group).set_description(description).build()
}

/// The rules of a live group with the id `own`.
pub(crate) fn read(own: &str, permissions: &[IpPermission]) -> Result<BTreeSet<Rule>> {
    let mut rules = BTreeSet::new();
    for permission in permissions {
        let span = span(permission)?;
        let mut add = |peer: Peer, description: Option<&str>| {
            let description = description.filter(|text| !text.is_empty()).map(str::to_owned);
            rules.insert(Rule { peer, description, ..span.clone() });
        };
        for range in permission.ip_ranges() {
            add(Peer::Cidr(cidr::read(range.cidr_ip().unwrap_or_default())?), range.description());
        }
        for range in permission.ipv6_ranges() {
            add(Peer::Cidr(cidr::read(range.cidr_ipv6().unwrap_or_default())?), range.description());
        }
        for pair in permission.user_id_group_pairs() {
            let group = pair.group_id().unwrap_or_default();
            add(if group == own { Peer::Itself } else { Peer::SecurityGroup(Ref::live(group)) }, pair.description());
        }
        for list in permission.prefix_list_ids() {
            add(Peer::PrefixList(list.prefix_list_id().unwrap_or_default().to_owned()), list.description());
        }
    }
    Ok(rules)
}

/// A permission's protocol and ports, with a peer to be filled in.
fn span(permission: &IpPermission) -> Result<Rule> {
    let protocol = match permission.ip_protocol().unwrap_or_default() {
        "-1" => Protocol::All,
        "tcp" | "6" => Protocol::Tcp,
        "udp" | "17" => Protocol::Udp,
        "icmp" | "1" => Protocol::Icmp,
        "icmpv6" | "58" => Protocol::Icmpv6,
        other => {
            let number = other.parse().map_err(|_| Error::Invalid(format!("AWS reports the protocol `{other}`")))?;
            Protocol::Number(number)
        }
    };
    let number = |value: i32| Error::Invalid(format!("AWS reports the port `{value}`"));
    let (first, last) = (permission.from_port(), permission.to_port());
    let mut rule = Rule::of(protocol, Peer::Itself);
    match (protocol, first, last) {
        (Protocol::Tcp | Protocol::Udp, Some(first), Some(last)) if first >= 0 => {
            let port = |value: i32| u16::try_from(value).map_err(|_| number(value));
            let ports = Ports { first: port(first)?, last: port(last)? };
            rule.ports = (ports != Ports::ALL).then_some(ports);
        }
        (Protocol::Icmp | Protocol::Icmpv6, Some(first), code) if first >= 0 => {
            let code = code.filter(|code| *code >= 0);
            let byte = |value: i32| u8::try_from(value).map_err(|_| number(value));
            rule.icmp = Some(Icmp { number: byte(first)?, code: code.map(byte).transpose()? });
        }
        _ => {}
    }
    Ok(rule)
}

impl Ports {
    /// Every port.
    pub const ALL: Self = Self { first: 0, last: u16::MAX };
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { self.first.fmt(f) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let port = |text: &str| text.trim().parse::<u16>().ok();
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (port(first), port(last)) {
            (Some(first), Some(last)) => Ok(Self { first, last }),
            _ => Err(format!("`{text}` is not a port (0 to 65535) or a range such as `8000-8100`")),
        }
    }
}

/// One port is written as a number.
impl Serialize for Ports {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if self.first == self.last { serializer.serialize_u16(self.first) } else { serializer.collect_str(self) }
    }
}

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            other => other.to_string(),
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Ports {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ports".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A port, or a range such as `8000-8100`.",
            "type": ["integer", "string"],
            "minimum": 0,
            "maximum": 65535,
            "pattern": "^[0-9]{1,5}(-[0-9]{1,5})?$",
        })
    }
}

#[cfg(test)]
mod tests;
