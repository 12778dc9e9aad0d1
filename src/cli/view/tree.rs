//! What is live, as a tree by component.

use std::collections::BTreeMap;

use engine::{Graph, Inventory, Live, Phase};

use super::Paint;
use crate::documents::{Shown, ShownPhase, ShownResource};

/// Live resources by component; those the blueprint does not have come last.
fn by_component<'a>(graph: &Graph, inventory: &'a Inventory) -> BTreeMap<String, Vec<&'a Live>> {
    let mut components: BTreeMap<String, Vec<&Live>> = BTreeMap::new();
    for live in inventory.all() {
        let component = graph.get(&live.address).map(|resource| resource.component.clone());
        components.entry(component.unwrap_or_else(|| "~".to_owned())).or_default().push(live);
    }
    components
}

/// The tree.
pub(crate) fn render(graph: &Graph, inventory: &Inventory, place: &str, paint: Paint) -> String {
    let missing = graph.iter().filter(|resource| inventory.get(&resource.address).is_none()).count();
    let mut text = format!("{}\n", paint.bold(place));
    if inventory.is_empty() {
        text.push_str("nothing is live\n");
    }
    let column = inventory.all().map(|live| live.address.to_string().chars().count()).max().unwrap_or_default();
    for (component, resources) in by_component(graph, inventory) {
        let title = if component == "~" { "not in the blueprint" } else { &component };
        text.push_str(&format!("{}\n", paint.cyan(title)));
        let last = resources.len() - 1;
        for (index, live) in resources.iter().enumerate() {
            let branch = if index == last { "└─" } else { "├─" };
            let address = live.address.to_string();
            let phase = format!("{:<8}", phase(&live.phase));
            let phase = match &live.phase {
                Phase::Ready => paint.green(&phase),
                Phase::Pending | Phase::Deleting | Phase::Gone => paint.yellow(&phase),
                Phase::Failed(_) => paint.red(&phase),
            };
            text.push_str(&format!("{branch} {address:<column$}  {phase}  {}\n", paint.dim(&live.id)));
        }
    }
    if missing > 0 {
        text.push_str(&format!("{missing} resources of the blueprint are not live: `terrace plan` shows them\n"));
    }
    text
}

fn phase(phase: &Phase) -> &'static str {
    match phase {
        Phase::Ready => "ready",
        Phase::Pending => "pending",
        Phase::Deleting => "deleting",
        Phase::Failed(_) => "failed",
        Phase::Gone => "gone",
    }
}

/// The same for machines.
pub(crate) fn document(graph: &Graph, inventory: &Inventory) -> Shown {
    let entry = |live: &Live| {
        let (phase, reason) = match &live.phase {
            Phase::Ready => (ShownPhase::Ready, None),
            Phase::Pending => (ShownPhase::Pending, None),
            Phase::Deleting => (ShownPhase::Deleting, None),
            Phase::Failed(reason) => (ShownPhase::Failed, Some(reason.clone())),
            Phase::Gone => (ShownPhase::Gone, None),
        };
        ShownResource {
            address: live.address.clone(),
            component: graph.get(&live.address).map(|resource| resource.component.clone()),
            id: live.id.clone(),
            phase,
            reason,
            properties: inventory.named(&live.properties),
            outputs: live.outputs.clone(),
            tags: live.tags.clone(),
        }
    };
    Shown { resources: inventory.all().map(entry).collect() }
}
