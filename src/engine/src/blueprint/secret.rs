//! Finds secrets that were written into a file, so that they are refused and never printed.
//!
//! A blueprint is committed and shared: a secret in it is a leaked secret, whatever key it stands under.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::diagnostic::Diagnostic;
use super::node::{Data, Node};
use super::source::{FileId, Sources, Span};

/// Secrets that are known by their look, wherever they stand: comments, user data, anything.
static KNOWN: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    [
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
        ("an AWS access key id", r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
        ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(-----END [A-Z ]*PRIVATE KEY-----)?"),
        ("a GitHub token", r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"),
        ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
        ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
        ("a Slack webhook", r"https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}"),
        ("a Stripe key", r"\b[rs]k_live_[A-Za-z0-9]{16,}"),
        ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}"),
        ("an npm token", r"\bnpm_[A-Za-z0-9]{36}"),
        ("a JSON web token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
        ("a password in a URL", r"\b[a-z][a-z0-9+.-]*://[^\s/:@$<{]+:([^\s/:@$<{]{3,})@"),
    ]
    .into_iter()
    .map(|(name, pattern)| (name, Regex::new(pattern).expect("the pattern is valid")))
    .collect()
});

/// `DB_PASSWORD=…` in scripts; a value that is computed (`$(…)`, `${…}`) is none.
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern =
        r#"(?i)\b([a-z0-9_]*(?:password|passwd|secret|api_?key|access_?key|token)[a-z0-9_]*)=["']?([^\s"'$<{&|;]{4,})"#;
    Regex::new(pattern).expect("the pattern is valid")
});

/// `password: …` on a line of a file that may not even parse.
static WRITTEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?m)^[ \t{-]*["']?([A-Za-z0-9_.-]+)["']?[ \t]*:[ \t]+(\S.*?)[ \t\r]*$"#)
        .expect("the pattern is valid")
});

const HINT: &str = "remove it here and revoke it if it was ever shared; database passwords are made and kept by \
                    Secrets Manager, other secrets are read from it at run time";

/// Marks everything in a file that must not be printed. Works on texts that cannot be parsed.
pub fn hide(file: FileId, sources: &mut Sources) {
    let text = sources.text(file);
    let known = KNOWN.iter().flat_map(|(_, pattern)| {
        pattern
            .captures_iter(text)
            .map(|found| found.get(1).filter(|_| pattern.as_str().contains("://[")).or(found.get(0)))
    });
    let assigned = ASSIGNED.captures_iter(text).map(|found| found.get(2));
    let written = WRITTEN
        .captures_iter(text)
        .filter(|found| found.get(1).is_some_and(|key| names_a_secret(key.as_str())))
        .map(|found| found.get(2))
        .filter(|value| value.is_some_and(|value| literal(value.as_str())));
    let spans: Vec<_> =
        known.chain(assigned).chain(written).flatten().map(|found| Span::new(file, found.range())).collect();
    spans.into_iter().for_each(|span| sources.hide(span));
}

/// Reports the secrets of a file: by their look in its text, by their key in its tree.
pub fn secrets(file: FileId, root: Option<&Node>, sources: &mut Sources, diagnostics: &mut Vec<Diagnostic>) {
    let mut spans = Vec::new();
    let text = sources.text(file);
    for (name, pattern) in KNOWN.iter() {
        for found in pattern.find_iter(text) {
            let place = Span::new(file, found.range());
            diagnostics.push(Diagnostic::error(place, format!("{name} is written here")).hint(HINT));
        }
    }
    for found in ASSIGNED.captures_iter(text) {
        if let (Some(name), Some(value)) = (found.get(1), found.get(2)) {
            let place = Span::new(file, value.range());
            let message = format!("the value of `{}` is written here", name.as_str());
            diagnostics.push(Diagnostic::error(place, message).hint(HINT));
        }
    }
    if let Some(root) = root {
        keyed(root, &mut spans, diagnostics);
    }
    spans.into_iter().for_each(|span| sources.hide(span));
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
    let ends = [
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
    ends.iter().any(|end| key.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('_')))
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
        secrets(file, parsed.root.as_ref(), &mut sources, &mut diagnostics);
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
