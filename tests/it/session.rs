//! Sessions: what is printed, and with which exit code it ends.

use serde_json::Value;

use crate::folder::Folder;

#[test]
fn a_stack_is_applied_found_unchanged_shown_and_destroyed() {
    let folder = Folder::new();
    let plan = folder.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.code, 2, "{plan:?}");
    let applied = folder.expect(&["apply", "--yes"]);
    assert!(applied.contains("\nOutputs\n"), "{applied}");
    let again = folder.run(&["apply", "--yes"]);
    assert!(again.code == 0 && again.out.starts_with("No changes: shop/sandbox"), "{again:?}");
    assert_eq!(folder.run(&["plan", "--detailed-exitcode"]).code, 0);
    let shown = folder.expect(&["show"]);
    assert!(shown.contains("vpc/main") && shown.contains("ready"), "{shown}");
    let vpc = folder.expect(&["outputs", "--name", "vpc"]);
    assert!(vpc.starts_with("vpc-") && vpc.ends_with('\n'), "{vpc}");
    let destroyed = folder.run(&["destroy", "--yes"]);
    assert_eq!(destroyed.code, 0, "{destroyed:?}");
    let empty: Value = serde_json::from_str(&folder.expect(&["show", "--json"])).unwrap();
    assert_eq!(empty, serde_json::json!({ "resources": [] }));
    let cloud: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join(".terrace/cloud.json")).unwrap()).unwrap();
    let leases = cloud["leases"].as_object().unwrap().values().all(|records| records.as_object().unwrap().is_empty());
    assert!(leases, "the lease of a destroyed stack is left: {cloud}");
    assert_eq!(folder.run(&["destroy", "--yes"]).err, "nothing of shop/sandbox is live\n");
}

#[test]
fn a_first_plan_fits_a_screen_of_eighty_columns() {
    let folder = Folder::new();
    let plan = folder.expect(&["plan"]);
    assert!(plan.lines().count() <= 40, "{} lines\n{plan}", plan.lines().count());
    let long: Vec<&str> = plan.lines().filter(|line| line.chars().count() > 80).collect();
    assert_eq!(long, Vec::<&str>::new());
    insta::assert_snapshot!(plan);
}

#[test]
fn an_update_is_told_field_by_field() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"]);
    folder.edit("blueprints/three-tier.yaml", |text| {
        text.replacen("instance_type: m5.large", "instance_type: m5.xlarge", 1)
    });
    folder.edit("blueprints/three-tier.yaml", |text| text.replace("class: db.m5.large", "class: db.m5.xlarge"));
    insta::assert_snapshot!(folder.expect(&["plan"]));
}

#[test]
fn a_saved_plan_is_refused_once_anything_has_changed() {
    let folder = Folder::new();
    folder.expect(&["plan", "--out", "plan.json"]);
    folder.edit("blueprints/three-tier.yaml", |text| text.replacen("max: 6", "max: 5", 1));
    let stale = folder.run(&["apply", "--plan", "plan.json", "--yes"]);
    assert_eq!((stale.code, stale.err.contains("is stale")), (3, true), "{stale:?}");
    folder.expect(&["plan", "--out", "plan.json"]);
    folder.expect(&["apply", "--plan", "plan.json", "--yes"]);
    let used = folder.run(&["apply", "--plan", "plan.json", "--yes"]);
    assert_eq!(used.code, 3, "a plan applies once: {used:?}");
}

#[test]
fn what_is_protected_is_not_destroyed() {
    let folder = Folder::new();
    folder.edit("environments/sandbox.yaml", |text| {
        text.replace("    deletion_protection: false", "    deletion_protection: true")
    });
    folder.expect(&["apply", "--yes"]);
    let refused = folder.run(&["destroy", "--yes"]);
    assert_eq!(refused.code, 5, "{refused:?}");
    assert!(refused.err.contains("db-instance/db: `deletion_protection` is on"), "{}", refused.err);
    assert!(folder.expect(&["plan"]).starts_with("No changes"));
}

#[test]
fn a_network_is_not_replaced_under_a_stack() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"]);
    folder.edit("blueprints/three-tier.yaml", |text| text.replace("cidr: 10.0.0.0/16", "cidr: 10.9.0.0/16"));
    let refused = folder.run(&["apply", "--yes"]);
    assert_eq!((refused.code, refused.err.contains("vpc/main: what stands in it")), (5, true), "{refused:?}");
}

#[test]
fn nothing_is_applied_without_consent() {
    let folder = Folder::new();
    let refused = folder.run(&["apply"]);
    assert_eq!(refused.code, 5);
    assert!(refused.err.ends_with("hint: `--yes` agrees beforehand\n"), "{}", refused.err);
    assert!(folder.expect(&["show"]).contains("nothing is live"));
}

#[test]
fn a_mistake_is_shown_at_its_place_and_nothing_is_done() {
    let folder = Folder::new();
    folder.edit("blueprints/three-tier.yaml", |text| {
        text.replacen("instance_type: m5.large", "instance_typ: m5.large", 1)
    });
    let refused = folder.run(&["plan"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("blueprints/three-tier.yaml:") && refused.err.contains("instance_type"),
        "{}",
        refused.err
    );
    let validated = folder.run(&["validate"]);
    assert_eq!((validated.code, validated.out.contains("sandbox: not valid")), (1, true), "{validated:?}");
}

#[test]
fn an_unknown_environment_names_the_known_ones() {
    let folder = Folder::new();
    let refused = folder.run(&["plan", "production"]);
    assert_eq!(refused.code, 1);
    insta::assert_snapshot!(refused.err, @"
    error: there is no environment `production`: `environments/production.yaml` does not exist

    hint: environments here: dev, prod, sandbox
    ");
}

#[test]
fn init_keeps_what_is_there_and_what_it_writes_is_valid() {
    let folder = Folder::new();
    let again = folder.run(&["init", "--name", "other"]);
    assert_eq!((again.code, again.out.as_str()), (0, ""), "{again:?}");
    assert_eq!(again.err.matches("it exists already").count(), 4);
    let validated = folder.expect(&["validate"]);
    assert_eq!(validated.lines().filter(|line| line.contains(": valid, ")).count(), 3, "{validated}");
}

#[test]
fn drift_is_named_and_mended() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"]);
    let path = folder.path().join(".terrace/cloud.json");
    let mut cloud: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let resources = cloud["resources"].as_object_mut().unwrap();
    let vpc = resources.values_mut().find(|item| item["kind"] == "vpc").unwrap();
    vpc["properties"]["dns_hostnames"] = false.into();
    std::fs::write(&path, serde_json::to_vec(&cloud).unwrap()).unwrap();
    let plan = folder.expect(&["plan"]);
    assert!(plan.contains("dns_hostnames: false → true  (changed outside)"), "{plan}");
    folder.expect(&["apply", "--yes"]);
    assert!(folder.expect(&["plan"]).starts_with("No changes"));
}

#[test]
fn the_sandbox_is_forgotten_on_request() {
    let folder = Folder::new();
    folder.expect(&["apply", "--yes"]);
    folder.expect(&["sandbox", "reset"]);
    assert!(folder.expect(&["show"]).contains("nothing is live"));
}
