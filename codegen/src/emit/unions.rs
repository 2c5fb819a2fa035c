//! Enums of several types: `oneOf` and `anyOf`.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;

use super::text::{list, literal};
use super::types::{SERDE, path, path_within, tokens};
use super::{Index, docs, ident, markdown, type_ident};
use crate::api::{Branch, JsonType, Shape, Type, TypeDef, Union};

/// How many members with fixed values a branch is told by.
const CONSTANTS: usize = 4;

/// An enum, and how the branch of a value is found.
pub(super) fn union(
    index: &Index<'_>,
    definition: &TypeDef,
    union: &Union,
    docs: &TokenStream,
) -> TokenStream {
    let own = index.attributes(&definition.name.0);
    let traits = definition.traits;
    let more = index.derives(&definition.name.0, traits);
    let copy = traits.copy.then(|| quote!(Copy,));
    let eq = traits.eq.then(|| quote!(Eq, Hash,));
    let names: Vec<&str> = union
        .branches
        .iter()
        .map(|branch| branch.name.as_str())
        .collect();
    let allow = super::allow_names(&definition.name, &names);
    let name = type_ident(&definition.name);
    let held = |branch: &Branch, within: bool| {
        let ty = path_within(&branch.ty, within.then_some(&definition.name));
        if branch.boxed {
            quote!(::std::boxed::Box<#ty>)
        } else {
            ty
        }
    };
    let variants = union.branches.iter().map(|branch| {
        let otherwise = format!("A value of the type {}.", markdown::code(&branch.name));
        let docs = docs::member(&[docs::or(branch.docs.as_deref(), &otherwise)]);
        let variant = ident(&branch.name);
        let ty = held(branch, true);
        quote! {
            #docs
            #variant(#ty)
        }
    });
    let tests = union.branches.iter().map(|branch| {
        let text = &branch.name;
        let variant = ident(&branch.name);
        let test = test(branch);
        quote! {
            Branch::new(#text, |json| read(json).map(Self::#variant)) #test
        }
    });
    // What has no rules needs no checking to be told.
    let choose = ident(match definition.is_checked {
        true => "choose_valid",
        false => "choose",
    });
    let conversions = union
        .branches
        .iter()
        .filter(|branch| branch.unique && branch.ty != Type::Named(definition.name.clone()))
        .map(|branch| {
            let ty = path(&branch.ty);
            let variant = ident(&branch.name);
            let value = if branch.boxed {
                quote!(::std::boxed::Box::new(value))
            } else {
                quote!(value)
            };
            quote! {
                impl ::core::convert::From<#ty> for #name {
                    fn from(value: #ty) -> Self {
                        Self::#variant(#value)
                    }
                }
            }
        });
    quote! {
        #docs
        #allow
        #[allow(clippy::large_enum_variant, reason = "as the document has it")]
        #[derive(Clone, #copy Debug, #eq PartialEq, ::specwire::private::serde::Serialize)]
        #[serde(crate = #SERDE, untagged)]
        #more
        #own
        pub enum #name {
            #(#variants,)*
        }

        impl<'de> ::specwire::private::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::specwire::private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                use ::specwire::private::{Branch, #choose, read};
                #choose(deserializer, &[#(#tests),*])
            }
        }

        #(#conversions)*
    }
}

/// What tells a branch from the others.
fn test(branch: &Branch) -> TokenStream {
    let types = branch.test.types.iter().map(|ty| {
        let method = ident(match ty {
            JsonType::Null => "null",
            JsonType::Boolean => "boolean",
            JsonType::Integer => "integer",
            JsonType::Number => "number",
            JsonType::String => "string",
            JsonType::Array => "array",
            JsonType::Object => "object",
        });
        quote!(.#method())
    });
    let values = &branch.test.values;
    let equals = (!values.is_empty()).then(|| quote!(.equals(&[#(#values),*])));
    let shape = tokens(&shape(&branch.test.shape).concat());
    quote!(#(#types)* #equals #shape)
}

/// What is known of an object's members, as calls.
pub(super) fn shape(shape: &Shape) -> Vec<String> {
    let mut calls = Vec::new();
    if !shape.members.is_empty() {
        calls.push(format!(".members({})", list(&shape.members)));
    }
    if !shape.required.is_empty() {
        calls.push(format!(".required({})", list(&shape.required)));
    }
    if shape.closed {
        calls.push(".closed()".to_owned());
    }
    // The members that tell most, each with its values.
    let mut constants: Vec<&(String, Vec<String>)> = shape.constants.iter().collect();
    let required: HashSet<&str> = shape.required.iter().map(String::as_str).collect();
    constants.sort_by_key(|(name, values)| (!required.contains(name.as_str()), values.len()));
    for (name, values) in constants.into_iter().take(CONSTANTS) {
        calls.push(format!(".constant({}, {})", literal(name), list(values)));
    }
    calls
}
