//! What `apply` and `destroy` share: the lease, the question, the walk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use engine::apply::{Job, Outcome, Tally, apply};
use engine::lease::{self, Held, Lease};
use engine::{Inventory, Plan, Provider, Risk};

use crate::args::Consent;
use crate::context::Context;
use crate::error::{Code, During, Failure};
use crate::journal::Journal;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::view;

/// Takes the stack's lease, waiting as long as the user allows.
pub(super) async fn take_lease<'a>(
    context: &'a Context,
    provider: &'a dyn Provider,
    consent: &Consent,
    printer: &mut Printer,
) -> Result<Lease<'a>, Failure> {
    let patience = Duration::from_secs(consent.lease_timeout);
    let start = Instant::now();
    let mut told = false;
    loop {
        let taken = lease::acquire(provider.leases(), &context.owner, &holder(), context.pace).await;
        let held = match taken.during(|| "cannot take the lease".to_owned())? {
            Ok(lease) => return Ok(lease),
            Err(held) => held,
        };
        let dead = is_dead(&held);
        if !dead && start.elapsed() >= patience {
            let lapses = view::duration::words(held.lapses_in);
            let failure = Failure::new(format!("{} is applying to {}", held.record.holder, context.owner));
            let hint = format!("wait with `--lease-timeout 600`; if that process died, its lease lapses in {lapses}");
            return Err(failure.code(Code::Held).hint(hint));
        }
        if !told {
            let why = if dead { "died; its lease lapses" } else { "is applying; its lease lapses or is let go" };
            let lapses = view::duration::words(held.lapses_in);
            printer.note(&format!("{} {why} in {lapses} at the latest; waiting\n", held.record.holder));
            told = true;
        }
        tokio::time::sleep(held.lapses_in.clamp(Duration::from_millis(50), Duration::from_secs(1))).await;
    }
}

/// What others are told of this process: `jin@build-7 (pid 4242)`.
fn holder() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".to_owned());
    format!("{user}@{} (pid {})", host(), std::process::id())
}

fn host() -> String {
    let file = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = file.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_else(|| "localhost".to_owned());
    name.trim().to_owned()
}

/// Whether the holder was a process of this machine that is no more. Where that cannot be told, it lives.
fn is_dead(held: &Held) -> bool {
    let Some((name, pid)) = held.record.holder.rsplit_once(" (pid ") else { return false };
    let here = name.rsplit_once('@').is_some_and(|(_, machine)| machine == host());
    let processes = std::path::Path::new("/proc");
    here && processes.join("self").exists() && !processes.join(pid.trim_end_matches(')')).exists()
}

/// Refuses a plan with a change that is refused.
pub(super) fn refuse(plan: &Plan) -> Result<(), Failure> {
    let refused: Vec<String> =
        plan.refused().filter_map(|change| Some(format!("{}: {}", change.address, change.refused.as_ref()?))).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let failure = Failure::new(format!("refused; nothing was done\n  {}", refused.join("\n  ")));
    Err(failure
        .code(Code::Refused)
        .hint("a protection is turned off in the blueprint, and applied, before what it protects goes"))
}

/// Works under the lease: it is renewed all the while, a person's thinking included, and losing it ends the work.
pub(super) async fn under<T>(lease: &Lease<'_>, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        () = lease.keep() => {
            let failure = Failure::new("somebody else took the lease: this process was stopped for too long");
            Err(failure.code(Code::Held).hint("what was made is kept; run again when the other one is done"))
        }
    }
}

/// Asks for what the plan needs: a yes, or the environment's name if something would be lost.
pub(super) async fn agree(
    plan: &Plan,
    destroy: bool,
    context: &Context,
    consent: &Consent,
    printer: &mut Printer,
) -> Result<(), Failure> {
    if consent.yes {
        return Ok(());
    }
    if !printer.interactive {
        let failure = Failure::new("nobody can be asked: stdin or stderr is not a terminal; nothing was done");
        return Err(failure.code(Code::Refused).hint("`--yes` agrees beforehand"));
    }
    let loses = plan.changes.iter().flat_map(|change| &change.impacts).any(|impact| impact.risk == Risk::DataLoss);
    let name = &context.environment.name;
    let (question, wanted) = match loses || destroy {
        true => (format!("Type the environment's name, `{name}`, to go on: "), name.as_str()),
        false => (format!("Apply this to {}? Type `yes`: ", context.owner), "yes"),
    };
    match printer.ask(&question).await {
        Some(answer) if answer == wanted => Ok(()),
        _ => Err(Failure::new("not confirmed; nothing was done").code(Code::Refused)),
    }
}

/// What a walk works on.
pub(super) struct Walk<'a> {
    /// What the user calls it: `apply` or `destroy`.
    pub(super) verb: &'static str,
    pub(super) context: &'a Context,
    pub(super) provider: &'a dyn Provider,
    pub(super) lease: &'a Lease<'a>,
    pub(super) width: u16,
}

/// Walks the plan under the lease, showing and journalling what happens, and says how it went.
pub(super) async fn walk(
    plan: &Plan,
    inventory: Inventory,
    walk: &Walk<'_>,
    printer: &mut Printer,
) -> Result<Inventory, Failure> {
    let start = Instant::now();
    let outcome = steps(plan, inventory, walk, printer).await?;
    conclude(&outcome.tally, start.elapsed(), walk, printer)?;
    Ok(outcome.inventory)
}

async fn steps(plan: &Plan, inventory: Inventory, walk: &Walk<'_>, printer: &mut Printer) -> Result<Outcome, Failure> {
    let Walk { verb, context, provider, lease, width } = *walk;
    let mut journal = Journal::begin(&context.environment.name, verb).during(|| "cannot begin a journal".to_owned())?;
    let stopped = AtomicBool::new(false);
    let progress = std::sync::Mutex::new((Progress::new(plan, context.pace, printer), printer));
    let job = Job {
        owner: &context.owner,
        provider,
        pace: context.pace,
        width: usize::from(width),
        stop: &|| stopped.load(Ordering::Relaxed),
        fence: &|| lease.holds(),
    };
    let applied = apply(plan, inventory, &job, |event| {
        journal.write(&event);
        let (progress, printer) = &mut *progress.lock().expect("no listener panics");
        progress.show(&event, printer);
    });
    let say = |text: &str| {
        let (progress, printer) = &mut *progress.lock().expect("no listener panics");
        progress.say(text, printer);
    };
    let interrupted = async {
        interrupt().await;
        stopped.store(true, Ordering::Relaxed);
        say("interrupted: finishing what is in flight; press Ctrl-C again to leave at once");
        interrupt().await;
        say(&format!("left at once; `terrace {verb} {}` goes on where this stopped", context.environment.name));
        // Everything that was made is labelled, so there is nothing to clean up.
        std::process::exit(Code::Interrupted as i32);
    };
    tokio::select! {
        outcome = applied => Ok(outcome),
        () = interrupted => unreachable!("a second interrupt ends the process"),
    }
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Signals cannot be caught here: the default, ending at once, stays.
        std::future::pending::<()>().await;
    }
}

/// Says how it went, and what to do if it is not over.
fn conclude(tally: &Tally, elapsed: Duration, walk: &Walk<'_>, printer: &mut Printer) -> Result<(), Failure> {
    let told = view::event::tally(tally);
    let elapsed = view::duration::words(elapsed);
    if tally.complete() {
        printer.note(&format!("{} {told} in {elapsed}\n", printer.paint_notes.green("complete:")));
        return Ok(());
    }
    let (code, word) = match tally.failed {
        0 => (Code::Interrupted, "interrupted"),
        _ => (Code::Partial, "partly applied"),
    };
    let again = format!("`terrace {} {}` again goes on where this stopped", walk.verb, walk.context.environment.name);
    Err(Failure::new(format!("{word}: {told} in {elapsed}")).code(code).hint(again))
}
