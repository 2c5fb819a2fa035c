//! Which interactions operations amount to.

use std::fmt::Write as _;

use specwire_codegen::api::Value;
use specwire_codegen::{Config, Perspective, generate};

use crate::summary::interactions;

/// A document of these operations, each with a channel and a message of its name: `send ask`, or
/// `receive ask -> answer yes/no` with a reply on the channel `answer`, which has these messages.
fn document(operations: &[&str]) -> String {
    let mut channels = String::new();
    let mut written = String::new();
    let mut known = Vec::new();
    let mut channel = |name: &str, messages: &[&str]| {
        if !known.contains(&name.to_owned()) {
            known.push(name.to_owned());
            writeln!(channels, "  {name}:\n    messages:").expect("a string");
            for message in messages {
                let payload = "{payload: {type: object, properties: {a: {type: string}}}}";
                writeln!(channels, "      {message}: {payload}").expect("a string");
            }
        }
    };
    for operation in operations {
        let words: Vec<&str> = operation.split(' ').collect();
        let (action, name) = (words[0], words[1]);
        let extra = words.iter().find_map(|word| word.strip_prefix('@'));
        channel(name, &[name]);
        writeln!(written, "  {name}:\n    action: {action}").expect("a string");
        writeln!(written, "    channel: {{$ref: '#/channels/{name}'}}").expect("a string");
        if let Some(pattern) = extra {
            writeln!(written, "    x-interaction: {pattern}").expect("a string");
        }
        if let Some(at) = words.iter().position(|word| *word == "->") {
            let (reply, messages) = (words[at + 1], words.get(at + 2));
            let messages: Vec<&str> =
                messages.map_or(vec![reply], |list| list.split('/').collect());
            channel(reply, &messages);
            writeln!(
                written,
                "    reply: {{channel: {{$ref: '#/channels/{reply}'}}}}"
            )
            .expect("a string");
        }
    }
    let info = "asyncapi: 3.0.0\ninfo: {title: Test, version: 1.0.0}";
    format!("{info}\nchannels:\n{channels}operations:\n{written}")
}

#[track_caller]
fn check(operations: &[&str], expected: &[&str]) {
    check_as(&Config::new(), operations, expected);
}

#[track_caller]
fn check_as(config: &Config, operations: &[&str], expected: &[&str]) {
    let text = document(operations);
    let found = match config.generate("Test.yaml", &text) {
        Ok(generated) => interactions(&generated.api),
        Err(diagnostics) => panic!("{text}\n{}", diagnostics.render()),
    };
    assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{text}");
}

#[test]
fn ccsds_names_tell_the_pattern() {
    check(
        &["send beat_sub -> beat_pub", "receive beat_pub"],
        &["pubsub beat subscribe=beat_sub/BeatSub publish=beat_pub/BeatPub"],
    );
    check(
        &[
            "send get_request -> get_response",
            "receive get_response",
            "receive get_error",
        ],
        &[
            "request get message=get_request/GetRequest response=get_response/GetResponse \
           error=get_error/GetError",
        ],
    );
    check(
        &["send run_submit", "receive run_error"],
        &["submit run message=run_submit/RunSubmit error=run_error/RunError"],
    );
    check(
        &["send run_submit"],
        &["submit run message=run_submit/RunSubmit"],
    );
    check(
        &["send tell_send"],
        &["send tell message=tell_send/TellSend"],
    );
    check(
        &[
            "send do_invoke",
            "receive do_ack",
            "receive do_response",
            "receive do_error",
        ],
        &[
            "invoke do message=do_invoke/DoInvoke ack=do_ack/DoAck response=do_response/DoResponse \
           error=do_error/DoError",
        ],
    );
    check(
        &[
            "send find_progress -> find_update",
            "receive find_update",
            "receive find_response",
        ],
        &[
            "progress find message=find_progress/FindProgress update=find_update/FindUpdate \
           response=find_response/FindResponse",
        ],
    );
}

#[test]
fn the_reply_alone_can_hold_the_answers() {
    check(
        &["send beat_sub -> beat_pub"],
        &["pubsub beat subscribe=beat_sub/BeatSub publish=beat_pub/BeatPub"],
    );
    check(
        &["send get_request -> answers get_error/period"],
        &[
            "request get message=get_request/GetRequest response=answers/Period \
           error=answers/GetError",
        ],
    );
    check(
        &["send find_progress -> finds find_response/find_update"],
        &[
            "progress find message=find_progress/FindProgress update=finds/FindUpdate \
           response=finds/FindResponse",
        ],
    );
}

#[test]
fn documents_of_the_provider_read_the_same() {
    check(
        &[
            "receive beat_sub",
            "send beat_pub",
            "receive run_submit",
            "send run_error",
        ],
        &[
            "pubsub beat subscribe=beat_sub/BeatSub publish=beat_pub/BeatPub",
            "submit run message=run_submit/RunSubmit error=run_error/RunError",
        ],
    );
}

#[test]
fn followers_may_come_first() {
    check(
        &["receive get_response", "send get_request"],
        &["request get message=get_request/GetRequest response=get_response/GetResponse"],
    );
}

#[test]
fn names_that_happen_to_end_so_are_plain() {
    check(
        &[
            "send user_update",
            "receive join_request",
            "receive news_sub",
        ],
        &[
            "pubsub user_update publish=user_update/UserUpdate",
            "send join_request message=join_request/JoinRequest",
            "send news_sub message=news_sub/NewsSub",
        ],
    );
    // A submission has no reply but an error; so this is a request.
    check(
        &["receive form_submit -> receipt"],
        &["request form_submit message=form_submit/FormSubmit response=receipt/Receipt"],
    );
}

#[test]
fn x_interaction_decides() {
    check(
        &[
            "receive watch @pubsub -> news",
            "receive note @submit",
            "receive work @progress -> steps",
        ],
        &[
            "pubsub watch subscribe=watch/Watch publish=news/News",
            "submit note message=note/Note",
            "progress work message=work/Work update=steps/Steps",
        ],
    );
    check(&["send news @pubsub"], &["pubsub news publish=news/News"]);
    check(
        &["receive run_request @submit"],
        &["submit run_request message=run_request/RunRequest"],
    );
}

#[test]
fn plain_asyncapi_describes_the_provider() {
    check(
        &["receive ask -> answer", "receive tell", "send news"],
        &[
            "request ask message=ask/Ask response=answer/Answer",
            "send tell message=tell/Tell",
            "pubsub news publish=news/News",
        ],
    );
}

#[test]
fn a_send_with_a_reply_describes_the_consumer() {
    check(
        &["send ask -> answer", "send tell", "receive news"],
        &[
            "request ask message=ask/Ask response=answer/Answer",
            "send tell message=tell/Tell",
            "pubsub news publish=news/News",
        ],
    );
}

#[test]
fn the_perspective_can_be_set() {
    check_as(
        &Config::new().perspective(Perspective::Consumer),
        &["send tell", "receive news"],
        &[
            "send tell message=tell/Tell",
            "pubsub news publish=news/News",
        ],
    );
}

#[test]
fn an_operation_of_several_messages_is_as_many_interactions() {
    let text = "
asyncapi: 3.0.0
info: {title: Test, version: 1.0.0}
channels:
  news:
    messages:
      good: {payload: {type: string}}
      bad: {payload: {$ref: '#/components/schemas/bad'}}
operations:
  tell: {action: send, channel: {$ref: '#/channels/news'}}
components: {schemas: {bad: {type: array, items: {type: integer, format: uint8}}}}
";
    let api = generate("Test.yaml", text).expect("valid").api;
    let expected = "pubsub tell.good publish=news/Good\npubsub tell.bad publish=news/Bad\n";
    assert_eq!(interactions(&api), expected);
}

#[test]
fn a_reply_may_be_one_of_several_messages_or_none() {
    check(
        &["receive ask -> answers yes/no"],
        &["request ask message=ask/Ask response=answers/AskReply"],
    );
    // An error by its name is the interaction's error.
    check(
        &["receive ask -> answers yes/askError"],
        &["request ask message=ask/Ask response=answers/Yes error=answers/AskError"],
    );
    check(
        &["receive ask -> answers yes/no/error_general"],
        &["request ask message=ask/Ask response=answers/AskReply error=answers/ErrorGeneral"],
    );
    // Of several nothing says which is to be told when.
    check(
        &["receive ask -> answers yes/askError/otherError"],
        &["request ask message=ask/Ask response=answers/AskReply"],
    );
    check(
        &["receive ask -> askError"],
        &["request ask message=ask/Ask response=askError/AskError"],
    );
    let text = document(&["receive ask"]) + "    reply: {}\n";
    let api = generate("Test.yaml", &text).expect("valid").api;
    assert_eq!(interactions(&api), "submit ask message=ask/Ask\n");
}

#[test]
fn what_the_provider_asks_is_published_and_what_answers_it_is_sent() {
    let provider = Config::new().perspective(Perspective::Provider);
    check_as(
        &provider,
        &["send ask -> answer", "receive tell"],
        &[
            "pubsub ask publish=ask/Ask",
            "send tell message=tell/Tell",
            "send ask_reply message=answer/Answer",
        ],
    );
    check_as(
        &provider,
        &["send ask -> answers yes/no"],
        &[
            "pubsub ask publish=ask/Ask",
            "send ask_reply.yes message=answers/Yes",
            "send ask_reply.no message=answers/No",
        ],
    );
    // What is sent already is not sent twice.
    check_as(
        &provider,
        &["send ask -> answer", "receive answer"],
        &[
            "pubsub ask publish=ask/Ask",
            "send answer message=answer/Answer",
        ],
    );
    // A document with both directions describes the consumer.
    let operations = ["send ask -> answer", "receive question -> reply"];
    check(
        &operations,
        &[
            "request ask message=ask/Ask response=answer/Answer",
            "pubsub question publish=question/Question",
            "send question_reply message=reply/Reply",
        ],
    );
    assert_eq!(
        warnings(&operations),
        [
            "`question` is a request that the provider makes: it is generated as a publication, and \
          its reply as `question_reply`"
        ]
    );
}

#[test]
fn an_operation_without_a_message_is_left_out() {
    let text = "
asyncapi: 3.0.0
info: {title: Clock, version: 1.0.0}
channels:
  ticks: {address: ticks}
operations:
  tick: {action: send, channel: {$ref: '#/channels/ticks'}}
";
    let generated = generate("Clock.yaml", text).expect("valid");
    assert_eq!(generated.api.interactions, []);
    let warnings: Vec<_> = generated.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["Clock.yaml:7:3: warning[SW0306]: `tick` has no message: its channel is `ticks`"]
    );
}

fn warnings(operations: &[&str]) -> Vec<String> {
    let generated = generate("Test.yaml", &document(operations)).expect("valid");
    generated
        .warnings
        .iter()
        .map(|warning| warning.message().to_owned())
        .collect()
}

#[test]
fn an_answer_goes_the_other_way() {
    assert_eq!(
        warnings(&["receive get_request", "receive get_response"]),
        ["`get_response` answers `get_request`, and has the same action"]
    );
    assert!(warnings(&["receive get_request", "send get_response"]).is_empty());
}

#[test]
fn what_is_not_done_for_a_document_is_a_warning() {
    let text = "asyncapi: 3.0.0
info: {title: Secure, version: 1.0.0}
channels: {notes: {messages: {note: {contentType: plain, payload: {type: string}}}}}
operations:
  note:
    action: receive
    channel: {$ref: '#/channels/notes'}
    security: [{type: userPassword}]
";
    let generated = generate("Secure.yaml", text).expect("it is valid");
    let warnings: Vec<_> = generated.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "Secure.yaml:3:51: warning[SW0313]: found `plain`, expected a content type",
            "Secure.yaml:8:5: warning[SW0317]: `security` is not enforced yet"
        ]
    );
}

#[test]
fn names_clash_without_harm() {
    check(
        &[
            "send ask_sub -> ask_pub",
            "send ask_request -> ask_response",
        ],
        &[
            "pubsub ask subscribe=ask_sub/AskSub publish=ask_pub/AskPub",
            "request ask_request message=ask_request/AskRequest response=ask_response/AskResponse",
        ],
    );
}

#[test]
fn traits_are_merged_in_their_order_and_under_what_they_are_applied_to() {
    let text = "
asyncapi: 3.0.0
info: {title: Test, version: 1.0.0}
channels:
  notes:
    messages:
      note:
        name: memo
        payload: {type: string}
        headers: {type: object, properties: {own: {type: string}}}
        traits: [{$ref: '#/components/messageTraits/first'}, {$ref: '#/components/messageTraits/second'}]
operations:
  note:
    action: receive
    summary: The operation's.
    channel: {$ref: '#/channels/notes'}
    traits:
      - {title: The first's., summary: The first's., description: The first's.}
      - {description: The second's., x-interaction: submit}
components:
  messageTraits:
    first:
      name: first
      title: The first's.
      contentType: application/first+json
      headers: {type: object, properties: {first: {type: string}, own: {type: integer}}}
    second:
      title: The second's.
      headers: {type: object, properties: {second: {type: string}, first: {type: integer}}}
";
    let api = generate("Test.yaml", text).expect("valid").api;
    assert_eq!(interactions(&api), "submit note message=notes/Memo\n");
    let docs = api.interactions[0].docs.as_deref();
    assert_eq!(
        docs,
        Some("The first's.\n\nThe operation's.\n\nThe second's.")
    );
    let message = &api.messages[0];
    assert_eq!(message.name.wire, "memo");
    assert_eq!(message.docs.as_deref(), Some("The second's."));
    assert_eq!(
        message.content_type.as_deref(),
        Some("application/first+json")
    );
    assert_eq!(message.header_names, ["first", "own", "second"]);
}

#[test]
fn security_is_warned_of_once() {
    let text = "
asyncapi: 3.0.0
info: {title: Test, version: 1.0.0}
servers:
  open: {host: localhost, protocol: ws, security: []}
  shut: {host: localhost, protocol: ws, security: [{type: userPassword}]}
channels: {notes: {messages: {note: {payload: {type: string}}}}}
operations:
  note: {action: receive, channel: {$ref: '#/channels/notes'}, security: [{type: userPassword}]}
";
    let warnings = generate("Test.yaml", text).expect("valid").warnings;
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["Test.yaml:6:41: warning[SW0317]: `security` is not enforced yet"]
    );
}

#[test]
fn what_nothing_is_generated_from_is_in_the_model() {
    let text = "
asyncapi: 3.0.0
info: {title: Test, version: 1.0.0}
x-owner: me
servers:
  main:
    host: localhost
    protocol: mqtt
    security: [{$ref: '#/components/securitySchemes/password'}]
    bindings: {mqtt: {clientId: guest, keepAlive: 60}}
channels:
  notes:
    servers: [{$ref: '#/servers/main'}]
    bindings: {$ref: '#/components/channelBindings/notes'}
    messages:
      note:
        payload: {type: string}
        bindings: {kafka: {key: {type: string}}}
        traits: [{bindings: {kafka: {key: under, schemaIdLocation: header}, mqtt: {}}}]
operations:
  note: {action: receive, channel: {$ref: '#/channels/notes'}}
components:
  securitySchemes: {password: {type: userPassword}}
  channelBindings: {notes: {ws: {method: GET}}}
";
    let api = generate("Test.yaml", text).expect("valid").api;
    let text = |text: &str| Value::Text(text.to_owned());
    let object = |members: &[(&str, Value)]| {
        let members = members.iter().cloned();
        Value::Object(
            members
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    };
    let named = |name: &str, value: Value| vec![(name.to_owned(), value)];
    let password = object(&[("type", text("userPassword"))]);
    assert_eq!(api.metadata.extensions, named("x-owner", text("me")));
    assert_eq!(api.security_schemes, named("password", password.clone()));
    let [server] = api.servers.as_slice() else {
        panic!("{:?}", api.servers)
    };
    assert_eq!(server.metadata.security, [password]);
    let number = Value::Number("60".to_owned());
    let mqtt = object(&[("clientId", text("guest")), ("keepAlive", number)]);
    assert_eq!(server.metadata.bindings, named("mqtt", mqtt));
    let [channel] = api.channels.as_slice() else {
        panic!("{:?}", api.channels)
    };
    assert_eq!(channel.servers, ["main"]);
    let ws = object(&[("method", text("GET"))]);
    assert_eq!(channel.metadata.bindings, named("ws", ws));
    let key = object(&[("type", text("string"))]);
    let kafka = object(&[("key", key), ("schemaIdLocation", text("header"))]);
    assert_eq!(
        api.messages[0].metadata.bindings,
        [
            ("kafka".to_owned(), kafka),
            ("mqtt".to_owned(), Value::Object(Vec::new()))
        ]
    );
}

#[test]
fn operations_that_begin_alike_are_warned_of() {
    let text = "
asyncapi: 3.0.0
info: {title: Test, version: 1.0.0}
channels: {notes: {messages: {note: {payload: {type: string}}}}}
operations:
  write: {action: receive, channel: {$ref: '#/channels/notes'}}
  read: {action: send, channel: {$ref: '#/channels/notes'}}
  print: {action: receive, channel: {$ref: '#/channels/notes'}}
";
    let warnings = generate("Test.yaml", text).expect("valid").warnings;
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["Test.yaml:8:3: warning[SW0324]: `print` begins with the same message as `write`"]
    );
}

/// What a document of these operations is taken for, and whether that is said to be unclear.
fn perspective(servers: &str, operations: &[&str]) -> (&'static str, bool) {
    let text = document(operations).replacen("channels:", &format!("{servers}\nchannels:"), 1);
    let found = generate("Test.yaml", &text).expect("valid");
    let text = interactions(&found.api);
    let first = text.lines().next().expect("there is one");
    let sends = operations[0].starts_with("send");
    let by_consumer = !first.starts_with("pubsub");
    let codes = found.warnings.iter().map(|warning| warning.code());
    let is_unclear = codes
        .into_iter()
        .any(|code| code == specwire_codegen::Code::UnclearPerspective);
    let end = if by_consumer == sends {
        "consumer"
    } else {
        "provider"
    };
    (end, is_unclear)
}

#[test]
fn names_of_messages_tell_the_perspective() {
    let sockets = "servers: {main: {host: a.b, protocol: wss}}";
    let broker = "servers: {main: {host: a.b, protocol: kafka}}";
    for (servers, operations, expected) in [
        // As people write public APIs down.
        (
            sockets,
            vec!["send subscribe_trades", "receive trades"],
            ("provider", true),
        ),
        (
            sockets,
            vec!["send subscribe_trades", "receive trade_update"],
            ("consumer", false),
        ),
        (
            sockets,
            vec!["receive trade_event", "receive error", "send order"],
            ("consumer", false),
        ),
        (
            sockets,
            vec!["receive server_message", "send client_message"],
            ("consumer", false),
        ),
        (
            sockets,
            vec!["receive client_to_server", "send server_to_client"],
            ("provider", false),
        ),
        (
            sockets,
            vec!["receive subscribe_trades", "send trade_update"],
            ("provider", false),
        ),
        // What has happened is what clients are told.
        (
            "servers: {main: {host: a.b, protocol: socket.io}}",
            vec!["send join", "receive player_joined", "receive turn_changed"],
            ("consumer", false),
        ),
        (
            sockets,
            vec![
                "send join_speed",
                "receive set_sound_enabled",
                "receive get_joined",
            ],
            ("provider", false),
        ),
        // A title may tell of sockets where servers do not.
        (
            "x-nothing: {}",
            vec!["receive player_joined", "receive turn_changed"],
            ("provider", false),
        ),
        // Operations may say who sends.
        (
            broker,
            vec!["receive clientReceive", "send clientSend"],
            ("consumer", false),
        ),
        (
            broker,
            vec!["receive client_sends", "send server_sends_news"],
            ("provider", false),
        ),
        // Events are what services send each other.
        (
            broker,
            vec!["receive order_event", "receive stock_event", "send order"],
            ("provider", false),
        ),
        (
            broker,
            vec!["send price_request", "receive price_reply_response"],
            ("consumer", false),
        ),
        // Replies count for more.
        (
            sockets,
            vec![
                "receive ask -> answer",
                "receive error",
                "receive news_event",
            ],
            ("provider", true),
        ),
        (
            sockets,
            vec!["send news", "receive votes"],
            ("provider", false),
        ),
    ] {
        assert_eq!(
            perspective(servers, &operations),
            expected,
            "{servers} {operations:?}"
        );
    }
}
