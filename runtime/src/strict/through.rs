//! Reads values whose type is seen when they have been read.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads a value whose objects have each member once, and makes something of it.
///
/// # Errors
///
/// What cannot be read, or what `make` fails with.
// While the value is being visited, so that the reader of a text knows the place of such an error.
pub(crate) fn through_value<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    make: impl FnOnce(Value) -> Result<T, String>,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(Through(make))
}

/// Any value whose objects have each member once.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        through_value(deserializer, |value| Ok(Self(value)))
    }
}

/// Makes something of any value.
struct Through<F>(F);

impl<F> Through<F> {
    fn made<T, E: Error>(self, value: impl Into<Value>) -> Result<T, E>
    where
        F: FnOnce(Value) -> Result<T, String>,
    {
        (self.0)(value.into()).map_err(E::custom)
    }
}

impl<'de, T, F: FnOnce(Value) -> Result<T, String>> Visitor<'de> for Through<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<T, E> {
        self.made(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        self.made(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        self.made(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        self.made(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
        self.made(value)
    }

    fn visit_string<E: Error>(self, value: String) -> Result<T, E> {
        self.made(value)
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        self.made(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<T, E> {
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
