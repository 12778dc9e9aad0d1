//! Events as lines.

use engine::apply::{Action, Event, Pace, Tally};

use super::{Paint, duration};

/// One event as a line without its time; `None` for events that say nothing to a person. Times are real ones.
pub(crate) fn line(event: &Event, pace: Pace, paint: Paint) -> Option<String> {
    let real = |expected: &std::time::Duration| duration::words(pace.real(*expected));
    Some(match event {
        Event::Begin { steps, expected } => format!("{steps} steps, about {}", real(expected)),
        Event::Started { address, action, expected, .. } => {
            format!("{} {address} (about {})", doing(*action), real(expected))
        }
        Event::Waiting { address, reason, .. } => format!("{} {address}: {reason}", paint.yellow("waiting")),
        Event::Finished { address, elapsed, .. } => {
            format!("{} {address} in {}", paint.green("done"), duration::words(*elapsed))
        }
        Event::Failed { address, error, hint, .. } => {
            let hint = hint.as_ref().map(|hint| format!("\n    {} {hint}", paint.cyan("hint:"))).unwrap_or_default();
            format!("{} {address}: {error}{hint}", paint.red("failed"))
        }
        Event::Skipped { address, because, .. } => {
            format!("{} {address}: it follows {because}", paint.yellow("skipped"))
        }
        Event::End { .. } => return None,
    })
}

/// What is being done.
pub(crate) fn doing(action: Action) -> &'static str {
    match action {
        Action::Create => "creating",
        Action::Update => "updating",
        Action::Delete => "deleting",
        Action::Wait => "waiting for",
    }
}

/// How it went, in one sentence.
pub(crate) fn tally(tally: &Tally) -> String {
    let parts =
        [(tally.done, "done"), (tally.failed, "failed"), (tally.skipped, "skipped"), (tally.unstarted, "not started")];
    let told: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if told.is_empty() { "nothing to do".to_owned() } else { told.join(", ") }
}
