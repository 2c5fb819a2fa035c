//! One frame of the envelope: its members, read and written.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{Encoding, plain};
use crate::fault::Fault;
use crate::frame::{Content, Id, Position};
use crate::framing::{cbor, invalid_frame};
use crate::json;
use crate::payload;
use crate::seldom::seldom;

/// Largest id: what every JSON number can carry exactly (RFC 8259, 6).
pub(super) const MAX_ID: u64 = (1 << 53) - 1;

/// A frame, in either direction.
#[derive(Debug, Deserialize)]
pub(super) struct Frame<'a> {
    #[serde(borrow)]
    pub(super) op: Cow<'a, str>,
    #[serde(default)]
    pub(super) id: Option<u64>,
    #[serde(borrow, default)]
    pub(super) channel: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) message: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) parameters: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) headers: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    pub(super) payload: Option<&'a RawValue>,
    /// The payload is bytes, which are base64 only in JSON.
    #[serde(skip)]
    pub(super) is_bytes: bool,
    #[serde(default)]
    pub(super) dropped: Option<u64>,
    #[serde(default)]
    pub(super) since: Option<Origin>,
    #[serde(default)]
    pub(super) position: Option<Position>,
    #[serde(default)]
    pub(super) recovered: Option<bool>,
    #[serde(default)]
    pub(super) offset: Option<u64>,
}

/// Where a subscription begins: after a position, or with the last publications.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged, expecting = "`since` is `epoch` and `offset`, or `last`")]
pub(super) enum Origin {
    After(Position),
    Last { last: u64 },
}

/// A payload that is there is one, also when it is `null`.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl<'a> Frame<'a> {
    pub(super) fn new(op: &'static str, id: Id) -> Self {
        Self {
            op: Cow::Borrowed(op),
            id,
            channel: None,
            message: None,
            parameters: None,
            headers: None,
            payload: None,
            is_bytes: false,
            dropped: None,
            since: None,
            position: None,
            recovered: None,
            offset: None,
        }
    }

    pub(super) fn with(mut self, content: &'a Content) -> Self {
        let told = content.told();
        self.channel = Some(Cow::Borrowed(&told.channel));
        self.message = Some(Cow::Borrowed(&told.message));
        self.headers = told.headers.as_deref();
        self.payload = Some(told.payload.json());
        self.is_bytes = told.carried_as == payload::Content::Binary;
        self.offset = told.offset;
        self
    }

    pub(super) fn read(text: &'a str) -> Result<Self, Fault> {
        let frame = match plain::read(text) {
            Some(frame) => frame,
            None => Self::read_any(text)?,
        };
        if frame.id.is_some_and(|id| id > MAX_ID) {
            let message = format!("`id` is more than {MAX_ID}");
            return Err(Fault::new(Fault::INVALID_FRAME, message));
        }
        Ok(frame)
    }

    fn read_any(text: &'a str) -> Result<Self, Fault> {
        // serde would read an array as the members of an object in their order.
        if !text.trim_start().starts_with('{') {
            return Err(invalid_frame(&"a frame is one JSON object"));
        }
        serde_json::from_str(text).map_err(|error| invalid_frame(&error))
    }

    /// In an encoding: `None` for what it cannot carry, such as JSON of more than 127 levels in CBOR.
    pub(super) fn write(&self, encoding: Encoding) -> Option<crate::framing::Frame<'static>> {
        match encoding {
            Encoding::Json => Some(self.text().into()),
            Encoding::Cbor => match self.cbor() {
                Ok(bytes) => Some(bytes.into()),
                Err(error) => {
                    seldom!(apart: error, %error, "a message cannot be written in CBOR");
                    None
                }
            },
        }
    }

    fn cbor(&self) -> Result<Vec<u8>, String> {
        let names = [
            ("channel", self.channel.as_deref()),
            ("message", self.message.as_deref()),
        ];
        let names = names
            .iter()
            .filter_map(|(name, value)| Some((name, (*value)?)));
        let since = self.since.as_ref().and_then(raw);
        let position = self.position.as_ref().and_then(raw);
        let recovered = self.recovered.as_ref().and_then(raw);
        let halves = [
            ("since", since.as_deref()),
            ("position", position.as_deref()),
            ("recovered", recovered.as_deref()),
            ("parameters", self.parameters),
            ("headers", self.headers),
            ("payload", self.payload),
        ];
        let halves = halves
            .iter()
            .filter_map(|(name, value)| Some((name, (*value)?)));
        let numbers = [
            ("id", self.id),
            ("dropped", self.dropped),
            ("offset", self.offset),
        ];
        let numbers = numbers
            .iter()
            .filter_map(|(name, value)| Some((name, (*value)?)));
        let pairs = 1 + numbers.clone().count() + names.clone().count() + halves.clone().count();
        let mut writer = cbor::Writer::map(pairs);
        writer.text("op");
        writer.text(&self.op);
        for (name, value) in numbers {
            writer.text(name);
            writer.integer(value);
        }
        for (name, value) in names {
            writer.text(name);
            writer.text(value);
        }
        for (name, value) in halves {
            writer.text(name);
            if self.is_bytes && *name == "payload" {
                writer.bytes(value)?;
            } else {
                writer.json(value)?;
            }
        }
        Ok(writer.finish())
    }

    fn text(&self) -> String {
        let strings = [("channel", &self.channel), ("message", &self.message)];
        let halves = [
            ("parameters", self.parameters),
            ("headers", self.headers),
            ("payload", self.payload),
        ];
        let lengths = strings
            .iter()
            .map(|(_, value)| value.as_ref().map_or(0, |value| value.len()));
        let lengths = lengths.chain(
            halves
                .iter()
                .map(|(_, value)| value.map_or(0, |value| value.get().len())),
        );
        let mut text = String::with_capacity(AROUND + lengths.sum::<usize>());
        text.push_str("{\"op\":");
        json::push_string(&mut text, &self.op);
        push_number(&mut text, "id", self.id);
        for (name, value) in strings {
            if let Some(value) = value {
                push_name(&mut text, name);
                json::push_string(&mut text, value);
            }
        }
        for (name, value) in halves {
            if let Some(value) = value {
                push_name(&mut text, name);
                text.push_str(value.get());
            }
        }
        push_number(&mut text, "dropped", self.dropped);
        // The rest is rare.
        if let Some(since) = self.since.as_ref().and_then(raw) {
            push_name(&mut text, "since");
            text.push_str(since.get());
        }
        if let Some(position) = self.position.as_ref().and_then(raw) {
            push_name(&mut text, "position");
            text.push_str(position.get());
        }
        if let Some(recovered) = self.recovered {
            push_name(&mut text, "recovered");
            text.push_str(if recovered { "true" } else { "false" });
        }
        push_number(&mut text, "offset", self.offset);
        text.push('}');
        text
    }
}

/// Bytes of a frame beside its halves and names, as most have.
const AROUND: usize = 80;

fn push_name(text: &mut String, name: &str) {
    text.push_str(",\"");
    text.push_str(name);
    text.push_str("\":");
}

fn push_number(text: &mut String, name: &str, number: Option<u64>) {
    if let Some(number) = number {
        push_name(text, name);
        // Into a `String` it cannot fail.
        let _ = write!(text, "{number}");
    }
}

/// JSON of what it can always be written of.
fn raw(value: &impl Serialize) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(value).ok()
}
