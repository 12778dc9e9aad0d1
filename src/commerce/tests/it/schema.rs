//! The API document checked from outside: schemathesis sends what the document allows, and much that it does not.
//!
//! `COMMERCE_SCHEMATHESIS` names the program where it is not on the path.

use std::process::Command;

use crate::harness::{Engine, Service, setting};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_no_server_error() {
    let program = std::env::var("COMMERCE_SCHEMATHESIS").unwrap_or_else(|_| "schemathesis".into());
    let service = Service::start(Engine::Sqlite, &["--demo"]);
    let admin = service.admin().await;
    let examples = setting("COMMERCE_TEST_EXAMPLES", 8).to_string();
    let output = Command::new(&program)
        .args(["run", "--checks", "not_a_server_error", "--max-examples", &examples, "--seed", "1", "--no-color"])
        .args(["--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all"])
        // Suspending people or logging out would end the run's own session.
        .args(["--exclude-path-regex", "/session$|/suspension$"])
        .args(["-H", &format!("Authorization: Bearer {}", admin.token)])
        .arg(format!("{}/api/v1/openapi.json", service.base))
        .current_dir(service.folder.path())
        .output()
        .unwrap_or_else(|e| panic!("cannot run `{program}` (PyPI: schemathesis): {e}"));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    service.verified();
}
