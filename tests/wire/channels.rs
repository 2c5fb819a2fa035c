//! Channels whose addresses have parameters.

use serde_json::json;
use specwire::{Fault, Request, Server, Subscribers};
use tokio::sync::broadcast;

use self::generated::{
    Came, Client, Count, CountRoom, Counted, Found, Level, Lost, PeopleAgainParameters,
    PeopleParameters, RoomKind, RoomParameters, Said, Say, Set, VolumeParameters, Watch, channels,
    servers,
};
use crate::client::{Peer, http};
use crate::service::Running;

#[allow(
    unreachable_pub,
    reason = "generated modules are public where they are"
)]
mod generated {
    include!("../../codegen/tests/golden/Channels.rs");
}

/// A house of rooms. Who listens in one hears what is said there.
struct House(broadcast::Sender<(RoomParameters, String)>);

impl generated::Service for House {
    async fn say(&self, message: Request<Say, RoomParameters>) -> Result<(), Fault> {
        let room = message.parameters().clone();
        let _ = self.0.send((room, message.into_payload().text));
        Ok(())
    }

    async fn listen(&self, listeners: Subscribers<RoomParameters, Said>) -> Result<(), Fault> {
        let mut said = self.0.subscribe();
        listeners.publish_each(|room| Said {
            text: format!("welcome to {}", room.payload()),
            by: None,
        });
        while let Ok((room, text)) = said.recv().await {
            let by = None;
            listeners.publish_to(Said { text, by }, |listener| *listener.payload() == room);
        }
        Ok(())
    }

    async fn count(&self, request: Request<Count, PeopleParameters>) -> Result<Counted, Fault> {
        let people = u32::try_from(request.parameters().room_id.len()).unwrap();
        Ok(Counted { people })
    }

    async fn watch(
        &self,
        watchers: Subscribers<Watch, Came, PeopleAgainParameters>,
    ) -> Result<(), Fault> {
        watchers.publish_each(|watcher| Came {
            who: format!("somebody came to {}", watcher.parameters().room_id),
        });
        std::future::pending().await
    }

    async fn set_volume(&self, message: Request<Set, VolumeParameters>) -> Result<(), Fault> {
        let level = message.parameters().level;
        Err(Fault::new("loud", format!("{level:?} is too loud")))
    }

    async fn lose(&self, _: Request<Lost>) -> Result<(), Fault> {
        Ok(())
    }

    async fn find(&self, _: Subscribers<(), Found>) -> Result<(), Fault> {
        Ok(())
    }
}

async fn house() -> Running {
    let house = House(broadcast::Sender::new(16));
    Running::start(Server::new().serve(generated::provider(house))).await
}

#[tokio::test]
async fn the_page_says_which_parameters_a_url_takes() {
    let page = http(&house().await, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    for path in [
        "/ws/channels/room?roomId=…&kind=…",
        "/ws/channels/people/again?roomId=…",
        // This one is said in the message.
        "/ws/channels/people\n",
    ] {
        assert!(page.contains(path), "{path} is not in {page}");
    }
}

fn room(id: &str, kind: RoomKind) -> RoomParameters {
    RoomParameters {
        room_id: id.to_owned(),
        kind,
    }
}

fn say(text: &str) -> Say {
    Say {
        text: text.to_owned(),
    }
}

#[test]
fn channels_and_servers_are_constants() {
    assert_eq!(channels::ROOM.name(), "room");
    assert_eq!(channels::ROOM.address(), Some("rooms/{roomId}/{kind}"));
    assert_eq!(channels::PEOPLE_AGAIN.name(), "people/again");
    assert_eq!(channels::NOWHERE.address(), None);
    let url = |values: &[(&str, &str)]| servers::PRODUCTION.url_with(values).ok();
    assert_eq!(url(&[]), None);
    let expected = "wss://eu.example.com:443/house/v2";
    assert_eq!(url(&[("version", "v2")]).as_deref(), Some(expected));
    assert_eq!(url(&[("version", "v2"), ("region", "mars")]), None);
    assert_eq!(servers::TEST_SERVER.url().unwrap(), "ws://localhost");
}

#[test]
fn parameters_make_an_address_and_are_found_in_one() {
    let check = |parameters: RoomParameters, address: &str| {
        assert_eq!(parameters.to_string(), address);
        assert_eq!(address.parse(), Ok(parameters));
    };
    check(room("42", RoomKind::Public), "rooms/42/public");
    check(
        room("a b/ü%", RoomKind::InvitedOnly),
        "rooms/a%20b%2F%C3%BC%25/invited-only",
    );
    for other in [
        "rooms/42",
        "rooms/42/private",
        "rooms/4/2/public",
        "room/42/public",
        "rooms/%FF/public",
        "rooms/42/public/",
    ] {
        assert!(other.parse::<RoomParameters>().is_err(), "{other}");
    }
    assert_eq!(VolumeParameters::default().level, Level::_1);
}

#[tokio::test]
async fn a_client_says_which_room_it_means() {
    let server = house().await;
    let client = Client::connect(&format!("ws://{}/ws", server.address))
        .await
        .unwrap();
    let mut kitchen = client
        .listen(room("kitchen", RoomKind::Public))
        .await
        .unwrap();
    let first = kitchen.next().await.unwrap().unwrap();
    assert_eq!(first.text, "welcome to rooms/kitchen/public");
    client
        .say(room("hall", RoomKind::Public), say("in the hall"))
        .await
        .unwrap();
    client
        .say(room("kitchen", RoomKind::InvitedOnly), say("in secret"))
        .await
        .unwrap();
    client
        .say(room("kitchen", RoomKind::Public), say("in the kitchen"))
        .await
        .unwrap();
    let heard = kitchen.next().await.unwrap().unwrap();
    assert_eq!(heard.text, "in the kitchen");

    let parameters = PeopleAgainParameters {
        room_id: "attic".to_owned(),
    };
    let watch: Watch = serde_json::from_value(json!({})).unwrap();
    let mut attic = client.watch(parameters, watch).await.unwrap();
    let came = attic.next().await.unwrap().unwrap();
    assert_eq!(came.who, "somebody came to attic");
}

#[tokio::test]
async fn an_envelope_has_parameters_beside_the_channel() {
    let server = house().await;
    let mut peer = Peer::envelope(&server).await;
    peer.send(
        &json!({"op": "sub", "id": 1, "channel": "room", "message": "said",
                      "parameters": {"roomId": "7", "more": 1}}),
    )
    .await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    // The kind has a default.
    let welcome = peer.next().await;
    assert_eq!(welcome["payload"]["text"], "welcome to rooms/7/public");
    peer.send(&json!({"op": "msg", "channel": "room", "message": "say",
                      "parameters": {"roomId": "7"}, "payload": {"text": "hello"}}))
        .await;
    assert_eq!(peer.next().await["payload"]["text"], "hello");

    for (parameters, message) in [
        (
            json!({}),
            "the parameters of `room`: missing field `roomId`",
        ),
        (
            json!(null),
            "the parameters of `room`: missing field `roomId`",
        ),
        (
            json!({"roomId": "7", "kind": "secret"}),
            "unknown variant `secret`",
        ),
        (json!({"roomId": 7}), "expected a string"),
        (json!([]), "the parameters of `room`"),
    ] {
        peer.send(
            &json!({"op": "msg", "id": 2, "channel": "room", "message": "say",
                          "parameters": parameters, "payload": {"text": "hello"}}),
        )
        .await;
        let fault = peer.next().await;
        assert_eq!(fault["payload"]["code"], "invalid_message", "{fault}");
        let text = fault["payload"]["message"].as_str().unwrap();
        assert!(text.contains(message), "{text}");
    }
    peer.send(&json!({"op": "msg", "id": 3, "channel": "volume", "payload": true}))
        .await;
    let fault = peer.next().await;
    assert_eq!(fault["payload"]["message"], "_1 is too loud");
}

#[tokio::test]
async fn a_message_may_say_the_parameter_itself() {
    let server = house().await;
    let client = Client::connect(&format!("ws://{}/ws", server.address))
        .await
        .unwrap();
    let count = |id: &str| Count {
        room: CountRoom { id: id.to_owned() },
    };
    let parameters = PeopleParameters {
        room_id: "four".to_owned(),
    };
    let counted = client.count(parameters, count("other")).await.unwrap();
    assert_eq!(counted.people, 4);
    let mut peer = Peer::raw(&server, "/ws/channels/people").await;
    peer.send(&json!({"room": {"id": "seven77"}})).await;
    assert_eq!(peer.next().await, json!({"people": 7}));
}

#[tokio::test]
async fn a_url_has_parameters_in_its_query() {
    let server = house().await;
    let mut peer = Peer::raw(&server, "/ws/channels/room?roomId=a%5Fb&token=a+b").await;
    assert_eq!(
        peer.next().await,
        json!({"text": "welcome to rooms/a_b/public"})
    );
    peer.send(&json!({"text": "hello"})).await;
    assert_eq!(peer.next().await, json!({"text": "hello"}));

    let mut peer = Peer::raw(&server, "/ws/channels/room").await;
    let fault = peer.next().await;
    let text = fault["error"]["message"].as_str().unwrap();
    assert!(text.contains("missing field `roomId`"), "{text}");
}
