//! `terrace blueprint`.

use engine::blueprint::blueprint_schema;

use crate::args::Target;
use crate::context::reading;
use crate::error::{Code, Failure};
use crate::printer::Printer;

/// `terrace blueprint show`: the blueprint with an environment's overrides.
pub(crate) fn show(target: &Target, printer: &mut Printer) -> Result<Code, Failure> {
    let reading = reading(&target.environment)?;
    if !reading.diagnostics.is_empty() {
        printer.note(&format!("{}\n", reading.render(printer.paint_notes.0)));
    }
    if reading.failed() {
        return Err(Failure::silent(Code::Error));
    }
    if printer.json {
        printer.document(&reading.document.map(|document| document.root.value()).unwrap_or_default());
    } else {
        printer.data(&reading.show());
    }
    Ok(Code::Done)
}

/// `terrace blueprint schema`.
pub(crate) fn schema(printer: &mut Printer) -> Result<Code, Failure> {
    printer.document(&blueprint_schema(aws::components::ALL, aws::kinds::INFOS));
    Ok(Code::Done)
}
