//! From an environment's file to a checked graph: the one place of this module that reads files.

use std::io;
use std::path::{self, Path, PathBuf};

use super::diagnostic::{Diagnostic, sort};
use super::environment::{Environment, environment};
use super::expand::{Document, expand};
use super::node::{Data, Node};
use super::source::{FileId, Sources, Span};
use super::{Component, overlay, parse, render, secret};
use crate::{Graph, KindInfo, Owner, Site};

/// Everything that was understood of an environment and its blueprint.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The files' texts.
    pub sources: Sources,
    /// The environment; `None` if its file could not be used.
    pub environment: Option<Environment>,
    /// The blueprint with the overrides laid over it; `None` if there is none.
    pub document: Option<Document>,
    /// Whose resources these are; `None` if the blueprint has no usable name.
    pub owner: Option<Owner>,
    /// What is wanted; not to be acted on while there are errors.
    pub graph: Graph,
    /// Every mistake, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
}

impl Reading {
    /// Whether there are mistakes that have to be mended first.
    pub fn failed(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Every mistake as text for a terminal.
    pub fn render(&self, colour: bool) -> String {
        render(&self.diagnostics, &self.sources, colour)
    }

    /// The blueprint with the environment's overrides, as YAML; empty if there is none.
    pub fn show(&self) -> String {
        let document = self.document.as_ref();
        document.and_then(|document| serde_yaml::to_string(&document.root).ok()).unwrap_or_default()
    }
}

/// Reads an environment and its blueprint, and reports every mistake in both.
pub fn read(path: &Path, components: &[&dyn Component], kinds: &[KindInfo]) -> Reading {
    read_with(path, &|path| std::fs::read(path), components, kinds)
}

/// [`read`] from another file system.
pub fn read_with(
    path: &Path,
    files: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
    components: &[&dyn Component],
    kinds: &[KindInfo],
) -> Reading {
    let mut reading = Reading::default();
    reading.fill(path, files, components, kinds);
    sort(&mut reading.diagnostics);
    reading
}

impl Reading {
    fn fill(
        &mut self,
        path: &Path,
        files: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
        components: &[&dyn Component],
        kinds: &[KindInfo],
    ) {
        let Some((file, root, _)) = self.open(path, files, None) else { return };
        let Some((environment, overrides)) = environment(path, file, root, &self.sources, &mut self.diagnostics) else {
            return;
        };
        let blueprint = environment.blueprint.clone();
        self.environment = Some(environment.clone());
        let place = self.place_of_blueprint(file);
        let Some((file, root, incomplete)) = self.open(&blueprint, files, place) else { return };
        let empty = || Node::new(Span::new(file, 0..0), Data::Map(Default::default()));
        let base = root.unwrap_or_else(empty);
        let root = match overrides {
            Some(overrides) => overlay::merge(base, overrides, &mut self.diagnostics),
            None => base,
        };
        let document = Document { root, incomplete, environment };
        let expanded = expand(&document, &self.sources, components, kinds);
        if let Some(primary) = self.environment.as_mut().and_then(|known| known.sites.get_mut(&Site::primary())) {
            primary.region = Some(expanded.region);
        }
        self.document = Some(document);
        self.owner = expanded.owner;
        self.graph = expanded.graph;
        self.diagnostics.extend(expanded.diagnostics);
    }

    /// Reads and parses a file; complains at `place`, the mention of it, if it cannot be read.
    fn open(
        &mut self,
        path: &Path,
        files: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
        place: Option<Span>,
    ) -> Option<(FileId, Option<Node>, bool)> {
        let bytes = match files(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let reason = match error.kind() {
                    io::ErrorKind::NotFound => "there is no such file".to_owned(),
                    io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
                    kind => kind.to_string(),
                };
                let message = format!("cannot read `{}`: {reason}", tidy(path));
                let hint = place.map(|_| "the path is relative to the environment file".to_owned());
                self.diagnostics.push(Diagnostic::error(place, message).maybe_hint(hint));
                return None;
            }
        };
        let name = tidy(path);
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let file = self.sources.add(&name, &text);
                let place = Span::new(file, valid..valid + 1);
                let hint = "save the file as UTF-8";
                self.diagnostics.push(Diagnostic::error(place, "the file is not UTF-8 text").hint(hint));
                return None;
            }
        };
        let file = self.sources.add(&name, &text);
        secret::hide(file, &mut self.sources);
        let parsed = parse(&self.sources, file, &mut self.diagnostics);
        secret::secrets(file, &parsed, &mut self.sources, &mut self.diagnostics);
        Some((file, parsed.root, parsed.incomplete))
    }

    /// Where the environment file names its blueprint.
    fn place_of_blueprint(&self, file: FileId) -> Option<Span> {
        let parsed = parse(&self.sources, file, &mut Vec::new());
        parsed.root?.get("blueprint").map(|node| node.span)
    }
}

/// The path without `x/..` in it, for people to read.
fn tidy(path: &Path) -> String {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            path::Component::ParentDir if tidy.file_name().is_some() => {
                tidy.pop();
            }
            path::Component::CurDir => {}
            part => tidy.push(part),
        }
    }
    tidy.display().to_string()
}

#[cfg(test)]
mod tests;
