//! What happened, for analytics: one JSON line each to a file, to Kinesis Data Firehose or to S3. Losing a line is
//! allowed, holding up an order is not: lines wait in a bounded queue and are dropped, and counted, when it is full.

use std::sync::Arc;
use std::time::Duration;

use object_store::{ObjectStore, ObjectStoreExt, PutPayload, path::Path as Name};
use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use crate::Shop;
use crate::clock;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::orders::Order;

/// Lines that may wait.
const QUEUE: usize = 10_000;
/// Lines in one object or one call; Firehose takes at most 500 records.
const BATCH: usize = 500;
/// How long a line waits for company.
const WAIT: Duration = Duration::from_secs(5);

/// Where lines go in.
pub(crate) struct Events {
    queue: Option<mpsc::Sender<String>>,
    waiting: std::sync::Mutex<Option<mpsc::Receiver<String>>>,
}

impl Events {
    /// A queue, if there is somewhere to send lines to.
    pub(crate) fn new(wanted: bool) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        Events { queue: wanted.then_some(queue), waiting: std::sync::Mutex::new(Some(waiting)) }
    }

    fn send(&self, kind: &str, mut body: Json) {
        let Some(queue) = &self.queue else { return };
        body["event"] = kind.into();
        body["at"] = clock::now().into();
        if queue.try_send(body.to_string()).is_err() {
            tracing::warn!(kind, "an analytics event was dropped");
        }
    }
}

/// Something happened to an order.
pub(crate) fn order(shop: &Shop, kind: &str, order: &Order) {
    let body = json!({"order": order.id, "buyer": order.buyer_id, "seller": order.seller_id, "total": order.total,
        "method": order.method, "state": order.state});
    shop.events.send(kind, body);
}

/// A bid was taken.
pub(crate) fn bid(shop: &Shop, product: Id, bidder: Id, amount: i64) {
    shop.events.send("bid", json!({"product": product, "bidder": bidder, "amount": amount}));
}

/// Something happened to a broadcast.
pub(crate) fn broadcast(shop: &Shop, kind: &str, id: Id) {
    shop.events.send(&format!("broadcast.{kind}"), json!({"broadcast": id}));
}

/// A page tells what its visitor looked at.
pub(crate) fn seen(shop: &Shop, path: &str, person: Option<Id>) {
    shop.events.send("seen", json!({"path": path, "person": person}));
}

/// Where lines go.
enum Sink {
    File(tokio::fs::File),
    Bucket(Box<dyn ObjectStore>, String),
    Firehose { client: reqwest::Client, region: String, stream: String, keys: object_store::aws::AwsCredentialProvider },
}

async fn open(place: &str) -> Result<Sink> {
    let broken = |e: &dyn std::fmt::Display| Error::Unavailable(format!("cannot open the event sink `{place}`: {e}"));
    if let Some(rest) = place.strip_prefix("s3://") {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, "events"));
        let store = object_store::aws::AmazonS3Builder::from_env().with_bucket_name(bucket).build();
        return Ok(Sink::Bucket(Box::new(store.map_err(|e| broken(&e))?), prefix.to_owned()));
    }
    if let Some(rest) = place.strip_prefix("firehose:") {
        let (region, stream) = rest.split_once('/').ok_or_else(|| broken(&"it must be `firehose:REGION/STREAM`"))?;
        // Object storage finds credentials the way every AWS client does; the signature needs only them.
        let store = object_store::aws::AmazonS3Builder::from_env().with_bucket_name("none").build();
        let keys = Arc::clone(store.map_err(|e| broken(&e))?.credentials());
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().map_err(|e| broken(&e))?;
        return Ok(Sink::Firehose { client, region: region.to_owned(), stream: stream.to_owned(), keys });
    }
    let path = place.strip_prefix("file:").unwrap_or(place);
    let file = tokio::fs::OpenOptions::new().append(true).create(true).open(path).await;
    file.map(Sink::File).map_err(|e| broken(&e))
}

/// Writes lines until the service stops, then what still waits.
pub(crate) async fn write(shop: Arc<Shop>, place: String) -> Result<()> {
    let taken = shop.events.waiting.lock().ok().and_then(|mut waiting| waiting.take());
    let Some(mut waiting) = taken else { return Ok(()) };
    let mut sink = open(&place).await?;
    loop {
        let mut lines = Vec::with_capacity(BATCH);
        let stopping = tokio::select! {
            _ = waiting.recv_many(&mut lines, BATCH) => false,
            () = shop.stopping() => true,
        };
        if stopping {
            while let Ok(line) = waiting.try_recv() {
                lines.push(line);
            }
            for lines in lines.chunks(BATCH) {
                put(&mut sink, lines).await?;
            }
            return Ok(());
        }
        let until = tokio::time::Instant::now() + if matches!(sink, Sink::File(_)) { Duration::ZERO } else { WAIT };
        while lines.len() < BATCH {
            match tokio::time::timeout_at(until, waiting.recv()).await {
                Ok(Some(line)) => lines.push(line),
                Ok(None) | Err(_) => break,
            }
        }
        for attempt in 1..=5_u32 {
            match put(&mut sink, &lines).await {
                Ok(()) => break,
                Err(e) => tracing::warn!(error = %e, attempt, lines = lines.len(), "events could not be written"),
            }
            tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
        }
    }
}

async fn put(sink: &mut Sink, lines: &[String]) -> Result<()> {
    let unavailable = |e: &dyn std::fmt::Display| Error::Unavailable(e.to_string());
    let mut text = lines.join("\n");
    text.push('\n');
    match sink {
        Sink::File(file) => {
            file.write_all(text.as_bytes()).await.map_err(|e| unavailable(&e))?;
            file.flush().await.map_err(|e| unavailable(&e))
        }
        Sink::Bucket(store, prefix) => {
            // One folder a day, as Glue's crawler makes partitions of.
            let name =
                format!("{prefix}/day={}/{}.ndjson", clock::field(clock::now()).get(..10).unwrap_or(""), Id::new());
            let put = store.put(&Name::from(name), PutPayload::from(text.into_bytes())).await;
            put.map(drop).map_err(|e| unavailable(&e))
        }
        Sink::Firehose { client, region, stream, keys } => {
            let request = crate::operations::firehose::request(region, stream, lines, keys).await?;
            let answer = client.execute(request).await.map_err(|e| unavailable(&e.without_url()))?;
            if !answer.status().is_success() {
                return Err(unavailable(&format!("Firehose answered {}", answer.status())));
            }
            let told = answer.bytes().await.map_err(|e| unavailable(&e.without_url()))?;
            match crate::operations::firehose::refused(&told) {
                Some(0) => Ok(()),
                // Which ones does not matter: readers of the stream know a line that came twice by its order and time.
                Some(count) => Err(unavailable(&format!("Firehose did not take {count} records"))),
                None => Err(unavailable(&"Firehose answered something else than it should")),
            }
        }
    }
}
