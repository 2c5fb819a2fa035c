//! Our client in raw and tagged frames, with servers that are not ours and with our own.

use serde_json::{Value, json};
use specwire::{Client, Fault, Uuid};
use specwire_server::heartbeat::{self, BeatSub, GetPeriodRequest, GetPeriodRequestHeaders};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Peer, soon};
use crate::service::patterns::{
    self, ExposeInvoke, ParkSend, Place, StatusRequest, SurveyProgress, WeatherSub,
};
use crate::service::{Running, provider, telescope};

/// A server that knows nothing of specwire, and says what a test tells it to.
struct Foreign {
    listener: TcpListener,
    url: String,
}

impl Foreign {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/feed", listener.local_addr().unwrap());
        Self { listener, url }
    }

    /// A client, and this end of its connection.
    async fn raw(&self) -> (heartbeat::Client, Peer) {
        let client = heartbeat::Client::builder(&self.url).raw().connect();
        let (client, peer) = tokio::join!(client, Peer::accept(&self.listener));
        (client.unwrap(), peer)
    }
}

fn request(id: &str) -> GetPeriodRequest {
    GetPeriodRequest {
        interaction_id: Some(id.to_owned()),
    }
}

fn subscription(id: &str) -> BeatSub {
    BeatSub {
        subscription_id: Some(id.to_owned()),
    }
}

#[tokio::test]
async fn a_message_is_a_frame_and_what_comes_back_is_found_by_its_shape() {
    let server = Foreign::new().await;
    let (client, mut peer) = server.raw().await;
    let mut beats = soon(client.beat(subscription("a"))).await.unwrap();
    assert_eq!(peer.next_text().await, r#"{"subscriptionId":"a"}"#);
    let asked = tokio::spawn({
        let client = client.clone();
        async move { client.get_period(request("7")).await }
    });
    assert_eq!(peer.next_text().await, r#"{"interactionId":"7"}"#);
    for frame in [
        r#"{"subscriptionId":"a"}"#,
        // Nobody waits for these, and nothing comes of them.
        r#"{"unheard":"of"}"#,
        "nonsense",
        "",
        "[1]",
        r#"{"period":"#,
        r#"{"period":5}"#,
        r#"{"period":6}"#,
        r#"{"subscriptionId":"b"}"#,
    ] {
        peer.send_text(frame).await;
    }
    peer.send_binary(&[0, 255]).await;
    let period = soon(asked).await.unwrap().unwrap();
    assert_eq!(period.period.unwrap().as_u64(), Some(5));
    for id in ["a", "b"] {
        let beat = soon(beats.next()).await.unwrap().unwrap();
        assert_eq!(beat.subscription_id.as_deref(), Some(id));
    }
}

#[tokio::test]
async fn answers_that_say_nothing_are_for_the_oldest_call() {
    let server = Foreign::new().await;
    let (client, mut peer) = server.raw().await;
    let mut calls = Vec::new();
    for id in ["1", "2", "3"] {
        let client = client.clone();
        calls.push(tokio::spawn(
            async move { client.get_period(request(id)).await },
        ));
        assert_eq!(peer.next().await["interactionId"], id);
    }
    for period in [1, 2, 3] {
        peer.send(&json!({"period": period})).await;
    }
    for (call, period) in calls.into_iter().zip([1, 2, 3]) {
        let answer = soon(call).await.unwrap().unwrap();
        assert_eq!(answer.period.unwrap().as_u64(), Some(period));
    }
}

#[tokio::test]
async fn answers_that_repeat_the_correlation_id_may_come_in_any_order() {
    let server = Foreign::new().await;
    let (client, mut peer) = server.raw().await;
    let ids = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    let mut calls = Vec::new();
    for id in ids {
        let headers = GetPeriodRequestHeaders {
            request_id: Some(id),
            ..Default::default()
        };
        let message = specwire::Message::new(GetPeriodRequest::default(), headers);
        let client = client.clone();
        calls.push(tokio::spawn(
            async move { client.get_period(message).await },
        ));
        assert_eq!(peer.next().await["requestId"], id.to_string());
    }
    for (period, id) in ids.iter().enumerate().rev() {
        peer.send(&json!({"requestId": id.to_string(), "period": period}))
            .await;
    }
    peer.send(&json!({"requestId": Uuid::new_v4().to_string(), "period": 9}))
        .await;
    for (period, call) in calls.into_iter().enumerate() {
        let answer = soon(call).await.unwrap().unwrap();
        assert_eq!(answer.period.unwrap().as_f64(), period as f64);
    }
}

#[tokio::test]
async fn what_is_not_what_the_document_says_is_told_to_its_caller() {
    let server = Foreign::new().await;
    let (client, mut peer) = server.raw().await;
    let mut beats = soon(client.beat(subscription("a"))).await.unwrap();
    peer.next().await;
    peer.send(&json!({"subscriptionId": 5})).await;
    peer.send(&json!({"subscriptionId": "a"})).await;
    let fault = soon(beats.next()).await.unwrap_err();
    assert_eq!(fault.code(), Fault::INVALID_MESSAGE);
    assert!(soon(beats.next()).await.unwrap().is_some());

    // And so is what a server of this kind tells about a message that it did not take.
    let asked = tokio::spawn({
        let client = client.clone();
        async move { client.get_period(request("7")).await }
    });
    peer.next().await;
    peer.send(&json!({"error": {"code": "closed", "message": "not today"}}))
        .await;
    let fault = soon(asked).await.unwrap().unwrap_err();
    assert_eq!(fault.to_string(), "closed: not today");
}

/// Frames are read in order, and so what came before a ping has been when it is answered.
async fn has_been_read(peer: &mut Peer) {
    peer.send_frame(Message::Ping(Vec::new().into())).await;
    while !matches!(peer.next_frame().await, Some(Ok(Message::Pong(_)))) {}
}

#[tokio::test]
async fn what_comes_before_the_subscription_waits_for_it() {
    let server = Foreign::new().await;
    let (client, mut peer) = server.raw().await;
    for id in 0..100 {
        peer.send(&json!({"subscriptionId": id.to_string()})).await;
    }
    has_been_read(&mut peer).await;
    let mut beats = soon(client.beat(subscription("a"))).await.unwrap();
    peer.next().await;
    for id in 0..64 {
        let beat = soon(beats.next()).await.unwrap().unwrap();
        assert_eq!(beat.subscription_id, Some(id.to_string()));
    }
    peer.send(&json!({"subscriptionId": "now"})).await;
    let beat = soon(beats.next()).await.unwrap().unwrap();
    assert_eq!(beat.subscription_id.as_deref(), Some("now"));
}

/// A server that speaks the envelope, as it should not.
async fn enveloped(listener: &TcpListener) -> Peer {
    let mut peer = Peer::accept_speaking(listener, "specwire.v1.json").await;
    assert_eq!(peer.next().await["op"], "init");
    let payload = json!({"connection": Uuid::nil(), "messageSize": 65536});
    peer.send(&json!({"op": "ack", "id": 0, "payload": payload}))
        .await;
    peer
}

#[tokio::test]
async fn what_a_server_sends_out_of_turn_is_defined() {
    let foreign = Foreign::new().await;
    let client = patterns::Client::builder(&foreign.url).connect();
    let (client, mut peer) = tokio::join!(client, enveloped(&foreign.listener));
    let client = client.unwrap();
    let update = |id: &Value| {
        json!({"op": "msg", "id": id, "channel": "survey_update", "message": "survey_update",
               "payload": {"number": 1, "url": "x:y"}})
    };
    let response = |id: &Value| {
        json!({"op": "msg", "id": id, "channel": "survey_response",
               "message": "survey_response", "payload": {"pictures": 1}})
    };
    // An answer to nothing.
    peer.send(&response(&json!(4711))).await;
    peer.send(&json!({"op": "ack", "id": 4712})).await;
    peer.send(&json!({"op": "unsub", "id": 4713})).await;

    let start = |client: &patterns::Client| {
        let client = client.clone();
        let corners = vec![Place::default()];
        tokio::spawn(async move { client.survey(SurveyProgress { corners }).await })
    };
    // An update and a second response after the response.
    let survey = start(&client);
    let id = peer.next().await["id"].clone();
    peer.send(&json!({"op": "ack", "id": id})).await;
    for frame in [update(&id), response(&id), update(&id), response(&id)] {
        peer.send(&frame).await;
    }
    let mut survey = soon(survey).await.unwrap().unwrap();
    assert!(soon(survey.update()).await.unwrap().is_some());
    assert!(soon(survey.update()).await.unwrap().is_none());
    assert!(soon(survey.update()).await.unwrap().is_none());
    assert_eq!(soon(survey.response()).await.unwrap().payload.pictures, 1);

    // A response in place of the acknowledgement, and the end in place of a response.
    let early = start(&client);
    let id = peer.next().await["id"].clone();
    peer.send(&response(&id)).await;
    let fault = soon(early).await.unwrap().unwrap_err();
    assert_eq!(fault.code(), Fault::OUT_OF_TURN);
    let unanswered = tokio::spawn({
        let client = client.clone();
        async move { client.status(StatusRequest::default()).await }
    });
    let id = loop {
        let frame = peer.next().await;
        if frame["op"] == "msg" {
            break frame["id"].clone();
        }
    };
    peer.send(&json!({"op": "unsub", "id": id})).await;
    let fault = soon(unanswered).await.unwrap().unwrap_err();
    assert_eq!(fault.code(), Fault::OUT_OF_TURN);

    // And all is well with the connection.
    let asked = tokio::spawn(async move { client.point_at(Place::default()).await });
    let id = peer.next().await["id"].clone();
    peer.send(&json!({"op": "ack", "id": id})).await;
    soon(asked).await.unwrap().unwrap();
}

/// A server of the telescope's document that says whatever a test tells it to.
struct Improper {
    peer: Peer,
    speaks: &'static str,
}

impl Improper {
    async fn accept(foreign: &Foreign, speaks: &'static str) -> Self {
        let peer = match speaks {
            "json" => Peer::accept_speaking(&foreign.listener, "specwire.v1.json").await,
            "cbor" => Peer::accept_speaking(&foreign.listener, "specwire.v1.cbor").await,
            _ => Peer::accept(&foreign.listener).await,
        };
        let mut improper = Self { peer, speaks };
        if improper.has_ids() {
            assert_eq!(improper.asked().await, 0);
            let welcome = json!({"connection": Uuid::nil(), "messageSize": 65536});
            let ack = json!({"op": "ack", "id": 0, "payload": welcome});
            improper.write(&ack).await;
        }
        improper
    }

    fn has_ids(&self) -> bool {
        matches!(self.speaks, "json" | "cbor")
    }

    /// The id of the next message, where there are ids.
    async fn asked(&mut self) -> Value {
        let mut frame: Value = match self.speaks {
            "json" => self.peer.next().await,
            "cbor" => ciborium::from_reader(self.peer.next_binary().await.as_slice()).unwrap(),
            _ => return json!(self.peer.next_text().await),
        };
        frame["id"].take()
    }

    async fn acknowledge(&mut self, id: &Value) {
        if self.has_ids() {
            self.write(&json!({"op": "ack", "id": id})).await;
        }
    }

    async fn say(&mut self, id: &Value, message: &str, payload: Value) {
        match self.speaks {
            "raw" => self.peer.send(&payload).await,
            "tagged" => self.peer.send_text(&format!("{message}:{payload}")).await,
            _ => {
                self.write(
                    &json!({"op": "msg", "id": id, "channel": message, "message": message,
                                   "payload": payload}),
                )
                .await;
            }
        }
    }

    async fn write(&mut self, frame: &Value) {
        if self.speaks == "json" {
            return self.peer.send(frame).await;
        }
        let mut bytes = Vec::new();
        ciborium::into_writer(frame, &mut bytes).unwrap();
        self.peer.send_binary(&bytes).await;
    }
}

#[tokio::test]
async fn what_comes_out_of_turn_is_passed_over_in_every_framing() {
    for speaks in ["json", "cbor", "raw", "tagged"] {
        let foreign = Foreign::new().await;
        let builder = patterns::Client::builder(&foreign.url);
        let builder = match speaks {
            "cbor" => builder.cbor(),
            "raw" => builder.raw(),
            "tagged" => builder.tagged(),
            _ => builder,
        };
        let accepted = Improper::accept(&foreign, speaks);
        let (client, mut server) = tokio::join!(builder.connect(), accepted);
        let client = client.unwrap();
        let picture = json!({"number": 1, "url": "x:y"});
        // Answers to nothing: a response, and an update.
        server
            .say(&json!(4711), "survey_response", json!({"pictures": 9}))
            .await;
        server
            .say(&json!(4711), "survey_update", picture.clone())
            .await;
        has_been_read(&mut server.peer).await;
        let survey = tokio::spawn({
            let client = client.clone();
            let corners = vec![Place::default()];
            async move { client.survey(SurveyProgress { corners }).await }
        });
        let id = server.asked().await;
        server.acknowledge(&id).await;
        server.say(&id, "survey_update", picture.clone()).await;
        server
            .say(&id, "survey_response", json!({"pictures": 1}))
            .await;
        // An update after the response, and a second response.
        server.say(&id, "survey_update", picture).await;
        server
            .say(&id, "survey_response", json!({"pictures": 2}))
            .await;
        let mut survey = soon(survey).await.unwrap().unwrap();
        let update = soon(survey.update()).await.unwrap();
        assert_eq!(
            update.map(|update| update.payload.0.number),
            Some(1),
            "{speaks}"
        );
        assert!(soon(survey.update()).await.unwrap().is_none(), "{speaks}");
        assert_eq!(soon(survey.response()).await.unwrap().payload.pictures, 1);
        // And all is well with the connection.
        let asked = tokio::spawn(async move { client.status(StatusRequest::default()).await });
        let id = server.asked().await;
        server
            .say(&id, "status_response", json!({"parked": true}))
            .await;
        assert!(soon(asked).await.unwrap().unwrap().parked, "{speaks}");
    }
}

#[tokio::test]
async fn a_subscription_is_made_again_on_the_next_connection() {
    let server = Foreign::new().await;
    let (client, mut peer) = server.raw().await;
    let mut beats = soon(client.beat(subscription("a"))).await.unwrap();
    peer.next().await;
    peer.send(&json!({"subscriptionId": "a"})).await;
    assert!(soon(beats.next()).await.unwrap().is_some());
    drop(peer);
    let mut peer = Peer::accept(&server.listener).await;
    assert_eq!(peer.next_text().await, r#"{"subscriptionId":"a"}"#);
    peer.send(&json!({"subscriptionId": "again"})).await;
    let beat = soon(beats.next()).await.unwrap().unwrap();
    assert_eq!(beat.subscription_id.as_deref(), Some("again"));
}

#[tokio::test]
async fn tagged_frames_are_told_by_their_names() {
    let server = Foreign::new().await;
    let client = heartbeat::Client::builder(&server.url).tagged().connect();
    let (client, mut peer) = tokio::join!(client, Peer::accept(&server.listener));
    let client = client.unwrap();
    let mut beats = soon(client.beat(subscription("a"))).await.unwrap();
    assert_eq!(peer.next_text().await, r#"beat_sub:{"subscriptionId":"a"}"#);
    let asked = tokio::spawn({
        let client = client.clone();
        async move { client.get_period(request("7")).await }
    });
    assert_eq!(
        peer.next_text().await,
        r#"getPeriod_request:{"interactionId":"7"}"#
    );
    for frame in [
        "beat_pub:{}",
        "Unheard:{}",
        r#"{"period":1}"#,
        "getPeriod_response:{}",
        "getPeriod_response:{}",
        r#"beat_pub:{"subscriptionId":"b"}"#,
    ] {
        peer.send_text(frame).await;
    }
    assert_eq!(soon(asked).await.unwrap().unwrap().period, None);
    let beat = soon(beats.next()).await.unwrap().unwrap();
    assert_eq!(beat.subscription_id, None);
    let beat = soon(beats.next()).await.unwrap().unwrap();
    assert_eq!(beat.subscription_id.as_deref(), Some("b"));
}

#[tokio::test]
async fn a_server_that_selects_what_was_not_asked_for_is_none() {
    let (provider, _dome) = provider();
    let server = Running::start(specwire::Server::new().serve(provider)).await;
    let url = format!("ws://{}/ws/patterns", server.address);
    for client in [
        Client::builder(&url).raw(),
        Client::builder(&url).tagged(),
        Client::builder(&url).cbor(),
    ] {
        client.connect().await.unwrap();
    }
    // This server answers the handshake, and selects nothing.
    let foreign = Foreign::new().await;
    let client = Client::builder(&foreign.url).cbor().connect();
    let (client, _peer) = tokio::join!(client, Peer::accept(&foreign.listener));
    let error = format!("{:?}", client.unwrap_err());
    assert!(error.contains("it selected none"), "{error}");
}

#[tokio::test]
async fn every_interaction_works_in_every_framing() {
    let (server, mut dome) = telescope().await;
    let url = format!("ws://{}/ws/patterns", server.address);
    for speaks in ["json", "cbor", "raw", "tagged"] {
        let client = patterns::Client::builder(&url);
        let client = match speaks {
            "cbor" => client.cbor(),
            "raw" => client.raw(),
            "tagged" => client.tagged(),
            _ => client,
        };
        let client = client.connect().await.unwrap();
        let quickly = Some(false);
        client.park(ParkSend { quickly }).await.unwrap();
        assert!(soon(dome.parked.recv()).await.is_some());

        let place = Place {
            right_ascension: 1.0,
            declination: 1.0,
        };
        soon(client.point_at(place)).await.unwrap();

        let exposure = soon(client.expose(ExposeInvoke { duration: 1.into() }))
            .await
            .unwrap();
        assert_eq!(
            exposure.ack().unwrap().ends_at.as_deref(),
            Some("soon"),
            "{speaks}"
        );
        assert_eq!(soon(exposure.response()).await.unwrap().payload.0.number, 1);
        // One that is acknowledged by its response.
        let exposure = soon(client.expose(ExposeInvoke { duration: 2.into() }))
            .await
            .unwrap();
        assert_eq!(exposure.ack(), None, "{speaks}");
        assert_eq!(soon(exposure.response()).await.unwrap().payload.0.number, 1);
        let fault = soon(client.expose(ExposeInvoke { duration: 0.into() }))
            .await
            .unwrap_err();
        assert!(fault.declared().is_some(), "{speaks}: {fault}");

        let corners = vec![place; 3];
        let mut survey = soon(client.survey(SurveyProgress { corners }))
            .await
            .unwrap();
        for number in 1..=3 {
            let update = soon(survey.update()).await.unwrap().unwrap();
            assert_eq!(update.payload.0.number, number, "{speaks}");
        }
        assert_eq!(soon(survey.response()).await.unwrap().pictures, 3);

        if speaks != "raw" {
            // What is told by its shape alone needs the URL of its channel.
            let status = soon(client.status(StatusRequest::default())).await.unwrap();
            assert_eq!(status.headers.station.as_deref(), Some("La Silla"));
        }

        let id = Some("a".to_owned());
        let sub = WeatherSub {
            subscription_id: id,
        };
        let mut weather = soon(client.weather(sub)).await.unwrap();
        while dome.wind(3.5).await == 0 {}
        let wind = soon(weather.next()).await.unwrap().unwrap();
        assert_eq!(wind.wind, Some(3.5), "{speaks}");
        drop((weather, client));
        let idle = dome.runs.wait_for(|(begun, ended)| begun == ended);
        drop(soon(idle).await.unwrap());
    }
}
