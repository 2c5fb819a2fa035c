//! Enums whose values are text.

use std::fmt;

use serde::de::value::{Error as ReadError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::ser::{Error, Impossible};
use serde::{Serialize, Serializer};

/// An enum of a document's whose values are text: those of schemas, and those of a channel's
/// parameters.
///
/// ```
/// # mod generated {
/// #     #[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
/// #     pub enum Color {
/// #         #[serde(rename = "dark-green")]
/// #         DarkGreen,
/// #     }
/// #     impl specwire::StringEnum for Color {}
/// # }
/// # use generated::Color;
/// use specwire::StringEnum;
///
/// assert_eq!(Color::DarkGreen.as_str(), "dark-green");
/// assert_eq!(Color::parse("dark-green"), Some(Color::DarkGreen));
/// assert_eq!(Color::parse("blue"), None);
/// ```
pub trait StringEnum: Serialize + DeserializeOwned {
    /// The value as it is on the wire.
    #[must_use]
    fn as_str(&self) -> &str {
        self.serialize(VariantName).unwrap_or_default()
    }

    /// The value that is `text` on the wire, if the enum has it.
    #[must_use]
    fn parse(text: &str) -> Option<Self> {
        let text: StrDeserializer<'_, ReadError> = text.into_deserializer();
        Self::deserialize(text).ok()
    }
}

/// A value on its way to the wire.
#[derive(Clone, Debug)]
pub struct Text<T>(T);

impl<T> From<T> for Text<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: StringEnum> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

/// Takes what serde calls a variant without content, which is the only thing that an enum of text
/// is.
struct VariantName;

/// Something else.
#[derive(Debug)]
struct NoVariant;

impl fmt::Display for NoVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("found something else, expected a variant without content")
    }
}

impl std::error::Error for NoVariant {}

impl Error for NoVariant {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

type Name = &'static str;
type Refused = Impossible<Name, NoVariant>;

macro_rules! refuse {
    ($($method:ident($($ty:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $(_: $ty),*) -> Result<$ok, NoVariant> {
            Err(NoVariant)
        })*
    };
}

impl Serializer for VariantName {
    type Ok = Name;
    type Error = NoVariant;
    type SerializeSeq = Refused;
    type SerializeTuple = Refused;
    type SerializeTupleStruct = Refused;
    type SerializeTupleVariant = Refused;
    type SerializeMap = Refused;
    type SerializeStruct = Refused;
    type SerializeStructVariant = Refused;

    fn serialize_unit_variant(self, _: Name, _: u32, variant: Name) -> Result<Name, NoVariant> {
        Ok(variant)
    }

    refuse! {
        serialize_bool(bool) -> Name;
        serialize_i8(i8) -> Name;
        serialize_i16(i16) -> Name;
        serialize_i32(i32) -> Name;
        serialize_i64(i64) -> Name;
        serialize_u8(u8) -> Name;
        serialize_u16(u16) -> Name;
        serialize_u32(u32) -> Name;
        serialize_u64(u64) -> Name;
        serialize_f32(f32) -> Name;
        serialize_f64(f64) -> Name;
        serialize_char(char) -> Name;
        serialize_str(&str) -> Name;
        serialize_bytes(&[u8]) -> Name;
        serialize_none() -> Name;
        serialize_unit() -> Name;
        serialize_unit_struct(Name) -> Name;
        serialize_seq(Option<usize>) -> Refused;
        serialize_tuple(usize) -> Refused;
        serialize_tuple_struct(Name, usize) -> Refused;
        serialize_tuple_variant(Name, u32, Name, usize) -> Refused;
        serialize_map(Option<usize>) -> Refused;
        serialize_struct(Name, usize) -> Refused;
        serialize_struct_variant(Name, u32, Name, usize) -> Refused;
    }

    fn serialize_some<T: ?Sized + Serialize>(self, _: &T) -> Result<Name, NoVariant> {
        Err(NoVariant)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: Name,
        _: &T,
    ) -> Result<Name, NoVariant> {
        Err(NoVariant)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: Name,
        _: u32,
        _: Name,
        _: &T,
    ) -> Result<Name, NoVariant> {
        Err(NoVariant)
    }
}
