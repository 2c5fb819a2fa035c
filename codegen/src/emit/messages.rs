//! What makes a type a message.

use super::text::{Call, Code, Text, literal};
use super::{Index, checks, markdown, types, unions};
use crate::api::{Content, Expression, Message, Part, Payload};

/// The content type of messages that have no other.
const JSON: &str = "application/json";

/// The implementation of `Payload`.
pub(super) fn payload(message: &Message, code: &mut Code) {
    let headers = message.headers.as_ref();
    let headers = headers.map_or("::specwire::NoHeaders", |headers| &headers.0);
    let mut calls = unions::shape(&message.shape);
    if !message.header_names.is_empty() {
        calls.push(Call::slice(".headers(", &message.header_names));
    }
    let member = |expression: &Option<Expression>, part| expression.as_ref()?.member_of(part);
    for (method, member) in [
        (
            "reply_address",
            member(&message.reply_address, Part::Headers),
        ),
        (
            "reply_address_in_payload",
            member(&message.reply_address, Part::Payload),
        ),
        (
            "correlation_id",
            member(&message.correlation_id, Part::Headers),
        ),
        (
            "correlation_in_payload",
            member(&message.correlation_id, Part::Payload),
        ),
    ] {
        calls.extend(member.map(|member| Call::Plain(format!(".{method}({})", literal(&member)))));
    }
    calls.extend(content(message).map(Call::Plain));
    let sample = message.sample.as_deref();
    calls.extend(sample.map(|sample| Call::Plain(format!(".sample({})", literal(sample)))));
    let mut text = Text::default();
    text.line(&["impl ::specwire::Payload for ", &message.name.rust, " {"]);
    text.line(&["    type Headers = ", headers, ";"]);
    let spec = "::specwire::private::MessageSpec";
    text.constant(4, "SPEC", spec, &literal(&message.name.wire), &calls);
    text.line(&["}"]);
    code.text(text);
}

/// What its payload is, where that is not JSON or is called otherwise.
fn content(message: &Message) -> Option<String> {
    let content_type = message.content_type.as_deref().unwrap_or(JSON);
    let content = match message.content {
        Content::Json => "Json",
        Content::Text => "Text",
        Content::Binary => "Binary",
    };
    (message.content != Content::Json || content_type != JSON).then(|| {
        let content_type = literal(content_type);
        format!(".content(::specwire::private::Content::{content}, {content_type})")
    })
}

/// What its payload's type is for.
pub(super) fn role(message: &Message) -> String {
    let wire = markdown::code(&message.name.wire);
    let role = format!("Payload of the message {wire}.");
    match &message.remarks {
        Some(remarks) => format!("{role}\n\n{remarks}"),
        None => role,
    }
}

/// A type of the message's own, where its payload's type is shared or has no definition.
pub(super) fn wrapper(index: &Index<'_>, message: &Message, code: &mut Code) {
    let Payload::Wraps(inner) = &message.payload else {
        return;
    };
    let role = role(message);
    let docs = [message.docs.as_deref().unwrap_or_default(), &role];
    let name = &message.name.rust;
    types::newtype(index, name, inner, None, index.traits(inner), &docs, code);
    checks::wrapper(index, name, inner, code);
    payload(message, code);
}
