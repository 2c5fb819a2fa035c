//! Merge keys: `<<: *other` gives a mapping the members of others that it has none of itself.

use super::{Id, Kind, Mapping, Member, Tree};
use crate::diagnostic::{Code, Diagnostic, Errors};

/// Merges what there is to be merged. What is merged has been counted among the values, as the
/// aliases that it comes from are.
pub(super) fn merge(tree: &mut Tree, errors: &mut Errors) {
    for id in std::mem::take(&mut tree.merges) {
        let Kind::Mapping(mapping) = &tree.data(id).kind else {
            continue;
        };
        let mut all = Mapping::default();
        for member in &mapping.entries {
            if !member.merges {
                add(&mut all, member);
                continue;
            }
            for from in parts(tree, member.node, errors) {
                for merged in &from.entries {
                    // Whether it comes before or after, a member of its own counts for more.
                    if mapping.get(&merged.key).is_none() {
                        add(&mut all, merged);
                    }
                }
            }
        }
        if let Some(data) = tree.nodes.get_mut(id.index) {
            data.kind = Kind::Mapping(all);
        }
    }
}

/// Adds a member, unless there is one of its name; those that were duplicates stay so.
fn add(all: &mut Mapping, member: &Member) {
    if !member.duplicate && all.get(&member.key).is_none() {
        all.push(member.clone());
    }
}

/// The mappings that the value of a merge key stands for.
fn parts<'t>(tree: &'t Tree, value: Id, errors: &mut Errors) -> Vec<&'t Mapping> {
    let list = match &tree.data(value).kind {
        Kind::Sequence(items) => items.as_slice(),
        _ => &[value],
    };
    let mut parts = Vec::new();
    for id in list {
        match &tree.data(*id).kind {
            Kind::Mapping(mapping) => parts.push(mapping),
            other => {
                let message = format!(
                    "found {}, expected a mapping to merge, or a list of such",
                    other.describe()
                );
                let place = tree.place(&tree.data(*id).range);
                errors.push(Diagnostic::error(Code::MergeKey, place, message));
            }
        }
    }
    parts
}
