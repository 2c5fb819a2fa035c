//! What a connection costs that is subscribed and quiet.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::clients::Client;
use crate::server::Server;

/// Connections that are being opened at one time.
const AT_ONCE: usize = 64;

pub(crate) async fn run(connections: usize) -> Result<(), String> {
    println!("| framing | connections | memory before | with all of them | each |");
    println!("|---|---|---|---|---|");
    for (framing, has_envelope) in [("raw", false), ("envelope", true)] {
        measure(framing, has_envelope, connections).await?;
    }
    Ok(())
}

async fn measure(framing: &str, has_envelope: bool, connections: usize) -> Result<(), String> {
    // There is a first beat, and in the time that this takes no other.
    let mut server = Server::start(Duration::from_secs(24 * 3600)).await?;
    let before = server.status().await?;
    let mut opening = JoinSet::new();
    let mut staying = JoinSet::new();
    for _ in 0..connections {
        if opening.len() == AT_ONCE {
            stay(&mut opening, &mut staying).await?;
        }
        let address = server.address;
        opening.spawn(async move {
            let mut client = Client::connect(address, has_envelope, None).await?;
            client.subscribe(0).await?;
            client.settle().await?;
            Ok(client)
        });
    }
    while !opening.is_empty() {
        stay(&mut opening, &mut staying).await?;
    }
    // One ping and its answer.
    sleep(Duration::from_secs(6)).await;
    let with = server.status().await?;
    if staying.try_join_next().is_some() {
        return Err("a connection did not stay".to_owned());
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let each = with.resident.saturating_sub(before.resident) as f64 / connections.max(1) as f64;
    println!(
        "| {framing} | {connections} | {:.1} MiB | {:.1} MiB | {:.1} KiB |",
        mib(before.resident),
        mib(with.resident),
        each / 1024.0
    );
    staying.shutdown().await;
    server.back_at(&before).await?;
    server.stop().await
}

/// Waits for one that is open.
async fn stay(
    opening: &mut JoinSet<Result<Client, String>>,
    staying: &mut JoinSet<()>,
) -> Result<(), String> {
    match opening.join_next().await {
        Some(Ok(Ok(client))) => {
            staying.spawn(client.stay());
            Ok(())
        }
        Some(Ok(Err(reason))) => Err(reason),
        Some(Err(error)) => Err(error.to_string()),
        None => Ok(()),
    }
}
