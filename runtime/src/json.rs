//! JSON objects as lists of members whose values stay text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serializer};
use serde_json::value::RawValue;

/// A member's name and its value's text.
pub(crate) type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// Members of an object that a peer is told something about, or whose message is told by them. As
/// many do not fit into the largest message that is taken by default.
pub(crate) const MANY: usize = 16 << 10;

/// The members of the JSON object `text`, in order.
///
/// # Errors
///
/// Text that is not one JSON object, or has two members of one name.
pub(crate) fn members(text: &str) -> serde_json::Result<Vec<Member<'_>>> {
    members_within(text, usize::MAX)
}

/// The same of an object that may have `most` members. What is kept of each takes more room and more
/// time than the bytes that it is made of, so that the size of a text is no bound to either.
///
/// # Errors
///
/// As [`members`], and at the first member too many.
pub(crate) fn members_within(text: &str, most: usize) -> serde_json::Result<Vec<Member<'_>>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = InOrder { most }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(members)
}

/// The value of the one member of this name that the JSON object `text` has, kept apart from no other.
pub(crate) fn member<'a>(text: &'a str, name: &str) -> Option<&'a RawValue> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Only { name }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    value
}

/// The text that a JSON string is.
pub(crate) fn unquoted(string: &RawValue) -> Option<Cow<'_, str>> {
    let text = string.get();
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.contains('\\') => Some(Cow::Borrowed(inner)),
        _ => serde_json::from_str(text).map(Cow::Owned).ok(),
    }
}

/// Adds a JSON string to JSON text (RFC 8259, 7).
pub(crate) fn push_string(text: &mut String, string: &str) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if string.bytes().all(is_plain) {
        text.push('"');
        text.push_str(string);
        text.push('"');
    } else if let Ok(escaped) = serde_json::to_string(string) {
        text.push_str(&escaped);
    }
}

/// The JSON object with these members.
pub(crate) fn object(members: &[Member<'_>]) -> Option<Box<RawValue>> {
    let mut serializer = serde_json::Serializer::new(Vec::new());
    serializer
        .collect_map(members.iter().map(|(name, value)| (name, value)))
        .ok()?;
    let text = String::from_utf8(serializer.into_inner()).ok()?;
    RawValue::from_string(text).ok()
}

struct InOrder {
    most: usize,
}

impl<'de> DeserializeSeed<'de> for InOrder {
    type Value = Vec<Member<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for InOrder {
    type Value = Vec<Member<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            if members.len() == self.most {
                return Err(A::Error::custom(format_args!(
                    "found more than {} members, expected at most as many",
                    self.most
                )));
            }
            let value = map.next_value::<&'de RawValue>()?;
            if !seen.insert(name.0.clone()) {
                return Err(A::Error::custom(format_args!(
                    "the member `{}` is there twice",
                    name.0
                )));
            }
            members.push((name.0, value));
        }
        Ok(members)
    }
}

struct Only<'n> {
    name: &'n str,
}

impl<'de> DeserializeSeed<'de> for Only<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Only<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<Name<'de>>()? {
            if name.0 != self.name {
                map.next_value::<IgnoredAny>()?;
            } else if found.replace(map.next_value::<&'de RawValue>()?).is_some() {
                return Err(A::Error::custom("the member is there twice"));
            }
        }
        Ok(found)
    }
}

/// A name that is borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_back_as_they_were() {
        let text = r#"{"a":1,"b\n":{"c":[2.50]},"d":"x"}"#;
        let members = members(text).unwrap();
        assert_eq!(members[1].0, "b\n");
        assert_eq!(object(&members).unwrap().get(), text);
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused() {
        let error = members(r#"{"a":1,"a":2}"#).unwrap_err();
        assert!(
            error.to_string().contains("the member `a` is there twice"),
            "{error}"
        );
    }

    #[test]
    fn an_object_may_have_so_many_members() {
        let text = r#"{"a":1,"b":2,"c":3}"#;
        assert_eq!(members_within(text, 3).unwrap().len(), 3);
        let error = members_within(text, 2).unwrap_err().to_string();
        assert!(error.contains("found more than 2 members"), "{error}");
    }

    #[test]
    fn one_member_is_found_among_others() {
        let find = |text, name| member(text, name).map(RawValue::get);
        let text = r#"{"a":{"b":1},"\u0062":[2],"c":null}"#;
        assert_eq!(find(text, "b"), Some("[2]"));
        assert_eq!(find(text, "c"), Some("null"));
        assert_eq!(find(text, "d"), None);
        for text in [r#"{"a":1,"a":2}"#, r#"{"a":1} x"#, "[]", r#"{"a":1"#, ""] {
            assert_eq!(find(text, "a"), None, "{text}");
        }
    }

    #[test]
    fn strings_are_quoted_and_unquoted() {
        for string in [
            "",
            "plain é ☃",
            "a\"b",
            "back\\slash",
            "line\nend",
            "\u{1}",
            "\\",
        ] {
            let mut text = String::new();
            push_string(&mut text, string);
            assert_eq!(text, serde_json::to_string(string).unwrap());
            let raw: &RawValue = serde_json::from_str(&text).unwrap();
            assert_eq!(unquoted(raw).unwrap(), string);
        }
        let raw: &RawValue = serde_json::from_str("1").unwrap();
        assert_eq!(unquoted(raw), None);
    }

    #[test]
    fn only_one_object_will_do() {
        for text in ["", "[]", "1", "{} {}", "{", "\"x\""] {
            assert!(members(text).is_err(), "{text}");
        }
    }
}
