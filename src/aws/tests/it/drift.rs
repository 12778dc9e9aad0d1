//! A property somebody changed outside shows in the next plan, with its value, and the next apply turns it back.

use engine::plan::{Origin, Verb};
use engine::{Changed, KindInfo, Provider};
use serde_json::Value;

use crate::each;
use crate::stand::Stand;
use crate::world::{Process, account};

#[test]
fn every_property_changed_outside_is_seen() {
    each::kind(drift);
}

async fn drift(kind: &'static KindInfo) {
    let stand = Stand::of(kind);
    let account = account();
    let process = Process::new(&account, &stand.whole());
    let inventory = process.apply(&stand.whole()).await;
    let live = inventory.get(&stand.subject.address).unwrap();
    for (property, variant) in stand.variants() {
        let changed = Changed([property.clone()].into());
        process.cloud.update(&live.address, &live.id, &inventory.resolved(&variant), &changed).await.unwrap();
        let (plan, _) = process.plan(&stand.whole()).await;
        let change = plan.changes.iter().find(|change| change.address == live.address);
        let change = change.unwrap_or_else(|| panic!("{} {property}: the plan says nothing", kind.name));
        assert_eq!(change.verb, Verb::Update, "{change:#?}");
        for field in &change.fields {
            assert_eq!(field.change.property(), property, "{}: {change:#?}", kind.name);
            assert_eq!(field.origin, Origin::Outside, "{}: {change:#?}", kind.name);
            assert_eq!(field.change.before, at(&variant, &field.change.path), "{} {property}", kind.name);
            assert_eq!(field.change.after, at(&stand.subject.properties, &field.change.path), "{}", kind.name);
        }
        process.apply(&stand.whole()).await;
    }
}

/// The value at keys joined by dots.
fn at(value: &Value, path: &str) -> Value {
    let found = path.split('.').try_fold(value, |value, key| value.get(key));
    found.cloned().unwrap_or_default()
}
