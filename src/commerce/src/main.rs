//! `commerce`: a shop that sells live. This file only chooses what to run.

mod api;
mod auctions;
mod catalog;
mod clock;
mod config;
mod demo;
mod error;
mod gather;
mod id;
mod live;
mod operations;
mod orders;
mod pages;
mod payments;
mod people;
mod secret;
mod serve;
mod shop;
mod store;
mod web;

use std::process::ExitCode;

use clap::Parser;

use crate::config::{Arguments, Command, Place};
use crate::error::{Error, Result};
use crate::operations::{audit, verify};
use crate::store::{Database, args, transact};

pub(crate) use crate::shop::Shop;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("error: cannot start: {e}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments.command)) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve(config) => serve::serve(*config).await.map(|()| ExitCode::SUCCESS),
        Command::Migrate { place, check: true } => check(&place).await,
        Command::Migrate { place, check: false } => {
            match Database::open(&place.database, None).await?.migrate().await?.as_slice() {
                [] => eprintln!("the schema is up to date"),
                ran => eprintln!("ran {}", ran.join(", ")),
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Backup { place, file } => existing(&place).await?.backup(&file).await.map(|()| ExitCode::SUCCESS),
        Command::Restore { place, file } => {
            Database::open(&place.database, None).await?.restore(&file).await.map(|()| ExitCode::SUCCESS)
        }
        Command::Verify { place, json } => verify(&place, json).await,
        Command::Admin { place, email } => admin(&place, email).await,
        Command::Openapi => {
            println!("{}", api::document().to_pretty_json().map_err(|e| Error::Internal(e.to_string()))?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A database that is there: whoever asks about one does not want a new one.
async fn existing(place: &Place) -> Result<Database> {
    if let Some(path) = place.database.strip_prefix("sqlite:")
        && !std::path::Path::new(path).exists()
    {
        return Err(Error::Unavailable(format!(
            "there is no database `{path}`\n\nhint: name one with `--database`, or make it with `commerce migrate`"
        )));
    }
    Database::open(&place.database, None).await
}

/// A database with this program's schema.
async fn migrated(place: &Place) -> Result<Database> {
    let database = existing(place).await?;
    let state = database.pending().await?;
    if state.pending.is_empty() && state.changed.is_empty() {
        return Ok(database);
    }
    let wrong = [state.pending, state.changed].concat().join(", ");
    Err(Error::Unavailable(format!(
        "the schema of this database is not this program's: {wrong}\n\nhint: `commerce migrate --check` tells what differs, \
         `commerce migrate` adds what is missing"
    )))
}

async fn check(place: &Place) -> Result<ExitCode> {
    let state = existing(place).await?.pending().await?;
    for name in &state.pending {
        println!("pending {name}");
    }
    for name in &state.changed {
        println!("changed {name}");
    }
    let same = state.pending.is_empty() && state.changed.is_empty();
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

async fn verify(place: &Place, json: bool) -> Result<ExitCode> {
    let report = verify::run(&migrated(place).await?).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(|e| Error::Internal(e.to_string()))?);
    } else if report.ok {
        println!("the books are right: {} orders paid, {} charges", report.paid_orders, report.charges);
    }
    for problem in report.problems.iter().filter(|_| !json) {
        println!("{problem}");
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn admin(place: &Place, email: String) -> Result<ExitCode> {
    let database = migrated(place).await?;
    let done = transact!(database, [email], |c| {
        if c.execute("UPDATE people SET role = 'admin' WHERE email = ?", args![email.to_lowercase()]).await? == 0 {
            return Err(Error::NotFound("account of this address"));
        }
        audit::append(c, None, "person.admin", &email, "from the command line").await
    });
    done.await?;
    Ok(ExitCode::SUCCESS)
}
