//! Takes the text out of a value that is nothing else.

use std::fmt;

use serde::Serialize;
use serde::ser::{self, Impossible, Serializer};

/// The text that a value is written as, if it is text.
pub(crate) fn text<T: Serialize + ?Sized>(value: &T) -> Option<String> {
    value.serialize(OnlyText).ok()
}

struct OnlyText;

/// The value is something else.
#[derive(Debug)]
struct NoText;

impl fmt::Display for NoText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected text")
    }
}

impl std::error::Error for NoText {}

impl ser::Error for NoText {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

type Other = Impossible<String, NoText>;

macro_rules! refuse {
    ($($method:ident($($type:ty),*) -> $result:ty;)*) => {$(
        fn $method(self, $(_: $type),*) -> Result<$result, NoText> {
            Err(NoText)
        }
    )*};
}

impl Serializer for OnlyText {
    type Ok = String;
    type Error = NoText;
    type SerializeSeq = Other;
    type SerializeTuple = Other;
    type SerializeTupleStruct = Other;
    type SerializeTupleVariant = Other;
    type SerializeMap = Other;
    type SerializeStruct = Other;
    type SerializeStructVariant = Other;

    fn serialize_str(self, text: &str) -> Result<String, NoText> {
        Ok(text.to_owned())
    }

    fn serialize_char(self, text: char) -> Result<String, NoText> {
        Ok(text.to_string())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
    ) -> Result<String, NoText> {
        Ok(name.to_owned())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<String, NoText> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<String, NoText> {
        value.serialize(self)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<String, NoText> {
        Ok(value.to_string())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<String, NoText> {
        Err(NoText)
    }

    refuse! {
        serialize_bool(bool) -> String;
        serialize_i8(i8) -> String;
        serialize_i16(i16) -> String;
        serialize_i32(i32) -> String;
        serialize_i64(i64) -> String;
        serialize_u8(u8) -> String;
        serialize_u16(u16) -> String;
        serialize_u32(u32) -> String;
        serialize_u64(u64) -> String;
        serialize_f32(f32) -> String;
        serialize_f64(f64) -> String;
        serialize_bytes(&[u8]) -> String;
        serialize_none() -> String;
        serialize_unit() -> String;
        serialize_unit_struct(&'static str) -> String;
        serialize_seq(Option<usize>) -> Other;
        serialize_tuple(usize) -> Other;
        serialize_tuple_struct(&'static str, usize) -> Other;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Other;
        serialize_map(Option<usize>) -> Other;
        serialize_struct(&'static str, usize) -> Other;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_is_text() {
        #[derive(serde::Serialize)]
        struct Line(String);
        assert_eq!(text(&Line("a\"b".to_owned())).as_deref(), Some("a\"b"));
        assert_eq!(text(&Some("a")).as_deref(), Some("a"));
        assert_eq!(text(&None::<&str>), None);
        assert_eq!(text(&5), None);
        assert_eq!(text(&["a"]), None);
    }
}
