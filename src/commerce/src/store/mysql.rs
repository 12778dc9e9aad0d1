//! MySQL and MariaDB: a few lanes, each with a connection, that gather waiting transactions into one commit, and pools
//! for reads.
//!
//! The hottest row of a shop is the stock of the product on air, and its lock is held until the commit is on disk. So
//! the transactions that wait meanwhile share the next commit, each inside its own savepoint, instead of queueing one
//! flush each for the same lock. A deadlock undoes the whole group; its members then run again one by one.
//!
//! A replica, when there is one, answers only reads that said an older answer will do.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts};
use tokio::process::Command;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::{Answer, Connection, Dialect, Freshness, Row, Store, Value, Work};
use crate::error::{Error, Result};

/// Connections that write. More would only wait for each other's row locks.
const LANES: usize = 6;
/// The most transactions that share a commit: bounds how long a row lock is held.
const GROUP: usize = 48;
/// Work that may wait before callers are told to come back later.
const QUEUE: usize = 8192;
/// How often a transaction that lost a deadlock runs again.
const TRIES: u32 = 10;

/// Work and where its answer goes.
struct Job {
    work: Work,
    reply: oneshot::Sender<Result<Answer>>,
}

/// The engine.
pub(super) struct Mysql {
    options: Opts,
    primary: Pool,
    replica: Pool,
    jobs: mpsc::Sender<Job>,
}

impl Mysql {
    /// Prepares the pools; nothing is connected yet.
    pub(super) fn open(url: &str, replica: Option<&str>) -> Result<Self> {
        let parsed = options(url)?;
        let primary = Pool::new(parsed.clone());
        let replica = replica.map_or(Ok(primary.clone()), |url| options(url).map(Pool::new))?;
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..LANES {
            tokio::spawn(lane(primary.clone(), Arc::clone(&waiting)));
        }
        Ok(Mysql { options: parsed, primary, replica, jobs })
    }
}

fn options(url: &str) -> Result<Opts> {
    let parsed = Opts::from_url(url).map_err(|e| Error::Malformed(format!("cannot read the database's URL: {e}")))?;
    let constraints = PoolConstraints::new(1, 24).expect("1 is not more than 24");
    Ok(OptsBuilder::from_opts(parsed)
        // Matched rows, as SQLite counts them, not changed ones.
        .client_found_rows(true)
        .stmt_cache_size(256)
        // A snapshot older than the transaction's own locks is how stock gets sold twice.
        .setup(vec![
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned(),
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ANSI_QUOTES'".to_owned(),
            "SET SESSION innodb_lock_wait_timeout = 10".to_owned(),
        ])
        .pool_opts(PoolOpts::new().with_constraints(constraints).with_reset_connection(false))
        .into())
}

async fn lane(pool: Pool, waiting: Arc<Mutex<mpsc::Receiver<Job>>>) {
    let mut kept: Option<Conn> = None;
    loop {
        let group = {
            let mut waiting = waiting.lock().await;
            let Some(first) = waiting.recv().await else { return };
            // A share of what waits, so that lanes that are free get some too.
            let share = (1 + waiting.len() / LANES).min(GROUP);
            let mut group = vec![first];
            while group.len() < share {
                match waiting.try_recv() {
                    Ok(job) => group.push(job),
                    Err(_) => break,
                }
            }
            group
        };
        let connection = match kept.take() {
            Some(connection) => connection,
            None => match pool.get_conn().await {
                Ok(connection) => connection,
                Err(e) => {
                    for job in group {
                        let _ = job.reply.send(Err(failure(e.to_string(), None)));
                    }
                    continue;
                }
            },
        };
        kept = run(connection, group).await;
    }
}

/// How a transaction ended.
enum Outcome {
    /// On disk; the answers in order.
    Committed(Vec<Result<Answer>>),
    /// Undone by the database to end a deadlock: may run again.
    Deadlock,
    /// The connection is in an unknown state.
    Broken(Error),
}

/// Runs a group, alone if it must; gives the connection back if it is still good.
async fn run(connection: Conn, group: Vec<Job>) -> Option<Conn> {
    let mut open = Open { connection, deadlock: false, broken: false };
    let works: Vec<&Work> = group.iter().map(|job| &job.work).collect();
    match together(&mut open, &works).await {
        Outcome::Committed(answers) => {
            for (job, answer) in group.into_iter().zip(answers) {
                let _ = job.reply.send(answer);
            }
        }
        Outcome::Broken(e) => {
            // The commit may or may not have happened: only the callers can find out.
            for job in group {
                let _ = job.reply.send(Err(Error::Unavailable(e.to_string())));
            }
            return None;
        }
        Outcome::Deadlock => {
            for job in group {
                let mut answer = Err(Error::Unavailable("too many deadlocks: try again".into()));
                for attempt in 0..TRIES {
                    match together(&mut open, &[&job.work]).await {
                        Outcome::Committed(mut one) => {
                            answer = one.pop().unwrap_or_else(|| Err(Error::Internal("no answer".into())));
                            break;
                        }
                        Outcome::Deadlock => {
                            let jitter = u64::from(crate::secret::random::<1>()[0] % 8);
                            tokio::time::sleep(Duration::from_millis(jitter << attempt.min(5))).await;
                        }
                        Outcome::Broken(e) => {
                            answer = Err(e);
                            break;
                        }
                    }
                }
                let _ = job.reply.send(answer);
            }
        }
    }
    (!open.broken).then_some(open.connection)
}

async fn together(open: &mut Open, works: &[&Work]) -> Outcome {
    (open.deadlock, open.broken) = (false, false);
    if let Err(e) = open.plain("START TRANSACTION").await {
        open.broken = true;
        return Outcome::Broken(e);
    }
    let mut answers = Vec::with_capacity(works.len());
    for work in works {
        // The same name moves the savepoint on.
        let marked = if works.len() > 1 { open.plain("SAVEPOINT job").await } else { Ok(()) };
        let answer = match marked {
            Ok(()) => work(open).await,
            Err(e) => Err(e),
        };
        if open.deadlock {
            let _ = open.plain("ROLLBACK").await;
            return Outcome::Deadlock;
        }
        if open.broken {
            return Outcome::Broken(answer.err().unwrap_or_else(|| Error::Unavailable("the connection broke".into())));
        }
        if answer.is_err() {
            let undo = if works.len() > 1 { "ROLLBACK TO SAVEPOINT job" } else { "ROLLBACK" };
            if let Err(e) = open.plain(undo).await {
                open.broken = true;
                return Outcome::Broken(e);
            }
        }
        answers.push(answer);
    }
    if let Err(e) = open.plain("COMMIT").await {
        if open.deadlock {
            return Outcome::Deadlock;
        }
        open.broken = true;
        return Outcome::Broken(Error::Unavailable(format!("the commit failed: {e}")));
    }
    Outcome::Committed(answers)
}

async fn connected(pool: &Pool) -> Result<Open> {
    let connection = pool.get_conn().await.map_err(|e| failure(e.to_string(), None))?;
    Ok(Open { connection, deadlock: false, broken: false })
}

impl Store for Mysql {
    fn transact(&self, work: Work) -> BoxFuture<'_, Result<Answer>> {
        async move {
            let (reply, answer) = oneshot::channel();
            self.jobs
                .try_send(Job { work, reply })
                .map_err(|_| Error::Unavailable("the database has too much to do: try again".into()))?;
            answer.await.unwrap_or_else(|_| Err(Error::Internal("the database task ended".into())))
        }
        .boxed()
    }

    fn read(&self, work: Work, freshness: Freshness) -> BoxFuture<'_, Result<Answer>> {
        async move {
            let pool = match freshness {
                Freshness::Committed => &self.primary,
                Freshness::Relaxed => &self.replica,
            };
            let mut open = connected(pool).await?;
            work(&mut open).await
        }
        .boxed()
    }

    fn alter(&self, work: Work) -> BoxFuture<'_, Result<Answer>> {
        async move {
            let mut open = connected(&self.primary).await?;
            work(&mut open).await
        }
        .boxed()
    }

    fn backup<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<()>> {
        async move {
            let file = std::fs::File::create_new(to)
                .map_err(|e| Error::Conflict("exists", format!("cannot make `{}`: {e}", to.display())))?;
            // A transaction's snapshot, so that the shop stays open meanwhile.
            let arguments = ["--single-transaction", "--skip-lock-tables", "--no-tablespaces", "--skip-comments"];
            let mut dump = self.client("mariadb-dump", &arguments);
            finish(dump.stdout(file), "mariadb-dump").await
        }
        .boxed()
    }

    fn restore<'a>(&'a self, from: &'a Path) -> BoxFuture<'a, Result<()>> {
        async move {
            let mut open = connected(&self.primary).await?;
            let there = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()";
            let connection: &mut dyn Connection = &mut open;
            if connection.number(there, vec![]).await? > 0 {
                return Err(Error::Conflict("exists", "the database is not empty".into()));
            }
            let file = std::fs::File::open(from)
                .map_err(|e| Error::Unavailable(format!("cannot open `{}`: {e}", from.display())))?;
            finish(self.client("mariadb", &[]).stdin(file), "mariadb").await
        }
        .boxed()
    }

    fn file(&self) -> Option<&Path> {
        None
    }
}

impl Mysql {
    /// A client program, told the password by its environment, where other users cannot read it.
    fn client(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(["--no-defaults", "--protocol=tcp"])
            .arg(format!("--host={}", self.options.ip_or_hostname()))
            .arg(format!("--port={}", self.options.tcp_port()))
            .arg(format!("--user={}", self.options.user().unwrap_or("root")))
            .args(arguments)
            .arg(self.options.db_name().unwrap_or("commerce"))
            .env("MYSQL_PWD", self.options.pass().unwrap_or(""));
        command
    }
}

async fn finish(command: &mut Command, program: &str) -> Result<()> {
    let status = command.status().await.map_err(|e| Error::Unavailable(format!("cannot run `{program}`: {e}")))?;
    if status.success() { Ok(()) } else { Err(Error::Unavailable(format!("`{program}` failed: {status}"))) }
}

/// A connection and what became of it.
struct Open {
    connection: Conn,
    deadlock: bool,
    broken: bool,
}

impl Open {
    async fn plain(&mut self, sql: &str) -> Result<()> {
        let ran = self.connection.query_drop(sql).await;
        ran.map_err(|e| self.note(&e))
    }

    fn note(&mut self, error: &mysql_async::Error) -> Error {
        let code = match error {
            mysql_async::Error::Server(server) => Some(server.code),
            _ => {
                self.broken = true;
                None
            }
        };
        // 1213 is a deadlock, 1205 a lock wait that took too long, 1020 a row changed since it was read.
        self.deadlock |= matches!(code, Some(1213 | 1205 | 1020));
        failure(error.to_string(), code)
    }
}

impl Connection for Open {
    fn dialect(&self) -> Dialect {
        Dialect::Mysql
    }

    fn execute<'a>(&'a mut self, sql: &'a str, args: Vec<Value>) -> BoxFuture<'a, Result<u64>> {
        async move {
            // Some statements, as those of transactions, cannot be prepared.
            let done = match args.is_empty() {
                true => self.connection.query_drop(sql).await,
                false => self.connection.exec_drop(sql, params(args)).await,
            };
            done.map_err(|e| self.note(&e))?;
            Ok(self.connection.affected_rows())
        }
        .boxed()
    }

    fn query<'a>(&'a mut self, sql: &'a str, args: Vec<Value>) -> BoxFuture<'a, Result<Vec<Row>>> {
        async move {
            let found: Result<Vec<mysql_async::Row>, _> = self.connection.exec(sql, params(args)).await;
            let rows = found.map_err(|e| self.note(&e))?;
            Ok(rows.into_iter().map(|row| Row::new(row.unwrap().into_iter().map(value).collect())).collect())
        }
        .boxed()
    }
}

fn params(args: Vec<Value>) -> Params {
    if args.is_empty() {
        return Params::Empty;
    }
    Params::Positional(
        args.into_iter()
            .map(|value| match value {
                Value::Null => mysql_async::Value::NULL,
                Value::Int(number) => mysql_async::Value::Int(number),
                Value::Text(text) => mysql_async::Value::Bytes(text.into_bytes()),
            })
            .collect(),
    )
}

fn value(value: mysql_async::Value) -> Value {
    use mysql_async::Value as Theirs;
    match value {
        Theirs::NULL => Value::Null,
        Theirs::Int(number) => Value::Int(number),
        Theirs::UInt(number) => Value::Int(i64::try_from(number).unwrap_or(i64::MAX)),
        Theirs::Bytes(bytes) => Value::Text(String::from_utf8_lossy(&bytes).into_owned()),
        other @ (Theirs::Float(_) | Theirs::Double(_) | Theirs::Date(..) | Theirs::Time(..)) => {
            Value::Text(other.as_sql(true))
        }
    }
}

fn failure(text: String, code: Option<u16>) -> Error {
    match code {
        // Duplicate key, broken foreign key (two ways), broken CHECK (MariaDB, MySQL).
        Some(1062 | 1451 | 1452 | 4025 | 3819) => Error::Conflict("exists", format!("it exists already ({text})")),
        Some(1061) => Error::Conflict("index-exists", text),
        Some(1213 | 1205 | 1020) => Error::Unavailable(format!("the transaction has to run again: {text}")),
        Some(_) => Error::Internal(format!("the database refused a statement: {text}")),
        None => Error::Unavailable(format!("the database does not answer: {text}")),
    }
}
