//! Every folder of `tests/cases/broken` is a mistake, with the text a user sees for it.
//!
//! `UPDATE=1 cargo test --test it blueprints` writes the texts anew; read the difference like code.

use std::fs;
use std::path::{Path, PathBuf};

use engine::blueprint::{Reading, read_with};
use unicode_width::UnicodeWidthStr;

const ENVIRONMENT: &str = "blueprint: blueprint.yaml\nprovider: simulator\n";

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/broken");
    let mut cases: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn read(case: &Path) -> Reading {
    let files = |path: &Path| match fs::read(case.join(path)) {
        Err(_) if path == Path::new("environment.yaml") => Ok(ENVIRONMENT.into()),
        read => read,
    };
    read_with(Path::new("environment.yaml"), &files, aws::components::ALL, aws::kinds::INFOS)
}

#[test]
fn every_broken_blueprint_is_explained() {
    let update = std::env::var_os("UPDATE").is_some();
    let cases = cases();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case.file_name().unwrap().to_string_lossy();
        let reading = read(case);
        let text = reading.render(false);
        if !reading.failed() {
            wrong.push(format!("{name}: is accepted"));
        }
        // Only what the user wrote may be wider, and even that is cut in quoted lines.
        for line in text.lines().filter(|line| line.width() > 80) {
            wrong.push(format!("{name}: wider than 80 columns: {line}"));
        }
        let expected = case.join("expected.txt");
        if update {
            fs::write(&expected, &text).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != text {
            wrong.push(format!("{name}: reads\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_mistake_has_a_place_and_a_json_form() {
    for case in cases() {
        let reading = read(&case);
        for diagnostic in &reading.diagnostics {
            assert!(diagnostic.place.is_some(), "{}: {}", case.display(), diagnostic.message);
            let mut first = diagnostic.message.chars();
            let sentence = first.next().is_some_and(char::is_uppercase) && first.next().is_some_and(char::is_lowercase);
            assert!(!diagnostic.message.ends_with('.') && !sentence, "{}", diagnostic.message);
            let json = serde_json::json!(diagnostic.told(&reading.sources));
            assert!(json["place"]["start"]["line"].as_u64().is_some_and(|line| line > 0), "{json}");
        }
    }
}

#[test]
fn secrets_are_never_printed() {
    for case in cases().iter().filter(|case| case.to_string_lossy().contains("/secret-")) {
        let reading = read(case);
        let json: Vec<_> =
            reading.diagnostics.iter().map(|one| serde_json::json!(one.told(&reading.sources)).to_string()).collect();
        let printed = reading.render(true) + &json.concat();
        for secret in ["hunter2", "12345678", "AKIAIOSF", "MIIEpAIB", "correct-horse", "ghp_0123"] {
            assert!(!printed.contains(secret), "{}: {printed}", case.display());
        }
    }
}
