//! The members that `discriminator` names, where their schemas do not say what they are.

use std::collections::{HashMap, HashSet};

use crate::api::{DefaultValue, Literal, Type, TypeDef, TypeKind, TypeName};

/// Has each type made with the value that tells it from the others of its unions, if that is one.
pub(super) fn fill_in(definitions: &mut [TypeDef]) {
    let shared = definitions.iter().filter(|one| one.is_shared);
    let shared: HashSet<TypeName> = shared.map(|one| one.name.clone()).collect();
    // By type and member; `None` where unions differ.
    let mut tags: HashMap<(TypeName, String), Option<String>> = HashMap::new();
    for definition in definitions.iter() {
        let TypeKind::Union(union) = &definition.kind else {
            continue;
        };
        for branch in &union.branches {
            let Type::Named(name) = &branch.ty else {
                continue;
            };
            // What other documents have as well is not this one's to change.
            if shared.contains(name) && !definition.is_shared {
                continue;
            }
            for (member, values) in &branch.test.shape.constants {
                let value = match values.as_slice() {
                    [only] => Some(only.clone()),
                    _ => None,
                };
                tags.entry((name.clone(), member.clone()))
                    .and_modify(|known| {
                        *known = known.take().filter(|known| value.as_ref() == Some(known))
                    })
                    .or_insert(value);
            }
        }
    }
    for definition in definitions {
        let TypeKind::Struct(body) = &mut definition.kind else {
            continue;
        };
        for field in &mut body.fields {
            let key = (definition.name.clone(), field.name.wire.clone());
            let Some(Some(json)) = tags.get(&key) else {
                continue;
            };
            let text = json
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'));
            // An escape is nothing that a schema is called by.
            let text = text.filter(|text| !text.contains('\\'));
            if let (true, true, Some(text)) = (field.required, is_text(&field.ty), text) {
                field.default = Some(DefaultValue {
                    json: json.clone(),
                    literal: Some(Literal::Text(text.to_owned())),
                    plain: true,
                });
            }
        }
    }
}

fn is_text(ty: &Type) -> bool {
    match ty {
        Type::String => true,
        Type::Checked(inner, _) => is_text(inner),
        _ => false,
    }
}
