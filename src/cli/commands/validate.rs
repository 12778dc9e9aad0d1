//! `terrace validate`.

use serde_json::json;

use crate::context::{environments, reading};
use crate::error::{Code, Failure};
use crate::printer::Printer;

pub(crate) fn run(named: &[String], printer: &mut Printer) -> Result<Code, Failure> {
    let all = if named.is_empty() { environments() } else { named.to_vec() };
    if all.is_empty() {
        return Err(Failure::new("there is no environment to validate").hint("start with `terrace init`"));
    }
    let mut documents = Vec::new();
    let mut failed = false;
    for environment in &all {
        let reading = reading(environment)?;
        failed |= reading.failed();
        if printer.json {
            let diagnostics: Vec<_> =
                reading.diagnostics.iter().map(|diagnostic| diagnostic.to_json(&reading.sources)).collect();
            documents
                .push(json!({ "environment": environment, "valid": !reading.failed(), "diagnostics": diagnostics }));
            continue;
        }
        if !reading.diagnostics.is_empty() {
            printer.note(&format!("{}\n", reading.render(printer.paint_notes.0)));
        }
        if !reading.failed() {
            printer.data(&format!("{environment}: valid, {} resources\n", reading.graph.len()));
        } else {
            printer.data(&format!("{environment}: not valid\n"));
        }
    }
    if printer.json {
        printer.document(&documents);
    }
    if failed { Err(Failure::silent(Code::Error)) } else { Ok(Code::Done) }
}
