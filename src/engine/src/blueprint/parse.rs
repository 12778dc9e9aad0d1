//! Text to a tree of values with places. Knows YAML, and nothing of what a blueprint may hold.
//!
//! Anchors, aliases and merge keys are resolved here, within limits that keep a small file from becoming a huge tree.
//! A syntax error costs the top-level section it is in: the rest is read again without it, so that one run reports the
//! mistakes of every section.

mod syntax;

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::diagnostic::{Diagnostic, did_you_mean};
use super::node::{Data, Entry, Map, Node};
use super::scalar;
use super::source::{FileId, Sources, Span};

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// How deep lists and maps may lie in each other.
const MAX_DEPTH: usize = 64;
/// How many values a file may hold, aliases expanded.
const MAX_NODES: usize = 20_000;
/// How many syntax errors are reported before reading stops.
const MAX_ERRORS: usize = 10;

/// What was understood of a file.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The document; `None` when the file holds none.
    pub root: Option<Node>,
    /// Whether parts were left out because they could not be read.
    pub incomplete: bool,
}

/// Reads a file that was added to the sources.
pub fn parse(sources: &Sources, file: FileId, diagnostics: &mut Vec<Diagnostic>) -> Parsed {
    let text = sources.text(file);
    if text.len() > MAX_BYTES {
        let place = Span::new(file, 0..0);
        let message = format!("the file has {} bytes, more than the {MAX_BYTES} a blueprint may have", text.len());
        diagnostics.push(Diagnostic::error(place, message));
        return Parsed { root: None, incomplete: true };
    }
    let mut readable = text.to_owned();
    let mut incomplete = false;
    for _ in 0..MAX_ERRORS {
        let mut found = Vec::new();
        match Builder::new(file, &readable, &mut found).build() {
            Ok(root) => {
                diagnostics.append(&mut found);
                return Parsed { root, incomplete };
            }
            Err(error) => {
                let blamed = blamed(file, &readable, &error);
                diagnostics.push(syntax::explain(file, text, &error, &blamed));
                incomplete = true;
                if error.fatal || !syntax::blank(&mut readable, blamed) {
                    return Parsed { root: None, incomplete };
                }
            }
        }
    }
    Parsed { root: None, incomplete }
}

/// The section to leave out: the one the error was noticed in, or the one before if that goes on unfinished into it.
fn blamed(file: FileId, text: &str, error: &Broken) -> Range<usize> {
    let section = syntax::section(text, error.at);
    let first_line = section.start + text[section.clone()].find('\n').unwrap_or(section.len());
    if error.hint.is_none() && error.at <= first_line && section.start > 0 {
        let before = syntax::section(text, section.start - 1);
        let mut without = text.to_owned();
        let had_text = syntax::blank(&mut without, before.clone());
        let again = Builder::new(file, &without, &mut Vec::new()).build();
        if had_text && again.err().is_none_or(|again| again.at != error.at) {
            return before;
        }
    }
    section
}

/// Why a text could not be read to its end.
struct Broken {
    /// The byte at which reading stopped.
    at: usize,
    message: String,
    hint: Option<String>,
    /// Whether leaving out the section would not help.
    fatal: bool,
}

enum Frame {
    List { anchor: usize, start: usize, items: Vec<Node> },
    Map { anchor: usize, start: usize, map: Map, key: Option<Key>, merges: Vec<(Span, Node)> },
}

enum Key {
    Named(String, Span),
    /// One that was complained about: its value is read and dropped.
    Dropped,
}

struct Builder<'a> {
    file: FileId,
    text: &'a str,
    /// The byte of every character; empty when they are the same.
    bytes: Vec<usize>,
    frames: Vec<Frame>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    found: &'a mut Vec<Diagnostic>,
}

impl<'a> Builder<'a> {
    fn new(file: FileId, text: &'a str, found: &'a mut Vec<Diagnostic>) -> Self {
        let bytes = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at).collect() };
        Self { file, text, bytes, frames: Vec::new(), anchors: HashMap::new(), nodes: 0, found }
    }

    /// The parser counts characters.
    fn byte(&self, character: usize) -> usize {
        let at = if self.bytes.is_empty() { Some(character) } else { self.bytes.get(character).copied() };
        at.unwrap_or(self.text.len()).min(self.text.len())
    }

    fn span(&self, span: saphyr_parser::Span) -> Span {
        let start = self.byte(span.start.index());
        let end = self.byte(span.end.index()).max(start);
        let trimmed = self.text[start..end].trim_end().len();
        Span::new(self.file, start..start + trimmed)
    }

    fn build(mut self) -> Result<Option<Node>, Broken> {
        let mut root = None;
        let mut documents = 0;
        for event in Parser::new_from_str(self.text) {
            let (event, marks) = event.map_err(|error| self.broken(&error))?;
            let span = self.span(marks);
            let done = match event {
                Event::Scalar(text, style, anchor, tag) => {
                    let data = self.scalar(&text, style, tag.as_deref(), span);
                    self.count(1, span)?;
                    let node = Node::new(span, data);
                    self.remember(anchor, &node, 1);
                    self.add(node, Some((&text, style)))
                }
                Event::Alias(anchor) => {
                    let (node, size) = self.anchors.get(&anchor).cloned().ok_or_else(|| Broken {
                        at: span.start,
                        message: "this alias lies inside the value it stands for".into(),
                        hint: Some("an anchored value cannot contain itself".into()),
                        fatal: false,
                    })?;
                    self.count(size, span)?;
                    self.add(node, None)
                }
                Event::SequenceStart(anchor, tag) => {
                    self.refuse_tag(tag.as_deref(), "seq", span);
                    self.open(Frame::List { anchor, start: span.start, items: Vec::new() }, span)?;
                    None
                }
                Event::MappingStart(anchor, tag) => {
                    self.refuse_tag(tag.as_deref(), "map", span);
                    let start = span.start;
                    self.open(Frame::Map { anchor, start, map: Map::default(), key: None, merges: Vec::new() }, span)?;
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(span.end),
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let hint = "keep one `---` document in a file";
                        self.found.push(
                            Diagnostic::error(span, "a second document begins here, and only one is read").hint(hint),
                        );
                        break;
                    }
                    None
                }
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => None,
            };
            root = root.or(done);
        }
        Ok(root.filter(|node| node.data != Data::Null))
    }

    fn broken(&self, error: &saphyr_parser::ScanError) -> Broken {
        Broken { at: self.byte(error.marker().index()), message: error.info().to_owned(), hint: None, fatal: false }
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Broken> {
        self.nodes += nodes;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let message = format!("with its aliases expanded the file holds more than {MAX_NODES} values");
        let hint = Some("aliases of aliases multiply: write the values out, or use fewer".into());
        Err(Broken { at: span.start, message, hint, fatal: true })
    }

    fn open(&mut self, frame: Frame, span: Span) -> Result<(), Broken> {
        self.count(1, span)?;
        if self.frames.len() >= MAX_DEPTH {
            let message = format!("lists and maps lie more than {MAX_DEPTH} deep in each other");
            let hint = Some("write it flatter".into());
            return Err(Broken { at: span.start, message, hint, fatal: false });
        }
        self.frames.push(frame);
        Ok(())
    }

    /// Ends the innermost list or map, and hands back the document when it was the last one.
    fn close(&mut self, end: usize) -> Option<Node> {
        let (anchor, start, data) = match self.frames.pop()? {
            Frame::List { anchor, start, items } => (anchor, start, Data::List(items)),
            Frame::Map { anchor, start, map, merges, .. } => (anchor, start, Data::Map(self.merge(map, merges))),
        };
        let end = end.max(start);
        let trimmed = self.text.get(start..end).map_or(0, |text| text.trim_end().len());
        let node = Node::new(Span::new(self.file, start..start + trimmed), data);
        if anchor > 0 {
            let size = size(&node);
            self.remember(anchor, &node, size);
        }
        self.add(node, None)
    }

    fn remember(&mut self, anchor: usize, node: &Node, size: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
    }

    /// Puts a value where it belongs, and hands it back when it is the whole document.
    fn add(&mut self, node: Node, written: Option<(&str, ScalarStyle)>) -> Option<Node> {
        match self.frames.last_mut() {
            None => return Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { map, key, merges, .. }) => match key.take() {
                None => *key = Some(Self::key(node, written, map, self.found)),
                Some(Key::Dropped) => {}
                Some(Key::Named(name, span)) if name == "<<" => merges.push((span, node)),
                Some(Key::Named(name, span)) => map.push(Entry { key: name, span, value: node }),
            },
        }
        None
    }

    fn key(node: Node, written: Option<(&str, ScalarStyle)>, map: &Map, found: &mut Vec<Diagnostic>) -> Key {
        let name = match (written, &node.data) {
            (Some((text, _)), _) => text.to_owned(),
            (None, Data::Text(text)) => text.clone(),
            (None, _) => {
                let hint = "quote it if the braces belong to the key";
                found.push(Diagnostic::error(node.span, "a key must be a word, not a list or a map").hint(hint));
                return Key::Dropped;
            }
        };
        if let Some(first) = map.entry(&name) {
            let twice = Diagnostic::error(node.span, format!("`{name}` is written twice in the same map"));
            found.push(twice.hint("keep one of the two").note(first.span, "the first one is here"));
            return Key::Dropped;
        }
        Key::Named(name, node.span)
    }

    /// Adds what `<<` brings: keys the map has itself win, and of several maps the first
    /// (<https://yaml.org/type/merge.html>).
    fn merge(&mut self, mut map: Map, merges: Vec<(Span, Node)>) -> Map {
        for (span, node) in merges {
            let parts = match node.data {
                Data::List(items) => items,
                data => vec![Node::new(node.span, data)],
            };
            for part in parts {
                let Data::Map(part) = part.data else {
                    let hint = "write `<<: *name`, where `&name` marks a map";
                    self.found.push(Diagnostic::error(span, "`<<` takes a map or a list of maps").hint(hint));
                    continue;
                };
                for entry in part {
                    if map.entry(&entry.key).is_none() {
                        map.push(entry);
                    }
                }
            }
        }
        map
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Data {
        let word = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
        match (tag, word) {
            (None, _) if style == ScalarStyle::Plain => scalar::plain(text),
            (None, _) | (_, Some("str")) => Data::Text(text.to_owned()),
            (_, Some("int" | "float" | "bool" | "null")) => scalar::plain(text),
            (Some(tag), _) => {
                self.unknown_tag(tag, span);
                Data::Text(text.to_owned())
            }
        }
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, fitting: &str, span: Span) {
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && tag.suffix == fitting)) {
            self.unknown_tag(tag, span);
        }
    }

    fn unknown_tag(&mut self, tag: &Tag, span: Span) {
        let name = if tag.is_yaml_core_schema() { format!("!!{}", tag.suffix) } else { format!("!{}", tag.suffix) };
        // The mark lies on the value: the tag stands before it on the same line.
        let line = self.text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let start = self.text[line..span.start].rfind('!').map_or(span.start, |at| line + at);
        let place =
            Span::new(self.file, start.saturating_sub(usize::from(name.starts_with("!!")))..span.end.max(start));
        let hint = did_you_mean(&name, ["!!str", "!!int", "!!float", "!!bool", "!!null"])
            .unwrap_or_else(|| "write the value itself; references are written as names".into());
        self.found.push(Diagnostic::error(place, format!("the tag `{name}` means nothing here")).hint(hint));
    }
}

/// How many values a node holds, itself included.
fn size(node: &Node) -> usize {
    1 + match &node.data {
        Data::List(items) => items.iter().map(size).sum(),
        Data::Map(map) => map.iter().map(|entry| 1 + size(&entry.value)).sum(),
        Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => 0,
    }
}

#[cfg(test)]
mod tests;
