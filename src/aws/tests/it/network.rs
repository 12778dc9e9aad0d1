//! What the network kinds promise beyond the contract of every kind.

use engine::apply::{Job, apply};
use engine::plan::{Origin, Verb};
use engine::simulator::{Settings, Simulator};
use engine::{Address, Owner, Resource, Tags};
use serde_json::{Value, json};

use crate::stand::Stand;
use crate::world::{Process, SCALE, account, pace};

fn resource(address: &str, properties: Value) -> Resource {
    let address: Address = address.parse().unwrap();
    let kind = aws::kinds::INFOS.iter().find(|kind| kind.name == address.kind()).unwrap();
    let properties = (kind.canonical)(properties).unwrap();
    Resource { address, component: "resources".to_owned(), properties, tags: Tags::new() }
}

fn vpc() -> Resource {
    resource("vpc/main", json!({ "cidr": "10.0.0.0/16" }))
}

fn stand(kind: &str) -> Stand {
    Stand::of(aws::kinds::INFOS.iter().find(|info| info.name == kind).unwrap())
}

#[tokio::test]
async fn a_gateway_endpoint_joins_and_leaves_route_tables_and_they_do_not_mind() {
    let table = |name: &str| resource(name, json!({ "vpc": "main" }));
    let wanted = |tables: Value| {
        let endpoint = json!({ "vpc": "main", "service": "s3", "type": "gateway", "route_tables": tables });
        [vpc(), table("route-table/a"), table("route-table/c"), resource("vpc-endpoint/s3", endpoint)]
    };
    let account = account();
    let process = Process::new(&account, &wanted(json!([])));
    process.apply(&wanted(json!(["a"]))).await;
    for tables in [json!(["a", "c"]), json!(["c"]), json!([]), json!(["a"])] {
        let (plan, _) = process.plan(&wanted(tables.clone())).await;
        let told: Vec<_> = plan.changes.iter().map(|change| (change.address.to_string(), change.verb)).collect();
        assert_eq!(told, [("vpc-endpoint/s3".to_owned(), Verb::Update)], "{tables}");
        let fields: Vec<_> =
            plan.changes[0].fields.iter().map(|field| (field.change.path.as_str(), field.origin)).collect();
        assert_eq!(fields, [("route_tables", Origin::Blueprint)]);
        process.apply(&wanted(tables)).await;
    }
    process.apply(&[]).await;
    assert!(account.inventory().is_empty());
}

#[tokio::test]
async fn a_range_somebody_else_holds_is_not_taken_over() {
    let account = account();
    let subnet =
        |vpc: Value| resource("subnet/a", json!({ "vpc": vpc, "cidr": "10.0.0.0/24", "zone": "ap-northeast-2a" }));
    let ours = [vpc(), subnet("main".into())];
    let process = Process::new(&account, &ours);
    let inventory = process.apply(&[vpc()]).await;
    let network = json!({ "$id": inventory.get(&"vpc/main".parse().unwrap()).unwrap().id });
    let stranger = Process::owned(&account, &ours, Owner::new("shop", "prod"));
    stranger.apply(&[subnet(network)]).await;

    let (plan, inventory) = process.plan(&ours).await;
    let (outcome, told) = process.run(&plan, inventory).await;
    assert_eq!(outcome.tally.failed, 1);
    let told = format!("{told:?}");
    assert!(told.contains("exists and belongs to `subnet/a` of `shop/prod`"), "{told}");
    assert_eq!(account.inventory()["subnet"].len(), 1);
}

#[tokio::test]
async fn a_broken_nat_gateway_is_told_and_replaced() {
    let stand = stand("nat-gateway");
    let without: Vec<Resource> =
        stand.whole().into_iter().filter(|resource| resource.address.kind() != "internet-gateway").collect();
    let account = account();
    let process = Process::new(&account, &stand.whole());
    let (plan, inventory) = process.plan(&without).await;
    let (outcome, told) = process.run(&plan, inventory).await;
    assert_eq!(outcome.tally.failed, 1);
    assert!(format!("{told:?}").contains("has no Internet gateway attached"), "{told:?}");

    let inventory = process.apply(&stand.whole()).await;
    assert_eq!(inventory.get(&stand.subject.address).unwrap().phase, engine::Phase::Ready);
    assert_eq!(account.inventory()["nat-gateway"].len(), 1);
}

/// A network, a subnet in it, and tables with or without the subnet.
fn tables(tables: &[(&str, bool)]) -> Vec<Resource> {
    let subnet = resource("subnet/a", json!({ "vpc": "main", "cidr": "10.0.0.0/24", "zone": "ap-northeast-2a" }));
    let table = |(name, holds): &(&str, bool)| {
        let subnets: &[&str] = if *holds { &["a"] } else { &[] };
        resource(&format!("route-table/{name}"), json!({ "vpc": "main", "subnets": subnets }))
    };
    [vpc(), subnet].into_iter().chain(tables.iter().map(table)).collect()
}

#[tokio::test]
async fn a_subnet_leaves_a_table_for_another_in_one_step() {
    let account = account();
    let process = Process::new(&account, &tables(&[("a", true)]));
    let inventory = process.apply(&tables(&[])).await;
    let other = Process::owned(&account, &tables(&[("a", true)]), Owner::new("shop", "prod"));
    let theirs: Vec<Resource> = tables(&[("a", true)]).pop().into_iter().collect();
    let theirs =
        theirs.into_iter().map(|table| Resource { properties: inventory.resolved(&table.properties), ..table });
    other.apply(&theirs.collect::<Vec<_>>()).await;

    process.wire.forget();
    process.apply(&tables(&[("b", true)])).await;
    let counts = process.wire.counts();
    let count = |operation: &str| counts.get(&format!("ec2.{operation}")).copied().unwrap_or_default();
    let moves = ["ReplaceRouteTableAssociation", "AssociateRouteTable", "DisassociateRouteTable"].map(count);
    assert_eq!(moves, [1, 0, 0], "{counts:?}");
}

#[tokio::test]
async fn two_tables_swap_a_subnet_at_the_same_time() {
    let process = Process::new(&account(), &tables(&[("a", true)]));
    for turn in 0..6 {
        process.apply(&tables(&[("a", turn % 2 == 0), ("b", turn % 2 == 1)])).await;
    }
    process.apply(&tables(&[("c", true)])).await;
}

#[tokio::test]
async fn a_route_turns_without_a_gap_and_rules_are_allowed_before_others_are_forbidden() {
    for (kind, order) in [
        ("route-table", &["ec2.ReplaceRoute"][..]),
        ("security-group", &["ec2.AuthorizeSecurityGroupIngress", "ec2.RevokeSecurityGroupIngress"]),
    ] {
        let stand = stand(kind);
        let account = account();
        let process = Process::new(&account, &stand.whole());
        process.apply(&stand.whole()).await;
        // Of a route table: the default route to another gateway. Of a group: other rules altogether.
        let variant = stand.variants().into_iter().nth(if kind == "route-table" { 1 } else { 0 }).unwrap().1;
        let before = account.calls().len();
        process.apply(&stand.with(variant)).await;
        let writes: Vec<String> = account.calls().split_off(before);
        let reads = ["ec2.Describe", "ec2.CreateTags"];
        let writes: Vec<&str> =
            writes.iter().map(String::as_str).filter(|call| !reads.iter().any(|read| call.starts_with(read))).collect();
        assert_eq!(writes, order);
    }
}

#[tokio::test]
async fn a_gateway_somebody_detached_is_replaced_and_routes_follow() {
    let wanted = [
        vpc(),
        resource("internet-gateway/main", json!({ "vpc": "main" })),
        resource(
            "route-table/public",
            json!({ "vpc": "main", "routes": [{ "to": "0.0.0.0/0", "via": { "internet-gateway": "main" } }] }),
        ),
    ];
    let account = account();
    let process = Process::new(&account, &wanted);
    let inventory = process.apply(&wanted).await;
    let id = |address: &str| inventory.get(&address.parse().unwrap()).unwrap().id.clone();
    let detach = process.ec2.detach_internet_gateway().internet_gateway_id(id("internet-gateway/main"));
    detach.vpc_id(id("vpc/main")).send().await.unwrap();

    let (plan, inventory) = process.plan(&wanted).await;
    assert!(plan.changes.iter().any(|change| change.address.kind() == "internet-gateway"), "{:#?}", plan.changes);
    let (outcome, told) = process.run(&plan, inventory).await;
    assert!(outcome.tally.complete(), "{told:#?}");
    let inventory = process.apply(&wanted).await;
    let table = inventory.get(&"route-table/public".parse().unwrap()).unwrap();
    assert!(table.note.is_none(), "{table:?}");
    assert_eq!(account.inventory()["internet-gateway"].len(), 1);
}

#[tokio::test]
async fn private_nat_gateways_share_no_address() {
    let subnet = resource("subnet/a", json!({ "vpc": "main", "cidr": "10.0.0.0/24", "zone": "ap-northeast-2a" }));
    let nat = |name: &str| resource(name, json!({ "subnet": "a", "connectivity": "private" }));
    let wanted = [vpc(), subnet, nat("nat-gateway/one"), nat("nat-gateway/two")];
    let account = account();
    Process::new(&account, &wanted).apply(&wanted).await;
    assert_eq!(account.inventory()["nat-gateway"].len(), 2);

    let settings = Settings { scale: SCALE, ..Settings::default() };
    let cloud = Simulator::in_memory(aws::kinds::INFOS, settings);
    let graph = engine::Graph::new(wanted);
    let inventory = engine::discover(&cloud, &Owner::new("shop", "test")).await.unwrap();
    let plan = engine::plan(&graph, &inventory, aws::kinds::INFOS);
    let job = Job {
        owner: &Owner::new("shop", "test"),
        provider: &cloud,
        pace: pace(),
        width: 8,
        stop: &|| false,
        fence: &|| true,
    };
    let mut told = Vec::new();
    let outcome = apply(&plan, inventory, &job, |event| told.push(event)).await;
    assert!(outcome.tally.complete(), "{told:#?}");
}
