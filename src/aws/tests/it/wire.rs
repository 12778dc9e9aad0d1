//! The wire itself: it counts, slows and cuts.

use std::time::{Duration, Instant};

use aws::wire::{Among, Cut, Side};
use engine::{Error, Provider, Query, Site};

use crate::stand::Stand;
use crate::world::{Process, account};

fn vpcs() -> Stand {
    Stand::of(aws::kinds::INFOS.iter().find(|kind| kind.name == "vpc").unwrap())
}

#[tokio::test]
async fn calls_are_counted_by_operation_and_waves_by_waiting() {
    let process = Process::new(&account(), &vpcs().whole());
    process.apply(&vpcs().whole()).await;
    process.wire.forget();
    process.wire.slow(Duration::from_millis(40));
    let start = Instant::now();
    process.discover().await;
    let counts: Vec<(String, usize)> = process.wire.counts().into_iter().collect();
    assert_eq!(counts, [("ec2.DescribeVpcAttribute".to_owned(), 2), ("ec2.DescribeVpcs".to_owned(), 1)]);
    assert_eq!((process.wire.calls(), process.wire.waves()), (3, 2), "attributes are asked for at once");
    assert!(start.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_cut_ends_every_call_from_then_on() {
    for (side, made) in [(Side::BeforeSend, 0), (Side::AfterAccept, 1)] {
        let account = account();
        let stand = vpcs();
        let process = Process::new(&account, &stand.whole());
        let (plan, inventory) = process.plan(&stand.whole()).await;
        process.wire.cut(Cut { call: 1, among: Among::All, side });
        let (outcome, _) = process.run(&plan, inventory).await;
        assert_eq!(outcome.tally.failed, 1);
        assert!(process.wire.is_cut());
        let owner = engine::Owner::new("shop", "test");
        let after = process.cloud.find(&Site::primary(), "vpc", Query::Owned(&owner)).await;
        assert!(matches!(after, Err(Error::Lost { .. })), "{after:?}");
        assert_eq!(account.inventory().get("vpc").map(Vec::len).unwrap_or_default(), made, "{side:?}");
        assert_eq!(process.wire.calls(), 1);
    }
}
