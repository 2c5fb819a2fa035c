//! One channel with several messages each way, none of which has an answer.

use serde_json::json;
use specwire::{Fault, Request, Server, Subscribers};
use tokio::sync::broadcast;

use self::generated::{Client, Joined, Said, Say, Wave};
use crate::client::{Peer, soon};
use crate::service::Running;

#[allow(
    unreachable_pub,
    reason = "generated modules are public where they are"
)]
mod generated {
    include!("../../codegen/tests/golden/Room.rs");
}

/// Repeats what is said, and announces whoever waves.
struct Room {
    said: broadcast::Sender<String>,
    joined: broadcast::Sender<String>,
}

impl Room {
    fn new() -> Self {
        Self {
            said: broadcast::Sender::new(16),
            joined: broadcast::Sender::new(16),
        }
    }
}

impl generated::Service for Room {
    async fn speak_say(&self, message: Request<Say>) -> Result<(), Fault> {
        let _ = self.said.send(message.into_payload().text);
        Ok(())
    }

    async fn speak_wave(&self, _: Request<Wave>) -> Result<(), Fault> {
        let _ = self.joined.send("somebody".to_owned());
        Ok(())
    }

    async fn watch_said(&self, subscribers: Subscribers<(), Said>) -> Result<(), Fault> {
        let mut said = self.said.subscribe();
        subscribers.publish(Said {
            text: "welcome".to_owned(),
        });
        while let Ok(text) = said.recv().await {
            subscribers.publish(Said { text });
        }
        Ok(())
    }

    async fn watch_joined(&self, subscribers: Subscribers<(), Joined>) -> Result<(), Fault> {
        let mut joined = self.joined.subscribe();
        subscribers.publish(Joined {
            who: "you".to_owned(),
        });
        while let Ok(who) = joined.recv().await {
            subscribers.publish(Joined { who });
        }
        Ok(())
    }
}

async fn room() -> Running {
    Running::start(Server::new().serve(generated::provider(Room::new()))).await
}

#[tokio::test]
async fn opening_the_url_of_a_channel_subscribes_to_all_that_is_published_there() {
    let server = room().await;
    let mut visitor = Peer::raw(&server, "/ws/room/room").await;
    let mut greetings = [visitor.next_text().await, visitor.next_text().await];
    greetings.sort();
    assert_eq!(greetings, [r#"{"text":"welcome"}"#, r#"{"who":"you"}"#]);

    visitor.send_text(r#"{"text":"hello"}"#).await;
    assert_eq!(visitor.next_text().await, r#"{"text":"hello"}"#);
    visitor.send_text("{}").await;
    assert_eq!(visitor.next_text().await, r#"{"who":"somebody"}"#);
    visitor.send_text(r#"{"text":1}"#).await;
    assert_eq!(visitor.next_fault().await, "invalid_message");
}

#[tokio::test]
async fn a_subscription_names_the_publication_that_it_wants() {
    let server = room().await;
    let mut visitor = Peer::envelope(&server).await;
    visitor
        .send(&json!({"op": "sub", "id": 1, "channel": "room"}))
        .await;
    assert_eq!(visitor.next_fault().await, "ambiguous_message");
    visitor
        .send(&json!({"op": "sub", "id": 2, "channel": "room", "message": "left"}))
        .await;
    assert_eq!(visitor.next_fault().await, "unknown_message");

    visitor
        .send(&json!({"op": "sub", "id": 3, "channel": "room", "message": "joined"}))
        .await;
    assert_eq!(visitor.next().await, json!({"op": "ack", "id": 3}));
    let joined = json!({"op": "msg", "id": 3, "channel": "room", "message": "joined",
                        "payload": {"who": "you"}});
    assert_eq!(visitor.next().await, joined);
    visitor
        .send(
            &json!({"op": "msg", "id": 4, "channel": "room", "message": "say",
                      "payload": {"text": "hello"}}),
        )
        .await;
    assert_eq!(visitor.next().await, json!({"op": "ack", "id": 4}));
    visitor.expect_nothing().await;
}

#[tokio::test]
async fn the_generated_client_has_a_stream_for_each_publication() {
    let server = room().await;
    let url = format!("ws://{}/ws", server.address);
    for client in [
        Client::connect(&url).await.unwrap(),
        Client::in_memory(Room::new()),
    ] {
        let mut said = soon(client.watch_said()).await.unwrap();
        let mut joined = soon(client.watch_joined()).await.unwrap();
        assert_eq!(soon(said.next()).await.unwrap().unwrap().text, "welcome");
        assert_eq!(soon(joined.next()).await.unwrap().unwrap().who, "you");
        let hello = Say {
            text: "hello".to_owned(),
        };
        soon(client.speak_say(hello)).await.unwrap();
        assert_eq!(soon(said.next()).await.unwrap().unwrap().text, "hello");
        soon(client.speak_wave(Wave {})).await.unwrap();
        assert_eq!(soon(joined.next()).await.unwrap().unwrap().who, "somebody");
    }
}

#[tokio::test]
async fn a_message_too_large_for_the_server_fails_alone() {
    let server = room().await;
    let url = format!("ws://{}/ws", server.address);
    let client = Client::connect(&url).await.unwrap();
    let mut said = soon(client.watch_said()).await.unwrap();
    assert_eq!(soon(said.next()).await.unwrap().unwrap().text, "welcome");
    let text = "x".repeat(100_000);
    let fault = soon(client.speak_say(Say { text })).await.unwrap_err();
    assert_eq!(fault.code(), Fault::LIMIT_EXCEEDED);
    assert!(
        fault.message().ends_with("the server takes 65536 at most"),
        "{fault}"
    );
    // All but what surrounds it in its frame.
    let text = "x".repeat(65_300);
    soon(client.speak_say(Say { text: text.clone() }))
        .await
        .unwrap();
    assert_eq!(soon(said.next()).await.unwrap().unwrap().text, text);
}
