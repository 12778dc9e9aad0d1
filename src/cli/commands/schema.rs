//! `terrace schema`.

use crate::documents::SCHEMAS;
use crate::error::{Code, Failure};
use crate::printer::Printer;

pub(crate) fn run(document: &str, printer: &mut Printer) -> Result<Code, Failure> {
    let found = SCHEMAS.iter().find(|(name, _)| *name == document);
    let (_, schema) = found.ok_or_else(|| Failure::new(format!("there is no document `{document}`")))?;
    printer.document(&schema());
    Ok(Code::Done)
}
