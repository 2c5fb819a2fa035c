//! Whole schemas, evaluated on JSON values.
//!
//! One superset of JSON Schema's drafts 4, 6, 7, 2019-09 and 2020-12 and of AsyncAPI's schema
//! object: each keyword means what it means in those that have it, and one that none has means
//! nothing. `format` is asserted for what [`Format`](crate::Format) knows.
//!
//! * `$ref` is followed within the root only, as `#` or as a JSON pointer. What is beside it counts,
//!   as it does since 2019-09.
//! * `unevaluatedItems` and `unevaluatedProperties` look at what no keyword beside them has looked
//!   at, and none of a schema that holds because theirs does; `contains` looks at the items that
//!   fit, as it does since 2020-12.
//! * `$dynamicRef` and `$id` are ignored.
//! * Time is bounded: a value that would take too many steps, or schemas too deep within one another,
//!   passes here, where what is wrong is told to authors of documents; a [`Condition`] does not hold of it.
//!
//! ```
//! use serde_json::json;
//! use specwire_rules::schema;
//!
//! let root = json!({
//!     "$defs": {"price": {"type": "number", "exclusiveMinimum": 0}},
//!     "properties": {"bid": {"$ref": "#/$defs/price"}, "ask": {"$ref": "#/$defs/price"}},
//!     "required": ["bid"],
//! });
//! let violations = schema::violations(&root, &root, &json!({"ask": -1}));
//! assert_eq!(violations[0].to_string(), "`bid` is missing (required)");
//! assert_eq!(violations[1].to_string(), "/ask: found -1, expected more than 0 (exclusiveMinimum)");
//! ```

use std::cell::Cell;
use std::fmt;
use std::sync::OnceLock;

use serde::Serialize;
use serde_json::Value;

use crate::at::At;
use crate::violation::Violation;

/// Steps of one check, each a schema or a comparison: some ten milliseconds.
const MAX_STEPS: usize = 1_000_000;
/// Violations of one value that are told.
const MAX_VIOLATIONS: usize = 16;

/// Checks a value against a schema, whose references are within `root`.
///
/// # Errors
///
/// What is wrong with it first.
pub fn check(root: &Value, schema: &Value, instance: &Value) -> Result<(), Violation> {
    first(Schemas::new(root).evaluate(schema, instance, &At::ROOT, 1, &mut MAX_STEPS.clone()))
}

/// Checks a value against a schema, whose references are within `root`, and tells the first
/// sixteen things that are wrong with it.
#[must_use]
pub fn violations(root: &Value, schema: &Value, instance: &Value) -> Vec<Violation> {
    Schemas::new(root).violations(schema, instance, &mut MAX_STEPS.clone())
}

/// Schemas that refer to one another, for more than one check.
#[derive(Debug)]
pub struct Schemas<'a> {
    root: &'a Value,
    patterns: Patterns,
}

impl<'a> Schemas<'a> {
    /// The schemas whose references are within `root`.
    #[must_use]
    pub fn new(root: &'a Value) -> Self {
        Self {
            root,
            patterns: Patterns::of(root),
        }
    }

    /// Checks a value against one of the schemas, and tells the first sixteen things that are wrong
    /// with it. Takes what it needs from `steps`, and finds nothing once there are none.
    #[must_use]
    pub fn violations(
        &self,
        schema: &Value,
        instance: &Value,
        steps: &mut usize,
    ) -> Vec<Violation> {
        self.evaluate(schema, instance, &At::ROOT, MAX_VIOLATIONS, steps)
    }

    fn evaluate(
        &self,
        schema: &Value,
        instance: &Value,
        at: &At<'_>,
        room: usize,
        steps: &mut usize,
    ) -> Vec<Violation> {
        let violations = evaluate(self.root, &self.patterns, schema, instance, at, room, steps);
        violations.unwrap_or_default()
    }
}

/// A schema that generated code carries along, read when it is first needed.
///
/// ```
/// use specwire_rules::{At, Condition, condition};
///
/// static RANGE: Condition = Condition::new(r#"{"dependentRequired": {"from": ["to"]}}"#);
/// let value = serde_json::json!({"from": 1});
/// let violation = condition(&At::ROOT, &value, &RANGE).unwrap_err();
/// assert_eq!(violation.to_string(), "`to` is missing beside `from` (dependentRequired)");
/// ```
pub struct Condition {
    text: &'static str,
    read: OnceLock<(Value, Patterns)>,
}

impl Condition {
    /// The condition that the JSON text of a schema says; its references are within itself.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self {
            text,
            read: OnceLock::new(),
        }
    }

    pub(crate) fn check(&self, at: &At<'_>, instance: &Value) -> Result<(), Violation> {
        let (schema, patterns) = self.read.get_or_init(|| {
            // The generator writes no other text than JSON.
            let schema = serde_json::from_str(self.text).unwrap_or(Value::Bool(true));
            let patterns = Patterns::of(&schema);
            (schema, patterns)
        });
        let mut steps = LEFT.get().unwrap_or(MAX_STEPS);
        let violations = evaluate(schema, patterns, schema, instance, at, 1, &mut steps);
        if LEFT.get().is_some() {
            LEFT.set(Some(steps));
        }
        match violations {
            Ok(violations) => first(violations),
            Err(Exhausted) => Err(Violation::new(
                at,
                "limit",
                "to check this takes longer than a message may",
            )),
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.text).finish()
    }
}

thread_local! {
    /// Steps that the conditions of the message that is being checked may still take.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Checks one message, all [conditions](condition) of which share the steps that one of them would have
/// by itself.
///
/// # Errors
///
/// Those of `check`.
pub fn message<T>(check: impl FnOnce() -> T) -> T {
    struct Restored(Option<usize>);
    impl Drop for Restored {
        fn drop(&mut self) {
            LEFT.set(self.0);
        }
    }
    let _restored = Restored(LEFT.replace(Some(MAX_STEPS)));
    check()
}

/// What only a schema can say: a value that the condition holds of.
///
/// # Errors
///
/// A value that it does not hold of, at the part of it that is wrong, and one that takes too long to
/// check.
pub fn condition(
    at: &At<'_>,
    value: &(impl Serialize + ?Sized),
    condition: &'static Condition,
) -> Result<(), Violation> {
    match serde_json::to_value(value) {
        Ok(value) => condition.check(at, &value),
        // What JSON cannot carry is found when the message is written.
        Err(_) => Ok(()),
    }
}

fn first(violations: Vec<Violation>) -> Result<(), Violation> {
    violations.into_iter().next().map_or(Ok(()), Err)
}

mod evaluated;
mod evaluation;
mod keywords;

use evaluation::{Exhausted, Patterns, evaluate};

#[cfg(test)]
mod tests;
