//! Structs and enums.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Index, docs, ident, markdown, messages, type_ident};
use crate::api::{Field, Integer, Struct, Type, TypeDef, TypeKind, TypeName, Variant};

const SERDE: &str = "::specwire::private::serde";

/// A definition, and what makes it a message if it is one.
pub(super) fn definition(index: &Index<'_>, definition: &TypeDef) -> TokenStream {
    let docs = definition_docs(index, definition);
    let definition_tokens = match &definition.kind {
        TypeKind::Struct(body) => {
            let member = if index.message_with_headers(&definition.name).is_some() {
                "header"
            } else {
                "member"
            };
            structure(&definition.name, body, member)
        }
        TypeKind::Enum(variants) => enumeration(&definition.name, variants),
    };
    let message = index.message_of(&definition.name);
    let payload = message.map(messages::payload);
    let wrapper = index
        .message_with_headers(&definition.name)
        .map(|message| messages::wrapper(index, message));
    // What is a payload too has it from there.
    let validate = (message.is_none() && wrapper.is_some()).then(|| {
        let name = type_ident(&definition.name);
        quote!(impl ::specwire::Validate for #name {})
    });
    quote! {
        #wrapper
        #docs
        #definition_tokens
        #validate
        #payload
    }
}

/// What stands for `ty` in Rust.
pub(super) fn path(ty: &Type) -> TokenStream {
    path_within(ty, None)
}

/// The same within the definition of `owner`, which is `Self` there.
fn path_within(ty: &Type, owner: Option<&TypeName>) -> TokenStream {
    let named = |name: &TypeName| {
        let name = if owner == Some(name) {
            ident("Self")
        } else {
            type_ident(name)
        };
        quote!(#name)
    };
    match ty {
        Type::Bool => quote!(bool),
        Type::Integer(integer) => {
            let name = ident(match integer {
                Integer::I8 => "i8",
                Integer::I16 => "i16",
                Integer::I32 => "i32",
                Integer::I64 => "i64",
                Integer::U8 => "u8",
                Integer::U16 => "u16",
                Integer::U32 => "u32",
                Integer::U64 => "u64",
            });
            quote!(#name)
        }
        Type::F32 => quote!(f32),
        Type::F64 => quote!(f64),
        Type::Number => quote!(::specwire::Number),
        Type::String => quote!(::std::string::String),
        Type::Uuid => quote!(::specwire::Uuid),
        Type::Any => quote!(::specwire::Json),
        Type::Array(element) => {
            let element = path_within(element, owner);
            quote!(::std::vec::Vec<#element>)
        }
        Type::Map(value) => {
            let value = path_within(value, owner);
            quote!(::std::collections::BTreeMap<::std::string::String, #value>)
        }
        Type::Nullable(inner) => {
            let inner = path_within(inner, owner);
            quote!(::core::option::Option<#inner>)
        }
        Type::Named(name) => named(name),
        Type::Boxed(name) => {
            let name = named(name);
            quote!(::std::boxed::Box<#name>)
        }
    }
}

/// The derives of a type without `Copy`.
pub(super) fn derives(has_default: bool) -> TokenStream {
    let default = has_default.then(|| quote!(Default,));
    quote! {
        #[derive(Clone, Debug, #default PartialEq)]
        #[derive(::specwire::private::serde::Deserialize, ::specwire::private::serde::Serialize)]
    }
}

fn definition_docs(index: &Index<'_>, definition: &TypeDef) -> TokenStream {
    let own = definition.docs.as_deref();
    if let Some(message) = index.message_of(&definition.name) {
        let about = message.docs.as_deref();
        let own = own.filter(|own| Some(*own) != about);
        let role = messages::role(message);
        return docs::item(&[about.unwrap_or_default(), own.unwrap_or_default(), &role]);
    }
    if let Some(message) = index.message_with_headers(&definition.name) {
        let role = format!(
            "Headers of the message {}.",
            markdown::code(&message.name.wire)
        );
        return docs::item(&[own.unwrap_or_default(), &role]);
    }
    let otherwise = match &definition.kind {
        TypeKind::Struct(_) => "An object that the document does not describe.",
        TypeKind::Enum(_) => "One of a set of strings that the document does not describe.",
    };
    docs::item(&[docs::or(own, otherwise)])
}

fn structure(name: &TypeName, body: &Struct, member: &str) -> TokenStream {
    let derives = derives(body.has_default);
    let closed = body.closed.then(|| quote!(, deny_unknown_fields));
    let fields = body
        .fields
        .iter()
        .map(|field| self::field(name, field, member));
    let name = type_ident(name);
    quote! {
        #derives
        #[serde(crate = #SERDE #closed)]
        pub struct #name {
            #(#fields,)*
        }
    }
}

fn field(owner: &TypeName, field: &Field, member: &str) -> TokenStream {
    let otherwise = format!("The {member} {}.", markdown::code(&field.name.wire));
    let docs = docs::member(&[docs::or(field.docs.as_deref(), &otherwise)]);
    let mut serde = Vec::new();
    if field.name.wire != field.name.rust {
        let wire = &field.name.wire;
        serde.push(quote!(rename = #wire));
    }
    let mut ty = path_within(&field.ty, Some(owner));
    if !field.required {
        serde.push(quote!(
            skip_serializing_if = "::core::option::Option::is_none"
        ));
        ty = quote!(::core::option::Option<#ty>);
    } else if matches!(field.ty, Type::Nullable(_)) {
        // Otherwise serde would take a missing member for `None`.
        serde.push(quote!(
            deserialize_with = "::specwire::private::serde::Deserialize::deserialize"
        ));
    }
    let serde = (!serde.is_empty()).then(|| quote!(#[serde(#(#serde),*)]));
    let allow = is_complex(field).then(
        || quote!(#[allow(clippy::type_complexity, reason = "as deep as the document has it")]),
    );
    let name = ident(&field.name.rust);
    quote! {
        #docs
        #serde
        #allow
        pub #name: #ty
    }
}

fn enumeration(name: &TypeName, variants: &[Variant]) -> TokenStream {
    let allow = names_repeat(name, variants).then(
        || quote!(#[allow(clippy::enum_variant_names, reason = "as the document names them")]),
    );
    let name = type_ident(name);
    let variants = variants.iter().map(|Variant { name }| {
        let wire = &name.wire;
        let docs = docs::member(&[&format!("The value {}.", markdown::code(wire))]);
        let serde = (name.wire != name.rust).then(|| quote!(#[serde(rename = #wire)]));
        let name = ident(&name.rust);
        quote! {
            #docs
            #serde
            #name
        }
    });
    quote! {
        #allow
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[derive(::specwire::private::serde::Deserialize, ::specwire::private::serde::Serialize)]
        #[serde(crate = #SERDE)]
        pub enum #name {
            #(#variants,)*
        }
    }
}

/// Whether clippy would have the variants renamed: they share a word, or one repeats the enum's.
fn names_repeat(name: &TypeName, variants: &[Variant]) -> bool {
    let words: Vec<Vec<&str>> = variants
        .iter()
        .map(|variant| words(&variant.name.rust))
        .collect();
    let Some((first, others)) = words.split_first() else {
        return false;
    };
    let of_enum = self::words(&name.0);
    variants.len() > 2
        && (others.iter().all(|word| word.first() == first.first())
            || others.iter().all(|word| word.last() == first.last())
            || words
                .iter()
                .any(|word| word.starts_with(&of_enum) || word.ends_with(&of_enum)))
}

fn words(camel: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = camel;
    while !rest.is_empty() {
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| c.is_uppercase())
            .map_or(rest.len(), |(index, _)| index);
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after;
    }
    words
}

/// Whether clippy finds the type too complex: it adds ten for a type, twenty for one inside, ...
fn is_complex(field: &Field) -> bool {
    fn score(ty: &Type, depth: u64) -> u64 {
        let inner = match ty {
            Type::Array(inner) | Type::Nullable(inner) => score(inner, depth + 1),
            Type::Map(value) => 10 * (depth + 1) + score(value, depth + 1),
            Type::Boxed(_) => 10 * (depth + 1),
            _ => 0,
        };
        10 * depth + inner
    }
    let depth = if field.required { 1 } else { 2 };
    10 * (depth - 1) + score(&field.ty, depth) > 250
}
