//! What each keyword asks of a value.

use std::cmp::Ordering;
use std::collections::HashSet;

use serde_json::{Map, Number, Value};

use super::evaluation::{Case, Evaluation, Found};
use crate::checks::{max_length, min_length};
use crate::format::Format;
use crate::number;
use crate::value::{counted, is_equal, one_of, shown, write_canonical};
use crate::violation::{Violation, cut, quoted};

impl Evaluation<'_> {
    pub(super) fn any_value(&self, case: Case<'_>, instance: &Value, found: &mut Found) {
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

    pub(super) fn strings(&self, case: Case<'_>, text: &str, found: &mut Found) {
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

    pub(super) fn arrays(&self, case: Case<'_>, items: &[Value], found: &mut Found) {
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

    pub(super) fn objects(
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

    pub(super) fn combinations(&self, case: Case<'_>, instance: &Value, found: &mut Found) {
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

pub(super) fn numbers(case: Case<'_>, number: &Number, found: &mut Found) {
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
