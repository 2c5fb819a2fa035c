//! What no Rust type carries, kept as JSON Schema for the runtime: `not`, `if`, `contains` and the
//! like.

use std::collections::{HashMap, HashSet};

use super::facts::{Additional, Facts};
use super::{Part, Schemas};
use crate::api::Rules;
use crate::diagnostic::{Code, Diagnostic};
use crate::resolve::SchemaWriter;
use crate::source::{Keys, Node, json_string};

/// Bytes of the longest condition that is checked.
const LONGEST: usize = 32 * 1024;

/// How many bytes all of them may have together, those that are too long counted as well.
const MOST_WRITTEN: usize = 2 * 1024 * 1024;

/// Keywords that say more than a type.
const KEYWORDS: Keys = Keys::new(&[
    "contains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "minContains",
    "not",
    "propertyNames",
    "then",
]);

/// Keywords that list alternatives.
const UNIONS: Keys = Keys::new(&["anyOf", "oneOf"]);

/// Keywords that look at members and items, so that `unevaluatedProperties` and `unevaluatedItems`
/// do not.
const LOOKING: &[&str] = &[
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "dependencies",
    "dependentSchemas",
    "else",
    "if",
    "items",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "properties",
    "then",
];

/// Keywords that are about values of one type.
const OF_SOME_TYPES: Keys = Keys::new(&[
    "additionalItems",
    "additionalProperties",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "required",
    "uniqueItems",
]);

impl<'s> Schemas<'s, '_> {
    /// Notes what is to be checked of a value as a whole.
    pub(super) fn conditions(&mut self, parts: &[Part<'s>], facts: &Facts<'s>, rules: &mut Rules) {
        for part in parts {
            let unevaluated = unevaluated(part.node, facts);
            if unevaluated.is_none() && !part.node.has_any(&KEYWORDS) && !part.node.has_any(&UNIONS)
            {
                continue;
            }
            let mut keys: Vec<&str> = KEYWORDS.keys.to_vec();
            keys.extend(part.mask.unions());
            if let Some(key) = unevaluated {
                keys.extend(LOOKING);
                keys.push(key);
                keys.sort_unstable();
                keys.dedup();
            }
            self.condition(part.node, &keys, rules);
        }
        if !facts.patterns.is_empty() {
            self.patterns(parts, facts, rules);
        }
    }

    /// What a member is depends on its name, where the type cannot say so for all names alike.
    fn patterns(&mut self, parts: &[Part<'s>], facts: &Facts<'s>, rules: &mut Rules) {
        for part in parts {
            match facts.additional {
                // One pattern, and nothing else: the type says what, and this says which.
                Additional::Refused if facts.patterns.len() == 1 => {
                    if part.node.get("patternProperties").is_some() {
                        rules.conditions.extend(closed_names(part.node));
                    }
                }
                Additional::Refused | Additional::Schema(_) => {
                    let keys = ["additionalProperties", "patternProperties", "properties"];
                    self.condition(part.node, &keys, rules);
                }
                Additional::Unsaid | Additional::Allowed => {
                    self.condition(part.node, &["patternProperties"], rules);
                }
            }
        }
    }

    /// What is said of some types, where the value may be of any.
    pub(super) fn rules_of_some_types(&mut self, node: Node<'s>, rules: &mut Rules) {
        if !node.has_any(&OF_SOME_TYPES) {
            return;
        }
        let says = |key: &&str| {
            let schema = node.get(key).filter(|schema| schema.is_mapping());
            schema.is_none_or(|schema| schema.entries().next().is_some())
        };
        let keys: Vec<&str> = OF_SOME_TYPES.keys.iter().copied().filter(says).collect();
        self.condition(node, &keys, rules);
    }

    /// The elements of an array are described one by one.
    pub(super) fn tuple_condition(&mut self, parts: &[Part<'s>], rules: &mut Rules) {
        for part in parts {
            let keys = ["additionalItems", "items", "prefixItems"];
            self.condition(part.node, &keys, rules);
        }
    }

    pub(super) fn condition(&mut self, node: Node<'s>, keys: &[&str], rules: &mut Rules) {
        let present: Vec<&str> = keys
            .iter()
            .copied()
            .filter(|key| node.get(key).is_some())
            .collect();
        let Some(first) = present.first().and_then(|key| node.get(key)) else {
            return;
        };
        let text = match self.written > MOST_WRITTEN {
            true => None,
            false => SchemaWriter::part(self.references, node, &present, LONGEST),
        };
        let written = text.as_ref().map_or(LONGEST, String::len);
        self.written = self.written.saturating_add(written);
        match text.filter(|_| self.written <= MOST_WRITTEN) {
            Some(text) if rules.conditions.contains(&text) => {}
            Some(text) => rules.conditions.push(text),
            None => {
                let message = "this is too long to be checked when a message comes";
                self.errors.push(Diagnostic::warning(
                    Code::UncheckedSchema,
                    first.key_place(),
                    message,
                ));
            }
        }
    }

    /// Members that only alternatives and conditions declare: each with its schema, if that is the
    /// same wherever it is declared.
    pub(super) fn soft_properties(
        &mut self,
        parts: &[Part<'s>],
        facts: &Facts<'s>,
    ) -> Vec<(&'s str, Option<Node<'s>>)> {
        let mut places: Vec<Node<'s>> = Vec::new();
        // Names that are asked for: whatever they are, a condition has to see them.
        let mut wanted: Vec<&str> = Vec::new();
        for part in parts {
            let node = part.node;
            places.extend(["then", "else"].into_iter().filter_map(|key| node.get(key)));
            for asked in ["if", "not"].into_iter().filter_map(|key| node.get(key)) {
                let start = Part {
                    node: asked,
                    mask: super::Mask::NONE,
                };
                let (inner, _) = self.expand(&[start]);
                for part in inner {
                    let members = part.node.get("properties");
                    wanted.extend(
                        members
                            .into_iter()
                            .flat_map(Node::entries)
                            .map(|entry| entry.key),
                    );
                    let required = part.node.get("required");
                    wanted.extend(
                        required
                            .into_iter()
                            .flat_map(Node::items)
                            .filter_map(Node::text),
                    );
                }
            }
            for key in ["dependencies", "dependentRequired", "dependentSchemas"] {
                let members = node.get(key).into_iter().flat_map(Node::entries);
                for member in members {
                    wanted.push(member.key);
                    wanted.extend(member.node.items().filter_map(Node::text));
                    places.push(member.node);
                }
            }
            for key in part.mask.unions() {
                places.extend(node.get(key).into_iter().flat_map(Node::items));
            }
        }
        if places.is_empty() && wanted.is_empty() {
            return Vec::new();
        }
        let mut declared: HashSet<&str> = facts
            .properties
            .iter()
            .map(|property| property.name)
            .collect();
        let mut found: Vec<(&str, Option<Node<'s>>)> = Vec::new();
        let mut index: HashMap<&str, usize> = HashMap::new();
        for place in places {
            let start = Part {
                node: place,
                mask: super::Mask::NONE,
            };
            let (inner, _) = self.expand(&[start]);
            let required = inner.iter().filter_map(|part| part.node.get("required"));
            wanted.extend(required.flat_map(Node::items).filter_map(Node::text));
            let entries = inner
                .iter()
                .filter_map(|part| part.node.get("properties"))
                .flat_map(Node::entries);
            for entry in entries.filter(|entry| !declared.contains(entry.key)) {
                match index.get(entry.key).and_then(|at| found.get_mut(*at)) {
                    Some((_, node)) => *node = None,
                    None => {
                        index.insert(entry.key, found.len());
                        found.push((entry.key, Some(entry.node)));
                    }
                }
            }
        }
        // A map has all members, and so has what keeps others; a closed object has no others.
        let is_map = facts.properties.is_empty() && found.is_empty();
        let keeps_none =
            matches!(facts.additional, Additional::Unsaid) && facts.patterns.is_empty();
        if is_map || !keeps_none {
            return found;
        }
        declared.extend(index.into_keys());
        let undeclared = wanted.into_iter().filter(|name| declared.insert(name));
        found.extend(undeclared.map(|name| (name, None)));
        found
    }
}

/// What a schema says of members or items that nothing else looks at, where what looks at them
/// depends on the value, so that no type says which they are.
fn unevaluated(node: Node<'_>, facts: &Facts<'_>) -> Option<&'static str> {
    const DEPENDING: Keys = Keys::new(&["anyOf", "dependentSchemas", "if", "oneOf"]);
    const ALL: Keys = Keys::new(&["unevaluatedItems", "unevaluatedProperties"]);
    if !node.has_any(&ALL) {
        return None;
    }
    let has = |key: &str| node.get(key).is_some();
    let depends = node.has_any(&DEPENDING);
    if has("unevaluatedProperties") && (depends || !facts.patterns.is_empty()) {
        return Some("unevaluatedProperties");
    }
    let is_plain = !facts.prefix.is_empty() && !depends && !has("contains");
    (has("unevaluatedItems") && !is_plain).then_some("unevaluatedItems")
}

/// The condition that members have names that are declared, or match a pattern. What these members
/// are is for their types to say.
fn closed_names(node: Node<'_>) -> Option<String> {
    let names = |key: &str| {
        let entries = node.get(key).into_iter().flat_map(Node::entries);
        let names = entries.map(|entry| format!("{}:true", json_string(entry.key)));
        names.collect::<Vec<_>>().join(",")
    };
    let text = format!(
        "{{\"additionalProperties\":false,\"patternProperties\":{{{}}},\"properties\":{{{}}}}}",
        names("patternProperties"),
        names("properties")
    );
    (text.len() <= LONGEST).then_some(text)
}
