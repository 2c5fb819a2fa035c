//! The generator's golden files compile without a warning, here where most of them is not used;
//! and their types say in JSON what the documents say.
#![deny(warnings, clippy::all)]
#![allow(
    unreachable_pub,
    reason = "generated modules are public where they are"
)]

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use specwire::{Fault, Number, Parameters, Payload, Request, StringEnum, Validate};

// Not by `#[path]`: rustfmt would follow it, and golden files are as they are generated.
mod avro {
    include!("../codegen/tests/golden/Avro.rs");
}
mod channels {
    include!("../codegen/tests/golden/Channels.rs");
}
mod conditions {
    include!("../codegen/tests/golden/Conditions.rs");
}
mod content {
    include!("../codegen/tests/golden/Content.rs");
}
mod deep {
    include!("../codegen/tests/golden/Deep.rs");
}
mod deeper {
    include!("../codegen/tests/golden/Deeper.rs");
}
mod dialects {
    include!("../codegen/tests/golden/Dialects.rs");
}
mod files {
    include!("../codegen/tests/golden/Files.rs");
}
mod greetings {
    include!("../codegen/tests/golden/Greetings.rs");
}
mod heartbeat {
    include!("../codegen/tests/golden/Heartbeat.rs");
}
mod joins {
    include!("../codegen/tests/golden/Joins.rs");
}
mod markdown {
    include!("../codegen/tests/golden/Markdown.rs");
}
mod names {
    include!("../codegen/tests/golden/Names.rs");
}
mod operations {
    include!("../codegen/tests/golden/Operations.rs");
}
mod objects {
    include!("../codegen/tests/golden/Objects.rs");
}
mod options {
    include!("../codegen/tests/golden/Options.rs");
}
mod inheritance {
    include!("../codegen/tests/golden/Inheritance.rs");
}
mod own {
    include!("../codegen/tests/golden/Own.rs");
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
mod security {
    include!("../codegen/tests/golden/Security.rs");
}
mod unions {
    include!("../codegen/tests/golden/Unions.rs");
}
mod odd {
    include!("../codegen/tests/golden/Odd.rs");
}
mod values {
    include!("../codegen/tests/golden/Values.rs");
}

use schemas::{Color as TreeColor, Everything, EverythingInlineEnum};

/// In place of the schema `money`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Money(i64);

/// In place of `date-time`.
#[derive(Clone, Debug, Eq, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Stamp(String);

/// By `x-rust-type`.
#[derive(Clone, Debug, Eq, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "colours are what they are called")]
pub enum Color {
    Red,
    Blue,
}

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
    assert_eq!(everything.color, TreeColor::Red);
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

/// What is wrong with a value that can be read: its place, and the rule.
#[track_caller]
fn breaks<T: Payload>(text: &str, pointer: &str, rule: &str) {
    let value: T = serde_json::from_str(text).expect("it is read");
    let violation = value.validate().expect_err("it breaks a rule");
    assert_eq!((violation.pointer(), violation.rule()), (pointer, rule));
}

#[test]
fn what_inherits_is_read_as_what_it_is() {
    use inheritance::{Cat, Event, Events, Fleet, Pet, Vehicle};

    // By its name, by its constant, by its parent's name, and what adds nothing.
    for (text, is_right) in [
        (
            r#"{"name":"Tom","petType":"Cat","huntingSkill":"lazy"}"#,
            (|pet| matches!(pet, Pet::Cat(_))) as fn(&Pet) -> bool,
        ),
        (
            r#"{"name":"Leo","petType":"Lion","huntingSkill":"lazy","mane":true}"#,
            |pet| matches!(pet, Pet::Lion(lion) if lion.mane == Some(true)),
        ),
        (
            r#"{"name":"Stick","petType":"StickBug","color":"green"}"#,
            |pet| matches!(pet, Pet::StickInsect(_)),
        ),
        (r#"{"name":"Rex","petType":"Dog"}"#, |pet| {
            matches!(pet, Pet::Dog(_))
        }),
        // The schema itself, and what nobody has heard of.
        (r#"{"name":"It","petType":"Pet"}"#, |pet| {
            matches!(pet, Pet::Other(_))
        }),
        (r#"{"name":"It","petType":"Hamster"}"#, |pet| {
            matches!(pet, Pet::Other(_))
        }),
    ] {
        let pet: Pet = serde_json::from_str(text).expect("it is read");
        assert!(is_right(&pet), "{text}: {pet:?}");
        comes_back::<Pet>(text);
    }
    // What calls itself a cat is one, or nothing.
    is_refused::<Pet>(r#"{"name":"Tom","petType":"Cat"}"#, "`huntingSkill`");
    is_refused::<Pet>(
        r#"{"name":"Tom","petType":"Cat","huntingSkill":"wild"}"#,
        "`huntingSkill` is \"wild\"",
    );
    breaks::<Pet>(r#"{"name":"","petType":"Dog"}"#, "/name", "minLength");
    let friend = r#"{"name":"Rex","petType":"Dog","friend":{"name":"Tom","petType":"Cat","huntingSkill":"lazy"}}"#;
    let pet: Pet = serde_json::from_str(friend).expect("it is read");
    let Pet::Dog(dog) = pet else {
        panic!("found {pet:?}");
    };
    assert!(matches!(dog.friend.as_deref(), Some(Pet::Cat(_))));
    // The value is filled in.
    let cat = Cat {
        name: "Tom".to_owned(),
        ..serde_json::from_str(r#"{"name":"","petType":"Cat","huntingSkill":"lazy"}"#)
            .expect("it is read")
    };
    assert_eq!(cat.pet_type, "Cat");

    let fleet = r#"{"first":{"kind":"2","bell":true},"car":{"kind":"car","doors":5},"all":[{"kind":"car"}]}"#;
    comes_back::<Fleet>(fleet);
    let fleet: Fleet = serde_json::from_str(fleet).expect("it is read");
    assert!(matches!(fleet.first, Some(Vehicle::Bicycle(_))));
    is_refused::<Fleet>(r#"{"first":{"kind":"boat"}}"#, "\"boat\"");

    let events = r#"{"type":"Events","events":[{"type":"Started","at":1},{"type":"Other"}]}"#;
    comes_back::<Events>(events);
    let events: Events = serde_json::from_str(events).expect("it is read");
    let [Event::Started(_), Event::Other(_)] = events.events.as_deref().unwrap_or_default() else {
        panic!("found {events:?}");
    };
}

#[test]
fn alternatives_are_told_apart() {
    use unions::{Event, Move, MoveBy, MoveTag, MoveTo, Shape, Vehicle};

    let shape: Shape = serde_json::from_str(r#"{"kind":"circle","radius":2}"#).expect("it is read");
    assert!(matches!(shape, Shape::Circle(circle) if circle.radius == 2.0));
    is_refused::<Shape>(
        r#"{"kind":"oval","radius":2}"#,
        "`Circle`: `kind` is \"oval\"",
    );
    breaks::<Shape>(r#"{"kind":"square","side":0}"#, "/side", "exclusiveMinimum");
    is_refused::<Shape>(r#"{"radius":2}"#, "`kind` is missing");
    let square = unions::Square {
        side: 2.5,
        ..Default::default()
    };
    let text = serde_json::to_string(&Shape::from(square)).expect("it is written");
    assert_eq!(text, r#"{"kind":"square","side":2.5}"#);

    let bicycle = r#"{"kind":"b","wheels":2,"bell":true}"#;
    let read: Vehicle = serde_json::from_str(bicycle).expect("it is read");
    assert!(matches!(read, Vehicle::Bicycle(bicycle) if bicycle.bell == Some(true)));
    for (lorry, reason) in [
        (r#"{"kind":"Lorry"}"#, "missing field `load`"),
        (r#"{"kind":"Lorry","load":1,"bell":true}"#, "`bell`"),
    ] {
        let text = format!(r#"{{"to":1,"by":{{"means":"foot"}},"with":{lorry}}}"#);
        is_refused::<Move>(&text, reason);
    }

    for text in [
        r#"{"to":"home","by":{"means":"foot","steps":3}}"#,
        r#"{"to":7,"by":{"means":"train","line":"U1"},"mood":"glad","urgency":"high","tag":"x"}"#,
        r#"{"to":[1.5,2.5],"by":{"means":"foot"},"speed":null,"mood":"odd","tag":null}"#,
    ] {
        comes_back::<Move>(text);
    }
    is_refused::<Move>(r#"{"to":true,"by":{"means":"foot"}}"#, "none of these");
    is_refused::<Move>(r#"{"to":1,"by":{"means":"train"}}"#, "`line`");
    breaks::<Move>(
        r#"{"to":1,"by":{"means":"foot","steps":0}}"#,
        "/by/steps",
        "minimum",
    );
    let train = unions::MoveByTrain {
        line: "U1".to_owned(),
        ..Default::default()
    };
    let home = Move {
        tag: Some(Some(MoveTag::from(5))),
        ..Move::new(MoveTo::from((1.5, 2.5)), MoveBy::from(train))
    };
    let text = serde_json::to_string(&home).expect("it is written");
    assert_eq!(
        text,
        r#"{"to":[1.5,2.5],"by":{"means":"train","line":"U1"},"tag":5}"#
    );

    let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    for text in [
        format!(r#"{{"id":"{id}","by":"me"}}"#),
        format!(r#"{{"id":"{id}","reason":"gone"}}"#),
        format!(r#"{{"inner":{{"inner":{{"id":"{id}","reason":"lost"}}}}}}"#),
    ] {
        comes_back::<Event>(&text);
    }
    breaks::<Event>(
        &format!(r#"{{"inner":{{"id":"{id}","by":""}}}}"#),
        "/inner/by",
        "minLength",
    );
}

#[test]
fn types_carry_what_schemas_say() {
    use values::{Record, RecordLevel, RecordMixed, RecordMode, Report, ReportCode, ReportState};

    comes_back::<Record>(
        r#"{"kind":"record","host":"10.0.0.1","host6":"::1","data":"AQID","pair":["a",1],"labels":{"a":"b"},"free":{"x":[null]},"level":-1,"mixed":true,"small":9,"anything":{"y":1},"retries":5,"unit":"km","mode":"fast","old":"x","more":7}"#,
    );
    let record: Record = serde_json::from_str(
        r#"{"kind":"record","host":"10.0.0.1","pair":["a",1],"level":0,"mixed":"one"}"#,
    )
    .expect("it is read");
    assert_eq!(
        (record.retries(), record.unit(), record.mode()),
        (3, "m", RecordMode::Safe)
    );
    assert_eq!(record.level, Some(RecordLevel::Middle));
    assert_eq!(record.mixed, Some(RecordMixed::One));
    let host = std::net::Ipv4Addr::LOCALHOST;
    assert_eq!(
        Record::new(host, ("a".to_owned(), 1)).kind,
        values::RecordKind::Record
    );
    for (member, value, why) in [
        ("kind", json!("other"), "unknown variant"),
        ("host", json!("10.0.0"), "IPv4"),
        ("pair", json!(["a"]), "invalid length 1"),
        ("level", json!(2), "unknown value 2, expected -1, 0 or 1"),
        ("mixed", json!(false), "unknown value false"),
        ("point", json!({"x": [1, 2], "y": 1e20}), "unknown value"),
        ("small", json!(-1), "u64"),
        ("never", json!(1), "allows none"),
        ("more", json!("text"), "i64"),
    ] {
        let mut text = json!({"kind": "record", "host": "10.0.0.1", "pair": ["a", 1]});
        text[member] = value;
        is_refused::<Record>(&text.to_string(), why);
    }

    // What a newer service sends is kept, and sent on.
    comes_back::<Report>(r#"{"state":"sideways","code":418,"answer":[1],"link":null}"#);
    let report: Report = serde_json::from_str(r#"{"state":"up","code":404}"#).expect("it is read");
    assert_eq!(
        (report.state, report.code),
        (ReportState::Up, ReportCode::Value404)
    );
    comes_back::<values::NestMessage>("[[],[[]]]");
}

#[test]
fn values_of_an_enumeration_are_those_that_are_equal_however_they_are_written() {
    use values::{Record, RecordLevel, RecordPoint};

    let text =
        |more: &str| format!(r#"{{"kind":"record","host":"10.0.0.1","pair":["a",1],{more}}}"#);
    for (more, level, point) in [
        (r#""level":1.0"#, Some(RecordLevel::High), None),
        (
            r#""point":{"x":[1.0,2.5],"y":100000000000000000000}"#,
            None,
            Some(RecordPoint::X1_2_5Y1e20),
        ),
    ] {
        let record: Record = serde_json::from_str(&text(more)).expect("it is read");
        assert_eq!((record.level, record.point), (level, point), "{more}");
    }
}

#[test]
fn rules_are_checked_with_their_place() {
    use values::Rules;

    for text in [
        r#"{"name":"abc"}"#,
        r#"{"when":"2026-01-01T00:00:00Z","price":0.07,"count":10,"vat":1.5}"#,
        r#"{"name":"ab","tags":["a","b"],"prices":{"x":0.0},"parts":[{"inside":{"weight":1.5},"x-y":"z"}],"either":"or"}"#,
    ] {
        let rules: Rules = serde_json::from_str(text).expect("it is read");
        assert_eq!(rules.validate(), Ok(()), "{text}");
        comes_back::<Rules>(text);
    }
    for (text, pointer, rule) in [
        ("{}", "", "minProperties"),
        (r#"{"name":"abc","count":1}"#, "", "oneOf"),
        (r#"{"count":1,"tags":["a","b"]}"#, "", "oneOf"),
        (r#"{"name":"a"}"#, "/name", "minLength"),
        (r#"{"name":"abcdef"}"#, "/name", "maxLength"),
        (r#"{"name":"aB"}"#, "/name", "pattern"),
        (r#"{"name":"ab","when":"today"}"#, "/when", "format"),
        (r#"{"name":"ab","price":1}"#, "", "required"),
        (
            r#"{"name":"ab","price":0,"when":"2026-01-01T00:00:00Z"}"#,
            "/price",
            "exclusiveMinimum",
        ),
        (
            r#"{"name":"ab","price":0.005,"when":"2026-01-01T00:00:00Z"}"#,
            "/price",
            "multipleOf",
        ),
        (r#"{"count":11}"#, "/count", "maximum"),
        (r#"{"name":"ab","tags":[]}"#, "/tags", "minItems"),
        (
            r#"{"name":"ab","tags":["a","a"]}"#,
            "/tags/1",
            "uniqueItems",
        ),
        (r#"{"name":"ab","tags":["a",""]}"#, "/tags/1", "minLength"),
        (
            r#"{"name":"ab","prices":{"x/y":-1}}"#,
            "/prices/x~1y",
            "minimum",
        ),
        (
            r#"{"name":"ab","parts":[{},{"inside":{"weight":-1}}]}"#,
            "/parts/1/inside/weight",
            "minimum",
        ),
        (
            r#"{"name":"ab","parts":[{"y":"z"}]}"#,
            "/parts/0/y",
            "additionalProperties",
        ),
        (r#"{"name":"ab","either":"none"}"#, "/either", "not"),
    ] {
        breaks::<Rules>(text, pointer, rule);
    }
}

#[test]
fn conditions_are_checked_as_they_are_written() {
    use conditions::Order;

    for text in [
        r#"{"kind":"gift","wish":"a book"}"#,
        r#"{"kind":"sale","price":1.5,"card":"1","coupon":"half","holder":{"name":"me"}}"#,
        r#"{"kind":"gift","lines":[0,"x",1],"names":{"abc":"d"},"marks":{"n1":2.5,"t1":"x"},"sizes":{"unit":"m","w1":2.5},"rest":["a",1,2],"head":["a",1,2],"long":["a"],"wish":""}"#,
    ] {
        comes_back::<Order>(text);
        let order: Order = serde_json::from_str(text).expect("it is read");
        assert_eq!(order.validate(), Ok(()), "{text}");
    }
    for (text, pointer, rule) in [
        (r#"{"kind":"gift"}"#, "", "required"),
        (r#"{"kind":"sale"}"#, "", "required"),
        (
            r#"{"kind":"sale","price":1.5,"card":"1"}"#,
            "",
            "dependentRequired",
        ),
        (
            r#"{"kind":"gift","wish":"","coupon":"half"}"#,
            "",
            "dependentRequired",
        ),
        (
            r#"{"kind":"sale","price":1.5,"coupon":"free"}"#,
            "/coupon",
            "not",
        ),
        (
            r#"{"kind":"gift","wish":"","other":"text"}"#,
            "/other",
            "not",
        ),
        (
            r#"{"kind":"gift","wish":"","lines":[0]}"#,
            "/lines",
            "contains",
        ),
        (
            r#"{"kind":"gift","wish":"","names":{"abcd":"e"}}"#,
            "/names/abcd",
            "propertyNames",
        ),
        (
            r#"{"kind":"gift","wish":"","marks":{"n1":"x"}}"#,
            "/marks/n1",
            "type",
        ),
        (
            r#"{"kind":"gift","wish":"","marks":{"x":1}}"#,
            "/marks/x",
            "additionalProperties",
        ),
        (
            r#"{"kind":"gift","wish":"","sizes":{"x":1}}"#,
            "/sizes/x",
            "unevaluatedProperties",
        ),
        (
            r#"{"kind":"gift","wish":"","rest":["a",1,true]}"#,
            "/rest/2",
            "type",
        ),
        (r#"{"kind":"gift","wish":"","head":[1]}"#, "/head/0", "type"),
        (
            r#"{"kind":"gift","wish":"","head":["a","b"]}"#,
            "/head/1",
            "type",
        ),
        (
            r#"{"kind":"gift","wish":"","long":[]}"#,
            "/long",
            "minItems",
        ),
        (
            r#"{"kind":"gift","wish":"","long":["a",2]}"#,
            "/long/1",
            "type",
        ),
    ] {
        breaks::<Order>(text, pointer, rule);
    }
}

#[test]
fn schemas_mean_what_their_own_language_says() {
    breaks::<dialects::Draft4>(r#"{"share":0.0}"#, "/share", "exclusiveMinimum");
    breaks::<dialects::Draft4>(r#"{"share":1.0}"#, "/share", "exclusiveMaximum");
    comes_back::<dialects::Draft4>(r#"{"share":0.5}"#);
    breaks::<dialects::Draft7>(r#"{"part":{"size":0}}"#, "/part/size", "minimum");
    comes_back::<dialects::Draft2020>(r#"{"pair":["a",1.5]}"#);
    is_refused::<dialects::Draft2020>(r#"{"pair":["a",1.5,2]}"#, "trailing");
    let bytes: specwire::Bytes = dialects::Avro::from(specwire::Bytes::default()).into();
    assert!(bytes.is_empty());
}

#[test]
fn types_of_ones_own_are_used_as_they_are() {
    let text = r#"{"address":"[::1]:80","others":["10.0.0.1:8080"],"since":"yesterday"}"#;
    let peer: own::Peer = serde_json::from_str(text).expect("it is read");
    assert_eq!(peer.address.port(), 80);
    comes_back::<own::Peer>(text);
    is_refused::<own::Peer>(r#"{"address":"home"}"#, "socket address");
}

#[test]
fn files_are_one_document() {
    use files::{Author, Book, Licence, Reader, Returned};

    // One schema is one type, from wherever it is referred to.
    let author = Author {
        name: None,
        books: Some(vec![Book::default()]),
    };
    let returned = Returned {
        licence: Some(Licence::Cc0),
        by: Some(Reader {
            favourite: Some(author),
            ..Reader::default()
        }),
        ..Returned::default()
    };
    let text =
        r#"{"book":{"title":""},"by":{"favourite":{"books":[{"title":""}]}},"licence":"CC0"}"#;
    assert_eq!(
        serde_json::to_string(&returned).expect("it is written"),
        text
    );
    comes_back::<Returned>(text);
}

#[test]
fn any_script_can_be_written() {
    comes_back::<greetings::Привет>(r#"{"кому":"миру","🙂":true,"1-й":1,"настроение":"🙁"}"#);
    comes_back::<greetings::你好>(r#"{"名字":"世界","שם":"עולם"}"#);
    let address = greetings::ПриветствиеParameters {
        язык: greetings::ПриветствиеЯзык::中文,
    };
    assert_eq!(address.to_string().parse(), Ok(address));
}

#[test]
fn objects_are_merged_wherever_they_are_kept() {
    let headers = objects::GustHeaders {
        at: "now".to_owned(),
        by: Some("north".to_owned()),
        sensor: None,
    };
    let violation = headers.validate().expect_err("it is no date");
    assert_eq!((violation.pointer(), violation.rule()), ("/at", "format"));
    breaks::<objects::Gust>(r#"{"speed":-1}"#, "/speed", "minimum");
    let url = objects::servers::PUBLIC.url().expect("all have defaults");
    assert_eq!(url, "wss://north.example.com/v2");
}

#[test]
fn a_build_script_has_its_way() {
    use options::{Order, OrderBy, OrdersMarket, OrdersParameters, Quote, Settings, SettingsSide};

    // Members with a default are plain: read, written, and what `Default` gives.
    let settings: Settings = serde_json::from_str("{}").expect("it is read");
    assert_eq!(settings, Settings::default());
    assert_eq!(
        (
            settings.count,
            settings.ratio,
            settings.note.as_str(),
            settings.enabled,
            settings.side
        ),
        (-1, 1.0, "a \"note\"", true, SettingsSide::Sell)
    );
    assert_eq!((settings.list, settings.limit), (None, None));
    assert_eq!(
        round_trip::<Settings>("{}").expect("it is read"),
        r#"{"count":-1,"ratio":1.0,"note":"a \"note\"","enabled":true,"tags":[],"side":"sell"}"#
    );
    comes_back::<Settings>(
        r#"{"count":2,"ratio":0.5,"note":"","enabled":false,"tags":["a"],"side":"buy","level":2,"list":[],"limit":null,"name":"b"}"#,
    );
    // Enums are closed.
    is_refused::<Settings>(r#"{"side":"hold"}"#, "unknown variant `hold`");

    // Types of one's own, by option and by `x-rust-type`.
    let order = Order {
        color: Some(Color::Blue),
        by: Some(OrderBy::from(7)),
        ..Order::new("a", Money(5), Stamp("now".to_owned()))
    };
    let text = r#"{"id":"a","price":5,"at":"now","color":"blue","by":7,"count":1}"#;
    assert_eq!(serde_json::to_string(&order).expect("it is written"), text);
    comes_back::<Order>(text);
    assert_eq!(Quote::from(Money(3)).0, Money(3));

    // Traits of one's own.
    assert!(order > Order::new("a", Money(4), Stamp(String::new())));
    assert!(OrdersMarket::Spot < OrdersMarket::Futures);
    fn is_total<T: Eq>(_: &T) {}
    is_total(&order);
    let parameters = OrdersParameters {
        market: OrdersMarket::Futures,
    };
    assert_eq!(parameters.to_string(), "orders/futures");
    assert_eq!(OrdersParameters::ADDRESS, "orders/{market}");
}

#[test]
fn schemas_that_meet_themselves_are_what_they_are() {
    comes_back::<joins::Twice>(r#"{"name":"a","trunk":{"name":"b"}}"#);
    comes_back::<joins::Either>(r#"{"name":"a"}"#);
    comes_back::<joins::Forest>(r#"{"name":"a","trees":[{"trees":[]}],"x":{"trees":[]}}"#);
    comes_back::<joins::Leaves>(r#"[["a"],{"b":["c",{}]}]"#);
}

#[test]
fn what_is_too_deep_for_rustc_is_kept_as_it_came() {
    use deeper::{Sheet4, Table, Term, Value};

    let text = r#"{"formula":{"text":"a*b","terms":[{"factors":[[[[{"number":2.0}]]]],"note":1}]},"value":{"rows":[[[[{"text":"b"}]]]]},"x":{"tables":["y"],"last":null}}"#;
    let cells = |inner: &str| format!(r#"{{"cells":[[[[[[{inner}]]]]]]}}"#);
    comes_back::<deeper::Sheet0>(&cells(&cells(&cells(&cells(text)))));
    let sheet: Sheet4 = serde_json::from_str(text).expect("it is read");
    assert_eq!(sheet.validate(), Ok(()));

    // Its type is there for whoever wants it.
    let terms = sheet.formula.terms.expect("it has some");
    let term: Term = serde_json::from_value(terms[0].clone()).expect("it is a term");
    assert_eq!(term.factors[0][0][0][0].number, Some(2.0));
    let Some(Value::Table(table)) = sheet.value else {
        panic!("it has rows");
    };
    let table: Table = serde_json::from_value(table).expect("it is a table");
    assert_eq!(table.rows[0][0][0][0].text, "b");
    // What holds it is still checked.
    let long: Sheet4 = serde_json::from_str(r#"{"formula":{"text":"a","terms":[1,2,3]}}"#)
        .expect("any JSON may be there");
    let violation = long.validate().expect_err("there are three");
    assert_eq!(
        (violation.pointer(), violation.rule()),
        ("/formula/terms", "maxItems")
    );
}

#[test]
fn types_are_of_use_by_themselves() {
    use std::collections::HashSet;
    use unions::{MoveBy, MoveByTrain};

    // Names for what is on the wire.
    assert_eq!(heartbeat::BeatSub::NAME, "beat_sub");
    assert_eq!(heartbeat::BeatSub::CONTENT_TYPE, "application/json");
    assert_eq!(content::Sound::CONTENT_TYPE, "audio/pcm");
    assert_eq!(content::Text::CONTENT_TYPE, "text/plain; charset=utf-8");
    assert_eq!(options::channels::ORDERS.name(), "orders");
    assert_eq!(options::channels::ORDERS.address(), Some("orders/{market}"));

    // Texts of enumerations, closed and open.
    assert_eq!(TreeColor::DarkGreen.as_str(), "dark-green");
    assert_eq!(TreeColor::parse("dark-green"), Some(TreeColor::DarkGreen));
    assert_eq!(TreeColor::parse("blue"), None);
    assert_eq!(values::ReportState::Up.as_str(), "up");
    let sideways = values::ReportState::parse("sideways").expect("it is open");
    assert_eq!(sideways.as_str(), "sideways");
    assert_eq!(
        options::OrdersMarket::parse("spot"),
        Some(options::OrdersMarket::Spot)
    );

    // Where all that is in it can be compared, copied or left out, so can the whole.
    let states: HashSet<_> = [sideways.clone(), sideways].into_iter().collect();
    assert_eq!(states.len(), 1);
    let level = values::RecordLevel::Middle;
    let copy = level;
    assert_eq!(level, copy);
    let settings = options::Settings {
        name: Some("a".to_owned()),
        ..Default::default()
    };
    assert_eq!(settings.clone(), settings);
    assert!(format!("{settings:?}").contains("Settings"));
    let by: MoveBy = MoveByTrain {
        line: "U1".to_owned(),
        ..Default::default()
    }
    .into();
    assert!(matches!(by, MoveBy::Train(_)));
}

#[test]
fn records_of_avro_are_plain_json() {
    use avro::{CostingRequest, CostingRequestOrigin, Currency};

    let text = r#"{"ProductId":"a","requestId":"67e55044-10b1-426f-9247-bb680e5fe0c8","supplier":null,"at":1,"weight":1.5,"checksum":"AQID","prices":[{"amount":2.5,"currency":"USD"}],"total":null,"labels":{"a":1,"b":"c"},"origin":{"city":"Bern","near":{"city":"Thun","near":null}}}"#;
    comes_back::<CostingRequest>(text);
    let request: CostingRequest = serde_json::from_str(text).expect("it is read");
    assert_eq!((request.count(), request.currency()), (1, Currency::Eur));
    assert!(matches!(request.origin, CostingRequestOrigin::Place(place) if place.city == "Bern"));
    comes_back::<avro::Answer>(r#"["a","b"]"#);
    assert_eq!(
        avro::Encoded::CONTENT_TYPE,
        "application/vnd.apache.avro+binary"
    );
}

#[test]
fn odd_schemas_say_what_they_do() {
    use odd::{Book, Client_, ClientWhich};

    for text in [
        r#"{"bids":[[1.5],[]],"depths":{"a":{"b":0.5}},"mixed":[{"a":["x"]}],"huge":1.8446744073709552e+19}"#,
        r#"{"coarse":9223372036854775808,"narrow":300,"negative":-1,"distinct":[1,2],"empty":[],"listed":10}"#,
        r#"{"anything":null,"nothing":null}"#,
        r#"{"of_any_type":"a"}"#,
        r#"{"of_any_type":1.5}"#,
        r#"{"of_any_type":null}"#,
        r#"{"of_any_type":[1,2]}"#,
        r#"{"of_any_type":{"a":"b","c":[]}}"#,
        "{}",
    ] {
        comes_back::<Book>(text);
        let book: Book = serde_json::from_str(text).expect("it is read");
        assert_eq!(book.validate(), Ok(()), "{text}");
    }
    breaks::<Book>(r#"{"bids":[[1],[1],[1,-1]]}"#, "/bids/2/1", "minimum");
    breaks::<Book>(r#"{"depths":{"x":{"y":-1}}}"#, "/depths/x/y", "minimum");
    breaks::<Book>(
        r#"{"mixed":[{},{"k":["a",""]}]}"#,
        "/mixed/1/k/1",
        "minLength",
    );
    breaks::<Book>(r#"{"narrow":299}"#, "/narrow", "minimum");
    breaks::<Book>(r#"{"negative":0}"#, "/negative", "maximum");
    breaks::<Book>(r#"{"of_any_type":""}"#, "/of_any_type", "minLength");
    breaks::<Book>(r#"{"of_any_type":["a"]}"#, "/of_any_type/0", "type");
    breaks::<Book>(r#"{"of_any_type":{"a":1}}"#, "/of_any_type/a", "type");
    breaks::<Book>(r#"{"distinct":[1,1]}"#, "/distinct/1", "uniqueItems");
    breaks::<Book>(r#"{"listed":1}"#, "/listed", "minimum");
    // They differ in what is not kept.
    let points: Book =
        serde_json::from_str(r#"{"points":[{"x":1,"y":1},{"x":1,"y":2}]}"#).expect("it is read");
    assert_eq!(points.validate(), Ok(()));
    is_refused::<Book>(r#"{"empty":[1]}"#, "allows none");

    let client: Client_ =
        serde_json::from_str(r#"{"mode":"a","1":{"3d":{"x":1}},"which":{"k":2,"b":1}}"#)
            .expect("it is read");
    assert!(matches!(client.which, Some(ClientWhich::Value2(_))));
}
