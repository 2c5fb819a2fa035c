//! Envelope (`specwire.v1.json`): every channel over one connection, with ids, acks and errors.
//!
//! Both ends of it: a server reads commands and writes events, a client the reverse.
//! `docs/protocol.md`, Envelope.

mod frame;
mod plain;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use self::frame::{Frame, MAX_ID, Origin};
use super::{Accepted, Framing, Input, Refusal, Written, cbor};
use crate::fault::Fault;
use crate::frame::{Body, Command, Content, Event, Halves, Id, Op, Open, Since, Subscribed, Told};
use crate::json;
use crate::payload;

/// The subprotocol's name (RFC 6455, 1.9).
pub(crate) const JSON: &str = "specwire.v1.json";
/// The same in CBOR.
pub(crate) const CBOR: &str = "specwire.v1.cbor";

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

/// What an envelope is written in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Encoding {
    /// JSON in text frames.
    #[default]
    Json,
    /// CBOR in binary frames.
    Cbor,
}

impl Encoding {
    /// A frame as JSON, whatever it was written in.
    ///
    /// # Errors
    ///
    /// A frame of the other kind, or what is wrong with it.
    pub(crate) fn text(self, frame: super::Frame<'_>) -> Result<Cow<'_, str>, Fault> {
        match (self, frame) {
            (Self::Json, super::Frame::Text(text)) => Ok(text),
            (Self::Json, super::Frame::Binary(_)) => {
                let message = "binary frames carry nothing here: send text";
                Err(super::invalid_frame(&message))
            }
            (Self::Cbor, super::Frame::Binary(bytes)) => match cbor::to_json(&bytes) {
                Ok(text) => Ok(Cow::Owned(text)),
                Err(what) => Err(super::invalid_frame(&what)),
            },
            (Self::Cbor, super::Frame::Text(_)) => {
                let message = "text frames carry nothing here: send CBOR in binary frames";
                Err(super::invalid_frame(&message))
            }
        }
    }
}

/// Envelope: every channel over one connection, with numbers, acknowledgements and errors.
///
/// What generated clients speak: `docs/protocol.md`, Envelope.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    encoding: Encoding,
    accepted: Option<Accepted>,
    initialised: bool,
}

impl Envelope {
    /// In JSON: `specwire.v1.json`.
    #[must_use]
    pub fn json() -> Self {
        Self::default()
    }

    /// In CBOR: `specwire.v1.cbor`.
    #[must_use]
    pub fn cbor() -> Self {
        Self {
            encoding: Encoding::Cbor,
            ..Self::default()
        }
    }

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
        Ok(self.answer(&frame))
    }

    /// A frame that belongs to no exchange.
    fn answer(&self, frame: &Frame<'_>) -> Input<'static> {
        frame
            .write(self.encoding)
            .map_or(Input::Nothing, Input::Answer)
    }

    fn act<'a>(&mut self, text: &'a str) -> Result<Input<'a>, Refusal> {
        let frame = match Frame::read(text) {
            Ok(frame) => frame,
            Err(_) if !self.initialised => return Err(NO_ENVELOPE),
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
            ("ping", Some(id)) => self.answer(&Frame::new("pong", Some(id))),
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
}

const NO_ENVELOPE: Refusal = Refusal::constant(4400, "the first frame is not an envelope");

impl Framing for Envelope {
    fn name(&self) -> &'static str {
        match self.encoding {
            Encoding::Json => "envelope",
            Encoding::Cbor => "envelope in CBOR",
        }
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
        match self.encoding.text(frame) {
            Ok(Cow::Borrowed(text)) => self.act(text),
            Ok(Cow::Owned(text)) => self.act(&text).map(Input::into_owned),
            Err(_) if !self.initialised => Err(NO_ENVELOPE),
            Err(fault) => Ok(Input::Fault { id: None, fault }),
        }
    }

    fn write<'a>(&self, event: &'a Event) -> Written<'a> {
        let written = write_event(event, self.encoding);
        written.map_or(Written::Nothing, Written::Frame)
    }
}

/// The number of a frame that is wrong in other ways.
fn readable_id(text: &str) -> Id {
    let members = json::members_within(text, json::MANY).ok()?;
    let (_, id) = members.into_iter().find(|(name, _)| name == "id")?;
    id.get().parse().ok().filter(|id| *id <= MAX_ID)
}

fn open(frame: Frame<'_>, op: Op) -> Input<'_> {
    let Some(channel) = frame.channel else {
        let fault = super::invalid_frame(&format_args!("`{}` has no `channel`", frame.op));
        let id = frame.id;
        return Input::Fault { id, fault };
    };
    let halves = Halves::Apart {
        headers: frame.headers.map(Cow::Borrowed),
        payload: frame.payload.map(Cow::Borrowed),
    };
    Input::Open(Open {
        id: frame.id,
        op: Some(op),
        channel: Some(channel),
        message: frame.message,
        parameters: frame.parameters.map(Cow::Borrowed),
        since: frame.since.map(|since| match since {
            Origin::After(position) => Since::After(position),
            Origin::Last { last } => Since::Last(last),
        }),
        ..Open::new(halves)
    })
}

fn write_event(event: &Event, encoding: Encoding) -> Option<super::Frame<'static>> {
    let id = event.origin.id;
    let frame = match &event.body {
        Body::Ack(None) => Frame::new("ack", id),
        Body::Ack(Some(content)) => Frame::new("ack", id).with(content),
        Body::Subscribed(subscribed) => Frame {
            position: subscribed.position.clone(),
            recovered: subscribed.recovered,
            ..Frame::new("ack", id)
        },
        Body::Message(content) => Frame {
            dropped: (event.dropped > 0).then_some(event.dropped),
            ..Frame::new("msg", id).with(content)
        },
        Body::Gap => Frame {
            dropped: Some(event.dropped),
            ..Frame::new("gap", id)
        },
        Body::Declared(content) => Frame::new("err", id).with(content),
        Body::Fault(fault) => return write_fault(id, fault, encoding),
        Body::End => Frame::new("unsub", id),
    };
    frame.write(encoding).or_else(|| {
        let message = "the service's message cannot be sent in this encoding";
        write_fault(id, &Fault::new(Fault::INTERNAL, message), encoding)
    })
}

fn write_fault(id: Id, fault: &Fault, encoding: Encoding) -> Option<super::Frame<'static>> {
    let fault = FaultText {
        code: Cow::Borrowed(fault.code()),
        message: Cow::Borrowed(fault.message()),
    };
    let payload = serde_json::value::to_raw_value(&fault).ok();
    let mut frame = Frame::new("err", id);
    frame.payload = payload.as_deref();
    frame.write(encoding)
}

/// The client's first frame.
pub(crate) fn write_init(id: u64, encoding: Encoding) -> Option<super::Frame<'static>> {
    Frame::new("init", Some(id)).write(encoding)
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
pub(crate) fn write_command(
    command: &Command,
    encoding: Encoding,
) -> Option<super::Frame<'static>> {
    match command {
        Command::Close { id } => Frame::new("unsub", Some(*id)).write(encoding),
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
            frame.since = open.since.as_ref().map(|since| match since {
                Since::After(position) => Origin::After(position.clone()),
                Since::Last(last) => Origin::Last { last: *last },
            });
            frame.write(encoding)
        }
    }
}

/// What a client reads.
#[derive(Debug)]
pub(crate) enum Received {
    Event(Event),
    /// To be answered with this frame.
    Ping {
        answer: Option<super::Frame<'static>>,
    },
    /// Nothing to act on.
    Nothing,
}

/// Reads a frame that a server sent.
///
/// # Errors
///
/// A frame that no server of this subprotocol sends.
pub(crate) fn read_event(text: &str, encoding: Encoding) -> Result<Received, Fault> {
    let frame = Frame::read(text)?;
    let (id, dropped) = (frame.id, frame.dropped);
    let body = match frame.op.as_ref() {
        "ack" if frame.position.is_some() || frame.recovered.is_some() => {
            Body::Subscribed(Subscribed {
                position: frame.position,
                recovered: frame.recovered,
            })
        }
        "ack" if frame.message.is_none() => Body::Ack(None),
        "ack" => Body::Ack(Some(content(frame)?)),
        "msg" => Body::Message(content(frame)?),
        "gap" => Body::Gap,
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
            let answer = Frame::new("pong", id).write(encoding);
            return Ok(Received::Ping { answer });
        }
        "pong" => return Ok(Received::Nothing),
        op => {
            let message = format!("`{op}` is not an `op` that a server sends");
            return Err(Fault::new(Fault::INVALID_FRAME, message));
        }
    };
    Ok(Received::Event(Event {
        dropped: dropped.unwrap_or_default(),
        ..Event::new(id.into(), body)
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
    Ok(Content::new(Told {
        channel: Cow::Owned(channel.into_owned()),
        message: Cow::Owned(message.into_owned()),
        headers: frame.headers.map(|headers| Arc::from(headers.to_owned())),
        payload: payload.to_owned().into(),
        carried_as: payload::Content::Json,
        offset: frame.offset,
        is_plain: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_of_null_is_a_payload() {
        let text = r#"{"op":"msg","id":1,"channel":"c","message":"m","payload":null}"#;
        let Ok(Received::Event(event)) = read_event(text, Encoding::Json) else {
            panic!("{:?}", read_event(text, Encoding::Json));
        };
        assert_eq!(write_event(&event, Encoding::Json), Some(text.into()));
        let without = text.replace(r#","payload":null"#, "");
        assert!(read_event(&without, Encoding::Json).is_err());
    }
}
