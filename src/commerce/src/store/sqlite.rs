//! SQLite: one writer thread that gathers waiting transactions into one durable commit, and a few readers.
//!
//! A commit costs a disk flush, and SQLite has one writer anyway; so the transactions that wait while a flush is under
//! way share the next one. Each runs inside its own savepoint: a failed one undoes itself alone. Nobody is answered
//! before the commit that holds his work is on disk.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use futures::FutureExt;
use futures::future::BoxFuture;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio::sync::oneshot;

use super::{Answer, Connection, Dialect, Freshness, Row, Store, Value, Work};
use crate::error::{Error, Result};

/// The most transactions that share a flush: bounds how long the first waits for the last.
const GROUP: usize = 128;
/// Work that may wait before callers are told to come back later.
const QUEUE: usize = 8192;
/// Reader threads: reads are short, and more threads than this only contend.
const READERS: usize = 3;

/// Work and where its answer goes.
struct Job {
    work: Work,
    reply: oneshot::Sender<Result<Answer>>,
}

/// The engine.
pub(super) struct Sqlite {
    path: PathBuf,
    writer: SyncSender<Job>,
    readers: SyncSender<Job>,
}

impl Sqlite {
    /// Opens or makes the file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|e| Error::Unavailable(format!("cannot make the folder `{}`: {e}", folder.display())))?;
        }
        let (writer, jobs) = sync_channel(QUEUE);
        let connection = connect(path)?;
        spawn("sqlite-writer", move || write(connection, &jobs))?;
        let (readers, jobs) = sync_channel(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..READERS {
            let connection = connect(path)?;
            connection.pragma_update(None, "query_only", true).map_err(failure)?;
            let jobs = Arc::clone(&jobs);
            spawn("sqlite-reader", move || read(connection, &jobs))?;
        }
        Ok(Sqlite { path: path.to_owned(), writer, readers })
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<()> {
    let spawned = thread::Builder::new().name(name.into()).spawn(body);
    spawned.map(drop).map_err(|e| Error::Unavailable(format!("cannot start the thread `{name}`: {e}")))
}

fn connect(path: &Path) -> Result<rusqlite::Connection> {
    let connection = rusqlite::Connection::open(path)
        .map_err(|e| Error::Unavailable(format!("cannot open `{}`: {e}", path.display())))?;
    connection.set_prepared_statement_cache_capacity(256);
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA busy_timeout = 10000; PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY;",
        )
        .map_err(failure)?;
    Ok(connection)
}

/// The writer: gathers, commits, then answers.
fn write(mut connection: rusqlite::Connection, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut done = Vec::new();
        let mut commit = connection.execute_batch("BEGIN IMMEDIATE").map_err(failure);
        let mut next = Some(first);
        while let Some(job) = next {
            let answer = match &commit {
                Ok(()) => alone(&mut connection, &job.work),
                Err(e) => Err(Error::Unavailable(e.to_string())),
            };
            done.push((job.reply, answer));
            next = if done.len() < GROUP { jobs.try_recv().ok() } else { None };
        }
        if commit.is_ok() {
            commit = connection.execute_batch("COMMIT").map_err(failure);
            if commit.is_err() {
                // Nothing of a failed commit may stay open for the next group.
                let _ = connection.execute_batch("ROLLBACK");
            }
        }
        for (reply, answer) in done {
            let answer = match &commit {
                Ok(()) => answer,
                Err(e) => answer.and_then(|_| Err(Error::Unavailable(format!("the commit failed: {e}")))),
            };
            // Whoever asked may be gone; the work is done all the same.
            let _ = reply.send(answer);
        }
    }
}

/// One transaction inside its savepoint.
fn alone(connection: &mut rusqlite::Connection, work: &Work) -> Result<Answer> {
    statement(connection, "SAVEPOINT job")?;
    let answer = now(work(&mut Open(connection)));
    if answer.is_err() {
        statement(connection, "ROLLBACK TO job")?;
    }
    statement(connection, "RELEASE job")?;
    answer
}

fn statement(connection: &rusqlite::Connection, sql: &str) -> Result<()> {
    connection.prepare_cached(sql).and_then(|mut prepared| prepared.execute([])).map(drop).map_err(failure)
}

/// A reader: each job sees one snapshot.
fn read(mut connection: rusqlite::Connection, jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = match jobs.lock() {
            Ok(jobs) => jobs.recv(),
            Err(_) => return,
        };
        let Ok(job) = job else { return };
        let answer = statement(&connection, "BEGIN").and_then(|()| {
            let answer = now((job.work)(&mut Open(&mut connection)));
            statement(&connection, "COMMIT").and(answer)
        });
        let _ = job.reply.send(answer);
    }
}

/// SQLite never makes a statement wait, so work over it is finished at the first poll.
fn now(running: BoxFuture<'_, Result<Answer>>) -> Result<Answer> {
    running.now_or_never().unwrap_or_else(|| Err(Error::Internal("a transaction waited for something else".into())))
}

async fn ask(queue: &SyncSender<Job>, work: Work) -> Result<Answer> {
    let (reply, answer) = oneshot::channel();
    queue
        .try_send(Job { work, reply })
        .map_err(|_| Error::Unavailable("the database has too much to do: try again".into()))?;
    answer.await.unwrap_or_else(|_| Err(Error::Internal("the database thread ended".into())))
}

impl Store for Sqlite {
    fn transact(&self, work: Work) -> BoxFuture<'_, Result<Answer>> {
        ask(&self.writer, work).boxed()
    }

    fn read(&self, work: Work, _: Freshness) -> BoxFuture<'_, Result<Answer>> {
        ask(&self.readers, work).boxed()
    }

    fn alter(&self, work: Work) -> BoxFuture<'_, Result<Answer>> {
        ask(&self.writer, work).boxed()
    }

    fn backup<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<()>> {
        async move {
            if to.exists() {
                return Err(Error::Conflict("exists", format!("`{}` exists already", to.display())));
            }
            let (path, to) = (self.path.clone(), to.to_owned());
            let copied = tokio::task::spawn_blocking(move || {
                let name = to.to_str().ok_or_else(|| Error::Malformed("the backup's path is not text".into()))?;
                connect(&path)?.execute("VACUUM INTO ?", [name]).map_err(failure)
            });
            copied.await.map_err(|e| Error::Internal(e.to_string()))?.map(drop)
        }
        .boxed()
    }

    fn restore<'a>(&'a self, from: &'a Path) -> BoxFuture<'a, Result<()>> {
        async move {
            let (path, from) = (self.path.clone(), from.to_owned());
            let copied = tokio::task::spawn_blocking(move || {
                let mut to = connect(&path)?;
                let tables: i64 = to
                    .query_row("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'", [], |row| row.get(0))
                    .map_err(failure)?;
                if tables > 0 {
                    return Err(Error::Conflict("exists", format!("`{}` is not empty", path.display())));
                }
                let source = rusqlite::Connection::open_with_flags(&from, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
                    .map_err(|e| Error::Unavailable(format!("cannot open `{}`: {e}", from.display())))?;
                let copy = rusqlite::backup::Backup::new(&source, &mut to).map_err(failure)?;
                copy.run_to_completion(4096, std::time::Duration::ZERO, None).map_err(failure)
            });
            copied.await.map_err(|e| Error::Internal(e.to_string()))?
        }
        .boxed()
    }

    fn file(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

/// A connection while a thread works on it.
struct Open<'a>(&'a mut rusqlite::Connection);

impl Connection for Open<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn execute<'a>(&'a mut self, sql: &'a str, args: Vec<Value>) -> BoxFuture<'a, Result<u64>> {
        let changed = self.0.prepare_cached(sql).and_then(|mut s| s.execute(rusqlite::params_from_iter(args)));
        std::future::ready(changed.map(|count| count as u64).map_err(failure)).boxed()
    }

    fn query<'a>(&'a mut self, sql: &'a str, args: Vec<Value>) -> BoxFuture<'a, Result<Vec<Row>>> {
        std::future::ready(rows(self.0, sql, args).map_err(failure)).boxed()
    }
}

fn rows(connection: &rusqlite::Connection, sql: &str, args: Vec<Value>) -> rusqlite::Result<Vec<Row>> {
    let mut prepared = connection.prepare_cached(sql)?;
    let width = prepared.column_count();
    let mut found = prepared.query(rusqlite::params_from_iter(args))?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        let values = (0..width).map(|column| {
            Ok(match row.get_ref(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Int(number),
                ValueRef::Real(number) => Value::Text(number.to_string()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                    Value::Text(String::from_utf8_lossy(bytes).into_owned())
                }
            })
        });
        all.push(Row::new(values.collect::<rusqlite::Result<_>>()?));
    }
    Ok(all)
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

fn failure(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => {
            Error::Conflict("exists", format!("it exists already ({error})"))
        }
        Some(
            rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DiskFull | rusqlite::ErrorCode::SystemIoFailure,
        ) => Error::Unavailable(format!("the database does not answer: {error}")),
        _ => Error::Internal(format!("the database refused a statement: {error}")),
    }
}
