//! JSON values: what is equal, and how they are shown.

use serde_json::Value;

use crate::number;
use crate::violation::{cut, quoted};

/// Whether two values are equal: as numbers are, and whatever the order of members.
#[must_use]
pub fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            number::compare(left, right).is_some_and(std::cmp::Ordering::is_eq)
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| is_equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, left)| right.get(name).is_some_and(|right| is_equal(left, right)))
        }
        (left, right) => left == right,
    }
}

/// JSON that is the same for equal values: without spaces, with members sorted, and with whole numbers
/// as such.
///
/// ```
/// let value = serde_json::from_str(r#"{"b": [1.0, 2.5], "a": null}"#)?;
/// assert_eq!(specwire_rules::canonical(&value), r#"{"a":null,"b":[1,2.5]}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

/// The same of a value that is written as JSON; `None` for what is not.
///
/// ```
/// assert_eq!(specwire_rules::canonical_text("[1.0, 2]").as_deref(), Some("[1,2]"));
/// assert_eq!(specwire_rules::canonical_text("[1.0, "), None);
/// ```
#[must_use]
pub fn canonical_text(json: &str) -> Option<String> {
    let value = serde_json::from_str(json).ok()?;
    Some(canonical(&value))
}

/// Writes what [`canonical`] gives.
pub(crate) fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => text.push_str(&number::canonical(number)),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            // Sorted here: a feature of serde_json's, switched on anywhere, keeps another order.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

/// What a value is, in a few words.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Number(number) => cut(&number.to_string(), 48),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("an array of {}", counted(items.len(), "item", "items")),
        Value::Object(members) => {
            format!(
                "an object with {}",
                counted(members.len(), "member", "members")
            )
        }
    }
}

pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A few of a list, as in `1, 2 or 3`.
pub(crate) fn one_of(list: &[Value]) -> String {
    const SHOWN: usize = 8;
    let mut text = String::new();
    for (index, value) in list.iter().take(SHOWN).enumerate() {
        if index > 0 {
            let is_last = index + 1 == list.len();
            text.push_str(if is_last { " or " } else { ", " });
        }
        text.push_str(&shown(value));
    }
    if list.len() > SHOWN {
        text.push_str(", …");
    }
    text
}
