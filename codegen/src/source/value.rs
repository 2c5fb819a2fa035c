//! Nodes as values of JSON.

use super::{Kind, Meaning, Node};

impl Node<'_> {
    /// The value as JSON, on one line and with its members sorted: the same for equal values. A
    /// number that JSON does not have becomes `null`.
    pub(crate) fn json(self) -> String {
        let mut text = String::new();
        self.write_json(&mut text);
        text
    }

    /// The decimal text of a number, if it is one that JSON has, and no larger than what numbers are
    /// read into: the same for equal numbers.
    pub(crate) fn decimal(self) -> Option<String> {
        match &self.data.kind {
            Kind::Scalar(Meaning::Number, text) => json_number(text),
            _ => None,
        }
    }

    /// It is a number that becomes another one, or none: too large for what JSON's numbers are read
    /// into, too near to zero, or none of JSON's, such as `.inf`.
    pub(crate) fn is_beyond_numbers(self) -> bool {
        let Kind::Scalar(Meaning::Number, text) = &self.data.kind else {
            return false;
        };
        let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
        let is_zero = || text.starts_with("0x") || !mantissa.contains(|c| matches!(c, '1'..='9'));
        match self.decimal().as_deref() {
            None => true,
            Some("0") => !is_zero(),
            Some(_) => false,
        }
    }

    /// Recursion ends: nesting is limited, aliases followed.
    fn write_json(self, text: &mut String) {
        match &self.data.kind {
            Kind::Scalar(Meaning::Null, _) => text.push_str("null"),
            Kind::Scalar(Meaning::Bool, _) => {
                text.push_str(if self.bool() == Some(true) {
                    "true"
                } else {
                    "false"
                });
            }
            Kind::Scalar(Meaning::Number, _) => {
                text.push_str(&self.decimal().unwrap_or_else(|| "null".to_owned()));
            }
            Kind::Scalar(Meaning::String, value) => write_string(value, text),
            Kind::Sequence(_) => {
                text.push('[');
                for (index, item) in self.items().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    item.write_json(text);
                }
                text.push(']');
            }
            Kind::Mapping(_) => {
                text.push('{');
                let mut entries: Vec<_> = self.entries().collect();
                entries.sort_by_key(|entry| entry.key);
                for (index, entry) in entries.into_iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    write_string(entry.key, text);
                    text.push(':');
                    entry.node.write_json(text);
                }
                text.push('}');
            }
        }
    }
}

/// A string as JSON.
pub(crate) fn string(value: &str) -> String {
    let mut text = String::new();
    write_string(value, &mut text);
    text
}

fn write_string(value: &str, text: &mut String) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c < ' ' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
}

/// YAML's number as JSON's.
fn json_number(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = digits.strip_prefix(prefix) {
            let value = u128::from_str_radix(digits, radix).ok()?;
            return Some(if value == 0 {
                "0".to_owned()
            } else {
                format!("{sign}{value}")
            });
        }
    }
    let is_held = |value: &f64| value.is_finite();
    if digits.bytes().all(|digit| digit.is_ascii_digit()) {
        text.parse().ok().filter(is_held)?;
        return Some(match digits.trim_start_matches('0') {
            "" => "0".to_owned(),
            digits => format!("{sign}{digits}"),
        });
    }
    let value: f64 = text.parse().ok().filter(is_held)?;
    if value == 0.0 {
        return Some("0".to_owned());
    }
    if value.fract() == 0.0 && value.abs() < 9.0e15 {
        return Some(format!("{value:.0}"));
    }
    Some(format!("{value:?}"))
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Errors;
    use crate::options::Options;
    use crate::source::Source;

    #[test]
    fn values_are_json() {
        for (yaml, json) in [
            (
                "{a: [1, 2.50, 'x\"y', ~, true]}",
                r#"{"a":[1,2.5,"x\"y",null,true]}"#,
            ),
            ("a: 0x1F", r#"{"a":31}"#),
            ("a: 1.0", r#"{"a":1}"#),
            ("a: -0.0", r#"{"a":0}"#),
            ("a: -10.0", r#"{"a":-10}"#),
            ("a: 1e3", r#"{"a":1000}"#),
            ("a: 1e300", r#"{"a":1e300}"#),
            ("a: .inf", r#"{"a":null}"#),
            (
                "a: 123456789012345678901234567890",
                r#"{"a":123456789012345678901234567890}"#,
            ),
            ("a: \"\\u0001é\"", "{\"a\":\"\\u0001é\"}"),
        ] {
            let mut errors = Errors::default();
            let source = Source::read("a.yaml", yaml, None, &Options::default(), &mut errors)
                .expect("valid");
            assert_eq!(source.root().json(), json, "{yaml}");
        }
    }
}
