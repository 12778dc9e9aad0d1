//! The `terrace` command: parses, calls the library, prints. Decides nothing about a cloud.

mod args;
mod commands;
mod context;
mod documents;
mod error;
mod journal;
mod printer;
mod progress;
mod view;

use std::process::ExitCode;

use clap::Parser;

use args::Arguments;
use printer::Printer;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut printer = Printer::new(&arguments.output);
    match commands::run(arguments, &mut printer) {
        Ok(code) => code.into(),
        Err(failure) => {
            printer.failure(&failure);
            failure.code.into()
        }
    }
}
