//! Content types -> what payloads are.

use crate::api::Content;
use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::resolve::{Message, Resolved};
use crate::source::Node;

/// What the content type of a message makes of its payload, and the content type. Without one it
/// is JSON, unless its schema is in a language that is not read.
pub(super) fn find(
    message: &Message<'_>,
    is_unread: bool,
    resolved: &Resolved<'_>,
    errors: &mut Errors,
) -> (Content, Option<String>) {
    let own = message.get("contentType");
    let found = own.or_else(|| resolved.root.get("defaultContentType"));
    let text = found.and_then(Node::text).unwrap_or_default().trim();
    let Some(node) = found.filter(|_| !text.is_empty()) else {
        return match is_unread {
            true => (Content::Binary, Some("application/octet-stream".to_owned())),
            false => (Content::Json, None),
        };
    };
    let content = of(text).unwrap_or_else(|| {
        let message = format!("found {}, expected a content type", quote(text));
        let help = "such as `application/json`, which it is taken for";
        errors.push(Diagnostic::warning(Code::ContentType, node.place(), message).with_help(help));
        Content::Json
    });
    (content, Some(text.to_owned()))
}

/// What a content type (RFC 6838) makes of a payload; `None` for what is none.
fn of(text: &str) -> Option<Content> {
    let is_word = |word: &str| {
        let mut characters = word.chars();
        !word.is_empty()
            && characters.all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
    };
    let name = text.split(';').next().unwrap_or_default();
    let name = name.trim().to_ascii_lowercase();
    let parts = name.split_once('/');
    let (kind, subtype) = parts.filter(|(kind, subtype)| is_word(kind) && is_word(subtype))?;
    // Of `vnd.example.v1+json` the end is what it is made of.
    let last = subtype.rsplit(['+', '.', '-']).next().unwrap_or_default();
    Some(match (kind, last) {
        (_, "json") | ("*", "*") => Content::Json,
        ("text", _)
        | (
            _,
            "xml" | "yaml" | "csv" | "ndjson" | "jsonl" | "jsonlines" | "javascript" | "graphql"
            | "sql" | "urlencoded",
        ) => Content::Text,
        _ => Content::Binary,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_say_what_a_payload_is() {
        for (text, expected) in [
            ("application/json", Some(Content::Json)),
            ("application/json; charset=utf-8", Some(Content::Json)),
            ("Application/JSON", Some(Content::Json)),
            ("application/cloudevents+json", Some(Content::Json)),
            (
                "application/vnd.aai.asyncapi+json;version=3.0.0",
                Some(Content::Json),
            ),
            ("text/json", Some(Content::Json)),
            ("*/*", Some(Content::Json)),
            ("text/plain", Some(Content::Text)),
            ("text/event-stream", Some(Content::Text)),
            ("application/xml", Some(Content::Text)),
            ("application/soap+xml", Some(Content::Text)),
            ("application/x-yaml", Some(Content::Text)),
            ("application/x-ndjson", Some(Content::Text)),
            ("application/octet-stream", Some(Content::Binary)),
            ("audio/pcm;rate=16000", Some(Content::Binary)),
            ("image/png", Some(Content::Binary)),
            ("application/vnd.google.protobuf", Some(Content::Binary)),
            ("avro/binary", Some(Content::Binary)),
            ("application/cbor", Some(Content::Binary)),
            ("none", None),
            ("string", None),
            ("json", None),
            ("application/", None),
            ("/json", None),
            ("application/json/x", None),
            ("application json", None),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
