//! The built-in payment provider, for trying the shop and for testing it. It keeps its own books, as a real one does,
//! and can be told to fail the ways real ones do: no answer before or after the money moved, webhooks twice, late and
//! in another order.
//!
//! A token that begins with `decline` is declined.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc;

use super::{Charge, Notice, Outcome, Provider, Refund};
use crate::clock;
use crate::error::{Error, Result};
use crate::gather::{Gather, Size};
use crate::id::Id;
use crate::secret;
use crate::store::{Connection, Database, args, list, marks, read, transact};

/// A webhook call as it would arrive: its signature and its body.
pub(crate) type Call = (String, String);

/// The provider.
pub(crate) struct TestProvider {
    database: Database,
    books: Gather<Entry, (i64, String)>,
    /// Faults in a thousand calls.
    faults: AtomicU32,
    calls: mpsc::UnboundedSender<Call>,
    inbox: std::sync::Mutex<Option<mpsc::UnboundedReceiver<Call>>>,
    key: [u8; 32],
}

/// A charge to be noted: its token, amount and outcome.
#[derive(Clone)]
struct Entry(String, i64, &'static str);

#[derive(serde::Serialize, serde::Deserialize)]
struct Body {
    id: String,
    order: Id,
}

impl TestProvider {
    /// A provider that fails this share of calls, between 0 and 1.
    pub(crate) fn new(database: Database, faults: f64) -> Self {
        let (calls, inbox) = mpsc::unbounded_channel();
        let books = database.clone();
        let provider = TestProvider {
            database,
            books: Gather::start(Size { together: 128, at_once: 2 }, move |entries: Arc<Vec<Entry>>| {
                let books = books.clone();
                Box::pin(async move {
                    let noted = transact!(books, [entries], |c| note(c, &entries).await);
                    // Whoever gets no answer asks again.
                    noted.await.unwrap_or_default()
                })
            }),
            faults: AtomicU32::new(0),
            calls,
            inbox: std::sync::Mutex::new(Some(inbox)),
            key: secret::random(),
        };
        provider.fail(faults);
        provider
    }

    /// Changes the share of calls that fail.
    pub(crate) fn fail(&self, share: f64) {
        self.faults.store((share.clamp(0.0, 1.0) * 1000.0) as u32, Ordering::Relaxed);
    }

    /// The webhook calls it makes; taken once.
    pub(crate) fn inbox(&self) -> Option<mpsc::UnboundedReceiver<Call>> {
        self.inbox.lock().ok()?.take()
    }

    fn unlucky(&self) -> bool {
        let share = self.faults.load(Ordering::Relaxed);
        share > 0 && u32::from(u16::from_le_bytes(secret::random::<2>())) % 1000 < share
    }

    /// Announces a charge, and under faults late and twice, which also changes the order.
    fn announce(&self, order: Id) {
        let body = serde_json::to_string(&Body { id: format!("test-{order}"), order }).unwrap_or_default();
        let call = (secret::sign(&self.key, body.as_bytes()), body);
        if !self.unlucky() {
            // Nobody is there to hear it once the service stops.
            let _ = self.calls.send(call);
            return;
        }
        let calls = self.calls.clone();
        tokio::spawn(async move {
            for _ in 0..2 {
                tokio::time::sleep(Duration::from_millis(u64::from(secret::random::<1>()[0]) * 4)).await;
                let _ = calls.send(call.clone());
            }
        });
    }
}

/// Notes charges, each token once; what the books say of each now.
async fn note(c: &mut dyn Connection, entries: &[Entry]) -> Result<Vec<(i64, String)>> {
    let now = clock::now();
    let rows = entries.iter().flat_map(|Entry(token, amount, outcome)| args![token, *amount, *outcome, 0, now]);
    let skip = c.dialect().insert_or_skip();
    let head = format!("{skip} INTO test_charges (token, amount, outcome, refunded, created_at)");
    if c.insert(&head, 5, rows.collect()).await? == entries.len() as u64 {
        return Ok(entries.iter().map(|Entry(_, amount, outcome)| (*amount, (*outcome).to_owned())).collect());
    }
    let tokens = list(entries.iter().map(|entry| &entry.0));
    let sql = format!("SELECT token, amount, outcome FROM test_charges WHERE token IN ({})", marks(tokens.len()));
    let mut known = HashMap::new();
    for mut row in c.query(&sql, tokens).await? {
        known.insert(row.take::<String>()?, (row.take::<i64>()?, row.take::<String>()?));
    }
    let noted = entries.iter().map(|entry| known.get(&entry.0).cloned());
    noted.collect::<Option<_>>().ok_or_else(|| Error::Internal("the test provider lost a charge".into()))
}

fn outcome(order: Id, amount: i64, word: &str) -> Outcome {
    match word {
        "charged" => Outcome::Done { reference: format!("test_{order}"), amount },
        _ => Outcome::Declined("the card was declined".into()),
    }
}

impl Provider for TestProvider {
    fn charge(&self, charge: Charge) -> BoxFuture<'_, Outcome> {
        async move {
            if self.unlucky() {
                return Outcome::Unknown("no answer, before anything happened".into());
            }
            let word = if charge.token.starts_with("decline") { "declined" } else { "charged" };
            match self.books.ask(Entry(charge.order.to_string(), charge.amount, word)).await {
                None => Outcome::Unknown("the test provider's books do not answer".into()),
                Some((amount, word)) => {
                    if self.faults.load(Ordering::Relaxed) > 0 {
                        self.announce(charge.order);
                    }
                    if self.unlucky() {
                        return Outcome::Unknown("no answer, after the money moved".into());
                    }
                    outcome(charge.order, amount, &word)
                }
            }
        }
        .boxed()
    }

    fn refund(&self, refund: Refund) -> BoxFuture<'_, Outcome> {
        async move {
            if self.unlucky() {
                return Outcome::Unknown("no answer, before anything happened".into());
            }
            let (token, amount) = (refund.order.to_string(), refund.amount);
            let back = transact!(self.database, [token], |c| {
                let sql =
                    "UPDATE test_charges SET refunded = ? WHERE token = ? AND outcome = 'charged' AND amount >= ?";
                c.execute(sql, args![amount, token, amount]).await
            });
            match back.await {
                Err(e) => Outcome::Unknown(e.to_string()),
                Ok(0) => Outcome::Declined("there is no such charge".into()),
                Ok(_) if self.unlucky() => Outcome::Unknown("no answer, after the money moved".into()),
                Ok(_) => Outcome::Done { reference: format!("test_{}_back", refund.order), amount },
            }
        }
        .boxed()
    }

    fn look_up<'a>(&'a self, order: Id, _: &'a str) -> BoxFuture<'a, Result<Option<Outcome>>> {
        async move {
            let token = order.to_string();
            let found = read!(self.database, Committed, [token], |c| {
                let rows = c.query("SELECT amount, outcome FROM test_charges WHERE token = ?", args![token]).await?;
                let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
                Ok(Some((row.take::<i64>()?, row.take::<String>()?)))
            });
            Ok(found.await?.map(|(amount, word)| outcome(order, amount, &word)))
        }
        .boxed()
    }

    fn notice(&self, headers: &axum::http::HeaderMap, body: &[u8]) -> Result<Notice> {
        let given = headers.get("test-signature").and_then(|v| v.to_str().ok()).unwrap_or("");
        if !secret::same(given, &secret::sign(&self.key, body)) {
            return Err(Error::Unauthenticated);
        }
        let body: Body = serde_json::from_slice(body).map_err(|e| Error::Malformed(e.to_string()))?;
        Ok(Notice { id: body.id, order: body.order })
    }

    fn built_in(&self) -> Option<&TestProvider> {
        Some(self)
    }
}
