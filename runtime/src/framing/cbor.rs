//! JSON's values in CBOR (RFC 8949), and back.
//!
//! The only place that knows CBOR. What JSON has no value for is refused, and nothing is allocated
//! for what input only says that it has: lengths count when their bytes are there.

use std::fmt;

use data_encoding::BASE64;
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Arrays and maps within each other: one more than serde_json reads, for the envelope's own.
const MAX_DEPTH: usize = 128;

/// The text of the JSON value that `bytes` are. It is at most eight times as long.
///
/// # Errors
///
/// What is wrong, and at which byte: not one item, or one that JSON has no value for.
pub(super) fn to_json(bytes: &[u8]) -> Result<String, String> {
    let mut reader = Reader {
        input: Decoder::new(bytes),
        json: String::with_capacity(bytes.len()),
    };
    let read = reader.value(MAX_DEPTH);
    let position = reader.input.position().min(bytes.len());
    read.map_err(|Wrong(what)| format!("at byte {position}: {what}"))?;
    if position < bytes.len() {
        return Err(format!("at byte {position}: more follows than one item"));
    }
    Ok(reader.json)
}

/// What is wrong with an item.
struct Wrong(String);

impl From<minicbor::decode::Error> for Wrong {
    fn from(error: minicbor::decode::Error) -> Self {
        Self(error.to_string())
    }
}

fn wrong<T>(what: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong(what.into()))
}

struct Reader<'b> {
    input: Decoder<'b>,
    json: String,
}

impl Reader<'_> {
    /// Reads one item, in which `depth` more may be within each other.
    fn value(&mut self, depth: usize) -> Result<(), Wrong> {
        // What a tag says beside its content has no place in JSON (RFC 8949, 6.1).
        while self.input.datatype()? == Type::Tag {
            let tag = self.input.tag()?.as_u64();
            if matches!(tag, BIGNUM | NEGATIVE_BIGNUM) {
                return wrong("a number of more than 64 bits");
            }
        }
        match self.input.datatype()? {
            Type::Null => {
                self.input.null()?;
                self.json.push_str("null");
            }
            Type::Undefined => {
                self.input.undefined()?;
                self.json.push_str("null");
            }
            Type::Bool => {
                let value = self.input.bool()?;
                self.json.push_str(if value { "true" } else { "false" });
            }
            Type::U8
            | Type::U16
            | Type::U32
            | Type::U64
            | Type::I8
            | Type::I16
            | Type::I32
            | Type::I64
            | Type::Int => {
                let value = i128::from(self.input.int()?);
                self.json.push_str(&value.to_string());
            }
            Type::F16 => {
                let value = self.half()?;
                self.float(value)?;
            }
            Type::F32 => {
                let value = self.input.f32()?;
                self.float(value.into())?;
            }
            Type::F64 => {
                let value = self.input.f64()?;
                self.float(value)?;
            }
            Type::String | Type::StringIndef => self.text()?,
            Type::Bytes | Type::BytesIndef => self.bytes()?,
            Type::Array | Type::ArrayIndef => self.array(depth)?,
            Type::Map | Type::MapIndef => self.map(depth)?,
            Type::Break => return wrong("an end of what has not begun"),
            other => return wrong(format!("found {other}, which JSON has no value for")),
        }
        Ok(())
    }

    fn float(&mut self, value: f64) -> Result<(), Wrong> {
        match serde_json::Number::from_f64(value) {
            Some(number) => {
                self.json.push_str(&number.to_string());
                Ok(())
            }
            None => wrong(format!("found {value}, and JSON has finite numbers only")),
        }
    }

    /// Half precision (IEEE 754), as RFC 8949, appendix D reads it.
    fn half(&mut self) -> Result<f64, Wrong> {
        let start = self.input.position();
        let bytes = self.input.input().get(start.saturating_add(1)..);
        let Some([first, second, ..]) = bytes else {
            return Err(minicbor::decode::Error::end_of_input().into());
        };
        self.input.set_position(start.saturating_add(3));
        let bits = u16::from_be_bytes([*first, *second]);
        let exponent = i32::from((bits >> 10) & 0x1f);
        let mantissa = f64::from(bits & 0x3ff);
        let value = match exponent {
            0 => mantissa * 2_f64.powi(-24),
            31 if mantissa == 0.0 => f64::INFINITY,
            31 => f64::NAN,
            _ => (mantissa + 1024.0) * 2_f64.powi(exponent - 25),
        };
        Ok(if bits & 0x8000 == 0 { value } else { -value })
    }

    fn text(&mut self) -> Result<(), Wrong> {
        let mut text = String::new();
        for part in self.input.str_iter()? {
            text.push_str(part?);
        }
        self.string(&text)
    }

    /// As the text in base64 that JSON has for bytes.
    fn bytes(&mut self) -> Result<(), Wrong> {
        let mut bytes = Vec::new();
        for part in self.input.bytes_iter()? {
            bytes.extend_from_slice(part?);
        }
        self.string(&BASE64.encode(&bytes))
    }

    fn string(&mut self, text: &str) -> Result<(), Wrong> {
        let quoted = serde_json::to_string(text).map_err(|error| Wrong(error.to_string()))?;
        self.json.push_str(&quoted);
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), Wrong> {
        let depth = within(depth)?;
        let mut left = self.input.array()?;
        self.json.push('[');
        let mut is_first = true;
        while self.another(&mut left, &mut is_first)? {
            self.value(depth)?;
        }
        self.json.push(']');
        Ok(())
    }

    fn map(&mut self, depth: usize) -> Result<(), Wrong> {
        let depth = within(depth)?;
        let mut left = self.input.map()?;
        self.json.push('{');
        let mut is_first = true;
        while self.another(&mut left, &mut is_first)? {
            match self.input.datatype()? {
                Type::String | Type::StringIndef => self.text()?,
                other => return wrong(format!("found a key of type {other}, expected text")),
            }
            self.json.push(':');
            self.value(depth)?;
        }
        self.json.push('}');
        Ok(())
    }

    /// Another element follows, of so many as are left or up to an end.
    fn another(&mut self, left: &mut Option<u64>, is_first: &mut bool) -> Result<bool, Wrong> {
        match left {
            Some(0) => return Ok(false),
            Some(left) => *left -= 1,
            None if self.input.datatype()? == Type::Break => {
                let position = self.input.position();
                self.input.set_position(position.saturating_add(1));
                return Ok(false);
            }
            None => {}
        }
        if !std::mem::replace(is_first, false) {
            self.json.push(',');
        }
        Ok(true)
    }
}

const BIGNUM: u64 = 2;
const NEGATIVE_BIGNUM: u64 = 3;

fn within(depth: usize) -> Result<usize, Wrong> {
    match depth.checked_sub(1) {
        Some(depth) => Ok(depth),
        None => wrong(format!("more than {MAX_DEPTH} within each other")),
    }
}

/// Writes CBOR items one after the other.
pub(super) struct Writer(Encoder<Vec<u8>>);

impl Writer {
    /// Begins with a map of so many pairs.
    pub(super) fn map(pairs: usize) -> Self {
        let mut writer = Self(Encoder::new(Vec::new()));
        // Writing to memory does not fail, here and below.
        let _ = writer.0.map(length(pairs));
        writer
    }

    pub(super) fn text(&mut self, text: &str) {
        let _ = self.0.str(text);
    }

    pub(super) fn integer(&mut self, value: u64) {
        let _ = self.0.u64(value);
    }

    /// The bytes that this JSON has in base64.
    ///
    /// # Errors
    ///
    /// JSON that has none.
    pub(super) fn bytes(&mut self, base64: &RawValue) -> Result<(), String> {
        let text: String = serde_json::from_str(base64.get()).map_err(|error| error.to_string())?;
        let bytes = BASE64.decode(text.as_bytes());
        let bytes = bytes.map_err(|error| error.to_string())?;
        let _ = self.0.bytes(&bytes);
        Ok(())
    }

    /// # Errors
    ///
    /// JSON with more within each other than serde_json reads.
    pub(super) fn json(&mut self, json: &RawValue) -> Result<(), String> {
        let mut deserializer = serde_json::Deserializer::from_str(json.get());
        Item(&mut self.0)
            .deserialize(&mut deserializer)
            .map_err(|error| error.to_string())
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0.into_writer()
    }
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Where the next item goes.
struct Item<'a>(&'a mut Encoder<Vec<u8>>);

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.0.null().map(drop).map_err(E::custom)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.0.bool(value).map(drop).map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.0.u64(value).map(drop).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.0.i64(value).map(drop).map_err(E::custom)
    }

    /// In single precision where that is the same number.
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        #[expect(clippy::cast_possible_truncation, reason = "compared below")]
        let single = value as f32;
        let written = if f64::from(single).to_bits() == value.to_bits() {
            self.0.f32(single)
        } else {
            self.0.f64(value)
        };
        written.map(drop).map_err(E::custom)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.0.str(value).map(drop).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let start = self.0.writer().len();
        let mut count = 0;
        while seq.next_element_seed(Item(self.0))?.is_some() {
            count += 1;
        }
        let mut head = Encoder::new(Vec::new());
        head.array(count).map_err(A::Error::custom)?;
        insert(self.0, start, head);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let start = self.0.writer().len();
        let mut count = 0;
        while map.next_key_seed(Item(self.0))?.is_some() {
            map.next_value_seed(Item(self.0))?;
            count += 1;
        }
        let mut head = Encoder::new(Vec::new());
        head.map(count).map_err(A::Error::custom)?;
        insert(self.0, start, head);
        Ok(())
    }
}

/// How many there are is known only when all have been written.
fn insert(encoder: &mut Encoder<Vec<u8>>, at: usize, head: Encoder<Vec<u8>>) {
    encoder.writer_mut().splice(at..at, head.into_writer());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()
    }

    fn cbor(json: &str) -> String {
        let mut writer = Writer(Encoder::new(Vec::new()));
        let json = RawValue::from_string(json.to_owned()).unwrap();
        writer.json(&json).unwrap();
        data_encoding::HEXLOWER.encode(&writer.finish())
    }

    /// Those of RFC 8949, appendix A that JSON has a value for.
    #[test]
    fn the_examples_of_the_specification_are_read() {
        for (hex, json) in [
            ("00", "0"),
            ("17", "23"),
            ("1818", "24"),
            ("1903e8", "1000"),
            ("1b000000e8d4a51000", "1000000000000"),
            ("1bffffffffffffffff", "18446744073709551615"),
            ("3bffffffffffffffff", "-18446744073709551616"),
            ("20", "-1"),
            ("3903e7", "-1000"),
            ("f90000", "0.0"),
            ("f98000", "-0.0"),
            ("f93c00", "1.0"),
            ("fb3ff199999999999a", "1.1"),
            ("f93e00", "1.5"),
            ("f97bff", "65504.0"),
            ("fa47c35000", "100000.0"),
            ("fa7f7fffff", "3.4028234663852886e+38"),
            ("fb7e37e43c8800759c", "1e+300"),
            ("f90001", "5.960464477539063e-8"),
            ("f90400", "0.00006103515625"),
            ("f9c400", "-4.0"),
            ("fbc010666666666666", "-4.1"),
            ("f4", "false"),
            ("f5", "true"),
            ("f6", "null"),
            ("f7", "null"),
            (
                "c074323031332d30332d32315432303a30343a30305a",
                r#""2013-03-21T20:04:00Z""#,
            ),
            ("c11a514b67b0", "1363896240"),
            ("d74401020304", r#""AQIDBA==""#),
            ("40", r#""""#),
            ("4401020304", r#""AQIDBA==""#),
            ("60", r#""""#),
            ("62225c", r#""\"\\""#),
            ("62c3bc", "\"ü\""),
            ("64f0908591", "\"𐅑\""),
            ("80", "[]"),
            ("8301820203820405", "[1,[2,3],[4,5]]"),
            ("a0", "{}"),
            ("a26161016162820203", r#"{"a":1,"b":[2,3]}"#),
            ("826161a161626163", r#"["a",{"b":"c"}]"#),
            ("5f42010243030405ff", r#""AQIDBAU=""#),
            ("7f657374726561646d696e67ff", r#""streaming""#),
            ("9fff", "[]"),
            ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
            ("83018202039f0405ff", "[1,[2,3],[4,5]]"),
            ("bf61610161629f0203ffff", r#"{"a":1,"b":[2,3]}"#),
            ("bf6346756ef563416d7421ff", r#"{"Fun":true,"Amt":-2}"#),
            ("d9d9f7a0", "{}"),
        ] {
            assert_eq!(to_json(&bytes(hex)).as_deref(), Ok(json), "{hex}");
        }
    }

    #[test]
    fn what_json_has_no_value_for_is_refused() {
        for (hex, what) in [
            (
                "f97c00",
                "at byte 3: found inf, and JSON has finite numbers only",
            ),
            (
                "f97e00",
                "at byte 3: found NaN, and JSON has finite numbers only",
            ),
            (
                "faff800000",
                "at byte 5: found -inf, and JSON has finite numbers only",
            ),
            (
                "fb7ff8000000000000",
                "at byte 9: found NaN, and JSON has finite numbers only",
            ),
            (
                "c249010000000000000000",
                "at byte 1: a number of more than 64 bits",
            ),
            ("f0", "at byte 0: found simple, which JSON has no value for"),
            (
                "f8ff",
                "at byte 0: found simple, which JSON has no value for",
            ),
            ("a10102", "at byte 1: found a key of type u8, expected text"),
            (
                "a1410102",
                "at byte 1: found a key of type bytes, expected text",
            ),
            ("ff", "at byte 0: an end of what has not begun"),
            ("82ff", "at byte 1: an end of what has not begun"),
            ("bf6161ff", "at byte 3: an end of what has not begun"),
            ("0000", "at byte 1: more follows than one item"),
        ] {
            assert_eq!(to_json(&bytes(hex)), Err(what.to_owned()), "{hex}");
        }
        // Not CBOR at all: cut off, or a head that there is not.
        for hex in [
            "",
            "18",
            "1c",
            "1f",
            "62",
            "6261",
            "61ff",
            "5f",
            "5f01ff",
            "5f5f4101ffff",
            "7f4101ff",
            "81",
            "9f",
            "a1",
            "a16161",
            "bf",
            "c0",
            "f9",
            "f900",
            "fa00",
            "fb00",
            "f8",
            "fc",
            "9bffffffffffffffff",
            "bbffffffffffffffff",
            "5bffffffffffffffff",
            "7bffffffffffffffff",
            "9b0000000100000000",
            "7b7fffffffffffffff61",
        ] {
            assert!(to_json(&bytes(hex)).is_err(), "{hex}");
        }
    }

    #[test]
    fn what_is_within_each_other_without_end_is_refused() {
        for (head, end) in [(0x81, "f6"), (0x9f, "ff"), (0xbf, "ff")] {
            let deep = |depth| {
                let mut item = vec![head; depth];
                item.extend(bytes(end));
                item
            };
            let expected = Err(format!("more than {MAX_DEPTH} within each other"));
            let found = to_json(&deep(100_000)).map_err(|what| {
                let (_, what) = what.split_once(": ").unwrap();
                what.to_owned()
            });
            match head {
                // What maps begin with has to be text.
                0xbf => assert!(found.is_err()),
                _ => assert_eq!(found, expected),
            }
        }
        assert!(to_json(&[vec![0x81; MAX_DEPTH], vec![0]].concat()).is_ok());
        assert!(to_json(&[vec![0x81; MAX_DEPTH + 1], vec![0]].concat()).is_err());
        // Tags hold one item each, and are no deeper than it.
        assert_eq!(
            to_json(&[vec![0xc1; 60_000], vec![0]].concat()).as_deref(),
            Ok("0")
        );
        let keys = [[0xa1, 0x61, 0x61].repeat(100_000), vec![0]].concat();
        assert!(to_json(&keys).is_err());
    }

    #[test]
    fn json_is_written_as_the_specification_prefers() {
        for (json, hex) in [
            ("0", "00"),
            ("18446744073709551615", "1bffffffffffffffff"),
            ("-1000", "3903e7"),
            ("1.5", "fa3fc00000"),
            ("1.1", "fb3ff199999999999a"),
            ("-0.0", "fa80000000"),
            ("null", "f6"),
            ("true", "f5"),
            (r#""\u00fc""#, "62c3bc"),
            ("[1,[2,3],[4,5]]", "8301820203820405"),
            (r#" { "a" : 1, "b" : [ 2, 3 ] } "#, "a26161016162820203"),
            ("[[],{}]", "8280a0"),
        ] {
            assert_eq!(cbor(json), hex, "{json}");
            let back: serde_json::Value =
                serde_json::from_str(&to_json(&bytes(hex)).unwrap()).unwrap();
            let there: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(back, there);
        }
        let many = format!("[{}0]", "0,".repeat(299));
        assert!(cbor(&many).starts_with("99012c0000"));
    }
}
