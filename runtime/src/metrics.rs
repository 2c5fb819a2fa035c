//! What a server counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A view of what a server does, which outlives [`Server::run`](crate::Server::run).
///
/// Counting is on the way of every message, and so it is one addition each; reading is cheap as well,
/// and never stops the server.
///
/// ```
/// let server = specwire::Server::new();
/// let metrics = server.metrics();
/// assert_eq!(metrics.counters().connections, 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    tally: Arc<Tally>,
}

/// What a server has at one moment, and has had since it started.
///
/// Each figure is exact, but they are read one after another while the server goes on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counters {
    /// WebSockets that are open now.
    pub connections: u64,
    /// Subscriptions that are going now.
    pub subscriptions: u64,
    /// Handshakes that were refused because of a limit.
    pub refused: u64,
    /// Messages of peers that were answered with a fault of this crate's own, such as
    /// [`Fault::INVALID_MESSAGE`](crate::Fault::INVALID_MESSAGE).
    pub faults: u64,
    /// Handlers that panicked, each of which ended its exchange; pub/sub handlers, each of which is
    /// started again for its subscribers; framings, each of which closed its connection with 1011; and
    /// buses, each time that one was asked for something that a subscription waited for.
    pub panics: u64,
    /// Publications, once for each subscriber that they were for. Small ones are counted when they are
    /// written, most often at once.
    pub published: u64,
    /// Those of them that have been written to their subscriber's socket.
    pub delivered: u64,
    /// Those that were given up for a subscriber that did not keep up, as
    /// [`Limits::slow_consumer`](crate::Limits::slow_consumer) says. What is neither delivered nor
    /// dropped waits still, or went down with its connection.
    pub dropped: u64,
    /// Connections that this server closed, by close code.
    pub closed: BTreeMap<u16, u64>,
    /// Connections that their peers closed, or that were cut.
    pub left: u64,
    /// Connections that were given up without a word: their peers showed no sign of life, or took
    /// nothing any more.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct Tally {
    connections: AtomicU64,
    subscriptions: AtomicU64,
    refused: AtomicU64,
    faults: AtomicU64,
    panics: AtomicU64,
    published: AtomicU64,
    delivered: AtomicU64,
    dropped: AtomicU64,
    closed: Mutex<BTreeMap<u16, u64>>,
    left: AtomicU64,
    lost: AtomicU64,
}

/// One of what there is now; counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Present {
    tally: Arc<Tally>,
    gauge: fn(&Tally) -> &AtomicU64,
}

impl Drop for Present {
    fn drop(&mut self) {
        (self.gauge)(&self.tally).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// What the server has now, and has had so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let tally = &*self.tally;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            connections: read(&tally.connections),
            subscriptions: read(&tally.subscriptions),
            refused: read(&tally.refused),
            faults: read(&tally.faults),
            panics: read(&tally.panics),
            published: read(&tally.published),
            delivered: read(&tally.delivered),
            dropped: read(&tally.dropped),
            closed: tally
                .closed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            left: read(&tally.left),
            lost: read(&tally.lost),
        }
    }

    pub(crate) fn connection(&self) -> Present {
        self.present(|tally| &tally.connections)
    }

    pub(crate) fn subscription(&self) -> Present {
        self.present(|tally| &tally.subscriptions)
    }

    fn present(&self, gauge: fn(&Tally) -> &AtomicU64) -> Present {
        gauge(&self.tally).fetch_add(1, Ordering::Relaxed);
        Present {
            tally: Arc::clone(&self.tally),
            gauge,
        }
    }

    pub(crate) fn refused(&self) {
        add(&self.tally.refused, 1);
    }

    pub(crate) fn fault(&self) {
        add(&self.tally.faults, 1);
    }

    pub(crate) fn panic(&self) {
        add(&self.tally.panics, 1);
    }

    pub(crate) fn published(&self, count: u64) {
        add(&self.tally.published, count);
    }

    pub(crate) fn delivered(&self, count: u64) {
        add(&self.tally.delivered, count);
    }

    pub(crate) fn dropped(&self, count: u64) {
        add(&self.tally.dropped, count);
    }

    pub(crate) fn closed(&self, code: u16) {
        let mut closed = self
            .tally
            .closed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = closed.entry(code).or_default();
        *count = count.saturating_add(1);
    }

    pub(crate) fn left(&self) {
        add(&self.tally.left, 1);
    }

    pub(crate) fn lost(&self) {
        add(&self.tally.lost, 1);
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
