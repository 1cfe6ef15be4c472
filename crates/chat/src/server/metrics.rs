//! Counters, and their text for Prometheus.
//!
//! Each thread counts for itself, on cache lines of its own, and nothing is summed up until somebody asks.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of one thread.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Counters {
    pub(super) opened: AtomicU64,
    pub(super) closed: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) panics: AtomicU64,
    pub(super) lines_in: AtomicU64,
    pub(super) lines_out: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) bytes_out: AtomicU64,
    pub(super) writes: AtomicU64,
    pub(super) ticks: AtomicU64,
}

/// Adds to a counter. Only its own thread does, so there is no need for a locked instruction.
pub(super) fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}

/// The counters of a server.
#[derive(Clone, Debug)]
pub struct Metrics {
    threads: Arc<[Counters]>,
}

/// Name, help, and where it is.
type Row = (&'static str, &'static str, fn(&Counters) -> &AtomicU64);

const ROWS: [Row; 11] = [
    ("connections_opened_total", "Connections accepted.", |c| &c.opened),
    ("connections_closed_total", "Connections closed.", |c| &c.closed),
    ("connections_refused_total", "Connections over a limit.", |c| &c.refused),
    ("connections_dropped_total", "Connections closed for what they did not read.", |c| &c.dropped),
    ("panics_total", "Panics, each the end of one connection.", |c| &c.panics),
    ("lines_in_total", "Lines received.", |c| &c.lines_in),
    ("lines_out_total", "Lines for connections.", |c| &c.lines_out),
    ("bytes_in_total", "Bytes received.", |c| &c.bytes_in),
    ("bytes_out_total", "Bytes sent.", |c| &c.bytes_out),
    ("writes_total", "Calls of send.", |c| &c.writes),
    ("ticks_total", "Times the hub was locked.", |c| &c.ticks),
];

impl Metrics {
    pub(super) fn new(threads: usize) -> Self {
        Self { threads: (0..threads).map(|_| Counters::default()).collect() }
    }

    pub(super) fn of(&self, thread: usize) -> &Counters {
        &self.threads[thread]
    }

    /// Connections that are open now.
    pub fn connections(&self) -> u64 {
        // A connection is counted as opened before it is counted as closed.
        let closed = self.sum(|c| &c.closed);
        self.sum(|c| &c.opened).saturating_sub(closed)
    }

    /// Appends all counters in Prometheus' text format, version 0.0.4.
    pub fn render(&self, text: &mut String) {
        let open = self.connections();
        // Writing to a string does not fail.
        let _ = writeln!(text, "# HELP callbox_connections Connections that are open.");
        let _ = writeln!(text, "# TYPE callbox_connections gauge\ncallbox_connections {open}");
        for (name, help, counter) in ROWS {
            let _ = writeln!(text, "# HELP callbox_{name} {help}\n# TYPE callbox_{name} counter");
            let _ = writeln!(text, "callbox_{name} {}", self.sum(counter));
        }
    }

    fn sum(&self, counter: fn(&Counters) -> &AtomicU64) -> u64 {
        let values = self.threads.iter().map(|c| counter(c).load(Ordering::Relaxed));
        values.fold(0, u64::wrapping_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_all_threads_are_summed_up() {
        let metrics = Metrics::new(2);
        add(&metrics.of(0).opened, 3);
        add(&metrics.of(1).opened, 4);
        add(&metrics.of(1).closed, 1);
        let mut text = String::new();
        metrics.render(&mut text);
        assert!(text.contains("\ncallbox_connections 6\n"), "{text}");
        assert!(text.contains("# TYPE callbox_connections_opened_total counter\n"), "{text}");
        assert!(text.contains("\ncallbox_connections_opened_total 7\n"), "{text}");
    }
}
