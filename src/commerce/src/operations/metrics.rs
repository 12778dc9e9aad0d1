//! Counters in the OpenMetrics format. A counter is named where it counts; nothing here decides anything.

use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// What tells requests apart. Paths are routes, never the path as sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: Method,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Method {
    Get,
    Post,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

/// All counters.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    seconds: Histogram,
    sockets: Gauge,
    outbox: Gauge,
    pub(crate) products: Counter,
    pub(crate) orders: Counter,
    pub(crate) sold_out: Counter,
    pub(crate) paid: Counter,
    pub(crate) refunds: Counter,
    pub(crate) payment_retries: Counter,
    pub(crate) bids: Counter,
    pub(crate) bids_refused: Counter,
    pub(crate) messages: Counter,
    pub(crate) limited: Counter,
}

impl Metrics {
    /// Counters at zero.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("commerce");
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let (products, orders) = (counter("products", "Products put up"), counter("orders", "Orders placed"));
        let sold_out = counter("orders_sold_out", "Orders refused for want of stock");
        let (paid, refunds) = (counter("orders_paid", "Orders paid"), counter("orders_refunded", "Refunds begun"));
        let payment_retries = counter("payment_retries", "Payment calls without an answer");
        let (bids, bids_refused) = (counter("bids", "Bids taken"), counter("bids_refused", "Bids refused"));
        let (messages, limited) = (counter("chat_messages", "Messages"), counter("limited", "Requests over a limit"));
        let (requests, sockets, outbox) = (Family::default(), Gauge::default(), Gauge::default());
        let seconds = Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0]);
        registry.register("requests", "Requests answered", Family::clone(&requests));
        registry.register("request_seconds", "Time to answer", seconds.clone());
        registry.register("sockets", "Open sockets", Gauge::clone(&sockets));
        registry.register("outbox_waiting", "Messages for the payment provider that wait", Gauge::clone(&outbox));
        let build = Family::<Build, Gauge>::default();
        build.get_or_create(&Build { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build", "The running build", build);
        Metrics {
            registry,
            requests,
            seconds,
            sockets,
            outbox,
            products,
            orders,
            sold_out,
            paid,
            refunds,
            payment_retries,
            bids,
            bids_refused,
            messages,
            limited,
        }
    }

    /// Counts an answered request.
    pub(crate) fn answered(&self, method: &axum::http::Method, route: &str, status: u16, took: Duration) {
        let method = match method.as_str() {
            "GET" => Method::Get,
            "POST" => Method::Post,
            _ => Method::Other,
        };
        self.requests.get_or_create(&Request { method, route: route.to_owned(), status }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// Notes the number of messages that wait for the provider.
    pub(crate) fn outbox_waiting(&self, count: i64) {
        self.outbox.set(count);
    }

    /// All counters as text.
    pub(crate) fn text(&self, sockets: usize) -> String {
        self.sockets.set(i64::try_from(sockets).unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
