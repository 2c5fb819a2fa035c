//! One function for each keyword that Rust's types cannot carry.

use std::collections::HashSet;
use std::fmt::Display;

use serde::Serialize;

use crate::at::At;
use crate::format::Format;
use crate::number::Numeric;
use crate::pattern::Pattern;
use crate::value::{counted, write_canonical};
use crate::violation::{Violation, quoted};

type Result = std::result::Result<(), Violation>;

/// `minLength`: a string of at least so many characters.
///
/// # Errors
///
/// A shorter one.
pub fn min_length(at: &At<'_>, value: &str, limit: usize) -> Result {
    // Characters have four bytes at most.
    if value.len() / 4 >= limit {
        return Ok(());
    }
    length(
        at,
        value,
        value.chars().take(limit).count() >= limit,
        "minLength",
        "least",
        limit,
    )
}

/// `maxLength`: a string of at most so many characters.
///
/// # Errors
///
/// A longer one.
pub fn max_length(at: &At<'_>, value: &str, limit: usize) -> Result {
    if value.len() <= limit {
        return Ok(());
    }
    length(
        at,
        value,
        value.chars().nth(limit).is_none(),
        "maxLength",
        "most",
        limit,
    )
}

fn length(
    at: &At<'_>,
    value: &str,
    is_met: bool,
    rule: &'static str,
    bound: &str,
    limit: usize,
) -> Result {
    if is_met {
        return Ok(());
    }
    let found = counted(value.chars().count(), "character", "characters");
    let found = format!("{} of {found}", quoted(value));
    Err(Violation::found(
        at,
        rule,
        found,
        format_args!("at {bound} {limit}"),
    ))
}

/// `pattern`: a string in which the pattern is found.
///
/// # Errors
///
/// One in which it is not.
pub fn pattern(at: &At<'_>, value: &str, pattern: &'static Pattern) -> Result {
    if pattern.matches(value) {
        return Ok(());
    }
    let expected = format!("a match of {}", pattern.source());
    Err(Violation::found(at, "pattern", quoted(value), expected))
}

/// `format`: a string of a format.
///
/// # Errors
///
/// One that is not.
pub fn format(at: &At<'_>, value: &str, format: Format) -> Result {
    if format.matches(value) {
        return Ok(());
    }
    Err(Violation::found(at, "format", quoted(value), format))
}

macro_rules! bounds {
    ($($(#[$docs:meta])* $name:ident $rule:literal $operator:tt $expected:literal)*) => {$(
        $(#[$docs])*
        // Not the opposite operator: what cannot be compared is not within bounds.
        #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "NaN has to be found")]
        pub fn $name<T: PartialOrd + Display + Copy>(at: &At<'_>, value: T, limit: T) -> Result {
            if !(value $operator limit) {
                let expected = format_args!(concat!($expected, " {}"), limit);
                return Err(Violation::found(at, $rule, value, expected));
            }
            Ok(())
        }
    )*};
}

bounds! {
    /// `minimum`: a number of at least so much.
    ///
    /// # Errors
    ///
    /// A lesser one, and one that is no number.
    minimum "minimum" >= "at least"

    /// `maximum`: a number of at most so much.
    ///
    /// # Errors
    ///
    /// A greater one, and one that is no number.
    maximum "maximum" <= "at most"

    /// `exclusiveMinimum`: a number of more than so much.
    ///
    /// # Errors
    ///
    /// One that is not more, and one that is no number.
    exclusive_minimum "exclusiveMinimum" > "more than"

    /// `exclusiveMaximum`: a number of less than so much.
    ///
    /// # Errors
    ///
    /// One that is not less, and one that is no number.
    exclusive_maximum "exclusiveMaximum" < "less than"
}

/// `multipleOf`: a number that is so much times a whole one, in decimal notation.
///
/// # Errors
///
/// One that is not, and one that is no number.
///
/// ```
/// # use specwire_rules::{At, multiple_of};
/// assert!(multiple_of(&At::ROOT, 0.3, 0.1).is_ok());
/// assert!(multiple_of(&At::ROOT, 0.35, 0.1).is_err());
/// ```
pub fn multiple_of<T: Numeric>(at: &At<'_>, value: T, of: T) -> Result {
    let is_multiple = match (value.decimal(), of.decimal()) {
        (Some(value), Some(of)) => value.is_multiple_of(of),
        _ => false,
    };
    if is_multiple {
        return Ok(());
    }
    let expected = format_args!("a multiple of {of}");
    Err(Violation::found(at, "multipleOf", value, expected))
}

/// `minItems`: an array of at least so many items.
///
/// # Errors
///
/// One of fewer.
pub fn min_items(at: &At<'_>, items: usize, limit: usize) -> Result {
    count(
        at,
        items,
        items >= limit,
        "minItems",
        ("item", "items"),
        "least",
        limit,
    )
}

/// `maxItems`: an array of at most so many items.
///
/// # Errors
///
/// One of more.
pub fn max_items(at: &At<'_>, items: usize, limit: usize) -> Result {
    count(
        at,
        items,
        items <= limit,
        "maxItems",
        ("item", "items"),
        "most",
        limit,
    )
}

/// `minProperties`: an object of at least so many members.
///
/// # Errors
///
/// One of fewer.
pub fn min_properties(at: &At<'_>, members: usize, limit: usize) -> Result {
    count(
        at,
        members,
        members >= limit,
        "minProperties",
        ("member", "members"),
        "least",
        limit,
    )
}

/// `maxProperties`: an object of at most so many members.
///
/// # Errors
///
/// One of more.
pub fn max_properties(at: &At<'_>, members: usize, limit: usize) -> Result {
    count(
        at,
        members,
        members <= limit,
        "maxProperties",
        ("member", "members"),
        "most",
        limit,
    )
}

fn count(
    at: &At<'_>,
    found: usize,
    is_met: bool,
    rule: &'static str,
    (one, many): (&str, &str),
    bound: &str,
    limit: usize,
) -> Result {
    if is_met {
        return Ok(());
    }
    let expected = format_args!("at {bound} {limit}");
    Err(Violation::found(
        at,
        rule,
        counted(found, one, many),
        expected,
    ))
}

/// `uniqueItems`: an array without two equal items. 1 and 1.0 are equal.
///
/// # Errors
///
/// Two equal items, at the place of the second.
pub fn unique_items<T: Serialize>(at: &At<'_>, items: &[T]) -> Result {
    if items.len() < 2 {
        return Ok(());
    }
    let mut seen = HashSet::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        // What JSON cannot carry is found when the message is written.
        let Ok(value) = serde_json::to_value(item) else {
            continue;
        };
        let mut text = String::new();
        write_canonical(&value, &mut text);
        if !seen.insert(text) {
            let what = format!("{} is there twice", crate::value::shown(&value));
            return Err(Violation::new(&at.item(index), "uniqueItems", what));
        }
    }
    Ok(())
}

/// `propertyNames`: a map whose keys pass `check`, which is given each key as a value.
///
/// # Errors
///
/// The first key that does not.
///
/// ```
/// # use specwire_rules::{At, keys, max_length};
/// let names = ["a", "long"].into_iter();
/// let violation = keys(&At::ROOT, names, |at, name| max_length(at, name, 3)).unwrap_err();
/// assert_eq!(violation.pointer(), "/long");
/// assert_eq!(violation.rule(), "propertyNames");
/// ```
pub fn keys<'a>(
    at: &At<'_>,
    names: impl Iterator<Item = &'a str>,
    check: impl Fn(&At<'_>, &str) -> Result,
) -> Result {
    for name in names {
        check(&at.member(name), name).map_err(Violation::of_name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const AT: At<'static> = At::ROOT;

    #[track_caller]
    fn check(result: Result, expected: &str) {
        let found = result.err().map(|violation| violation.to_string());
        assert_eq!(found.as_deref().unwrap_or("ok"), expected);
    }

    #[test]
    fn strings() {
        check(min_length(&AT, "äö", 2), "ok");
        check(min_length(&AT, "😀😀😀😀", 2), "ok");
        check(
            min_length(&AT, "😀", 2),
            "found \"😀\" of 1 character, expected at least 2 (minLength)",
        );
        check(min_length(&AT, "", 0), "ok");
        check(max_length(&AT, "äö", 2), "ok");
        check(
            max_length(&AT, "äöü", 2),
            "found \"äöü\" of 3 characters, expected at most 2 (maxLength)",
        );
        let long = "x\n\"".repeat(1000);
        let text = max_length(&AT, &long, 2).unwrap_err().to_string();
        assert!(
            text.len() < 200 && text.contains(r#"x\n\"x"#) && text.contains('…'),
            "{text}"
        );
        static PATTERN: Pattern = Pattern::new("^[a-z]+$");
        check(pattern(&AT, "abc", &PATTERN), "ok");
        check(
            pattern(&AT, "ABC", &PATTERN),
            "found \"ABC\", expected a match of ^[a-z]+$ (pattern)",
        );
        check(
            format(&AT, "x", Format::Date),
            "found \"x\", expected date (format)",
        );
        check(format(&AT, "2026-11-21", Format::Date), "ok");
    }

    #[test]
    fn numbers() {
        check(minimum(&AT, 1, 1), "ok");
        check(minimum(&AT, 0, 1), "found 0, expected at least 1 (minimum)");
        check(maximum(&AT, 1.5, 1.5), "ok");
        check(maximum(&AT, 2, 1), "found 2, expected at most 1 (maximum)");
        check(
            exclusive_minimum(&AT, 1, 1),
            "found 1, expected more than 1 (exclusiveMinimum)",
        );
        check(
            exclusive_maximum(&AT, 1, 1),
            "found 1, expected less than 1 (exclusiveMaximum)",
        );
        check(
            minimum(&AT, f64::NAN, 0.0),
            "found NaN, expected at least 0 (minimum)",
        );
        check(
            maximum(&AT, f32::NAN, 0.0),
            "found NaN, expected at most 0 (maximum)",
        );
        check(multiple_of(&AT, 9, 3), "ok");
        check(
            multiple_of(&AT, 10_u64, 3),
            "found 10, expected a multiple of 3 (multipleOf)",
        );
        check(
            multiple_of(&AT, f64::NAN, 3.0),
            "found NaN, expected a multiple of 3 (multipleOf)",
        );
    }

    #[test]
    fn arrays_and_objects() {
        check(
            min_items(&AT, 1, 2),
            "found 1 item, expected at least 2 (minItems)",
        );
        check(
            max_items(&AT, 3, 2),
            "found 3 items, expected at most 2 (maxItems)",
        );
        check(
            min_properties(&AT, 0, 1),
            "found 0 members, expected at least 1 (minProperties)",
        );
        check(
            max_properties(&AT, 2, 1),
            "found 2 members, expected at most 1 (maxProperties)",
        );
        check(
            unique_items(&AT, &["a", "b", "a"]),
            "/2: \"a\" is there twice (uniqueItems)",
        );
        check(unique_items(&AT, &[1.5, 1.0, 2.0]), "ok");
        let values: Vec<serde_json::Value> =
            serde_json::from_str(r#"[{"a":1,"b":[2]},1,true,"1",[1],{"b":[2.0],"a":1}]"#).unwrap();
        check(
            unique_items(&AT, &values),
            "/5: an object with 2 members is there twice (uniqueItems)",
        );
        check(unique_items(&AT, values.get(..5).unwrap()), "ok");
        let map = BTreeMap::from([("a", 1), ("long", 2)]);
        check(
            keys(&AT, map.keys().copied(), |at, name| max_length(at, name, 3)),
            "/long: found the name \"long\" of 4 characters, expected at most 3 (propertyNames)",
        );
    }
}
