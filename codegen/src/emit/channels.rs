//! Channels and servers: their constants, and the types of addresses' parameters.

use proc_macro2::TokenStream;
use quote::quote;

use super::text::{Text, literal};
use super::{Index, docs, ident, markdown, type_ident};
use std::collections::HashSet;

use crate::api::{Api, Channel, Parameter, ParameterEnum, Parameters, Server, Traits, TypeKind};

const SERDE: &str = "::specwire::private::serde";

/// The module of channels' constants.
pub(super) fn constants(api: &Api) -> Text {
    let mut text = Text::default();
    if api.channels.is_empty() {
        return text;
    }
    open_module("channels", "The document's channels.", "Channel", &mut text);
    for channel in &api.channels {
        let address = channel.address.as_deref();
        let what = match address {
            Some(address) => format!("At {}.", markdown::code(address)),
            None => "Without an address.".to_owned(),
        };
        // What it is described as says more than its address, which stands below.
        text.member_docs(&[docs::or(channel.docs.as_deref(), &what)]);
        let start = format!("    pub const {}: Channel =", channel.name.rust);
        let new = format!("Channel::new({})", literal(&channel.name.wire));
        let at = address.map(|address| format!(".at({})", literal(address)));
        text.short_constant(&start, &new, &at.unwrap_or_default());
    }
    text.line(&["}"]);
    text
}

/// The start of a module of constants of one type.
pub(super) fn open_module(name: &str, docs: &str, ty: &str, text: &mut Text) {
    text.line(&["/// ", docs]);
    text.line(&[super::DEAD_CODE]);
    text.line(&[MODULE_INCEPTION]);
    text.line(&["pub mod ", name, " {"]);
    text.line(&["    use ::specwire::", ty, ";"]);
}

/// The module of servers' constants.
pub(super) fn servers(api: &Api) -> Option<TokenStream> {
    let allowed = allowed();
    let constants = api.servers.iter().map(server);
    (!api.servers.is_empty()).then(|| {
        quote! {
            /// The servers that the document names.
            #allowed
            pub mod servers {
                use ::specwire::ServerUrl;

                #(#constants)*
            }
        }
    })
}

/// What clippy has to let pass in a module of constants.
const MODULE_INCEPTION: &str =
    "#[allow(clippy::module_inception, reason = \"a document may be called as this is\")]";

/// What the compiler and clippy have to let pass in a module of constants.
fn allowed() -> TokenStream {
    let dead_code = super::dead_code();
    let module_inception = super::types::tokens(MODULE_INCEPTION);
    quote!(#dead_code #module_inception)
}

fn server(server: &Server) -> TokenStream {
    let name = ident(&server.name.rust);
    let (wire, protocol, host) = (&server.name.wire, &server.protocol, &server.host);
    let pathname = &server.pathname;
    let pathname = (!pathname.is_empty()).then(|| quote!(.pathname(#pathname)));
    let otherwise = format!("The server {}.", markdown::code(wire));
    let docs = docs::member(&[docs::or(server.docs.as_deref(), &otherwise)]);
    let variables = server.variables.iter().map(|variable| {
        let (name, values) = (&variable.name, &variable.values);
        let default = variable.default.as_ref();
        let default = default.map(|default| quote!(.with_default(#default)));
        let values = (!values.is_empty()).then(|| quote!(.with_values(&[#(#values),*])));
        quote!(::specwire::Variable::new(#name) #default #values)
    });
    let variables: Vec<_> = variables.collect();
    let variables = (!variables.is_empty()).then(|| quote!(.variables(&[#(#variables),*])));
    quote! {
        #docs
        pub const #name: ServerUrl =
            ServerUrl::new(#wire, #protocol, #host) #pathname #variables;
    }
}

/// The types of all channels' parameters.
pub(super) fn parameters(index: &Index<'_>, api: &Api) -> TokenStream {
    let structs = api.channels.iter().filter_map(|channel| {
        let parameters = channel.parameters.as_ref()?;
        Some(structure(index, channel, parameters))
    });
    let enums = api.parameter_enums.iter();
    let enums = enums.map(|values| enumeration(index, values));
    quote!(#(#structs)* #(#enums)*)
}

/// What the query and the headers of a handshake are read and written by.
pub(super) fn openings(api: &Api) -> TokenStream {
    let mut seen = HashSet::new();
    let names = super::openings(api).map(|(name, _)| name);
    let names = names.filter(|name| seen.insert(*name));
    let openings = names.filter_map(|name| {
        let definition = api.types.iter().find(|one| one.name == *name)?;
        let TypeKind::Struct(body) = &definition.kind else {
            return None;
        };
        let members = body.fields.iter().map(|field| &field.name.wire);
        let name = type_ident(name);
        Some(quote! {
            impl ::specwire::Opening for #name {
                const NAMES: &'static [&'static str] = &[#(#members),*];
            }
        })
    });
    quote!(#(#openings)*)
}

fn structure(index: &Index<'_>, channel: &Channel, parameters: &Parameters) -> TokenStream {
    let name = type_ident(&parameters.name);
    let address = channel.address.as_deref().unwrap_or_default();
    let docs = docs::item(&[&format!(
        "Parameters of the address {} of the channel {}.",
        markdown::code(address),
        markdown::code(&channel.name.wire)
    )]);
    let dead_code = super::dead_code();
    let fields = parameters
        .fields
        .iter()
        .map(|field| self::field(parameters, field));
    let defaults = parameters.fields.iter().filter_map(|field| {
        let function = default_of(field);
        let ty = ty(field);
        let value = value(field)?;
        Some(quote!(fn #function() -> #ty { #value }))
    });
    let defaults: Vec<_> = defaults.collect();
    let own = (!defaults.is_empty()).then(|| quote!(#dead_code impl #name { #(#defaults)* }));
    let default = parameters.has_default.then(|| {
        let fields = parameters.fields.iter().map(|field| {
            let name = ident(&field.name.rust);
            let function = default_of(field);
            quote!(#name: Self::#function())
        });
        quote! {
            impl ::core::default::Default for #name {
                fn default() -> Self {
                    Self { #(#fields),* }
                }
            }
        }
    });
    let locations: Vec<_> = parameters
        .fields
        .iter()
        .filter_map(|field| {
            let (name, location) = (&field.name.wire, field.location.as_ref()?);
            Some(quote!((#name, #location)))
        })
        .collect();
    let locations = (!locations.is_empty()).then(
        || quote!(const LOCATIONS: &'static [(&'static str, &'static str)] = &[#(#locations),*];),
    );
    let declared = parameters.fields.iter().filter_map(|field| {
        let (name, values) = (&field.name.wire, &field.declared);
        (!values.is_empty()).then(|| quote!((#name, &[#(#values),*])))
    });
    let declared: Vec<_> = declared.collect();
    let declared = (!declared.is_empty()).then(
        || quote!(const DECLARED: &'static [(&'static str, &'static [&'static str])] = &[#(#declared),*];),
    );
    let traits = Traits {
        default: parameters.has_default,
        eq: true,
        copy: false,
    };
    let derives = index.derives(&parameters.name.0, traits);
    let attributes = index.attributes(&parameters.name.0);
    quote! {
        #docs
        #dead_code
        #[derive(Clone, Debug, Eq, Hash, PartialEq)]
        #[derive(::specwire::private::serde::Deserialize, ::specwire::private::serde::Serialize)]
        #derives
        #[serde(crate = #SERDE)]
        #attributes
        pub struct #name {
            #(#fields),*
        }

        #own

        #default

        impl ::specwire::Validate for #name {}

        impl ::specwire::Parameters for #name {
            const ADDRESS: &'static str = #address;
            #locations
            #declared
        }

        impl ::core::fmt::Display for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::specwire::private::write_address(self, f)
            }
        }

        impl ::core::str::FromStr for #name {
            type Err = ::specwire::Fault;

            fn from_str(address: &str) -> ::core::result::Result<Self, ::specwire::Fault> {
                ::specwire::private::read_address(address)
            }
        }
    }
}

fn field(owner: &Parameters, field: &Parameter) -> TokenStream {
    let wire = &field.name.wire;
    let otherwise = format!("The parameter {}.", markdown::code(wire));
    let location = field.location.as_ref().map(|location| {
        format!(
            "Where it is left out, it is {} of the message.",
            markdown::code(location)
        )
    });
    let docs = docs::member(&[
        docs::or(field.docs.as_deref(), &otherwise),
        location.as_deref().unwrap_or_default(),
    ]);
    let rename = (*wire != field.name.rust).then(|| quote!(#[serde(rename = #wire)]));
    let default = field.default.is_some().then(|| {
        let function = format!("{}::{}", owner.name.0, default_of(field));
        quote!(#[serde(default = #function)])
    });
    let name = ident(&field.name.rust);
    let ty = ty(field);
    quote!(#docs #rename #default pub #name: #ty)
}

fn default_of(field: &Parameter) -> proc_macro2::Ident {
    ident(&format!("default_{}", field.name.rust))
}

fn ty(field: &Parameter) -> TokenStream {
    match &field.values {
        Some(values) => {
            let name = type_ident(values);
            quote!(#name)
        }
        None => quote!(::std::string::String),
    }
}

/// The value of a parameter that is left out.
fn value(field: &Parameter) -> Option<TokenStream> {
    let default = field.default.as_ref()?;
    Some(match &field.values {
        Some(values) => {
            let (name, variant) = (type_ident(values), ident(&default.rust));
            quote!(#name::#variant)
        }
        None => {
            let text = &default.wire;
            quote!(::std::borrow::ToOwned::to_owned(#text))
        }
    })
}

fn enumeration(index: &Index<'_>, values: &ParameterEnum) -> TokenStream {
    let name = type_ident(&values.name);
    let docs = docs::item(&[&format!(
        "Values of the parameter {}.",
        markdown::code(&values.parameter)
    )]);
    let dead_code = super::dead_code();
    let variants = values.variants.iter().map(|variant| {
        let wire = &variant.name.wire;
        let docs = docs::member(&[&format!("The value {}.", markdown::code(wire))]);
        let rename = (*wire != variant.name.rust).then(|| quote!(#[serde(rename = #wire)]));
        let name = ident(&variant.name.rust);
        quote!(#docs #rename #name)
    });
    let traits = Traits {
        default: false,
        eq: true,
        copy: true,
    };
    let derives = index.derives(&values.name.0, traits);
    let attributes = index.attributes(&values.name.0);
    quote! {
        #docs
        #dead_code
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[derive(::specwire::private::serde::Deserialize, ::specwire::private::serde::Serialize)]
        #derives
        #[serde(crate = #SERDE)]
        #attributes
        pub enum #name {
            #(#variants),*
        }

        impl ::specwire::StringEnum for #name {}
    }
}
