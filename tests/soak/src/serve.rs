//! The server's process: the heartbeat, and what it has at the moment, for each line of its input.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use specwire::bus::MemoryBus;
use specwire::{Fault, Limits, Request, Server, Subscribers};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::runtime::Handle;
use tokio::time::MissedTickBehavior;

use crate::ALLOCATOR;

use self::heartbeat::{BeatPub, BeatSub, GetPeriodRequest, GetPeriodResponse};

mod heartbeat {
    specwire::include_api!("heartbeat");
}

/// Between two pings, and for the answer: short, so that many clients stall for longer in the time
/// that there is.
const LIVENESS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(5)];

/// Beats, and tells how many handlers are at it.
struct Pulse {
    period: Duration,
    beating: Arc<AtomicUsize>,
}

impl heartbeat::Service for Pulse {
    async fn beat(&self, subscribers: Subscribers<BeatSub, BeatPub>) -> Result<(), Fault> {
        let _stopped = Beating::new(self);
        let mut ticks = tokio::time::interval(self.period);
        // What a machine that stood still has missed would come all at once, and be too much.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            subscribers.publish_each(|subscription| BeatPub {
                subscription_id: subscription.subscription_id.clone(),
            });
        }
    }

    async fn get_period(&self, _: Request<GetPeriodRequest>) -> Result<GetPeriodResponse, Fault> {
        Ok(GetPeriodResponse {
            period: Some(self.period.into()),
            ..GetPeriodResponse::default()
        })
    }
}

/// A handler that beats.
struct Beating<'a>(&'a Pulse);

impl<'a> Beating<'a> {
    fn new(pulse: &'a Pulse) -> Self {
        pulse.beating.fetch_add(1, Ordering::Relaxed);
        Self(pulse)
    }
}

impl Drop for Beating<'_> {
    fn drop(&mut self) {
        self.0.beating.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves until the input ends.
pub(crate) async fn run(period: Duration) -> Result<(), String> {
    let [ping_interval, pong_timeout] = LIVENESS;
    let limits = Limits {
        connections: 20_000,
        ping_interval,
        pong_timeout,
        ..Limits::default()
    };
    let beating = Arc::<AtomicUsize>::default();
    let bus = Arc::new(MemoryBus::new());
    let pulse = Pulse {
        period,
        beating: Arc::clone(&beating),
    };
    let listener = specwire::bind("127.0.0.1:0").await.map_err(debug)?;
    println!("{}", listener.local_addr().map_err(debug)?);
    let server = Server::new()
        .limits(limits)
        .bus(bus.clone())
        .serve(heartbeat::provider(pulse));
    let metrics = server.metrics();
    let asked = async {
        let mut lines = BufReader::new(stdin()).lines();
        while let Ok(Some(_)) = lines.next_line().await {
            let counters = metrics.counters();
            let status = json!({
                "resident": resident(),
                "allocated": allocated(),
                "descriptors": descriptors(),
                "tasks": Handle::current().metrics().num_alive_tasks(),
                "handlers": beating.load(Ordering::Relaxed),
                "connections": counters.connections,
                "subscriptions": counters.subscriptions,
                "topics": bus.topics(),
            });
            println!("{status}");
        }
    };
    server.run(listener, asked).await.map_err(debug)
}

/// Bytes that were allocated and have not been freed.
fn allocated() -> usize {
    let counted = ALLOCATOR.stats();
    counted
        .bytes_allocated
        .saturating_sub(counted.bytes_deallocated)
}

/// Bytes of memory that the process has.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let kib = lines.find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fn debug(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
