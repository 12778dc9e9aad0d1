//! `terrace sandbox`.

use std::io::ErrorKind;

use crate::context::simulated_cloud;
use crate::documents::Emptied;
use crate::error::{Code, During, Failure};
use crate::printer::Printer;

/// `terrace sandbox reset`: there is nothing real to lose, so nothing is asked.
pub(crate) fn reset(printer: &mut Printer) -> Result<Code, Failure> {
    let path = simulated_cloud();
    let removed = match std::fs::remove_file(&path) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error).during(|| format!("cannot remove `{}`", path.display())),
    };
    printer.note(if removed { "the simulated cloud is empty\n" } else { "the simulated cloud was empty already\n" });
    if printer.json {
        printer.document(&Emptied { removed });
    }
    Ok(Code::Done)
}
