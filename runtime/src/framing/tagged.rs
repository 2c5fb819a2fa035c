//! Tagged: the message's name, a colon, and its payload.

use std::any::TypeId;
use std::borrow::Cow;

use super::{Content, Frame, Framing, Input, Open, Refusal, Written};
use crate::fault::Fault;
use crate::frame::{Body, Event};

/// The subprotocol's name (RFC 6455, 1.9).
pub(crate) const SUBPROTOCOL: &str = "specwire.v1.tagged";

/// Data of a kind that is not taken (RFC 6455, 7.4.1).
const NOT_TEXT: Refusal = Refusal::constant(1003, "a frame is text: a name, a colon and JSON");
/// What is in a frame is not what it should be.
const INVALID: u16 = 1007;
/// What the server does not take, however often it is sent.
const NOT_TAKEN: u16 = 1008;
/// What the service does not do; another message it may, on another connection.
const NOT_DONE: u16 = 3001;
const FAILED: u16 = 1011;

/// Tagged: the message's name before its payload, as in `Ping:{"Sequence":0}`.
///
/// Headers are members beside the payload's own, as in [`Raw`](super::Raw). There are no frames for
/// errors: what is wrong ends the connection, with a close code and a reason that say what it was. The
/// code for a handler's fault is one after which clients come back.
/// `docs/protocol.md`, Tagged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tagged;

impl Framing for Tagged {
    fn name(&self) -> &'static str {
        "tagged"
    }

    fn read<'a>(&mut self, frame: Frame<'a>) -> Result<Input<'a>, Refusal> {
        let Frame::Text(text) = frame else {
            return Err(NOT_TEXT);
        };
        let Some((name, body)) = split(text) else {
            let reason = "a frame is a message's name, a colon and its JSON";
            return Err(Refusal::new(INVALID, reason));
        };
        Ok(Input::Open(Open::together(Frame::Text(body)).message(name)))
    }

    fn alike(&self) -> Option<TypeId> {
        Some(TypeId::of::<Self>())
    }

    fn write<'a>(&self, event: &'a Event) -> Written<'a> {
        match event.body() {
            Body::Message(content) | Body::Declared(content) | Body::Ack(Some(content)) => {
                write_content(content).into()
            }
            Body::Fault(fault) => Written::Close(refusal(fault)),
            Body::Ack(None) | Body::Subscribed(_) | Body::Gap | Body::End => Written::Nothing,
        }
    }
}

fn split(text: Cow<'_, str>) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    match text {
        Cow::Borrowed(text) => {
            let (name, body) = text.split_once(':')?;
            Some((Cow::Borrowed(name), Cow::Borrowed(body)))
        }
        Cow::Owned(text) => {
            let (name, body) = text.split_once(':')?;
            Some((Cow::Owned(name.to_owned()), Cow::Owned(body.to_owned())))
        }
    }
}

pub(crate) fn write_content(content: &Content) -> String {
    match content.together() {
        Frame::Text(text) => format!("{}:{text}", content.message()),
        // As in the other framings' JSON.
        Frame::Binary(_) => format!("{}:{}", content.message(), content.payload()),
    }
}

fn refusal(fault: &Fault) -> Refusal {
    let code = match fault.code() {
        Fault::INVALID_FRAME | Fault::INVALID_MESSAGE => INVALID,
        Fault::UNMATCHED_MESSAGE
        | Fault::AMBIGUOUS_MESSAGE
        | Fault::UNKNOWN_CHANNEL
        | Fault::UNKNOWN_MESSAGE
        | Fault::WRONG_OP
        | Fault::DUPLICATE_ID
        | Fault::MISSING_ID
        | Fault::LIMIT_EXCEEDED => NOT_TAKEN,
        Fault::INTERNAL => FAILED,
        _ => NOT_DONE,
    };
    Refusal::new(code, fault.to_string())
}
