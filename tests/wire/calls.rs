//! Our own client, where it is the one that could fail.

use std::time::Duration;

use specwire::Limits;

use crate::client::soon;
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
    let dome_gate = std::sync::Arc::clone(&dome.gate);
    let client = patterns::Client::connect(&url(&server)).await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..64_u32 {
        let (client, gate) = (client.clone(), std::sync::Arc::clone(&dome_gate));
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
    let idle = dome.runs.wait_for(|(begun, ended)| begun == ended);
    drop(soon(idle).await.unwrap());
    assert_eq!(server.metrics.counters().subscriptions, 0);
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
