//! What needs all definitions at once: which of them hold themselves, which traits they have, and
//! in which there is something to check.

use std::collections::HashMap;

use crate::api::{Base, Field, Traits, Type, TypeDef, TypeKind, TypeName};

/// Boxes where a definition would otherwise hold itself, and finds what the parts of each allow.
pub(super) fn settle(definitions: &mut [TypeDef]) {
    let index: HashMap<TypeName, usize> = definitions
        .iter()
        .enumerate()
        .map(|(index, definition)| (definition.name.clone(), index))
        .collect();
    let edges: Vec<Vec<Edge>> = definitions.iter().map(|one| edges(one, &index)).collect();
    for (holder, part, target) in back_edges(&edges) {
        let Some(target) = definitions.get(target).map(|target| target.name.clone()) else {
            continue;
        };
        match definitions.get_mut(holder).map(|holder| &mut holder.kind) {
            Some(TypeKind::Struct(holder)) => {
                if let Some(field) = holder.fields.get_mut(part) {
                    field.ty = boxed(&field.ty, &target);
                }
            }
            Some(TypeKind::Union(holder)) => {
                if let Some(branch) = holder.branches.get_mut(part) {
                    match &branch.ty {
                        Type::Named(_) => branch.boxed = true,
                        ty => branch.ty = boxed(ty, &target),
                    }
                }
            }
            Some(TypeKind::Newtype(ty)) => *ty = boxed(ty, &target),
            Some(TypeKind::Enum(_)) | None => {}
        }
    }
    let used: Vec<Vec<usize>> = definitions
        .iter()
        .map(|one| {
            let names = uses(one).into_iter();
            names.filter_map(|name| index.get(name).copied()).collect()
        })
        .collect();
    let checked = spread(&used, |at| definitions.get(at).is_some_and(has_rules));
    let not_eq = spread(&used, |at| definitions.get(at).is_some_and(has_floats));
    let not_copy = spread(&used, |at| definitions.get(at).is_some_and(is_on_heap));
    let needed: Vec<Vec<usize>> = definitions.iter().map(|one| needed(one, &index)).collect();
    let no_default = spread(&needed, |at| definitions.get(at).is_some_and(lacks_default));
    for (at, definition) in definitions.iter_mut().enumerate() {
        let is = |flags: &[bool]| flags.get(at).copied().unwrap_or(true);
        definition.is_checked = is(&checked);
        definition.traits = Traits {
            default: !is(&no_default),
            eq: !is(&not_eq),
            copy: !is(&not_copy),
        };
    }
}

/// Takes back the pointers that [`settle`] has put in.
pub(super) fn unsettle(definitions: &mut [TypeDef]) {
    fn unboxed(ty: &mut Type) {
        match ty {
            Type::Boxed(name) => *ty = Type::Named(name.clone()),
            Type::Array(inner)
            | Type::Map(inner)
            | Type::Nullable(inner)
            | Type::Checked(inner, _) => unboxed(inner),
            Type::Tuple(elements) => elements.iter_mut().for_each(unboxed),
            _ => {}
        }
    }
    for definition in definitions {
        match &mut definition.kind {
            TypeKind::Struct(holder) => {
                let fields = holder.fields.iter_mut().map(|field| &mut field.ty);
                let rest = holder.rest.as_mut().map(|(_, ty)| ty);
                fields.chain(rest).for_each(unboxed);
            }
            TypeKind::Union(holder) => {
                for branch in &mut holder.branches {
                    branch.boxed = false;
                    unboxed(&mut branch.ty);
                }
            }
            TypeKind::Newtype(ty) => unboxed(ty),
            TypeKind::Enum(_) => {}
        }
    }
}

/// The definitions that this one names.
pub(super) fn uses(definition: &TypeDef) -> Vec<&TypeName> {
    let mut names = Vec::new();
    parts(definition, &mut |ty| mentioned(ty, &mut names));
    names
}

/// A part that holds another definition, with no array or map between.
struct Edge {
    part: usize,
    to: usize,
}

fn edges(definition: &TypeDef, index: &HashMap<TypeName, usize>) -> Vec<Edge> {
    let mut found = Vec::new();
    let mut part = |number: usize, ty: &Type| {
        let mut names = Vec::new();
        held(ty, &mut names);
        let targets = names.into_iter().filter_map(|name| index.get(name));
        found.extend(targets.map(|to| Edge {
            part: number,
            to: *to,
        }));
    };
    match &definition.kind {
        TypeKind::Struct(holder) => {
            for (number, field) in holder.fields.iter().enumerate() {
                part(number, &field.ty);
            }
        }
        TypeKind::Union(holder) => {
            for (number, branch) in holder.branches.iter().enumerate() {
                part(number, &branch.ty);
            }
        }
        TypeKind::Newtype(ty) => part(0, ty),
        TypeKind::Enum(_) => {}
    }
    found
}

/// The definitions that a value of this type holds, with nothing to end it between.
fn held<'a>(ty: &'a Type, found: &mut Vec<&'a TypeName>) {
    match ty {
        Type::Named(name) => found.push(name),
        Type::Nullable(inner) | Type::Checked(inner, _) => held(inner, found),
        Type::Tuple(elements) => elements.iter().for_each(|element| held(element, found)),
        _ => {}
    }
}

fn boxed(ty: &Type, target: &TypeName) -> Type {
    let inner = |inner: &Type| Box::new(boxed(inner, target));
    match ty {
        Type::Named(name) if name == target => Type::Boxed(name.clone()),
        Type::Nullable(ty) => Type::Nullable(inner(ty)),
        Type::Checked(ty, rules) => Type::Checked(inner(ty), rules.clone()),
        Type::Tuple(elements) => Type::Tuple(elements.iter().map(|ty| boxed(ty, target)).collect()),
        other => other.clone(),
    }
}

/// The edges that close a circle: from where, and to where.
pub(super) fn closing(edges: &[Vec<usize>]) -> Vec<(usize, usize)> {
    let edges: Vec<Vec<Edge>> = edges
        .iter()
        .map(|edges| edges.iter().map(|to| Edge { part: 0, to: *to }).collect())
        .collect();
    let found = back_edges(&edges).into_iter();
    found.map(|(from, _, to)| (from, to)).collect()
}

/// The parts that close a circle, as holder, part and what is held, found by walking from the first
/// definition on. Without recursion: chains may be long.
fn back_edges(edges: &[Vec<Edge>]) -> Vec<(usize, usize, usize)> {
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
                Some(State::Open) => found.push((at, edge.part, edge.to)),
                _ => {}
            }
        }
    }
    found
}

/// Those for which `begins` holds, and those that use one of them, and so on.
fn spread(uses: &[Vec<usize>], begins: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); uses.len()];
    for (user, used) in uses.iter().enumerate() {
        for used in used {
            if let Some(users) = users.get_mut(*used) {
                users.push(user);
            }
        }
    }
    let mut flags = vec![false; uses.len()];
    let mut left: Vec<usize> = (0..uses.len()).filter(|at| begins(*at)).collect();
    while let Some(at) = left.pop() {
        if let Some(flag) = flags.get_mut(at)
            && !std::mem::replace(flag, true)
        {
            left.extend(users.get(at).into_iter().flatten());
        }
    }
    flags
}

/// The types that a definition is made of.
fn parts<'a>(definition: &'a TypeDef, visit: &mut impl FnMut(&'a Type)) {
    match &definition.kind {
        TypeKind::Struct(holder) => {
            holder.fields.iter().for_each(|field| visit(&field.ty));
            if let Some((_, ty)) = &holder.rest {
                visit(ty);
            }
        }
        TypeKind::Union(holder) => holder.branches.iter().for_each(|branch| visit(&branch.ty)),
        TypeKind::Newtype(ty) => visit(ty),
        TypeKind::Enum(_) => {}
    }
}

/// The definitions that this type names.
pub(super) fn mentioned<'a>(ty: &'a Type, found: &mut Vec<&'a TypeName>) {
    match ty {
        Type::Named(name) | Type::Boxed(name) => found.push(name),
        Type::Array(inner) | Type::Map(inner) | Type::Nullable(inner) | Type::Checked(inner, _) => {
            mentioned(inner, found)
        }
        Type::Tuple(elements) => elements.iter().for_each(|one| mentioned(one, found)),
        _ => {}
    }
}

/// Some type within is one of those.
fn any(ty: &Type, is: &impl Fn(&Type) -> bool) -> bool {
    is(ty)
        || match ty {
            Type::Array(inner)
            | Type::Map(inner)
            | Type::Nullable(inner)
            | Type::Checked(inner, _) => any(inner, is),
            Type::Tuple(elements) => elements.iter().any(|one| any(one, is)),
            _ => false,
        }
}

fn has_part(definition: &TypeDef, is: impl Fn(&Type) -> bool) -> bool {
    let mut found = false;
    parts(definition, &mut |ty| found |= any(ty, &is));
    found
}

fn has_rules(definition: &TypeDef) -> bool {
    !definition.rules.is_empty() || has_part(definition, |ty| matches!(ty, Type::Checked(..)))
}

fn has_floats(definition: &TypeDef) -> bool {
    has_part(definition, |ty| {
        matches!(ty, Type::F32 | Type::F64 | Type::Number | Type::Foreign(_))
    })
}

fn is_on_heap(definition: &TypeDef) -> bool {
    match &definition.kind {
        TypeKind::Enum(values) => values.unknown.is_some() && values.base != Base::Integer,
        TypeKind::Struct(holder) if holder.rest.is_some() => true,
        TypeKind::Union(holder) if holder.branches.iter().any(|branch| branch.boxed) => true,
        _ => has_part(definition, |ty| {
            matches!(
                ty,
                Type::String
                    | Type::Bytes
                    | Type::Any
                    | Type::Array(_)
                    | Type::Map(_)
                    | Type::Foreign(_)
                    | Type::Boxed(_)
            )
        }),
    }
}

/// There is no `None` to begin with.
fn needs_value(field: &Field) -> bool {
    field.required && !matches!(field.ty, Type::Nullable(_))
}

/// The definitions whose defaults this one's default is made of.
fn needed(definition: &TypeDef, index: &HashMap<TypeName, usize>) -> Vec<usize> {
    let mut names = Vec::new();
    match &definition.kind {
        TypeKind::Struct(holder) => {
            for field in holder.fields.iter().filter(|field| needs_value(field)) {
                held(&field.ty, &mut names);
            }
        }
        TypeKind::Newtype(ty) => held(ty, &mut names),
        TypeKind::Union(_) | TypeKind::Enum(_) => {}
    }
    let all = names.iter().filter_map(|name| index.get(*name).copied());
    all.collect()
}

/// It has no default, whatever the others have.
fn lacks_default(definition: &TypeDef) -> bool {
    match &definition.kind {
        TypeKind::Struct(holder) => holder
            .fields
            .iter()
            .any(|field| needs_value(field) && has_none(&field.ty)),
        TypeKind::Newtype(ty) => has_none(ty),
        // The only value there is may as well be there to begin with.
        TypeKind::Enum(values) => values.variants.len() != 1 || values.unknown.is_some(),
        TypeKind::Union(_) => true,
    }
}

fn has_none(ty: &Type) -> bool {
    match ty {
        Type::Ipv4 | Type::Ipv6 | Type::Never | Type::Foreign(_) | Type::Boxed(_) => true,
        Type::Checked(inner, _) => has_none(inner),
        Type::Tuple(elements) => elements.iter().any(has_none),
        _ => false,
    }
}
