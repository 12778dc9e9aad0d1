//! Counters of the whole process, as Prometheus reads them.
//!
//! Decides names and units. No name, key or address of a person ever becomes a label; a stream's public name does.

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets of part latency, in milliseconds.
const BUCKETS: [u64; 8] = [50, 100, 200, 250, 300, 500, 1000, 3000];

/// All counters.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) parts: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) connections: AtomicI64,
    pub(crate) publishers: AtomicI64,
    pub(crate) outbox: AtomicI64,
    pub(crate) callback_failures: AtomicU64,
    pub(crate) upstream: AtomicU64,
    latency: [AtomicU64; BUCKETS.len() + 1],
    latency_sum: AtomicU64,
}

/// The process's counters.
pub(crate) static METRICS: Metrics = Metrics::new();

impl Metrics {
    const fn new() -> Self {
        Metrics {
            parts: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            connections: AtomicI64::new(0),
            publishers: AtomicI64::new(0),
            outbox: AtomicI64::new(0),
            callback_failures: AtomicU64::new(0),
            upstream: AtomicU64::new(0),
            latency: [const { AtomicU64::new(0) }; BUCKETS.len() + 1],
            latency_sum: AtomicU64::new(0),
        }
    }

    /// From the arrival of a part's first frame until players can fetch it.
    pub(crate) fn part_latency(&self, latency: Duration) {
        let milliseconds = latency.as_millis() as u64;
        let bucket = BUCKETS.iter().position(|bound| milliseconds <= *bound).unwrap_or(BUCKETS.len());
        self.latency[bucket].fetch_add(1, Ordering::Relaxed);
        self.latency_sum.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// In Prometheus' text format.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let counters = [
            ("media_parts_total", "Parts made of what publishers sent", &self.parts),
            ("media_dropped_frames_total", "Frames that could not be placed", &self.dropped),
            ("media_requests_total", "HTTP requests answered", &self.requests),
            ("media_sent_bytes_total", "Bytes of answers", &self.sent),
            ("media_refused_publishers_total", "Publishers refused", &self.refused),
            ("media_callback_failures_total", "Events that commerce did not take at once", &self.callback_failures),
            ("media_upstream_requests_total", "Requests an edge sent to an origin", &self.upstream),
        ];
        for (name, help, value) in counters {
            let value = value.load(Ordering::Relaxed);
            let _ = write!(out, "# HELP {name} {help}.\n# TYPE {name} counter\n{name} {value}\n");
        }
        let gauges = [
            ("media_connections", "Open viewer connections", &self.connections),
            ("media_publishers", "Connected publishers", &self.publishers),
            ("media_outbox_events", "Events that commerce has not taken yet", &self.outbox),
        ];
        for (name, help, value) in gauges {
            let value = value.load(Ordering::Relaxed);
            let _ = write!(out, "# HELP {name} {help}.\n# TYPE {name} gauge\n{name} {value}\n");
        }
        let name = "media_part_latency_seconds";
        let _ = write!(out, "# HELP {name} From a part's first frame to its publication.\n# TYPE {name} histogram\n");
        let mut total = 0;
        for (count, bound) in self.latency.iter().zip(&BUCKETS) {
            total += count.load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}_bucket{{le=\"{}\"}} {total}", *bound as f64 / 1000.0);
        }
        total += self.latency[BUCKETS.len()].load(Ordering::Relaxed);
        let sum = self.latency_sum.load(Ordering::Relaxed) as f64 / 1000.0;
        let _ = write!(out, "{name}_bucket{{le=\"+Inf\"}} {total}\n{name}_sum {sum}\n{name}_count {total}\n");
        out
    }
}
