//! A server that ends as it began, whatever its clients did.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::clients::{Tally, come_and_go};
use crate::server::{Server, Status};

const PERIOD: Duration = Duration::from_millis(250);

/// Tables have room for as many entries as they had at most, which differs from run to run.
const SLACK: u64 = 1 << 20;

/// Rows of the table.
const ROWS: u32 = 10;

pub(crate) async fn run(time: Duration, clients: usize) -> Result<(), String> {
    let mut server = Server::start(PERIOD).await?;
    let fresh = server.status().await?;
    println!(
        "{clients} clients, {} s, a beat every {PERIOD:?}\n",
        time.as_secs()
    );
    println!(
        "| after | clients | memory | in use | file descriptors | tasks | handlers | connections | subscriptions | topics | beats |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    row("0 s", 0, &fresh, 0);

    // Tables that have grown for so many clients at once stay as large: the baseline is after a
    // first round.
    let warm_up = (time / 5).clamp(Duration::from_secs(30), Duration::from_secs(60));
    let round = Round {
        clients,
        time: warm_up,
        rows: 0,
    };
    let warm = round.run(&mut server, &Arc::default()).await?;
    let baseline = server.back_at(&fresh).await?;
    row("a first round", 0, &baseline, warm);

    let tally = Arc::new(Tally::default());
    let round = Round {
        clients,
        time,
        rows: ROWS,
    };
    let beats = round.run(&mut server, &tally).await?;
    let end = server.back_at(&fresh).await?;
    row("the end", 0, &end, beats);
    server.stop().await?;

    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "\n{} connections and {} subscriptions; {} stalled and were dropped; at most {} ms between two beats",
        count(&tally.visits),
        count(&tally.subscriptions),
        count(&tally.dropped),
        count(&tally.longest_pause),
    );
    let surprises = tally.surprises.lock();
    let surprises = surprises.unwrap_or_else(PoisonError::into_inner).clone();
    for (what, times) in &surprises {
        println!("{times} times: {what}");
    }
    if !surprises.is_empty() {
        return Err("clients saw what they should not".to_owned());
    }
    if beats == 0 {
        return Err("there was not one beat".to_owned());
    }
    // Not what the process has: an allocator gives back free memory between two pieces that are used
    // by chance, and so keeps about as much as was ever used at once.
    let most = baseline.allocated + SLACK;
    if end.allocated > most {
        return Err(format!(
            "memory in use: found {} KiB, expected {} KiB at most",
            end.allocated >> 10,
            most >> 10
        ));
    }
    println!("not one beat was another's, and the server ended as it began");
    Ok(())
}

/// Clients for a time, which have all left at its end.
struct Round {
    clients: usize,
    time: Duration,
    rows: u32,
}

impl Round {
    /// Returns how many beats came.
    async fn run(self, server: &mut Server, tally: &Arc<Tally>) -> Result<u64, String> {
        let start = Instant::now();
        let mut clients = JoinSet::new();
        for _ in 0..self.clients {
            clients.spawn(come_and_go(server.address, Arc::clone(tally)));
        }
        let beats = || tally.beats.load(Ordering::Relaxed);
        for index in 1..=self.rows {
            sleep_until(start + self.time * index / self.rows).await;
            let status = server.status().await?;
            let after = format!("{} s", start.elapsed().as_secs());
            row(&after, self.clients, &status, beats());
        }
        sleep_until(start + self.time).await;
        tally.end();
        while let Some(ended) = clients.join_next().await {
            ended.map_err(|error| format!("a client failed: {error}"))?;
        }
        Ok(beats())
    }
}

fn row(after: &str, clients: usize, status: &Status, beats: u64) {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let (memory, in_use) = (mib(status.resident), mib(status.allocated));
    let figures = [
        status.descriptors,
        status.tasks,
        status.handlers,
        status.connections,
        status.subscriptions,
        status.topics,
        beats,
    ];
    let figures = figures.map(|figure| figure.to_string()).join(" | ");
    println!("| {after} | {clients} | {memory:.1} MiB | {in_use:.2} MiB | {figures} |");
}
