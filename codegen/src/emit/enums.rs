//! Enumerations: of text, of integers, and of anything else.

use proc_macro2::TokenStream;
use quote::quote;

use super::text::{Code, Text, literal};
use super::types::{Derives, tokens, write_attributes, write_derives};
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
    super::write_allow_names(&definition.name, &names, &mut text);
    let derives = Derives {
        default: true,
        deserialize: values.base == Base::String,
    };
    write_derives(index, name, definition.traits, &derives, &mut text);
    let converted = serde_conversions(name, values);
    let mut arguments = vec!["crate = \"::specwire::private::serde\""];
    arguments.extend(converted.iter().map(String::as_str));
    text.attribute(0, "serde", &arguments);
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
    if is_plain {
        text.line(&["impl ::specwire::StringEnum for ", name, " {}"]);
    }
    code.text(text);
    match values.base {
        Base::String => {
            if let Some(unknown) = &values.unknown {
                code.text(conversions_of_text(name, values, unknown));
            }
        }
        Base::Integer | Base::Json => {
            code.text(reading(name, values.base));
            code.tokens(conversions(definition, values));
        }
    }
}

/// The type of the values as they are on the wire.
fn raw(base: Base) -> &'static str {
    match base {
        Base::String => "::std::string::String",
        Base::Integer => "i64",
        Base::Json => "::specwire::Json",
    }
}

/// What serde is told to convert from and to, if it cannot derive all there is to do.
fn serde_conversions(name: &str, values: &Enum) -> Vec<String> {
    match (values.base, &values.unknown) {
        (Base::String, None) => Vec::new(),
        (Base::String, Some(_)) => vec![
            "from = \"::std::string::String\"".to_owned(),
            format!("into = \"::specwire::private::Text<{name}>\""),
        ],
        (Base::Integer | Base::Json, _) => vec![format!("into = \"{}\"", raw(values.base))],
    }
}

/// How an enum is read that is not of text. Not by serde's own conversions, which come when a value has
/// been read, so that nothing knows any more where in a message it is.
fn reading(name: &str, base: Base) -> Text {
    let read = if base == Base::Integer {
        "integer"
    } else {
        "value"
    };
    let mut text = Text::default();
    text.deserialize(name, |text| {
        text.code(
            8,
            &[
                "::specwire::private::",
                read,
                "(deserializer, <Self as ::core::convert::TryFrom<_>>::try_from)",
            ],
        );
    });
    text
}

/// The conversions of an enum of text that has a variant for what is unknown.
fn conversions_of_text(name: &str, values: &Enum, unknown: &str) -> Text {
    let mut text = Text::default();
    text.line(&[
        "impl ::core::convert::From<::std::string::String> for ",
        name,
        " {",
    ]);
    text.line(&["    fn from(value: ::std::string::String) -> Self {"]);
    text.line(&["        match value.as_str() {"]);
    for variant in &values.variants {
        let wire = literal(&variant.name.wire);
        text.code(12, &[&wire, " => Self::", &variant.name.rust, ","]);
    }
    text.code(12, &["_ => Self::", unknown, "(value),"]);
    text.line(&["        }"]);
    text.line(&["    }"]);
    text.line(&["}"]);
    text.line(&["impl ::specwire::StringEnum for ", name, " {"]);
    text.line(&["    fn as_str(&self) -> &str {"]);
    text.line(&["        match self {"]);
    for variant in &values.variants {
        let wire = literal(&variant.name.wire);
        text.code(12, &["Self::", &variant.name.rust, " => ", &wire, ","]);
    }
    text.code(12, &["Self::", unknown, "(value) => value,"]);
    text.line(&["        }"]);
    text.line(&["    }"]);
    text.line(&["}"]);
    text
}

/// The conversions of an enum of anything else.
fn conversions(definition: &TypeDef, values: &Enum) -> TokenStream {
    let name = type_ident(&definition.name);
    let unknown = values.unknown.as_deref().map(ident);
    let known = || {
        values
            .variants
            .iter()
            .map(|variant| (variant.name.wire.as_str(), ident(&variant.name.rust)))
    };
    match values.base {
        Base::String => TokenStream::new(),
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
            quote! {
                #from

                impl ::core::convert::From<#name> for i64 {
                    fn from(value: #name) -> Self {
                        match value {
                            #(#into,)*
                            #into_unknown
                        }
                    }
                }
            }
        }
        Base::Json => {
            let json = quote!(::specwire::Json);
            let text = quote!(::specwire::private::rules::canonical(&value).as_str());
            let from = known().map(|(wire, variant)| {
                let equal = specwire_rules::canonical_text(wire);
                let equal = equal.as_deref().unwrap_or(wire);
                (quote!(#equal), quote!(Self::#variant))
            });
            let from = self::from(&name, values, &json, &text, &from.collect::<Vec<_>>());
            let into = known()
                .map(|(wire, variant)| quote!(#name::#variant => ::specwire::private::json(#wire)));
            let into_unknown = unknown
                .as_ref()
                .map(|unknown| quote!(#name::#unknown(value) => value,));
            quote! {
                #from

                impl ::core::convert::From<#name> for ::specwire::Json {
                    fn from(value: #name) -> Self {
                        match value {
                            #(#into,)*
                            #into_unknown
                        }
                    }
                }
            }
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
