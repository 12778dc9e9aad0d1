//! What the database kinds promise beyond the contract of every kind.

use engine::plan::Verb;
use engine::{Address, Owner, Resource};
use serde_json::{Value, json};

use crate::stand::Stand;
use crate::world::{Process, account};

fn stand(kind: &str) -> Stand {
    Stand::of(aws::kinds::INFOS.iter().find(|info| info.name == kind).unwrap())
}

/// The example with another disk, which nothing keeps from being deleted.
fn with_storage(stand: &Stand, storage: Value) -> Vec<Resource> {
    let mut properties = stand.subject.properties.clone();
    properties["storage"] = storage;
    properties["deletion_protection"] = false.into();
    stand.with(properties)
}

#[tokio::test]
async fn a_disk_changes_its_sort_and_grows_and_never_shrinks() {
    let stand = stand("db-instance");
    let account = account();
    let process = Process::new(&account, &stand.whole());
    process.apply(&with_storage(&stand, json!({ "type": "gp2", "size": 400 }))).await;
    process.apply(&with_storage(&stand, json!({ "type": "io1", "size": 400, "iops": 5000 }))).await;
    // AWS rounds this one up to 440.
    process.apply(&with_storage(&stand, json!({ "type": "gp3", "size": 410 }))).await;

    let smaller = with_storage(&stand, json!({ "type": "gp3", "size": 300 }));
    let (plan, inventory) = process.plan(&smaller).await;
    let effects: Vec<_> = plan.changes[0].impacts.iter().map(|impact| impact.effect.as_str()).collect();
    assert_eq!(effects, ["a disk cannot shrink: AWS refuses this"]);
    let (outcome, told) = process.run(&plan, inventory).await;
    assert_eq!(outcome.tally.failed, 1);
    assert!(format!("{told:?}").contains("the disk has 440 GiB and cannot shrink to 300"), "{told:?}");

    // One that may grow by itself is left as large as it is.
    process.apply(&with_storage(&stand, json!({ "type": "gp3", "size": 300, "max": 600 }))).await;
}

#[tokio::test]
async fn a_version_without_its_patch_is_any_of_them() {
    let stand = stand("db-instance");
    let wanted = |version: &str| {
        let mut properties = stand.subject.properties.clone();
        properties["version"] = version.into();
        stand.with(properties)
    };
    let account = account();
    let process = Process::new(&account, &stand.whole());
    process.apply(&wanted("8.0")).await;
    let change = async |version: &str| {
        let (plan, _) = process.plan(&wanted(version)).await;
        plan.changes.iter().map(|change| change.verb).collect::<Vec<_>>()
    };
    assert_eq!(change("8.0").await, []);
    assert_eq!(change("8.0.44").await, [Verb::Update]);
    process.apply(&wanted("8.0.44")).await;
    process.apply(&wanted("8.0")).await;
}

#[tokio::test]
async fn a_deleted_database_leaves_a_snapshot_or_none_as_its_tags_say() {
    let stand = stand("db-instance");
    for (keep, left) in [(true, 1), (false, 0)] {
        let mut properties = stand.subject.properties.clone();
        properties["deletion_protection"] = false.into();
        properties["final_snapshot"] = keep.into();
        let account = account();
        let process = Process::new(&account, &stand.whole());
        process.apply(&stand.with(properties)).await;
        process.apply(&[]).await;
        let inventory = account.inventory();
        assert_eq!(inventory.get("db-snapshot").map_or(0, Vec::len), left, "{inventory:?}");
        assert_eq!(inventory.len(), left, "{inventory:?}");
    }
}

#[tokio::test]
async fn a_group_of_the_same_name_is_not_taken_over() {
    let stand = stand("db-subnet-group");
    let named = |name: &str| {
        let subject = Resource { address: Address::new("db-subnet-group", name), ..stand.subject.clone() };
        stand.needed.iter().cloned().chain([subject]).collect::<Vec<_>>()
    };
    let account = account();
    let stranger = Process::owned(&account, &named("b"), Owner::new("shop-test", "a"));
    stranger.apply(&named("b")).await;

    let process = Process::new(&account, &named("a-b"));
    let (plan, inventory) = process.plan(&named("a-b")).await;
    assert!(inventory.is_empty(), "it is not ours though its name starts as ours do");
    let (outcome, told) = process.run(&plan, inventory).await;
    assert_eq!(outcome.tally.failed, 1);
    let told = format!("{told:?}");
    assert!(told.contains("exists and belongs to `db-subnet-group/b` of `shop-test/a`"), "{told}");
}
