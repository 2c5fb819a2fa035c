//! The query and the headers of the request that opens a connection, as types.

use std::fmt;

use serde::Serialize;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use crate::fault::Fault;
use crate::parameters::Encoded;
use crate::validate::Validate;

/// What a document's WebSocket binding declares of the request that opens a connection: the query of
/// its URL, or its headers. Generated types implement it.
///
/// A handler reads one with [`Request::query_as`](crate::Request::query_as) or
/// [`Request::headers_as`](crate::Request::headers_as), a client sends one with
/// [`ClientBuilder::query`](crate::ClientBuilder::query) or
/// [`ClientBuilder::headers`](crate::ClientBuilder::headers). In both numbers and booleans are
/// written as in JSON, and lists with commas between their items.
pub trait Opening: Serialize + DeserializeOwned + Validate {
    /// What its members are called on the wire.
    const NAMES: &'static [&'static str];
}

/// Reads one of what there is of its members. `whole` is what is read, for the fault.
pub(crate) fn read<T: Opening>(
    whole: &str,
    get: impl Fn(&str) -> Option<String>,
) -> Result<T, Fault> {
    let invalid = |what: &dyn fmt::Display| {
        let text = format!("the {whole} of the connection: {what}");
        Fault::new(Fault::INVALID_MESSAGE, text)
    };
    let members = T::NAMES.iter().filter_map(|name| {
        let text = get(name)?;
        Some((*name, Text { name, text }))
    });
    let members = MapDeserializer::<_, serde_json::Error>::new(members);
    let value = T::deserialize(members).map_err(|error| invalid(&error))?;
    value.validate().map_err(|violation| invalid(&violation))?;
    Ok(value)
}

/// The members that are there, each as text; or the name of one that is no text.
pub(crate) fn texts<T: Opening>(value: &T) -> Result<Vec<(String, String)>, String> {
    text_of(serde_json::to_value(value).unwrap_or_default(), T::NAMES)
}

fn text_of(mut members: Value, names: &[&str]) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    for name in names {
        let value = members.get_mut(*name).map(Value::take);
        let Some(value) = value.filter(|value| !value.is_null()) else {
            continue;
        };
        match text(&value) {
            Some(text) => found.push(((*name).to_owned(), text)),
            None => return Err((*name).to_owned()),
        }
    }
    Ok(found)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(text).collect();
            Some(items?.join(","))
        }
        Value::Object(_) => None,
    }
}

/// A URL with these members added to its query.
pub(crate) fn with_query(url: &str, members: &[(String, String)]) -> String {
    let (url, fragment) = match url.split_once('#') {
        Some((url, fragment)) => (url, Some(fragment)),
        None => (url, None),
    };
    let mut url = url.to_owned();
    for (name, value) in members {
        let sign = if url.contains('?') { '&' } else { '?' };
        url.push_str(&format!("{sign}{}={}", Encoded(name), Encoded(value)));
    }
    match fragment {
        Some(fragment) => format!("{url}#{fragment}"),
        None => url,
    }
}

/// The text of a member: read as whatever is asked for.
struct Text {
    name: &'static str,
    text: String,
}

impl Text {
    /// What is wrong, and with which member.
    fn told<T>(name: &str, read: impl FnOnce() -> serde_json::Result<T>) -> serde_json::Result<T> {
        read().map_err(|error| {
            let error = error.to_string();
            match error.starts_with('/') {
                true => serde_json::Error::custom(error),
                false => serde_json::Error::custom(format!("/{name}: {error}")),
            }
        })
    }
}

impl IntoDeserializer<'_, serde_json::Error> for Text {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident($visit:ident))*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
            Self::told(self.name, || match self.text.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => visitor.visit_str(&self.text),
            })
        }
    )*};
}

impl<'de> Deserializer<'de> for Text {
    type Error = serde_json::Error;

    parsed! {
        deserialize_bool(visit_bool)
        deserialize_i8(visit_i64) deserialize_i16(visit_i64)
        deserialize_i32(visit_i64) deserialize_i64(visit_i64)
        deserialize_u8(visit_u64) deserialize_u16(visit_u64)
        deserialize_u32(visit_u64) deserialize_u64(visit_u64)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        // JSON has no infinity.
        Self::told(self.name, || match serde_json::from_str(&self.text) {
            Ok(value) => visitor.visit_f64(value),
            Err(_) => visitor.visit_str(&self.text),
        })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        Self::told(self.name, || match serde_json::from_str(&self.text) {
            Ok(Value::Number(number)) => number.deserialize_any(visitor),
            Ok(Value::Bool(value)) => visitor.visit_bool(value),
            _ => visitor.visit_str(&self.text),
        })
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        Self::told(self.name, || visitor.visit_string(self.text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        Self::told(self.name, || {
            visitor.visit_enum(self.text.into_deserializer())
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        let name = self.name;
        let items = self.text.split(',').filter(|item| !item.is_empty());
        let items = items.map(|item| Self {
            name,
            text: item.to_owned(),
        });
        visitor.visit_seq(SeqDeserializer::new(items))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple_struct map struct identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use specwire_rules::{At, Violation};

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Side {
        Bid,
        Offer,
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        symbol: String,
        depth: Option<u8>,
        heartbeat: Option<bool>,
        ratio: Option<f64>,
        side: Option<Side>,
        #[serde(default)]
        levels: Vec<i64>,
        exact: Option<crate::Number>,
    }

    impl Validate for Query {
        fn check(&self, at: &At<'_>) -> Result<(), Violation> {
            specwire_rules::max_length(&at.member("symbol"), &self.symbol, 6)
        }
    }

    impl Opening for Query {
        const NAMES: &'static [&'static str] = &[
            "symbol",
            "depth",
            "heartbeat",
            "ratio",
            "side",
            "levels",
            "exact",
        ];
    }

    fn query(text: &'static str) -> Result<Query, String> {
        let pairs: Vec<_> = crate::parameters::query_pairs(text).collect();
        let get = |wanted: &str| {
            let mut pairs = pairs.iter();
            let (_, value) = pairs.find(|(name, _)| name == wanted)?;
            Some(value.clone())
        };
        read("query", get).map_err(|fault| fault.message().to_owned())
    }

    fn some() -> Query {
        Query {
            symbol: "007".to_owned(),
            depth: Some(5),
            heartbeat: Some(true),
            ratio: Some(0.5),
            side: Some(Side::Offer),
            levels: vec![-1, 20],
            exact: Some(u64::MAX.into()),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let written = texts(&some()).unwrap();
        let url = with_query("ws://a.b/c?d=e#f", &written);
        assert_eq!(
            url,
            "ws://a.b/c?d=e&symbol=007&depth=5&heartbeat=true&ratio=0.5&side=offer&levels=-1%2C20\
             &exact=18446744073709551615#f"
        );
        let read = query(
            "symbol=007&depth=5&heartbeat=true&ratio=0.5&side=offer&levels=-1%2C20\
             &exact=18446744073709551615&more=1",
        );
        assert_eq!(read, Ok(some()));
        let sparse = Query {
            symbol: "x y".to_owned(),
            depth: None,
            heartbeat: None,
            ratio: None,
            side: None,
            levels: Vec::new(),
            exact: None,
        };
        assert_eq!(query("symbol=x+y"), Ok(sparse));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("depth=5", "missing field `symbol`"),
            (
                "symbol=a&depth=x",
                "/depth: invalid type: string \"x\", expected u8",
            ),
            (
                "symbol=a&depth=300",
                "/depth: invalid value: integer `300`, expected u8",
            ),
            (
                "symbol=a&heartbeat=yes",
                "/heartbeat: invalid type: string \"yes\", expected a boolean",
            ),
            (
                "symbol=a&side=both",
                "/side: unknown variant `both`, expected `bid` or `offer`",
            ),
            (
                "symbol=a&levels=1,b",
                "/levels: invalid type: string \"b\", expected i64",
            ),
            (
                "symbol=a&ratio=inf",
                "/ratio: invalid type: string \"inf\", expected f64",
            ),
            (
                "symbol=abcdefg",
                "/symbol: found \"abcdefg\" of 7 characters, expected at most 6 (maxLength)",
            ),
        ] {
            let expected = format!("the query of the connection: {expected}");
            assert_eq!(query(text), Err(expected), "{text}");
        }
    }
}
