//! What a client writes and reads in place of commands and events.

use super::bare::Bare;
use crate::fault::Fault;
use crate::frame::{Command, Event, Frame};
use crate::framing::envelope::{self, Encoding, Received};
use crate::framing::tagged;

/// What a client is to speak.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Speaks {
    #[default]
    Json,
    Cbor,
    Raw,
    Tagged,
}

impl Speaks {
    /// What is asked for in the handshake.
    pub(super) fn subprotocol(self) -> Option<&'static str> {
        match self {
            Self::Json => Some(envelope::JSON),
            Self::Cbor => Some(envelope::CBOR),
            Self::Raw => None,
            Self::Tagged => Some(tagged::SUBPROTOCOL),
        }
    }

    /// Whether a server may speak it that has selected this subprotocol. Others than ours, which
    /// know none of this, select none.
    ///
    /// # Errors
    ///
    /// What it selected, and what it was asked for.
    pub(super) fn check(self, selected: Option<&[u8]>) -> Result<(), String> {
        const SHOWN: usize = 64;
        let expected = self.subprotocol();
        match selected {
            None if self.envelope().is_none() => Ok(()),
            None => Err(format!(
                "the server does not speak the subprotocol `{}`: it selected none, as servers do that \
                 speak raw or tagged frames only",
                expected.unwrap_or_default()
            )),
            Some(selected) if expected.map(str::as_bytes) == Some(selected) => Ok(()),
            Some(selected) => {
                let shown: String = selected
                    .escape_ascii()
                    .take(SHOWN)
                    .map(char::from)
                    .collect();
                Err(match expected {
                    Some(expected) => format!(
                        "the server does not speak the subprotocol `{expected}`: it selected `{shown}`"
                    ),
                    None => format!("the server selected `{shown}`, expected no subprotocol"),
                })
            }
        }
    }

    /// The envelope, and what it is written in, where that is spoken.
    pub(super) fn envelope(self) -> Option<Encoding> {
        match self {
            Self::Json => Some(Encoding::Json),
            Self::Cbor => Some(Encoding::Cbor),
            Self::Raw | Self::Tagged => None,
        }
    }

    pub(super) fn codec(self) -> Codec {
        match self.envelope() {
            Some(encoding) => Codec::Envelope(encoding),
            None => Codec::Bare(Bare::new(self == Self::Tagged)),
        }
    }
}

/// Frames to events and commands to frames, for one connection.
#[derive(Debug)]
pub(super) enum Codec {
    Envelope(Encoding),
    Bare(Bare),
}

impl Codec {
    /// The frame of a command, if it has one. What it brings about at once is added to the events.
    pub(super) fn write(
        &mut self,
        command: &Command,
        events: &mut Vec<Event>,
    ) -> Option<Frame<'static>> {
        match self {
            Self::Envelope(encoding) => envelope::write_command(command, *encoding),
            Self::Bare(bare) => bare.write(command, events),
        }
    }

    /// Adds what a frame says to the events; an answer is to be sent at once.
    ///
    /// # Errors
    ///
    /// A frame that no server sends that speaks this.
    pub(super) fn read(
        &mut self,
        frame: Frame<'_>,
        events: &mut Vec<Event>,
    ) -> Result<Option<Frame<'static>>, Fault> {
        let encoding = match self {
            Self::Envelope(encoding) => *encoding,
            Self::Bare(bare) => {
                bare.read(&frame, events);
                return Ok(None);
            }
        };
        match envelope::read_event(&encoding.text(frame)?, encoding)? {
            Received::Event(event) => events.push(event),
            Received::Ping { answer } => return Ok(answer),
            Received::Nothing => {}
        }
        Ok(None)
    }
}
