//! Plan, apply, plan again; change, replace, rename, delete.

use engine::plan::{Origin, Verb};
use engine::{Error, Phase, ReplaceOrder, Risk};
use serde_json::json;

use crate::toys::*;

#[tokio::test]
async fn creates_follow_references_and_the_next_plan_is_empty() {
    let cloud = quiet();
    let (outcome, told) = apply_on(&cloud, &stack(), instant()).await;
    assert!(outcome.tally.complete(), "{told:#?}");
    for (first, then) in [
        ("done net/main", "create lan/a"),
        ("done lan/a", "create fleet/web"),
        ("done image/web", "create fleet/web"),
        ("done gate/main", "create fleet/web"),
        ("done lan/a", "create disk/main"),
    ] {
        assert!(position(&told, first) < position(&told, then), "{first} comes after {then}: {told:#?}");
    }
    let (again, _) = plan_on(&cloud, &stack()).await;
    assert_eq!((again.steps.len(), again.unchanged), (0, 7));
    assert!(["net", "fleet"].iter().all(|kind| knows(&cloud, kind)));
}

#[tokio::test]
async fn deletes_run_backwards_and_leave_nothing() {
    let cloud = quiet();
    apply_on(&cloud, &stack(), instant()).await;
    let (outcome, told) = apply_on(&cloud, &[], instant()).await;
    assert!(outcome.tally.complete(), "{told:#?}");
    for (first, then) in [
        ("done fleet/web", "delete gate/main"),
        ("done fleet/web", "delete lan/b"),
        ("done disk/main", "delete lan/a"),
        ("done lan/a", "delete net/main"),
    ] {
        assert!(position(&told, first) < position(&told, then), "{first} comes after {then}: {told:#?}");
    }
    assert_eq!(cloud.contents(), []);
    assert!(outcome.inventory.is_empty());
}

#[tokio::test]
async fn an_output_that_an_update_renews_is_followed() {
    let cloud = quiet();
    apply_on(&cloud, &stack(), instant()).await;
    let mut wanted = stack();
    edit(&mut wanted, "image/web", "text", json!("two"));
    let (plan, inventory) = plan_on(&cloud, &wanted).await;
    let fields: Vec<_> = plan.changes.iter().flat_map(|change| &change.fields).collect();
    assert_eq!(
        fields.iter().map(|field| (field.change.path.as_str(), field.origin)).collect::<Vec<_>>(),
        [("text", Origin::Blueprint), ("version", Origin::Follows)]
    );
    assert_eq!(fields[1].change.after, json!({ "$ref": "image/web", "output": "version" }));
    let (outcome, _) = run(&cloud, &plan, inventory, instant()).await;
    let fleet = outcome.inventory.get(&"fleet/web".parse().unwrap()).unwrap();
    assert_eq!(fleet.properties["version"], json!(2));
    assert!(plan_on(&cloud, &wanted).await.0.is_empty());
}

#[tokio::test]
async fn a_replaced_network_takes_everything_in_it_along_and_the_old_one_goes_last() {
    let cloud = quiet();
    apply_on(&cloud, &stack(), instant()).await;
    let mut wanted = stack();
    edit(&mut wanted, "net/main", "cidr", json!("10.9.0.0/16"));
    let (plan, inventory) = plan_on(&cloud, &wanted).await;
    let verbs: Vec<String> =
        plan.changes.iter().map(|change| format!("{} {:?}", change.address, change.verb)).collect();
    assert_eq!(
        verbs,
        [
            "net/main Replace(CreateFirst)",
            "lan/a Replace(CreateFirst)",
            "disk/main Replace(DeleteFirst)",
            "lan/b Replace(CreateFirst)",
            "fleet/web Update",
            "gate/main Update",
        ]
    );
    let disk = plan.changes.iter().find(|change| change.address.kind() == "disk").unwrap();
    assert_eq!(disk.impacts.iter().map(|impact| impact.risk).collect::<Vec<_>>(), [Risk::DataLoss, Risk::Downtime]);
    let (outcome, told) = run(&cloud, &plan, inventory, instant()).await;
    assert!(outcome.tally.complete(), "{told:#?}");
    assert!(position(&told, "update fleet/web") < position(&told, "delete lan/b"), "{told:#?}");
    assert_eq!(told.last().unwrap(), "done net/main");
    assert_eq!(cloud.contents().len(), 7);
    assert!(plan_on(&cloud, &wanted).await.0.is_empty());
}

#[tokio::test]
async fn a_replacement_that_keeps_its_natural_key_makes_room_first() {
    let cloud = quiet();
    apply_on(&cloud, &stack(), instant()).await;
    let mut wanted = stack();
    wanted.retain(|resource| resource.address.name() != "b");
    edit(&mut wanted, "fleet/web", "lans", json!([{ "$ref": "lan/a" }, { "$ref": "lan/c" }]));
    wanted.push(resource("lan/c", json!({ "net": "main", "range": "10.0.2.0/24", "open": true })));
    let (plan, inventory) = plan_on(&cloud, &wanted).await;
    assert_eq!(plan.renames.len(), 1, "the range is the same: the resource is taken over");
    let (outcome, told) = run(&cloud, &plan, inventory, instant()).await;
    assert!(outcome.tally.complete(), "{told:#?}");
    assert_eq!(told, ["update lan/c", "done lan/c"]);
    assert_eq!(cloud.contents().len(), 7);
    assert!(plan_on(&cloud, &wanted).await.0.is_empty());
}

#[tokio::test]
async fn a_renamed_resource_is_only_given_another_address() {
    let cloud = quiet();
    apply_on(&cloud, &stack(), instant()).await;
    let mut wanted = stack();
    wanted.retain(|resource| resource.address.name() != "b");
    wanted.push(resource("lan/c", json!({ "net": "main", "range": "10.0.2.0/24", "open": false })));
    edit(&mut wanted, "fleet/web", "lans", json!([{ "$ref": "lan/a" }, { "$ref": "lan/c" }]));
    let (plan, inventory) = plan_on(&cloud, &wanted).await;
    assert_eq!(plan.changes.iter().map(|change| change.verb).collect::<Vec<_>>(), [Verb::Rename]);
    let (_, told) = run(&cloud, &plan, inventory, instant()).await;
    assert_eq!(told, ["update lan/c", "done lan/c"]);
    let (again, _) = plan_on(&cloud, &wanted).await;
    assert_eq!(again.changes, []);
}

#[tokio::test]
async fn drift_is_told_from_a_change_of_the_blueprint() {
    let cloud = quiet();
    let (outcome, _) = apply_on(&cloud, &stack(), instant()).await;
    let id = &outcome.inventory.get(&"fleet/web".parse().unwrap()).unwrap().id;
    cloud.tamper(id, |properties| properties["size"] = json!(9)).unwrap();
    let origin = async |wanted: &[engine::Resource]| plan_on(&cloud, wanted).await.0.changes[0].fields[0].origin;
    assert_eq!(origin(&stack()).await, Origin::Outside);
    let mut wanted = stack();
    edit(&mut wanted, "fleet/web", "size", json!(4));
    assert_eq!(origin(&wanted).await, Origin::Conflict);
    cloud.tamper(id, |properties| properties["size"] = json!(2)).unwrap();
    assert_eq!(origin(&wanted).await, Origin::Blueprint);
}

#[tokio::test]
async fn a_failed_step_skips_its_followers_and_the_rest_goes_on() {
    let cloud = quiet();
    let mut wanted = stack();
    // Two ranges collide: whichever comes second fails, and with it all that follows.
    edit(&mut wanted, "lan/b", "range", json!("10.0.1.0/24"));
    let (outcome, told) = apply_on(&cloud, &wanted, instant()).await;
    let skipped = told.iter().filter(|line| line.starts_with("skipped fleet/web because of lan/")).count();
    assert_eq!((outcome.tally.failed, skipped), (1, 1), "{told:#?}");
    assert_eq!(outcome.tally.done + outcome.tally.skipped, 6, "{told:#?}");
    assert!(told.iter().any(|line| line.starts_with("failed lan/") && line.contains("has the same net and range")));
    assert!(told.contains(&"done gate/main".to_owned()));
    edit(&mut wanted, "lan/b", "range", json!("10.0.2.0/24"));
    let (outcome, told) = apply_on(&cloud, &wanted, instant()).await;
    assert!(outcome.tally.complete(), "{told:#?}");
}

#[tokio::test]
async fn a_protected_resource_is_named_before_anything_is_done() {
    let cloud = quiet();
    let mut wanted = stack();
    edit(&mut wanted, "disk/main", "guarded", json!(true));
    apply_on(&cloud, &wanted, instant()).await;
    let (plan, _) = plan_on(&cloud, &[]).await;
    let protected: Vec<_> = plan.refused().map(|change| (change.address.to_string(), change.refused.clone())).collect();
    assert_eq!(protected, [("disk/main".to_owned(), Some("`guarded` is on".to_owned()))]);
}

#[tokio::test]
async fn a_resource_made_twice_is_reaped_and_its_address_keeps_the_used_one() {
    let cloud = quiet();
    let (outcome, _) = apply_on(&cloud, &stack(), instant()).await;
    let used = outcome.inventory.get(&"net/main".parse().unwrap()).unwrap().id.clone();
    // As after a create whose answer was lost and that was repeated.
    let net = stack().remove(0);
    let labels = engine::Labels {
        owner: owner(),
        address: net.address.clone(),
        spec: engine::Spec::of(&net.properties),
        tags: net.tags.clone(),
        token: "f".repeat(32),
        suffix: String::new(),
    };
    engine::Provider::create(&cloud, &net.properties, &labels).await.unwrap();
    let (plan, inventory) = plan_on(&cloud, &stack()).await;
    assert_eq!(plan.changes.iter().map(|change| change.verb).collect::<Vec<_>>(), [Verb::Reap]);
    assert_eq!(plan.changes[0].id.as_deref(), Some(used.as_str()));
    run(&cloud, &plan, inventory, instant()).await;
    assert!(plan_on(&cloud, &stack()).await.0.is_empty());
    assert_eq!(cloud.contents().len(), 7);
}

#[tokio::test]
async fn phases_pass_on_a_scaled_clock_and_outputs_come_last() {
    let settings = engine::simulator::Settings { scale: 0.0002, ..Default::default() };
    let cloud = engine::simulator::Simulator::in_memory(KINDS, settings);
    let pace = engine::apply::Pace { scale: 0.0002, ..Default::default() };
    let (plan, inventory) = plan_on(&cloud, &stack()).await;
    assert_eq!(plan.estimate().as_secs(), 2 + 1 + 600);
    let (outcome, told) = run(&cloud, &plan, inventory, pace).await;
    assert!(outcome.tally.complete(), "{told:#?}");
    let disk = outcome.inventory.get(&"disk/main".parse().unwrap()).unwrap();
    assert_eq!((&disk.phase, disk.outputs["host"].as_str()), (&Phase::Ready, Some(disk.id.as_str())));
}

#[tokio::test]
async fn what_a_person_deleted_is_made_again_under_a_new_token() {
    let cloud = quiet();
    let (outcome, _) = apply_on(&cloud, &stack(), instant()).await;
    let fleet = outcome.inventory.get(&"fleet/web".parse().unwrap()).unwrap();
    engine::Provider::delete(&cloud, &fleet.address, &fleet.id).await.unwrap();
    assert_eq!(engine::Provider::delete(&cloud, &fleet.address, &fleet.id).await, Err(Error::NotFound));
    let (outcome, told) = apply_on(&cloud, &stack(), instant()).await;
    assert!(outcome.tally.complete(), "{told:#?}");
    assert_ne!(outcome.inventory.get(&fleet.address).unwrap().id, fleet.id);
    assert_eq!(ReplaceOrder::CreateFirst, KINDS[0].order);
}
