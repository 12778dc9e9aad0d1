use serde_json::json;

use super::*;

fn read(text: &str) -> (serde_json::Value, Vec<String>) {
    let mut sources = Sources::default();
    let file = sources.add("a.yaml", text);
    let mut diagnostics = Vec::new();
    let parsed = parse(&sources, file, &mut diagnostics);
    let words = diagnostics.iter().map(|diagnostic| {
        let place = diagnostic.place.expect("a syntax error has a place");
        let at = sources.position(file, place.start);
        format!("{}:{} {}", at.line, at.column, diagnostic.message)
    });
    (parsed.root.map_or(serde_json::Value::Null, |root| root.value()), words.collect())
}

#[test]
fn values_are_read() {
    for (text, expected) in [
        ("a: 1\nb: [x, 'y']\n", json!({"a": 1, "b": ["x", "y"]})),
        ("a: &x {p: 1}\nb: *x\n", json!({"a": {"p": 1}, "b": {"p": 1}})),
        ("a: &x {p: 1, q: 2}\nb:\n  q: 3\n  <<: *x\n", json!({"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}})),
        (
            "a: &x {p: 1}\nc: &y {p: 2, r: 3}\nb: {<<: [*x, *y]}\n",
            json!({"a": {"p": 1}, "b": {"p": 1, "r": 3}, "c": {"p": 2, "r": 3}}),
        ),
        ("a: !!str 12\n", json!({"a": "12"})),
        ("8: x\ntrue: y\n", json!({"8": "x", "true": "y"})),
        ("", json!(null)),
        ("# nothing\n", json!(null)),
        ("\u{feff}a: 1\r\nb: 2\r\n", json!({"a": 1, "b": 2})),
    ] {
        assert_eq!(read(text), (expected, vec![]), "{text:?}");
    }
}

#[test]
fn mistakes_have_places() {
    for (text, expected) in [
        ("a: 1\nb: 2\na: 3\n", "3:1 `a` is written twice in the same map"),
        ("a: &x [*x]\n", "1:8 this alias lies inside the value it stands for"),
        ("a: *nobody\n", "1:4 no value is marked with this anchor"),
        ("a: !Ref vpc\n", "1:4 the tag `!Ref` means nothing here"),
        ("? [a]\n: 1\n", "1:3 a key must be a word, not a list or a map"),
        ("<<: 3\n", "1:1 `<<` takes a map or a list of maps"),
        ("a: 1\n---\nb: 2\n", "2:1 a second document begins here, and only one is read"),
        ("a:\n\tb: 1\n", "2:1 a tab is used for indentation"),
        ("a: 'x\n", "1:4 a quote is opened and never closed"),
        ("a: [1, 2\nb: 3\n", "2:2 the section above is not finished when this one begins"),
    ] {
        assert_eq!(read(text).1, [expected], "{text:?}");
    }
}

#[test]
fn a_broken_section_costs_only_itself() {
    let (value, found) = read("name: shop\nnetwork: [a\ntiers:\n  web: 1\ndatabase:\n  - a\n  b: 1\nend: 이름\n");
    assert_eq!(value["name"], "shop");
    assert_eq!(value["end"], "이름");
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn bombs_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let previous = format!("*a{}, ", level - 1).repeat(10);
        bomb += &format!("a{level}: &a{level} [{}]\n", previous.trim_end_matches(", "));
    }
    assert!(read(&bomb).1[0].contains("aliases expanded"));
    let deep = format!("a: {}{}\n", "[".repeat(200), "]".repeat(200));
    assert!(read(&deep).1[0].contains("deep in each other"), "{:?}", read(&deep));
    assert!(read(&"a: 1\n".repeat(300_000)).1[0].contains("bytes"));
}

#[test]
fn a_section_left_out_may_hold_wide_characters() {
    for text in ["n이름\nnetwork: {}\n%%이름%\n", "이: [a\n름: [b\n값: [c\n", "a: 이름: b\n이름 이름\n@이\n"]
    {
        assert_ne!(read(text).1, Vec::<String>::new(), "{text}");
    }
}
