//! Many clients at once, against a server in a process of its own:
//!
//! ```text
//! cargo run --release -p specwire-soak -- soak [SECONDS [CLIENTS]]
//! cargo run --release -p specwire-soak -- idle [CONNECTIONS]
//! ```
//!
//! `soak` has clients subscribe, leave, vanish, stall and come back, and looks at every beat that they
//! get; it fails if one is another's, or if the server does not end as it began. `idle` prints what a
//! connection costs that is subscribed and quiet.

mod clients;
mod idle;
mod serve;
mod server;
mod soak;

use std::alloc::System;
use std::env;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// What is allocated is counted.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["soak", rest @ ..] if rest.len() <= 2 => {
            match (number(rest, 0, 60), number(rest, 1, 2000)) {
                (Some(seconds), Some(clients)) => {
                    soak::run(Duration::from_secs(seconds), clients).await
                }
                _ => Err(USAGE.to_owned()),
            }
        }
        ["idle", rest @ ..] if rest.len() <= 1 => match number(rest, 0, 10_000) {
            Some(connections) => idle::run(connections).await,
            None => Err(USAGE.to_owned()),
        },
        // What the two start as their server.
        ["serve", period] => match period.parse().map(Duration::from_millis) {
            Ok(period) => serve::run(period).await,
            Err(_) => Err(USAGE.to_owned()),
        },
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

const USAGE: &str = "expected `soak [SECONDS [CLIENTS]]` or `idle [CONNECTIONS]`";

fn number<T: FromStr>(words: &[&str], index: usize, default: T) -> Option<T> {
    words
        .get(index)
        .map_or(Some(default), |word| word.parse().ok())
}
