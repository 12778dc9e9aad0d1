//! A plan as people read it: what it risks, how much it is, then what it is.
//!
//! The whole fits a screen unless details are asked for: creates and deletes of one kind share a line, and what still
//! does not fit is counted.

use std::collections::BTreeMap;

use engine::Plan;
use engine::plan::{Change, Field, Operation, Origin, Verb};

use super::value::{brief, list_change};
use super::{Paint, duration};

/// How many lines a plan without details has at most.
const SCREEN: usize = 40;
/// How many lines of it the risks may take.
const RISKS: usize = 12;

/// How to show a plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) paint: Paint,
    /// Columns.
    pub(crate) width: usize,
    /// Whether to show every change and property.
    pub(crate) details: bool,
}

/// The whole plan.
pub(crate) fn render(plan: &Plan, place: &str, options: Options) -> String {
    let paint = options.paint;
    if !plan.changes_anything() {
        let waits = plan.changes.len();
        let waiting = if waits > 0 { format!(" {waits} are still being made.") } else { String::new() };
        return format!(
            "{}\n{} resources are as wanted.{waiting}\n",
            paint.bold(&format!("No changes: {place}")),
            plan.unchanged
        );
    }
    let mut lines = vec![paint.bold(place), String::new()];
    lines.extend(risks(plan, options));
    lines.push(summary(plan, paint));
    let room = if options.details { usize::MAX } else { SCREEN.saturating_sub(lines.len() + 1) };
    lines.extend(tree(plan, room, options));
    lines.join("\n") + "\n"
}

/// What would lose data, interrupt or expose something, gravest first.
fn risks(plan: &Plan, options: Options) -> Vec<String> {
    let mut rows: Vec<(engine::Risk, String, String)> = Vec::new();
    for change in &plan.changes {
        for impact in &change.impacts {
            rows.push((impact.risk, change.address.to_string(), impact.effect.clone()));
        }
        if let Some(reason) = &change.refused {
            rows.push((engine::Risk::DataLoss, change.address.to_string(), format!("is refused: {reason}")));
        }
    }
    if rows.is_empty() {
        return vec!["No data loss, no downtime, no change of exposure.".to_owned(), String::new()];
    }
    rows.sort();
    let shown = if options.details { rows.len() } else { rows.len().min(RISKS) };
    let column = rows.iter().take(shown).map(|(_, address, _)| address.chars().count()).max().unwrap_or_default();
    let mut lines = Vec::new();
    for (risk, address, effect) in &rows[..shown] {
        let word = format!("{risk:<9}", risk = risk.to_string());
        let word = match risk {
            engine::Risk::DataLoss => options.paint.red(&word),
            engine::Risk::Downtime | engine::Risk::Exposure => options.paint.yellow(&word),
        };
        let mut effect = wrapped(effect, options.width.saturating_sub(column + 15)).into_iter();
        lines.push(format!("  {word}  {address:<column$}  {}", effect.next().unwrap_or_default()));
        lines.extend(effect.map(|rest| format!("{:1$}{rest}", "", column + 15)));
    }
    if shown < rows.len() {
        lines.push(format!("  … and {} more (`--details` shows all)", rows.len() - shown));
    }
    lines.push(String::new());
    lines
}

fn summary(plan: &Plan, paint: Paint) -> String {
    let count = |wanted: fn(Verb) -> bool| plan.changes.iter().filter(|change| wanted(change.verb)).count();
    let parts = [
        (count(|verb| verb == Verb::Create), "to create"),
        (count(|verb| verb == Verb::Update), "to update"),
        (count(|verb| matches!(verb, Verb::Replace(_))), "to replace"),
        (count(|verb| verb == Verb::Rename), "to rename"),
        (count(|verb| matches!(verb, Verb::Delete | Verb::Reap)), "to delete"),
        (count(|verb| verb == Verb::Wait), "to wait for"),
    ];
    let told: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let unchanged = if plan.unchanged > 0 { format!(", {} unchanged", plan.unchanged) } else { String::new() };
    let expected = duration::words(plan.estimate());
    paint.bold(&format!("Plan: {}{unchanged}; about {expected}.", told.join(", ")))
}

/// Changes by component; as many as there is room for.
fn tree(plan: &Plan, room: usize, options: Options) -> Vec<String> {
    let mut components: BTreeMap<String, Vec<&Change>> = BTreeMap::new();
    for change in &plan.changes {
        let component = change.component.clone().unwrap_or_else(|| "no longer in the blueprint".to_owned());
        components.entry(component).or_default().push(change);
    }
    let mut lines = Vec::new();
    for (component, changes) in components {
        lines.push(options.paint.cyan(&component));
        if options.details {
            lines.extend(changes.iter().flat_map(|change| whole(plan, change, options)));
        } else {
            lines.extend(grouped(&changes, options));
        }
    }
    if lines.len() > room {
        let hidden = lines.len() - room + 1;
        lines.truncate(room.saturating_sub(1));
        lines.push(options.paint.dim(&format!("… and {hidden} more lines (`--details` shows all)")));
    }
    lines
}

/// One line per verb and kind, and one per changed property set.
fn grouped(changes: &[&Change], options: Options) -> Vec<String> {
    let mut groups: BTreeMap<(Verb, &str, String), Vec<&Change>> = BTreeMap::new();
    for change in changes {
        let same =
            change.fields.iter().map(|field| field_line(field, Paint(false), 200)).collect::<Vec<_>>().join("\n");
        groups.entry((change.verb, change.address.kind(), same)).or_default().push(change);
    }
    let mut lines = Vec::new();
    for ((verb, kind, _), members) in groups {
        let mut names: Vec<&str> = members.iter().map(|change| change.address.name()).collect();
        names.sort_unstable();
        let start = format!("  {} {kind}", word(verb, options.paint));
        let room = options.width.saturating_sub(12 + kind.chars().count());
        lines.push(format!("{start}  {}", listed(&names, room)));
        for field in &members[0].fields {
            lines.push(field_line(field, options.paint, options.width));
        }
    }
    lines
}

/// One change with everything about it.
fn whole(plan: &Plan, change: &Change, options: Options) -> Vec<String> {
    let id = change.id.as_ref().map(|id| options.paint.dim(&format!("  {id}"))).unwrap_or_default();
    let mut lines = vec![format!("  {} {}{id}", word(change.verb, options.paint), change.address)];
    for field in &change.fields {
        lines.push(field_line(field, options.paint, usize::MAX));
    }
    let index = plan.changes.iter().position(|other| std::ptr::eq(other, change));
    let created = plan.steps.iter().find(|step| Some(step.change) == index);
    if let (Verb::Create, Some(Operation::Create { desired })) = (change.verb, created.map(|step| &step.operation)) {
        for (name, value) in desired.properties.as_object().into_iter().flatten() {
            lines.push(format!("             {name}: {}", brief(value)));
        }
    }
    lines
}

/// A sign and a word of eight columns.
fn word(verb: Verb, paint: Paint) -> String {
    match verb {
        Verb::Create => paint.green("+ create "),
        Verb::Update => paint.yellow("~ update "),
        Verb::Replace(_) => paint.red("± replace"),
        Verb::Rename => paint.yellow("> rename "),
        Verb::Delete => paint.red("- delete "),
        Verb::Reap => paint.red("- delete a duplicate of"),
        Verb::Wait => paint.dim("… wait   "),
    }
}

fn field_line(field: &Field, paint: Paint, width: usize) -> String {
    let change = &field.change;
    let told = list_change(&change.before, &change.after)
        .unwrap_or_else(|| format!("{} → {}", brief(&change.before), brief(&change.after)));
    let origin = match field.origin {
        Origin::Blueprint => "",
        Origin::Outside => "  (changed outside)",
        Origin::Conflict => "  (changed here and outside)",
        Origin::Follows => "  (follows)",
    };
    let force = if field.replaces { "  (forces replacement)" } else { "" };
    let room = width.saturating_sub(15 + change.path.chars().count() + origin.len() + force.len());
    let marks = format!("{}{}", paint.dim(origin), paint.red(force));
    format!("             {}: {}{marks}", change.path, cut(&told, room.max(16)))
}

/// Names separated by commas; those that do not fit are counted.
fn listed(names: &[&str], room: usize) -> String {
    let all = names.join(", ");
    if all.chars().count() <= room || names.len() == 1 {
        return all;
    }
    let mut shown = String::new();
    for (index, name) in names.iter().enumerate() {
        let rest = format!("… {} in all", names.len());
        if index > 0 && shown.chars().count() + name.chars().count() + rest.chars().count() + 2 > room {
            return shown + &rest;
        }
        shown.push_str(name);
        shown.push_str(", ");
    }
    all
}

/// A text in lines of at most `room` columns, broken between words.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// The beginning of a text, with a mark where it was cut.
fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(room.saturating_sub(1)).collect();
    cut.push('…');
    cut
}
