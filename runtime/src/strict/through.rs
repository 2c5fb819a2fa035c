//! Reads values whose type is seen when they have been read.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::{Map, Value};

use super::Whole;

/// Reads a value whose objects have each member once, and makes something of it.
///
/// # Errors
///
/// What cannot be read, or what `make` fails with.
// While the value is being visited, so that the reader of a text knows the place of such an error.
pub(crate) fn through_value<'de, T, E: fmt::Display, D: Deserializer<'de>>(
    deserializer: D,
    make: impl FnOnce(Value) -> Result<T, E>,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(Through(make))
}

/// Reads an integer, and makes something of it.
///
/// # Errors
///
/// What is no integer, or what `make` fails with.
pub(crate) fn through_integer<'de, T, E: fmt::Display, D: Deserializer<'de>>(
    deserializer: D,
    make: impl FnOnce(i64) -> Result<T, E>,
) -> Result<T, D::Error> {
    deserializer.deserialize_i64(Whole(Integer(make)))
}

/// Makes something of an integer.
struct Integer<F>(F);

impl<T, E: fmt::Display, F: FnOnce(i64) -> Result<T, E>> Visitor<'_> for Integer<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer")
    }

    fn visit_i64<O: Error>(self, value: i64) -> Result<T, O> {
        (self.0)(value).map_err(O::custom)
    }

    fn visit_u64<O: Error>(self, value: u64) -> Result<T, O> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(O::invalid_value(Unexpected::Unsigned(value), &self)),
        }
    }
}

/// Any value whose objects have each member once.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        through_value(deserializer, |value| Ok::<_, &str>(Self(value)))
    }
}

/// Makes something of any value.
struct Through<F>(F);

impl<F> Through<F> {
    fn made<T, E: fmt::Display, O: Error>(self, value: impl Into<Value>) -> Result<T, O>
    where
        F: FnOnce(Value) -> Result<T, E>,
    {
        (self.0)(value.into()).map_err(O::custom)
    }
}

impl<'de, T, E: fmt::Display, F: FnOnce(Value) -> Result<T, E>> Visitor<'de> for Through<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<O: Error>(self, value: bool) -> Result<T, O> {
        self.made(value)
    }

    fn visit_i64<O: Error>(self, value: i64) -> Result<T, O> {
        self.made(value)
    }

    fn visit_u64<O: Error>(self, value: u64) -> Result<T, O> {
        self.made(value)
    }

    fn visit_f64<O: Error>(self, value: f64) -> Result<T, O> {
        self.made(value)
    }

    fn visit_str<O: Error>(self, value: &str) -> Result<T, O> {
        self.made(value)
    }

    fn visit_string<O: Error>(self, value: String) -> Result<T, O> {
        self.made(value)
    }

    fn visit_unit<O: Error>(self) -> Result<T, O> {
        self.made(Value::Null)
    }

    fn visit_none<O: Error>(self) -> Result<T, O> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, some: D) -> Result<T, D::Error> {
        let Once(value) = Once::deserialize(some)?;
        self.made(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<T, A::Error> {
        let mut values = Vec::new();
        while let Some(Once(value)) = elements.next_element()? {
            values.push(value);
        }
        self.made(values)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<T, A::Error> {
        let mut values = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if values.contains_key(&name) {
                let what = format!("the member `{name}` is there twice");
                return Err(A::Error::custom(what));
            }
            let Once(value) = members.next_value()?;
            values.insert(name, value);
        }
        self.made(values)
    }
}
