//! What values are read into where neither Rust nor serde has a type for them.

use std::fmt;
use std::ops::Deref;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::validate::Validate;

/// Bytes that are base64 in JSON: a `string` with format `byte` or `binary`, or with
/// `contentEncoding: base64`.
///
/// Reads either alphabet of RFC 4648, padded or not, and writes the standard one, padded. Clones
/// share the bytes.
///
/// ```
/// use specwire::Bytes;
///
/// let frame = Bytes::from(vec![0xff, 0xfe]);
/// assert_eq!(frame.to_base64(), "//4=");
/// assert_eq!(Bytes::from_base64("__4"), Some(frame));
/// ```
#[derive(Clone, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Bytes(bytes::Bytes);

impl Bytes {
    /// The bytes that `text` stands for, if it is base64.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let digits = text.trim_end_matches('=');
        // What is padded is so to a multiple of four.
        if digits.len() < text.len()
            && (!text.len().is_multiple_of(4) || digits.len() + 2 < text.len())
        {
            return None;
        }
        let encoding = if digits.contains(['-', '_']) {
            BASE64URL_NOPAD
        } else {
            BASE64_NOPAD
        };
        let bytes = encoding.decode(digits.as_bytes()).ok()?;
        Some(Self(bytes.into()))
    }

    /// The bytes as they are written in JSON.
    #[must_use]
    pub fn to_base64(&self) -> String {
        BASE64.encode(&self.0)
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl From<bytes::Bytes> for Bytes {
    fn from(bytes: bytes::Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.0.into()
    }
}

impl From<Bytes> for bytes::Bytes {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl fmt::Debug for Bytes {
    /// The first of them, and how many there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 16;
        f.write_str("Bytes(")?;
        for byte in self.iter().take(SHOWN) {
            write!(f, "{byte:02x}")?;
        }
        if self.len() > SHOWN {
            write!(f, "…, {} in all", self.len())?;
        }
        f.write_str(")")
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64())
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Base64;
        impl Visitor<'_> for Base64 {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string in base64")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
                // The text itself may be a megabyte of what it is not.
                Bytes::from_base64(text).ok_or_else(|| E::custom("the string is not base64"))
            }
        }
        deserializer.deserialize_str(Base64)
    }
}

impl Validate for Bytes {}

/// The type of a schema that nothing fits: there is no value of it.
///
/// An optional member of this type is one that must not be there.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Never {}

impl Serialize for Never {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match *self {}
    }
}

impl<'de> Deserialize<'de> for Never {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(Error::custom("found a value where the schema allows none"))
    }
}

impl Validate for Never {}

/// A value that is none of an enum's.
///
/// ```
/// use specwire::UnknownValue;
///
/// let error = UnknownValue::new(7, &["1", "2", "3"]);
/// assert_eq!(error.to_string(), "unknown value 7, expected 1, 2 or 3");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownValue {
    found: String,
    expected: &'static [&'static str],
}

impl UnknownValue {
    /// `found` in place of one of `expected`, all as they are written in JSON.
    #[must_use]
    pub fn new(found: impl fmt::Display, expected: &'static [&'static str]) -> Self {
        Self {
            found: found.to_string(),
            expected,
        }
    }
}

impl fmt::Display for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 48;
        let mut found = self.found.clone();
        if let Some((end, _)) = found.char_indices().nth(SHOWN) {
            found.truncate(end);
            found.push('…');
        }
        write!(f, "unknown value {found}")?;
        if let Some((last, others)) = self.expected.split_last() {
            f.write_str(", expected ")?;
            if !others.is_empty() {
                write!(f, "{} or ", others.join(", "))?;
            }
            f.write_str(last)?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownValue {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_base64_in_either_alphabet() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("aGk=", b"hi"),
            ("aGk", b"hi"),
            ("//79", b"\xff\xfe\xfd"),
            ("__79", b"\xff\xfe\xfd"),
            ("_w==", b"\xff"),
        ] {
            let read: Bytes = serde_json::from_value(text.into()).unwrap();
            assert_eq!(&*read, bytes, "{text}");
        }
        for text in ["a", "aGk==", "aGk===", "=", "/_79", "aG k", "aGk\n", "aGl="] {
            assert!(Bytes::from_base64(text).is_none(), "{text}");
            let format = specwire_rules::Format::Byte;
            assert!(!format.matches(text), "{text}");
        }
        let bytes = Bytes::from(vec![7; 100]);
        assert_eq!(
            format!("{bytes:?}"),
            format!("Bytes({}…, 100 in all)", "07".repeat(16))
        );
        assert_eq!(
            serde_json::to_string(&Bytes::from(&b"hi"[..])).unwrap(),
            "\"aGk=\""
        );
    }

    #[test]
    fn nothing_is_read_where_nothing_fits() {
        let error = serde_json::from_str::<Option<Never>>("1").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("found a value where the schema allows none")
        );
        assert_eq!(serde_json::from_str::<Option<Never>>("null").unwrap(), None);
    }
}
