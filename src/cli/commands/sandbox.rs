//! `terrace sandbox`.

use std::io::ErrorKind;

use crate::context::simulated_cloud;
use crate::error::{Code, During, Failure};
use crate::printer::Printer;

/// `terrace sandbox reset`: there is nothing real to lose, so nothing is asked.
pub(crate) fn reset(printer: &mut Printer) -> Result<Code, Failure> {
    let path = simulated_cloud();
    match std::fs::remove_file(&path) {
        Ok(()) => printer.note("the simulated cloud is empty\n"),
        Err(error) if error.kind() == ErrorKind::NotFound => printer.note("the simulated cloud was empty already\n"),
        Err(error) => return Err(error).during(|| format!("cannot remove `{}`", path.display())),
    }
    Ok(Code::Done)
}
