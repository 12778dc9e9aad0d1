//! Rules survive AWS's way of writing them.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn peers() -> impl Strategy<Value = Peer> {
    let v4 = (any::<u32>(), 0..=32_u8).prop_map(|(address, length)| {
        Peer::Cidr(IpNet::V4(ipnet::Ipv4Net::new(address.into(), length).expect("a length").trunc()))
    });
    let v6 = (any::<u128>(), 0..=128_u8).prop_map(|(address, length)| {
        Peer::Cidr(IpNet::V6(ipnet::Ipv6Net::new(address.into(), length).expect("a length").trunc()))
    });
    let group = "sg-[0-9a-f]{8}".prop_map(|id| Peer::SecurityGroup(Ref::live(&id)));
    let list = "pl-[0-9a-f]{8}".prop_map(Peer::PrefixList);
    prop_oneof![v4, v6, group, list, Just(Peer::Itself)]
}

fn rules() -> impl Strategy<Value = Rule> {
    let ports =
        (any::<u16>(), any::<u16>()).prop_map(|(one, other)| Ports { first: one.min(other), last: one.max(other) });
    let ports = prop_oneof![Just(None), ports.prop_filter("not all", |ports| *ports != Ports::ALL).prop_map(Some)];
    let icmp = prop::option::of((any::<u8>(), prop::option::of(any::<u8>())));
    let icmp = icmp.prop_map(|icmp| icmp.map(|(number, code)| Icmp { number, code }));
    let number = (2..=255_u8).prop_filter("not one with a name", |number| ![6, 17, 58].contains(number));
    let protocol = prop_oneof![
        Just(Protocol::All),
        Just(Protocol::Tcp),
        Just(Protocol::Udp),
        Just(Protocol::Icmp),
        Just(Protocol::Icmpv6),
        number.prop_map(Protocol::Number),
    ];
    (protocol, ports, icmp, peers(), prop::option::of("[a-z ]{1,20}")).prop_map(
        |(protocol, ports, icmp, peer, description)| Rule {
            protocol,
            ports: ports.filter(|_| matches!(protocol, Protocol::Tcp | Protocol::Udp)),
            icmp: icmp.filter(|_| matches!(protocol, Protocol::Icmp | Protocol::Icmpv6)),
            peer,
            description,
        },
    )
}

proptest! {
    #[test]
    fn what_is_sent_to_aws_reads_back_the_same(rules in prop::collection::btree_set(rules(), 0..12)) {
        let sent = permissions("sg-own", rules.iter()).expect("every reference is live");
        prop_assert_eq!(read("sg-own", &sent), Ok(rules));
    }

    #[test]
    fn a_blueprint_reads_back_the_same(rule in rules()) {
        let written = serde_json::to_value(&rule).expect("JSON");
        prop_assert_eq!(serde_json::from_value::<Rule>(written).expect("a rule"), rule);
    }
}

#[test]
fn ports_are_numbers_texts_or_ranges() {
    let ports = |value: serde_json::Value| serde_json::from_value::<Ports>(value).map_err(|error| error.to_string());
    assert_eq!(ports(json!(443)), Ok(Ports { first: 443, last: 443 }));
    assert_eq!(ports(json!("443")), ports(json!(443)));
    assert_eq!(ports(json!("8000-8100")), Ok(Ports { first: 8000, last: 8100 }));
    for wrong in [json!("https"), json!(70_000), json!(-1), json!("1-2-3"), json!(null)] {
        let told = ports(wrong.clone()).expect_err("it is no port");
        assert!(told.ends_with("is not a port (0 to 65535) or a range such as `8000-8100`"), "{wrong}: {told}");
    }
}

#[test]
fn rules_of_the_same_ports_go_in_one_permission() {
    let peer = |range: &str| Peer::Cidr(range.parse().expect("a range"));
    let rules =
        [Rule::tcp(443, peer("10.0.0.0/8")), Rule::tcp(443, peer("192.168.0.0/16")), Rule::tcp(80, Peer::Itself)];
    let sent = permissions("sg-own", rules.iter()).expect("every reference is live");
    let ports: Vec<_> = sent.iter().map(|permission| (permission.from_port(), permission.ip_ranges().len())).collect();
    assert_eq!(ports, [(Some(80), 0), (Some(443), 2)]);
}
