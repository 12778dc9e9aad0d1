//! One file per command: parse, call one function, print.

mod apply;
mod blueprint;
mod completions;
mod destroy;
mod init;
mod man;
mod outputs;
mod plan;
mod sandbox;
mod schema;
mod show;
mod validate;
mod walk;

use crate::args::{Arguments, BlueprintCommand, Command, SandboxCommand};
use crate::error::{Code, During, Failure};
use crate::printer::Printer;

/// Runs the command that was asked for.
pub(crate) fn run(arguments: Arguments, printer: &mut Printer) -> Result<Code, Failure> {
    if let Some(folder) = &arguments.chdir {
        std::env::set_current_dir(folder).during(|| format!("cannot work in `{}`", folder.display()))?;
    }
    match arguments.command {
        Command::Init(arguments) => init::run(&arguments, printer),
        Command::Validate { environments } => validate::run(&environments, printer),
        Command::Plan(arguments) => wait(plan::run(&arguments, printer)),
        Command::Apply(arguments) => wait(apply::run(&arguments, printer)),
        Command::Destroy(arguments) => wait(destroy::run(&arguments, printer)),
        Command::Show { target } => wait(show::run(&target, printer)),
        Command::Outputs { target, name } => wait(outputs::run(&target, name.as_deref(), printer)),
        Command::Blueprint(BlueprintCommand::Show { target }) => blueprint::show(&target, printer),
        Command::Blueprint(BlueprintCommand::Schema) => blueprint::schema(printer),
        Command::Sandbox(SandboxCommand::Reset) => sandbox::reset(printer),
        Command::Schema { document } => schema::run(&document, printer),
        Command::Completions { shell } => completions::run(shell, printer),
        Command::Man { folder } => man::run(folder.as_deref(), printer),
    }
}

/// Runs a command that talks to a cloud.
fn wait<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.during(|| "cannot start".to_owned())?.block_on(command)
}
