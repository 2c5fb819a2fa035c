//! Our own client, where it is the one that could fail.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use specwire::private::{Interaction, Wiring};
use specwire::{Limits, Request, Server};
use tokio::sync::Semaphore;

use crate::client::{Peer, soon};
use crate::service::patterns::{self, ParkSend, Place, StatusRequest, SurveyProgress, WeatherSub};
use crate::service::{Running, Telescope, telescope, telescope_within};

fn url(server: &Running) -> String {
    format!("ws://{}/ws", server.address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_that_is_given_up_at_any_moment_leaves_nothing_behind() {
    let (server, mut dome) = telescope_within(Limits {
        subscriptions: 64,
        messages: u32::MAX,
        ..Limits::default()
    })
    .await;
    let client = patterns::Client::connect(&url(&server)).await.unwrap();
    for round in 0..2000_u32 {
        let call = tokio::spawn({
            let client = client.clone();
            async move { client.weather(WeatherSub::default()).await.map(drop) }
        });
        for _ in 0..round % 7 {
            tokio::task::yield_now().await;
        }
        call.abort();
        let _ = soon(call).await;
    }
    let idle = dome.runs.wait_for(|(begun, ended)| begun == ended);
    drop(soon(idle).await.unwrap());
    let mut last = soon(client.weather(WeatherSub::default())).await.unwrap();
    while dome.wind(1.0).await == 0 {}
    assert_eq!(dome.wind(2.0).await, 1, "some subscription was left behind");
    assert!(soon(last.next()).await.unwrap().is_some());
}

/// Each way to start, end and give up an exchange at once, from both ends, over one connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r08_everything_at_once_over_one_connection() {
    let (server, mut dome) = telescope().await;
    let dome_gate = Arc::clone(&dome.gate);
    let client = patterns::Client::connect(&url(&server)).await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..64_u32 {
        let (client, gate) = (client.clone(), Arc::clone(&dome_gate));
        callers.spawn(async move {
            for round in 0..20 {
                match (caller + round) % 6 {
                    0 => drop(client.status(StatusRequest::default()).await.unwrap()),
                    1 => drop(client.weather(WeatherSub::default()).await.unwrap()),
                    2 => client.park(ParkSend::default()).await.unwrap(),
                    3 => drop(client.survey(SurveyProgress::default()).await),
                    4 => {
                        let place = Place {
                            declination: 90.0,
                            ..Place::default()
                        };
                        gate.add_permits(1);
                        client.point_at(place).await.unwrap();
                    }
                    // Given up before it is answered, or after.
                    _ => {
                        let call = client.status(StatusRequest::default());
                        let _ = tokio::time::timeout(
                            Duration::from_micros(u64::from(round) * 20),
                            call,
                        )
                        .await;
                    }
                }
            }
        });
    }
    soon(async {
        while let Some(ended) = callers.join_next().await {
            ended.unwrap();
        }
    })
    .await;
    // Whoever gives a subscription up does not wait until the server has heard of it.
    soon(async {
        while server.metrics.counters().subscriptions > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let idle = dome.runs.wait_for(|(begun, ended)| begun == ended);
    drop(soon(idle).await.unwrap());
    assert_eq!(server.metrics.counters().connections, 1);
    assert!(soon(client.status(StatusRequest::default())).await.is_ok());
}

#[tokio::test]
async fn a_client_that_sends_without_end_still_hears_the_server() {
    let (server, mut dome) = telescope().await;
    let client = patterns::Client::connect(&url(&server)).await.unwrap();
    let sends = tokio::spawn({
        let client = client.clone();
        async move { while client.park(ParkSend::default()).await.is_ok() {} }
    });
    let parks = tokio::spawn(async move { while dome.parked.recv().await.is_some() {} });
    for _ in 0..10 {
        let place = Place::default();
        soon(client.point_at(place)).await.unwrap();
    }
    sends.abort();
    parks.abort();
}

#[tokio::test]
async fn messages_without_an_answer_are_never_too_many() {
    let (server, mut dome) = telescope().await;
    let client = patterns::Client::connect(&url(&server)).await.unwrap();
    for _ in 0..5000 {
        soon(client.park(ParkSend::default())).await.unwrap();
    }
    for _ in 0..5000 {
        assert!(soon(dome.parked.recv()).await.is_some());
    }

    let (telescope, mut dome) = Telescope::new();
    let client = patterns::Client::in_memory(telescope);
    for _ in 0..5000 {
        soon(client.park(ParkSend::default())).await.unwrap();
    }
    for _ in 0..5000 {
        assert!(soon(dome.parked.recv()).await.is_some());
    }
}

#[tokio::test]
async fn a_message_that_is_given_up_before_its_turn_lets_nobody_overtake() {
    let (order, gate) = (
        Arc::new(Mutex::new(Vec::new())),
        Arc::new(Semaphore::new(0)),
    );
    let go = Interaction::new("order", "go").message("pointAt_submit");
    let provider = Wiring::new("order", (Arc::clone(&order), Arc::clone(&gate)))
        .send(go, |service, message: Request<Place>| async move {
            let (order, gate) = &*service;
            order.lock().unwrap().push(("begins", message.declination));
            gate.acquire().await.unwrap().forget();
            order.lock().unwrap().push(("ends", message.declination));
            Ok(())
        })
        .finish();
    let server = Running::start(Server::new().serve(provider)).await;
    let mut peer = Peer::envelope(&server).await;
    for id in 1..=3 {
        let payload = json!({"rightAscension": 0, "declination": id});
        peer.send(&json!({"op": "msg", "id": id, "channel": "pointAt_submit", "payload": payload}))
            .await;
    }
    peer.send(&json!({"op": "unsub", "id": 2})).await;
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": 2}));
    gate.add_permits(2);
    for id in [1, 3] {
        assert_eq!(peer.next().await, json!({"op": "ack", "id": id}));
    }
    assert_eq!(
        *order.lock().unwrap(),
        [
            ("begins", 1.0),
            ("ends", 1.0),
            ("begins", 3.0),
            ("ends", 3.0)
        ]
    );
}
