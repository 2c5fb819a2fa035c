//! Subscribes to the heartbeat and prints what comes, for as long as it runs, whatever becomes of the
//! server: `cargo run --example heartbeat`.
//!
//! The URL of another server, and how many beats to wait for, may follow `--`.

use specwire::{Publication, Uuid};
use specwire_server::heartbeat::{BeatSub, Client, GetPeriodRequest};

#[tokio::main]
async fn main() -> specwire::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments
        .next()
        .unwrap_or_else(|| "ws://127.0.0.1:8080/ws".to_owned());
    let wanted: usize = arguments
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(usize::MAX);

    let client = Client::connect(&url).await?;
    let mut states = client.states();
    tokio::spawn(async move {
        while let Some(state) = states.next().await {
            eprintln!("{state}");
        }
    });

    let answer = client.get_period(GetPeriodRequest::default()).await?;
    println!("period: {} s", answer.period.unwrap_or_default());
    let subscription = BeatSub {
        subscription_id: Some(Uuid::new_v4().to_string()),
    };
    println!("subscribing as {}", name(&subscription.subscription_id));
    let mut beats = client.beat(subscription).await?;
    let mut seen = 0;
    while seen < wanted
        && let Some(publication) = beats.next_or_gap().await?
    {
        match publication {
            Publication::Message(beat) => {
                seen += 1;
                println!("beat {seen}: {}", name(&beat.subscription_id));
            }
            Publication::Gap => println!("some beats may have been missed"),
        }
    }
    client.close().await;
    Ok(())
}

fn name(subscription_id: &Option<String>) -> &str {
    subscription_id.as_deref().unwrap_or("(no subscription)")
}
