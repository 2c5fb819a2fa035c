//! What JSON Schema asks of the values of single keywords, and of several beside each other.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};

use super::nothing;
use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::source::{Keys, Node};

/// As many of something no message has.
const MOST_COUNTED: f64 = 9.0e15;

/// Checks the value of a keyword of JSON Schema that limits values, or lists them.
pub(super) fn keyword(key: &str, value: Node<'_>, errors: &mut Errors) {
    if value.is_null() {
        match key {
            "const" | "default" | "enum" | "example" | "examples" | "items" => {}
            _ => nothing(value, errors),
        }
        return;
    }
    let number = value.number();
    let is_beyond = number.is_none() && value.is_beyond_numbers();
    let text = value.scalar().unwrap_or_default();
    let is_negative = text.starts_with('-');
    let expected = match key {
        "const" | "default" | "enum" => return numbers(value, true, errors),
        "maximum" | "minimum" | "exclusiveMaximum" | "exclusiveMinimum"
            if is_beyond && text.ends_with(|c: char| c.is_ascii_digit()) =>
        {
            // Larger than what numbers are read into: no limit to them, or one that none keeps to.
            if key.ends_with("inimum") != is_negative {
                unreachable_limit(value, errors);
            }
            return;
        }
        "maximum" | "minimum" if is_beyond => "a finite number",
        "minItems" | "minLength" | "minProperties" | "minContains"
            if is_beyond && !is_negative || number.is_some_and(|number| number >= MOST_COUNTED) =>
        {
            return unreachable_limit(value, errors);
        }
        "maxItems" | "maxLength" | "maxProperties" | "maxContains" if is_beyond && !is_negative => {
            return;
        }
        "maximum" | "minimum" if number.is_none() => "a number",
        // A boolean in draft 4, and in OpenAPI.
        "exclusiveMaximum" | "exclusiveMinimum" if number.is_none() && value.bool().is_none() => {
            "a number"
        }
        "multipleOf" if is_beyond => {
            return unreachable_limit(value, errors);
        }
        "multipleOf" if number.is_none_or(|number| number <= 0.0) => "a number above 0",
        "maxItems" | "maxLength" | "maxProperties" | "minItems" | "minLength" | "minProperties"
        | "maxContains" | "minContains"
            if number.is_none_or(|number| number < 0.0 || number.fract() != 0.0) =>
        {
            "a whole number, 0 or above"
        }
        "uniqueItems" if value.bool().is_none() => "`true` or `false`",
        // No code depends on these, or it is plain what the schema says without.
        "deprecated" | "nullable" | "readOnly" | "writeOnly" if value.bool().is_none() => {
            let help = "it is read as if it were not there";
            return unread(value, "`true` or `false`", help, errors);
        }
        "discriminator"
            if value
                .text()
                .or_else(|| value.get("propertyName")?.text())
                .is_none() =>
        {
            let help = "write the name of the member that tells the alternatives apart";
            return unread(value, "the name of a member", help, errors);
        }
        "example" => return numbers(value, false, errors),
        "examples" if value.is_sequence() => return numbers(value, false, errors),
        "examples" => {
            let help = "write `example` for a single one";
            return unread(value, "a list of examples", help, errors);
        }
        "pattern" if value.text().is_none() => "text",
        "pattern" => return pattern(value, errors),
        "dependencies" | "dependentRequired" if !value.is_mapping() => {
            "a mapping of property names"
        }
        _ => return,
    };
    match value
        .text()
        .filter(|text| expected.contains("number") && text.parse::<f64>().is_ok())
    {
        Some(text) => {
            let message = format!("found {}, expected {expected}", value.describe());
            let help = format!("write {} without quotes", quote(text));
            errors
                .push(Diagnostic::error(Code::WrongShape, value.place(), message).with_help(help));
        }
        None => super::expected(value, expected, errors),
    }
}

/// A pattern that is none is one wherever it stands; others are looked at where values are held to them.
fn pattern(value: Node<'_>, errors: &mut Errors) {
    let text = value.text().unwrap_or_default();
    if let Err(error) = specwire_rules::Pattern::check_syntax(text) {
        errors.push(unchecked_pattern(value, text, &error));
    }
}

/// Says that a pattern is not checked, and why.
pub(crate) fn unchecked_pattern(
    written: Node<'_>,
    pattern: &str,
    why: &specwire_rules::PatternError,
) -> Diagnostic {
    let message = format!("the pattern {} is not checked: {why}", quote(pattern));
    Diagnostic::warning(Code::UncheckedPattern, written.place(), message)
}

/// A lower limit that nothing is above of, or an upper one that nothing is below of.
fn unreachable_limit(value: Node<'_>, errors: &mut Errors) {
    let message = format!(
        "found {}, expected one that messages can reach",
        value.describe()
    );
    let help = "leave it out, or no value is of this schema";
    let mistake = Diagnostic::error(Code::OutOfRange, value.place(), message);
    errors.push(mistake.with_help(help));
}

/// Checks the numbers in a value. Those of an example are of use to nobody else.
pub(super) fn numbers(value: Node<'_>, is_essential: bool, errors: &mut Errors) {
    // Nesting is limited, and what aliases stand for has been counted.
    for item in value.items() {
        numbers(item, is_essential, errors);
    }
    for entry in value.entries() {
        numbers(entry.node, is_essential, errors);
    }
    if !value.is_beyond_numbers() {
        return;
    }
    let message = format!(
        "found {}, expected one that a 64-bit float holds",
        value.describe()
    );
    let place = value.place();
    errors.push(match is_essential {
        true => Diagnostic::error(Code::OutOfRange, place, message),
        false => Diagnostic::warning(Code::OutOfRange, place, message),
    });
}

/// A value is of another shape than it should be, and the rest says all that there is.
fn unread(value: Node<'_>, expected: &str, help: &str, errors: &mut Errors) {
    let message = format!("found {}, expected {expected}", value.describe());
    let mistake = Diagnostic::warning(Code::WrongShape, value.place(), message);
    errors.push(mistake.with_help(help));
}

/// Says which values are in a list twice.
pub(super) fn repeated(list: Node<'_>, errors: &mut Errors) {
    // Each with the first one, and whether it has been there again.
    let mut seen: HashMap<String, (Node<'_>, bool)> = HashMap::new();
    for item in list.items() {
        match seen.entry(item.json()) {
            Occupied(mut known) => {
                let (first, is_reported) = known.get_mut();
                if !std::mem::replace(is_reported, true) {
                    let message =
                        format!("found {} twice in {}", item.describe(), quote(list.key()));
                    errors.push(
                        Diagnostic::warning(Code::RepeatedValue, item.place(), message)
                            .related(first.place(), "the first one"),
                    );
                }
            }
            Vacant(new) => {
                new.insert((item, false));
            }
        }
    }
}

/// Checks limits of JSON Schema that contradict each other, so that nothing is left.
pub(super) fn limits(node: Node<'_>, errors: &mut Errors) {
    // Of most schemas there is none.
    const MOST: Keys = Keys::new(&["maxItems", "maxLength", "maxProperties", "maximum"]);
    if !node.has_any(&MOST) {
        return;
    }
    for (least, most) in [
        ("minimum", "maximum"),
        ("minItems", "maxItems"),
        ("minLength", "maxLength"),
        ("minProperties", "maxProperties"),
    ] {
        let limit = |key| Some((node.get(key)?, node.get(key)?.number()?));
        let (Some((low, least_value)), Some((high, most_value))) = (limit(least), limit(most))
        else {
            continue;
        };
        if least_value > most_value {
            let shown = |node: Node<'_>| quote(node.scalar().unwrap_or_default());
            let message = format!(
                "`{least}` {} is above `{most}` {}, so that nothing matches",
                shown(low),
                shown(high)
            );
            errors.push(
                Diagnostic::warning(Code::ContradictingLimits, low.place(), message)
                    .related(high.place(), "the other limit"),
            );
        }
    }
}
