//! A process may die at any call, and the cloud may lag, throttle and lose answers: the next run converges.

use std::time::Duration;

use engine::apply::Pace;
use engine::simulator::{Crash, Moments, Settings, Simulator};
use engine::{Resource, discover};

use crate::toys::*;

/// A hundred-thousandth: a minute of lag takes 0.6 ms.
const SCALE: f64 = 0.000_01;

fn pace() -> Pace {
    Pace { scale: SCALE, ..Pace::default() }
}

fn settings(lag: u64, crash: Option<Crash>) -> Settings {
    Settings { scale: SCALE, lag: Duration::from_secs(lag), crash, ..Settings::default() }
}

/// Runs until nothing is left to do, as a fresh process each time, and tells how many it took.
async fn converge(mut cloud: Simulator, wanted: &[Resource], lag: u64) -> Simulator {
    for _ in 0..4 {
        // The dead process's lease has to lapse first, and a lapsed lease outlasts the lag.
        tokio::time::sleep(pace().real(Duration::from_secs(lag))).await;
        cloud = cloud.reborn(settings(lag, None));
        let (outcome, told) = apply_on(&cloud, wanted, pace()).await;
        assert!(outcome.tally.complete(), "{told:#?}");
        tokio::time::sleep(pace().real(Duration::from_secs(lag))).await;
        if plan_on(&cloud, wanted).await.0.is_empty() {
            return cloud;
        }
    }
    panic!("it does not converge");
}

async fn die_everywhere(start: &[Resource], wanted: &[Resource], left: usize) -> u64 {
    let mut boundaries = 0;
    for lag in [0, 60] {
        for when in [Moments::BeforeSend, Moments::AfterAccept] {
            for call in 1.. {
                let mut cloud = Simulator::in_memory(KINDS, settings(lag, None));
                if !start.is_empty() {
                    apply_on(&cloud, start, pace()).await;
                    tokio::time::sleep(pace().real(Duration::from_secs(lag))).await;
                }
                cloud = cloud.reborn(settings(lag, Some(Crash { call, when })));
                let reached = match discover(&cloud, &owner()).await {
                    Ok(inventory) => {
                        let graph = engine::Graph::new(wanted.iter().cloned());
                        let plan = engine::plan(&graph, &inventory, KINDS);
                        run(&cloud, &plan, inventory, pace()).await.0.tally.failed > 0
                    }
                    Err(_) => true,
                };
                if !reached {
                    break;
                }
                boundaries += 1;
                let cloud = converge(cloud, wanted, lag).await;
                assert_eq!(cloud.contents().len(), left, "after call {call}, {when:?}, lag {lag}");
            }
        }
    }
    boundaries
}

#[tokio::test]
async fn an_apply_cut_at_any_call_converges_without_duplicate_or_orphan() {
    let boundaries = die_everywhere(&[], &stack(), 7).await;
    println!("apply: {boundaries} boundaries");
    assert!(boundaries > 60);
}

#[tokio::test]
async fn a_replacement_cut_at_any_call_converges() {
    let mut wanted = stack();
    edit(&mut wanted, "net/main", "cidr", "10.9.0.0/16".into());
    let boundaries = die_everywhere(&stack(), &wanted, 7).await;
    println!("replace: {boundaries} boundaries");
    assert!(boundaries > 60);
}

#[tokio::test]
async fn a_destroy_cut_at_any_call_leaves_nothing() {
    let boundaries = die_everywhere(&stack(), &[], 0).await;
    println!("destroy: {boundaries} boundaries");
    assert!(boundaries > 40);
}

#[tokio::test]
async fn lost_answers_and_throttling_do_not_stop_an_apply() {
    for seed in 0..20 {
        let faulty = Settings { throttle: 0.2, lost: 0.2, seed, ..settings(60, None) };
        let cloud = Simulator::in_memory(KINDS, faulty);
        let mut complete = false;
        for _ in 0..5 {
            let inventory = loop {
                if let Ok(inventory) = discover(&cloud, &owner()).await {
                    break inventory;
                }
            };
            let plan = engine::plan(&engine::Graph::new(stack()), &inventory, KINDS);
            complete = run(&cloud, &plan, inventory, pace()).await.0.tally.complete();
            tokio::time::sleep(pace().real(Duration::from_secs(120))).await;
            if complete {
                break;
            }
        }
        assert!(complete, "seed {seed}");
        let cloud = converge(cloud.reborn(settings(60, None)), &stack(), 60).await;
        assert_eq!(cloud.contents().len(), 7, "seed {seed}");
    }
}
