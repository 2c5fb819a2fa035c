//! Schemas that others inherit from, as AsyncAPI and OpenAPI have it: by `allOf`, with a `discriminator`
//! in the one that is joined and no list of those that join it. Who refers to it means any of them.

use super::facts::Facts;
use super::union::{Mapped, Tags, has_list};
use super::{Class, Mask, Part, Schema, Schemas, is_definition, named, says_something};
use crate::diagnostic::{Code, Diagnostic, quote};
use crate::document::Kind;
use crate::source::{Id, Node, NumberMap, NumberSet, json_string};

/// The schemas with names of their own that join others by `allOf`, by what they join.
#[derive(Debug)]
pub(super) struct Heirs<'s>(NumberMap<Id, Vec<Node<'s>>>);

impl<'s> Schemas<'s, '_> {
    /// All schemas that inherit from this one, and from these, if there is a `discriminator` to tell
    /// them apart and no list of them.
    pub(super) fn heirs_of(&mut self, schema: Node<'s>) -> Vec<Node<'s>> {
        if !has_heirs_to_tell(schema) {
            return Vec::new();
        }
        let mut seen = NumberSet::from_iter([schema.id()]);
        let mut found: Vec<Node<'s>> = Vec::new();
        let mut next = Some(schema);
        let mut looked_at = 0;
        while let Some(joined) = next {
            for heir in self.heirs(joined) {
                if seen.insert(heir.id()) {
                    found.push(*heir);
                }
            }
            next = found.get(looked_at).copied();
            looked_at = looked_at.saturating_add(1);
        }
        found
    }

    /// What is referred to here may be any of those that inherit from it.
    pub(super) fn is_inherited_from(&mut self, node: Node<'s>) -> bool {
        let Some(target) = self.references.target(node) else {
            return false;
        };
        has_heirs_to_tell(target) && !self.heirs(target).is_empty()
    }

    /// A schema is more than another way to refer to what it joins.
    pub(super) fn adds_something(&self, node: Node<'s>, joined: &[Node<'s>]) -> bool {
        let says = |node: &Node<'s>| {
            let target = self.references.target(*node);
            target.is_some_and(|target| {
                says_something(target, Mask::NONE) || target.get("allOf").is_some()
            })
        };
        is_definition(node)
            || says_something(node, Mask::NONE)
            || joined.iter().filter(|node| says(node)).count() > 1
    }

    /// The value of a discriminator by which an heir goes: the one that it is mapped to, or its name;
    /// or what it says itself that the value is.
    pub(super) fn value_of_heir(
        &mut self,
        (tags, mapped): (&Tags<'s>, &Mapped),
        heir: Node<'s>,
        parent: Node<'s>,
        schema: &Schema<'s>,
    ) -> Vec<String> {
        let mapped = mapped.to(Some(&heir.reference()), Some(heir.key()));
        if !mapped.is_empty() {
            return mapped;
        }
        let name = json_string(heir.key());
        let own = self.values_of_tag(tags, schema);
        if own.is_empty() || own.contains(&name) {
            return vec![name];
        }
        // Few write both alike.
        let letters = |text: &str| {
            let letters = text.chars().filter(|c| c.is_alphanumeric());
            letters.flat_map(char::to_lowercase).collect::<String>()
        };
        let wanted = letters(heir.key());
        if let Some(alike) = own.iter().find(|value| letters(value) == wanted) {
            return vec![alike.clone()];
        }
        let parent = Part {
            node: parent,
            mask: Mask::HEIRS,
        };
        let parent = self.join(&[parent], super::Types::ALL);
        let parent = self.get(parent.id);
        // What all of them share tells nothing.
        if own == self.values_of_tag(tags, &parent) && own.len() > 1 {
            return Vec::new();
        }
        own
    }

    /// The values that a schema itself has for the discriminator, as JSON.
    pub(super) fn values_of_tag(&mut self, tags: &Tags<'s>, schema: &Schema<'s>) -> Vec<String> {
        let Class::Struct(object) = &schema.class else {
            return Vec::new();
        };
        let mut members = object.members.iter();
        let Some(member) = members.find(|member| member.name == tags.member) else {
            return Vec::new();
        };
        let used = self.settle(member.schema);
        match self.class(used.id) {
            Class::Enum(values) if !values.open => values.json(),
            _ => Vec::new(),
        }
    }

    /// Says if there is a `discriminator` that has nothing to tell apart, and what is lost by that.
    pub(super) fn lone_discriminator(
        &mut self,
        parts: &[Part<'s>],
        facts: &Facts<'s>,
        schema: &Schema<'s>,
    ) {
        let owner = named(parts).filter(|_| facts.unions.is_empty());
        let Some(owner) = owner else { return };
        let Some(tags) = owner.get("discriminator").and_then(Tags::of) else {
            return;
        };
        if !matches!(schema.class, Class::Struct(_)) || !tags.is_unknown_to(schema) {
            return;
        }
        let message = format!(
            "there are no alternatives to tell apart by {}, which nothing declares",
            quote(tags.member)
        );
        let label = "this schema has neither `oneOf` nor `anyOf`, and none inherits from it";
        self.errors.push(
            Diagnostic::warning(Code::LoneDiscriminator, tags.written.place(), message)
                .related(owner.key_place(), label)
                .with_help("name the alternatives in `oneOf`"),
        );
    }

    /// The schemas with names of their own that join this one.
    fn heirs(&mut self, schema: Node<'s>) -> &[Node<'s>] {
        let (objects, references) = (self.objects, self.references);
        let known = self.heirs.get_or_insert_with(|| {
            let mut heirs: NumberMap<Id, Vec<Node<'s>>> = NumberMap::default();
            let schemas = objects.iter().filter(|(kind, _)| *kind == Kind::Schema);
            for (_, heir) in schemas {
                let joined = heir.get("allOf").into_iter().flat_map(Node::items);
                let mut joined = joined.filter_map(|node| references.target(node)).peekable();
                if joined.peek().is_none() || !is_definition(*heir) {
                    continue;
                }
                for joined in joined {
                    heirs.entry(joined.id()).or_default().push(*heir);
                }
            }
            Heirs(heirs)
        });
        known.0.get(&schema.id()).map_or(&[], Vec::as_slice)
    }
}

/// There is a `discriminator`, and no list of what it tells apart.
fn has_heirs_to_tell(schema: Node<'_>) -> bool {
    schema
        .get("discriminator")
        .is_some_and(|discriminator| Tags::of(discriminator).is_some())
        && !has_list(schema)
}
