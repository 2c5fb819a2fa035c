//! One schema asked of one value: which keywords, how deep, and in how many steps.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use serde_json::{Map, Number, Value};

use super::keywords;
use crate::at::At;
use crate::pattern::{self, Compiled};
use crate::value::shown;
use crate::violation::Violation;

/// Schemas within one another, by reference or not.
const MAX_DEPTH: usize = 500;

/// The patterns in a schema, each compiled when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Patterns(HashMap<String, OnceLock<Option<Compiled>>>);

impl Patterns {
    pub(super) fn of(root: &Value) -> Self {
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

pub(super) fn evaluate(
    root: &Value,
    patterns: &Patterns,
    schema: &Value,
    instance: &Value,
    at: &At<'_>,
    room: usize,
    steps: &mut usize,
) -> Result<Vec<Violation>, Exhausted> {
    let evaluation = Evaluation {
        root,
        patterns,
        steps: Cell::new(*steps),
        is_exhausted: Cell::new(false),
        fits: RefCell::default(),
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
        return Err(Exhausted);
    }
    Ok(found.violations)
}

/// It would have taken more steps than there were, or schemas too deep within one another.
#[derive(Debug)]
pub(super) struct Exhausted;

/// One value and all that is asked of it.
pub(super) struct Evaluation<'a> {
    root: &'a Value,
    patterns: &'a Patterns,
    steps: Cell<usize>,
    is_exhausted: Cell<bool>,
    /// Whether a value fits what is referred to, by where the two are: conditions within one another ask
    /// the same at each level, which would take twice as long with each.
    fits: RefCell<HashMap<(usize, usize), bool>>,
}

/// What has been found, as far as anyone wants to know.
pub(super) struct Found {
    pub(super) violations: Vec<Violation>,
    pub(super) room: usize,
    pub(super) is_any: bool,
}

impl Found {
    pub(super) fn add(&mut self, violation: impl FnOnce() -> Violation) {
        self.is_any = true;
        if self.violations.len() < self.room {
            self.violations.push(violation());
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.is_any && self.violations.len() >= self.room
    }
}

/// A schema's members, the value that they are asked of, and how deep within the first schema.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    schema: &'a Map<String, Value>,
    pub(super) at: &'a At<'a>,
    pub(super) depth: usize,
}

impl<'a> Case<'a> {
    pub(super) fn get(&self, keyword: &str) -> Option<&'a Value> {
        self.schema.get(keyword)
    }

    pub(super) fn object(&self, keyword: &str) -> Option<&'a Map<String, Value>> {
        self.get(keyword)?.as_object()
    }

    pub(super) fn array(&self, keyword: &str) -> Option<&'a [Value]> {
        self.get(keyword)?.as_array().map(Vec::as_slice)
    }

    pub(super) fn number(&self, keyword: &str) -> Option<&'a Number> {
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
    pub(super) fn count(&self, keyword: &str) -> Option<usize> {
        let number = self.number(keyword)?;
        let count = number.as_f64().filter(|count| *count >= 0.0)?;
        Some(count.ceil() as usize)
    }

    pub(super) fn found(
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
    pub(super) fn takes(&self, steps: usize) -> bool {
        match self.steps.get().checked_sub(steps) {
            Some(rest) => self.steps.set(rest),
            None => {
                self.steps.set(0);
                self.is_exhausted.set(true);
            }
        }
        !self.is_exhausted.get()
    }

    pub(super) fn apply(
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
            Value::Number(number) => keywords::numbers(case, number, found),
            Value::String(text) => self.strings(case, text, found),
            Value::Array(items) => self.arrays(case, items, found),
            Value::Object(members) => self.objects(case, instance, members, found),
            Value::Null | Value::Bool(_) => {}
        }
        self.combinations(case, instance, found);
        self.unevaluated(case, instance, found);
    }

    /// The members of a schema that is asked of the same value as another; `None` if there are none
    /// or nothing is left to look at them with.
    pub(super) fn within<'c>(&self, schema: &'c Value, case: Case<'c>) -> Option<Case<'c>> {
        if case.depth > MAX_DEPTH {
            self.is_exhausted.set(true);
        }
        let schema = schema.as_object().filter(|_| self.takes(1))?;
        let depth = case.depth + 1;
        Some(Case {
            schema,
            depth,
            ..case
        })
    }

    /// Whether the value fits, whatever is wrong with it.
    pub(super) fn fits(&self, schema: &Value, instance: &Value, case: Case<'_>) -> bool {
        let mut found = Found {
            violations: Vec::new(),
            room: 0,
            is_any: false,
        };
        self.apply(schema, instance, case.at, case.depth, &mut found);
        !found.is_any
    }

    fn reference(&self, case: Case<'_>, instance: &Value, found: &mut Found) {
        let Some(target) = self.target(case) else {
            return;
        };
        let place = (
            std::ptr::from_ref(target).addr(),
            std::ptr::from_ref(instance).addr(),
        );
        let known = self.fits.borrow().get(&place).copied();
        match known {
            Some(true) => return,
            Some(false) if found.room == 0 => return found.is_any = true,
            _ => {}
        }
        let mut of_target = Found {
            violations: Vec::new(),
            room: found.room.saturating_sub(found.violations.len()),
            is_any: false,
        };
        self.apply(target, instance, case.at, case.depth, &mut of_target);
        self.fits.borrow_mut().insert(place, !of_target.is_any);
        found.is_any |= of_target.is_any;
        found.violations.append(&mut of_target.violations);
    }

    /// The schema that this one refers to, where there is one.
    pub(super) fn target(&self, case: Case<'_>) -> Option<&Value> {
        let reference = case.get("$ref")?.as_str()?;
        let pointer = reference.strip_prefix('#')?;
        if !self.takes(pointer.len() / 8) {
            return None;
        }
        self.root.pointer(&percent_decoded(pointer))
    }

    /// Whether the pattern is found, or cannot be looked for.
    pub(super) fn matches(&self, pattern: &str, text: &str) -> bool {
        // Compiling, if it has not been done, takes as long as some looking does.
        let Some(Compiled { regex, weight }) = self.patterns.get(pattern) else {
            self.takes(pattern.len() / 8);
            return true;
        };
        let cost = weight.saturating_mul(text.len() / 4 + 1);
        !self.takes(cost) || regex.is_match(text)
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
