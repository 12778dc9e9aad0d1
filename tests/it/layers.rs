//! The walls between crates: cli → aws → engine; the services stand alone.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

#[test]
fn dependencies_run_one_way() {
    let metadata = MetadataCommand::new().no_deps().other_options(["--offline".to_owned()]).exec().unwrap();
    let names: BTreeSet<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let inside: BTreeMap<String, BTreeSet<String>> = metadata
        .packages
        .iter()
        .map(|package| {
            let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
            let inside = normal.map(|dependency| dependency.name.clone()).filter(|name| names.contains(name));
            (package.name.to_string(), inside.collect())
        })
        .collect();
    let allowed: BTreeMap<&str, &[&str]> =
        [("terrace", &["aws", "engine"][..]), ("aws", &["engine"]), ("engine", &[]), ("commerce", &[]), ("media", &[])]
            .into();
    for (name, used) in &inside {
        let allowed: BTreeSet<String> = allowed[name.as_str()].iter().map(|name| (*name).to_owned()).collect();
        assert!(used.is_subset(&allowed), "`{name}` depends on {used:?}");
    }
}

#[test]
fn only_the_aws_crate_names_an_sdk_crate() {
    let metadata = MetadataCommand::new().no_deps().other_options(["--offline".to_owned()]).exec().unwrap();
    for package in metadata.packages.iter().filter(|package| *package.name != "aws") {
        let sdk: Vec<&String> = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == DependencyKind::Normal)
            .map(|dependency| &dependency.name)
            .filter(|name| name.starts_with("aws-sdk-") && !(*package.name == "commerce" && *name == "aws-sdk-s3"))
            .collect();
        assert_eq!(sdk, Vec::<&String>::new(), "`{}`", package.name);
    }
}
