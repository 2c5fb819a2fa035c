//! The generator's golden files compile without a warning, here where most of them is not used;
//! and their types say in JSON what the documents say.
#![deny(warnings, clippy::all)]
#![allow(
    unreachable_pub,
    reason = "generated modules are public where they are"
)]

use serde_json::{Value, json};
use specwire::{Fault, Number, Payload, Request};

// Not by `#[path]`: rustfmt would follow it, and golden files are as they are generated.
mod channels {
    include!("../codegen/tests/golden/Channels.rs");
}
mod content {
    include!("../codegen/tests/golden/Content.rs");
}
mod heartbeat {
    include!("../codegen/tests/golden/Heartbeat.rs");
}
mod markdown {
    include!("../codegen/tests/golden/Markdown.rs");
}
mod names {
    include!("../codegen/tests/golden/Names.rs");
}
mod patterns {
    include!("../codegen/tests/golden/Patterns.rs");
}
mod replies {
    include!("../codegen/tests/golden/Replies.rs");
}
mod room {
    include!("../codegen/tests/golden/Room.rs");
}
mod schemas {
    include!("../codegen/tests/golden/Schemas.rs");
}

use schemas::{Color, Everything, EverythingInlineEnum};

/// Reads `text` as a `T`, and gives what is written again.
fn round_trip<T: Payload>(text: &str) -> serde_json::Result<String> {
    serde_json::to_string(&serde_json::from_str::<T>(text)?)
}

#[track_caller]
fn comes_back<T: Payload>(text: &str) {
    assert_eq!(round_trip::<T>(text).expect("it is read"), text);
}

#[track_caller]
fn is_refused<T: Payload>(text: &str, why: &str) {
    let error = round_trip::<T>(text).expect_err("it is refused");
    assert!(error.to_string().contains(why), "{error}");
}

fn everything() -> Value {
    json!({
        "flag": true,
        "number": 5,
        "anything": null,
        "tree": { "branches": [] },
        "color": "dark-green",
        "list": [1, 2],
    })
}

/// [`everything`] with one member set to `value`.
fn with(member: &str, value: Value) -> String {
    let mut everything = everything();
    everything
        .as_object_mut()
        .expect("it is an object")
        .insert(member.to_owned(), value);
    everything.to_string()
}

#[test]
fn numbers_are_kept_as_they_came() {
    for number in [
        "2.5",
        "18446744073709551615",
        "0",
        "-1",
        "-9223372036854775808",
    ] {
        comes_back::<heartbeat::GetPeriodResponse>(&format!(r#"{{"period":{number}}}"#));
    }
    let response: heartbeat::GetPeriodResponse =
        serde_json::from_str(r#"{"period":2.5}"#).expect("it is read");
    assert_eq!(response.period.map(Number::as_f64), Some(2.5));
    is_refused::<heartbeat::GetPeriodResponse>(r#"{"period":"2.5"}"#, "expected a number");
}

#[test]
fn members_are_named_as_in_the_document() {
    comes_back::<heartbeat::BeatSub>(r#"{"subscriptionId":"a"}"#);
    comes_back::<names::MoveSubmit>(
        r#"{"box":{"Box":{}},"type":"1","type_":"2","Type":"3","a-b":"4","a_b":"5","aB":"6","":"7","\"":"8","名前":"9"}"#,
    );
    for mode in [
        "self", "Self", "1", "1.0", "", "<", "<=", "a-b", "a_b", "größe", "quote\"d", "Default",
    ] {
        comes_back::<names::MoveError>(&json!({ "mode": mode }).to_string());
    }
}

#[test]
fn an_optional_member_may_be_missing_or_null() {
    comes_back::<heartbeat::BeatSub>("{}");
    assert_eq!(
        round_trip::<heartbeat::BeatSub>(r#"{"subscriptionId":null}"#).expect("it is read"),
        "{}"
    );
    serde_json::from_value::<Everything>(everything()).expect("all that is required is there");
}

#[test]
fn a_required_member_that_may_be_null_is_written_as_null_and_must_be_there() {
    let read = |text: &str| serde_json::from_str::<schemas::Link>(text);
    let link = read(r#"{"label":null,"next":null,"names":[null,"b"]}"#).expect("it is read");
    let text = serde_json::to_string(&link).expect("it is written");
    assert_eq!(text, r#"{"label":null,"next":null,"names":[null,"b"]}"#);
    assert!(read(r#"{"next":null,"names":[]}"#).is_err());
    assert!(read(r#"{"label":"a","names":[]}"#).is_err());
}

#[test]
fn a_required_member_must_be_there() {
    for member in ["flag", "number", "anything", "tree", "color", "list"] {
        let mut everything = everything();
        everything
            .as_object_mut()
            .expect("it is an object")
            .remove(member);
        is_refused::<Everything>(
            &everything.to_string(),
            &format!("missing field `{member}`"),
        );
        if member != "anything" {
            is_refused::<Everything>(&with(member, Value::Null), "");
        }
    }
}

#[test]
fn an_unknown_member_is_refused_only_where_the_document_says_so() {
    is_refused::<heartbeat::BeatSub>(
        r#"{"subscriptionID":"a"}"#,
        "unknown field `subscriptionID`",
    );
    is_refused::<Everything>(&with("more", json!(1)), "unknown field `more`");
    assert_eq!(
        round_trip::<patterns::ExposeAck>(r#"{"more":1}"#).expect("it is read"),
        "{}"
    );
}

#[test]
fn values_out_of_range_are_refused() {
    is_refused::<Everything>(&with("unsigned8", json!(256)), "expected u8");
    is_refused::<Everything>(&with("signed64", json!(u64::MAX)), "expected i64");
    is_refused::<Everything>(&with("id", json!("not a UUID")), "UUID");
    is_refused::<Everything>(&with("color", json!("blue")), "unknown variant `blue`");
    is_refused::<Everything>("[]", "invalid length 0");
}

#[test]
fn every_kind_of_schema_comes_back() {
    let text = r#"{"flag":true,"signed8":-128,"signed16":-32768,"signed32":-2147483648,"signed64":-9223372036854775808,"unsigned8":255,"unsigned16":65535,"unsigned32":4294967295,"unsigned64":18446744073709551615,"whole":-1,"single":0.5,"double":-0.25,"plain":2.5,"number":18446744073709551615,"text":"é","address":"https://example.org","id":"67e55044-10b1-426f-9247-bb680e5fe0c8","anything":{"a":[null]},"list":[0,255],"lists":[["a"],[]],"map":{"a":1,"b":-2},"inline":{"inner":false},"inlineEnum":"LEVEL_HIGH","color":"red","leaf":{"value":"x"},"tree":{"branches":[{"branches":[]}],"left":{"branches":[]}}}"#;
    comes_back::<Everything>(text);
    comes_back::<schemas::ListSend>(&format!("[{text}]"));
    comes_back::<schemas::NoteSend>(r#""a note""#);

    let everything: Everything = serde_json::from_str(text).expect("it is read");
    assert_eq!(everything.color, Color::Red);
    assert_eq!(
        everything.inline_enum,
        Some(EverythingInlineEnum::LevelHigh)
    );
    assert_eq!(everything.tree.branches.len(), 1);
}

/// Writes down what it is given.
struct Notebook(std::sync::mpsc::Sender<String>);

impl schemas::Service for Notebook {
    async fn store(&self, _request: Request<Everything>) -> Result<(), Fault> {
        Err(Fault::new("full", "the notebook is full"))
    }

    async fn note(&self, message: Request<schemas::NoteSend>) -> Result<(), Fault> {
        self.0
            .send(message.payload().0.clone())
            .map_err(|_| Fault::new("lost", "nobody reads"))
    }

    async fn list(&self, _message: Request<schemas::ListSend>) -> Result<(), Fault> {
        Ok(())
    }
}

#[tokio::test]
async fn a_payload_that_is_no_object_can_be_sent_as_it_is() {
    let (sender, notes) = std::sync::mpsc::channel();
    let client = schemas::Client::in_memory(Notebook(sender));
    client
        .note(schemas::NoteSend("a note".to_owned()))
        .await
        .expect("it is on its way");

    // What is sent after it on the same connection comes after it.
    let everything: Everything = serde_json::from_value(everything()).expect("it is read");
    let fault = client
        .store(everything)
        .await
        .expect_err("the notebook is full");
    assert_eq!(fault.code(), "full");
    assert_eq!(notes.try_recv().as_deref(), Ok("a note"));
}
