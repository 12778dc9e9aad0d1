//! A connector in front of the SDK's HTTP client that counts calls, adds latency, and ends the connection for good at a
//! chosen call. Knows no operation: it reads a call's name off the request, whatever the service.
//!
//! Tests and benchmarks use it to show how many calls a piece of work costs, how many of them wait for one another, and
//! that a process that dies at any of them leaves nothing a second one cannot finish.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::sync::Notify;

use crate::Aws;
use crate::client::TRIES;

/// A connector that watches, slows and cuts; clones share what they saw.
#[derive(Clone, Debug)]
pub struct Wire {
    http: SharedHttpClient,
    state: Arc<Mutex<State>>,
    ended: Arc<Notify>,
}

/// Where a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The call it ends at, counted from 1 since the cut was set.
    pub call: usize,
    /// Which calls count.
    pub among: Among,
    /// On which side of that call.
    pub side: Side,
}

/// Which calls a cut counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    /// Every one.
    All,
    /// Those that may change something: a death at a read leaves the cloud as one at the write before it does.
    Writes,
}

impl Among {
    fn counts(self, operation: &str) -> bool {
        let name = operation.split_once('.').map_or(operation, |(_, name)| name);
        let reads = ["Describe", "Get", "List", "GET "];
        self == Self::All || !reads.iter().any(|read| name.starts_with(read))
    }
}

/// The two ways a process can die at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The call is never sent.
    BeforeSend,
    /// The call is carried out and its answer never arrives.
    AfterAccept,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    latency: Duration,
    cut: Option<Cut>,
    dead: bool,
}

#[derive(Debug)]
struct Call {
    operation: String,
    started: Instant,
    ended: Option<Instant>,
}

impl Wire {
    /// Watches calls over plain HTTP, as to a server on this machine.
    pub fn plain() -> Self {
        Self::over(aws_smithy_http_client::Builder::new().build_http())
    }

    /// Watches the calls of another HTTP client.
    pub fn over(http: SharedHttpClient) -> Self {
        Self { http, state: Arc::default(), ended: Arc::default() }
    }

    /// Clients whose calls go through here, to a server at `endpoint`, with an access key of that server's.
    pub fn connect(&self, endpoint: &str, region: &str, access_key: &str) -> Aws {
        Aws::new(&self.config(endpoint, region, access_key))
    }

    /// The configuration of those clients, for a client of one's own.
    pub fn config(&self, endpoint: &str, region: &str, access_key: &str) -> SdkConfig {
        let credentials = Credentials::new(access_key, "secret", None, None, "wire");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .endpoint_url(endpoint)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
            .http_client(self.clone())
            .build()
    }

    /// Makes every further call take this much longer.
    pub fn slow(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// Ends the connection at a call yet to come. That call and every later one fail at once, as they would for a
    /// process that is gone.
    pub fn cut(&self, cut: Cut) {
        let mut state = self.state();
        state.calls.clear();
        state.cut = Some(cut);
    }

    /// Whether the connection has ended.
    pub fn is_cut(&self) -> bool {
        self.state().dead
    }

    /// Waits for the connection to end: nothing that happens in the process after that could matter.
    pub async fn ended(&self) {
        loop {
            let ended = self.ended.notified();
            if self.is_cut() {
                return;
            }
            ended.await;
        }
    }

    /// Forgets the calls seen so far.
    pub fn forget(&self) {
        self.state().calls.clear();
    }

    /// How many calls were made.
    pub fn calls(&self) -> usize {
        self.state().calls.len()
    }

    /// How many calls were made, by operation, such as `ec2.DescribeVpcs`.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in &self.state().calls {
            *counts.entry(call.operation.clone()).or_default() += 1;
        }
        counts
    }

    /// The longest chain of calls each of which started after the one before had ended: how many had to wait for one
    /// another, at most.
    pub fn waves(&self) -> usize {
        let state = self.state();
        let span = |call: &Call| Some((call.started, call.ended?));
        let mut spans: Vec<_> = state.calls.iter().filter_map(span).collect();
        spans.sort_by_key(|(started, _)| *started);
        let mut ends: Vec<(Instant, usize)> = Vec::with_capacity(spans.len());
        for (started, ended) in spans {
            let before = ends.iter().filter(|(end, _)| *end <= started).map(|(_, wave)| *wave).max();
            ends.push((ended, before.unwrap_or_default() + 1));
        }
        ends.iter().map(|(_, wave)| *wave).max().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call and says how it goes: its number, how long it waits, and whether its answer is lost.
    fn start(&self, request: &HttpRequest) -> Result<(usize, Duration, bool), ConnectorError> {
        let mut state = self.state();
        if state.dead {
            return Err(dead());
        }
        let number = state.calls.len();
        state.calls.push(Call { operation: operation(request), started: Instant::now(), ended: None });
        let counted = |among: Among| state.calls.iter().filter(|call| among.counts(&call.operation)).count();
        let here =
            state.cut.filter(|cut| cut.among.counts(&state.calls[number].operation) && cut.call == counted(cut.among));
        let here = here.map(|cut| cut.side);
        state.dead |= here == Some(Side::BeforeSend);
        match here {
            Some(Side::BeforeSend) => {
                self.ended.notify_waiters();
                Err(dead())
            }
            side => Ok((number, state.latency, side.is_some())),
        }
    }

    /// Notes the end of a call; an error if its answer does not arrive.
    fn end(&self, number: usize, lost: bool) -> Result<(), ConnectorError> {
        let mut state = self.state();
        if let Some(call) = state.calls.get_mut(number) {
            call.ended = Some(Instant::now());
        }
        state.dead |= lost;
        if lost {
            self.ended.notify_waiters();
        }
        if state.dead { Err(dead()) } else { Ok(()) }
    }
}

/// An error the SDK does not retry.
fn dead() -> ConnectorError {
    ConnectorError::other("the connection was cut".into(), None)
}

/// `service.Operation` as the request itself tells them: the service from the signature's scope; the operation from the
/// target header (JSON), the form (query) or the path (REST).
fn operation(request: &HttpRequest) -> String {
    let authorization = request.headers().get("authorization").unwrap_or_default();
    let service = authorization.split('/').nth(3).unwrap_or("?");
    let target = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
    let body = || std::str::from_utf8(request.body().bytes()?).ok();
    let action = || body()?.split('&').find_map(|pair| pair.strip_prefix("Action="));
    let rest = || {
        let path = request.uri().split("://").nth(1).and_then(|rest| rest.split_once('/')).map_or("", |(_, path)| path);
        format!("{} /{path}", request.method())
    };
    let name = target.or_else(action).map(str::to_owned).unwrap_or_else(rest);
    format!("{service}.{name}")
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.http.http_connector(settings, components);
        SharedHttpConnector::new(Watched { wire: self.clone(), inner })
    }
}

#[derive(Debug)]
struct Watched {
    wire: Wire,
    inner: SharedHttpConnector,
}

impl HttpConnector for Watched {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (wire, inner) = (self.wire.clone(), self.inner.clone());
        HttpConnectorFuture::new(async move {
            let (number, latency, lost) = wire.start(&request)?;
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            let answer = inner.call(request).await;
            wire.end(number, lost)?;
            answer
        })
    }
}
