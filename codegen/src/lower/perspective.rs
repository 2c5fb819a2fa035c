//! Which end of the exchanges a document describes, where the build script does not say it.

use heck::ToSnakeCase;

use crate::diagnostic::{Code, Diagnostic, Errors};
use crate::options::Perspective;
use crate::resolve::{Channel, Message, Operation, Resolved};
use crate::source::Node;

/// What a service is asked with.
const QUESTIONS: &[&str] = &["req", "request", "subscribe", "subscription", "unsubscribe"];

/// What a service answers with.
const ANSWERS: &[&str] = &["reply", "resp", "response"];

/// What comes from who has opened a socket. Over brokers either end may send it.
const FROM_CLIENTS: &[&str] = &[
    "auth",
    "authenticate",
    "authorize",
    "client",
    "login",
    "logon",
    "ping",
];

/// What comes from who has been waiting for the socket.
const FROM_SERVERS: &[&str] = &[
    "ack",
    "acknowledgement",
    "error",
    "event",
    "notification",
    "pong",
    "server",
    "snapshot",
    "subscribed",
    "unsubscribed",
    "update",
    "welcome",
];

/// What stands between words that belong together.
const ARTICLES: &[&str] = &["a", "all", "each", "every", "the"];

/// By how many messages one end has to be likelier.
const PLAIN: i32 = 2;

/// Who sends and is answered is the consumer, and so is who sends what a service is asked with, and
/// receives what it answers with. Otherwise the document describes the provider. It is of `operations`
/// that this decides what they become.
pub(super) fn inferred(
    resolved: &Resolved<'_>,
    operations: &[&Operation<'_>],
    errors: &mut Errors,
) -> Perspective {
    let sockets = has_sockets(resolved);
    let (mut sent_by_consumer, mut sent_by_provider) = (0_i32, 0_i32);
    let mut count = |asks: bool, sends: bool, weight: i32| {
        let by = if asks == sends {
            &mut sent_by_consumer
        } else {
            &mut sent_by_provider
        };
        *by = by.saturating_add(weight);
    };
    for operation in operations {
        if let Some(asks) = said(operation) {
            count(asks, operation.sends, PLAIN);
        }
        for message in &operation.messages {
            let message = resolved.messages.get(*message);
            if let Some(asks) = message.and_then(|message| asks(message, sockets)) {
                count(asks, operation.sends, 1);
            }
        }
    }
    let lead = sent_by_consumer.saturating_sub(sent_by_provider);
    let replies = |sends: bool| {
        let mut operations = resolved.operations.iter();
        operations.any(|operation| operation.sends == sends && operation.reply.is_some())
    };
    let (perspective, is_plain) = match (replies(true), replies(false)) {
        (true, false) => (Perspective::Consumer, lead > -PLAIN),
        (true, true) => (Perspective::Consumer, true),
        (false, true) => (Perspective::Provider, lead < PLAIN),
        (false, false) if lead >= PLAIN => (Perspective::Consumer, true),
        (false, false) => (
            Perspective::Provider,
            lead <= -PLAIN || sent_by_consumer == 0,
        ),
    };
    if !is_plain && let Some(operations) = resolved.root.get("operations") {
        let (this, other) = match perspective {
            Perspective::Consumer => ("consumer", "Provider"),
            Perspective::Provider => ("provider", "Consumer"),
        };
        let message = format!("this is taken for what the {this} sends and receives");
        let help =
            format!("say so with `Config::perspective`, or that it is `Perspective::{other}`");
        let code = Code::UnclearPerspective;
        errors.push(
            Diagnostic::warning(code, operations.key_place(), message)
                .with_help(help)
                .unless_errors(),
        );
    }
    perspective
}

/// All servers are reached by WebSockets; or, where there are none, the document says that it is about
/// these.
fn has_sockets(resolved: &Resolved<'_>) -> bool {
    let servers = resolved.root.get("servers");
    let mut protocols = servers.into_iter().flat_map(Node::entries).map(|entry| {
        let server = resolved.references.target(entry.node)?;
        server.get("protocol")?.text()
    });
    let is_socket =
        |protocol: Option<&str>| matches!(protocol, Some("socket.io" | "socketio" | "ws" | "wss"));
    let Some(first) = protocols.next() else {
        let title = resolved.root.get("info").and_then(|info| info.get("title"));
        let title = title.and_then(Node::text).unwrap_or_default();
        let has_binding = |channel: &Channel<'_>| {
            let bindings = channel.node.get("bindings");
            let bindings = bindings.and_then(|node| resolved.references.target(node));
            bindings.is_some_and(|bindings| bindings.get("ws").is_some())
        };
        return title.to_lowercase().contains("websocket")
            || resolved.channels.iter().any(has_binding);
    };
    is_socket(first) && protocols.all(is_socket)
}

/// What has happened, such as `joined`: clients are told of it.
fn is_past(word: &str) -> bool {
    word.len() > 4 && word.ends_with("ed") && !word.ends_with("eed")
}

/// Whether an operation says of itself that clients send its messages, as in `clientSend` or "sent by
/// the server".
fn said(operation: &Operation<'_>) -> Option<bool> {
    let texts = ["title", "summary"].map(|field| operation.node.get(field).and_then(Node::text));
    let texts = [Some(operation.key)].into_iter().chain(texts);
    texts.flatten().find_map(|text| {
        let text = text.to_snake_case();
        let words = text.split('_').filter(|word| !ARTICLES.contains(word));
        let words: Vec<&str> = words.collect();
        (0..words.len()).find_map(|from| match words.get(from..)? {
            ["sent", "by" | "from", end, ..] | [end, "send" | "sends", ..] => is_client(end),
            [end, "receive" | "receives", ..] => is_client(end).map(|is_client| !is_client),
            _ => None,
        })
    })
}

fn is_client(end: &str) -> Option<bool> {
    match end {
        "client" | "clients" => Some(true),
        "server" => Some(false),
        _ => None,
    }
}

/// Whether it is by its name what a consumer sends, or else a provider; `None` if that is not plain.
fn asks(message: &Message<'_>, sockets: bool) -> Option<bool> {
    let mut name = message.name;
    // Tools that convert documents have called it so.
    if name.contains(".message") {
        let schema = message.get("payload").and_then(|node| node.get("$ref"));
        name = schema.and_then(Node::text)?.rsplit('/').next()?;
    }
    let name = name.to_snake_case();
    // `setSoundEnabled` asks for what is to happen.
    let is_order = ["get_", "set_"].iter().any(|order| name.starts_with(order));
    let end = |word: &str| {
        if QUESTIONS.contains(&word) || (sockets && FROM_CLIENTS.contains(&word)) {
            Some(true)
        } else if ANSWERS.contains(&word)
            || (sockets && (FROM_SERVERS.contains(&word) || !is_order && is_past(word)))
        {
            Some(false)
        } else {
            None
        }
    };
    let mut words = name.split('_');
    // A client sends it to a server.
    if let Some(first @ ("client" | "server")) = words.clone().next() {
        return end(first);
    }
    words.rfind(|word| end(word).is_some()).and_then(end)
}
