//! Definitions of which there can be no value, since each would have to hold another.

use std::collections::HashMap;

use crate::api::{Type, TypeDef, TypeKind, TypeName};

/// What has to be there for a value of a definition.
struct Need {
    /// How many of these are not known to have an end: one at least of a union's branches must.
    left: usize,
    users: Vec<usize>,
}

/// The definitions that close a circle of those that have no end, each with the one that it needs.
pub(super) fn endless(definitions: &[TypeDef]) -> Vec<(TypeName, TypeName)> {
    let index: HashMap<&TypeName, usize> = definitions
        .iter()
        .enumerate()
        .map(|(at, definition)| (&definition.name, at))
        .collect();
    let mut needs: Vec<Need> = Vec::new();
    needs.resize_with(definitions.len(), || Need {
        left: 0,
        users: Vec::new(),
    });
    let mut edges: Vec<Vec<usize>> = Vec::new();
    for (at, definition) in definitions.iter().enumerate() {
        let found = needed(definition);
        let found: Vec<usize> = found
            .iter()
            .filter_map(|name| index.get(name).copied())
            .collect();
        for needed in &found {
            if let Some(need) = needs.get_mut(*needed) {
                need.users.push(at);
            }
        }
        let is_union = matches!(definition.kind, TypeKind::Union(_));
        if let Some(need) = needs.get_mut(at) {
            need.left = if is_union {
                found.len().min(1)
            } else {
                found.len()
            };
        }
        edges.push(found);
    }
    let mut ended: Vec<usize> = Vec::new();
    ended.extend((0..needs.len()).filter(|at| needs.get(*at).is_some_and(|need| need.left == 0)));
    while let Some(at) = ended.pop() {
        let users = needs
            .get_mut(at)
            .map(|need| std::mem::take(&mut need.users));
        for user in users.into_iter().flatten() {
            if let Some(need) = needs.get_mut(user)
                && need.left > 0
            {
                need.left = need.left.saturating_sub(1);
                if need.left == 0 {
                    ended.push(user);
                }
            }
        }
    }
    let is_endless = |at: usize| needs.get(at).is_some_and(|need| need.left > 0);
    for (at, edges) in edges.iter_mut().enumerate() {
        edges.retain(|to| is_endless(at) && is_endless(*to));
    }
    let name = |at: usize| {
        definitions
            .get(at)
            .map(|definition| definition.name.clone())
    };
    super::recursion::closing(&edges)
        .into_iter()
        .filter_map(|(holder, needed)| Some((name(holder)?, name(needed)?)))
        .collect()
}

/// The definitions that a value needs one of each of; for a union those that it may be, unless it may
/// be something else.
fn needed(definition: &TypeDef) -> Vec<&TypeName> {
    let mut names = Vec::new();
    match &definition.kind {
        TypeKind::Struct(holder) => {
            for field in holder.fields.iter().filter(|field| field.required) {
                held(&field.ty, &mut names);
            }
        }
        TypeKind::Newtype(ty) => held(ty, &mut names),
        TypeKind::Union(union) => {
            for branch in &union.branches {
                let before = names.len();
                held(&branch.ty, &mut names);
                if names.len() == before {
                    return Vec::new();
                }
            }
        }
        TypeKind::Enum(_) => {}
    }
    names
}

/// What a value of this type has within it in any case.
fn held<'a>(ty: &'a Type, found: &mut Vec<&'a TypeName>) {
    match ty {
        Type::Named(name) | Type::Boxed(name) => found.push(name),
        Type::Checked(inner, _) => held(inner, found),
        Type::Tuple(elements) => elements.iter().for_each(|element| held(element, found)),
        _ => {}
    }
}
