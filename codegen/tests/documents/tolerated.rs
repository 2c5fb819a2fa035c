//! What AsyncAPI forbids but documents do: a warning, and the code that was plainly meant.

use specwire_codegen::{Code, Generated, generate};

use crate::summary::interactions;

/// A document of these sections after the first two lines.
#[track_caller]
fn clock(sections: &str) -> Generated {
    let text = format!("asyncapi: 3.0.0\ninfo: {{title: Clock, version: 1.0.0}}\n{sections}");
    match generate("Clock.yaml", &text) {
        Ok(generated) => generated,
        Err(mistakes) => panic!("{}", mistakes.render()),
    }
}

fn warnings(generated: &Generated) -> Vec<String> {
    generated.warnings.iter().map(ToString::to_string).collect()
}

const TICK: &str = "{payload: {type: object, properties: {at: {type: integer}}}}";

#[test]
fn a_service_may_have_no_version() {
    let text = "asyncapi: 3.0.0\ninfo: {title: Clock}\noperations: {}";
    let clock = generate("Clock.yaml", text).expect("valid");
    assert_eq!(
        warnings(&clock)[1..],
        ["Clock.yaml:2:1: warning[SW0104]: `version` is missing from `info`"]
    );
    assert_eq!(clock.api.version, "");
}

#[test]
fn a_version_may_lack_its_quotes() {
    let text = "asyncapi: 3.0.0\ninfo: {title: Clock, version: 1.10}\noperations: {}";
    let clock = generate("Clock.yaml", text).expect("valid");
    assert_eq!(
        warnings(&clock)[1..],
        ["Clock.yaml:2:31: warning[SW0106]: found the number `1.10`, expected text"]
    );
    assert_eq!(clock.api.version, "1.10");
}

#[test]
fn text_that_is_said_to_be_text_is() {
    let clock = with_payload("{type: string, enum: [!!str 1.0, !!str true]}");
    assert_eq!(warnings(&clock), [""; 0]);
    assert!(clock.code.contains("rename = \"1.0\""), "{}", clock.code);
}

#[test]
fn shared_tags_may_be_a_list() {
    let clock = clock("operations: {}\ncomponents: {tags: [{name: ticks}]}");
    assert_eq!(
        warnings(&clock)[1..],
        ["Clock.yaml:4:20: warning[SW0106]: found a list, expected a mapping of names to tags"]
    );
}

#[test]
fn numbers_may_lack_their_quotes() {
    let clock = clock(
        "servers: {main: {host: 'a.b:{port}', protocol: mqtt, protocolVersion: 3.10, variables: {port: {default: 1883, enum: [1883, 8883]}}}}
channels: {ticks: {address: 'ticks/{of}', title: 12, parameters: {of: {default: 1, enum: [1, 2], examples: [2]}}}}
operations: {}",
    );
    let found = warnings(&clock);
    assert_eq!(found.len(), 9, "{found:?}");
    let is_number = |warning: &String| warning.contains("warning[SW0106]: found the number");
    assert!(found[1..].iter().all(is_number), "{found:?}");
    assert_eq!(
        clock.api.servers[0].protocol_version.as_deref(),
        Some("3.10")
    );
    assert_eq!(
        clock.api.servers[0].variables[0].default.as_deref(),
        Some("1883")
    );
    assert_eq!(clock.api.channels[0].docs.as_deref(), Some("12"));
}

#[test]
fn what_is_for_people_may_be_text() {
    let text = "asyncapi: 3.0.0
info: {title: Clock, version: 1.0.0, license: MIT, contact: Ada, tags: [time], externalDocs: 'https://example.com'}
operations: {}";
    let clock = generate("Clock.yaml", text).expect("valid");
    let found = warnings(&clock);
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(
        found[1..]
            .iter()
            .all(|warning| warning.contains("warning[SW0106]: found the text")),
        "{found:?}"
    );
}

#[test]
fn a_property_may_say_itself_that_it_is_required() {
    let clock = with_payload(
        "{type: object, properties: {at: {type: integer, required: true}, of: {type: string, required: false}}}",
    );
    let found = warnings(&clock);
    assert!(
        found
            .iter()
            .all(|warning| warning.contains("expected a list of property names")),
        "{found:?}"
    );
    assert_eq!(found.len(), 2);
    assert!(clock.code.contains("pub at: i64,"), "{}", clock.code);
    assert!(
        clock.code.contains("pub of: ::core::option::Option<"),
        "{}",
        clock.code
    );
}

#[test]
fn types_may_be_called_as_elsewhere() {
    let clock = with_payload(
        "{type: Object, properties: {at: {type: int, default: 1}, id: {type: uuid}, more: {type: any}, \
         parts: {type: List, items: {type: float}}}, required: [id], not: {type: bool}, \
         examples: [{id: 6f1c8c1e-7d4e-4bb8-8f8e-0a4a2f2f9d11, at: 5, parts: [1.5]}]}",
    );
    let found = warnings(&clock);
    assert!(
        found
            .iter()
            .all(|warning| warning.contains("warning[SW0401]")),
        "{found:?}"
    );
    assert_eq!(found.len(), 7, "{found:?}");
    for member in [
        "pub at: ::core::option::Option<i64>,",
        "pub id: ::specwire::Uuid,",
        "pub more: ::core::option::Option<::specwire::Json>,",
        "pub parts: ::core::option::Option<::std::vec::Vec<f64>>,",
    ] {
        assert!(clock.code.contains(member), "{}", clock.code);
    }
}

#[test]
fn nothing_may_be_written_as_no_mapping() {
    let clock = clock("channels: {ticks: {messages: {tick: {examples: {}}}}}\noperations: {}");
    assert_eq!(
        warnings(&clock)[1..],
        ["Clock.yaml:3:48: warning[SW0106]: found a mapping, expected a list of examples"]
    );
}

#[test]
fn a_type_may_stand_in_place_of_a_schema() {
    let clock = with_payload("{type: object, properties: {at: integer}}");
    let expected = "warning[SW0106]: found the text `integer`, expected a schema";
    assert!(
        warnings(&clock)[0].ends_with(expected),
        "{:?}",
        warnings(&clock)
    );
    assert!(
        clock.code.contains("pub at: ::core::option::Option<i64>"),
        "{}",
        clock.code
    );
}

#[test]
fn fields_of_other_objects_and_languages_are_passed_over() {
    let clock = clock("tags: []\nchannels: {ticks: {deprecated: true}}\noperations: {}");
    assert_eq!(
        warnings(&clock)[1..],
        [
            "Clock.yaml:3:1: warning[SW0105]: unknown field `tags`",
            "Clock.yaml:4:20: warning[SW0105]: unknown field `deprecated`",
        ]
    );
}

#[test]
fn links_may_be_relative() {
    let text = "asyncapi: 3.0.0\ninfo:\n  title: Clock\n  version: 1.0.0\n  license: {name: MIT, url: ../LICENSE}\n";
    let clock = generate("Clock.yaml", text).expect("valid");
    let expected = "Clock.yaml:5:29: warning[SW0108]: found `../LICENSE`, expected a URL, such as \
                    `https://example.com/`";
    assert_eq!(warnings(&clock)[1..], [expected]);
}

#[test]
fn what_stands_in_place_of_a_reference_is_what_it_would_refer_to() {
    let clock = clock(&format!(
        "operations:
  tick:
    action: receive
    channel: {{address: /ticks, messages: {{tick: {TICK}}}}}
  tock:
    action: receive
    channel: {{address: /tocks}}
    messages: [{{name: tock, payload: {{type: string}}}}]
    reply: {{channel: {{address: /tacks, messages: {{tack: {TICK}}}}}}}
"
    ));
    assert_eq!(
        interactions(&clock.api),
        "send tick message=tick/Tick\nrequest tock message=tock/Tock response=/tacks/Tack\n"
    );
    assert_eq!(
        warnings(&clock),
        [
            "Clock.yaml:6:14: warning[SW0207]: found a mapping, expected a reference to a channel",
            "Clock.yaml:9:14: warning[SW0207]: found a mapping, expected a reference to a channel",
            "Clock.yaml:10:16: warning[SW0207]: found a mapping, expected a reference to a message",
            "Clock.yaml:11:22: warning[SW0207]: found a mapping, expected a reference to a channel",
        ]
    );
}

#[test]
fn a_name_may_stand_in_place_of_a_reference() {
    let clock = clock(&format!(
        "channels:
  ticks: {{messages: {{tick: {TICK}}}}}
operations:
  tick: {{action: receive, channel: ticks}}
  tock: {{action: send, channel: '#/channels/ticks', messages: ['#/channels/ticks/messages/tick']}}
"
    ));
    assert_eq!(
        interactions(&clock.api),
        "send tick message=ticks/Tick\npubsub tock publish=ticks/Tick\n"
    );
    let expected = "expected a reference to a";
    assert_eq!(
        warnings(&clock),
        [
            format!("Clock.yaml:6:36: warning[SW0207]: found the text `ticks`, {expected} channel"),
            format!(
                "Clock.yaml:7:33: warning[SW0207]: found the text `#/channels/ticks`, {expected} channel"
            ),
            format!(
                "Clock.yaml:7:64: warning[SW0207]: found the text `#/channels/ticks/messages/tick`, {expected} message"
            ),
        ]
    );
}

#[test]
fn operations_of_components_may_refer_to_channels_there() {
    let clock = clock(&format!(
        "channels: {{}}
operations: {{tick: {{$ref: '#/components/operations/tick'}}, tock: {{$ref: '#/components/operations/tock'}}}}
components:
  channels: {{ticks: {{messages: {{tick: {TICK}}}}}, tocks: {{messages: {{tock: {TICK}}}}}}}
  operations:
    tick: {{action: receive, channel: {{$ref: '#/components/channels/ticks'}}, reply: {{$ref: '#/components/replies/tock'}}}}
    tock: {{action: send, channel: {{$ref: '#/components/channels/tocks'}}}}
  replies: {{tock: {{channel: {{$ref: '#/components/channels/tocks'}}}}}}
"
    ));
    assert_eq!(
        interactions(&clock.api),
        "request tick message=ticks/Tick response=tocks/Tock\npubsub tock publish=tocks/Tock\n"
    );
    let found = warnings(&clock);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found
            .iter()
            .all(|warning| warning.contains("warning[SW0304]")),
        "{found:?}"
    );
}

#[test]
fn a_message_may_be_missing_from_its_channel() {
    let clock = clock(&format!(
        "channels:
  ticks: {{messages: {{tick: {TICK}, tock: {{$ref: '#/components/messages/tock'}}}}}}
operations:
  own:
    action: receive
    channel: {{$ref: '#/channels/ticks'}}
    messages: [{{$ref: '#/components/messages/tock'}}]
  same:
    action: receive
    channel: {{$ref: '#/channels/ticks'}}
    messages: [{{$ref: '#/components/messages/tick'}}]
  other:
    action: receive
    channel: {{$ref: '#/channels/ticks'}}
    messages: [{{$ref: '#/components/messages/tack'}}]
  all:
    action: send
    channel: {{$ref: '#/channels/ticks'}}
components: {{messages: {{tick: {{payload: {{type: string}}}}, tock: {TICK}, tack: {TICK}}}}}
"
    ));
    assert_eq!(
        interactions(&clock.api),
        "send own message=ticks/Tock
send same message=ticks/Tick
send other message=ticks/Tack
pubsub all.tick publish=ticks/Tick
pubsub all.tock publish=ticks/Tock
"
    );
    // Where a reference leads to the channel's message by another way, nothing is wrong.
    assert_eq!(
        warnings(&clock),
        [
            "Clock.yaml:13:23: warning[SW0305]: `tick` is not a message of the channel `ticks`",
            "Clock.yaml:17:23: warning[SW0305]: `tack` is not a message of the channel `ticks`",
        ]
    );
}

#[test]
fn members_are_merged_from_elsewhere() {
    let clock = clock(
        "x-common: &common {type: object, properties: {at: {type: integer}}}
channels: {ticks: {messages: {tick: {payload: {<<: *common, required: [at]}}}}}
operations: {tick: {action: send, channel: {$ref: '#/channels/ticks'}}}
",
    );
    assert!(clock.code.contains("pub at: i64"), "{}", clock.code);
    assert_eq!(warnings(&clock), [""; 0]);
}

/// A document whose message `tick` has this payload; the message `tock` has the payload `{type: boolean}`.
fn with_payload(payload: &str) -> Generated {
    clock(&format!(
        "channels: {{ticks: {{messages: {{tick: {{payload: {payload}}}}}}}}}
operations: {{tick: {{action: receive, channel: {{$ref: '#/channels/ticks'}}}}}}
components:
  messages: {{tock: {{payload: {{$ref: '#/components/schemas/tock'}}}}}}
  schemas: {{tock: {{type: boolean}}}}
"
    ))
}

#[test]
fn a_payload_may_refer_to_a_message_that_has_it() {
    let clock = with_payload("{$ref: '#/components/messages/tock'}");
    assert!(
        clock.code.contains("pub struct Tick(pub bool)"),
        "{}",
        clock.code
    );
    assert_eq!(
        warnings(&clock),
        ["Clock.yaml:3:54: warning[SW0203]: found a reference to a message, expected a schema"]
    );
}

#[test]
fn a_schema_may_lack_its_format() {
    let clock = with_payload("{schema: {$ref: '#/components/schemas/tock'}}");
    assert!(
        clock.code.contains("pub struct Tick(pub bool)"),
        "{}",
        clock.code
    );
    assert_eq!(warnings(&clock), [""; 0]);
}

#[test]
fn a_type_may_be_repeated_beside_a_reference() {
    let clock = with_payload("{$ref: '#/components/schemas/tock', type: boolean}");
    assert_eq!(warnings(&clock), [""; 0]);
    let clock = with_payload("{$ref: '#/components/schemas/tock', type: string}");
    assert_eq!(
        warnings(&clock),
        ["Clock.yaml:3:83: warning[SW0206]: `type` beside `$ref` is ignored"]
    );
}

#[test]
fn the_type_null_may_lack_its_quotes() {
    let clock = with_payload(
        "{type: object, required: [a], properties: {a: {oneOf: [{type: string}, {type: null}]}}}",
    );
    let field = "pub a: ::core::option::Option<::std::string::String>";
    assert!(clock.code.contains(field), "{}", clock.code);
    assert_eq!(
        warnings(&clock),
        ["Clock.yaml:3:125: warning[SW0401]: found nothing, expected a type of JSON Schema"]
    );
}

#[test]
fn values_of_another_type_are_what_they_are_written_as() {
    let clock = clock(
        "channels: {ticks: {messages: {tick: {payload: {type: object, properties: {zone: {type: string, enum: [1.10, no, true]}, day: {type: object, enum: [sun]}}}}}}}
operations: {tick: {action: send, channel: {$ref: '#/channels/ticks'}}}",
    );
    assert_eq!(
        warnings(&clock),
        [
            "Clock.yaml:3:103: warning[SW0416]: found the number `1.10`, which is not of the `type` here",
            "Clock.yaml:3:113: warning[SW0416]: found `true`, which is not of the `type` here",
            "Clock.yaml:3:148: warning[SW0416]: found the text `sun`, which is not of the `type` here",
        ]
    );
    for wire in ["1.10", "no", "true", "sun"] {
        let written = format!("\"{wire}\"");
        assert!(clock.code.contains(&written), "{wire} in {}", clock.code);
    }
}

#[test]
fn the_url_of_a_server_is_its_host() {
    let text = "
asyncapi: 3.0.0
info: {title: Clock, version: 1.0.0}
servers: {main: {host: 'wss://example.com/v1/', protocol: wss, pathname: /ws}}
channels: {ticks: {address: ticks, messages: {tick: {payload: {type: string}}}}}
operations: {tick: {action: send, channel: {$ref: '#/channels/ticks'}}}
";
    let generated = generate("Clock.yaml", text).expect("it is plain what is meant");
    let codes: Vec<_> = generated.warnings.iter().map(|one| one.code()).collect();
    assert_eq!(codes, [Code::MoreThanHost]);
    assert_eq!(generated.api.servers[0].host, "example.com/v1");
}

#[test]
fn messages_of_one_name_go_by_their_keys() {
    let clock = clock(
        "channels:
  ticks:
    messages:
      a: {name: tick, payload: {type: string}}
      b: {name: tick, payload: {type: integer}}
      c: {name: a, payload: {type: boolean}}
      d: {$ref: '#/components/messages/other'}
      e: {name: other, payload: {type: string}}
operations: {tick: {action: receive, channel: {$ref: '#/channels/ticks'}}}
components: {messages: {other: {payload: {type: object}}}}",
    );
    let names: Vec<&str> = clock
        .api
        .messages
        .iter()
        .map(|m| m.name.wire.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c", "other", "e"]);
    assert_eq!(
        warnings(&clock),
        [
            "Clock.yaml:7:7: warning[SW0302]: two messages of this channel are named `tick`",
            "Clock.yaml:8:7: warning[SW0302]: two messages of this channel are named `a`",
            "Clock.yaml:10:7: warning[SW0302]: two messages of this channel are named `other`",
        ]
    );
}

#[test]
fn limits_that_leave_nothing_are_kept() {
    let clock =
        with_payload("{type: object, properties: {at: {type: integer, minimum: 5, maximum: 1}}}");
    assert_eq!(
        warnings(&clock),
        [
            "Clock.yaml:3:104: warning[SW0407]: `minimum` `5` is above `maximum` `1`, so that nothing matches"
        ]
    );
}

#[test]
fn interactions_of_others_are_passed_over() {
    let clock = clock(&format!(
        "channels: {{ticks: {{messages: {{tick: {TICK}}}}}}}
operations: {{tick: {{action: send, x-interaction: {{user: click}}, channel: {{$ref: '#/channels/ticks'}}}}}}"
    ));
    assert_eq!(
        warnings(&clock),
        ["Clock.yaml:4:50: warning[SW0308]: found a mapping, expected an interaction pattern"]
    );
    assert_eq!(clock.api.interactions.len(), 1);
}
