//! R01: a client whose process is stopped while others go on.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use specwire::{Limits, Server};
use specwire_server::heartbeat;
use specwire_server::services::heartbeat::Pulse;
use tokio::time::Instant;

use crate::client::{Peer, soon};
use crate::gauge::{alone, memory, percentile};
use crate::service::Running;

const PERIOD: Duration = Duration::from_millis(5);
const SERVER: &str = "SPECWIRE_STOPPED_CLIENT";

/// Beats of 32 KiB are more than the kernel takes for a client that is stopped, in no time.
fn subscription(id: char, size: usize) -> serde_json::Value {
    json!({"subscriptionId": id.to_string().repeat(size)})
}

/// The client that is stopped: this test again, in a process of its own.
#[tokio::test]
async fn client_process() {
    let Ok(address) = std::env::var(SERVER) else {
        return;
    };
    let (server, _) = Running::elsewhere(address.parse().unwrap());
    let mut peer = Peer::raw(&server, "/ws/heartbeat/beat_sub").await;
    peer.send(&subscription('s', 32 << 10)).await;
    for _ in 0..3 {
        peer.next().await;
        println!("beat");
    }
    loop {
        peer.next().await;
    }
}

struct Client(Child);

impl Client {
    fn start(server: &Running) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "stopped::client_process", "--nocapture"])
            .env(SERVER, server.address.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let beats = lines.map(Result::unwrap).filter(|line| line == "beat");
        assert_eq!(beats.take(3).count(), 3);
        Self(child)
    }

    fn stop(&self) {
        let id = self.0.id().to_string();
        let status = Command::new("kill").args(["-STOP", &id]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How late beats are, for another subscriber, for so many of them.
async fn lateness(peer: &mut Peer, beats: usize) -> Vec<Duration> {
    let mut lateness = Vec::with_capacity(beats);
    let mut last = Instant::now();
    for _ in 0..beats {
        peer.next().await;
        lateness.push(last.elapsed().saturating_sub(PERIOD));
        last = Instant::now();
    }
    lateness
}

async fn check(ping: Duration, pong: Duration, write: Duration) {
    let limits = Limits {
        ping_interval: ping,
        pong_timeout: pong,
        write_timeout: write,
        // So that it is the silence that ends it.
        slow_consumer: specwire::SlowConsumer::DropOldest,
        ..Limits::default()
    };
    let provider = heartbeat::provider(Pulse { period: PERIOD });
    let server = Running::start(Server::new().limits(limits).serve(provider)).await;
    let mut other = Peer::raw(&server, "/ws/heartbeat/beat_sub").await;
    other.send(&subscription('o', 1)).await;
    // The client's process starts while the server is served.
    let client = {
        let (address, _) = Running::elsewhere(server.address);
        soon(tokio::task::spawn_blocking(move || Client::start(&address)))
            .await
            .unwrap()
    };
    let mut before = lateness(&mut other, 200).await;
    let memory_before = memory();

    client.stop();
    let stopped = Instant::now();
    let mut after = Vec::new();
    while server.metrics.counters().lost == 0 {
        after.extend(lateness(&mut other, 10).await);
        let gone = stopped.elapsed();
        let counters = server.metrics.counters();
        assert!(
            gone < ping + pong + Duration::from_secs(2),
            "{gone:?}: {counters:?}"
        );
    }
    assert_eq!(server.metrics.counters().connections, 1);
    assert_eq!(server.metrics.counters().subscriptions, 1);
    let grown = memory().saturating_sub(memory_before);
    assert!(grown <= 5 << 20, "{grown} bytes more than before");

    let (p99_before, p99_after) = (percentile(&mut before, 99), percentile(&mut after, 99));
    println!("p99 of the others: {p99_before:?} before, {p99_after:?} after the stop");
    // A machine that is busy with other things is later by chance.
    assert!(
        p99_after <= p99_before.max(Duration::from_millis(5)) * 4,
        "{p99_before:?}, {p99_after:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r01_a_client_that_is_stopped_is_left_and_nobody_else_notices() {
    let _alone = alone().await;
    assert_eq!(
        Limits::default().ping_interval + Limits::default().pong_timeout,
        Duration::from_secs(33)
    );
    let (second, half) = (Duration::from_secs(1), Duration::from_millis(500));
    // By the pong that does not come, and by what is not taken, whichever is first.
    check(second, half, Duration::from_secs(3600)).await;
    check(Duration::from_secs(3600), second, second).await;
}
