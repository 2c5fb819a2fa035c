//! Structs and newtypes, and what types are called.

use std::str::FromStr;

use proc_macro2::TokenStream;
use quote::quote;

use super::{Index, checks, dead_code, docs, enums, ident, markdown, messages, type_ident, unions};
use crate::api::{
    DefaultValue, Field, Integer, Literal, Struct, Traits, Type, TypeDef, TypeKind, TypeName,
};
use crate::name::Scope;

pub(super) const SERDE: &str = "::specwire::private::serde";

/// Arguments of a function that clippy finds too many.
const MANY_ARGUMENTS: usize = 7;

/// A definition, and what makes it a message if it is one.
pub(super) fn definition(index: &Index<'_>, definition: &TypeDef) -> TokenStream {
    let docs = definition_docs(index, definition);
    let tokens = match &definition.kind {
        TypeKind::Struct(body) => {
            let member = if index.message_with_headers(&definition.name).is_some() {
                "header"
            } else {
                "member"
            };
            structure(index, definition, body, member, &docs)
        }
        TypeKind::Enum(values) => enums::enumeration(index, definition, values, &docs),
        TypeKind::Union(union) => unions::union(index, definition, union, &docs),
        TypeKind::Newtype(inner) => {
            let own = index.attributes(&definition.name.0);
            let derives = derives(index, &definition.name.0, definition.traits, true);
            newtype(
                &definition.name.0,
                inner,
                Some(&definition.name),
                &quote!(#docs #derives #own),
            )
        }
    };
    let message = index.message_of(&definition.name);
    let is_headers = index.message_with_headers(&definition.name).is_some();
    let checks = checks::definition(index, definition, message.is_some() || is_headers);
    let payload = message.map(messages::payload);
    quote! {
        #tokens
        #checks
        #payload
    }
}

/// What stands for `ty` in Rust.
pub(super) fn path(ty: &Type) -> TokenStream {
    path_within(ty, None)
}

/// The same within the definition of `owner`, which is `Self` there.
pub(super) fn path_within(ty: &Type, owner: Option<&TypeName>) -> TokenStream {
    let named = |name: &TypeName| {
        let name = if owner == Some(name) {
            ident("Self")
        } else {
            type_ident(name)
        };
        quote!(#name)
    };
    match ty {
        Type::Null => quote!(()),
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
        Type::Ipv4 => quote!(::core::net::Ipv4Addr),
        Type::Ipv6 => quote!(::core::net::Ipv6Addr),
        Type::Bytes => quote!(::specwire::Bytes),
        Type::Any => quote!(::specwire::Json),
        Type::Never => quote!(::specwire::Never),
        Type::Array(element) => {
            let element = path_within(element, owner);
            quote!(::std::vec::Vec<#element>)
        }
        Type::Tuple(elements) => {
            let elements = elements.iter().map(|element| path_within(element, owner));
            quote!((#(#elements,)*))
        }
        Type::Map(value) => {
            let value = path_within(value, owner);
            quote!(::std::collections::BTreeMap<::std::string::String, #value>)
        }
        Type::Nullable(inner) => {
            let inner = path_within(inner, owner);
            quote!(::core::option::Option<#inner>)
        }
        Type::Checked(inner, _) => path_within(inner, owner),
        Type::Foreign(path) => tokens(path),
        Type::Named(name) => named(name),
        Type::Boxed(name) => {
            let name = named(name);
            quote!(::std::boxed::Box<#name>)
        }
    }
}

/// Rust that somebody else has written: it has been parsed before.
pub(super) fn tokens(text: &str) -> TokenStream {
    TokenStream::from_str(text).unwrap_or_default()
}

/// The derives of a type.
pub(super) fn derives(
    index: &Index<'_>,
    name: &str,
    traits: Traits,
    has_default: bool,
) -> TokenStream {
    let copy = traits.copy.then(|| quote!(Copy,));
    let default = (traits.default && has_default).then(|| quote!(Default,));
    let eq = traits.eq.then(|| quote!(Eq, Hash,));
    let more = index.derives(name);
    quote! {
        #[derive(Clone, #copy Debug, #default #eq PartialEq)]
        #[derive(::specwire::private::serde::Deserialize, ::specwire::private::serde::Serialize)]
        #more
    }
}

/// A struct with one unnamed field.
pub(super) fn newtype(
    name: &str,
    inner: &Type,
    owner: Option<&TypeName>,
    attributes: &TokenStream,
) -> TokenStream {
    let name = ident(name);
    let within = path_within(inner, owner);
    let inner = path(inner);
    quote! {
        #attributes
        #[serde(crate = #SERDE, transparent)]
        pub struct #name(pub #within);

        impl ::core::convert::From<#inner> for #name {
            fn from(value: #inner) -> Self {
                Self(value)
            }
        }

        impl ::core::convert::From<#name> for #inner {
            fn from(value: #name) -> Self {
                value.0
            }
        }
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
        TypeKind::Enum(_) => "One of a set of values that the document does not describe.",
        TypeKind::Union(_) => "One of several types that the document does not describe.",
        TypeKind::Newtype(_) => "A type that the document does not describe.",
    };
    docs::item(&[docs::or(own, otherwise)])
}

fn structure(
    index: &Index<'_>,
    definition: &TypeDef,
    body: &Struct,
    member: &str,
    docs: &TokenStream,
) -> TokenStream {
    let has_plain = body.fields.iter().any(is_plain);
    let derives = derives(index, &definition.name.0, definition.traits, !has_plain);
    let own = index.attributes(&definition.name.0);
    let closed = body.closed.then(|| quote!(, deny_unknown_fields));
    let fields = body
        .fields
        .iter()
        .map(|field| self::field(&definition.name, field, member));
    let rest = body.rest.as_ref().map(|(name, ty)| {
        let name = ident(name);
        let ty = path_within(ty, Some(&definition.name));
        let docs = docs::member(&["All other members."]);
        quote! {
            #docs
            #[serde(flatten, deserialize_with = "::specwire::private::others")]
            pub #name: ::std::collections::BTreeMap<::std::string::String, #ty>,
        }
    });
    let methods = methods(index, definition, body);
    let default = (has_plain && definition.traits.default).then(|| default(definition, body));
    let name = type_ident(&definition.name);
    quote! {
        #docs
        #derives
        #[serde(crate = #SERDE #closed)]
        #own
        pub struct #name {
            #(#fields,)*
            #rest
        }

        #methods
        #default
    }
}

/// The field has its default by itself.
fn is_plain(field: &Field) -> bool {
    field.default.as_ref().is_some_and(|default| default.plain)
}

fn field(owner: &TypeName, field: &Field, member: &str) -> TokenStream {
    let otherwise = format!("The {member} {}.", markdown::code(&field.name.wire));
    let about = docs::or(field.docs.as_deref(), &otherwise);
    let default = field
        .default
        .as_ref()
        .map(|default| format!("Default: {}", markdown::code(&default.json)));
    let docs = docs::member(&[about, default.as_deref().unwrap_or_default()]);
    let mut serde = Vec::new();
    if field.name.wire != field.name.rust {
        let wire = &field.name.wire;
        serde.push(quote!(rename = #wire));
    }
    let mut ty = path_within(&field.ty, Some(owner));
    let is_nullable = matches!(field.ty, Type::Nullable(_));
    if is_plain(field) {
        let function = format!("{}::{}", owner.0, default_function(field));
        serde.push(quote!(default = #function));
    } else if !field.required {
        if is_nullable {
            serde.push(quote!(default));
            serde.push(quote!(deserialize_with = "::specwire::private::some"));
        }
        serde.push(quote!(
            skip_serializing_if = "::core::option::Option::is_none"
        ));
        ty = quote!(::core::option::Option<#ty>);
    } else if is_nullable {
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

/// The name of the function that gives a field its default.
fn default_function(field: &Field) -> String {
    format!("default_{}", field.name.rust.trim_matches('_'))
}

/// What a struct can do: be made of what it needs, and tell its defaults.
fn methods(index: &Index<'_>, definition: &TypeDef, body: &Struct) -> Option<TokenStream> {
    let mut scope = Scope::new();
    for taken in [
        "as_ref",
        "borrow",
        "check",
        "clone",
        "cmp",
        "default",
        "deserialize",
        "eq",
        "fmt",
        "from",
        "hash",
        "into",
        "ne",
        "new",
        "serialize",
        "to_owned",
        "to_string",
        "try_from",
        "try_into",
        "type_id",
        "validate",
    ] {
        scope.claim(taken.to_owned());
    }
    let mut all: Vec<TokenStream> = constructor(index, definition, body).into_iter().collect();
    for field in &body.fields {
        let Some(default) = &field.default else {
            continue;
        };
        if default.plain {
            let name = ident(&scope.claim(default_function(field)));
            let ty = path_within(&field.ty, None);
            let value = value(default, true);
            all.push(quote! {
                fn #name() -> #ty {
                    #value
                }
            });
        } else if let Some(getter) = getter(index, field, default, &mut scope) {
            all.push(getter);
        }
    }
    let name = type_ident(&definition.name);
    let dead_code = dead_code();
    (!all.is_empty()).then(|| {
        quote! {
            #dead_code
            impl #name {
                #(#all)*
            }
        }
    })
}

/// `new`, with what has no default; for structs of which something has.
fn constructor(index: &Index<'_>, definition: &TypeDef, body: &Struct) -> Option<TokenStream> {
    let has_default = |field: &Field| {
        is_plain(field)
            || !field.required
            || index.traits(&field.ty).default
                && (matches!(field.ty, Type::Named(_) | Type::Nullable(_)))
    };
    let some = body.fields.iter().any(has_default) || body.rest.is_some();
    if definition.traits.default || !some {
        return None;
    }
    let needed: Vec<&Field> = body
        .fields
        .iter()
        .filter(|field| !has_default(field))
        .collect();
    let arguments = needed.iter().map(|field| {
        let name = ident(&field.name.rust);
        match &field.ty {
            ty if is_string(ty) => quote!(#name: impl ::core::convert::Into<::std::string::String>),
            ty => {
                let ty = path_within(ty, Some(&definition.name));
                quote!(#name: #ty)
            }
        }
    });
    let fields = body.fields.iter().map(|field| {
        let name = ident(&field.name.rust);
        if is_plain(field) {
            let function = ident(&default_function(field));
            quote!(#name: Self::#function())
        } else if !field.required || matches!(field.ty, Type::Nullable(_)) {
            quote!(#name: ::core::option::Option::None)
        } else if has_default(field) {
            quote!(#name: ::core::default::Default::default())
        } else if is_string(&field.ty) {
            quote!(#name: #name.into())
        } else {
            quote!(#name)
        }
    });
    let rest = body.rest.as_ref().map(|(name, _)| {
        let name = ident(name);
        quote!(#name: ::core::default::Default::default())
    });
    let fields = fields.chain(rest);
    let docs = docs::member(&["With what must be there, and nothing else."]);
    let allow = (needed.len() > MANY_ARGUMENTS).then(
        || quote!(#[allow(clippy::too_many_arguments, reason = "as many as the document requires")]),
    );
    Some(quote! {
        #docs
        #allow
        #[must_use]
        pub fn new(#(#arguments),*) -> Self {
            Self { #(#fields),* }
        }
    })
}

fn is_string(ty: &Type) -> bool {
    match ty {
        Type::String => true,
        Type::Checked(inner, _) => is_string(inner),
        _ => false,
    }
}

/// The value of an optional member, or its default.
fn getter(
    index: &Index<'_>,
    field: &Field,
    default: &DefaultValue,
    scope: &mut Scope,
) -> Option<TokenStream> {
    let literal = default.literal.as_ref()?;
    let text = format!(
        "{}, which is {} if it is left out.",
        markdown::code(&field.name.wire),
        markdown::code(&default.json)
    );
    let docs = docs::member(&[&text]);
    let member = ident(&field.name.rust);
    let value = value(default, false);
    let (ty, body) = match literal {
        Literal::Empty => return None,
        Literal::Text(_) => (
            quote!(&str),
            quote!(self.#member.as_deref().unwrap_or(#value)),
        ),
        _ => {
            let clone = (!index.traits(&field.ty).copy).then(|| quote!(.clone()));
            (
                path_within(&field.ty, None),
                quote!(self.#member #clone.unwrap_or(#value)),
            )
        }
    };
    let name = ident(&scope.claim(field.name.rust.clone()));
    Some(quote! {
        #docs
        #[must_use]
        pub fn #name(&self) -> #ty {
            #body
        }
    })
}

/// A default as an expression. Text is owned or not.
fn value(default: &DefaultValue, owned: bool) -> TokenStream {
    match &default.literal {
        Some(Literal::Bool(value)) => quote!(#value),
        Some(Literal::Integer(number)) => tokens(number),
        Some(Literal::Float(number)) => float(number),
        Some(Literal::Text(text)) if owned => quote!(::std::string::String::from(#text)),
        Some(Literal::Text(text)) => quote!(#text),
        Some(Literal::Variant(name, variant)) => {
            let (name, variant) = (type_ident(name), ident(variant));
            quote!(#name::#variant)
        }
        Some(Literal::Empty) | None => quote!(::core::default::Default::default()),
    }
}

/// A number as a float's literal.
pub(super) fn float(number: &str) -> TokenStream {
    let value: f64 = number.parse().unwrap_or_default();
    tokens(&format!("{value:?}"))
}

fn default(definition: &TypeDef, body: &Struct) -> TokenStream {
    let name = type_ident(&definition.name);
    let fields = body.fields.iter().map(|field| {
        let name = ident(&field.name.rust);
        if is_plain(field) {
            let function = ident(&default_function(field));
            quote!(#name: Self::#function())
        } else {
            quote!(#name: ::core::default::Default::default())
        }
    });
    let rest = body.rest.as_ref().map(|(name, _)| {
        let name = ident(name);
        quote!(#name: ::core::default::Default::default())
    });
    let fields = fields.chain(rest);
    quote! {
        impl ::core::default::Default for #name {
            fn default() -> Self {
                Self { #(#fields),* }
            }
        }
    }
}

/// Whether clippy finds the type too complex: it adds ten for a type, twenty for one inside, ...
fn is_complex(field: &Field) -> bool {
    fn score(ty: &Type, depth: u64) -> u64 {
        let inner = match ty {
            Type::Checked(inner, _) => return score(inner, depth),
            Type::Array(inner) | Type::Nullable(inner) => score(inner, depth + 1),
            Type::Map(value) => 10 * (depth + 1) + score(value, depth + 1),
            Type::Tuple(elements) => elements.iter().map(|one| score(one, depth + 1)).sum(),
            Type::Boxed(_) => 10 * (depth + 1),
            _ => 0,
        };
        10 * depth + inner
    }
    let depth = if field.required { 1 } else { 2 };
    10 * (depth - 1) + score(&field.ty, depth) > 250
}
