//! Meaning: what each scalar of the tree is.

use std::collections::HashMap;

use super::value::string;
use super::{Kind, Tree, yaml};
use crate::diagnostic::{Code, Diagnostic};

/// A scalar that may be something else than text.
#[derive(Debug)]
pub(super) struct Unclear {
    /// The index of its node.
    pub(super) node: usize,
    /// What it is said to be, such as `int`.
    pub(super) tag: Option<String>,
}

impl Unclear {
    /// Whether a scalar may be something else than text, as which it is read otherwise.
    pub(super) fn may_be(text: &str, is_plain: bool, tag: Option<&str>) -> bool {
        match tag {
            Some(tag) => tag != "str",
            // No number has space within it, but descriptions have.
            None => is_plain && !text.as_bytes().contains(&b' ') && !text.contains('\n'),
        }
    }
}

/// Gives every scalar of the tree its meaning.
///
/// # Errors
///
/// A scalar is not what it is said to be, or might be read otherwise.
pub(super) fn assign(tree: &mut Tree) -> Result<(), Diagnostic> {
    let unclear = std::mem::take(&mut tree.unclear);
    let written: Vec<String> = unclear
        .iter()
        .filter_map(|unclear| match &tree.nodes.get(unclear.node)?.kind {
            Kind::Scalar(_, text) => Some(match &unclear.tag {
                Some(tag) => format!("!!{tag} {}", string(text)),
                None => text.clone(),
            }),
            _ => None,
        })
        .collect();
    // Few are asked for, many times each.
    let mut distinct: Vec<&str> = Vec::new();
    let mut index: HashMap<&str, usize> = HashMap::new();
    let asked: Vec<usize> = written
        .iter()
        .map(|scalar| {
            *index.entry(scalar).or_insert_with(|| {
                distinct.push(scalar);
                distinct.len().saturating_sub(1)
            })
        })
        .collect();
    let meanings = yaml::meanings(&distinct).map_err(|(at, message)| {
        let first = asked.iter().position(|index| *index == at);
        let first = first.and_then(|first| unclear.get(first));
        let data = first.and_then(|first| tree.nodes.get(first.node));
        let place = tree.place(&data.map_or(0..0, |data| data.range.clone()));
        if first.is_some_and(|first| first.tag.is_some()) {
            return Diagnostic::error(Code::NotYaml, place, message);
        }
        let message = "this can be read in two ways, expected plain YAML";
        Diagnostic::error(Code::AmbiguousYaml, place, message)
    })?;
    for (unclear, index) in unclear.iter().zip(asked) {
        let data = tree.nodes.get_mut(unclear.node);
        if let (Some(Kind::Scalar(meaning, _)), Some(found)) =
            (data.map(|data| &mut data.kind), meanings.get(index))
        {
            *meaning = *found;
        }
    }
    Ok(())
}
