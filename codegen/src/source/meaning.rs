//! Meaning: what each scalar of the tree is.

use super::yaml::{self, Piece};
use super::{Id, Kind, Tree};
use crate::diagnostic::{Code, Diagnostic};

/// Gives every scalar of the tree its meaning, in the text that the tree was built from.
///
/// # Errors
///
/// The second reader refuses the text, or sees another tree in it.
pub(super) fn assign(tree: &mut Tree, read: &str) -> Result<(), Diagnostic> {
    let root = tree.root;
    let mut pieces = yaml::pieces(&tree.text, read)?.into_iter();
    Join(tree).node(root, &mut pieces).map_err(|Differs(id)| {
        let place = tree.place(&tree.data(id).range);
        Diagnostic::error(
            Code::AmbiguousYaml,
            place,
            "this can be read in two ways, expected plain YAML",
        )
    })
}

/// The two readers see different things in a node.
struct Differs(Id);

/// Walks the tree and takes the pieces, which are in the same order. No deeper than the tree,
/// whose depth is limited.
struct Join<'a>(&'a mut Tree);

impl Join<'_> {
    fn node(&mut self, id: Id, pieces: &mut impl Iterator<Item = Piece>) -> Result<(), Differs> {
        let Some(data) = self.0.nodes.get_mut(id.index) else {
            return Err(Differs(id));
        };
        match (&mut data.kind, pieces.next()) {
            (Kind::Scalar(meaning, _), Some(Piece::Scalar(found))) => *meaning = found,
            (Kind::Sequence(items), Some(Piece::Sequence)) => {
                for item in items.clone() {
                    self.node(item, pieces)?;
                }
                let Some(Piece::End) = pieces.next() else {
                    return Err(Differs(id));
                };
            }
            (Kind::Mapping(mapping), Some(Piece::Mapping)) => {
                let values: Vec<Id> = mapping.entries.iter().map(|entry| entry.node).collect();
                for value in values {
                    let Some(Piece::Scalar(_)) = pieces.next() else {
                        return Err(Differs(id));
                    };
                    self.node(value, pieces)?;
                }
                let Some(Piece::End) = pieces.next() else {
                    return Err(Differs(id));
                };
            }
            _ => return Err(Differs(id)),
        }
        Ok(())
    }
}
