//! What can be said of every kind without a cloud.

use std::collections::BTreeSet;

use aws::kinds::{ALL, INFOS};
use engine::KindInfo;
use serde_json::Value;

use crate::stand::Stand;

/// Changeable properties that no variant of the example can change alone; tests of their own change them.
const ELSEWHERE: &[(&str, &str)] = &[
    // An interface endpoint has none.
    ("vpc-endpoint", "route_tables"),
    // It follows its launch template.
    ("autoscaling-group", "version"),
    // HTTPS needs a certificate, HTTP takes none.
    ("listener", "protocol"),
    ("listener", "certificate"),
    ("listener", "more_certificates"),
    ("listener", "tls_policy"),
];

fn properties(kind: &KindInfo) -> BTreeSet<String> {
    (kind.schema)()
        .get("properties")
        .and_then(Value::as_object)
        .map(|map| map.keys().cloned().collect())
        .unwrap_or_default()
}

#[test]
fn names_are_unique() {
    let names: BTreeSet<_> = INFOS.iter().map(|kind| kind.name).collect();
    assert_eq!((names.len(), ALL.len()), (INFOS.len(), INFOS.len()));
}

#[test]
fn examples_and_variants_are_canonical_and_without_flaws() {
    for kind in INFOS {
        for value in (kind.variants)().into_iter().chain([(kind.example)()]) {
            assert_eq!((kind.canonical)(value.clone()), Ok(value.clone()), "{}", kind.name);
            assert_eq!((kind.check)(&value), [], "{}", kind.name);
        }
    }
}

#[test]
fn examples_set_every_property() {
    for kind in INFOS {
        let example = (kind.example)();
        let mut set: BTreeSet<String> = example.as_object().unwrap().keys().cloned().collect();
        // HTTP takes no TLS policy.
        set.extend((kind.name == "listener").then(|| "tls_policy".to_owned()));
        assert_eq!(set, properties(kind), "{}", kind.name);
    }
}

#[test]
fn variants_change_one_property_each_and_all_that_can_change() {
    for kind in INFOS {
        let example = (kind.example)();
        let mut changed = BTreeSet::new();
        for variant in (kind.variants)() {
            let keys = properties(kind);
            let differs: Vec<_> = keys.into_iter().filter(|key| example.get(key) != variant.get(key)).collect();
            assert_eq!(differs.len(), 1, "{}: {differs:?}", kind.name);
            changed.extend(differs);
        }
        let fixed: BTreeSet<String> = kind.fixed.iter().map(|name| (*name).to_owned()).collect();
        let elsewhere =
            ELSEWHERE.iter().filter(|(name, _)| *name == kind.name).map(|(_, property)| (*property).to_owned());
        let changeable: BTreeSet<String> = &(&properties(kind) - &fixed) - &elsewhere.collect();
        assert_eq!(changed, changeable, "{}", kind.name);
    }
}

#[test]
fn what_a_kind_says_of_its_properties_names_properties() {
    for kind in INFOS {
        let all = properties(kind);
        for name in kind.fixed.iter().chain(kind.unique).chain(kind.protection.as_slice()) {
            assert!(all.contains(*name), "{} has no `{name}`", kind.name);
        }
        let simulated = (kind.simulate)(&(kind.example)(), "id-1", 1);
        for name in kind.renewed {
            assert!(simulated.get(*name).is_some(), "{} has no output `{name}`", kind.name);
        }
        assert_eq!(simulated.get("id"), Some(&Value::from("id-1")), "{}", kind.name);
    }
}

#[test]
fn every_property_is_documented() {
    for kind in INFOS {
        let schema = (kind.schema)();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let text = property.get("description").and_then(Value::as_str).unwrap_or_default();
            assert!(text.ends_with('.'), "{} `{name}`: {text:?}", kind.name);
        }
    }
}

#[test]
fn kinds_that_come_first_exist_and_run_in_no_circle() {
    for kind in INFOS {
        let mut seen = BTreeSet::new();
        let mut frontier: Vec<&str> = kind.after.to_vec();
        while let Some(name) = frontier.pop() {
            let first = INFOS.iter().find(|info| info.name == name).unwrap_or_else(|| panic!("no kind `{name}`"));
            assert_ne!(first.name, kind.name, "it comes after itself");
            if seen.insert(name) {
                frontier.extend(first.after);
            }
        }
    }
}

#[test]
fn what_an_example_needs_can_be_made() {
    for kind in INFOS {
        let stand = Stand::of(kind);
        let graph = engine::Graph::new(stand.whole());
        assert_eq!(graph.cycle(), None, "{}", kind.name);
    }
}
