//! What a change risks is told for what it is.

use engine::{KindInfo, Risk};
use serde_json::{Value, json};

fn kind(name: &str) -> &'static KindInfo {
    aws::kinds::INFOS.iter().find(|kind| kind.name == name).unwrap()
}

fn impacts(name: &str, before: Option<Value>, after: Option<Value>) -> Vec<(Risk, String)> {
    let kind = kind(name);
    let read = |value: Option<Value>| value.map(|value| (kind.canonical)(value).unwrap());
    let told = (kind.impact)(read(before).as_ref(), read(after).as_ref());
    told.into_iter().map(|impact| (impact.risk, impact.effect)).collect()
}

fn group(ingress: Value) -> Value {
    json!({ "vpc": "main", "ingress": ingress })
}

#[test]
fn a_door_opened_to_the_internet_is_exposure() {
    let tcp = |port: u16, range: &str| json!({ "protocol": "tcp", "ports": port, "peer": { "cidr": range } });
    let open = |effect: &str| vec![(Risk::Exposure, effect.to_owned())];
    let made = impacts("security-group", None, Some(group(json!([tcp(443, "0.0.0.0/0"), tcp(80, "10.0.0.0/8")]))));
    assert_eq!(made, open("everybody (0.0.0.0/0) may reach tcp 443"));
    let before = Some(group(json!([tcp(80, "10.0.0.0/8")])));
    let after = |rule: Value| Some(group(json!([tcp(80, "10.0.0.0/8"), rule])));
    let ipv6 = impacts("security-group", before.clone(), after(tcp(22, "::/0")));
    assert_eq!(ipv6, open("everybody (::/0) may reach tcp 22"));
    let inner = json!({ "protocol": "all", "peer": { "security-group": "web" } });
    assert_eq!(
        impacts("security-group", before.clone(), after(inner)),
        open("security-group/web may reach every port")
    );
    assert_eq!(impacts("security-group", before.clone(), Some(group(json!([])))), [], "closing exposes nothing");
    let mut described = tcp(80, "10.0.0.0/8");
    described["description"] = "the office".into();
    assert_eq!(impacts("security-group", before, Some(group(json!([described])))), []);
}

#[test]
fn a_way_that_goes_away_is_downtime() {
    let risks = |name: &str, before: Value, after: Option<Value>| -> Vec<Risk> {
        impacts(name, Some(before), after).into_iter().map(|(risk, _)| risk).collect()
    };
    let gateway = |subnet: &str| json!({ "subnet": subnet, "address": "a" });
    assert_eq!(risks("nat-gateway", gateway("a"), Some(gateway("c"))), [Risk::Downtime]);
    assert_eq!(risks("nat-gateway", gateway("a"), None), [Risk::Downtime]);
    assert_eq!(risks("nat-gateway", gateway("a"), Some(gateway("a"))), []);
    let table = |via: Value| {
        let routes: Vec<Value> =
            via.as_object().map(|_| json!({ "to": "0.0.0.0/0", "via": via })).into_iter().collect();
        json!({ "vpc": "main", "routes": routes })
    };
    let (nat, internet) = (table(json!({ "nat-gateway": "a" })), table(json!({ "internet-gateway": "main" })));
    assert_eq!(risks("route-table", nat.clone(), Some(table(Value::Null))), [Risk::Downtime]);
    assert_eq!(risks("route-table", nat.clone(), Some(internet.clone())), [Risk::Exposure]);
    assert_eq!(risks("route-table", internet, Some(nat)), []);
}

#[test]
fn mistakes_across_properties_are_told_with_a_way_out() {
    let flaws = |name: &str, value: Value| -> Vec<String> {
        let kind = kind(name);
        let flaws = (kind.check)(&(kind.canonical)(value).unwrap());
        flaws
            .into_iter()
            .map(|flaw| format!("{}: {} ({})", flaw.path, flaw.message, flaw.hint.unwrap_or_default()))
            .collect()
    };
    assert_eq!(
        flaws("nat-gateway", json!({ "subnet": "a" })),
        ["address: a public gateway needs an address (name an `elastic-ip`)"]
    );
    assert_eq!(
        flaws("subnet", json!({ "vpc": "main", "cidr": "10.0.0.1/29", "zone": "ap-northeast-2a" })),
        [
            "cidr: `10.0.0.1/29` has address bits beyond its prefix (write `10.0.0.0/29`)",
            "cidr: `10.0.0.1/29` is not between /16 and /28 ()"
        ]
    );
    assert_eq!(
        flaws("vpc-endpoint", json!({ "vpc": "main", "service": "ssm", "type": "gateway", "subnets": ["a"] })),
        [
            "subnets: is for interface endpoints alone (remove `subnets`)",
            "type: `ssm` has no gateway endpoint (only `s3` and `dynamodb` do; use `interface`)"
        ]
    );
    let rule = |ports: Value| json!([{ "protocol": "tcp", "ports": ports, "peer": "self" }]);
    assert_eq!(
        flaws("security-group", group(rule(json!("9000-8000")))),
        ["ingress.0.ports: `9000-8000` runs backwards (write `8000-9000`)"]
    );
    assert_eq!(
        flaws("security-group", group(rule(json!("0-65535")))),
        ["ingress.0.ports: these are all the ports there are (remove `ports`)"]
    );
}
