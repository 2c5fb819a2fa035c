//! A connection that one exchange keeps busy has time and room for the others.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use specwire::{Fault, Request, Server, Subscribers, Uuid};
use specwire_server::heartbeat::{self, BeatPub, BeatSub, GetPeriodRequest, GetPeriodResponse};

use crate::client::Peer;
use crate::service::{Dome, Running, telescope};

/// A connection on which a survey sends updates as fast as the client takes them.
async fn surveying() -> (Running, Dome, Peer) {
    let (server, dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    let zenith = json!({"rightAscension": 0, "declination": 90});
    peer.send(&json!({"op": "sub", "id": 1, "channel": "survey_progress",
                      "payload": {"corners": [zenith]}}))
        .await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    (server, dome, peer)
}

/// The next frame that is not an update.
async fn past_updates(peer: &mut Peer) -> Value {
    loop {
        let frame = peer.next().await;
        if frame["channel"] != "survey_update" {
            return frame;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn updates_without_end_can_be_given_up() {
    let (_server, _dome, mut peer) = surveying().await;
    for _ in 0..1000 {
        assert_eq!(peer.next().await["op"], "msg");
    }
    peer.send(&json!({"op": "unsub", "id": 1})).await;
    assert_eq!(
        past_updates(&mut peer).await,
        json!({"op": "unsub", "id": 1})
    );
    peer.expect_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_are_answered_between_updates_without_end() {
    let (_server, _dome, mut peer) = surveying().await;
    for id in 2..100 {
        peer.send(&json!({"op": "msg", "id": id, "channel": "status_request", "payload": {}}))
            .await;
        let answer = past_updates(&mut peer).await;
        assert_eq!((&answer["op"], &answer["id"]), (&json!("msg"), &json!(id)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn publications_find_room_between_updates_without_end() {
    let (_server, mut dome, mut peer) = surveying().await;
    peer.send(&json!({"op": "sub", "id": 2, "channel": "weather_sub", "payload": {}}))
        .await;
    assert_eq!(past_updates(&mut peer).await, json!({"op": "ack", "id": 2}));
    dome.runs(1, 0).await;
    for round in 0..100 {
        assert_eq!(dome.wind(f64::from(round)).await, 1);
        assert_eq!(
            past_updates(&mut peer).await["payload"]["wind"],
            f64::from(round)
        );
    }
}

/// Answers at once, but takes the thread's time for it, and notes who was served.
struct Slow(Arc<Mutex<Vec<Uuid>>>);

impl heartbeat::Service for Slow {
    async fn beat(&self, _: Subscribers<BeatSub, BeatPub>) -> Result<(), Fault> {
        std::future::pending().await
    }

    async fn get_period(
        &self,
        request: Request<GetPeriodRequest>,
    ) -> Result<GetPeriodResponse, Fault> {
        self.0.lock().unwrap().push(request.connection());
        let until = Instant::now() + Duration::from_millis(2);
        while Instant::now() < until {}
        Ok(GetPeriodResponse {
            interaction_id: request.into_payload().interaction_id,
            period: None,
        })
    }
}

/// On the one thread that there is.
#[tokio::test]
async fn those_who_ask_little_wait_for_no_burst_of_others() {
    const BURST: usize = 60;
    let served = Arc::<Mutex<Vec<Uuid>>>::default();
    let provider = heartbeat::provider(Slow(Arc::clone(&served)));
    let server = Running::start(Server::new().serve(provider)).await;
    let mut bursts = Vec::new();
    for _ in 0..2 {
        bursts.push(Peer::raw(&server, "/ws/heartbeat").await);
    }
    let mut other = Peer::raw(&server, "/ws/heartbeat").await;
    let ask = r#"{"interactionId":"1"}"#;
    for peer in &mut bursts {
        for _ in 0..BURST {
            peer.send_text(ask).await;
        }
    }
    other.send_text(ask).await;
    other.next_text().await;
    let before = served.lock().unwrap().len();
    assert!(before < BURST / 2, "{before} came first");
    for peer in &mut bursts {
        for _ in 0..BURST {
            peer.next_text().await;
        }
    }
}
