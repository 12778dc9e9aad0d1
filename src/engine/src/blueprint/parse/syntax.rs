//! Syntax errors in the user's words, and where reading can go on behind one.

use std::ops::Range;

use super::Broken;
use crate::blueprint::diagnostic::Diagnostic;
use crate::blueprint::source::{FileId, Span};

/// The lines of the top-level section a byte lies in: from a line that starts with a key to the next such line.
pub(super) fn section(text: &str, at: usize) -> Range<usize> {
    let starts = |line: &str| !line.trim().is_empty() && !line.starts_with([' ', '\t', '#', '\r', '\n', ']', '}']);
    let mut range = 0..text.len();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if starts(line) {
            if offset > at {
                range.end = offset;
                break;
            }
            range.start = offset;
        }
        offset += line.len();
    }
    range
}

/// Replaces a section by blanks, so that every other place stays what it is; false when it is blank already.
pub(super) fn blank(text: &mut String, range: Range<usize>) -> bool {
    let had_text = !text[range.clone()].trim().is_empty();
    // A character of several bytes becomes several blanks: the section's own columns no longer matter.
    let blank: String = text[range.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(range, &blank);
    had_text
}

/// Says what is wrong in the user's words.
pub(super) fn explain(file: FileId, text: &str, error: &Broken, section: &Range<usize>) -> Diagnostic {
    // A blanked section has other characters in the same bytes.
    let stopped = text.floor_char_boundary(error.at);
    let line = text[..stopped].rfind('\n').map_or(0, |at| at + 1);
    // At the end of the text there is nothing to point at: the last written line is where something is missing.
    let at = if text[stopped..].trim().is_empty() { text.trim_end().len().max(section.start) } else { stopped };
    if let Some(tab) =
        tab(text, line).or_else(|| tab(text, text[..line.saturating_sub(1)].rfind('\n').map_or(0, |at| at + 1)))
    {
        let diagnostic = Diagnostic::error(Span::new(file, tab..tab + 1), "a tab is used for indentation");
        return diagnostic.hint("YAML is indented by spaces only");
    }
    let end = text[at..].find(['\n', '\r']).map_or(text.len(), |length| at + length);
    let width = text[at..end].chars().next().map_or(0, char::len_utf8);
    let diagnostic = |message: &str| Diagnostic::error(Span::new(file, at..at + width), message);
    if stopped >= section.end && section.end < text.len() {
        let name = text[section.clone()].split(':').next().unwrap_or_default().trim();
        let hint = format!("look for `[`, `{{` or a quote without its end in `{name}`, above");
        return diagnostic("the section above is not finished when this one begins").hint(hint);
    }
    if let Some(hint) = &error.hint {
        return diagnostic(&error.message).hint(hint.as_str());
    }
    if error.message.contains("mapping values are not allowed")
        && let Some(diagnostic) = colon(file, text, line, at)
    {
        return diagnostic;
    }
    let (message, hint) = words(&error.message);
    diagnostic(message.unwrap_or(&error.message)).maybe_hint(hint.map(str::to_owned))
}

/// Why a `:` is not allowed where it stands: what is before it on its line, or the line above, tells.
fn colon(file: FileId, text: &str, line: usize, at: usize) -> Option<Diagnostic> {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let this = text[line..].lines().next()?;
    if text.get(line..at).is_some_and(|before| before.contains(": ")) {
        let hint = "quote a value that contains `: `";
        let place = Span::new(file, at..at + 1);
        return Some(Diagnostic::error(place, "a second `:` on the same line").hint(hint));
    }
    let above = text[..line].trim_end();
    let start = above.rfind('\n').map_or(0, |at| at + 1);
    let above = &above[start..];
    if !above.contains(':') && indentation(above) <= indentation(this) && !above.trim_start().starts_with(['#', '-']) {
        let place = Span::new(file, start + indentation(above)..start + above.len());
        return Some(Diagnostic::error(place, "this line has no `:`").hint("write `key: value`"));
    }
    if indentation(above) < indentation(this) {
        let place = Span::new(file, line + indentation(this)..at.max(line + indentation(this) + 1));
        let hint = "start it in the same column as its neighbours; a key with keys below it has no value of its own";
        let message = "this key is indented deeper than the one above, which has a value";
        return Some(Diagnostic::error(place, message).hint(hint));
    }
    None
}

/// A tab in the indentation of the line that starts at a byte.
fn tab(text: &str, line: usize) -> Option<usize> {
    let indentation = text[line..].find(|c| c != ' ' && c != '\t').map_or(text.len(), |length| line + length);
    let blank = text[indentation..].starts_with(['\n', '\r']);
    text[line..indentation].find('\t').filter(|_| !blank).map(|at| line + at)
}

/// The parser's messages that users meet, in plainer words.
fn words(info: &str) -> (Option<&'static str>, Option<&'static str>) {
    const WORDS: &[(&str, &str, &str)] = &[
        (
            "mapping values are not allowed",
            "a `:` follows here, but this line cannot hold another key",
            "quote a value that contains `: `, and check the indentation of this line",
        ),
        ("illegal placement of ':'", "a `:` cannot stand here", "a bracket or a quote above may lack its end"),
        (
            "did not find expected key",
            "a key is expected here",
            "check the indentation: keys of one map start in the same column",
        ),
        ("simple key expect", "a key without its `:`", "write `key: value`; check the indentation of this line"),
        (
            "did not find expected '-'",
            "a list item is expected here",
            "every item of a list starts with `- ` in the same column",
        ),
        (
            "block sequence entries are not allowed",
            "a list item cannot stand here",
            "start the list on a line of its own",
        ),
        ("did not find expected ',' or '}'", "`,` or `}` is missing", "a map in braces is written `{ a: 1, b: 2 }`"),
        ("expected ',' or ']'", "`,` or `]` is missing", "a list in brackets is written `[a, b]`"),
        ("found unexpected end of stream", "a quote is opened and never closed", "add the closing quote"),
        (
            "found unknown escape character",
            "there is no such escape in double quotes",
            "use single quotes, or double the backslash",
        ),
        (
            "found unknown anchor",
            "no value is marked with this anchor",
            "an anchor `&name` must be written before its alias `*name`",
        ),
        ("unexpected character", "a value cannot start with this character", "quote the value"),
        ("invalid indentation in quoted", "a quote is opened and never closed", "add the closing quote"),
        ("invalid indentation", "the indentation of this line fits nothing above it", "align it with its neighbours"),
        ("wrongly indented line in block scalar", "this line is indented less than the text it belongs to", "align it"),
        ("misplaced bracket", "a closing bracket without its opening one", "remove it, or quote the value"),
        ("did not find expected <document", "something stands behind the end of the document", "check the indentation"),
        (
            "invalid trailing content after double-quoted",
            "something follows the closing quote",
            "quote the whole value, or none of it",
        ),
        ("recursion limit", "lists and maps lie too deep in each other", "write it flatter"),
        (
            "did not find expected node content",
            "a value is expected here",
            "quote it if it starts with `%`, `@`, `` ` `` or a bracket",
        ),
        ("tab", "a tab is used where only spaces may stand", "YAML is indented by spaces only"),
        (
            "found unprintable character",
            "a character that cannot be printed",
            "remove it, or write it as an escape in double quotes",
        ),
    ];
    let found = WORDS.iter().find(|(part, ..)| info.contains(part));
    (found.map(|(_, message, _)| *message), found.map(|(.., hint)| *hint))
}
