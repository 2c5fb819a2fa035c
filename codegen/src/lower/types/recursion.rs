//! What needs all definitions at once: which of them hold themselves, and which have a default.

use std::collections::HashMap;

use crate::api::{Field, Type, TypeDef, TypeKind, TypeName};

/// Boxes where a definition would otherwise hold itself, and finds those with a default.
pub(super) fn settle(definitions: &mut [TypeDef]) {
    let index: HashMap<TypeName, usize> = definitions
        .iter()
        .enumerate()
        .map(|(index, definition)| (definition.name.clone(), index))
        .collect();
    let edges: Vec<Vec<Edge>> = definitions.iter().map(|one| edges(one, &index)).collect();
    for (holder, field) in back_edges(&edges) {
        let definition = definitions
            .get_mut(holder)
            .map(|definition| &mut definition.kind);
        let Some(TypeKind::Struct(holder)) = definition else {
            continue;
        };
        let Some(field) = holder.fields.get_mut(field) else {
            continue;
        };
        field.ty = boxed(&field.ty);
    }
    defaults(definitions, &edges);
}

/// A field that holds another definition, with no array or map between.
struct Edge {
    field: usize,
    to: usize,
}

fn edges(definition: &TypeDef, index: &HashMap<TypeName, usize>) -> Vec<Edge> {
    let TypeKind::Struct(holder) = &definition.kind else {
        return Vec::new();
    };
    let fields = holder.fields.iter().enumerate();
    let named = fields.filter_map(|(field, member)| {
        let to = *index.get(held(&member.ty)?)?;
        Some(Edge { field, to })
    });
    named.collect()
}

/// The definition that a value of this type holds, with nothing to end it between.
fn held(ty: &Type) -> Option<&TypeName> {
    match ty {
        Type::Named(name) => Some(name),
        Type::Nullable(inner) => held(inner),
        _ => None,
    }
}

fn boxed(ty: &Type) -> Type {
    match ty {
        Type::Named(name) => Type::Boxed(name.clone()),
        Type::Nullable(inner) => Type::Nullable(Box::new(boxed(inner))),
        other => other.clone(),
    }
}

/// The fields that close a circle, as holder and field, found by walking from the first definition
/// on. Without recursion: chains may be long.
fn back_edges(edges: &[Vec<Edge>]) -> Vec<(usize, usize)> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; edges.len()];
    let mut found = Vec::new();
    for start in 0..edges.len() {
        if states.get(start) != Some(&State::New) {
            continue;
        }
        let mut walk = vec![(start, 0_usize)];
        while let Some((at, next)) = walk.pop() {
            let set = |states: &mut Vec<State>, state| {
                if let Some(slot) = states.get_mut(at) {
                    *slot = state;
                }
            };
            set(&mut states, State::Open);
            let Some(edge) = edges.get(at).and_then(|edges| edges.get(next)) else {
                set(&mut states, State::Done);
                continue;
            };
            walk.push((at, next.saturating_add(1)));
            match states.get(edge.to) {
                Some(State::New) => walk.push((edge.to, 0)),
                Some(State::Open) => found.push((at, edge.field)),
                _ => {}
            }
        }
    }
    found
}

/// There is no `None` to begin with.
fn needs_value(field: &Field) -> bool {
    field.required && !matches!(field.ty, Type::Nullable(_))
}

/// A struct has a default if all its required members have: what has none is passed on to whoever
/// holds it.
fn defaults(definitions: &mut [TypeDef], edges: &[Vec<Edge>]) {
    let required = |definition: &TypeDef, field: usize| match &definition.kind {
        TypeKind::Struct(holder) => holder.fields.get(field).is_some_and(needs_value),
        TypeKind::Enum(_) => false,
    };
    let mut holders: Vec<Vec<usize>> = vec![Vec::new(); definitions.len()];
    let mut without: Vec<usize> = Vec::new();
    for (at, (definition, edges)) in definitions.iter().zip(edges).enumerate() {
        for edge in edges.iter().filter(|edge| required(definition, edge.field)) {
            if let Some(holders) = holders.get_mut(edge.to) {
                holders.push(at);
            }
        }
        let boxed = match &definition.kind {
            TypeKind::Struct(holder) => holder
                .fields
                .iter()
                .any(|field| field.required && matches!(field.ty, Type::Boxed(_))),
            TypeKind::Enum(_) => true,
        };
        if boxed {
            without.push(at);
        }
    }
    let mut has_default = vec![true; definitions.len()];
    while let Some(at) = without.pop() {
        let Some(slot) = has_default.get_mut(at) else {
            continue;
        };
        if std::mem::replace(slot, false) {
            without.extend(holders.get(at).into_iter().flatten());
        }
    }
    for (definition, has_default) in definitions.iter_mut().zip(has_default) {
        if let TypeKind::Struct(holder) = &mut definition.kind {
            holder.has_default = has_default;
        }
    }
}
