//! Diagnostics as text for a terminal of 80 columns. Pure: what prints it is somebody else's business.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::diagnostic::{Diagnostic, Severity};
use super::source::{Sources, Span};

/// The widest line that is written, in columns, wherever the words allow it.
const WIDTH: usize = 80;
/// How many columns a tab takes.
const TAB: usize = 4;

/// Writes all diagnostics, a blank line between them; with escape codes for colours if wanted.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, colour: bool) -> String {
    let paint = Paint(colour);
    let texts: Vec<_> = diagnostics.iter().map(|diagnostic| one(diagnostic, sources, paint)).collect();
    texts.join("\n")
}

#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn on(self, style: Style, text: &str) -> String {
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

fn one(diagnostic: &Diagnostic, sources: &Sources, paint: Paint) -> String {
    let colour = match diagnostic.severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
    };
    let loud = Style::new().bold().fg_color(Some(colour.into()));
    let dim = Style::new().fg_color(Some(AnsiColor::Blue.into()));
    let mut text = String::new();
    let word = diagnostic.severity.word();
    let message = sources.masked(&diagnostic.message);
    writeln!(text, "{}", labelled(word, &message, loud, paint)).expect("strings take everything");
    if let Some(place) = diagnostic.place {
        let number = sources.position(place.file, place.start).line.to_string();
        let bar = paint.on(dim, "|");
        let indent = " ".repeat(number.len());
        let (quoted, marks) = quote(place, sources, WIDTH - number.len() - 3);
        let _ = writeln!(text, "{indent}{} {}", paint.on(dim, "-->"), at(place, sources));
        let _ = writeln!(text, "{indent} {bar}");
        let _ = writeln!(text, "{}", format!("{} {bar} {quoted}", paint.on(dim, &number)).trim_end());
        let _ = writeln!(text, "{indent} {bar} {}", paint.on(loud, &marks).trim_end());
    }
    let quiet = Style::new().bold();
    for note in &diagnostic.notes {
        let place = note.place.map(|place| format!(": {}", at(place, sources))).unwrap_or_default();
        let note = format!("{}{place}", sources.masked(&note.message));
        let _ = writeln!(text, "{}", labelled("note", &note, quiet, paint));
    }
    if let Some(hint) = &diagnostic.hint {
        let hint = sources.masked(hint);
        let _ = writeln!(
            text,
            "{}",
            labelled("hint", &hint, Style::new().bold().fg_color(Some(AnsiColor::Cyan.into())), paint)
        );
    }
    text
}

fn at(place: Span, sources: &Sources) -> String {
    let position = sources.position(place.file, place.start);
    format!("{}:{}:{}", sources.masked(sources.name(place.file)), position.line, position.column)
}

/// `label: words`, wrapped, later lines indented below the first word.
fn labelled(label: &str, words: &str, style: Style, paint: Paint) -> String {
    let indent = label.len() + 2;
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.width() + 1 + word.width() > WIDTH - indent {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    format!("{} {}", paint.on(style, &format!("{label}:")), lines.join(&format!("\n{}", " ".repeat(indent))))
}

/// The line of a place cut to a width, and the carets to stand under it.
fn quote(place: Span, sources: &Sources, width: usize) -> (String, String) {
    let line = sources.line(place.file, sources.position(place.file, place.start).line);
    let text = sources.shown(line);
    // Masking keeps the number of characters, not of bytes: places are counted in characters from here on.
    let count =
        |to: usize| sources.quote(Span::new(place.file, line.start..to.clamp(line.start, line.end))).chars().count();
    let (start, end) = (count(place.start), count(place.end).max(count(place.start) + 1));
    let cells: Vec<(String, usize)> = text.chars().map(cell).collect();
    let column = |character: usize| cells.iter().take(character).map(|(_, width)| width).sum::<usize>();
    let total = column(cells.len());
    let (from, to) = window(&cells, column(start), column(end), total, width);
    let mut quoted: String = cells[from..to].iter().map(|(text, _)| text.as_str()).collect();
    let mut before = column(start.max(from)) - column(from);
    if from > 0 {
        quoted.insert(0, '…');
        before += 1;
    }
    if to < cells.len() {
        quoted.push('…');
    }
    let shown_end = end.min(to).max(start.min(to));
    let carets = (column(shown_end) - column(start.min(to))).max(1);
    (quoted.trim_end().to_owned(), " ".repeat(before) + &"^".repeat(carets))
}

/// How a character is shown, and how many columns that takes.
fn cell(c: char) -> (String, usize) {
    match c {
        '\t' => (" ".repeat(TAB), TAB),
        c if c.is_control() => ("\u{fffd}".to_owned(), 1),
        c => (c.to_string(), c.width().unwrap_or(0)),
    }
}

/// Which characters of a line to show so that the marked part is among them.
fn window(cells: &[(String, usize)], start: usize, end: usize, total: usize, width: usize) -> (usize, usize) {
    if total <= width {
        return (0, cells.len());
    }
    // One column on either side is kept for the ellipsis.
    let room = width - 2;
    let left = if end <= room { 0 } else { start.saturating_sub(room.saturating_sub(end - start) / 2) };
    let mut column = 0;
    let mut from = None;
    let mut to = cells.len();
    for (index, (_, width)) in cells.iter().enumerate() {
        if column >= left && from.is_none() {
            from = Some((index, column));
        }
        if from.is_some_and(|(_, first)| column + width - first > room) {
            to = index;
            break;
        }
        column += width;
    }
    (from.map_or(0, |(index, _)| index), to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str, marked: &str, hint: &str) -> String {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", text);
        let start = text.find(marked).unwrap();
        let place = Span::new(file, start..start + marked.len());
        render(&[Diagnostic::error(place, "it is wrong").hint(hint)], &sources, false)
    }

    #[test]
    fn carets_stand_under_tabs_and_wide_characters() {
        assert_eq!(
            rendered("a: 1\nname:\t'서울' # x\n", "서울", "mend it"),
            "error: it is wrong\n --> a.yaml:2:8\n  |\n2 | name:    '서울' # x\n  |           ^^^^\nhint: mend it\n"
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("key: [{}, wrong, {}]", "x, ".repeat(60), "y, ".repeat(60));
        let shown = rendered(&text, "wrong", "mend it");
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines.iter().all(|line| line.width() <= WIDTH), "{shown}");
        let at =
            lines[3].chars().collect::<Vec<_>>().windows(5).position(|part| part.iter().collect::<String>() == "wrong");
        assert_eq!(at, lines[4].find('^'), "{shown}");
    }

    #[test]
    fn long_hints_wrap_below_their_first_word() {
        let shown = rendered("a: b", "b", &"word ".repeat(30));
        let lines: Vec<_> = shown.lines().skip(5).collect();
        assert!(lines.len() > 1 && lines[1].starts_with("      word"), "{shown}");
    }
}
