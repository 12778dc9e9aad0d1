//! What every engine must do, checked on each: atomicity, isolation of failures inside a shared commit, counting of
//! rows, conflicts, text as it was given, and that the schema's rules are in force.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Database, args, read, transact};
use crate::error::{Error, Result};

#[path = "../../tests/it/mariadb.rs"]
mod mariadb;

/// An empty shop on each engine.
pub(crate) async fn databases() -> Vec<(tempfile::TempDir, Database)> {
    let mut all = Vec::new();
    for engine in ["sqlite", "mysql"] {
        let folder = tempfile::tempdir().unwrap();
        let url = match engine {
            "sqlite" => format!("sqlite:{}", folder.path().join("shop.db").display()),
            _ => mariadb::database(),
        };
        let database = Database::open(&url, None).await.unwrap();
        assert_eq!(database.migrate().await.unwrap(), ["0001_shop"]);
        assert_eq!(database.migrate().await.unwrap(), [""; 0]);
        all.push((folder, database));
    }
    all
}

async fn count(database: &Database) -> i64 {
    read!(database, Committed, [], |c| c.number("SELECT COUNT(*) FROM taken", vec![]).await).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_transaction_leaves_nothing_and_harms_no_other() {
    for (_folder, database) in databases().await {
        let many = (0..300).map(|number| {
            let database = database.clone();
            async move {
                let done: Result<u64> = transact!(database, [], |c| {
                    let token = format!("t{number}");
                    let changed = c.execute("INSERT INTO taken VALUES (?, ?)", args![token, number]).await?;
                    match number % 3 {
                        0 => Err(Error::NotFound("reason to commit")),
                        _ => Ok(changed),
                    }
                })
                .await;
                (number, done.is_ok())
            }
        });
        for (number, good) in futures::future::join_all(many).await {
            assert_eq!(good, number % 3 != 0);
        }
        assert_eq!(count(&database).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conditional_update_is_decided_by_its_row_count() {
    for (_folder, database) in databases().await {
        transact!(database, [], |c| c.execute("INSERT INTO taken VALUES ('stock', 50)", vec![]).await).await.unwrap();
        let taken = Arc::new(AtomicU32::new(0));
        let many = (0..200).map(|_| {
            let (database, taken) = (database.clone(), Arc::clone(&taken));
            async move {
                let sql = "UPDATE taken SET created_at = created_at - 1 WHERE token = 'stock' AND created_at >= ?";
                let changed = transact!(database, [], |c| c.execute(sql, args![1]).await).await.unwrap();
                taken.fetch_add(u32::try_from(changed).unwrap(), Ordering::Relaxed);
            }
        });
        futures::future::join_all(many).await;
        assert_eq!(taken.load(Ordering::Relaxed), 50);
        let left = read!(database, Committed, [], |c| c.number("SELECT created_at FROM taken", vec![]).await);
        assert_eq!(left.await.unwrap(), 0);
    }
}

#[tokio::test]
async fn rows_are_counted_when_matched_even_if_they_stay_the_same() {
    for (_folder, database) in databases().await {
        let done = transact!(database, [], |c| {
            c.execute("INSERT INTO taken VALUES ('one', 1)", vec![]).await?;
            c.execute("UPDATE taken SET created_at = ? WHERE token = ?", args![1, "one"]).await
        });
        assert_eq!(done.await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_key_that_is_there_is_a_conflict_and_skipping_it_changes_nothing() {
    for (_folder, database) in databases().await {
        let insert = "INSERT INTO taken VALUES ('one', 1)";
        transact!(database, [], |c| c.execute(insert, vec![]).await).await.unwrap();
        let again = transact!(database, [], |c| c.execute(insert, vec![]).await).await;
        assert!(matches!(again, Err(Error::Conflict("exists", _))), "{again:?}");
        let skipped = transact!(database, [], |c| {
            let sql = format!("{} INTO taken VALUES (?, ?)", c.dialect().insert_or_skip());
            let first = c.execute(&sql, args!["one", 2]).await?;
            Ok((first, c.execute(&sql, args!["two", 2]).await?))
        });
        assert_eq!(skipped.await.unwrap(), (0, 1));
    }
}

#[tokio::test]
async fn the_schema_s_rules_are_in_force() {
    for (_folder, database) in databases().await {
        for sql in [
            "INSERT INTO sessions VALUES ('t', 404, 'c', 0, 0)",
            "INSERT INTO order_lines VALUES (404, 405, 't', 1, 1)",
            "INSERT INTO cart_lines VALUES (404, 405, 1, 0)",
        ] {
            let orphan = transact!(database, [], |c| c.execute(sql, vec![]).await).await;
            assert!(matches!(orphan, Err(Error::Conflict("exists", _))), "{sql}: {orphan:?}");
        }
        let person = "INSERT INTO people VALUES (1, 'a@b.kr', 'n', 'p', 'personal', NULL, NULL, 'seller', '', 0, 0)";
        let product =
            "INSERT INTO products VALUES (1, 1, 1, 'ordinary', 't', 'd', 100, 5, 5, NULL, NULL, 'active', 0, 0, 0)";
        for sql in [person, product] {
            transact!(database, [], |c| c.execute(sql, vec![]).await).await.unwrap();
        }
        let below = transact!(database, [], |c| c.execute("UPDATE products SET stock = stock - 6", vec![]).await).await;
        assert!(matches!(below, Err(Error::Conflict("exists", _))), "{below:?}");
    }
}

#[tokio::test]
async fn text_and_nothing_come_back_as_they_were_given() {
    for (_folder, database) in databases().await {
        for text in ["", "한글 👍🏽 '\"\\ %_;--", "Ａa", "tab\tline\n"] {
            let done = transact!(database, [], |c| {
                c.execute("INSERT INTO taken VALUES (?, ?)", args![text, i64::MIN]).await?;
                let rows =
                    c.query("SELECT token, created_at, ? FROM taken WHERE token = ?", args![None::<i64>, text]).await?;
                let mut row = rows.into_iter().next().ok_or(Error::NotFound("row"))?;
                Ok((row.take::<String>()?, row.take::<i64>()?, row.take::<Option<i64>>()?))
            });
            assert_eq!(done.await.unwrap(), (text.to_owned(), i64::MIN, None));
        }
        // Letters differ by case, as in SQLite: addresses are lowered before they are stored.
        let other = read!(database, Committed, [], |c| {
            c.number("SELECT COUNT(*) FROM taken WHERE token = ?", args!["ＡA"]).await
        });
        assert_eq!(other.await.unwrap(), 0);
    }
}

#[tokio::test]
async fn nobody_writes_through_a_read_of_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("shop.db").display());
    let database = Database::open(&url, None).await.unwrap();
    database.migrate().await.unwrap();
    let written = read!(database, Committed, [], |c| c.execute("DELETE FROM categories", vec![]).await).await;
    assert!(written.is_err());
}
