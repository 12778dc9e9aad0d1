//! The process is killed for real, at moments nobody chose; the next one finishes the work.

use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::folder::Folder;

/// How often a process is killed.
const KILLS: u32 = 20;

#[test]
fn twenty_kills_at_random_moments_leave_no_duplicate_and_no_orphan() {
    let folder = Folder::new();
    // A thousand times as fast: an apply takes about a second, a lease lapses after one.
    folder.scale("1000");
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let mut finished = 0;
    for kill in 0..KILLS {
        let verb = if kill % 5 == 4 { "destroy" } else { "apply" };
        let mut child = folder
            .command(&[verb, "--yes", "--lease-timeout", "30"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moment = Duration::from_micros(u64::from(seed.wrapping_mul(kill * 2 + 1) % 1_400_000));
        std::thread::sleep(moment);
        if child.try_wait().unwrap().is_some() {
            finished += 1;
        }
        // SIGKILL: nothing is caught, nothing is cleaned up.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    println!("{KILLS} kills, {finished} of them after the end, seed {seed}");
    folder.expect(&["apply", "--yes", "--lease-timeout", "30"]);
    let plan: Value = serde_json::from_str(&folder.expect(&["plan", "--json"])).unwrap();
    assert_eq!(plan["plan"]["changes"], serde_json::json!([]), "seed {seed}");
    let shown: Value = serde_json::from_str(&folder.expect(&["show", "--json"])).unwrap();
    assert_eq!(shown["resources"].as_array().unwrap().len() as u64, plan["plan"]["unchanged"].as_u64().unwrap());
    folder.expect(&["destroy", "--yes", "--lease-timeout", "30"]);
    assert!(folder.expect(&["show"]).contains("nothing is live"));
}

#[test]
fn an_interrupted_apply_finishes_what_is_in_flight_and_says_how_to_go_on() {
    let folder = Folder::new();
    folder.scale("500");
    let mut child = folder.command(&["apply", "--yes"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let interrupt = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let mut told = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{told}");
    assert!(told.contains("interrupted: finishing what is in flight"), "{told}");
    assert!(told.contains(" not started in ") && told.contains("again goes on where this stopped"), "{told}");
    // The lease was let go: the next apply need not wait for it.
    folder.expect(&["apply", "--yes"]);
}
