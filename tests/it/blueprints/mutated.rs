//! Thousands of small accidents to the blueprints that are shipped: reading them must end, and never panic.

use std::fs;
use std::path::Path;

use engine::blueprint::{Reading, read_with};
use proptest::prelude::*;
use proptest::sample::Index;

fn shipped(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn read(environment: &str, blueprint: &str) -> Reading {
    let files = |path: &Path| {
        let text =
            if path.starts_with("environments") && path.ends_with("sandbox.yaml") { environment } else { blueprint };
        Ok(text.as_bytes().to_vec())
    };
    let path = Path::new("environments/sandbox.yaml");
    read_with(path, &files, aws::components::ALL, aws::kinds::INFOS)
}

/// An accident to a text.
#[derive(Clone, Debug)]
enum Accident {
    DropLine(Index),
    RepeatLine(Index),
    SwapLines(Index, Index),
    Indent(Index, usize),
    Outdent(Index),
    Cut(Index, usize),
    Insert(Index, &'static str),
    Value(Index, &'static str),
    Truncate(Index),
}

/// What is put in: signs that mean something to YAML, and values of every sort.
const PIECES: &[&str] = &[
    "\t",
    " ",
    "\n",
    "\r\n",
    ":",
    ": ",
    "- ",
    "#",
    "&a ",
    "*a",
    "<<: *a\n",
    "!x ",
    "!!int ",
    "{",
    "}",
    "[",
    "]",
    "'",
    "\"",
    "|\n",
    ">\n",
    "%",
    "@",
    "`",
    "---\n",
    "...\n",
    "?",
    "\u{feff}",
    "\u{0}",
    "서울",
    "\u{1f980}",
    "~",
    "null",
    "true",
    "-1",
    "1e400",
    "0x",
    ".nan",
    "99999999999999999999",
    "10.0.0.0/0",
    "255.255.255.255/32",
    "::/0",
    "${vpc/main.id}",
    "vpc/main",
    "a: {b: [c, {d: e}]}",
    "AKIAIOSFODNN7EXAMPLE",
    "password: x",
    "",
    "\\",
];

fn accident() -> impl Strategy<Value = Accident> {
    let at = any::<Index>;
    let piece = || proptest::sample::select(PIECES);
    prop_oneof![
        at().prop_map(Accident::DropLine),
        at().prop_map(Accident::RepeatLine),
        (at(), at()).prop_map(|(a, b)| Accident::SwapLines(a, b)),
        (at(), 1..5usize).prop_map(|(at, by)| Accident::Indent(at, by)),
        at().prop_map(Accident::Outdent),
        (at(), 1..40usize).prop_map(|(at, length)| Accident::Cut(at, length)),
        (at(), piece()).prop_map(|(at, piece)| Accident::Insert(at, piece)),
        (at(), piece()).prop_map(|(at, piece)| Accident::Value(at, piece)),
        at().prop_map(Accident::Truncate),
    ]
}

fn happen(text: &str, accident: &Accident) -> String {
    if text.is_empty() {
        return "x".to_owned();
    }
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let count = lines.len();
    let mut chars: Vec<char> = text.chars().collect();
    let length = chars.len();
    match accident {
        Accident::DropLine(at) => drop(lines.remove(at.index(count))),
        Accident::RepeatLine(at) => {
            let at = at.index(count);
            lines.insert(at, lines[at].clone());
        }
        Accident::SwapLines(a, b) => lines.swap(a.index(count), b.index(count)),
        Accident::Indent(at, by) => lines[at.index(count)].insert_str(0, &" ".repeat(*by)),
        Accident::Outdent(at) => {
            let line = &mut lines[at.index(count)];
            *line = line.trim_start().to_owned();
        }
        Accident::Value(at, piece) => {
            let line = &mut lines[at.index(count)];
            if let Some((key, _)) = line.split_once(':') {
                *line = format!("{key}: {piece}");
            }
        }
        Accident::Cut(at, by) => {
            let at = at.index(length);
            chars.drain(at..(at + by).min(length));
            return chars.into_iter().collect();
        }
        Accident::Insert(at, piece) => {
            let at = at.index(length);
            chars.splice(at..at, piece.chars());
            return chars.into_iter().collect();
        }
        Accident::Truncate(at) => return chars[..at.index(length)].iter().collect(),
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn accidents_are_explained_and_never_fatal(
        accidents in proptest::collection::vec((any::<bool>(), accident()), 1..4),
    ) {
        let mut environment = shipped("environments/sandbox.yaml");
        let mut blueprint = shipped("blueprints/three-tier.yaml");
        for (first, accident) in &accidents {
            let text = if *first { &mut environment } else { &mut blueprint };
            *text = happen(text, accident);
        }
        let reading = read(&environment, &blueprint);
        let shown = reading.render(false);
        prop_assert_eq!(shown.is_empty(), reading.diagnostics.is_empty());
        prop_assert!(!shown.contains("AKIAIOSFODNN7EXAMPLE"), "{}", shown);
        for diagnostic in &reading.diagnostics {
            if let Some(place) = diagnostic.place {
                let text = reading.sources.text(place.file);
                prop_assert!(place.start <= place.end && place.end <= text.len().max(place.start + 1));
                prop_assert!(text.is_char_boundary(place.start), "{:?}", diagnostic);
            }
        }
        // What is accepted is whole.
        if !reading.failed() {
            prop_assert!(reading.owner.is_some() && reading.graph.cycle().is_none());
        }
    }
}
