//! Whole schemas, evaluated on JSON values.
//!
//! One superset of JSON Schema's drafts 4, 6, 7, 2019-09 and 2020-12 and of AsyncAPI's schema
//! object: each keyword means what it means in those that have it, and one that none has means
//! nothing. `format` is asserted for what [`Format`] knows.
//!
//! * `$ref` is followed within the root only, as `#` or as a JSON pointer. What is beside it counts,
//!   as it does since 2019-09.
//! * `unevaluatedItems`, `unevaluatedProperties`, `$dynamicRef` and `$id` are ignored.
//! * Time is bounded: a value that would take too many steps, or schemas too deep within one
//!   another, passes.
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
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::OnceLock;

use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::at::At;
use crate::checks::{max_length, min_length};
use crate::format::Format;
use crate::number;
use crate::pattern::{self, Compiled};
use crate::value::{counted, is_equal, one_of, shown, write_canonical};
use crate::violation::{Violation, cut, quoted};

/// Schemas within one another, by reference or not.
const MAX_DEPTH: usize = 500;
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
        evaluate(self.root, &self.patterns, schema, instance, at, room, steps)
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
        let steps = &mut MAX_STEPS.clone();
        first(evaluate(schema, patterns, schema, instance, at, 1, steps))
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.text).finish()
    }
}

/// What only a schema can say: a value that the condition holds of.
///
/// # Errors
///
/// A value that it does not hold of, at the part of it that is wrong.
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

/// The patterns in a schema, each compiled when it is first needed.
#[derive(Debug, Default)]
struct Patterns(HashMap<String, OnceLock<Option<Compiled>>>);

impl Patterns {
    fn of(root: &Value) -> Self {
        let mut patterns = Self::default();
        let mut values = vec![root];
        while let Some(value) = values.pop() {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(pattern)) = members.get("pattern") {
                        patterns.add(pattern);
                    }
                    if let Some(Value::Object(schemas)) = members.get("patternProperties") {
                        schemas.keys().for_each(|pattern| patterns.add(pattern));
                    }
                    values.extend(members.values());
                }
                Value::Array(items) => values.extend(items),
                _ => {}
            }
        }
        patterns
    }

    fn add(&mut self, pattern: &str) {
        if !self.0.contains_key(pattern) {
            self.0.insert(pattern.to_owned(), OnceLock::new());
        }
    }

    fn get(&self, pattern: &str) -> Option<&Compiled> {
        let compiled = self.0.get(pattern)?;
        compiled
            .get_or_init(|| pattern::compile(pattern).ok())
            .as_ref()
    }
}

fn evaluate(
    root: &Value,
    patterns: &Patterns,
    schema: &Value,
    instance: &Value,
    at: &At<'_>,
    room: usize,
    steps: &mut usize,
) -> Vec<Violation> {
    let evaluation = Evaluation {
        root,
        patterns,
        steps: Cell::new(*steps),
        is_exhausted: Cell::new(false),
    };
    let mut found = Found {
        violations: Vec::new(),
        room,
        is_any: false,
    };
    evaluation.apply(schema, instance, at, 0, &mut found);
    *steps = evaluation.steps.get();
    if evaluation.is_exhausted.get() {
        // What has been found may rest on something that was not looked at.
        return Vec::new();
    }
    found.violations
}

/// One value and all that is asked of it.
struct Evaluation<'a> {
    root: &'a Value,
    patterns: &'a Patterns,
    steps: Cell<usize>,
    is_exhausted: Cell<bool>,
}

/// What has been found, as far as anyone wants to know.
struct Found {
    violations: Vec<Violation>,
    room: usize,
    is_any: bool,
}

impl Found {
    fn add(&mut self, violation: impl FnOnce() -> Violation) {
        self.is_any = true;
        if self.violations.len() < self.room {
            self.violations.push(violation());
        }
    }

    fn is_full(&self) -> bool {
        self.is_any && self.violations.len() >= self.room
    }
}

/// A schema's members, the value that they are asked of, and how deep within the first schema.
#[derive(Clone, Copy)]
struct Case<'a> {
    schema: &'a Map<String, Value>,
    at: &'a At<'a>,
    depth: usize,
}

impl<'a> Case<'a> {
    fn get(&self, keyword: &str) -> Option<&'a Value> {
        self.schema.get(keyword)
    }

    fn object(&self, keyword: &str) -> Option<&'a Map<String, Value>> {
        self.get(keyword)?.as_object()
    }

    fn array(&self, keyword: &str) -> Option<&'a [Value]> {
        self.get(keyword)?.as_array().map(Vec::as_slice)
    }

    fn number(&self, keyword: &str) -> Option<&'a Number> {
        match self.get(keyword)? {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A count of things, which may be written `2.0`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates"
    )]
    fn count(&self, keyword: &str) -> Option<usize> {
        let number = self.number(keyword)?;
        let count = number.as_f64().filter(|count| *count >= 0.0)?;
        Some(count.ceil() as usize)
    }

    fn found(
        &self,
        found: &mut Found,
        rule: &'static str,
        value: impl fmt::Display,
        expected: impl fmt::Display,
    ) {
        found.add(|| Violation::found(self.at, rule, value, expected));
    }
}

impl Evaluation<'_> {
    /// Takes from what there is to take; `false` when there is nothing left.
    fn takes(&self, steps: usize) -> bool {
        match self.steps.get().checked_sub(steps) {
            Some(rest) => self.steps.set(rest),
            None => {
                self.steps.set(0);
                self.is_exhausted.set(true);
            }
        }
        !self.is_exhausted.get()
    }

    fn apply(
        &self,
        schema: &Value,
        instance: &Value,
        at: &At<'_>,
        depth: usize,
        found: &mut Found,
    ) {
        if depth > MAX_DEPTH {
            self.is_exhausted.set(true);
        }
        if !self.takes(1) || found.is_full() {
            return;
        }
        let schema = match schema {
            Value::Object(schema) => schema,
            Value::Bool(false) => {
                return found.add(|| Violation::found(at, "false", shown(instance), "nothing"));
            }
            _ => return,
        };
        if instance.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
            return;
        }
        let case = Case {
            schema,
            at,
            depth: depth + 1,
        };
        self.reference(case, instance, found);
        self.any_value(case, instance, found);
        match instance {
            Value::Number(number) => numbers(case, number, found),
            Value::String(text) => self.strings(case, text, found),
            Value::Array(items) => self.arrays(case, items, found),
            Value::Object(members) => self.objects(case, instance, members, found),
            Value::Null | Value::Bool(_) => {}
        }
        self.combinations(case, instance, found);
    }

    /// Whether the value fits, whatever is wrong with it.
    fn fits(&self, schema: &Value, instance: &Value, case: Case<'_>) -> bool {
        let mut found = Found {
            violations: Vec::new(),
            room: 0,
            is_any: false,
        };
        self.apply(schema, instance, case.at, case.depth, &mut found);
        !found.is_any
    }

    fn reference(&self, case: Case<'_>, instance: &Value, found: &mut Found) {
        let Some(Value::String(reference)) = case.get("$ref") else {
            return;
        };
        let Some(pointer) = reference.strip_prefix('#') else {
            return;
        };
        if !self.takes(pointer.len() / 8) {
            return;
        }
        if let Some(target) = self.root.pointer(&percent_decoded(pointer)) {
            self.apply(target, instance, case.at, case.depth, found);
        }
    }

    fn any_value(&self, case: Case<'_>, instance: &Value, found: &mut Found) {
        match case.get("type") {
            Some(Value::String(name)) if !has_type(instance, name) => {
                case.found(found, "type", shown(instance), with_article(name));
            }
            Some(Value::Array(names)) => {
                let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
                if !names.iter().any(|name| has_type(instance, name)) {
                    let expected: Vec<_> = names.into_iter().map(with_article).collect();
                    case.found(found, "type", shown(instance), expected.join(" or "));
                }
            }
            _ => {}
        }
        if let Some(values) = case.array("enum") {
            let is_one = values
                .iter()
                .any(|value| self.takes(weight(value)) && is_equal(value, instance));
            if !is_one {
                case.found(found, "enum", shown(instance), one_of(values));
            }
        }
        if let Some(value) = case.get("const")
            && self.takes(weight(value))
            && !is_equal(value, instance)
        {
            case.found(found, "const", shown(instance), shown(value));
        }
    }

    /// Whether the pattern is found, or cannot be looked for.
    fn matches(&self, pattern: &str, text: &str) -> bool {
        // Compiling, if it has not been done, takes as long as some looking does.
        let Some(Compiled { regex, weight }) = self.patterns.get(pattern) else {
            self.takes(pattern.len() / 8);
            return true;
        };
        let cost = weight.saturating_mul(text.len() / 4 + 1);
        !self.takes(cost) || regex.is_match(text)
    }

    fn strings(&self, case: Case<'_>, text: &str, found: &mut Found) {
        if let Some(limit) = case.count("minLength")
            && let Err(violation) = min_length(case.at, text, limit)
        {
            found.add(|| violation);
        }
        if let Some(limit) = case.count("maxLength")
            && let Err(violation) = max_length(case.at, text, limit)
        {
            found.add(|| violation);
        }
        if let Some(Value::String(pattern)) = case.get("pattern")
            && !self.matches(pattern, text)
        {
            let expected = format_args!("a match of {pattern}");
            case.found(found, "pattern", quoted(text), expected);
        }
        if let Some(Value::String(name)) = case.get("format")
            && let Some(format) = Format::named(name)
            && self.takes(text.len() / 8)
            && !format.matches(text)
        {
            case.found(found, "format", quoted(text), format);
        }
    }

    fn arrays(&self, case: Case<'_>, items: &[Value], found: &mut Found) {
        let each = |found: &mut Found, schema: &Value, from: usize| {
            for (index, item) in items.iter().enumerate().skip(from) {
                self.apply(schema, item, &case.at.item(index), case.depth, found);
            }
        };
        let listed = |found: &mut Found, schemas: &[Value]| {
            for (index, (item, schema)) in items.iter().zip(schemas).enumerate() {
                self.apply(schema, item, &case.at.item(index), case.depth, found);
            }
        };
        let prefix = case.array("prefixItems").unwrap_or_default();
        listed(found, prefix);
        match case.get("items") {
            Some(Value::Array(schemas)) => {
                listed(found, schemas);
                if let Some(schema) = case.get("additionalItems") {
                    each(found, schema, schemas.len());
                }
            }
            Some(schema) => each(found, schema, prefix.len()),
            None => {}
        }
        if let Some(limit) = case.count("minItems")
            && items.len() < limit
        {
            let items = counted(items.len(), "item", "items");
            case.found(found, "minItems", items, format_args!("at least {limit}"));
        }
        if let Some(limit) = case.count("maxItems")
            && items.len() > limit
        {
            let items = counted(items.len(), "item", "items");
            case.found(found, "maxItems", items, format_args!("at most {limit}"));
        }
        if case.get("uniqueItems") == Some(&Value::Bool(true)) {
            self.unique(case, items, found);
        }
        if let Some(schema) = case.get("contains") {
            let count = items
                .iter()
                .filter(|item| self.fits(schema, item, case))
                .count();
            let least = case.count("minContains").unwrap_or(1);
            if count < least {
                let expected = format_args!("at least {least}");
                let found_items = format_args!("{} that fit", counted(count, "item", "items"));
                case.found(found, "contains", found_items, expected);
            }
            if let Some(most) = case.count("maxContains")
                && count > most
            {
                let found_items = format_args!("{} that fit", counted(count, "item", "items"));
                case.found(
                    found,
                    "maxContains",
                    found_items,
                    format_args!("at most {most}"),
                );
            }
        }
    }

    fn unique(&self, case: Case<'_>, items: &[Value], found: &mut Found) {
        let mut seen = HashSet::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            if !self.takes(weight(item)) {
                return;
            }
            let mut text = String::new();
            write_canonical(item, &mut text);
            if !seen.insert(text) {
                let what = format!("{} is there twice", shown(item));
                return found.add(|| Violation::new(&case.at.item(index), "uniqueItems", what));
            }
        }
    }

    fn objects(
        &self,
        case: Case<'_>,
        instance: &Value,
        members: &Map<String, Value>,
        found: &mut Found,
    ) {
        for name in case.array("required").unwrap_or_default() {
            if let Value::String(name) = name
                && self.takes(1)
                && !members.contains_key(name)
            {
                let what = format!("`{}` is missing", cut(name, 48));
                found.add(|| Violation::new(case.at, "required", what));
            }
        }
        self.members(case, members, found);
        if let Some(limit) = case.count("minProperties")
            && members.len() < limit
        {
            let members = counted(members.len(), "member", "members");
            case.found(
                found,
                "minProperties",
                members,
                format_args!("at least {limit}"),
            );
        }
        if let Some(limit) = case.count("maxProperties")
            && members.len() > limit
        {
            let members = counted(members.len(), "member", "members");
            case.found(
                found,
                "maxProperties",
                members,
                format_args!("at most {limit}"),
            );
        }
        for keyword in ["dependencies", "dependentRequired", "dependentSchemas"] {
            for (name, dependency) in case.object(keyword).into_iter().flatten() {
                if !self.takes(1) || !members.contains_key(name) {
                    continue;
                }
                match dependency {
                    Value::Array(others) => {
                        for other in others.iter().filter_map(Value::as_str) {
                            if self.takes(1) && !members.contains_key(other) {
                                let other = cut(other, 48);
                                let name = cut(name, 48);
                                let what = format!("`{other}` is missing beside `{name}`");
                                let rule = "dependentRequired";
                                found.add(|| Violation::new(case.at, rule, what));
                            }
                        }
                    }
                    schema => self.apply(schema, instance, case.at, case.depth, found),
                }
            }
        }
    }

    /// What is said of each member.
    fn members(&self, case: Case<'_>, members: &Map<String, Value>, found: &mut Found) {
        let properties = case.object("properties");
        let patterns = case.object("patternProperties");
        let others = case.get("additionalProperties");
        let names = case.get("propertyNames");
        if properties.is_none() && patterns.is_none() && others.is_none() && names.is_none() {
            return;
        }
        for (name, value) in members {
            if !self.takes(1) || found.is_full() {
                return;
            }
            let at = case.at.member(name);
            if let Some(schema) = names {
                let mut of_name = Found {
                    violations: Vec::new(),
                    room: usize::from(found.room > 0),
                    is_any: false,
                };
                let text = Value::from(name.as_str());
                self.apply(schema, &text, &at, case.depth, &mut of_name);
                if of_name.is_any {
                    found.is_any = true;
                    for violation in of_name.violations {
                        found.add(|| violation.of_name());
                    }
                }
            }
            let mut is_known = false;
            if let Some(schema) = properties.and_then(|properties| properties.get(name)) {
                is_known = true;
                self.apply(schema, value, &at, case.depth, found);
            }
            for (pattern, schema) in patterns.into_iter().flatten() {
                if self.matches(pattern, name) {
                    is_known = true;
                    self.apply(schema, value, &at, case.depth, found);
                }
            }
            match others {
                Some(Value::Bool(false)) if !is_known => found.add(|| {
                    let what = "found a member of this name, expected none";
                    Violation::new(&at, "additionalProperties", what)
                }),
                Some(schema) if !is_known => self.apply(schema, value, &at, case.depth, found),
                _ => {}
            }
        }
    }

    fn combinations(&self, case: Case<'_>, instance: &Value, found: &mut Found) {
        for schema in case.array("allOf").unwrap_or_default() {
            self.apply(schema, instance, case.at, case.depth, found);
        }
        if let Some(schemas) = case.array("anyOf")
            && !schemas
                .iter()
                .any(|schema| self.fits(schema, instance, case))
        {
            let expected = format_args!(
                "it to fit any of {}",
                counted(schemas.len(), "schema", "schemas")
            );
            case.found(found, "anyOf", shown(instance), expected);
        }
        if let Some(schemas) = case.array("oneOf") {
            let fitting = schemas
                .iter()
                .filter(|schema| self.fits(schema, instance, case))
                .count();
            let schemas = counted(schemas.len(), "schema", "schemas");
            match fitting {
                0 => {
                    let expected = format_args!("it to fit one of {schemas}");
                    case.found(found, "oneOf", shown(instance), expected);
                }
                1 => {}
                several => {
                    let expected =
                        format_args!("it to fit one of {schemas}, and it fits {several}");
                    case.found(found, "oneOf", shown(instance), expected);
                }
            }
        }
        if let Some(schema) = case.get("not")
            && self.fits(schema, instance, case)
        {
            case.found(
                found,
                "not",
                shown(instance),
                "what its schema does not exclude",
            );
        }
        if let Some(schema) = case.get("if") {
            let next = if self.fits(schema, instance, case) {
                "then"
            } else {
                "else"
            };
            if let Some(schema) = case.get(next) {
                self.apply(schema, instance, case.at, case.depth, found);
            }
        }
    }
}

fn numbers(case: Case<'_>, number: &Number, found: &mut Found) {
    // In draft 4 these say of `minimum` and `maximum` that they are exclusive.
    let is_set = |keyword| case.get(keyword) == Some(&Value::Bool(true));
    let bounds = [
        (
            "minimum",
            "at least",
            Ordering::Less,
            is_set("exclusiveMinimum"),
        ),
        (
            "maximum",
            "at most",
            Ordering::Greater,
            is_set("exclusiveMaximum"),
        ),
        ("exclusiveMinimum", "more than", Ordering::Less, true),
        ("exclusiveMaximum", "less than", Ordering::Greater, true),
    ];
    for (rule, expected, outside, is_exclusive) in bounds {
        let Some(limit) = case.number(rule) else {
            continue;
        };
        let order = number::compare(number, limit);
        if order == Some(outside) || (is_exclusive && order == Some(Ordering::Equal)) {
            let expected = match (rule, is_exclusive) {
                ("minimum", true) => "more than",
                ("maximum", true) => "less than",
                _ => expected,
            };
            let expected = format_args!("{expected} {limit}");
            case.found(found, rule, number, expected);
        }
    }
    if let Some(of) = case.number("multipleOf")
        && let (Some(value), Some(divisor)) = (number::decimal(number), number::decimal(of))
        && !value.is_multiple_of(divisor)
    {
        case.found(
            found,
            "multipleOf",
            number,
            format_args!("a multiple of {of}"),
        );
    }
}

/// What comparing with a value costs, near enough: nothing below the top is ever compared twice.
fn weight(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(weight).sum::<usize>().saturating_add(1),
        Value::Object(members) => members
            .values()
            .map(weight)
            .sum::<usize>()
            .saturating_add(1),
        Value::String(text) => text.len() / 64 + 1,
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

fn has_type(instance: &Value, name: &str) -> bool {
    match name {
        "null" => instance.is_null(),
        "boolean" => instance.is_boolean(),
        "integer" => matches!(instance, Value::Number(number) if number::is_whole(number)),
        "number" => instance.is_number(),
        "string" => instance.is_string(),
        "array" => instance.is_array(),
        "object" => instance.is_object(),
        // No draft has this type, and so none says what it is not.
        _ => true,
    }
}

fn with_article(name: &str) -> String {
    match name {
        "null" => name.to_owned(),
        "integer" | "array" | "object" => format!("an {name}"),
        _ => format!("a {name}"),
    }
}

/// The text of a URI's fragment.
fn percent_decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = after.split_first_chunk::<2>().and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        match escaped {
            Some((escaped, after)) if *byte == b'%' => {
                bytes.push(escaped);
                rest = after;
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn conditions() {
        #[track_caller]
        fn check(result: Result<(), Violation>, expected: &str) {
            let found = result.err().map(|violation| violation.to_string());
            assert_eq!(found.as_deref().unwrap_or("ok"), expected);
        }
        static EITHER: Condition =
            Condition::new(r#"{"oneOf":[{"required":["a"]},{"required":["b"]}]}"#);
        let at = At::ROOT.member("x");
        check(condition(&at, &BTreeMap::from([("a", 1)]), &EITHER), "ok");
        check(
            condition(&at, &BTreeMap::from([("c", 1)]), &EITHER),
            "/x: found an object with 1 member, expected it to fit one of 2 schemas (oneOf)",
        );
        check(
            condition(&at, &BTreeMap::from([("a", 1), ("b", 1)]), &EITHER),
            "/x: found an object with 2 members, expected it to fit one of 2 schemas, and it fits 2 (oneOf)",
        );
    }

    #[test]
    fn keywords_mean_what_the_drafts_say() {
        for (schema, fitting, others) in [
            ("true", &["1", "null"][..], &[][..]),
            ("false", &[], &["1"]),
            (
                r#"{"type":"integer"}"#,
                &["1", "1.0", "1e3", "18446744073709551615"],
                &["1.5", "\"1\"", "null"],
            ),
            (
                r#"{"type":["string","null"]}"#,
                &["\"a\"", "null"],
                &["1", "[]"],
            ),
            (
                r#"{"type":"string","nullable":true}"#,
                &["\"a\"", "null"],
                &["1"],
            ),
            (r#"{"type":"shoe"}"#, &["1"], &[]),
            (
                r#"{"enum":[1,"a",[2],{"b":null}]}"#,
                &["1.0", "\"a\"", "[2.0]", "{\"b\":null}"],
                &["2", "\"b\"", "[]", "{}"],
            ),
            (
                r#"{"const":{"a":1,"b":[false]}}"#,
                &["{\"b\":[false],\"a\":1.0}"],
                &["{\"a\":1}", "{\"a\":1,\"b\":[0]}"],
            ),
            (
                r#"{"minimum":1,"maximum":2}"#,
                &["1", "2.0", "\"x\""],
                &["0.9", "2.1"],
            ),
            (
                r#"{"exclusiveMinimum":1,"exclusiveMaximum":2}"#,
                &["1.5"],
                &["1", "2.0"],
            ),
            (
                r#"{"minimum":1,"exclusiveMinimum":true}"#,
                &["1.1"],
                &["1", "0"],
            ),
            (r#"{"maximum":1,"exclusiveMaximum":false}"#, &["1"], &["2"]),
            (
                r#"{"multipleOf":0.01}"#,
                &["4.02", "0", "1e300"],
                &["4.025"],
            ),
            (
                r#"{"minLength":2,"maxLength":3.0,"pattern":"^é"}"#,
                &["\"éa\"", "\"éab\"", "1"],
                &["\"é\"", "\"éabc\"", "\"ab\""],
            ),
            (r#"{"pattern":"(?=x)"}"#, &["\"a\""], &[]),
            (r#"{"format":"date"}"#, &["\"2026-11-21\"", "1"], &["\"x\""]),
            (r#"{"format":"shoe-size"}"#, &["\"x\""], &[]),
            (
                r#"{"items":{"type":"integer"},"minItems":1,"maxItems":2}"#,
                &["[1]", "[1,2]", "{}"],
                &["[]", "[1,2,3]", "[\"a\"]"],
            ),
            (
                r#"{"items":[{"type":"integer"}],"additionalItems":false}"#,
                &["[]", "[1]"],
                &["[1,2]", "[\"a\"]"],
            ),
            (
                r#"{"prefixItems":[{"type":"integer"}],"items":{"type":"string"}}"#,
                &["[]", "[1]", "[1,\"a\"]"],
                &["[\"a\"]", "[1,2]"],
            ),
            (
                r#"{"contains":{"const":1}}"#,
                &["[1]", "[0,1,1]"],
                &["[]", "[0]"],
            ),
            (
                r#"{"contains":{"const":1},"minContains":0,"maxContains":1}"#,
                &["[]", "[1]"],
                &["[1,1]"],
            ),
            (
                r#"{"contains":{"const":1},"minContains":2}"#,
                &["[1,1]"],
                &["[1]"],
            ),
            (
                r#"{"uniqueItems":true}"#,
                &["[1,true,\"1\",[1]]"],
                &["[1,1.0]", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]"],
            ),
            (
                r#"{"properties":{"a":{"type":"integer"}},"required":["a"]}"#,
                &["{\"a\":1}", "1"],
                &["{}", "{\"a\":\"b\"}"],
            ),
            (
                r#"{"properties":{"a":{}},"patternProperties":{"^x-":{"type":"integer"}},"additionalProperties":false}"#,
                &["{\"a\":[],\"x-b\":1}"],
                &["{\"b\":1}", "{\"x-b\":\"c\"}"],
            ),
            (
                r#"{"additionalProperties":{"type":"integer"}}"#,
                &["{\"a\":1}"],
                &["{\"a\":\"b\"}"],
            ),
            (
                r#"{"propertyNames":{"maxLength":1}}"#,
                &["{\"a\":1}"],
                &["{\"ab\":1}"],
            ),
            (
                r#"{"minProperties":1,"maxProperties":1}"#,
                &["{\"a\":1}"],
                &["{}", "{\"a\":1,\"b\":1}"],
            ),
            (
                r#"{"dependencies":{"a":["b"],"c":{"required":["d"]}}}"#,
                &["{}", "{\"a\":1,\"b\":1}", "{\"c\":1,\"d\":1}"],
                &["{\"a\":1}", "{\"c\":1}"],
            ),
            (
                r#"{"dependentRequired":{"a":["b"]},"dependentSchemas":{"c":{"required":["d"]}}}"#,
                &["{}", "{\"b\":1}"],
                &["{\"a\":1}", "{\"c\":1}"],
            ),
            (
                r#"{"allOf":[{"minimum":1},{"maximum":2}]}"#,
                &["1"],
                &["0", "3"],
            ),
            (
                r#"{"anyOf":[{"minimum":2},{"maximum":1}]}"#,
                &["1", "2"],
                &["1.5"],
            ),
            (
                r#"{"oneOf":[{"minimum":1},{"maximum":2}]}"#,
                &["0", "3"],
                &["1"],
            ),
            (r#"{"not":{"type":"integer"}}"#, &["1.5"], &["1"]),
            (
                r#"{"if":{"const":1},"then":false,"else":{"type":"string"}}"#,
                &["\"a\""],
                &["1", "2"],
            ),
            (r#"{"then":false,"else":false}"#, &["1"], &[]),
            (
                r##"{"$ref":"#/$defs/a~1b%25","$defs":{"a/b%":{"type":"integer"}}}"##,
                &["1"],
                &["\"a\""],
            ),
            (
                r##"{"$ref":"#/$defs/a","maximum":1,"$defs":{"a":{"type":"integer"}}}"##,
                &["1"],
                &["2", "\"a\""],
            ),
            (
                r##"{"properties":{"next":{"$ref":"#"},"value":{"type":"integer"}},"required":["value"]}"##,
                &["{\"value\":1,\"next\":{\"value\":1}}"],
                &["{\"value\":1,\"next\":{}}"],
            ),
            (r##"{"$ref":"#/nowhere"}"##, &["1"], &[]),
            (r#"{"$ref":"https://example.com"}"#, &["1"], &[]),
            // What is malformed says nothing.
            (
                r#"{"minLength":"a","enum":1,"required":true,"properties":[],"items":1,"allOf":{}}"#,
                &["1", "\"\"", "{}", "[1]"],
                &[],
            ),
        ] {
            let schema: Value = serde_json::from_str(schema).unwrap();
            for (texts, expected) in [(fitting, true), (others, false)] {
                for text in texts {
                    let value: Value = serde_json::from_str(text).unwrap();
                    let found = check(&schema, &schema, &value);
                    assert_eq!(found.is_ok(), expected, "{schema} and {text}: {found:?}");
                    assert_eq!(violations(&schema, &schema, &value).is_empty(), expected);
                }
            }
        }
    }

    #[test]
    fn violations_say_where_and_what() {
        let schema = serde_json::json!({
            "type": "object",
            "required": ["symbol"],
            "properties": {
                "symbol": {"type": "string", "pattern": "^[A-Z]+$"},
                "legs": {"items": {"properties": {"price": {"minimum": 1, "type": "number"}}}},
                "side": {"enum": ["buy", "sell"]},
                "level": {"type": ["integer", "null"]},
            },
            "propertyNames": {"maxLength": 8},
            "additionalProperties": false,
        });
        let value = serde_json::json!({
            "legs": [{"price": 1}, {"price": 0}, {"price": {}}],
            "side": "hold",
            "level": "high",
            "something": 1,
        });
        let mut found: Vec<_> = violations(&schema, &schema, &value)
            .iter()
            .map(ToString::to_string)
            .collect();
        found.sort();
        assert_eq!(
            found,
            [
                "/legs/1/price: found 0, expected at least 1 (minimum)",
                "/legs/2/price: found an object with 0 members, expected a number (type)",
                "/level: found \"high\", expected an integer or null (type)",
                "/side: found \"hold\", expected \"buy\" or \"sell\" (enum)",
                "/something: found a member of this name, expected none (additionalProperties)",
                "/something: found the name \"something\" of 9 characters, expected at most 8 (propertyNames)",
                "`symbol` is missing (required)",
            ]
        );
        let many = Value::from(vec![0; 100]);
        let positive = serde_json::json!({"items": {"minimum": 1}});
        assert_eq!(violations(&positive, &positive, &many).len(), 16);
    }

    /// Everything at its worst still ends, without optimisation and on a small stack.
    #[test]
    fn hostile_schemas_and_values_take_bounded_time() {
        let deep = |schema: &str, levels: usize, (open, close): (&str, &str)| -> Value {
            serde_json::from_str(&format!(
                "{}{schema}{}",
                open.repeat(levels),
                close.repeat(levels)
            ))
            .unwrap()
        };
        let many = |count: usize, item: &str| -> Value {
            serde_json::from_str(&format!("[{}]", vec![item; count].join(","))).unwrap()
        };
        let object = |count: usize, value: &str| -> Value {
            let members: Vec<_> = (0..count).map(|n| format!("\"m{n}\":{value}")).collect();
            serde_json::from_str(&format!("{{{}}}", members.join(","))).unwrap()
        };
        let json = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
        let mut patterns = object(1000, "{}");
        patterns = serde_json::json!({"patternProperties": patterns});
        let long = Value::from("a".repeat(60_000));
        let cases = [
            (json(r##"{"$ref":"#"}"##), json("1")),
            (
                json(r##"{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}"##),
                json("1"),
            ),
            (json(r##"{"not":{"$ref":"#"}}"##), json("1")),
            (
                json(r##"{"items":{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}}"##),
                deep("1", 100, ("[", "]")),
            ),
            (
                json(r##"{"oneOf":[{"items":{"$ref":"#"}},{"items":{"$ref":"#"}}]}"##),
                deep("1", 100, ("[", "]")),
            ),
            (deep("{}", 60, (r#"{"not":"#, "}")), json("1")),
            (
                json(r#"{"uniqueItems":true}"#),
                (0..20_000).map(|n| vec![n]).collect(),
            ),
            (json(r#"{"uniqueItems":true}"#), deep("1", 100, ("[", "]"))),
            (
                serde_json::json!({"enum": many(50_000, r#""x""#)}),
                json(r#""y""#),
            ),
            (
                serde_json::json!({"items": {"not": {"enum": many(5000, r#""x""#)}}}),
                many(5000, r#""y""#),
            ),
            (patterns, object(5000, "1")),
            (json(r#"{"pattern":"(a*)*(a*)*(a*)*b"}"#), long.clone()),
            (json(r#"{"pattern":"(.*a){200}b"}"#), long.clone()),
            (
                serde_json::json!({"items": {"not": {"pattern": "[a-z]{4000}"}}}),
                many(5000, r#""y""#),
            ),
            (json(r#"{"format":"email"}"#), long.clone()),
            (json(r#"{"format":"regex"}"#), long),
            (
                json(r#"{"additionalProperties":{"properties":{"x":{"type":"string"}}}}"#),
                object(20_000, r#"{"x":"y"}"#),
            ),
        ];
        for (schema, value) in &cases {
            let before = std::time::Instant::now();
            let _ = check(schema, schema, value);
            let took = before.elapsed();
            let shown = cut(&schema.to_string(), 100);
            println!("{took:?} {shown}");
            // Without a bound it would be hours; the machine may have other things to do.
            assert!(took.as_secs() < 60, "{took:?}: {shown}");
        }
    }
}
