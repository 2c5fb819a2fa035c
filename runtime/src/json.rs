//! JSON objects as lists of members whose values stay text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serializer};
use serde_json::value::RawValue;

/// A member's name and its value's text.
pub(crate) type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// The members of the JSON object `text`, in order.
///
/// # Errors
///
/// Text that is not one JSON object, or has two members of one name.
pub(crate) fn members(text: &str) -> serde_json::Result<Vec<Member<'_>>> {
    Ok(serde_json::from_str::<Members<'_>>(text)?.0)
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

struct Members<'a>(Vec<Member<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                let mut seen = std::collections::HashSet::new();
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    let value = map.next_value::<&'de RawValue>()?;
                    if !seen.insert(name.0.clone()) {
                        return Err(A::Error::custom(format_args!(
                            "the member `{}` is there twice",
                            name.0
                        )));
                    }
                    members.push((name.0, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
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
    fn only_one_object_will_do() {
        for text in ["", "[]", "1", "{} {}", "{", "\"x\""] {
            assert!(members(text).is_err(), "{text}");
        }
    }
}
