//! Writes JSON as JSON Schema means it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Writes one value, with whole numbers as such.
///
/// # Errors
///
/// A value that its own schema does not allow: one that JSON cannot carry, such as a map with a key
/// that is not a string, or one that JSON would carry as something else, such as a number that is
/// not finite, which becomes `null`.
pub(crate) fn to_raw<T: Serialize + DeserializeOwned>(
    value: &T,
) -> serde_json::Result<Box<RawValue>> {
    let raw = serde_json::value::to_raw_value(value)?;
    // A string is what it is.
    if raw.get().starts_with('"') {
        return Ok(raw);
    }
    // Few values have a `null` anywhere, and only those are looked at again.
    if raw.get().contains("null") {
        super::from_str::<T>(raw.get())?;
    }
    match without_zero_fractions(raw.get()) {
        Some(text) => RawValue::from_string(text),
        None => Ok(raw),
    }
}

/// The JSON text with `5` for `5.0`, as most of the world writes it; `None` where it is the same.
// On the text, and not in a formatter of serde_json's: that would have every message type compiled
// for one more serializer, and numbers like these are few.
fn without_zero_fractions(text: &str) -> Option<String> {
    if !text.contains(".0") {
        return None;
    }
    let mut changed = String::with_capacity(text.len());
    let mut rest = text;
    // Outside of strings a dot is in a number.
    while let Some(at) = rest.find(['"', '.']) {
        let (before, from) = rest.split_at(at);
        changed.push_str(before);
        let part = if from.starts_with('"') {
            string_length(from)
        } else {
            let after = from.get(2..).unwrap_or_default();
            let is_zero = from.starts_with(".0")
                && !after.starts_with(|c: char| c.is_ascii_digit() || c == 'e' || c == 'E');
            if is_zero {
                rest = after;
                continue;
            }
            1
        };
        let (part, after) = from.split_at_checked(part)?;
        changed.push_str(part);
        rest = after;
    }
    changed.push_str(rest);
    Some(changed)
}

/// Bytes of the string, with its quotes, that JSON text starts with.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        #[derive(Debug, Deserialize, serde::Serialize)]
        struct Price {
            value: f64,
            note: Option<String>,
        }
        let price = |value| Price { value, note: None };
        let text = r#"{"value":2.5,"note":null}"#;
        assert_eq!(to_raw(&price(2.5)).unwrap().get(), text);
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = to_raw(&price(value)).unwrap_err();
            assert!(error.to_string().contains("null, expected f64"), "{error}");
        }
    }

    #[test]
    fn whole_numbers_are_written_as_such() {
        let value: Value = serde_json::from_str(
            r#"{"a":5.0,"b.0":[-1.0,1.5,1.05,10.0,1e300,0.0],"c":"5.0 \\","d":"\"1.0","e":2.0}"#,
        )
        .unwrap();
        assert_eq!(
            to_raw(&value).unwrap().get(),
            r#"{"a":5,"b.0":[-1,1.5,1.05,10,1e+300,0],"c":"5.0 \\","d":"\"1.0","e":2}"#
        );
        assert_eq!(to_raw(&7.0_f32).unwrap().get(), "7");
    }
}
