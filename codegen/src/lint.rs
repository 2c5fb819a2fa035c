//! Whether a document keeps to what it says itself: examples and defaults, by their own schemas.
//!
//! The runtime checks messages by the same rules (`specwire_rules`), so that what is warned of here
//! would be refused there.

use std::collections::HashSet;

use serde_json::{Map, Value};
use specwire_rules::{Violation, schema};

use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::document::Kind;
use crate::resolve::{Layers, References, Resolved, SchemaWriter, meant};
use crate::source::{Id, Node};

/// What all checks of a document may take: a fraction of a second without optimisation.
const STEPS: usize = 200_000;
/// How many examples and defaults are looked at.
const MOST: usize = 50_000;
/// How many warnings are worth making: there are no more shown.
const MOST_WARNINGS: usize = 1001;

/// Warns of each example and default that is not what its schema says, and returns which these are.
pub(crate) fn lint(resolved: &Resolved<'_>, errors: &mut Errors) -> HashSet<Id> {
    let mut refuted = HashSet::new();
    let claims = claims(resolved);
    let mut schemas = SchemaWriter::list(&resolved.references);
    let claims: Vec<(Value, _)> = claims
        .into_iter()
        .filter_map(|claim| {
            let schema = schemas.refer(claim.schema)?;
            Some((serde_json::from_str(&schema).ok()?, claim))
        })
        .collect();
    if claims.is_empty() {
        return refuted;
    }
    let root = serde_json::from_str(&schemas.finish()).unwrap_or_default();
    let rules = schema::Schemas::new(&root);
    let mut steps = STEPS;
    let mut left = MOST_WARNINGS;
    for (schema, claim) in claims {
        let Some(value) = value(claim.value, &mut steps) else {
            continue;
        };
        let violations = rules.violations(&schema, &value, &mut steps);
        if !violations.is_empty() {
            refuted.insert(claim.value.id());
        }
        for violation in violations.iter().take(left) {
            errors.push(claim.warning(violation, &resolved.references));
            left = left.saturating_sub(1);
        }
    }
    refuted
}

/// A value that is said to be of a schema.
struct Claim<'s> {
    value: Node<'s>,
    schema: Node<'s>,
    code: Code,
}

/// What a document claims, as far as that is looked at.
struct Claims<'s> {
    list: Vec<Claim<'s>>,
    /// What a trait says is said of each message that has it.
    seen: HashSet<(Id, Id)>,
    left: usize,
}

fn claims<'s>(resolved: &Resolved<'s>) -> Vec<Claim<'s>> {
    let mut claims = Claims {
        list: Vec::new(),
        seen: HashSet::new(),
        left: MOST,
    };
    for (kind, node) in resolved.objects.iter().copied() {
        match kind {
            Kind::Schema => {
                claims.add(node.get("default"), node, Code::InvalidDefault);
                let examples = node.get("examples").into_iter().flat_map(Node::items);
                claims.add(
                    examples.chain(node.get("example")),
                    node,
                    Code::InvalidExample,
                );
            }
            Kind::Message if node.get("$ref").is_none() => claims.message(node, resolved),
            _ => {}
        }
    }
    claims.list
}

impl<'s> Claims<'s> {
    fn message(&mut self, node: Node<'s>, resolved: &Resolved<'s>) {
        let layers = Layers::of(node, &resolved.references);
        let Some(examples) = layers.get("examples") else {
            return;
        };
        let default = || resolved.root.get("defaultContentType");
        let content_type = layers.get("contentType").or_else(default);
        // How another language is to be written in YAML is anyone's guess.
        let is_json = content_type
            .and_then(Node::text)
            .is_none_or(|text| text.contains("json"));
        for part in ["payload", "headers"] {
            if let Some(schema) = layers.get(part).filter(|_| is_json || part == "headers") {
                let values = examples.items().filter_map(|example| example.get(part));
                self.add(values, schema, Code::InvalidExample);
            }
        }
    }

    fn add(&mut self, values: impl IntoIterator<Item = Node<'s>>, schema: Node<'s>, code: Code) {
        for value in values {
            if self.left == 0 {
                return;
            }
            self.left = self.left.saturating_sub(1);
            if self.seen.insert((value.id(), schema.id())) {
                self.list.push(Claim {
                    value,
                    schema,
                    code,
                });
            }
        }
    }
}

impl<'s> Claim<'s> {
    fn warning(&self, violation: &Violation, references: &References<'s>) -> Diagnostic {
        let what = match self.code {
            Code::InvalidDefault => "this default",
            _ => "this example",
        };
        let (rule, found) = (quote(violation.rule()), violation.what());
        let message = match violation.pointer() {
            "" => format!("{what} breaks {rule} of its schema: {found}"),
            pointer => format!(
                "{what} breaks {rule} of its schema at {}: {found}",
                quote(pointer)
            ),
        };
        let mut at = self.value;
        let mut schema = meant(self.schema, references);
        let segments = violation.pointer().split('/').skip(1);
        for segment in segments.map(|segment| segment.replace("~1", "/").replace("~0", "~")) {
            let item = segment.parse().ok().and_then(|index| at.item(index));
            let Some(next) = item.or_else(|| at.get(&segment)) else {
                break;
            };
            let of_member = |node: Node<'s>| node.get("properties")?.get(&segment);
            schema = schema
                .and_then(|schema| match at.is_sequence() {
                    true => schema.get("items"),
                    false => of_member(schema).or_else(|| schema.get("additionalProperties")),
                })
                .and_then(|schema| meant(schema, references));
            at = next;
        }
        let place = match violation.rule() {
            "additionalProperties" | "propertyNames" => at.key_place(),
            _ => at.place(),
        };
        let warning = Diagnostic::warning(self.code, place, message);
        let warning = match schema.and_then(|schema| schema.get(violation.rule())) {
            Some(keyword) => warning.related(keyword.key_place(), "this is the rule"),
            None => warning,
        };
        // As in `version: 1.10`.
        let is_text = violation.rule() == "type" && found.ends_with("expected a string");
        match at.scalar().filter(|_| is_text && !at.is_null()) {
            Some(text) => warning.with_help(format!("write `'{text}'`")),
            None => warning,
        }
    }
}

/// A node as JSON; `None` if there are too few steps left for it, or JSON has no such number.
/// Recursion ends: nesting is limited, aliases followed.
fn value(node: Node<'_>, steps: &mut usize) -> Option<Value> {
    *steps = steps.checked_sub(1)?;
    if node.is_sequence() {
        return node.items().map(|item| value(item, steps)).collect();
    }
    if node.is_mapping() {
        let members = node.entries();
        let members =
            members.map(|member| Some((member.key.to_owned(), value(member.node, steps)?)));
        return members.collect::<Option<Map<_, _>>>().map(Value::from);
    }
    if node.is_null() {
        return Some(Value::Null);
    }
    if let Some(value) = node.bool() {
        return Some(value.into());
    }
    if let Some(text) = node.text() {
        return Some(text.into());
    }
    serde_json::from_str(&node.decimal()?).ok()
}
