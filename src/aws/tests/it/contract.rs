//! What every kind promises: made, changed, labelled and deleted, it is what was asked for.

use engine::plan::{Origin, Verb};
use engine::{KindInfo, Provider, Query, Site};
use serde_json::Value;

use crate::each;
use crate::stand::Stand;
use crate::world::{Process, account};

#[test]
fn every_kind_is_made_changed_labelled_and_deleted() {
    each::kind(contract);
}

async fn contract(kind: &'static KindInfo) {
    let stand = Stand::of(kind);
    let account = account();
    let process = Process::new(&account, &stand.whole());
    let inventory = process.apply(&stand.whole()).await;
    let live = inventory.get(&stand.subject.address).unwrap_or_else(|| panic!("{}: it is not live", kind.name));

    found_by_id(&process, kind, &live.id).await;
    for (property, variant) in stand.variants() {
        for properties in [variant, stand.subject.properties.clone()] {
            let wanted = stand.with(properties);
            let (plan, _) = process.plan(&wanted).await;
            let change = plan.changes.iter().find(|change| change.address == stand.subject.address).unwrap();
            assert_eq!(change.verb, Verb::Update, "{} {property}: {change:#?}", kind.name);
            let as_told = |field: &engine::plan::Field| {
                field.change.property() == property && field.origin == Origin::Blueprint && !field.replaces
            };
            assert!(change.fields.iter().all(as_told), "{} {property}: {change:#?}", kind.name);
            process.apply(&wanted).await;
        }
    }
    labels(&process, &stand).await;
    delete(&process, &stand, &account).await;
}

/// Reading by id finds one that exists and leaves out one that does not.
async fn found_by_id(process: &Process, kind: &KindInfo, id: &str) {
    let last = id.chars().last().unwrap();
    let other = format!("{}{}", &id[..id.len() - 1], if last == '0' { '1' } else { '0' });
    let found = process.cloud.find(&Site::primary(), kind.name, Query::Ids(&[id.to_owned(), other])).await.unwrap();
    assert_eq!(found.iter().map(|live| live.id.as_str()).collect::<Vec<_>>(), [id], "{}", kind.name);
}

/// A tag of the user's arrives, and one that somebody else put there stays.
async fn labels(process: &Process, stand: &Stand) {
    let address = &stand.subject.address;
    for (key, value) in [("team", "shop"), ("cost-center", "a 1/2+3=4@5")] {
        let mut wanted = stand.whole();
        let subject = wanted.iter_mut().find(|resource| resource.address == *address).unwrap();
        subject.tags.insert(key.to_owned(), value.to_owned());
        process.apply(&wanted).await;
    }
    let inventory = process.discover().await;
    let tags = &inventory.get(address).unwrap().tags;
    assert_eq!(tags.get("team").map(String::as_str), Some("shop"), "{address}: {tags:?}");
    assert_eq!(tags.get("cost-center").map(String::as_str), Some("a 1/2+3=4@5"), "{address}: {tags:?}");
}

async fn delete(process: &Process, stand: &Stand, account: &crate::server::Account) {
    let kind = stand.kind;
    if let Some(protection) = kind.protection {
        let mut open = stand.subject.properties.clone();
        open[protection] = Value::Bool(false);
        process.apply(&stand.with(open)).await;
    }
    let inventory = process.discover().await;
    let live = inventory.get(&stand.subject.address).unwrap();
    process.apply(&stand.needed).await;
    let again = process.cloud.delete(&live.address, &live.id).await;
    assert_eq!(again, Ok(()), "{}: deleting it twice", kind.name);
    process.apply(&[]).await;
    // What holds data may leave a last snapshot of it, which is nobody's to delete but a person's.
    let inventory = account.inventory();
    let left: Vec<_> = inventory.keys().filter(|left| !(kind.stateful && left.ends_with("snapshot"))).collect();
    assert_eq!(left, Vec::<&String>::new(), "{}", kind.name);
}
