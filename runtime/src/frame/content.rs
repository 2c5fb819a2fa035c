//! What a message says, as one or many receive it.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use data_encoding::BASE64;
use serde_json::value::RawValue;

use super::{FRAME, Frame, PLACE};
use crate::json;
use crate::payload;

/// A message on a channel, serialised once however many receive it. Clones are the same.
#[derive(Clone, Debug)]
pub struct Content(Arc<Told>);

/// What a message says.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) channel: Cow<'static, str>,
    pub(crate) message: Cow<'static, str>,
    /// A JSON object that is not empty.
    pub(crate) headers: Option<Arc<RawValue>>,
    pub(crate) payload: Carried,
    /// What the payload is where a frame is nothing else. Not known of what a client receives,
    /// which has no such frames.
    pub(crate) carried_as: payload::Content,
    /// Its place among the publications of its topic.
    pub(crate) offset: Option<u64>,
    /// The payload is text that is in the frame as it is in JSON, which need not be looked for again.
    pub(crate) is_plain: bool,
}

/// A payload, as JSON. Text becomes that only where somebody asks for it.
#[derive(Clone, Debug)]
pub(crate) enum Carried {
    /// Of one message.
    Own(Box<RawValue>),
    /// Of as many as a publication reaches.
    Shared(Arc<RawValue>),
    Text(String, OnceLock<Box<RawValue>>),
}

impl From<Arc<RawValue>> for Carried {
    fn from(json: Arc<RawValue>) -> Self {
        Self::Shared(json)
    }
}

impl From<Box<RawValue>> for Carried {
    fn from(json: Box<RawValue>) -> Self {
        Self::Own(json)
    }
}

impl From<String> for Carried {
    fn from(text: String) -> Self {
        Self::Text(text, OnceLock::new())
    }
}

impl Carried {
    pub(crate) fn json(&self) -> &RawValue {
        match self {
            Self::Own(json) => json,
            Self::Shared(json) => json,
            Self::Text(text, json) => json.get_or_init(|| {
                // Text is always JSON.
                let json = serde_json::value::to_raw_value(text);
                json.unwrap_or_else(|_| RawValue::NULL.to_owned())
            }),
        }
    }

    /// For as many as it reaches.
    pub(crate) fn into_shared(self) -> Arc<RawValue> {
        match self {
            Self::Shared(json) => json,
            Self::Own(json) => json.into(),
            Self::Text(..) => self.json().to_owned().into(),
        }
    }

    /// Without escapes.
    fn len(&self) -> usize {
        match self {
            Self::Text(text, _) => text.len().saturating_add(2),
            Self::Own(_) | Self::Shared(_) => self.json().get().len(),
        }
    }
}

impl Content {
    pub(crate) fn new(told: Told) -> Self {
        Self(Arc::new(told))
    }

    pub(crate) fn told(&self) -> &Told {
        &self.0
    }

    pub(crate) fn into_told(self) -> Told {
        Arc::unwrap_or_clone(self.0)
    }

    /// The channel's key in the document.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.0.channel
    }

    /// The message's name.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The headers as a JSON object, if there are any.
    #[must_use]
    pub fn headers(&self) -> Option<&str> {
        self.0.headers.as_deref().map(RawValue::get)
    }

    /// Its place among the publications on its topic, if that keeps a history.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// The payload as JSON: text is a string, and what is neither text nor JSON a string in base64.
    #[must_use]
    pub fn payload(&self) -> &str {
        self.0.payload.json().get()
    }

    /// The payload as its content type has it. If that is JSON and an object, the headers are
    /// members beside its own; a name that both have is the payload's.
    #[must_use]
    pub fn together(&self) -> Frame<'_> {
        let text = || {
            if let Carried::Text(text, _) = &self.0.payload {
                return Some(Cow::Borrowed(text.as_str()));
            }
            let payload = self.payload();
            match payload.get(1..payload.len().saturating_sub(1)) {
                Some(text) if self.0.is_plain => Some(Cow::Borrowed(text)),
                _ => json::unquoted(self.0.payload.json()),
            }
        };
        let frame = match self.0.carried_as {
            payload::Content::Json => None,
            payload::Content::Text => text().map(Frame::Text),
            payload::Content::Binary => text()
                .and_then(|text| BASE64.decode(text.as_bytes()).ok())
                .map(Frame::from),
        };
        frame.unwrap_or_else(|| Frame::Text(self.json()))
    }

    fn json(&self) -> Cow<'_, str> {
        let payload = self.payload();
        // Headers have no place beside a payload that is not an object.
        let (Some(headers), true) = (self.headers(), payload.starts_with('{')) else {
            return Cow::Borrowed(payload);
        };
        let own = json::members(payload).unwrap_or_default();
        let mut members = json::members(headers).unwrap_or_default();
        members.retain(|(header, _)| own.iter().all(|(name, _)| name != header));
        members.extend(own);
        match json::object(&members) {
            Some(object) => Cow::Owned(object.get().to_owned()),
            None => Cow::Borrowed(payload),
        }
    }
}

impl Content {
    /// What its event holds of a queue's bytes.
    pub(crate) fn weight(&self) -> usize {
        let told = self.told();
        told.payload
            .len()
            .saturating_add(self.headers().map_or(0, str::len))
            .saturating_add(told.offset.map_or(0, |_| PLACE))
            .saturating_add(told.channel.len())
            .saturating_add(told.message.len())
            .saturating_add(FRAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &str, payload: &str, expected: &str) {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).map(Arc::<RawValue>::from);
        let content = Content::new(Told {
            channel: Cow::Borrowed("c"),
            message: Cow::Borrowed("m"),
            headers: raw(headers).ok(),
            payload: raw(payload).unwrap().into(),
            carried_as: payload::Content::Json,
            offset: None,
            is_plain: false,
        });
        assert_eq!(content.together(), Frame::from(expected));
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
