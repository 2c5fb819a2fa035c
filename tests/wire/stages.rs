//! `docs/protocol.md`: Interactions. What comes out of turn does not come at all, in every framing.

use serde_json::json;
use specwire::{Ack, Fault, Message, Request, Server, Subscribers, Updates};
use tokio::sync::mpsc;

use crate::client::soon;
use crate::service::Running;
use crate::service::patterns::{
    self, ExposeAck, ExposeError, ExposeInvoke, ExposeResponse, ParkSend, Picture, Place,
    PointAtError, Refusal, RefusalReason, StatusRequest, StatusResponse, StatusResponseHeaders,
    SurveyError, SurveyProgress, SurveyResponse, SurveyUpdate, WeatherPub, WeatherSub,
};
use crate::speaker::{ALL, Speaker};

/// Hands over what its handlers should use themselves, and returns.
struct Careless {
    updates: mpsc::UnboundedSender<Updates<SurveyUpdate, SurveyError>>,
    acks: mpsc::UnboundedSender<Ack<ExposeAck, ExposeError>>,
}

type Handed = (
    mpsc::UnboundedReceiver<Updates<SurveyUpdate, SurveyError>>,
    mpsc::UnboundedReceiver<Ack<ExposeAck, ExposeError>>,
);

impl patterns::Service for Careless {
    async fn park(&self, _: Request<ParkSend>) -> Result<(), Fault> {
        Ok(())
    }

    async fn point_at(&self, _: Request<Place>) -> Result<(), Fault<PointAtError>> {
        let reason = RefusalReason::Horizon;
        Err(PointAtError(Refusal { reason }).into())
    }

    async fn status(&self, _: Request<StatusRequest>) -> Result<Message<StatusResponse>, Fault> {
        let headers = StatusResponseHeaders::default();
        Ok(Message::new(StatusResponse::default(), headers))
    }

    async fn expose(
        &self,
        _: Request<ExposeInvoke>,
        ack: Ack<ExposeAck, ExposeError>,
    ) -> Result<ExposeResponse, Fault<ExposeError>> {
        let _ = self.acks.send(ack);
        Ok(ExposeResponse(Picture::default()))
    }

    /// With one corner it returns; with more it goes on until it is given up.
    async fn survey(
        &self,
        request: Request<SurveyProgress>,
        updates: Updates<SurveyUpdate, SurveyError>,
    ) -> Result<SurveyResponse, Fault<SurveyError>> {
        let _ = self.updates.send(updates);
        if request.corners.len() > 1 {
            std::future::pending().await
        }
        Ok(SurveyResponse { pictures: 7 })
    }

    async fn weather(&self, _: Subscribers<WeatherSub, WeatherPub>) -> Result<(), Fault> {
        std::future::pending().await
    }
}

async fn careless() -> (Running, Handed) {
    let (updates, handed_updates) = mpsc::unbounded_channel();
    let (acks, handed_acks) = mpsc::unbounded_channel();
    let provider = patterns::provider(Careless { updates, acks });
    let server = Running::start(Server::new().serve(provider)).await;
    (server, (handed_updates, handed_acks))
}

const CORNER: &str = r#"{"rightAscension":1.0,"declination":1.0}"#;

fn corners(count: usize) -> serde_json::Value {
    let corner: serde_json::Value = serde_json::from_str(CORNER).unwrap();
    json!({"corners": vec![corner; count]})
}

/// The answer that comes next is the one to this.
async fn expect_nothing_else(speaker: &mut Speaker) {
    let place = serde_json::from_str(CORNER).unwrap();
    speaker
        .start("msg", "pointAt_submit", json!({}), place)
        .await;
    assert_eq!(speaker.next().await, json!({"reason": "HORIZON"}));
}

#[tokio::test]
async fn no_update_follows_the_response() {
    let (server, (mut updates, _)) = careless().await;
    for speaks in ALL {
        let mut speaker = Speaker::open(&server, "patterns", speaks).await;
        speaker
            .start("sub", "survey_progress", json!({}), corners(1))
            .await;
        assert_eq!(speaker.next().await, json!({"pictures": 7}), "{speaks:?}");
        let updates = soon(updates.recv()).await.unwrap();
        let late = updates.send(SurveyUpdate::default()).await.unwrap_err();
        assert_eq!(late.code(), Fault::OUT_OF_TURN);
        expect_nothing_else(&mut speaker).await;
    }
}

#[tokio::test]
async fn no_acknowledgement_follows_the_response() {
    let (server, (_, mut acks)) = careless().await;
    for speaks in ALL {
        let mut speaker = Speaker::open(&server, "patterns", speaks).await;
        let duration = json!({"duration": 1, "filter": "r"});
        speaker
            .start("msg", "expose_invoke", json!({}), duration)
            .await;
        assert!(speaker.next().await["url"].is_string(), "{speaks:?}");
        let ack = soon(acks.recv()).await.unwrap();
        let late = ack.send(ExposeAck::default()).await.unwrap_err();
        assert_eq!(late.code(), Fault::OUT_OF_TURN);
        expect_nothing_else(&mut speaker).await;
    }
}

#[tokio::test]
async fn no_update_follows_the_end_that_a_client_asked_for() {
    let (server, (mut updates, _)) = careless().await;
    let client = patterns::Client::connect(&format!("ws://{}/ws", server.address)).await;
    let client = client.unwrap();
    let corner = Place::default();
    let corners = vec![corner; 2];
    let survey = client.survey(SurveyProgress { corners }).await.unwrap();
    let updates = soon(updates.recv()).await.unwrap();
    updates.send(SurveyUpdate::default()).await.unwrap();
    drop(survey);
    // The server has heard of it by the time at which it says so.
    while updates.send(SurveyUpdate::default()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let late = updates.send(SurveyUpdate::default()).await.unwrap_err();
    assert_eq!(late.code(), Fault::OUT_OF_TURN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn updates_that_others_send_meanwhile_come_before_the_response_or_never() {
    let (server, (mut updates, _)) = careless().await;
    tokio::spawn(async move {
        while let Some(updates) = updates.recv().await {
            tokio::spawn(
                async move { while updates.send(SurveyUpdate::default()).await.is_ok() {} },
            );
        }
    });
    // Updates that went on would do so without end.
    let all = async {
        for speaks in ALL {
            let mut speaker = Speaker::open(&server, "patterns", speaks).await;
            for _ in 0..50 {
                speaker
                    .start("sub", "survey_progress", json!({}), corners(1))
                    .await;
                while speaker.next().await.get("pictures").is_none() {}
                expect_nothing_else(&mut speaker).await;
            }
        }
    };
    soon(all).await;
}

#[tokio::test]
async fn answers_of_every_kind_reach_only_the_connection_that_asked() {
    let (server, dome) = crate::service::telescope().await;
    let headers = json!({"replyTo": "everybody"});
    let mut all = Vec::new();
    for speaks in ALL.into_iter().chain(ALL) {
        let mut speaker = Speaker::open(&server, "patterns", speaks).await;
        let id = json!({"subscriptionId": "same"});
        speaker
            .start("sub", "weather_sub", headers.clone(), id)
            .await;
        all.push(speaker);
    }
    while dome.wind(0.0).await < all.len() {}
    for speaker in &mut all {
        let place = json!({"rightAscension": 1.0, "declination": -1.0});
        speaker
            .start("msg", "pointAt_submit", headers.clone(), place)
            .await;
        while speaker.next().await != json!({"reason": "HORIZON"}) {}
        speaker
            .start("sub", "survey_progress", headers.clone(), corners(1))
            .await;
        assert_eq!(speaker.next().await["number"], 1);
        assert_eq!(speaker.next().await, json!({"pictures": 1}));
        let expose = json!({"duration": 1, "filter": "r"});
        speaker
            .start("msg", "expose_invoke", headers.clone(), expose)
            .await;
        assert_eq!(speaker.next().await, json!({"endsAt": "soon"}));
        assert_eq!(speaker.next().await["number"], 1);
    }
    // Each has had its own; what comes next is for all, and nothing else was sent to the others.
    assert_eq!(dome.wind(118.0).await, all.len());
    for speaker in &mut all {
        loop {
            let next = speaker.next().await;
            assert_eq!(next["subscriptionId"], "same", "{next}");
            if next["wind"].as_f64() == Some(118.0) {
                break;
            }
        }
    }
}
