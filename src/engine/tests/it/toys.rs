//! Made-up kinds, and a stack of them.

use std::collections::BTreeSet;
use std::sync::Mutex;

use engine::apply::{Event, Job, Outcome, Pace, apply};
use engine::simulator::{Settings, Simulator};
use engine::{
    Address, Changed, Error, Found, Graph, Inventory, Kind, KindInfo, Labels, Late, Owner, Plan, Provider, Query, Ref,
    ReplaceOrder, Resource, Result, Tags, Timing, discover, plan,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A kind without a cloud of its own: only the simulator runs it.
macro_rules! toy {
    ($kind:ident, $name:literal, { $($field:ident: $type:ty = $example:expr),* $(,)? }, { $($constant:tt)* }, $timing:expr, $outputs:expr) => {
        #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $kind {
            $(pub(crate) $field: $type),*
        }

        impl Kind for $kind {
            type Cloud = ();
            type Outputs = Value;
            const NAME: &'static str = $name;
            $($constant)*

            fn example() -> Self {
                Self { $($field: $example),* }
            }

            fn variants() -> Vec<Self> {
                Vec::new()
            }

            async fn find(_: &(), _: Query<'_>) -> Result<Vec<Found<Self>>> {
                Ok(Vec::new())
            }

            async fn create(&self, _: &(), _: &Labels) -> Result<String> {
                Err(Error::NotFound)
            }

            async fn update(&self, _: &(), _: &str, _: &Changed) -> Result<()> {
                Ok(())
            }

            async fn label(_: &(), _: &str, _: &Labels) -> Result<()> {
                Ok(())
            }

            async fn delete(_: &(), _: &str) -> Result<()> {
                Ok(())
            }

            fn timing() -> Timing {
                $timing
            }

            fn simulate(&self, id: &str, revision: u32) -> Value {
                let outputs: fn(&str, u32) -> Value = $outputs;
                outputs(id, revision)
            }
        }
    };
}

toy!(Net, "net", { cidr: String = "10.0.0.0/16".into(), dns: bool = true }, {
    const FIXED: &'static [&'static str] = &["cidr"];
    const REPEATABLE: bool = false;
}, Timing::seconds(2, 1, 1), |_, _| json!({}));

toy!(Lan, "lan", { net: Ref<Net> = Ref::to("main"), range: String = "10.0.1.0/24".into(), open: bool = false }, {
    const FIXED: &'static [&'static str] = &["net", "range"];
    const UNIQUE: &'static [&'static str] = &["net", "range"];
}, Timing::seconds(1, 1, 1), |_, _| json!({}));

toy!(Gate, "gate", { net: Ref<Net> = Ref::to("main") }, {
    const FIXED: &'static [&'static str] = &[];
    const REPEATABLE: bool = false;
}, Timing::seconds(1, 1, 1), |_, _| json!({}));

toy!(Image, "image", { text: String = "one".into() }, {
    const FIXED: &'static [&'static str] = &[];
    const RENEWED: &'static [&'static str] = &["version"];
}, Timing::seconds(1, 1, 1), |_, revision| json!({ "version": revision }));

toy!(Fleet, "fleet", {
    lans: BTreeSet<Ref<Lan>> = [Ref::to("a"), Ref::to("b")].into(),
    image: Ref<Image> = Ref::to("web"),
    version: Late<u32> = Ref::<Image>::to("web").output("version"),
    size: u32 = 2,
}, {
    const FIXED: &'static [&'static str] = &[];
    const AFTER: &'static [&'static str] = &["gate"];
}, Timing::seconds(60, 120, 30), |_, _| json!({}));

toy!(Disk, "disk", { lan: Ref<Lan> = Ref::to("a"), size: u32 = 100, guarded: bool = false }, {
    const FIXED: &'static [&'static str] = &["lan"];
    const STATEFUL: bool = true;
    const ORDER: ReplaceOrder = ReplaceOrder::DeleteFirst;
    const PROTECTION: Option<&'static str> = Some("guarded");
}, Timing::seconds(600, 300, 120), |id, _| json!({ "host": id }));

/// Every toy.
pub(crate) const KINDS: &[KindInfo] = &[
    KindInfo::of::<Net>(),
    KindInfo::of::<Lan>(),
    KindInfo::of::<Gate>(),
    KindInfo::of::<Image>(),
    KindInfo::of::<Fleet>(),
    KindInfo::of::<Disk>(),
];

/// The owner of every test's stack.
pub(crate) fn owner() -> Owner {
    Owner::new("shop", "test")
}

/// A desired resource; properties are written as a blueprint writes them.
pub(crate) fn resource(address: &str, properties: Value) -> Resource {
    let address: Address = address.parse().unwrap();
    let kind = KINDS.iter().find(|kind| kind.name == address.kind()).unwrap();
    let properties = (kind.canonical)(properties).unwrap();
    Resource { address, component: "resources".into(), properties, tags: Tags::from([("team".into(), "shop".into())]) }
}

/// A network with everything in it.
pub(crate) fn stack() -> Vec<Resource> {
    vec![
        resource("net/main", json!({ "cidr": "10.0.0.0/16", "dns": true })),
        resource("gate/main", json!({ "net": "main" })),
        resource("lan/a", json!({ "net": "main", "range": "10.0.1.0/24", "open": false })),
        resource("lan/b", json!({ "net": "main", "range": "10.0.2.0/24", "open": false })),
        resource("image/web", json!({ "text": "one" })),
        resource(
            "fleet/web",
            json!({
                "lans": ["a", "b"],
                "image": "web",
                "version": { "$ref": "image/web", "output": "version" },
                "size": 2,
            }),
        ),
        resource("disk/main", json!({ "lan": "a", "size": 100, "guarded": false })),
    ]
}

/// Changes one property of one resource.
pub(crate) fn edit(resources: &mut [Resource], address: &str, property: &str, value: Value) {
    let found = resources.iter_mut().find(|resource| resource.address.to_string() == address).unwrap();
    found.properties[property] = value;
    found.properties = resource(address, found.properties.clone()).properties;
}

/// Plans against a cloud.
pub(crate) async fn plan_on(cloud: &Simulator, wanted: &[Resource]) -> (Plan, Inventory) {
    let inventory = discover(cloud, &owner()).await.unwrap();
    (plan(&Graph::new(wanted.iter().cloned()), &inventory, KINDS), inventory)
}

/// Plans and applies; the events are told in short.
pub(crate) async fn apply_on(cloud: &Simulator, wanted: &[Resource], pace: Pace) -> (Outcome, Vec<String>) {
    let (plan, inventory) = plan_on(cloud, wanted).await;
    run(cloud, &plan, inventory, pace).await
}

/// Applies a plan; the events are told in short.
pub(crate) async fn run(cloud: &Simulator, plan: &Plan, inventory: Inventory, pace: Pace) -> (Outcome, Vec<String>) {
    let told = Mutex::new(Vec::new());
    let owner = owner();
    let job = Job { owner: &owner, provider: cloud, pace, width: 8, stop: &|| false, fence: &|| true };
    let outcome = apply(plan, inventory, &job, |event| {
        let mut told = told.lock().unwrap();
        match event {
            Event::Started { address, action, .. } => told.push(format!("{action:?} {address}").to_lowercase()),
            Event::Finished { address, .. } => told.push(format!("done {address}")),
            Event::Failed { address, error, .. } => told.push(format!("failed {address}: {error}")),
            Event::Skipped { address, because, .. } => told.push(format!("skipped {address} because of {because}")),
            Event::Begin { .. } | Event::Waiting { .. } | Event::End { .. } => {}
        }
    })
    .await;
    (outcome, told.into_inner().unwrap())
}

/// A pace at which nothing takes time.
pub(crate) fn instant() -> Pace {
    Pace { scale: 0.0, ..Pace::default() }
}

/// A cloud in which nothing takes time and nothing goes wrong.
pub(crate) fn quiet() -> Simulator {
    Simulator::in_memory(KINDS, Settings::default())
}

/// Where in what was told something stands.
pub(crate) fn position(told: &[String], what: &str) -> usize {
    told.iter().position(|line| line == what).unwrap_or_else(|| panic!("`{what}` is not in {told:#?}"))
}

/// Whether a provider knows a kind, for completeness of the list above.
pub(crate) fn knows(cloud: &dyn Provider, kind: &str) -> bool {
    cloud.kinds().iter().any(|info| info.name == kind)
}
