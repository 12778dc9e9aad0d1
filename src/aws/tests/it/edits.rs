//! Thirty things people do to a blueprint: each plans what it should, and converges.
//!
//! A case is a folder of `tests/cases/edits`: the overrides that make the edit, and the plan it must give.
//! `UPDATE=1 cargo test -p aws edits` writes the plans anew; read the difference like code.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aws::kinds;
use engine::plan::{Change, Verb};
use engine::{Graph, Plan, Resource};

use crate::server::Account;
use crate::shop::shop;
use crate::world::{Process, account};

#[tokio::test]
async fn the_shop_is_made_is_as_wanted_and_is_deleted_to_the_last_resource() {
    let account = account();
    let wanted = list(&shop(""));
    assert!(wanted.len() >= 45, "{} resources", wanted.len());
    let process = Process::new(&account, &wanted);
    process.apply(&wanted).await;
    process.apply(&[]).await;
    assert_eq!(left(&account), BTreeMap::new());
}

#[tokio::test]
async fn every_edit_plans_what_it_should_and_converges() {
    let update = std::env::var_os("UPDATE").is_some();
    let cases = cases();
    assert!(cases.len() >= 30, "{} edits", cases.len());
    let account = account();
    let base = list(&shop(""));
    let process = Process::every(&account);
    // A certificate to answer HTTPS with; its number is put in for `ACCOUNT`.
    let upload = process.iam.upload_server_certificate().server_certificate_name("shop");
    upload.certificate_body("body").private_key("key").send().await.unwrap();
    process.apply(&base).await;
    let mut wrong = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let overrides = fs::read_to_string(case.join("overrides.yaml")).unwrap();
        let wanted = list(&shop(&overrides.replace("ACCOUNT", &account.number)));
        println!("{name}");
        let (plan, _) = process.plan(&wanted).await;
        let told = tell(&plan);
        let file = case.join("plan.txt");
        if update {
            fs::write(&file, &told).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != told {
            wrong.push(format!("{name} plans\n{told}"));
        }
        process.apply(&wanted).await;
        // And back again, which is thirty edits more.
        process.apply(&base).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    process.apply(&[]).await;
    assert_eq!(left(&account), BTreeMap::new());
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/edits");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn list(graph: &Graph) -> Vec<Resource> {
    graph.iter().cloned().collect()
}

/// What the account still has, by kind.
pub(crate) fn left(account: &Account) -> BTreeMap<String, usize> {
    let inventory = account.inventory();
    let counts = inventory.into_iter().map(|(kind, all)| (kind, all.len()));
    counts.filter(|(kind, count)| *count > 0 && kind != "ssm-parameter").collect()
}

/// A plan in short: verbs, addresses and changed properties.
fn tell(plan: &Plan) -> String {
    let mut lines: Vec<String> = plan.changes.iter().map(line).collect();
    lines.sort();
    lines.join("\n") + "\n"
}

fn line(change: &Change) -> String {
    let verb = match change.verb {
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Replace(_) => "replace",
        Verb::Rename => "rename",
        Verb::Delete => "delete",
        Verb::Reap => "reap",
        Verb::Wait => "wait",
    };
    let fields: Vec<&str> = change.fields.iter().map(|field| field.change.path.as_str()).collect();
    let risks: Vec<String> = change.impacts.iter().map(|impact| impact.risk.to_string()).collect();
    let mut line = format!("{verb} {}", change.address);
    if change.verb != Verb::Create && !fields.is_empty() {
        line.push_str(&format!(": {}", fields.join(", ")));
    }
    if !risks.is_empty() {
        line.push_str(&format!(" [{}]", risks.join(", ")));
    }
    line
}

#[test]
fn the_registry_has_every_kind_of_the_shop() {
    let graph = shop("");
    let used: std::collections::BTreeSet<&str> = graph.iter().map(|resource| resource.address.kind()).collect();
    let known: std::collections::BTreeSet<&str> = kinds::INFOS.iter().map(|kind| kind.name).collect();
    assert_eq!(used, known, "the shop uses every kind there is");
}
