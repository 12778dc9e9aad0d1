//! Finds secrets that were written into a file, so that they are refused and never printed.
//!
//! A blueprint is committed and shared: a secret in it is a leaked secret, whatever key it stands under.

use std::ops::Range;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use super::diagnostic::Diagnostic;
use super::node::{Data, Node};
use super::parse::Parsed;
use super::source::{FileId, Sources, Span};

/// Secrets that are known by their look, wherever they stand: comments, user data, anything.
static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    [
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
        ("an AWS access key id", "AKIA", "AKIA[A-Z0-9]{16}"),
        ("an AWS access key id", "ASIA", "ASIA[A-Z0-9]{16}"),
        ("a private key", "PRIVATE KEY", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(-----END [A-Z ]*PRIVATE KEY-----)?"),
        ("a GitHub token", "gh", r"\bgh[pousr]_[A-Za-z0-9]{36,}"),
        ("a GitHub token", "github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{22,}"),
        ("a GitLab token", "glpat-", r"\bglpat-[A-Za-z0-9_-]{20,}"),
        ("a Slack token", "xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
        ("a Slack webhook", "hooks.slack.com", r"https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}"),
        ("a Stripe key", "k_live_", r"\b[rs]k_live_[A-Za-z0-9]{16,}"),
        ("a Google API key", "AIza", r"\bAIza[A-Za-z0-9_-]{35}"),
        ("an npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}"),
        ("a JSON web token", "eyJ", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
        ("a password in a URL", "://", r"\b[a-z][a-z0-9+.-]*://[^\s/:@$<{]+:(?<secret>[^\s/:@$<{]{3,})@"),
    ]
    .into_iter()
    .map(|(name, part, pattern)| Known { name, part, pattern: Regex::new(pattern).expect("the pattern is valid") })
    .collect()
});

/// A sort of secret.
struct Known {
    name: &'static str,
    /// A part that every one has: looking for it is much faster than matching.
    part: &'static str,
    pattern: Regex,
}

impl Known {
    /// Where such secrets stand in a text.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        if !text.contains(self.part) {
            return Vec::new();
        }
        let secret = |found: Captures<'_>| found.name("secret").or(found.get(0)).map(|found| found.range());
        self.pattern.captures_iter(text).filter_map(secret).collect()
    }
}

/// `DB_PASSWORD=…` in scripts; a value that is computed (`$(…)`, `${…}`) is none.
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern =
        r#"(?i)\b([a-z0-9_]*(?:password|passwd|secret|api_?key|access_?key|token)[a-z0-9_]*)=["']?([^\s"'$<{&|;]{4,})"#;
    Regex::new(pattern).expect("the pattern is valid")
});

/// `password: …` in a text that cannot be parsed: everything to the end of the line may belong to it.
static WRITTEN: LazyLock<Regex> = LazyLock::new(|| {
    let ends = ENDS.join("|").replace('_', "[_.-]?");
    Regex::new(&format!(r#"(?i)([a-z0-9_.-]*(?:{ends}))["']?[ \t]*:[ \t]+(\S[^\r\n]*)"#)).expect("the pattern is valid")
});

/// What the name of a secret ends in.
const ENDS: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
    "secret_key",
    "credentials",
];

const HINT: &str = "remove it here and revoke it if it was ever shared; database passwords are made and kept by \
                    Secrets Manager, other secrets are read from it at run time";

/// Marks what looks like a secret in a file, so that it is not printed.
pub fn hide(file: FileId, sources: &mut Sources) {
    let text = sources.text(file);
    let known = KNOWN.iter().flat_map(|known| known.find(text));
    let assigned = assigned(text).into_iter().map(|(_, value)| value);
    let spans: Vec<_> = known.chain(assigned).map(|range| Span::new(file, range)).collect();
    spans.into_iter().for_each(|span| sources.hide(span));
}

/// Names and places of the secrets that a script in a text sets.
fn assigned(text: &str) -> Vec<(&str, Range<usize>)> {
    let lines = text.split_inclusive('\n').scan(0, |start, line| {
        *start += line.len();
        Some((*start - line.len(), line))
    });
    let lines = lines.filter(|(_, line)| line.contains('='));
    let found = lines.flat_map(|(start, line)| {
        let found = ASSIGNED.captures_iter(line).filter_map(|found| Some((found.get(1)?, found.get(2)?)));
        found.map(move |(name, value)| (name.as_str(), start + value.start()..start + value.end()))
    });
    found.collect()
}

/// Reports the secrets of a file: by their look in its text, by their key in its tree.
pub fn secrets(file: FileId, parsed: &Parsed, sources: &mut Sources, diagnostics: &mut Vec<Diagnostic>) {
    let mut spans = Vec::new();
    let text = sources.text(file);
    for known in KNOWN.iter() {
        for range in known.find(text) {
            let message = format!("{} is written here", known.name);
            diagnostics.push(Diagnostic::error(Span::new(file, range), message).hint(HINT));
        }
    }
    for (name, range) in assigned(text) {
        let message = format!("the value of `{name}` is written here");
        diagnostics.push(Diagnostic::error(Span::new(file, range), message).hint(HINT));
    }
    if let Some(root) = &parsed.root {
        keyed(root, &mut spans, diagnostics);
    }
    if parsed.incomplete {
        written(file, text, &mut spans, diagnostics);
    }
    spans.into_iter().for_each(|span| sources.hide(span));
}

/// Reports what stands under the key of a secret in a text that could not be parsed whole.
fn written(file: FileId, text: &str, spans: &mut Vec<Span>, diagnostics: &mut Vec<Diagnostic>) {
    for found in WRITTEN.captures_iter(text) {
        let (Some(key), Some(value)) = (found.get(1), found.get(2)) else { continue };
        let place = Span::new(file, value.range());
        let known = spans.iter().any(|span| span.start == place.start || span.start == place.start + 1);
        if names_a_secret(key.as_str()) && literal(value.as_str()) {
            spans.push(place);
            if !known {
                let message = format!("a secret is written under `{}`", key.as_str());
                diagnostics.push(Diagnostic::error(place, message).hint(HINT));
            }
        }
    }
}

fn keyed(node: &Node, spans: &mut Vec<Span>, diagnostics: &mut Vec<Diagnostic>) {
    match &node.data {
        Data::List(items) => items.iter().for_each(|item| keyed(item, spans, diagnostics)),
        Data::Map(map) => {
            for entry in map.iter() {
                let written = match &entry.value.data {
                    Data::Text(text) => literal(text),
                    Data::Number(_) => true,
                    Data::Null | Data::Bool(_) | Data::List(_) | Data::Map(_) => false,
                };
                if written && names_a_secret(&entry.key) {
                    spans.push(entry.value.span);
                    let message = format!("a secret is written under `{}`", entry.key);
                    diagnostics.push(Diagnostic::error(entry.value.span, message).hint(HINT));
                }
                keyed(&entry.value, spans, diagnostics);
            }
        }
        Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => {}
    }
}

/// Whether a key's last words name a secret: `master_password` does, `password_policy` and `secret_arn` do not.
fn names_a_secret(key: &str) -> bool {
    let key = key.to_lowercase().replace(['-', '.'], "_");
    ENDS.iter().any(|end| key.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('_')))
}

/// Whether a text is a secret itself, and not where one is found.
fn literal(text: &str) -> bool {
    let text = text.trim_matches(['"', '\'']);
    let named = ["arn:", "resolve:", "{{resolve:", "${", "ssm:", "secretsmanager:", "*", "&", "|", ">"];
    !text.is_empty()
        && !named.iter().any(|start| text.starts_with(start))
        && !matches!(text, "true" | "false" | "null" | "~")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::{parse, render};

    fn found(text: &str) -> (usize, String) {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", text);
        let mut diagnostics = Vec::new();
        hide(file, &mut sources);
        let parsed = parse(&sources, file, &mut diagnostics);
        secrets(file, &parsed, &mut sources, &mut diagnostics);
        crate::blueprint::sort(&mut diagnostics);
        (diagnostics.len(), render(&diagnostics, &sources, false))
    }

    #[test]
    fn secrets_are_refused_and_never_repeated() {
        for (text, secret) in [
            ("database: {password: hunter2}", "hunter2"),
            ("database:\n  master-password: 'correct horse'\n", "correct horse"),
            ("api_key: 12345678\n", "12345678"),
            ("# key: AKIAIOSFODNN7EXAMPLE\nname: x\n", "AKIAIOSFODNN7EXAMPLE"),
            ("user_data: |\n  #!/bin/sh\n  export DB_PASSWORD=hunter2\n", "hunter2"),
            ("url: mysql://shop:hunter2@db/shop\n", "hunter2"),
            (
                "key: |\n  -----BEGIN RSA PRIVATE KEY-----\n  MIIEpAIBAAKCAQEA\n  -----END RSA PRIVATE KEY-----\n",
                "MIIE",
            ),
            ("token: [oops\npassword: hunter2\n", "hunter2"),
        ] {
            let (count, shown) = found(text);
            assert!(count > 0, "{text}");
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn what_only_names_a_secret_is_allowed() {
        for text in [
            "password_policy: strict",
            "secret_arn: arn:aws:secretsmanager:eu-west-1:123456789012:secret:x",
            "http_tokens: required",
            "manage_master_password: true",
            "password: arn:aws:secretsmanager:eu-west-1:123456789012:secret:x",
            "user_data: |\n  TOKEN=$(curl -X PUT http://169.254.169.254/latest/api/token)\n  PASSWORD=\"${SECRET}\"\n",
        ] {
            assert_eq!(found(text), (0, String::new()), "{text}");
        }
    }
}
