//! Mistakes in what the user wrote, and how they read as JSON. How they read in a terminal is `render`'s business.

use schemars::JsonSchema;
use serde::Serialize;

use super::source::{Position, Sources, Span};

/// How bad a mistake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing can be done before it is mended.
    Error,
    /// Probably not what was meant.
    Warning,
}

impl Severity {
    /// The word printed in front of the message.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A mistake in what the user wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is; `None` when it is about no place in a file.
    pub place: Option<Span>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What else matters, such as where the other one of two is.
    pub notes: Vec<Note>,
}

/// Something else that matters to a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where it is.
    pub place: Option<Span>,
    /// What it is.
    pub message: String,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(place: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { severity: Severity::Error, place: place.into(), message, hint: None, notes: Vec::new() }
    }

    /// A warning at a place.
    pub fn warning(place: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, message) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do about it, if there is something.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// Adds another place that matters.
    #[must_use]
    pub fn note(mut self, place: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        self.notes.push(Note { place: place.into(), message: message.into() });
        self
    }

    /// Whether nothing can be done before it is mended.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The diagnostic as `--json` prints it.
    pub fn told(&self, sources: &Sources) -> Told {
        let place = |span: Option<Span>| {
            span.map(|span| Place {
                file: sources.masked(sources.name(span.file)),
                start: sources.position(span.file, span.start),
                end: sources.position(span.file, span.end),
            })
        };
        let note = |note: &Note| ToldNote { message: sources.masked(&note.message), place: place(note.place) };
        Told {
            severity: self.severity,
            message: sources.masked(&self.message),
            place: place(self.place),
            hint: self.hint.as_ref().map(|hint| sources.masked(hint)),
            notes: self.notes.iter().map(note).collect(),
        }
    }
}

/// A diagnostic without its sources: what `--json` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Told {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where it is; `null` when it is about no place in a file.
    pub place: Option<Place>,
    /// What to do about it.
    pub hint: Option<String>,
    /// What else matters, such as where the other one of two is.
    pub notes: Vec<ToldNote>,
}

/// Something else that matters to a mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ToldNote {
    /// What it is.
    pub message: String,
    /// Where it is.
    pub place: Option<Place>,
}

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Place {
    /// The file's path.
    pub file: String,
    /// Its first character.
    pub start: Position,
    /// The character after its last.
    pub end: Position,
}

/// Puts diagnostics in the order of the files and the places in them, and drops repetitions.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        let key = |diagnostic: &Diagnostic| (diagnostic.place.is_none(), diagnostic.place, diagnostic.severity);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    diagnostics.dedup_by(|a, b| a.place == b.place && a.message == b.message);
}

/// `, did you mean …`: the nearest of some names, as a hint.
pub fn did_you_mean<'a>(found: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(found, names).map(|name| format!("did you mean `{name}`?"))
}

/// The name most like the one found, if one is alike enough to be a slip of the pen.
pub fn nearest<'a>(found: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace(['-', ' ', '.'], "_");
    let found = plain(found);
    let score = |name: &str| {
        let name = plain(name);
        let distance = strsim::damerau_levenshtein(&found, &name);
        let longest = found.chars().count().max(name.chars().count());
        let contained = found.len() >= 3 && name.len() >= 3 && (name.contains(&found) || found.contains(&name));
        // Up to a third of the letters may be wrong; a part of the whole name is worth an offer, too.
        (distance * 3 <= longest || contained).then_some(distance)
    };
    names
        .into_iter()
        .filter_map(|name| Some((score(name)?, name)))
        .min_by_key(|&(score, _)| score)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_recognised() {
        let names = ["instance_type", "health_check", "min", "max", "port"];
        for (found, expected) in [
            ("instnace_type", Some("instance_type")),
            ("instance-type", Some("instance_type")),
            ("healthcheck", Some("health_check")),
            ("health", Some("health_check")),
            ("mni", Some("min")),
            ("prot", Some("port")),
            ("colour", None),
        ] {
            assert_eq!(nearest(found, names), expected, "{found}");
        }
    }
}
