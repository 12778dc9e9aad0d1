//! The one place that touches a stream: data to stdout, everything else to stderr.

use std::io::{self, IsTerminal, Write};

use crate::args::{Output, When};
use crate::documents::Failed;
use crate::error::Failure;
use crate::view::Paint;

/// The width of what is not a terminal, and the least a terminal is taken to have.
const WIDTH: usize = 80;

/// Knows the streams and what they can show.
#[derive(Debug)]
pub(crate) struct Printer {
    /// Whether stdout carries JSON alone.
    pub(crate) json: bool,
    /// Colours on stdout.
    pub(crate) paint: Paint,
    /// Colours on stderr.
    pub(crate) paint_notes: Paint,
    /// Whether stderr is a terminal: progress may move.
    pub(crate) animated: bool,
    /// Whether questions can be asked.
    pub(crate) interactive: bool,
    /// Columns of the terminal.
    pub(crate) width: usize,
}

impl Printer {
    pub(crate) fn new(output: &Output) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = |terminal: bool| match output.color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !plain,
        };
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let columns = indicatif::TermLike::width(&console::Term::stderr());
        Self {
            json: output.json,
            paint: Paint(colour(out) && !output.json),
            paint_notes: Paint(colour(err)),
            animated: err && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
            interactive: err && io::stdin().is_terminal(),
            width: if err || out { usize::from(columns).max(WIDTH) } else { WIDTH },
        }
    }

    /// Prints data on stdout.
    pub(crate) fn data(&mut self, text: &str) {
        write(&mut io::stdout().lock(), text);
    }

    /// Prints a JSON document on stdout.
    pub(crate) fn document(&mut self, value: &impl serde::Serialize) {
        let text = serde_json::to_string_pretty(value).expect("documents are plain JSON");
        self.data(&(text + "\n"));
    }

    /// Prints JSON as one line of a stream on stdout.
    pub(crate) fn line(&mut self, value: &impl serde::Serialize) {
        let text = serde_json::to_string(value).expect("documents are plain JSON");
        self.data(&(text + "\n"));
    }

    /// Prints a message on stderr.
    pub(crate) fn note(&mut self, text: &str) {
        write(&mut io::stderr().lock(), text);
    }

    /// Prints what to do next on stderr.
    pub(crate) fn hint(&mut self, text: &str) {
        let hint = format!("{} {text}\n", self.paint_notes.cyan("hint:"));
        self.note(&hint);
    }

    /// Prints why the command failed.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        let text = format!("{} {}\n", self.paint_notes.red("error:"), failure.message);
        self.note(&text);
        if let Some(hint) = &failure.hint {
            self.note("\n");
            self.hint(hint);
        }
        if self.json {
            let Failure { code, message: error, hint } = failure;
            self.line(&Failed { error: error.clone(), hint: hint.clone(), exit_code: *code as u8 });
        }
    }

    /// Asks a question; the answer, trimmed, comes while other work goes on. `None` at the end of the input.
    pub(crate) async fn ask(&mut self, question: &str) -> Option<String> {
        self.note(question);
        let (sender, answer) = tokio::sync::oneshot::channel();
        // A thread of its own: one that waits for a person would keep a runtime from ending.
        std::thread::spawn(move || {
            let mut answer = String::new();
            let read = io::stdin().read_line(&mut answer).unwrap_or_default();
            // Nobody listens any more when the command has ended meanwhile.
            let _ = sender.send((read > 0).then(|| answer.trim().to_owned()));
        });
        answer.await.ok().flatten()
    }
}

/// Writes; a reader that went away ends the process quietly, as it ends every other tool of a pipe.
fn write(stream: &mut impl Write, text: &str) {
    if stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).is_err() {
        std::process::exit(1);
    }
}
