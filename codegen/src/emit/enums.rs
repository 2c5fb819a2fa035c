//! Enumerations: of text, of integers, and of anything else.

use proc_macro2::TokenStream;
use quote::quote;

use super::types::{SERDE, derives, tokens};
use super::{Index, docs, ident, markdown, type_ident};
use crate::api::{Base, Enum, TypeDef};

/// An enum, and how its values are read and written.
pub(super) fn enumeration(
    index: &Index<'_>,
    definition: &TypeDef,
    values: &Enum,
    docs: &TokenStream,
) -> TokenStream {
    let own = index.attributes(&definition.name.0);
    let derives = derives(index, &definition.name.0, definition.traits, true);
    let names: Vec<&str> = values
        .variants
        .iter()
        .map(|variant| variant.name.rust.as_str())
        .chain(values.unknown.as_deref())
        .collect();
    let allow = super::allow_names(&definition.name, &names);
    // Text that is known is what serde derives for.
    let is_plain = values.base == Base::String && values.unknown.is_none();
    let variants = values.variants.iter().enumerate().map(|(number, variant)| {
        let wire = &variant.name.wire;
        let otherwise = format!("The value {}.", markdown::code(wire));
        let docs = docs::member(&[docs::or(variant.docs.as_deref(), &otherwise)]);
        let rename = (is_plain && variant.name.wire != variant.name.rust)
            .then(|| quote!(#[serde(rename = #wire)]));
        let default = (definition.traits.default && number == 0).then(|| quote!(#[default]));
        let name = ident(&variant.name.rust);
        quote! {
            #docs
            #rename
            #default
            #name
        }
    });
    let unknown = values.unknown.as_ref().map(|name| {
        let name = ident(name);
        let inner = raw(values.base);
        let docs = docs::member(&["A value that the document does not list."]);
        quote! {
            #docs
            #name(#inner),
        }
    });
    let (serde, conversions) = conversions(definition, values);
    let name = type_ident(&definition.name);
    quote! {
        #docs
        #allow
        #derives
        #[serde(crate = #SERDE #serde)]
        #own
        pub enum #name {
            #(#variants,)*
            #unknown
        }

        #conversions
    }
}

/// The type of the values as they are on the wire.
fn raw(base: Base) -> TokenStream {
    match base {
        Base::String => quote!(::std::string::String),
        Base::Integer => quote!(i64),
        Base::Json => quote!(::specwire::Json),
    }
}

/// What serde is told, and the conversions that it uses.
fn conversions(definition: &TypeDef, values: &Enum) -> (TokenStream, TokenStream) {
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
                return (TokenStream::new(), TokenStream::new());
            };
            let from = known().map(|(wire, variant)| quote!(#wire => Self::#variant));
            let into = known().map(|(wire, variant)| quote!(#name::#variant => #wire.into()));
            let serde = quote!(
                , from = "::std::string::String", into = "::std::borrow::Cow<'static, str>"
            );
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
                Some(_) => quote!(, from = "i64", into = "i64"),
                None => quote!(, try_from = "i64", into = "i64"),
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
                Some(_) => quote!(, from = "::specwire::Json", into = "::specwire::Json"),
                None => quote!(, try_from = "::specwire::Json", into = "::specwire::Json"),
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
