//! Data on stdout, the rest on stderr; JSON, colours, completions and manual pages.

use serde_json::Value;

use crate::folder::Folder;

#[test]
fn json_events_are_alone_on_stdout() {
    let folder = Folder::new();
    let applied = folder.run(&["apply", "--yes", "--json"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    let events: Vec<Value> = applied.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((named("begin"), named("end"), named("outputs"), named("failed")), (1, 1, 1, 0));
    assert_eq!(named("started"), named("finished"));
    assert_eq!(named("started") as u64, events[0]["steps"].as_u64().unwrap());
    let plan: Value = serde_json::from_str(&folder.expect(&["plan", "--json"])).unwrap();
    assert_eq!(plan["plan"]["changes"], serde_json::json!([]));
}

#[test]
fn an_apply_is_journalled() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"]);
    let journals: Vec<_> = std::fs::read_dir(folder.path().join(".terrace/journal")).unwrap().collect();
    let text = std::fs::read_to_string(journals[0].as_ref().unwrap().path()).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((journals.len(), &last["event"], &last["failed"]), (1, &"end".into(), &0.into()));
}

#[test]
fn colours_are_for_those_who_want_them() {
    let folder = Folder::new();
    assert!(!folder.expect(&["plan"]).contains('\u{1b}'));
    assert!(folder.expect(&["plan", "--color", "always"]).contains('\u{1b}'));
    let plain = folder.command(&["plan", "--color", "auto"]).env("NO_COLOR", "1").output().unwrap();
    assert!(!plain.stdout.contains(&0x1b));
}

#[test]
fn progress_has_a_time_in_front_and_stays_off_stdout() {
    let folder = Folder::new();
    let applied = folder.run(&["apply", "--yes"]);
    let done: Vec<&str> =
        applied.err.lines().filter(|line| line.contains(" done ") && !line.starts_with("complete")).collect();
    assert!(done.len() > 20, "{}", applied.err);
    assert!(done.iter().all(|line| line.as_bytes()[2] == b':' && line.as_bytes()[5] == b':'), "{done:?}");
    assert!(!applied.out.contains(" done "));
}

#[test]
fn completions_and_manual_pages_are_written() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(folder.expect(&["completions", shell]).contains("terrace"), "{shell}");
    }
    assert!(folder.expect(&["man"]).contains(".TH terrace"));
    folder.expect(&["man", "pages"]);
    assert!(folder.path().join("pages/terrace-apply.1").exists());
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let folder = Folder::new();
    let mut child = folder.command(&["blueprint", "schema"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    assert!(status.code().is_some_and(|code| code <= 1), "{status}");
}
