//! Why a command failed, and with which exit code.

use std::process::ExitCode;

/// Exit codes, as in `terrace --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Done = 0,
    Error = 1,
    Changes = 2,
    Stale = 3,
    Preflight = 4,
    Refused = 5,
    Partial = 6,
    Held = 7,
    Interrupted = 130,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// What a person is told when a command fails.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    /// What went wrong: lower case, no full stop. Empty when everything was said already.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { code: Code::Error, message: message.into(), hint: None }
    }

    /// One whose reasons were printed already.
    pub(crate) fn silent(code: Code) -> Self {
        Self { code, message: String::new(), hint: None }
    }

    pub(crate) fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Adds what was being done to an error.
pub(crate) trait During<T> {
    fn during(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: std::error::Error> During<T> for Result<T, E> {
    fn during(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| {
            let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
            let mut texts: Vec<String> = Vec::new();
            for text in causes.map(ToString::to_string) {
                // Some errors tell their cause themselves.
                if !texts.iter().any(|told| told.contains(&text)) {
                    texts.push(text);
                }
            }
            Failure::new(format!("{}: {}", what(), texts.join(": ")))
        })
    }
}
