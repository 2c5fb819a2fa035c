//! How exchanges end without a response: given up, too late, or failed; in every framing.

use std::time::Duration;

use serde_json::json;
use specwire::{Fault, Limits, Server};
use specwire_server::heartbeat::{self, GetPeriodRequest};
use tokio::sync::mpsc;

use crate::client::soon;
use crate::context::{Curious, FRAMINGS, Seen};
use crate::service::{Running, telescope};
use crate::speaker::{ALL, Speaker};

/// A service that never answers those who ask it to wait.
async fn curious(limits: Limits) -> (Running, mpsc::UnboundedReceiver<Seen>) {
    let (sender, seen) = mpsc::unbounded_channel();
    let provider = heartbeat::provider(Curious(sender));
    let server = Server::new().limits(limits).serve(provider);
    (Running::start(server).await, seen)
}

async fn ask(speaker: &mut Speaker, what: &str) {
    let payload = json!({"interactionId": what});
    speaker
        .start("msg", "getPeriod_request", json!({}), payload)
        .await;
}

#[tokio::test]
async fn what_a_client_waited_for_ends_with_its_connection() {
    let (server, mut seen) = curious(Limits::default()).await;
    for speaks in ALL {
        let mut speaker = Speaker::open(&server, "heartbeat", speaks).await;
        ask(&mut speaker, "wait").await;
        let request = soon(seen.recv()).await.unwrap();
        assert!(!request.is_cancelled(), "{speaks:?}");
        drop(speaker);
        soon(request.cancelled()).await;
    }
}

#[tokio::test]
async fn what_a_client_gives_up_ends_and_nothing_else_does() {
    let (server, mut seen) = curious(Limits::default()).await;
    for speaks in ALL {
        let mut speaker = Speaker::open(&server, "heartbeat", speaks).await;
        // In other frames there is no word for it.
        if !speaker.has_ids() {
            continue;
        }
        ask(&mut speaker, "wait").await;
        let other = soon(seen.recv()).await.unwrap();
        ask(&mut speaker, "wait").await;
        let request = soon(seen.recv()).await.unwrap();
        speaker.give_up().await;
        soon(request.cancelled()).await;
        assert!(!other.is_cancelled(), "{speaks:?}");
        ask(&mut speaker, "fine").await;
        assert_eq!(speaker.next().await, json!({}), "{speaks:?}");
        soon(seen.recv()).await.unwrap();
    }
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_a_fault() {
    let limits = Limits {
        handler_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let (server, mut seen) = curious(limits).await;
    for speaks in ALL {
        let mut speaker = Speaker::open(&server, "heartbeat", speaks).await;
        ask(&mut speaker, "wait").await;
        let (code, message) = speaker.next_fault().await;
        assert_eq!(code, "timeout", "{speaks:?}");
        assert_eq!(message, "the handler has not answered within 50ms");
        let request = soon(seen.recv()).await.unwrap();
        soon(request.cancelled()).await;
    }
}

#[tokio::test]
async fn a_fault_has_the_code_and_the_message_that_the_handler_gave_it() {
    let (server, _dome) = telescope().await;
    for speaks in ALL {
        let mut speaker = Speaker::open(&server, "patterns", speaks).await;
        let place = json!({"rightAscension": 1.0, "declination": 91.0});
        speaker
            .start("msg", "pointAt_submit", json!({}), place)
            .await;
        let (code, message) = speaker.next_fault().await;
        assert_eq!(code, "no_such_place", "{speaks:?}");
        assert_eq!(message, "beyond the zenith", "{speaks:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_not_answered_in_time_fails_and_its_client_goes_on() {
    let (server, mut seen) = curious(Limits::default()).await;
    let url = format!("ws://{}/ws/heartbeat/getPeriod_request", server.address);
    for (speaks, set) in FRAMINGS {
        let client = set(heartbeat::Client::builder(&url)).connect();
        let client = soon(client).await.unwrap();
        let request = |what: &str| GetPeriodRequest {
            interaction_id: Some(what.to_owned()),
        };
        let hurried = client.with_timeout(Duration::from_millis(50));
        let late = hurried.get_period(request("wait")).await.unwrap_err();
        assert_eq!(late.code(), Fault::TIMEOUT, "{speaks}");
        let given_up = soon(seen.recv()).await.unwrap();
        // The server is told, where there is a word for it.
        if matches!(speaks, "json" | "cbor") {
            soon(given_up.cancelled()).await;
        }
        soon(client.get_period(request("fine"))).await.unwrap();
        soon(seen.recv()).await.unwrap();
        drop((client, hurried));
        soon(given_up.cancelled()).await;
    }
}
