//! Members that no schema declares, but that examples have: they are meant to be there.

use std::collections::{BTreeMap, HashMap};

use super::Types;
use crate::api::{JsonType, Test};
use crate::diagnostic::{Code, Diagnostic, quote};
use crate::lower::schema::{Class, SchemaId, Use};
use crate::source::Node;

/// How many values of examples are looked at.
const MOST_VALUES: usize = 50_000;

/// How many members may be added.
const MOST_MEMBERS: usize = 1000;

/// What examples show of objects.
#[derive(Debug, Default)]
pub(super) struct Shown<'s> {
    /// The members of each object that has been looked at.
    declared: HashMap<SchemaId, HashMap<&'s str, Use>>,
    found: BTreeMap<SchemaId, Vec<(&'s str, Node<'s>)>>,
    members: usize,
    values: usize,
    /// These are the examples of a schema that other documents have too, for all to see.
    is_shared: bool,
}

impl Shown<'_> {
    /// Counts a value, and says whether it is one too many.
    pub(super) fn is_enough(&mut self) -> bool {
        self.values = self.values.saturating_add(1);
        self.values > MOST_VALUES
    }
}

impl<'s> Types<'s, '_> {
    /// Looks at the examples of a schema.
    pub(super) fn look_at_own(&mut self, used: Use, shown: &mut Shown<'s>) {
        let node = self.schemas.get(used.id).node;
        let examples = node.get("examples").into_iter().flat_map(Node::items);
        shown.is_shared = self.is_shared(used.id);
        for example in examples.chain(node.get("example")) {
            self.look_at(used, example, shown);
        }
        shown.is_shared = false;
    }

    /// Looks at a value that is said to be of this schema. Recursion ends with the value, whose nesting
    /// is limited.
    pub(super) fn look_at(&mut self, used: Use, value: Node<'s>, shown: &mut Shown<'s>) {
        if shown.is_enough() {
            return;
        }
        let used = self.schemas.settle(used);
        match self.schemas.class(used.id) {
            Class::Struct(object) => {
                let declared = shown.declared.entry(used.id).or_insert_with(|| {
                    let members = object.members.iter();
                    members.map(|member| (member.name, member.schema)).collect()
                });
                let mut inner = Vec::new();
                for entry in value.entries() {
                    match declared.get(entry.key) {
                        Some(schema) => inner.push((*schema, entry.node)),
                        None if object.closed || object.rest.is_some() => {}
                        None if !shown.is_shared && self.is_shared(used.id) => {}
                        None if shown.members < MOST_MEMBERS => {
                            shown.members = shown.members.saturating_add(1);
                            let found = shown.found.entry(used.id).or_default();
                            if found.iter().all(|(name, _)| *name != entry.key) {
                                found.push((entry.key, entry.node));
                            }
                        }
                        None => {}
                    }
                }
                for (schema, value) in inner {
                    self.look_at(schema, value, shown);
                }
            }
            Class::Union(alternatives) => {
                let fitting: Vec<Use> = alternatives
                    .iter()
                    .map(|alternative| alternative.schema)
                    .filter(|schema| fits(&self.test(schema.id), value))
                    .collect();
                // Where several fit, which one is meant is anyone's guess.
                if let [only] = fitting.as_slice() {
                    self.look_at(*only, value, shown);
                }
            }
            Class::Array(items) => {
                for item in value.items() {
                    self.look_at(items, item, shown);
                }
            }
            Class::Tuple(elements) => {
                for (schema, item) in elements.iter().zip(value.items()) {
                    self.look_at(*schema, item, shown);
                }
            }
            Class::Map(values) => {
                for entry in value.entries() {
                    self.look_at(values, entry.node, shown);
                }
            }
            Class::Enum(_) | Class::Plain(_) | Class::Same(_) => {}
        }
    }

    /// Adds the members that have been seen to their objects, and says so.
    pub(super) fn add_shown(&mut self, shown: Shown<'s>) {
        for (id, members) in shown.found {
            for (name, value) in &members {
                let message = format!(
                    "{} is in an example, but not among the properties of its schema",
                    quote(name)
                );
                let help = "it is carried as any JSON: declare what it is";
                let place = self.schemas.get(id).node.key_place();
                self.schemas.errors.push(
                    Diagnostic::warning(Code::UndeclaredMember, value.key_place(), message)
                        .related(place, "the schema")
                        .with_help(help),
                );
            }
            self.schemas.add_members(id, &members);
        }
    }
}

/// Nothing at the top of the value speaks against it.
fn fits(test: &Test, value: Node<'_>) -> bool {
    let is = |ty: &JsonType| match ty {
        JsonType::Null => value.is_null(),
        JsonType::Boolean => value.bool().is_some(),
        JsonType::Integer | JsonType::Number => value.decimal().is_some(),
        JsonType::String => value.text().is_some(),
        JsonType::Array => value.is_sequence(),
        JsonType::Object => value.is_mapping(),
    };
    let shape = &test.shape;
    (test.types.is_empty() || test.types.iter().any(is))
        && (test.values.is_empty() || test.values.contains(&value.json()))
        && shape.required.iter().all(|name| value.get(name).is_some())
        && shape.constants.iter().all(|(name, values)| {
            let member = value.get(name);
            member.is_none_or(|member| values.contains(&member.json()))
        })
}
