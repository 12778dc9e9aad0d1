//! A changed launch template rolls its group by an instance refresh, never by telling the group first; a refresh that
//! fails is rolled back and told; a process that comes later joins the one under way.

use aws::wire::{Among, Cut, Side};
use engine::plan::Verb;
use engine::{Address, Resource};
use serde_json::{Value, json};

use crate::server::Account;
use crate::stand::Stand;
use crate::world::{Process, SCALE, account};

/// A group and what it needs, before and after its template gets another instance type.
fn stand() -> (Vec<Resource>, Vec<Resource>) {
    let kind = aws::kinds::INFOS.iter().find(|kind| kind.name == "autoscaling-group").unwrap();
    let before = Stand::of(kind).whole();
    let mut after = before.clone();
    let template = after.iter_mut().find(|resource| resource.address == Address::new("launch-template", "app"));
    template.unwrap().properties["instance_type"] = "m5.xlarge".into();
    (before, after)
}

fn called(account: &Account, call: &str) -> usize {
    account.calls().iter().filter(|other| other.ends_with(call)).count()
}

async fn version(process: &Process) -> Value {
    let inventory = process.discover().await;
    inventory.get(&Address::new("autoscaling-group", "subject")).unwrap().properties["version"].clone()
}

#[tokio::test]
async fn a_new_version_rolls_the_group_by_a_refresh_alone() {
    let (before, after) = stand();
    let account = account();
    let process = Process::new(&account, &before);
    process.apply(&before).await;
    let (plan, _) = process.plan(&after).await;
    let group = plan.changes.iter().find(|change| change.address.kind() == "autoscaling-group").unwrap();
    assert_eq!(group.verb, Verb::Update, "the plan says that the group follows its template");

    process.apply(&after).await;
    assert_eq!(version(&process).await, "2");
    assert_eq!(called(&account, "StartInstanceRefresh"), 1);
    assert_eq!(called(&account, "UpdateAutoScalingGroup"), 0);
}

#[tokio::test]
async fn a_refresh_that_fails_goes_back_and_says_why() {
    let (before, after) = stand();
    let account = account();
    let process = Process::new(&account, &before);
    process.apply(&before).await;

    account.settings(json!({ "fail_refreshes": 1 }));
    let (plan, inventory) = process.plan(&after).await;
    let (outcome, told) = process.run(&plan, inventory).await;
    assert!(!outcome.tally.complete(), "{told:#?}");
    let failures = format!("{told:?}");
    assert!(failures.contains("`version` did not take"), "{failures}");
    assert!(failures.contains("rolled back"), "{failures}");
    assert_eq!(version(&process).await, "1", "the group still is of the version that works");

    // Nothing remembers the failure: the next run tries again.
    process.apply(&after).await;
    assert_eq!(version(&process).await, "2");
}

#[tokio::test]
async fn a_run_after_a_death_joins_the_refresh_under_way() {
    let (before, after) = stand();
    let mut deaths = 0;
    for side in [Side::BeforeSend, Side::AfterAccept] {
        for call in 1.. {
            let account = account();
            Process::new(&account, &before).apply(&before).await;
            account.settings(json!({ "phases": true, "refresh_batch_seconds": 300.0, "time_scale": 1.0 / SCALE }));
            let dying = Process::new(&account, &before);
            let (plan, inventory) = dying.plan(&after).await;
            dying.wire.cut(Cut { call, among: Among::Writes, side });
            tokio::select! {
                _ = dying.run(&plan, inventory) => {}
                () = dying.wire.ended() => {}
            }
            let process = Process::new(&account, &before);
            process.apply(&after).await;
            let place = format!("{side:?} call {call}");
            assert_eq!(version(&process).await, "2", "{place}");
            assert_eq!(called(&account, "StartInstanceRefresh"), 1, "{place}");
            if !dying.wire.is_cut() {
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths >= 4, "only {deaths} boundaries");
    println!("{deaths} boundaries");
}
