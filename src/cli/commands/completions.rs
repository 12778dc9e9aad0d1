//! `terrace completions`.

use clap::CommandFactory;

use crate::args::Arguments;
use crate::error::{Code, Failure};
use crate::printer::Printer;

pub(crate) fn run(shell: clap_complete::Shell, printer: &mut Printer) -> Result<Code, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "terrace", &mut script);
    printer.data(&String::from_utf8_lossy(&script));
    Ok(Code::Done)
}
