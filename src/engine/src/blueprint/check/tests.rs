use serde_json::{Value, json};

use super::*;
use crate::blueprint::parse;

fn complaints(schema: &Value, text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let file = sources.add("a.yaml", text);
    let mut syntax = Vec::new();
    let root = parse(&sources, file, &mut syntax).root.expect("the text holds a document");
    assert_eq!(syntax, []);
    let words = |diagnostic: Diagnostic| {
        let at = sources.position(file, diagnostic.place.expect("a complaint has a place").start);
        let hint = diagnostic.hint.map(|hint| format!(" [{hint}]")).unwrap_or_default();
        format!("{}:{} {}{hint}", at.line, at.column, diagnostic.message)
    };
    check(schema, &root, &sources).found.into_iter().map(words).collect()
}

#[test]
fn complaints_name_the_place_the_reason_and_a_way_out() {
    let schema = json!({
        "type": "object",
        "properties": {
            "size": { "type": "integer", "minimum": 1, "maximum": 10 },
            "on": { "type": "boolean" },
            "name": { "type": "string", "minLength": 1, "maxLength": 5 },
            "mode": { "oneOf": [{ "const": "public" }, { "const": "internal" }] },
            "zones": { "type": "array", "items": { "type": "string" }, "minItems": 1, "uniqueItems": true },
            "maybe": { "anyOf": [{ "$ref": "#/$defs/part" }, { "type": "null" }] },
            "either": { "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/part" }] },
            "range": { "type": "string", "format": "cidr" },
            "vpc": { "type": "string", "x-ref": "vpc" },
        },
        "required": ["name"],
        "additionalProperties": false,
        "$defs": { "part": { "type": "object", "properties": { "port": { "type": "integer" } }, "additionalProperties": false } },
    });
    for (text, expected) in [
        ("name: a", vec![]),
        ("name: a\nmaybe:\neither: x", vec![]),
        ("name: a\neither: {port: 1}", vec![]),
        ("size: 1", vec!["1:1 `name` is missing"]),
        ("nmae: a", vec!["1:1 unknown key `nmae` [did you mean `name`?]", "1:1 `name` is missing"]),
        ("name: 5", vec!["1:7 expected text, found the number 5 [put it in quotes: `\"5\"`]"]),
        ("name: ''", vec!["1:7 the text is empty"]),
        ("name: abcdef", vec!["1:7 the text has 6 characters, and may have at most 5"]),
        ("name:", vec!["1:1 expected text, found nothing"]),
        ("name: a\nsize: 11", vec!["2:7 11 is more than 10 [it lies between 1 and 10]"]),
        ("name: a\nsize: 1.5", vec!["2:7 expected a whole number, found the number 1.5 [write it without a fraction]"]),
        (
            "name: a\nsize: 010",
            vec!["2:7 expected a whole number, found the text \"010\" [a leading zero is ambiguous: write `10`]"],
        ),
        (
            "name: a\nsize: 1:30",
            vec![
                "2:7 expected a whole number, found the text \"1:30\" [YAML 1.2 has no base-60 numbers: write `90` if that is what you mean]",
            ],
        ),
        (
            "name: a\nsize: 100GB",
            vec!["2:7 expected a whole number, found the text \"100GB\" [leave out the unit: `100`]"],
        ),
        (
            "name: a\non: yes",
            vec![
                "2:5 expected `true` or `false`, found the text \"yes\" [YAML 1.2 knows only `true` and `false`: write `true`]",
            ],
        ),
        ("name: a\nmode: pubic", vec!["2:7 `pubic` is not one of the values this key takes [did you mean `public`?]"]),
        ("name: a\nzones: a", vec!["2:8 expected a list, found the text \"a\" [a list of one is written `[a]`]"]),
        ("name: a\nzones: []", vec!["2:1 the list is empty, and needs at least 1 item"]),
        ("name: a\nzones: [a, a]", vec!["2:12 the text \"a\" is in the list twice"]),
        ("name: a\nmaybe: {prot: 1}", vec!["2:9 unknown key `prot` [did you mean `port`?]"]),
        ("name: a\neither: 5", vec!["2:9 expected text or a map, found the number 5 [put it in quotes: `\"5\"`]"]),
        (
            "name: a\nrange: 10.0.0.0",
            vec!["2:8 `10.0.0.0` is not an address range [add a prefix length: `10.0.0.0/32` is this one address]"],
        ),
        ("name: a\nvpc: 3", vec!["2:6 expected the name of a vpc, found the number 3 [put it in quotes: `\"3\"`]"]),
    ] {
        assert_eq!(complaints(&schema, text), expected, "{text}");
    }
}

#[test]
fn shapes_are_told_apart() {
    let tagged = json!({ "type": "object", "properties": { "p": { "oneOf": [
        { "type": "object", "properties": { "type": { "const": "step" }, "size": { "type": "integer" } }, "required": ["type", "size"] },
        { "type": "object", "properties": { "type": { "const": "target" }, "value": { "type": "number" } }, "required": ["type", "value"] },
    ] } } });
    let keyed = json!({ "type": "object", "properties": { "p": { "oneOf": [
        { "type": "object", "properties": { "cidr": { "type": "string" } }, "required": ["cidr"], "additionalProperties": false },
        { "type": "object", "properties": { "group": { "type": "string" } }, "required": ["group"], "additionalProperties": false },
    ] } } });
    for (schema, text, expected) in [
        (&tagged, "p: {type: step, size: 1}", vec![]),
        (
            &tagged,
            "p: {type: stop, size: 1}",
            vec!["1:11 `stop` is not one of the values this key takes [did you mean `step`?]"],
        ),
        (
            &tagged,
            "p: {type: target, size: 1}",
            vec!["1:19 unknown key `size` [known here: type, value]", "1:1 `value` is missing"],
        ),
        (&tagged, "p: {size: 1}", vec!["1:1 `type` is missing [one of: step, target]"]),
        (&keyed, "p: {group: x}", vec![]),
        (&keyed, "p: {gruop: x}", vec!["1:5 expected one of the keys `cidr`, `group` [did you mean `group`?]"]),
        (&keyed, "p: {cidr: x, group: y}", vec!["1:14 only one of the keys `cidr`, `group` can be given"]),
        (&keyed, "p: {cidr: 5}", vec!["1:11 expected text, found the number 5 [put it in quotes: `\"5\"`]"]),
    ] {
        assert_eq!(complaints(schema, text), expected, "{text}");
    }
}
