//! The whole shop on the simulated cloud, with the process dying at every call of an apply and of a destroy.

use std::time::Duration;

use aws::kinds;
use engine::apply::{Job, Pace, Tally, apply};
use engine::simulator::{Crash, Moments, Settings, Simulator};
use engine::{Graph, discover, plan};

use crate::shop::{owner, shop};

/// A millionth: 15 minutes take about a millisecond.
const SCALE: f64 = 0.000_001;

fn settings(lag: u64, crash: Option<Crash>) -> Settings {
    Settings { scale: SCALE, lag: Duration::from_secs(lag), crash, ..Settings::default() }
}

/// Plans and applies; `None` when the process died.
async fn run(cloud: &Simulator, wanted: &Graph) -> Option<Tally> {
    let owner = owner();
    let inventory = discover(cloud, &owner).await.ok()?;
    let plan = plan(wanted, &inventory, kinds::INFOS);
    let pace = Pace { scale: SCALE, ..Pace::default() };
    let job = Job { owner: &owner, provider: cloud, pace, width: 24, stop: &|| false, fence: &|| true };
    let tally = apply(&plan, inventory, &job, |_| {}).await.tally;
    tally.complete().then_some(tally)
}

/// Dies at every call on the way from one graph to another, and tells at how many.
async fn die_everywhere(from: &Graph, to: &Graph, left: usize) -> u64 {
    let mut boundaries = 0;
    for lag in [0, 60] {
        for when in [Moments::BeforeSend, Moments::AfterAccept] {
            for call in 1.. {
                let mut cloud = Simulator::in_memory(kinds::INFOS, settings(lag, None));
                if !from.is_empty() {
                    run(&cloud, from).await.unwrap();
                }
                cloud = cloud.reborn(settings(lag, Some(Crash { call, when })));
                if run(&cloud, to).await.is_some() {
                    break;
                }
                boundaries += 1;
                // The dead process's lease lapses first, and a lapsed lease outlasts the lag.
                tokio::time::sleep(Duration::from_secs(lag).mul_f64(SCALE)).await;
                cloud = cloud.reborn(settings(lag, None));
                assert!(run(&cloud, to).await.is_some(), "call {call}, {when:?}, lag {lag}");
                let inventory = discover(&cloud, &owner()).await.unwrap();
                let again = plan(to, &inventory, kinds::INFOS);
                assert!(again.is_empty(), "call {call}, {when:?}, lag {lag}: {:#?}", again.changes);
                assert_eq!(cloud.contents().len(), left, "call {call}, {when:?}, lag {lag}");
            }
        }
    }
    boundaries
}

#[tokio::test]
async fn an_apply_of_the_shop_survives_a_death_at_every_call() {
    let shop = shop("");
    let boundaries = die_everywhere(&Graph::default(), &shop, shop.len()).await;
    println!("apply: {boundaries} boundaries");
    assert!(boundaries > 400);
}

#[tokio::test]
async fn a_destroy_of_the_shop_survives_a_death_at_every_call() {
    let boundaries = die_everywhere(&shop(""), &Graph::default(), 0).await;
    println!("destroy: {boundaries} boundaries");
    assert!(boundaries > 300);
}
