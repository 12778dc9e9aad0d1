//! What may stand on the command line.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::documents::SCHEMAS;

/// Plans, applies, rehearses and prices a production AWS stack from one blueprint.
#[derive(Debug, Parser)]
#[command(name = "terrace", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done or no change, 1 error, 2 plan has changes (--detailed-exitcode), 3 saved plan \
                        is stale, 4 preflight failed, 5 refused by protection or policy, 6 partly applied: run again to \
                        converge, 7 somebody else holds the lease, 130 interrupted."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) output: Output,

    /// Work in this folder.
    #[arg(short = 'C', long, global = true, value_name = "FOLDER")]
    pub(crate) chdir: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How to print.
#[derive(Args, Debug)]
pub(crate) struct Output {
    /// Print JSON on stdout: one document, or one event a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// When to use colours; `NO_COLOR` counts too.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

/// Which environment to work on.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// An environment: its name (`environments/<NAME>.yaml`) or the path of its file.
    #[arg(value_name = "ENVIRONMENT", env = "TERRACE_ENVIRONMENT", default_value = "sandbox")]
    pub(crate) environment: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a blueprint and environments to start from.
    Init(InitArguments),
    /// Report every mistake in the blueprint and its environments.
    Validate {
        /// Environments to check; all in `environments/` when none is named.
        #[arg(value_name = "ENVIRONMENT")]
        environments: Vec<String>,
    },
    /// Show what an apply would do; changes nothing.
    Plan(PlanArguments),
    /// Make the cloud what the blueprint says.
    Apply(ApplyArguments),
    /// Delete everything the stack owns.
    Destroy(WalkArguments),
    /// Show what is live, by component.
    Show {
        #[command(flatten)]
        target: Target,
    },
    /// Show the stack's outputs.
    Outputs {
        #[command(flatten)]
        target: Target,
        /// Print this one's value alone.
        #[arg(long, value_name = "OUTPUT")]
        name: Option<String>,
    },
    /// Look at a blueprint.
    #[command(subcommand)]
    Blueprint(BlueprintCommand),
    /// Manage the simulated cloud.
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Print the JSON schema of what a command prints with `--json`.
    Schema {
        /// The document.
        #[arg(value_parser = PossibleValuesParser::new(SCHEMAS.iter().map(|(name, _)| *name)))]
        document: String,
    },
    /// Print a completion script.
    Completions {
        /// The shell it is for.
        shell: clap_complete::Shell,
    },
    /// Write manual pages.
    Man {
        /// The folder to write them to; the main page goes to stdout without one.
        folder: Option<PathBuf>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct InitArguments {
    /// The folder to write to.
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// The stack's name; the folder's when left out.
    #[arg(long)]
    pub(crate) name: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Show every change and property.
    #[arg(long)]
    pub(crate) details: bool,
    /// Exit with 2 when there are changes.
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Plan to delete everything.
    #[arg(long)]
    pub(crate) destroy: bool,
    /// Save the plan for `apply --plan`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ApplyArguments {
    #[command(flatten)]
    pub(crate) walk: WalkArguments,
    /// Apply this saved plan, and only if it still is what would be planned.
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
}

/// What every command that changes a stack takes.
#[derive(Args, Debug)]
pub(crate) struct WalkArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// Show every change and property.
    #[arg(long)]
    pub(crate) details: bool,
}

/// How a change is agreed to and when it may start.
#[derive(Args, Debug)]
pub(crate) struct Consent {
    /// Answer every question with yes.
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Wait up to this long for somebody else's lease, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) lease_timeout: u64,
    /// How many steps may run at once.
    #[arg(long, value_name = "STEPS", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) parallelism: u16,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BlueprintCommand {
    /// Print the blueprint with an environment's overrides.
    Show {
        #[command(flatten)]
        target: Target,
    },
    /// Print the JSON schema of blueprints, for editors.
    Schema,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Forget the simulated cloud and everything in it.
    Reset,
}
