//! Enumerations: of text, of integers, and of anything else.

use proc_macro2::TokenStream;
use quote::quote;

use super::text::{Code, Text, literal};
use super::types::{SERDE, tokens, write_attributes, write_derives};
use super::{Index, docs, ident, markdown, type_ident};
use crate::api::{Base, Enum, TypeDef};

/// An enum, and how its values are read and written.
pub(super) fn enumeration(
    index: &Index<'_>,
    definition: &TypeDef,
    values: &Enum,
    docs: &[&str],
    code: &mut Code,
) {
    let name = &definition.name.0;
    let names: Vec<&str> = values
        .variants
        .iter()
        .map(|variant| variant.name.rust.as_str())
        .chain(values.unknown.as_deref())
        .collect();
    let mut text = Text::default();
    text.item_docs(docs);
    if super::allow_names(&definition.name, &names).is_some() {
        text.line(&[
            "#[allow(clippy::enum_variant_names, reason = \"as the document names them\")]",
        ]);
    }
    write_derives(index, name, definition.traits, true, &mut text);
    let (serde, conversions) = conversions(definition, values);
    text.line(&["#[serde(crate = \"", SERDE, "\"", serde, ")]"]);
    write_attributes(index, name, &mut text);
    text.line(&["pub enum ", name, " {"]);
    // Text that is known is what serde derives for.
    let is_plain = values.base == Base::String && values.unknown.is_none();
    for (number, variant) in values.variants.iter().enumerate() {
        let wire = &variant.name.wire;
        match docs::read(variant.docs.as_deref()) {
            Some(about) => text.member_docs(&[about]),
            None => text.member_docs(&[&format!("The value {}.", markdown::code(wire))]),
        }
        if is_plain && *wire != variant.name.rust {
            text.line(&["    #[serde(rename = ", &literal(wire), ")]"]);
        }
        if definition.traits.default && number == 0 {
            text.line(&["    #[default]"]);
        }
        text.line(&["    ", &variant.name.rust, ","]);
    }
    if let Some(unknown) = &values.unknown {
        text.member_docs(&["A value that the document does not list."]);
        text.line(&["    ", unknown, "(", raw(values.base), "),"]);
    }
    text.line(&["}"]);
    code.text(text);
    code.tokens(conversions);
}

/// The type of the values as they are on the wire.
fn raw(base: Base) -> &'static str {
    match base {
        Base::String => "::std::string::String",
        Base::Integer => "i64",
        Base::Json => "::specwire::Json",
    }
}

/// What serde is told, and the conversions that it uses.
fn conversions(definition: &TypeDef, values: &Enum) -> (&'static str, TokenStream) {
    let name = type_ident(&definition.name);
    let unknown = values.unknown.as_deref().map(ident);
    let known = || {
        values
            .variants
            .iter()
            .map(|variant| (variant.name.wire.as_str(), ident(&variant.name.rust)))
    };
    match values.base {
        Base::String => {
            let Some(unknown) = unknown else {
                return ("", TokenStream::new());
            };
            let from = known().map(|(wire, variant)| quote!(#wire => Self::#variant));
            let into = known().map(|(wire, variant)| quote!(#name::#variant => #wire.into()));
            let serde =
                r#", from = "::std::string::String", into = "::std::borrow::Cow<'static, str>""#;
            let conversions = quote! {
                impl ::core::convert::From<::std::string::String> for #name {
                    fn from(value: ::std::string::String) -> Self {
                        match value.as_str() {
                            #(#from,)*
                            _ => Self::#unknown(value),
                        }
                    }
                }

                impl ::core::convert::From<#name> for ::std::borrow::Cow<'static, str> {
                    fn from(value: #name) -> Self {
                        match value {
                            #(#into,)*
                            #name::#unknown(value) => value.into(),
                        }
                    }
                }
            };
            (serde, conversions)
        }
        Base::Integer => {
            let into = known().map(|(wire, variant)| {
                let number = tokens(wire);
                quote!(#name::#variant => #number)
            });
            let from = known().map(|(wire, variant)| (tokens(wire), quote!(Self::#variant)));
            let into_unknown = unknown
                .as_ref()
                .map(|unknown| quote!(#name::#unknown(value) => value,));
            let from = self::from(
                &name,
                values,
                &quote!(i64),
                &quote!(value),
                &from.collect::<Vec<_>>(),
            );
            let serde = match unknown {
                Some(_) => r#", from = "i64", into = "i64""#,
                None => r#", try_from = "i64", into = "i64""#,
            };
            let conversions = quote! {
                #from

                impl ::core::convert::From<#name> for i64 {
                    fn from(value: #name) -> Self {
                        match value {
                            #(#into,)*
                            #into_unknown
                        }
                    }
                }
            };
            (serde, conversions)
        }
        Base::Json => {
            let json = quote!(::specwire::Json);
            let text = quote!(::specwire::private::canonical(&value).as_str());
            let from = known().map(|(wire, variant)| (quote!(#wire), quote!(Self::#variant)));
            let from = self::from(&name, values, &json, &text, &from.collect::<Vec<_>>());
            let into = known()
                .map(|(wire, variant)| quote!(#name::#variant => ::specwire::private::json(#wire)));
            let into_unknown = unknown
                .as_ref()
                .map(|unknown| quote!(#name::#unknown(value) => value,));
            let serde = match unknown {
                Some(_) => r#", from = "::specwire::Json", into = "::specwire::Json""#,
                None => r#", try_from = "::specwire::Json", into = "::specwire::Json""#,
            };
            let conversions = quote! {
                #from

                impl ::core::convert::From<#name> for ::specwire::Json {
                    fn from(value: #name) -> Self {
                        match value {
                            #(#into,)*
                            #into_unknown
                        }
                    }
                }
            };
            (serde, conversions)
        }
    }
}

/// From a value to its variant.
fn from(
    name: &proc_macro2::Ident,
    values: &Enum,
    raw: &TokenStream,
    matched: &TokenStream,
    known: &[(TokenStream, TokenStream)],
) -> TokenStream {
    if let Some(unknown) = values.unknown.as_deref().map(ident) {
        let known = known
            .iter()
            .map(|(value, variant)| quote!(#value => #variant));
        return quote! {
            impl ::core::convert::From<#raw> for #name {
                fn from(value: #raw) -> Self {
                    match #matched {
                        #(#known,)*
                        _ => Self::#unknown(value),
                    }
                }
            }
        };
    }
    let known = known
        .iter()
        .map(|(value, variant)| quote!(#value => ::core::result::Result::Ok(#variant)));
    let expected = values.variants.iter().map(|variant| &variant.name.wire);
    quote! {
        impl ::core::convert::TryFrom<#raw> for #name {
            type Error = ::specwire::UnknownValue;

            fn try_from(value: #raw) -> ::core::result::Result<Self, Self::Error> {
                match #matched {
                    #(#known,)*
                    _ => ::core::result::Result::Err(
                        ::specwire::UnknownValue::new(value, &[#(#expected),*])
                    ),
                }
            }
        }
    }
}
