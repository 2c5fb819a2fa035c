//! One service and two clients, each of which gets its own beats: `cargo run --example demo`.

use std::time::Duration;

use specwire::{Server, Uuid, bind};
use specwire_server::heartbeat::{self, BeatSub, Client};
use specwire_server::services::heartbeat::Pulse;
use tokio::sync::oneshot;

const BEATS: usize = 5;

#[tokio::main]
async fn main() -> specwire::Result<()> {
    let listener = bind("127.0.0.1:0").await?;
    let url = match listener.local_addr() {
        Ok(address) => format!("ws://{address}/ws"),
        Err(_) => "ws://127.0.0.1/ws".to_owned(),
    };
    println!("service: listening at {url}");
    let (stop, stopped) = oneshot::channel::<()>();
    let pulse = Pulse {
        period: Duration::from_millis(500),
    };
    let server = tokio::spawn(
        Server::new()
            .serve(heartbeat::provider(pulse))
            .run(listener, async { drop(stopped.await) }),
    );

    let (one, two) = tokio::join!(watch("client one", &url), watch("client two", &url));
    let (one, two) = (one?, two?);
    println!("both saw {BEATS} beats, and only their own: {}", one && two);

    drop(stop);
    match server.await {
        Ok(result) => result?,
        Err(_) => println!("service: did not end by itself"),
    }
    println!("service: stopped");
    assert!(one && two, "a client got the other's beats");
    Ok(())
}

/// Prints some beats, and tells whether all were the client's own.
async fn watch(name: &str, url: &str) -> specwire::Result<bool> {
    let subscription_id = Some(Uuid::new_v4().to_string());
    let client = Client::connect(url).await?;
    let mut beats = client
        .beat(BeatSub {
            subscription_id: subscription_id.clone(),
        })
        .await?;
    println!("{name}: subscribed as {}", shown(&subscription_id));
    let mut own = 0;
    for _ in 0..BEATS {
        let Some(beat) = beats.next().await? else {
            break;
        };
        println!("{name}: beat {}", shown(&beat.subscription_id));
        own += usize::from(beat.subscription_id == subscription_id);
    }
    Ok(own == BEATS)
}

fn shown(subscription_id: &Option<String>) -> &str {
    subscription_id.as_deref().unwrap_or("(no subscription)")
}
