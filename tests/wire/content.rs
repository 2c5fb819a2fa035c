//! Payloads that are not JSON: text and bytes.

use serde_json::json;
use specwire::{Fault, Payload as _, Request, Server};

use self::generated::{Client, Page, PlayReply, Setting, Sound, Text, Volume};
use crate::client::Peer;
use crate::service::Running;

#[allow(
    unreachable_pub,
    reason = "generated modules are public where they are"
)]
mod generated {
    include!("../../codegen/tests/golden/Content.rs");
}

struct Studio;

impl generated::Service for Studio {
    async fn shout(&self, request: Request<Text>) -> Result<Page, Fault> {
        Ok(Page(format!("<p>{}</p>", request.0.to_uppercase())))
    }

    /// What is silent has no sound to answer with.
    async fn play(&self, request: Request<Sound>) -> Result<PlayReply, Fault> {
        Ok(if request.0.is_empty() {
            Volume { volume: 0 }.into()
        } else {
            request.into_payload().into()
        })
    }

    async fn set(&self, _: Request<Setting>) -> Result<(), Fault> {
        Ok(())
    }
}

pub(crate) async fn studio() -> Running {
    Running::start(Server::new().serve(generated::provider(Studio))).await
}

#[tokio::test]
async fn a_text_is_the_frame_itself() {
    let server = studio().await;
    let mut peer = Peer::raw(&server, "/ws/content/texts").await;
    for (text, page) in [
        ("hello", "<p>HELLO</p>"),
        (r#"{"a":1}"#, r#"<p>{"A":1}</p>"#),
        (r#""quoted""#, r#"<p>"QUOTED"</p>"#),
        ("", "<p></p>"),
        ("5", "<p>5</p>"),
    ] {
        peer.send_text(text).await;
        assert_eq!(peer.next_text().await, page);
    }
    peer.send_binary(b"hello").await;
    assert_eq!(peer.next_fault().await, "invalid_frame");
}

#[tokio::test]
async fn beside_json_a_text_is_what_no_json_is() {
    let server = studio().await;
    let mut peer = Peer::raw(&server, "/ws/content").await;
    peer.send_text("hello").await;
    assert_eq!(peer.next_text().await, "<p>HELLO</p>");
    peer.send_text("5").await;
    assert_eq!(peer.next_text().await, "<p>5</p>");
    peer.send(&json!({"tune": 1})).await;
    assert_eq!(peer.next_fault().await, "unmatched_message");
    peer.send_text(r#"{"tone":"#).await;
    assert_eq!(peer.next_fault().await, "invalid_frame");
}

#[tokio::test]
async fn bytes_are_a_binary_frame() {
    let server = studio().await;
    let mut peer = Peer::raw(&server, "/ws/content/sounds").await;
    for sound in [&[0_u8, 255, 1][..], b"a", &[7; 1000]] {
        peer.send_binary(sound).await;
        assert_eq!(peer.next_binary().await, sound);
    }
    peer.send_binary(b"").await;
    assert_eq!(peer.next().await, json!({"volume": 0}));
    peer.send_text("hello").await;
    assert_eq!(peer.next_fault().await, "invalid_frame");
}

#[tokio::test]
async fn an_envelope_has_texts_as_they_are_and_bytes_in_base64() {
    let server = studio().await;
    let mut peer = Peer::envelope(&server).await;
    peer.send(&json!({"op": "msg", "id": 1, "channel": "texts", "payload": "hi"}))
        .await;
    assert_eq!(peer.next().await["payload"], "<p>HI</p>");
    peer.send(&json!({"op": "msg", "id": 2, "channel": "sounds", "payload": "AP8B"}))
        .await;
    assert_eq!(peer.next().await["payload"], "AP8B");

    let client = Client::connect(&format!("ws://{}/ws", server.address))
        .await
        .unwrap();
    let page = client.shout(Text("hi".to_owned())).await.unwrap();
    assert_eq!(page.0, "<p>HI</p>");
}

#[test]
fn messages_know_their_names_and_content_types() {
    assert_eq!(Text::NAME, "text");
    assert_eq!(Text::CONTENT_TYPE, "text/plain; charset=utf-8");
    assert_eq!(
        Setting::CONTENT_TYPE,
        "application/vnd.example.setting+json"
    );
    assert_eq!(Volume::CONTENT_TYPE, "application/json");
}
