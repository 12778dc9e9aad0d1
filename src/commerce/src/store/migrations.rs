//! The schema's history, embedded. A migration is never edited once released: its checksum is stored with it, and a
//! database whose history differs is refused.
//!
//! MySQL commits after each schema statement, so every statement can run twice (`IF NOT EXISTS`).

use sha2::{Digest, Sha256};

use super::{Connection, Dialect, args};
use crate::clock;
use crate::error::{Error, Result};
use crate::secret::hex;

/// A step of the schema.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

const ALL: &[Migration] = &[Migration { name: "0001_shop", sql: include_str!("../../migrations/0001_shop.sql") }];

/// The newest migration's name.
pub(crate) const LATEST: &str = ALL[ALL.len() - 1].name;

/// What a migration would run.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Pending {
    /// Names that are not applied yet.
    pub(crate) pending: Vec<&'static str>,
    /// Names that are applied in another wording than this program knows.
    pub(crate) changed: Vec<&'static str>,
}

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS migrations (
    name VARCHAR(64) NOT NULL PRIMARY KEY, checksum VARCHAR(64) NOT NULL, applied_at BIGINT NOT NULL)";

/// Compares the history with the embedded steps.
pub(super) async fn pending(c: &mut dyn Connection) -> Result<Pending> {
    let there = match c.dialect() {
        Dialect::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE name = 'migrations'",
        Dialect::Mysql => {
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'migrations'"
        }
    };
    let mut applied = Vec::new();
    if c.number(there, vec![]).await? > 0 {
        for mut row in c.query("SELECT name, checksum FROM migrations", vec![]).await? {
            applied.push((row.take::<String>()?, row.take::<String>()?));
        }
    }
    let known = |step: &Migration| applied.iter().find(|(name, _)| name == step.name);
    Ok(Pending {
        pending: ALL.iter().filter(|step| known(step).is_none()).map(|step| step.name).collect(),
        changed: ALL
            .iter()
            .filter(|step| known(step).is_some_and(|(_, sum)| *sum != checksum(step)))
            .map(|step| step.name)
            .collect(),
    })
}

/// Runs what is missing.
pub(super) async fn run(c: &mut dyn Connection) -> Result<Vec<&'static str>> {
    c.execute(HISTORY, vec![]).await?;
    let state = pending(c).await?;
    if let Some(name) = state.changed.first() {
        return Err(Error::Internal(format!("the migration `{name}` was applied in another wording")));
    }
    for step in ALL.iter().filter(|step| state.pending.contains(&step.name)) {
        let words = c.dialect();
        for statement in step.sql.split(';').map(|s| dialect(s, words)).filter(|s| !s.trim().is_empty()) {
            match c.execute(&statement, vec![]).await {
                // MySQL knows no `IF NOT EXISTS` for an index.
                Ok(_) | Err(Error::Conflict("index-exists", _)) => {}
                Err(e) => return Err(Error::Internal(format!("the migration `{}` failed: {e}", step.name))),
            }
        }
        // Nodes of one shop may start, and migrate, at the same time.
        let insert = format!("{} INTO migrations VALUES (?, ?, ?)", c.dialect().insert_or_skip());
        c.execute(&insert, args![step.name, checksum(step), clock::now()]).await?;
    }
    Ok(state.pending)
}

fn checksum(step: &Migration) -> String {
    hex(&Sha256::digest(step.sql.as_bytes()))
}

/// Puts the words that differ into a statement, and drops its comments.
fn dialect(statement: &str, dialect: Dialect) -> String {
    let lines = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
    let (id, table, lines): (_, _, Vec<String>) = match dialect {
        Dialect::Sqlite => ("INTEGER", "", lines.map(str::to_owned).collect()),
        Dialect::Mysql => {
            ("BIGINT", " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin", foreign_keys_apart(lines))
        }
    };
    let index = match dialect {
        Dialect::Sqlite => "CREATE INDEX IF NOT EXISTS",
        Dialect::Mysql => "CREATE INDEX",
    };
    let text = lines.join("\n").replace("{id}", id).replace("{index}", index).replace("{table}", table);
    text.replace("{skip}", dialect.insert_or_skip())
}

/// MySQL reads a column's `REFERENCES` and ignores it; only a clause of the table counts.
/// <https://dev.mysql.com/doc/refman/8.4/en/create-table-foreign-keys.html>
fn foreign_keys_apart<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let (mut kept, mut clauses) = (Vec::new(), Vec::new());
    for line in lines {
        match line.split_once(" REFERENCES ") {
            Some((column, target)) => {
                let name = column.split_whitespace().next().unwrap_or_default();
                clauses.push(format!("    , FOREIGN KEY ({name}) REFERENCES {}", target.trim_end_matches(',')));
                kept.push(format!("{column}{}", if target.ends_with(',') { "," } else { "" }));
            }
            None if line.starts_with("){table}") => {
                kept.append(&mut clauses);
                kept.push(line.to_owned());
            }
            None => kept.push(line.to_owned()),
        }
    }
    kept
}
