//! Source texts and places in them. Knows no YAML.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of the files a stack was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(u32);

/// A range of bytes in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// A range of bytes in a file.
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        Self { file, start: range.start, end: range.end }
    }
}

/// A place as people count: lines and characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

#[derive(Clone, Debug)]
struct File {
    name: String,
    text: String,
    /// Where each line starts.
    lines: Vec<usize>,
}

/// The files of one run, and what in them must never be printed.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<File>,
    secrets: Vec<Span>,
}

impl Sources {
    /// Adds a file; a byte-order mark at its start is dropped.
    pub fn add(&mut self, name: &str, text: &str) -> FileId {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        self.files.push(File { name: name.to_owned(), text, lines });
        FileId(self.files.len() as u32 - 1)
    }

    fn file(&self, file: FileId) -> &File {
        &self.files[file.0 as usize]
    }

    /// The file's name as the user gave it.
    pub fn name(&self, file: FileId) -> &str {
        &self.file(file).name
    }

    /// The whole text.
    pub fn text(&self, file: FileId) -> &str {
        &self.file(file).text
    }

    /// The text of a place.
    pub fn quote(&self, span: Span) -> &str {
        self.text(span.file).get(span.start..span.end).unwrap_or_default()
    }

    /// Line and column of a byte.
    pub fn position(&self, file: FileId, byte: usize) -> Position {
        let File { text, lines, .. } = self.file(file);
        let line = lines.partition_point(|&start| start <= byte) - 1;
        let before = text.get(lines[line]..byte.min(text.len())).unwrap_or_default();
        Position { line: line + 1, column: before.chars().count() + 1 }
    }

    /// The bytes of a line, counted from 1, without its line end.
    pub fn line(&self, file: FileId, line: usize) -> Span {
        let File { text, lines, .. } = self.file(file);
        let start = lines[line - 1];
        let end = lines.get(line).copied().unwrap_or(text.len());
        let length = text[start..end].trim_end_matches(['\n', '\r']).len();
        Span::new(file, start..start + length)
    }

    /// Marks a place as one whose text must never be printed.
    pub fn hide(&mut self, span: Span) {
        if span.start < span.end && !self.secrets.contains(&span) {
            self.secrets.push(span);
        }
    }

    /// The text of a place with everything hidden in it replaced by asterisks, one for each character.
    pub fn shown(&self, span: Span) -> String {
        let hidden = |byte: usize| {
            self.secrets.iter().any(|secret| secret.file == span.file && (secret.start..secret.end).contains(&byte))
        };
        let text = self.quote(span);
        text.char_indices().map(|(at, c)| if hidden(span.start + at) { '*' } else { c }).collect()
    }

    /// A message with every hidden text in it replaced.
    pub fn masked(&self, message: &str) -> String {
        let mut message = message.to_owned();
        for &secret in &self.secrets {
            let text = self.quote(secret);
            // A shorter one would be found inside ordinary words.
            if text.len() >= 4 {
                message = message.replace(text, "***");
            }
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", "\u{feff}이름: 값\r\nb: c");
        assert_eq!(sources.position(file, 0), Position { line: 1, column: 1 });
        assert_eq!(sources.position(file, "이름: ".len()), Position { line: 1, column: 5 });
        assert_eq!(sources.position(file, 9999), Position { line: 2, column: 5 });
        assert_eq!(sources.quote(sources.line(file, 1)), "이름: 값");
    }

    #[test]
    fn hidden_text_is_never_shown() {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", "password: hunter2");
        sources.hide(Span::new(file, 10..17));
        assert_eq!(sources.shown(sources.line(file, 1)), "password: *******");
        assert_eq!(sources.masked("expected a number, found `hunter2`"), "expected a number, found `***`");
    }
}
