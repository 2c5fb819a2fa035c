//! Alternatives that cannot be told apart.

use std::collections::HashSet;

use super::Types;
use crate::api::{Branch, JsonType, Test};
use crate::diagnostic::{Code, Diagnostic, quote};
use crate::lower::schema::SchemaId;

/// Of more branches not each is compared with each.
const COMPARED: usize = 60;

impl Types<'_, '_> {
    /// Says so if a value of one branch may be taken for one of another.
    pub(super) fn warn_of_ambiguity(&mut self, id: SchemaId, branches: &[Branch]) {
        for (index, first) in branches.iter().enumerate().take(COMPARED) {
            let mut others = branches.iter().skip(index.saturating_add(1)).take(COMPARED);
            let is_like = |second: &&Branch| {
                let is_told = first.otherwise.is_some() || second.otherwise.is_some();
                !is_told && !are_apart(&first.test, &second.test)
            };
            if let Some(second) = others.find(is_like) {
                let place = self.schemas.get(id).node.key_place();
                let message = format!(
                    "{} and {} cannot always be told apart: what fits both is taken for the one \
                     that declares more of its members, and else for the first",
                    quote(&first.name),
                    quote(&second.name)
                );
                let help = "give one a required member that the other lacks, or both a member with \
                            a `const`";
                self.schemas.errors.push(
                    Diagnostic::warning(Code::AmbiguousUnion, place, message).with_help(help),
                );
                return;
            }
        }
    }
}

/// No object fits both, unless it has members that neither declares. Other values are told apart by
/// reading them.
fn are_apart(one: &Test, other: &Test) -> bool {
    let is_object =
        |test: &Test| test.types == [JsonType::Object] && !test.shape.members.is_empty();
    if !is_object(one) || !is_object(other) {
        return true;
    }
    let (a, b) = (&one.shape, &other.shape);
    let by_value = a.constants.iter().any(|(name, values)| {
        let same = b.constants.iter().find(|(other, _)| other == name);
        same.is_some_and(|(_, others)| values.iter().all(|value| !others.contains(value)))
            && (a.required.contains(name) || b.required.contains(name))
    });
    let lacks = |required: &[String], members: &[String]| {
        let members: HashSet<&String> = members.iter().collect();
        required.iter().any(|name| !members.contains(name))
    };
    by_value || lacks(&a.required, &b.members) || lacks(&b.required, &a.members)
}
