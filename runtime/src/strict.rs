//! Reads JSON as JSON Schema means it: an object is an object, and a string is a string.
//!
//! What serde derives accepts more: an array in place of an object, with the members in their
//! order, and `{"name":null}` in place of the string that names a unit variant. And less: `5.0` is an
//! integer to JSON Schema, and is written as `5`.

mod place;
mod text;
mod through;
mod tree;
mod write;

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer,
    MapAccess, SeqAccess, Unexpected, Visitor,
};

pub(crate) use place::explain;
pub(crate) use text::text;
pub(crate) use through::{through_integer, through_value};
pub(crate) use tree::from_value;
pub(crate) use write::to_raw;

/// Reads one value.
///
/// # Errors
///
/// As [`serde_json::from_str`], and where it would accept what no schema means.
pub(crate) fn from_str<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(Strict(&mut deserializer))?;
    deserializer.end()?;
    Ok(value)
}

/// Reads one value from wherever it comes.
///
/// # Errors
///
/// As the type's own, and where that would accept what no schema means.
pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    T::deserialize(Strict(deserializer))
}

/// Whatever it stands around, and what that consists of in turn.
struct Strict<T>(T);

macro_rules! forward {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(Strict(visitor))
        }
    )*};
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        // Of any value: what serde has kept for later gives no `f64` to who asks for an integer.
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.deserialize_any(Whole(visitor))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    forward! {
        deserialize_any deserialize_bool deserialize_i128 deserialize_u128
        deserialize_f64
        deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf
        deserialize_option deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_f32(Single(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Object(Strict(visitor)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_str(VariantName(visitor))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, Strict(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Strict(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, Strict(visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, len, Strict(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! forward_scalars {
    ($($method:ident($scalar:ty))*) => {$(
        fn $method<E: Error>(self, value: $scalar) -> Result<V::Value, E> {
            self.0.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    forward_scalars! {
        visit_bool(bool)
        visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128)
        visit_f32(f32) visit_f64(f64)
        visit_char(char) visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
        visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Strict(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Strict(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Strict(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Strict(members))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Strict(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

/// What has members is an object.
struct Object<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Object<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(members)
    }
}

/// A unit variant is the string that names it.
struct VariantName<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for VariantName<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<V::Value, E> {
        let name: StrDeserializer<'_, E> = name.into_deserializer();
        self.0.visit_enum(name)
    }
}

/// A number that an `f32` can hold: beyond it there would be only infinity, which JSON does not have.
struct Single<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Single<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    forward_scalars! { visit_i64(i64) visit_u64(u64) }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        if value.abs() > f64::from(f32::MAX) {
            return Err(E::invalid_value(Unexpected::Float(value), &self));
        }
        self.0.visit_f64(value)
    }
}

/// An integer may be written with a fraction of zero.
struct Whole<V>(V);

/// Up to here each whole number has a `f64` of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl<'de, V: Visitor<'de>> Visitor<'de> for Whole<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    forward_scalars! {
        visit_i64(i64) visit_i128(i128) visit_u64(u64) visit_u128(u128)
        visit_str(&str)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole and within reach"
    )]
    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        if value.fract() != 0.0 || value.abs() > EXACT {
            return self.0.visit_f64(value);
        }
        let value = value as i64;
        match u64::try_from(value) {
            Ok(value) => self.0.visit_u64(value),
            Err(_) => self.0.visit_i64(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Order {
        side: Side,
        price: crate::Number,
        #[serde(rename = "parentId")]
        parent: Option<Box<Self>>,
        #[serde(default)]
        notes: BTreeMap<String, Vec<Note>>,
        id: Option<crate::Uuid>,
        more: Option<crate::Json>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    enum Side {
        #[serde(rename = "buy")]
        Buy,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Note {
        text: String,
    }

    #[test]
    fn what_a_schema_means_is_read_as_serde_reads_it() {
        for text in [
            r#"{"side":"buy","price":2.5}"#,
            r#"{"side":"buy","price":18446744073709551615,"parentId":{"side":"buy","price":-1}}"#,
            r#"{"side":"b\u0075y","price":1,"parentId":null,"notes":{"a":[{"text":"é\n"}],"b":[]}}"#,
            r#"{"side":"buy","price":1,"id":"6f1c8c1e-7d4e-4bb8-8f8e-0a4a2f2f9d11","more":[{"x":[1]}]}"#,
        ] {
            let expected: Order = serde_json::from_str(text).unwrap();
            assert_eq!(from_str::<Order>(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_only_serde_means_is_refused() {
        for text in [
            r#"["buy",1,null,{},null,null]"#,
            r#"{"side":{"buy":null},"price":1}"#,
            r#"{"side":"buy","price":1,"parentId":["buy",1,null,{},null,null]}"#,
            r#"{"side":"buy","price":1,"notes":{"a":[["text"]]}}"#,
        ] {
            assert!(serde_json::from_str::<Order>(text).is_ok(), "{text}");
            assert!(from_str::<Order>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_integers_however_they_are_written() {
        for (text, expected) in [
            ("5.0", Some(5)),
            ("-5.0", Some(-5)),
            ("1e3", Some(1000)),
            ("-0.0", Some(0)),
            ("9007199254740992.0", Some(9_007_199_254_740_992)),
            ("5.5", None),
            ("1e300", None),
            ("\"5\"", None),
        ] {
            assert_eq!(from_str::<i64>(text).ok(), expected, "{text}");
        }
        assert_eq!(
            from_str::<Vec<Option<u8>>>("[5.0,null]").unwrap(),
            [Some(5), None]
        );
        let error = from_str::<u8>("256.0").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("invalid value: integer `256`, expected u8"),
            "{error}"
        );
        assert!(from_str::<u8>("-1.0").is_err());
    }

    #[test]
    fn members_that_are_not_declared_are_read_as_the_others() {
        #[derive(Debug, Deserialize, PartialEq)]
        struct Counts {
            all: u8,
            #[serde(flatten, deserialize_with = "crate::private::others")]
            each: BTreeMap<String, u8>,
        }
        let read = from_str::<Counts>(r#"{"a":1.0,"all":3.0,"b":2}"#).unwrap();
        let each = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        assert_eq!(read, Counts { all: 3, each });
        assert!(from_str::<Counts>(r#"{"a":1.5,"all":3}"#).is_err());
    }

    #[test]
    fn enums_of_values_are_read_through_them() {
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        #[serde(into = "i64")]
        enum Level {
            One,
        }
        impl<'de> Deserialize<'de> for Level {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::private::integer(deserializer, |value| match value {
                    1 => Ok(Self::One),
                    _ => Err(crate::UnknownValue::new(value, &["1"])),
                })
            }
        }
        impl From<Level> for i64 {
            fn from(_: Level) -> Self {
                1
            }
        }
        #[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize)]
        #[serde(from = "String", into = "std::borrow::Cow<'static, str>")]
        struct Open(String);
        impl From<String> for Open {
            fn from(value: String) -> Self {
                Self(value)
            }
        }
        impl From<Open> for std::borrow::Cow<'static, str> {
            fn from(value: Open) -> Self {
                value.0.into()
            }
        }
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        #[serde(into = "crate::Json")]
        struct Mixed(crate::Json);
        impl<'de> Deserialize<'de> for Mixed {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::private::value(deserializer, |value| match value.is_boolean() {
                    false => Ok(Self(value)),
                    true => Err(crate::UnknownValue::new(value, &["2"])),
                })
            }
        }
        impl From<Mixed> for crate::Json {
            fn from(value: Mixed) -> Self {
                value.0
            }
        }
        type All = (Level, Open, Mixed);
        let all: All = from_str(r#"[1.0,"x",[2]]"#).unwrap();
        assert_eq!(to_raw(&all).unwrap().get(), r#"[1,"x",[2]]"#);
        let error = from_str::<Level>("7").unwrap_err().to_string();
        assert!(error.starts_with("unknown value 7, expected 1"), "{error}");

        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "it is not read")]
        struct Both {
            level: Level,
            mixed: Mixed,
        }
        for (text, expected) in [
            (
                r#"{"level":7,"mixed":2}"#,
                "/level: unknown value 7, expected 1",
            ),
            (
                r#"{"mixed":2,"level":7}"#,
                "/level: unknown value 7, expected 1",
            ),
            (
                r#"{"level":1.5,"mixed":2}"#,
                "/level: invalid type: floating point `1.5`, expected an integer",
            ),
            (
                r#"{"level":1,"mixed":true}"#,
                "/mixed: unknown value true, expected 2",
            ),
        ] {
            assert_eq!(
                explain(&from_str::<Both>(text).unwrap_err(), text),
                expected
            );
        }
        let level: Level = serde_json::from_str("1.0").unwrap();
        assert_eq!(level, Level::One);
    }

    #[test]
    fn single_precision_has_its_limits() {
        for text in ["3.4e38", "-3.4e38", "0.1", "5", "1e-50"] {
            assert!(from_str::<f32>(text).unwrap().is_finite(), "{text}");
        }
        for text in ["1e300", "-3.5e38"] {
            assert!(from_str::<f32>(text).is_err(), "{text}");
        }
        assert!(from_str::<f32>("\"1\"").is_err());
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        for (text, expected) in [
            ("[]", "invalid type: sequence, expected an object"),
            (r#"{"price":1}"#, "missing field `side`"),
            (
                r#"{"side":"sell","price":1}"#,
                "/side: unknown variant `sell`, expected `buy`",
            ),
            (
                "{\"side\":\"buy\",\n \"price\":\"1\"}",
                "/price: invalid type: string \"1\", expected a number",
            ),
            (
                r#"{"side":"buy","price":1,"parentId":{"side":"buy","prise":1}}"#,
                "/parentId/prise: unknown field `prise`, expected one of `side`, `price`, `parentId`, \
                 `notes`, `id`, `more`",
            ),
            (
                r#"{"side":"buy","price":1,"parentId":{"side":"buy"}}"#,
                "/parentId: missing field `price`",
            ),
            (
                r#"{"side":"buy","price":1,"notes":{"a/b":[{"text":"\",{"},{"text":2}]}}"#,
                "/notes/a~1b/1/text: invalid type: integer `2`, expected a string",
            ),
            (
                r#"{"side":"buy","price":1,"notes":{"a":{}}}"#,
                "/notes/a: invalid type: map, expected a sequence",
            ),
        ] {
            let error = from_str::<Order>(text).unwrap_err();
            assert_eq!(explain(&error, text), expected, "{text}");
        }
    }

    #[test]
    fn faults_have_their_place() {
        for (text, expected) in [
            (
                r#"{"side":"sell","price":1}"#,
                "unknown variant `sell`, expected `buy` at line 1 column 14",
            ),
            (
                r#"{"side":"buy","price":"1"}"#,
                "invalid type: string \"1\", expected a number at line 1 column 25",
            ),
            (
                r#"[]"#,
                "invalid type: sequence, expected an object at line 1 column 0",
            ),
            (
                r#"{"side":"buy"}"#,
                "missing field `price` at line 1 column 14",
            ),
            (
                r#"{"side":"buy","price":1} {}"#,
                "trailing characters at line 1 column 26",
            ),
            (
                r#"{"side":5,"price":1}"#,
                "invalid type: integer `5`, expected a string at line 1 column 9",
            ),
        ] {
            assert_eq!(
                from_str::<Order>(text).unwrap_err().to_string(),
                expected,
                "{text}"
            );
        }
    }
}
