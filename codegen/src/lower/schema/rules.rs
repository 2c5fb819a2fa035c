//! What a schema says of its values beyond their type.

use super::facts::{Facts, integer};
use super::{Part, Schemas};
use crate::api::{Bound, Rules, Type};
use crate::document::unchecked_pattern;
use crate::source::Node;

/// Formats that are checked.
const FORMATS: &[&str] = &[
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "json-pointer",
    "regex",
    "time",
    "uri",
    "uri-reference",
];

impl<'s> Schemas<'s, '_> {
    /// Length, pattern and format. A type that is more than text has its own idea of them.
    pub(super) fn string_rules(
        &mut self,
        parts: &[Part<'s>],
        facts: &Facts<'s>,
        ty: &Type,
        rules: &mut Rules,
    ) {
        if *ty != Type::String {
            return;
        }
        for part in parts {
            most(
                &mut rules.min_length,
                count(part.node, "minLength").filter(|least| *least > 0),
            );
            least(&mut rules.max_length, count(part.node, "maxLength"));
            let Some(node) = part.node.get("pattern") else {
                continue;
            };
            let Some(pattern) = node.text() else { continue };
            match specwire_rules::Pattern::check(pattern) {
                Ok(()) if rules.patterns.iter().any(|known| known == pattern) => {}
                Ok(()) => rules.patterns.push(pattern.to_owned()),
                Err(error) => self.errors.push(unchecked_pattern(node, pattern, &error)),
            }
        }
        rules.format = facts
            .format
            .filter(|format| FORMATS.contains(format))
            .map(str::to_owned);
    }

    /// Bounds and multiples. Returns the bounds as integers see them.
    pub(super) fn number_rules(
        &self,
        parts: &[Part<'s>],
        rules: &mut Rules,
    ) -> (Option<i128>, Option<i128>) {
        let (mut low, mut high) = (None, None);
        for Part { node, .. } in parts {
            let exclusive = |key: &str| node.get(key).and_then(Node::bool) == Some(true);
            let mut lower = |bound: Bound| {
                low = low.max(edge(&bound, 1));
                tighten(&mut rules.minimum, bound, |new, old| new > old);
            };
            if let Some(value) = node.get("minimum").and_then(Node::decimal) {
                let exclusive = exclusive("exclusiveMinimum");
                lower(Bound { value, exclusive });
            }
            if let Some(value) = node.get("exclusiveMinimum").and_then(Node::decimal) {
                lower(Bound {
                    value,
                    exclusive: true,
                });
            }
            let mut upper = |bound: Bound| {
                let edge = edge(&bound, -1);
                high = match (high, edge) {
                    (Some(known), Some(edge)) => Some(edge.min(known)),
                    (known, edge) => known.or(edge),
                };
                tighten(&mut rules.maximum, bound, |new, old| new < old);
            };
            if let Some(value) = node.get("maximum").and_then(Node::decimal) {
                let exclusive = exclusive("exclusiveMaximum");
                upper(Bound { value, exclusive });
            }
            if let Some(value) = node.get("exclusiveMaximum").and_then(Node::decimal) {
                upper(Bound {
                    value,
                    exclusive: true,
                });
            }
            if let Some(value) = node.get("multipleOf").and_then(Node::decimal) {
                let positive = value.parse().is_ok_and(|value: f64| value > 0.0);
                if positive && !rules.multiples_of.contains(&value) {
                    rules.multiples_of.push(value);
                }
            }
        }
        (low, high)
    }

    pub(super) fn array_rules(&self, parts: &[Part<'s>], rules: &mut Rules) {
        for Part { node, .. } in parts {
            most(
                &mut rules.min_items,
                count(*node, "minItems").filter(|least| *least > 0),
            );
            least(&mut rules.max_items, count(*node, "maxItems"));
            rules.unique_items |= node.get("uniqueItems").and_then(Node::bool) == Some(true);
        }
    }

    pub(super) fn object_rules(&self, parts: &[Part<'s>], rules: &mut Rules) {
        for Part { node, .. } in parts {
            most(
                &mut rules.min_properties,
                count(*node, "minProperties").filter(|least| *least > 0),
            );
            least(&mut rules.max_properties, count(*node, "maxProperties"));
        }
    }
}

/// The value of a keyword that counts.
fn count(node: Node<'_>, key: &str) -> Option<u64> {
    integer(&node.get(key)?.decimal()?)?.try_into().ok()
}

fn most(known: &mut Option<u64>, found: Option<u64>) {
    *known = (*known).max(found);
}

fn least(known: &mut Option<u64>, found: Option<u64>) {
    *known = match (*known, found) {
        (Some(known), Some(found)) => Some(known.min(found)),
        (known, found) => known.or(found),
    };
}

/// Of two bounds the one that allows less.
fn tighten(known: &mut Option<Bound>, found: Bound, is_tighter: fn(f64, f64) -> bool) {
    let value = |bound: &Bound| bound.value.parse().unwrap_or(f64::NAN);
    let tighter = match known {
        None => true,
        Some(known) => {
            is_tighter(value(&found), value(known))
                || (found.exclusive && found.value == known.value)
        }
    };
    if tighter {
        *known = Some(found);
    }
}

/// The first integer within a bound, where `inwards` is the way.
fn edge(bound: &Bound, inwards: i128) -> Option<i128> {
    if let Some(value) = integer(&bound.value) {
        return if bound.exclusive {
            value.checked_add(inwards)
        } else {
            Some(value)
        };
    }
    let value: f64 = bound.value.parse().ok()?;
    let whole = if inwards > 0 {
        value.ceil()
    } else {
        value.floor()
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, far beyond any integer type"
    )]
    Some(whole as i128)
}
