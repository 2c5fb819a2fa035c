//! What a peer may write where an address is made of it: S29 to S32. What is not taken is refused before
//! anything is asked of a broker, in every framing, and what is taken means one thing.

use std::sync::Arc;

use serde_json::{Value, json};
use specwire::bus::TopicName;
use specwire::{Fault, Server};
use specwire_server::services::topics::Exchange;

use crate::client::{Peer, handshake, http, status};
use crate::distant::Distant;
use crate::service::{Running, patterns, provider, telescope};
use crate::speaker::{ALL, Speaker, Speaks};
use crate::topics::generated::Client;
use crate::topics::{Orders, heard, house, listen, listening, room, say};

/// S29: wildcards of NATS, MQTT, Redis and of paths.
const WILDCARDS: &[&str] = &[
    ">",
    "*",
    "a.>",
    "a.*.b",
    "beat_pub_*",
    "+",
    "#",
    "a/+",
    "a/#",
    "?",
    "a[b]",
    "**",
    // Full width, which normalises to one.
    "\u{ff0a}",
];

/// S30: what a broker's protocol would take for something else than a name.
const COMMANDS: &[&str] = &[
    "x 5\r\nPUB admin 3",
    "a..b",
    ".a",
    "a.",
    "",
    ".",
    "..",
    "a b",
    "a\tb",
    "a\nb",
    "\0",
    "a\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}a",
    "\u{2066}a",
    "\u{feff}",
    "a\"b",
    "<b>",
    "\u{fc}",
];

/// S31: what brokers, and this server, keep for themselves.
const RESERVED: &[&str] = &[
    "$SYS.>",
    "$SYS",
    "$JS.API.x",
    "$JS.API.STREAM.LIST",
    "_INBOX.x",
    "_R_.x",
    "_specwire.x",
];

/// S32: what is more than one part of a template, or would be once it is decoded.
const PARTS: &[&str] = &[
    "../x",
    "a/b",
    "%2e",
    "%2F",
    "%252F",
    "a\\b",
    "a&kind=public",
    "{roomId}",
    "a:b",
    "a=b",
];

fn long() -> String {
    "x".repeat(300)
}

/// A house on a bus that says what it was asked.
async fn on_a_bus(is_lenient: bool) -> (Running, Arc<Distant>, Orders) {
    let bus = Arc::new(Distant::default());
    let carrier = Arc::<Distant>::clone(&bus);
    let (mut provider, orders) = house();
    if is_lenient {
        provider = provider.lenient_addresses();
    }
    let server = Running::start(Server::new().bus(carrier).serve(provider)).await;
    (server, bus, orders)
}

/// The fault that comes next, and for what: its code.
async fn refused(peer: &mut Peer, value: &str) {
    let fault = peer.next().await;
    assert_eq!(
        fault["payload"]["code"], "invalid_address",
        "{value:?}: {fault}"
    );
    let text = fault["payload"]["message"].as_str().unwrap();
    assert!(text.contains("`Provider::lenient_addresses`"), "{text}");
    let hidden = |character: char| character.is_control() || "\u{2028}\u{202e}".contains(character);
    assert!(!text.contains(hidden), "{text:?}");
}

/// In frames, and in the queries of URLs: as a parameter beside the channel, as one that the message
/// says itself, and as a channel.
async fn are_no_parameters(values: &[&str]) {
    let (server, bus, _orders) = on_a_bus(false).await;
    let mut peer = Peer::envelope(&server).await;
    for value in values {
        peer.send(&listen(1, value)).await;
        refused(&mut peer, value).await;
        say(&mut peer, value, "x").await;
        refused(&mut peer, value).await;
        let told = json!({"room": {"id": value}});
        peer.send(&json!({"op": "msg", "id": 1, "channel": "people", "payload": told}))
            .await;
        refused(&mut peer, value).await;
        peer.send(&json!({"op": "sub", "id": 1, "channel": value}))
            .await;
        assert_eq!(peer.next_fault().await, "unknown_channel", "{value:?}");

        // Frames that are nothing but the message.
        let mut raw = Peer::raw(&server, "/ws/channels/people").await;
        raw.send(&told).await;
        assert_eq!(raw.next_fault().await, "invalid_address", "{value:?}");
        raw.send(&json!({"room": {"id": "abc"}})).await;
        assert_eq!(raw.next().await, json!({"people": 0}), "it goes on");
        let tagged = [("sec-websocket-protocol", "specwire.v1.tagged")];
        let mut tagged = Peer::open(&server, "/ws/channels", &tagged).await.unwrap();
        tagged.send_text(&format!("count:{told}")).await;
        let (code, reason) = tagged.close_frame().await;
        assert_eq!(code, 3001, "{value:?}");
        assert!(reason.starts_with("invalid_address: found "), "{reason}");

        // Before the upgrade.
        let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in [
            "/ws/channels/room",
            "/ws/channels",
            "/ws",
            "/ws/channels/people",
        ] {
            let request = handshake(&format!("{path}?roomId={encoded}"), "");
            let answer = http(&server, request.as_bytes()).await;
            assert_eq!(status(&answer), "400", "{value:?}: {answer}");
            assert!(
                answer.contains("as the parameter `roomId`, expected "),
                "{answer}"
            );
        }
        peer = Peer::envelope(&server).await;
    }
    // What opening the document's URL subscribes to has no parameters.
    let asked = bus.topics.lock().unwrap();
    assert!(
        asked.iter().all(|topic| topic == "channels/unsaid"),
        "{asked:?}"
    );
}

/// As an address for replies, in every framing.
async fn are_no_reply_addresses(values: &[&str]) {
    let (server, mut dome) = telescope().await;
    for speaks in ALL {
        for (op, message) in [("msg", "status_request"), ("sub", "weather_sub")] {
            let url = format!("patterns/{message}");
            let mut speaker = Speaker::open(&server, &url, speaks).await;
            for value in values {
                speaker
                    .start(op, message, json!({"replyTo": value}), json!({}))
                    .await;
                let (code, text) = speaker.next_fault().await;
                assert_eq!(code, "invalid_address", "{speaks:?} {value:?}");
                assert!(text.starts_with("found "), "{text}");
                if speaks == Speaks::Tagged {
                    speaker = Speaker::open(&server, &url, speaks).await;
                }
            }
        }
    }
    assert_eq!(server.metrics.counters().subscriptions, 0);
    dome.runs(0, 0).await;
}

#[tokio::test]
async fn s29_wildcards_are_refused_and_a_broker_hears_of_none() {
    are_no_parameters(WILDCARDS).await;
    are_no_reply_addresses(WILDCARDS).await;
}

#[tokio::test]
async fn s30_what_would_be_a_command_to_a_broker_is_refused() {
    are_no_parameters(COMMANDS).await;
    are_no_parameters(&[&long(), &"x".repeat(65), &"x".repeat(256)]).await;
    are_no_reply_addresses(COMMANDS).await;
    are_no_reply_addresses(&[&long(), &"x".repeat(256)]).await;
}

#[tokio::test]
async fn s31_what_brokers_keep_for_themselves_is_refused() {
    are_no_parameters(RESERVED).await;
    are_no_reply_addresses(RESERVED).await;
    are_no_reply_addresses(&["_INBOX", "_"]).await;
}

#[tokio::test]
async fn s32_a_parameter_is_one_part_of_an_address() {
    are_no_parameters(PARTS).await;
    are_no_reply_addresses(PARTS).await;
}

/// What clients do send.
#[tokio::test]
async fn names_are_taken() {
    let (server, bus, _orders) = on_a_bus(false).await;
    let mut peer = Peer::envelope(&server).await;
    let longest = "x".repeat(64);
    let rooms = [
        "42",
        "-",
        "_a",
        "Kitchen_2-b",
        "0f0c1d2e-0000-4000-8000-000000000000",
        &longest,
    ];
    for (id, room) in (1..).zip(rooms) {
        listening(&mut peer, id, room).await;
        let path = format!("/ws/channels/room?roomId={room}&token=a.b%2Fc&other=%3E");
        drop(Peer::raw(&server, &path).await);
    }
    assert!(bus.topics.lock().unwrap().len() >= rooms.len());

    let (server, _dome) = telescope().await;
    for speaks in ALL {
        let mut speaker = Speaker::open(&server, "patterns/status_request", speaks).await;
        let longest = "x".repeat(255);
        for address in [
            "beat_pub_0f0c-1",
            "replies.client-1",
            "a",
            "-",
            "a._b",
            &longest,
        ] {
            speaker
                .start(
                    "msg",
                    "status_request",
                    json!({"replyTo": address}),
                    json!({}),
                )
                .await;
            assert_eq!(speaker.next().await["parked"], true, "{address}");
        }
        // It need not be there.
        speaker
            .start("msg", "status_request", json!({"replyTo": null}), json!({}))
            .await;
        assert_eq!(speaker.next().await["parked"], true);
    }
}

/// A value that the document lists is the document's, whatever is in it.
#[tokio::test]
async fn what_a_document_lists_is_taken() {
    let (server, _bus, _orders) = on_a_bus(false).await;
    let mut peer = Peer::envelope(&server).await;
    let set = |level: &str| {
        json!({"op": "msg", "id": 1, "channel": "volume", "parameters": {"level": level},
               "payload": true})
    };
    peer.send(&set("11/10")).await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    peer.send(&set("11/11")).await;
    assert_eq!(peer.next_fault().await, "invalid_address");
    peer.send(&set("12")).await;
    assert_eq!(peer.next_fault().await, "invalid_message");
    let volume = |level: &str| {
        let path = format!("/ws/channels/volume?level={level}");
        let server = &server;
        async move { Peer::open(server, &path, &[]).await.err() }
    };
    assert_eq!(volume("11%2F10").await, None);
    assert_eq!(volume("11%2F11").await, Some(400));
}

/// What is there twice is not read once and checked the other time.
#[tokio::test]
async fn parameters_that_are_there_twice_are_refused() {
    let (server, bus, _orders) = on_a_bus(false).await;
    let mut peer = Peer::envelope(&server).await;
    for parameters in [
        r#"{"roomId":"a","roomId":"*"}"#,
        r#"{"roomId":"*","x":1,"x":2}"#,
        r#"{"roomId":"a","room\u0049d":"*"}"#,
    ] {
        let sub = r#"{"op":"sub","id":1,"channel":"room","message":"said","parameters":"#;
        peer.send_text(&format!("{sub}{parameters}}}")).await;
        assert_eq!(peer.next_fault().await, "invalid_message", "{parameters}");
    }
    peer.send_text(
        r#"{"op":"sub","id":1,"channel":"room","message":"said","parameters":{"room\u0049d":"\u002a"}}"#,
    )
    .await;
    assert_eq!(peer.next_fault().await, "invalid_address");
    assert_eq!(*bus.topics.lock().unwrap(), [""; 0]);
}

/// The second wall: where a service takes any text, a broker still sees one name for each.
#[tokio::test]
async fn s29_a_lenient_service_gives_a_broker_names_and_no_patterns() {
    let (server, bus, _orders) = on_a_bus(true).await;
    let mut peer = Peer::envelope(&server).await;
    let is_shown = |value: &&str| !value.is_empty() && !value.contains(char::is_control);
    let all = [WILDCARDS, COMMANDS, RESERVED, PARTS].concat();
    let taken: Vec<_> = all.iter().copied().filter(is_shown).collect();
    let mut seen = std::collections::HashSet::new();
    for (id, value) in (1..).zip(&taken) {
        let odd = ["\u{2028}", "\u{2029}", "\u{202e}a", "\u{2066}a"];
        peer.send(&listen(id, value)).await;
        let answer = peer.next().await;
        if odd.contains(value) {
            assert_eq!(answer["payload"]["code"], "invalid_address", "{value:?}");
            continue;
        }
        assert_eq!(answer, json!({"op": "ack", "id": id}), "{value:?}");
        say(&mut peer, value, value).await;
        assert_eq!(heard(&mut peer).await, (id, (*value).to_owned()));
        assert_eq!(peer.next().await, json!({"op": "ack", "id": 99}));
        let asked = std::mem::take(&mut *bus.topics.lock().unwrap());
        let [subscribed, published] = asked.as_slice() else {
            panic!("the bus was asked for {asked:?}");
        };
        assert_eq!(subscribed, published);
        assert!(TopicName::new(subscribed).is_ok(), "{subscribed}");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-~_%/.?&=".contains(&byte);
        assert!(subscribed.bytes().all(is_plain), "{subscribed}");
        assert!(
            seen.insert(subscribed.clone()),
            "{subscribed} is two values"
        );
    }
    for value in [
        "",
        "x 5\r\nPUB admin 3",
        "a\0",
        &long(),
        &"\u{fc}".repeat(128),
    ] {
        peer.send(&listen(99, value)).await;
        let fault = peer.next().await;
        assert_eq!(fault["payload"]["code"], "invalid_address", "{value:?}");
        let expected = fault["payload"]["message"].as_str().unwrap();
        assert!(
            expected.contains("expected 1 to 255 bytes without control"),
            "{expected}"
        );
    }
    drop(Peer::raw(&server, "/ws/channels/room?roomId=BTC%2FUSD").await);
    let refused = Peer::open(&server, "/ws/channels/room?roomId=%0D%0A", &[]).await;
    assert_eq!(refused.err(), Some(400));
}

#[tokio::test]
async fn a_lenient_service_takes_any_address_for_replies() {
    let (provider, _dome) = provider();
    let server = Server::new().serve(provider.lenient_addresses());
    let server = Running::start(server).await;
    for speaks in ALL {
        let mut speaker = Speaker::open(&server, "patterns/status_request", speaks).await;
        for address in ["replies/client 1", "*", "_INBOX.x"] {
            speaker
                .start(
                    "msg",
                    "status_request",
                    json!({"replyTo": address}),
                    json!({}),
                )
                .await;
            assert_eq!(speaker.next().await["parked"], true, "{address}");
        }
        speaker
            .start(
                "msg",
                "status_request",
                json!({"replyTo": "a\r\n"}),
                json!({}),
            )
            .await;
        assert_eq!(speaker.next_fault().await.0, "invalid_address");
    }
}

/// Our own client sends nothing that no service takes, and hears of the rest as of any fault.
#[tokio::test]
async fn a_client_hears_what_is_no_name_and_stays_connected() {
    let (strict, _bus, _orders) = on_a_bus(false).await;
    let (lenient, _bus, _other_orders) = on_a_bus(true).await;
    let url = |server: &Running| format!("ws://{}/ws", server.address);
    let client = Client::connect(&url(&strict)).await.unwrap();
    let listen = async |client: &Client, id: &str| match client.listen(room(id)).await {
        Ok(_) => None,
        Err(fault) => Some(fault.code().to_owned()),
    };
    let invalid = Some(Fault::INVALID_ADDRESS.to_owned());
    assert_eq!(listen(&client, "BTC/USD").await, invalid);
    assert_eq!(listen(&client, "a\r\nb").await, invalid);
    assert_eq!(listen(&client, "news").await, None);
    assert_eq!(strict.metrics.counters().faults, 1);
    let client = Client::connect(&url(&lenient)).await.unwrap();
    assert_eq!(listen(&client, "BTC/USD").await, None);
    assert_eq!(listen(&client, "a\r\nb").await, invalid);
    assert_eq!(lenient.metrics.counters().faults, 0);

    let (server, _dome) = telescope().await;
    let client = patterns::Client::connect(&url(&server)).await.unwrap();
    let status = async |address: &str| {
        let reply_to = Some(address.to_owned());
        let headers: patterns::StatusRequestHeaders =
            serde_json::from_value(json!({"replyTo": reply_to})).unwrap();
        let message = specwire::Message::new(patterns::StatusRequest::default(), headers);
        client
            .status(message)
            .await
            .map(drop)
            .map_err(|fault| fault.code().to_owned())
    };
    assert_eq!(status("inbox-1").await, Ok(()));
    assert_eq!(
        status("a\r\nPUB b 1").await,
        Err(Fault::INVALID_ADDRESS.to_owned())
    );
    assert_eq!(server.metrics.counters().faults, 0, "it was not sent");
    assert_eq!(status("a.>").await, Err(Fault::INVALID_ADDRESS.to_owned()));
    assert_eq!(server.metrics.counters().faults, 1);
}

/// In memory the service is asked, as over a socket.
#[tokio::test]
async fn a_service_in_memory_takes_what_it_takes_elsewhere() {
    for (is_lenient, expected) in [(false, Some(Fault::INVALID_ADDRESS)), (true, None)] {
        let (mut provider, _orders) = house();
        if is_lenient {
            provider = provider.lenient_addresses();
        }
        let client = Client::new(specwire::Client::in_memory(provider));
        let found = client.listen(room("BTC/USD")).await.err();
        assert_eq!(found.as_ref().map(Fault::code), expected);
    }
}

/// An address for replies that is in the payload is looked at as well.
#[tokio::test]
async fn an_address_for_replies_in_the_payload_is_checked() {
    let server = crate::answers::bank().await;
    let mut peer = Peer::raw(&server, "/ws/replies").await;
    let transfer = |to: &str| json!({"to": to, "requestId": 8});
    for to in ["a.>", "$SYS.x", "_INBOX.x", ""] {
        peer.send(&transfer(to)).await;
        let fault: Value = peer.next().await;
        assert_eq!(fault["error"]["code"], "invalid_address", "{to:?}");
    }
    peer.send(&transfer("other")).await;
    assert_eq!(peer.next().await["requestId"], 8);
}

/// What is wrong with a message is told where it could be several, and is one but for a name.
#[tokio::test]
async fn a_name_is_what_is_wrong_where_nothing_else_is() {
    let provider = specwire_server::topics::provider(Exchange);
    let server = Running::start(Server::new().serve(provider)).await;
    let mut raw = Peer::raw(&server, "/ws").await;
    let mut peer = Peer::envelope(&server).await;
    for _ in 0..2 {
        raw.next_text().await;
    }
    let publish = |topic: &str| json!({"action": "publish", "topic": topic, "message": 1});
    let subscribe = |topic: &str| json!({"action": "subscribe", "topic": topic});
    for topic in ["a/b", "news.>", "*"] {
        raw.send(&publish(topic)).await;
        assert_eq!(raw.next_fault().await, "invalid_address");
        raw.send(&subscribe(topic)).await;
        assert_eq!(raw.next_fault().await, "invalid_address");
        for (op, payload) in [("msg", publish(topic)), ("sub", subscribe(topic))] {
            peer.send(&json!({"op": op, "id": 1, "channel": "topic", "payload": payload}))
                .await;
            assert_eq!(peer.next_fault().await, "invalid_address", "{payload}");
        }
    }
    peer.send(&json!({"op": "sub", "id": 1, "channel": "topic", "payload": subscribe("news")}))
        .await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    raw.send(&publish("news")).await;
    assert_eq!(peer.next().await["payload"], 1);
}
