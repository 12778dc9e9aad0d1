//! The command line.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread;

use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::config::Settings;
use crate::config::options::Options;
use crate::edge::EdgeOptions;

/// Live media server: RTMP, SRT and WHIP in, low-latency HLS out, replays kept.
#[derive(Debug, Parser)]
#[command(name = "media", version, max_term_width = 100)]
struct Arguments {
    /// How the log on stderr is written; MEDIA_LOG_LEVEL sets what is in it.
    #[arg(long, env = "MEDIA_LOG", default_value = "json", global = true)]
    log: Log,
    /// Threads that serve [default: a quarter of the cores, at least one].
    #[arg(long, env = "MEDIA_THREADS", global = true)]
    threads: Option<NonZeroUsize>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Log {
    /// One object a line.
    Json,
    /// For people.
    Text,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take publishers and serve viewers.
    Serve(Box<Options>),
    /// Serve viewers from an origin: one upstream request for each part, however many watch.
    Edge(Box<EdgeOptions>),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("MEDIA_LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match arguments.log {
        Log::Json => log.json().flatten_event(true).init(),
        Log::Text => log.with_ansi(false).init(),
    }
    let threads = arguments
        .threads
        .map_or_else(|| thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(4)), NonZeroUsize::get);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let result = match (runtime, arguments.command) {
        (Err(error), _) => Err(format!("runtime cannot be started: {error}")),
        (Ok(runtime), Command::Serve(options)) => {
            Settings::new(*options).and_then(|settings| runtime.block_on(crate::serve::serve(settings)))
        }
        (Ok(runtime), Command::Edge(options)) => runtime.block_on(crate::edge::serve(*options)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
