//! Raw: the frame is the payload, with declared headers as members beside the payload's own.
//!
//! What `websocat`, a browser or any existing AsyncAPI client sends: `docs/protocol.md`, Raw.

use std::borrow::Cow;

use data_encoding::BASE64;
use serde_json::value::RawValue;

use super::{Frame, Framing, Refusal, invalid_frame, raw_object, refuse_binary, start};
use crate::fault::Fault;
use crate::frame::{Body, Content, Correlation, Event};
use crate::json::{self, Member};
use crate::parameters::Parts;
use crate::payload;
use crate::provider::Handler;
use crate::routes::{Matched, Scope};
use crate::session::{Opening, Session};

/// The raw framing. It keeps nothing: a frame says all there is.
#[derive(Debug)]
pub(crate) struct Raw;

impl Framing for Raw {
    fn opened(&mut self, session: &mut Session, scope: &Scope) {
        for handler in scope.opened_by_url() {
            let parts = Parts {
                parameters: scope.parameters(),
                ..Parts::default()
            };
            match handler.clone().read(parts) {
                Ok(start) => session.start(Opening {
                    id: None,
                    handler: handler.clone(),
                    correlation: None,
                    start,
                    weight: 0,
                }),
                Err(fault) => session.fault(None, fault),
            }
        }
    }

    fn receive(&mut self, text: &str, session: &mut Session, scope: &Scope) -> Result<(), Refusal> {
        match read(text, scope) {
            Ok(matched) => start(session, matched, text.len()),
            Err(fault) => session.fault(None, fault),
        }
        Ok(())
    }

    fn receive_binary(&mut self, bytes: &[u8], session: &mut Session, scope: &Scope) {
        if !scope.takes(payload::Content::Binary) {
            return refuse_binary(session);
        }
        let matched = string(&BASE64.encode(bytes))
            .and_then(|payload| scope.match_value(payload::Content::Binary, &payload));
        match matched {
            Ok(matched) => start(session, matched, bytes.len()),
            Err(fault) => session.fault(None, fault),
        }
    }

    fn write(&self, event: &Event) -> Option<Frame> {
        match &event.body {
            Body::Message(content) | Body::Declared(content) | Body::Ack(Some(content)) => {
                Some(write_content(content))
            }
            Body::Fault(fault) => {
                let mut frame = String::new();
                write_fault(fault, event.origin.correlation.as_deref(), &mut frame);
                Some(Frame::Text(frame))
            }
            Body::Ack(None) | Body::End => None,
        }
    }
}

/// The message that a text frame is: JSON, unless only text will do.
fn read(text: &str, scope: &Scope) -> Result<Matched, Fault> {
    let as_text =
        || string(text).and_then(|payload| scope.match_value(payload::Content::Text, &payload));
    let takes_text = scope.takes(payload::Content::Text);
    if takes_text && !scope.takes(payload::Content::Json) {
        return as_text();
    }
    let matched = read_json(text, scope);
    // Whoever writes a bracket means JSON, and is told what is wrong with it.
    if matched.is_err() && takes_text && !text.trim_start().starts_with(['{', '[']) {
        return as_text();
    }
    matched
}

fn read_json(text: &str, scope: &Scope) -> Result<Matched, Fault> {
    let value: &RawValue = serde_json::from_str(text).map_err(|error| invalid_frame(&error))?;
    if !value.get().starts_with('{') {
        return scope.match_value(payload::Content::Json, value);
    }
    let members = json::members(value.get()).map_err(|error| invalid_frame(&error))?;
    scope.match_shape(&members, &|handler| split(handler, value, &members))
}

/// Text as JSON has it.
fn string(text: &str) -> Result<Box<RawValue>, Fault> {
    serde_json::value::to_raw_value(text).map_err(|error| invalid_frame(&error))
}

/// Headers are those members that the message declares as such.
fn split(
    handler: &dyn Handler,
    value: &RawValue,
    members: &[Member<'_>],
) -> (Option<Box<RawValue>>, Option<Box<RawValue>>) {
    let spec = handler.starter();
    let (headers, payload): (Vec<_>, Vec<_>) = members
        .iter()
        .cloned()
        .partition(|(name, _)| spec.is_header(name));
    if headers.is_empty() {
        return (None, Some(value.to_owned()));
    }
    (raw_object(&headers), raw_object(&payload))
}

fn write_content(content: &Content) -> Frame {
    let payload = content.payload.get();
    let text = || serde_json::from_str::<String>(payload).ok();
    let frame = match content.carried_as {
        payload::Content::Json => None,
        payload::Content::Text => text().map(Frame::Text),
        payload::Content::Binary => text()
            .and_then(|text| BASE64.decode(text.as_bytes()).ok())
            .map(Frame::Binary),
    };
    frame.unwrap_or_else(|| Frame::Text(write_json(content)))
}

fn write_json(content: &Content) -> String {
    let payload = content.payload.get();
    let headers = content.headers.as_deref().map(RawValue::get);
    // Headers have no place beside a payload that is not an object.
    let (Some(headers), true) = (headers, payload.starts_with('{')) else {
        return payload.to_owned();
    };
    let own = json::members(payload).unwrap_or_default();
    let mut members = json::members(headers).unwrap_or_default();
    // A name that both have is the payload's.
    members.retain(|(header, _)| own.iter().all(|(name, _)| name != header));
    members.extend(own);
    match raw_object(&members) {
        Some(object) => object.get().to_owned(),
        None => payload.to_owned(),
    }
}

/// With what replies repeat, by which alone a peer can tell what has failed.
fn write_fault(fault: &Fault, correlation: Option<&Correlation>, frame: &mut String) {
    let error = serde_json::json!({ "code": fault.code(), "message": fault.message() });
    let Ok(error) = serde_json::value::to_raw_value(&error) else {
        return;
    };
    let mut members: Vec<Member<'_>> = Vec::new();
    if let Some(Correlation { name, value }) = correlation {
        members.push((Cow::Borrowed(*name), value));
    }
    members.push((Cow::Borrowed("error"), &error));
    if let Some(object) = raw_object(&members) {
        frame.push_str(object.get());
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use super::*;

    #[track_caller]
    fn check(headers: &str, payload: &str, expected: &str) {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).map(Arc::from);
        let content = Content {
            channel: Cow::Borrowed("c"),
            message: Cow::Borrowed("m"),
            headers: raw(headers).ok(),
            payload: raw(payload).unwrap(),
            carried_as: payload::Content::Json,
        };
        assert_eq!(write_content(&content), Frame::Text(expected.to_owned()));
    }

    #[test]
    fn headers_ride_beside_the_payloads_own_members() {
        check(r#"{"h":1}"#, r#"{"p":2.50}"#, r#"{"h":1,"p":2.50}"#);
        check(r#"{"h":1}"#, "{}", r#"{"h":1}"#);
        check("", r#"{"p":2}"#, r#"{"p":2}"#);
        check(r#"{"h":1}"#, "[2]", "[2]");
        check(r#"{"h":1}"#, "null", "null");
    }

    #[test]
    fn a_name_that_headers_and_payload_share_is_there_once() {
        check(r#"{"a":1,"h":1}"#, r#"{"a":2}"#, r#"{"h":1,"a":2}"#);
    }
}
