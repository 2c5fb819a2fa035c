//! Reads out of values that have been read, and keeps track of where: what may be of several types is
//! read so.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;

use super::place::within;
use super::{Object, Single, VariantName, Whole};

/// Reads one value out of another. The message of an error begins with the JSON pointer of what is
/// wrong within the value, unless that is the whole.
///
/// # Errors
///
/// As [`serde_json::from_value`], and where it would accept what no schema means.
pub(crate) fn from_value<T: DeserializeOwned>(value: &Value) -> serde_json::Result<T> {
    T::deserialize(Tree(value))
}

/// A value that is there to be read.
struct Tree<'v>(&'v Value);

impl<'v> Tree<'v> {
    fn read<V: Visitor<'v>>(self, visitor: V) -> serde_json::Result<V::Value> {
        let whole = |rest: usize, length: usize| match rest {
            0 => Ok(()),
            _ => Err(Error::invalid_length(length, &"fewer")),
        };
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => number.deserialize_any(visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(values) => {
                let mut items = Items(values.iter().enumerate());
                let read = visitor.visit_seq(&mut items)?;
                whole(items.0.len(), values.len()).map(|()| read)
            }
            Value::Object(values) => {
                let mut members = Members {
                    rest: values.iter(),
                    value: None,
                };
                let read = visitor.visit_map(&mut members)?;
                whole(members.rest.len(), values.len()).map(|()| read)
            }
        }
    }
}

macro_rules! read {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'v>>(self, visitor: V) -> serde_json::Result<V::Value> {
            self.read(visitor)
        }
    )*};
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'v>>(self, visitor: V) -> serde_json::Result<V::Value> {
            self.read(Whole(visitor))
        }
    )*};
}

impl<'v> Deserializer<'v> for Tree<'v> {
    type Error = serde_json::Error;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    read! {
        deserialize_any deserialize_bool deserialize_i128 deserialize_u128
        deserialize_f64
        deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf
        deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier
    }

    fn deserialize_f32<V: Visitor<'v>>(self, visitor: V) -> serde_json::Result<V::Value> {
        self.read(Single(visitor))
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> serde_json::Result<V::Value> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        self.read(Object(visitor))
    }

    fn deserialize_enum<V: Visitor<'v>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        self.read(VariantName(visitor))
    }

    fn deserialize_unit_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        self.read(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'v>>(
        self,
        _: usize,
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        self.read(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        self.read(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'v>>(self, visitor: V) -> serde_json::Result<V::Value> {
        visitor.visit_unit()
    }
}

struct Items<'v>(std::iter::Enumerate<std::slice::Iter<'v, Value>>);

impl<'v> SeqAccess<'v> for Items<'v> {
    type Error = serde_json::Error;

    fn next_element_seed<S: DeserializeSeed<'v>>(
        &mut self,
        seed: S,
    ) -> serde_json::Result<Option<S::Value>> {
        let Some((index, value)) = self.0.next() else {
            return Ok(None);
        };
        match seed.deserialize(Tree(value)) {
            Ok(read) => Ok(Some(read)),
            Err(error) => Err(within(&index.to_string(), &error)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Members<'v> {
    rest: serde_json::map::Iter<'v>,
    /// Of the member whose name has been read.
    value: Option<(&'v str, &'v Value)>,
}

impl<'v> MapAccess<'v> for Members<'v> {
    type Error = serde_json::Error;

    fn next_key_seed<S: DeserializeSeed<'v>>(
        &mut self,
        seed: S,
    ) -> serde_json::Result<Option<S::Value>> {
        let Some((name, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some((name, value));
        let read = seed.deserialize(BorrowedStrDeserializer::new(name));
        read.map(Some).map_err(|error| within(name, &error))
    }

    fn next_value_seed<S: DeserializeSeed<'v>>(&mut self, seed: S) -> serde_json::Result<S::Value> {
        let Some((name, value)) = self.value.take() else {
            return Err(Error::custom("a member's value was read before its name"));
        };
        let read = seed.deserialize(Tree(value));
        read.map_err(|error| within(name, &error))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}
