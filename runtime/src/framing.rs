//! What a frame looks like: bytes to commands, and events to bytes.
//!
//! The only place that knows a frame's JSON. `docs/protocol.md` is its specification.

pub(crate) mod envelope;
mod raw;

use std::fmt;

use serde_json::value::RawValue;

pub(crate) use self::raw::Raw;
use crate::fault::Fault;
use crate::frame::Event;
use crate::json::{self, Member};
use crate::routes::{Matched, Scope};
use crate::session::{Opening, Session};

/// What a WebSocket carries (RFC 6455, 5.6).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
}

impl From<String> for Frame {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// One way to put messages into frames, from the server's side.
pub(crate) trait Framing: Send + Sync + fmt::Debug {
    /// Acts on one inbound text frame. What is wrong with it is told to the peer through the session;
    /// a peer that does not speak the framing at all is turned away.
    fn receive(&mut self, text: &str, session: &mut Session, scope: &Scope) -> Result<(), Refusal>;

    /// Acts on one inbound binary frame.
    fn receive_binary(&mut self, _bytes: &[u8], session: &mut Session, _scope: &Scope) {
        refuse_binary(session);
    }

    /// What to do as soon as the connection is open.
    fn opened(&mut self, _session: &mut Session, _scope: &Scope) {}

    /// Waits for a first frame, without which the connection is closed.
    fn is_waiting(&self) -> bool {
        false
    }

    /// Writes one event as a frame; `None` where this framing has no frame for it.
    fn write(&self, event: &Event) -> Option<Frame>;

    /// A frame that the framing itself has to send, and not an exchange.
    fn take_frame(&mut self) -> Option<String> {
        None
    }
}

/// The peer is turned away: a close code and a reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

fn raw_object(members: &[Member<'_>]) -> Option<Box<RawValue>> {
    json::object(members)
}

fn refuse_binary(session: &Session) {
    let message = "binary frames carry nothing here: send text";
    session.fault(None, Fault::new(Fault::INVALID_FRAME, message));
}

fn invalid_frame(error: &impl fmt::Display) -> Fault {
    Fault::new(Fault::INVALID_FRAME, error.to_string())
}

/// Starts what a message was matched to.
fn start(session: &mut Session, matched: Matched, weight: usize) {
    session.start(Opening {
        id: None,
        weight,
        handler: matched.handler,
        correlation: matched.correlation,
        start: matched.start,
    });
}
