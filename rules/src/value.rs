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

/// Writes a text that is the same for equal values.
pub(crate) fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => text.push_str(&number::canonical(number)),
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(members) => {
            // Sorted here: a feature of serde_json's, switched on anywhere, keeps another order.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in members {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
                text.push(',');
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
