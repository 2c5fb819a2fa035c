//! Schemas that others inherit from, as OpenAPI has it: by `allOf`, with a `discriminator` in the one
//! that is joined and no list of those that join it.

use std::collections::HashMap;

use super::facts::Facts;
use super::union::Tags;
use super::{Class, Part, Schema, Schemas, named};
use crate::diagnostic::{Code, Diagnostic, quote};
use crate::source::{Id, Node};

/// How many of those that join a schema are named.
const MOST_SHOWN: usize = 3;

/// The schemas of `components` that join others by `allOf`, by what they join.
#[derive(Debug)]
pub(super) struct Heirs<'s>(HashMap<Id, Vec<Node<'s>>>);

impl<'s> Schemas<'s, '_> {
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
        let heirs = self.heirs(owner);
        let (lost, related) = match heirs.as_slice() {
            [] if !matches!(schema.class, Class::Struct(_)) || !tags.is_unknown_to(schema) => {
                return;
            }
            [] => ("which nothing declares".to_owned(), owner),
            [first, ..] => {
                let shown = heirs.iter().take(MOST_SHOWN).map(|heir| quote(heir.key()));
                let mut shown: Vec<String> = shown.collect();
                if heirs.len() > MOST_SHOWN {
                    shown.push("others".to_owned());
                }
                let lost = format!("and members of {} are not kept", shown.join(", "));
                (lost, *first)
            }
        };
        let message = format!(
            "there are no alternatives to tell apart by {}, {lost}",
            quote(tags.member)
        );
        let label = match heirs.is_empty() {
            true => "this schema has neither `oneOf` nor `anyOf`",
            false => "this schema joins it, and is read as if it were no more than that",
        };
        self.errors.push(
            Diagnostic::warning(Code::LoneDiscriminator, tags.written.place(), message)
                .related(related.key_place(), label)
                .with_help("name the alternatives in `oneOf`"),
        );
    }

    /// The schemas of `components` that join this one.
    fn heirs(&mut self, schema: Node<'s>) -> Vec<Node<'s>> {
        let known = self.heirs.get_or_insert_with(|| {
            let mut heirs: HashMap<Id, Vec<Node<'s>>> = HashMap::new();
            let components = self.root.get("components");
            let schemas = components.and_then(|components| components.get("schemas"));
            for heir in schemas.into_iter().flat_map(Node::entries) {
                let joined = heir.node.get("allOf").into_iter().flat_map(Node::items);
                for joined in joined.filter_map(|node| self.references.target(node)) {
                    heirs.entry(joined.id()).or_default().push(heir.node);
                }
            }
            Heirs(heirs)
        });
        known.0.get(&schema.id()).cloned().unwrap_or_default()
    }
}
