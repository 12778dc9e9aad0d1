//! `terrace validate`.

use engine::blueprint::Told;

use crate::context::{environments, reading};
use crate::documents::Validated;
use crate::error::{Code, Failure};
use crate::printer::Printer;

pub(crate) fn run(named: &[String], printer: &mut Printer) -> Result<Code, Failure> {
    let all = if named.is_empty() { environments() } else { named.to_vec() };
    if all.is_empty() {
        return Err(Failure::new("there is no environment to validate").hint("start with `terrace init`"));
    }
    let mut documents: Vec<Validated> = Vec::new();
    for environment in all {
        let mut reading = reading(&environment)?;
        let valid = !reading.failed();
        let diagnostics: Vec<Told> =
            reading.diagnostics.iter().map(|diagnostic| diagnostic.told(&reading.sources)).collect();
        if !printer.json {
            // Environments share a blueprint: its mistakes are told once.
            let known = |told: &Told| documents.iter().any(|earlier| earlier.diagnostics.contains(told));
            let mut fresh = diagnostics.iter().map(|told| !known(told));
            reading.diagnostics.retain(|_| fresh.next().unwrap_or_default());
            if !reading.diagnostics.is_empty() {
                printer.note(&format!("{}\n", reading.render(printer.paint_notes.0)));
            }
            printer.data(&match valid {
                true => format!("{environment}: valid, {} resources\n", reading.graph.len()),
                false => format!("{environment}: not valid\n"),
            });
        }
        let resources = valid.then(|| reading.graph.len());
        documents.push(Validated { environment, valid, resources, diagnostics });
    }
    if printer.json {
        printer.document(&documents);
    }
    let valid = documents.iter().all(|document| document.valid);
    if valid { Ok(Code::Done) } else { Err(Failure::silent(Code::Error)) }
}
