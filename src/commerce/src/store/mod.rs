//! The database seen by the rest of the service: transactions and reads over two engines, SQLite and MySQL.
//!
//! Every statement of the service is written once, in the subset of SQL both engines share, next to the rule it
//! carries out. What differs (how a transaction runs, how a backup is made, three words of syntax) is one module per
//! engine behind [`Store`], and one contract suite runs over both. The layer refuses to know what the tables mean.
//!
//! A transaction is a closure, because it may run twice: MySQL asks for that after a deadlock, and SQLite gathers many
//! closures into one durable commit.

mod migrations;
mod mysql;
mod sqlite;
mod value;

#[cfg(test)]
pub(crate) mod contract;

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::error::{Error, Result};

pub(crate) use migrations::{LATEST, Pending};
pub(crate) use value::{Column, Record, Row, Value, args, choice, record};

/// What differs in the text of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Mysql,
}

impl Dialect {
    /// Ends a SELECT whose rows this transaction will change and no other may meanwhile.
    pub(crate) fn for_update(self) -> &'static str {
        match self {
            // The writer is alone anyway.
            Dialect::Sqlite => "",
            Dialect::Mysql => " FOR UPDATE",
        }
    }

    /// As above, leaving out rows that another transaction holds.
    pub(crate) fn for_update_skipping(self) -> &'static str {
        match self {
            Dialect::Sqlite => "",
            Dialect::Mysql => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Begins an INSERT that does nothing, and changes no row, when the key is already there.
    pub(crate) fn insert_or_skip(self) -> &'static str {
        match self {
            Dialect::Sqlite => "INSERT OR IGNORE",
            Dialect::Mysql => "INSERT IGNORE",
        }
    }
}

/// A connection inside a transaction or a read.
pub(crate) trait Connection: Send {
    /// Whose words it understands.
    fn dialect(&self) -> Dialect;
    /// Runs a statement; the number of rows it matched.
    fn execute<'a>(&'a mut self, sql: &'a str, args: Vec<Value>) -> BoxFuture<'a, Result<u64>>;
    /// Runs a query.
    fn query<'a>(&'a mut self, sql: &'a str, args: Vec<Value>) -> BoxFuture<'a, Result<Vec<Row>>>;
}

impl<'c> dyn Connection + 'c {
    /// The records that the rest of the statement selects.
    pub(crate) async fn all<R: Record>(&mut self, rest: &str, args: Vec<Value>) -> Result<Vec<R>> {
        let sql = format!("SELECT {} FROM {} {rest}", R::COLUMNS, R::TABLE);
        self.query(&sql, args).await?.iter_mut().map(R::read).collect()
    }

    /// The first of them.
    pub(crate) async fn one<R: Record>(&mut self, rest: &str, args: Vec<Value>) -> Result<Option<R>> {
        Ok(self.all(rest, args).await?.into_iter().next())
    }

    /// The first column of the first row.
    pub(crate) async fn cell<T: Column>(&mut self, sql: &str, args: Vec<Value>) -> Result<Option<T>> {
        self.query(sql, args).await?.first_mut().map(Row::take).transpose()
    }

    /// Inserts rows of `width` values each, many in a statement; how many were written. `head` ends before `VALUES`.
    pub(crate) async fn insert(&mut self, head: &str, width: usize, values: Vec<Value>) -> Result<u64> {
        let row = format!("({})", marks(width));
        let mut values = values.into_iter();
        let mut written = 0;
        while values.len() > 0 {
            // Powers of two, so that few statements have to be prepared.
            let rows = 1 << (values.len() / width).min(MOST_ROWS).ilog2();
            let sql = format!("{head} VALUES {}", vec![row.as_str(); rows].join(", "));
            written += self.execute(&sql, values.by_ref().take(rows * width).collect()).await?;
        }
        Ok(written)
    }

    /// A count or sum, zero for no row.
    pub(crate) async fn number(&mut self, sql: &str, args: Vec<Value>) -> Result<i64> {
        Ok(self.cell::<Option<i64>>(sql, args).await?.flatten().unwrap_or(0))
    }
}

/// Rows in one INSERT at most.
const MOST_ROWS: usize = 64;

/// Question marks for a list of this length.
pub(crate) fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// Values for an `IN (…)`, the last repeated up to a power of two, so that few statements have to be prepared.
pub(crate) fn list(values: impl IntoIterator<Item: Into<Value>>) -> Vec<Value> {
    let mut values: Vec<Value> = values.into_iter().map(Into::into).collect();
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

/// What a closure hands back, its type erased.
type Answer = Box<dyn Any + Send>;
/// A closure over a connection, its type erased.
pub(crate) type Work = Box<dyn for<'c> Fn(&'c mut dyn Connection) -> BoxFuture<'c, Result<Answer>> + Send + Sync>;

/// How old an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Whatever was last committed: stock, money, sessions.
    Committed,
    /// A replica's view will do: lists and texts.
    Relaxed,
}

/// One database engine.
pub(crate) trait Store: Send + Sync {
    /// Runs the work atomically and durably.
    fn transact(&self, work: Work) -> BoxFuture<'_, Result<Answer>>;
    /// Runs work that only reads.
    fn read(&self, work: Work, freshness: Freshness) -> BoxFuture<'_, Result<Answer>>;
    /// Runs work alone on a connection, each statement its own transaction, as schema changes need on MySQL.
    fn alter(&self, work: Work) -> BoxFuture<'_, Result<Answer>>;
    /// Writes a consistent copy into a new file.
    fn backup<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<()>>;
    /// Replaces the content by a copy made before. The database must be empty.
    fn restore<'a>(&'a self, from: &'a Path) -> BoxFuture<'a, Result<()>>;
    /// The file whose disk must not fill up, if it is here.
    fn file(&self) -> Option<&Path>;
}

/// A handle on the database.
#[derive(Clone)]
pub(crate) struct Database(Arc<dyn Store>);

impl Database {
    /// Opens `sqlite:PATH` or `mysql://user:password@host:port/name`.
    pub(crate) async fn open(url: &str, replica: Option<&str>) -> Result<Self> {
        let store: Arc<dyn Store> = if let Some(path) = url.strip_prefix("sqlite:") {
            Arc::new(sqlite::Sqlite::open(Path::new(path))?)
        } else if url.starts_with("mysql://") {
            Arc::new(mysql::Mysql::open(url, replica)?)
        } else {
            return Err(Error::Malformed(format!(
                "cannot open database `{url}`: it must begin with `sqlite:` or `mysql://`"
            )));
        };
        Ok(Database(store))
    }

    /// Runs a closure atomically and durably; its error undoes what it did.
    pub(crate) async fn transact<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut dyn Connection) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
    {
        unerase(self.0.transact(erase(work)).await?)
    }

    /// Runs a closure that only reads.
    pub(crate) async fn read<T, F>(&self, freshness: Freshness, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut dyn Connection) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
    {
        unerase(self.0.read(erase(work), freshness).await?)
    }

    /// Brings the schema up to date; the names of what was run.
    pub(crate) async fn migrate(&self) -> Result<Vec<&'static str>> {
        unerase(self.0.alter(erase(|c| Box::pin(migrations::run(c)))).await?)
    }

    /// What a migration would run.
    pub(crate) async fn pending(&self) -> Result<Pending> {
        self.read(Freshness::Committed, |c| Box::pin(migrations::pending(c))).await
    }

    /// Writes a consistent copy into a new file.
    pub(crate) async fn backup(&self, to: &Path) -> Result<()> {
        self.0.backup(to).await
    }

    /// Fills an empty database from a copy.
    pub(crate) async fn restore(&self, from: &Path) -> Result<()> {
        self.0.restore(from).await
    }

    /// The database file, if there is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.0.file()
    }
}

fn erase<T, F>(work: F) -> Work
where
    T: Send + 'static,
    F: for<'c> Fn(&'c mut dyn Connection) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
{
    Box::new(move |connection| {
        let running = work(connection);
        Box::pin(async move { Ok(Box::new(running.await?) as Answer) })
    })
}

fn unerase<T: 'static>(answer: Answer) -> Result<T> {
    answer.downcast::<T>().map(|value| *value).map_err(|_| Error::Internal("a transaction changed its type".into()))
}

/// Runs a block in a transaction: `transact!(database, [captured, values], |connection| result)`.
macro_rules! transact {
    ($database:expr, [$($captured:ident),*], |$connection:ident| $body:expr) => {{
        $(let $captured = $captured.clone();)*
        $database.transact(move |$connection| {
            $(#[allow(unused_mut)] let mut $captured = $captured.clone();)*
            Box::pin(async move { $body })
        })
    }};
}
pub(crate) use transact;

/// Runs a block that only reads: `read!(database, Committed, [captured], |connection| result)`.
macro_rules! read {
    ($database:expr, $freshness:ident, [$($captured:ident),*], |$connection:ident| $body:expr) => {{
        $(let $captured = $captured.clone();)*
        $database.read($crate::store::Freshness::$freshness, move |$connection| {
            $(#[allow(unused_mut)] let mut $captured = $captured.clone();)*
            Box::pin(async move { $body })
        })
    }};
}
pub(crate) use read;
