//! Envelope (`specwire.v1.json`): every channel over one connection, with ids, acks and errors.
//!
//! Both ends of it: a server reads commands and writes events, a client the reverse.
//! `docs/protocol.md`, Envelope.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Accepted, Framing, Input, Refusal, Written};
use crate::fault::Fault;
use crate::frame::{Body, Command, Content, Event, Halves, Id, Op, Open};
use crate::json;
use crate::payload;

/// The subprotocol's name (RFC 6455, 1.9).
pub(crate) const JSON: &str = "specwire.v1.json";

/// Largest id: what every JSON number can carry exactly (RFC 8259, 6).
const MAX_ID: u64 = (1 << 53) - 1;

/// A frame, in either direction.
#[derive(Debug, Deserialize, Serialize)]
struct Frame<'a> {
    #[serde(borrow)]
    op: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    message: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    headers: Option<&'a RawValue>,
    #[serde(
        borrow,
        default,
        deserialize_with = "there",
        skip_serializing_if = "Option::is_none"
    )]
    payload: Option<&'a RawValue>,
}

/// A payload that is there is one, also when it is `null`.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl<'a> Frame<'a> {
    fn new(op: &'static str, id: Id) -> Self {
        Self {
            op: Cow::Borrowed(op),
            id,
            channel: None,
            message: None,
            parameters: None,
            headers: None,
            payload: None,
        }
    }

    fn with(mut self, content: &'a Content) -> Self {
        self.channel = Some(Cow::Borrowed(&content.channel));
        self.message = Some(Cow::Borrowed(&content.message));
        self.headers = content.headers.as_deref();
        self.payload = Some(&content.payload);
        self
    }

    fn read(text: &'a str) -> Result<Self, Fault> {
        // serde would read an array as the members of an object in their order.
        if !text.trim_start().starts_with('{') {
            return Err(super::invalid_frame(&"a frame is one JSON object"));
        }
        let frame: Self =
            serde_json::from_str(text).map_err(|error| super::invalid_frame(&error))?;
        if frame.id.is_some_and(|id| id > MAX_ID) {
            let message = format!("`id` is more than {MAX_ID}");
            return Err(Fault::new(Fault::INVALID_FRAME, message));
        }
        Ok(frame)
    }

    fn text(&self) -> String {
        // A frame's own members are strings and numbers, and the rest is JSON already.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What a server tells a client about itself, as the answer to `init`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Welcome {
    pub(crate) connection: Uuid,
    /// Bytes of the largest frame that the server takes.
    pub(crate) message_size: usize,
}

/// A fault, as the payload of an `err`.
#[derive(Debug, Deserialize, Serialize)]
struct FaultText<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

/// Envelope: every channel over one connection, with numbers, acknowledgements and errors.
///
/// What generated clients speak: `docs/protocol.md`, Envelope.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    accepted: Option<Accepted>,
    initialised: bool,
}

impl Envelope {
    fn init(&mut self, id: Id) -> Result<Input<'static>, Refusal> {
        if self.initialised {
            return Err(Refusal::new(4429, "`init` was sent twice"));
        }
        let Some(id) = id else {
            return Err(Refusal::new(4400, "`init` has no `id`"));
        };
        self.initialised = true;
        let welcome = self.accepted.map(|accepted| Welcome {
            connection: accepted.connection,
            message_size: accepted.message_size,
        });
        let payload = serde_json::value::to_raw_value(&welcome).ok();
        let mut frame = Frame::new("ack", Some(id));
        frame.payload = payload.as_deref();
        Ok(Input::Answer(frame.text().into()))
    }
}

impl Framing for Envelope {
    fn name(&self) -> &'static str {
        "envelope"
    }

    fn opened(&mut self, connection: Accepted) {
        self.accepted = Some(connection);
    }

    fn is_waiting(&self) -> bool {
        !self.initialised
    }

    fn subscribes_by_url(&self) -> bool {
        false
    }

    fn read<'a>(&mut self, frame: super::Frame<'a>) -> Result<Input<'a>, Refusal> {
        let text = match frame {
            super::Frame::Text(Cow::Borrowed(text)) => text,
            super::Frame::Text(Cow::Owned(text)) => {
                let input = self.read(super::Frame::from(text.as_str()))?;
                return Ok(input.into_owned());
            }
            super::Frame::Binary(_) if !self.initialised => {
                return Err(Refusal::new(4400, "the first frame is not text"));
            }
            super::Frame::Binary(_) => {
                return Ok(Input::fault("binary frames carry nothing here: send text"));
            }
        };
        let frame = match Frame::read(text) {
            Ok(frame) => frame,
            Err(_) if !self.initialised => {
                return Err(Refusal::new(4400, "the first frame is not an envelope"));
            }
            // Whoever waits for an answer to this hears of it, if its number can be read.
            Err(fault) => {
                let id = readable_id(text);
                return Ok(Input::Fault { id, fault });
            }
        };
        if frame.op == "init" {
            return self.init(frame.id);
        }
        if !self.initialised {
            return Err(Refusal::new(4401, "the first frame is not `init`"));
        }
        Ok(match (frame.op.as_ref(), frame.id) {
            ("msg", _) => open(frame, Op::Message),
            ("sub", _) => open(frame, Op::Subscribe),
            ("unsub", Some(id)) => Input::Close(id),
            ("ping", Some(id)) => Input::Answer(Frame::new("pong", Some(id)).text().into()),
            ("unsub" | "ping", None) => {
                let message = format!("`{}` has no `id`", frame.op);
                let fault = Fault::new(Fault::MISSING_ID, message);
                Input::Fault { id: None, fault }
            }
            // An answer to a ping is a sign of life, which any frame is.
            ("pong", _) => Input::Nothing,
            (op, id) => {
                let message = format!(
                    "`{op}` is not an `op` that a client sends: `msg`, `sub`, `unsub`, `ping` or `pong`"
                );
                let fault = Fault::new(Fault::INVALID_FRAME, message);
                Input::Fault { id, fault }
            }
        })
    }

    fn write(&self, event: &Event) -> Written {
        write_event(event).into()
    }
}

/// The number of a frame that is wrong in other ways.
fn readable_id(text: &str) -> Id {
    let members = json::members(text).ok()?;
    let (_, id) = members.into_iter().find(|(name, _)| name == "id")?;
    id.get().parse().ok().filter(|id| *id <= MAX_ID)
}

fn open(frame: Frame<'_>, op: Op) -> Input<'_> {
    let Some(channel) = frame.channel else {
        let fault = super::invalid_frame(&format_args!("`{}` has no `channel`", frame.op));
        let id = frame.id;
        return Input::Fault { id, fault };
    };
    Input::Open(Open {
        id: frame.id,
        op: Some(op),
        channel: Some(channel),
        message: frame.message,
        parameters: frame.parameters.map(Cow::Borrowed),
        halves: Halves::Apart {
            headers: frame.headers.map(Cow::Borrowed),
            payload: frame.payload.map(Cow::Borrowed),
        },
    })
}

fn write_event(event: &Event) -> String {
    match &event.body {
        Body::Ack(None) => Frame::new("ack", event.origin.id).text(),
        Body::Ack(Some(content)) => Frame::new("ack", event.origin.id).with(content).text(),
        Body::Message(content) => Frame::new("msg", event.origin.id).with(content).text(),
        Body::Declared(content) => Frame::new("err", event.origin.id).with(content).text(),
        Body::Fault(fault) => {
            let fault = FaultText {
                code: Cow::Borrowed(fault.code()),
                message: Cow::Borrowed(fault.message()),
            };
            let payload = serde_json::value::to_raw_value(&fault).ok();
            let mut frame = Frame::new("err", event.origin.id);
            frame.payload = payload.as_deref();
            frame.text()
        }
        Body::End => Frame::new("unsub", event.origin.id).text(),
    }
}

/// The client's first frame.
pub(crate) fn write_init(id: u64) -> String {
    Frame::new("init", Some(id)).text()
}

/// Reads the answer to a client's first frame.
///
/// # Errors
///
/// A frame that is not that answer.
pub(crate) fn read_welcome(text: &str) -> Result<Welcome, Fault> {
    let frame = Frame::read(text)?;
    if frame.op != "ack" {
        let message = format!("the server answered `init` with `{}`", frame.op);
        return Err(Fault::new(Fault::INVALID_FRAME, message));
    }
    let payload = frame.payload.map_or("null", RawValue::get);
    serde_json::from_str(payload).map_err(|error| super::invalid_frame(&error))
}

/// A client's frame.
pub(crate) fn write_command(command: &Command) -> String {
    match command {
        Command::Close { id } => Frame::new("unsub", Some(*id)).text(),
        Command::Open(open) => {
            let op = match open.op {
                Some(Op::Subscribe) => "sub",
                Some(Op::Message) | None => "msg",
            };
            let mut frame = Frame::new(op, open.id);
            frame.channel = open.channel.as_deref().map(Cow::Borrowed);
            frame.message = open.message.as_deref().map(Cow::Borrowed);
            frame.parameters = open.parameters.as_deref();
            if let Halves::Apart { headers, payload } = &open.halves {
                frame.headers = headers.as_deref();
                frame.payload = payload.as_deref();
            }
            frame.text()
        }
    }
}

/// What a client reads.
#[derive(Debug)]
pub(crate) enum Received {
    Event(Event),
    /// To be answered with this frame.
    Ping {
        answer: String,
    },
    /// Nothing to act on.
    Nothing,
}

/// Reads a frame that a server sent.
///
/// # Errors
///
/// A frame that no server of this subprotocol sends.
pub(crate) fn read_event(text: &str) -> Result<Received, Fault> {
    let frame = Frame::read(text)?;
    let id = frame.id;
    let body = match frame.op.as_ref() {
        "ack" if frame.message.is_none() => Body::Ack(None),
        "ack" => Body::Ack(Some(content(frame)?)),
        "msg" => Body::Message(content(frame)?),
        "err" if frame.message.is_some() => Body::Declared(content(frame)?),
        "err" => {
            let payload = frame.payload.map_or("null", RawValue::get);
            let fault: FaultText<'_> =
                serde_json::from_str(payload).map_err(|error| super::invalid_frame(&error))?;
            Body::Fault(Fault::new(
                fault.code.into_owned(),
                fault.message.into_owned(),
            ))
        }
        "unsub" => Body::End,
        "ping" => {
            let answer = Frame::new("pong", id).text();
            return Ok(Received::Ping { answer });
        }
        "pong" => return Ok(Received::Nothing),
        op => {
            let message = format!("`{op}` is not an `op` that a server sends");
            return Err(Fault::new(Fault::INVALID_FRAME, message));
        }
    };
    Ok(Received::Event(Event {
        origin: id.into(),
        body,
    }))
}

fn content(frame: Frame<'_>) -> Result<Content, Fault> {
    let (Some(channel), Some(message), Some(payload)) =
        (frame.channel, frame.message, frame.payload)
    else {
        let message = format!(
            "`{}` lacks one of `channel`, `message` and `payload`",
            frame.op
        );
        return Err(Fault::new(Fault::INVALID_FRAME, message));
    };
    Ok(Content {
        channel: Cow::Owned(channel.into_owned()),
        message: Cow::Owned(message.into_owned()),
        headers: frame.headers.map(|headers| Arc::from(headers.to_owned())),
        payload: Arc::from(payload.to_owned()),
        carried_as: payload::Content::Json,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_of_null_is_a_payload() {
        let text = r#"{"op":"msg","id":1,"channel":"c","message":"m","payload":null}"#;
        let Ok(Received::Event(event)) = read_event(text) else {
            panic!("{:?}", read_event(text));
        };
        assert_eq!(write_event(&event), text);
        let without = text.replace(r#","payload":null"#, "");
        assert!(read_event(&without).is_err());
    }
}
