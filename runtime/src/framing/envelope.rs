//! Envelope (`specwire.v1.json`): every channel over one connection, with ids, acks and errors.
//!
//! Both ends of it: a server reads commands and writes events, a client the reverse.
//! `docs/protocol.md`, Envelope.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Framing, Refusal};
use crate::fault::Fault;
use crate::frame::{Body, Command, Content, Event, Id, Op, Open};
use crate::json;
use crate::limits::Limits;
use crate::payload;
use crate::routes::Scope;
use crate::session::Session;

/// The subprotocol's name (RFC 6455, 1.9).
pub(crate) const SUBPROTOCOL: &str = "specwire.v1.json";

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

/// The server's end.
#[derive(Debug)]
pub(crate) struct Envelope {
    connection: Uuid,
    message_size: usize,
    initialised: bool,
    own: Option<String>,
}

impl Envelope {
    pub(crate) fn new(connection: Uuid, limits: &Limits) -> Self {
        Self {
            connection,
            message_size: limits.message_size.min(limits.frame_size),
            initialised: false,
            own: None,
        }
    }

    fn init(&mut self, id: Id) -> Result<(), Refusal> {
        if self.initialised {
            return Err(Refusal {
                code: 4429,
                reason: "`init` was sent twice",
            });
        }
        let Some(id) = id else {
            return Err(Refusal {
                code: 4400,
                reason: "`init` has no `id`",
            });
        };
        self.initialised = true;
        let welcome = Welcome {
            connection: self.connection,
            message_size: self.message_size,
        };
        let payload = serde_json::value::to_raw_value(&welcome).ok();
        let mut frame = Frame::new("ack", Some(id));
        frame.payload = payload.as_deref();
        self.own = Some(frame.text());
        Ok(())
    }
}

impl Framing for Envelope {
    fn is_waiting(&self) -> bool {
        !self.initialised
    }

    fn take_frame(&mut self) -> Option<String> {
        self.own.take()
    }

    fn receive(&mut self, text: &str, session: &mut Session, scope: &Scope) -> Result<(), Refusal> {
        let frame = match Frame::read(text) {
            Ok(frame) => frame,
            Err(_) if !self.initialised => {
                return Err(Refusal {
                    code: 4400,
                    reason: "the first frame is not an envelope",
                });
            }
            Err(fault) => {
                // Whoever waits for an answer to this hears of it, if its number can be read.
                session.refuse(readable_id(text), fault);
                return Ok(());
            }
        };
        if frame.op == "init" {
            return self.init(frame.id);
        }
        if !self.initialised {
            return Err(Refusal {
                code: 4401,
                reason: "the first frame is not `init`",
            });
        }
        match (frame.op.as_ref(), frame.id) {
            ("msg", _) => open(frame, Op::Message, session, scope),
            ("sub", _) => open(frame, Op::Subscribe, session, scope),
            ("unsub", Some(id)) => session.close(id),
            ("ping", Some(id)) => self.own = Some(Frame::new("pong", Some(id)).text()),
            ("unsub" | "ping", None) => {
                let message = format!("`{}` has no `id`", frame.op);
                session.fault(None, Fault::new(Fault::MISSING_ID, message));
            }
            // An answer to a ping is a sign of life, which any frame is.
            ("pong", _) => {}
            (op, id) => {
                let message = format!(
                    "`{op}` is not an `op` that a client sends: `msg`, `sub`, `unsub`, `ping` or `pong`"
                );
                session.refuse(id, Fault::new(Fault::INVALID_FRAME, message));
            }
        }
        Ok(())
    }

    fn write(&self, event: &Event) -> Option<super::Frame> {
        Some(super::Frame::Text(write_event(event)))
    }
}

/// The number of a frame that is wrong in other ways.
fn readable_id(text: &str) -> Id {
    let members = json::members(text).ok()?;
    let (_, id) = members.into_iter().find(|(name, _)| name == "id")?;
    id.get().parse().ok().filter(|id| *id <= MAX_ID)
}

fn open(frame: Frame<'_>, op: Op, session: &mut Session, scope: &Scope) {
    let Some(channel) = frame.channel else {
        let message = format!("`{}` has no `channel`", frame.op);
        return session.refuse(frame.id, Fault::new(Fault::INVALID_FRAME, message));
    };
    let open = Open {
        id: frame.id,
        op,
        channel: channel.into_owned(),
        message: frame.message.map(Cow::into_owned),
        parameters: frame.parameters.map(ToOwned::to_owned),
        headers: frame.headers.map(ToOwned::to_owned),
        payload: frame.payload.map(ToOwned::to_owned),
    };
    session.open(&open, scope);
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
                Op::Message => "msg",
                Op::Subscribe => "sub",
            };
            let mut frame = Frame::new(op, open.id);
            frame.channel = Some(Cow::Borrowed(&open.channel));
            frame.message = open.message.as_deref().map(Cow::Borrowed);
            frame.parameters = open.parameters.as_deref();
            frame.headers = open.headers.as_deref();
            frame.payload = open.payload.as_deref();
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
