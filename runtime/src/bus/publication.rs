//! What a bus carries.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A message on a bus: serialised once, however many receive it. Clones share it.
///
/// ```
/// use specwire::bus::Publication;
///
/// let publication = Publication::new("score", None, "[2, 1]")?;
/// let carried = publication.encode();
/// assert_eq!(Publication::decode(&carried)?, publication);
/// # Ok::<(), specwire::bus::InvalidPublication>(())
/// ```
#[derive(Clone)]
pub struct Publication {
    message: Cow<'static, str>,
    headers: Option<Arc<RawValue>>,
    payload: Arc<RawValue>,
}

/// What a bus has delivered is no publication.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidPublication(String);

impl Publication {
    /// The message of this name, with headers, where it has any, and payload as JSON: text is a
    /// string, and what is neither text nor JSON is a string in base64.
    ///
    /// # Errors
    ///
    /// [`InvalidPublication`] for what is not JSON.
    pub fn new(
        message: impl Into<Cow<'static, str>>,
        headers: Option<&str>,
        payload: &str,
    ) -> Result<Self, InvalidPublication> {
        let json = |text: &str| {
            let raw: Box<RawValue> = serde_json::from_str(text).map_err(|error| invalid(&error))?;
            Ok(Arc::from(raw))
        };
        Ok(Self::of_json(
            message.into(),
            headers.map(json).transpose()?,
            json(payload)?,
        ))
    }

    pub(crate) fn of_json(
        message: Cow<'static, str>,
        headers: Option<Arc<RawValue>>,
        payload: Arc<RawValue>,
    ) -> Self {
        Self {
            message,
            headers,
            payload,
        }
    }

    pub(crate) fn json(&self) -> (Option<&Arc<RawValue>>, &Arc<RawValue>) {
        (self.headers.as_ref(), &self.payload)
    }

    /// The message's name.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The headers as a JSON object, if there are any.
    #[must_use]
    pub fn headers(&self) -> Option<&str> {
        self.headers.as_deref().map(RawValue::get)
    }

    /// The payload as JSON.
    #[must_use]
    pub fn payload(&self) -> &str {
        self.payload.get()
    }

    /// Bytes of it all, about.
    #[must_use]
    pub fn size(&self) -> usize {
        let headers = self.headers().map_or(0, str::len);
        self.payload()
            .len()
            .saturating_add(headers)
            .saturating_add(self.message.len())
    }

    /// The publication as bytes, for a bus that carries it out of the process.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let encoded = Encoded {
            message: Cow::Borrowed(&self.message),
            headers: self.headers.as_deref(),
            payload: &self.payload,
        };
        // A string and two JSON texts can be written always.
        serde_json::to_vec(&encoded).unwrap_or_default().into()
    }

    /// The publication that was [encoded](Self::encode).
    ///
    /// # Errors
    ///
    /// [`InvalidPublication`] for bytes that are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidPublication> {
        let encoded: Encoded<'_> =
            serde_json::from_slice(bytes).map_err(|error| invalid(&error))?;
        Ok(Self {
            message: Cow::Owned(encoded.message.into_owned()),
            headers: encoded.headers.map(|headers| Arc::from(headers.to_owned())),
            payload: Arc::from(encoded.payload.to_owned()),
        })
    }
}

#[derive(Deserialize, Serialize)]
struct Encoded<'a> {
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    headers: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

fn invalid(error: &serde_json::Error) -> InvalidPublication {
    InvalidPublication(error.to_string())
}

impl PartialEq for Publication {
    fn eq(&self, other: &Self) -> bool {
        self.message == other.message
            && self.headers() == other.headers()
            && self.payload() == other.payload()
    }
}

impl Eq for Publication {}

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publication")
            .field("message", &self.message)
            .field("bytes", &self.size())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for InvalidPublication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a publication: {}", self.0)
    }
}

impl std::error::Error for InvalidPublication {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for (headers, payload) in [
            (None, "null"),
            (Some("{}"), "[1, 2.50]"),
            (Some(r#"{"a":1}"#), r#""x\u0000""#),
        ] {
            let publication = Publication::new("a\"b", headers, payload).unwrap();
            assert_eq!(Publication::decode(&publication.encode()), Ok(publication));
        }
        for text in [
            "",
            "{}",
            "[]",
            r#"{"message":"a"}"#,
            r#"{"message":1,"payload":1}"#,
        ] {
            assert!(Publication::decode(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Publication::new("a", None, "{").is_err());
    }
}
