//! The model as Rust tokens. Decides nothing, and so cannot fail.
//!
//! What is written names nothing but `::specwire`, `::core` and `::std`, each by its absolute path:
//! a document may well have a schema called `Option`.

mod client;
mod docs;
mod interactions;
mod markdown;
mod messages;
mod service;
mod types;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::api::{Api, Message, Payload, TypeName};

/// Everything that one document's generated file contains.
pub(crate) fn emit(api: &Api) -> TokenStream {
    let document = document(api);
    let types = api
        .types
        .iter()
        .map(|definition| types::definition(api, definition));
    let wrappers = api
        .messages
        .iter()
        .filter(|message| message.headers.is_none())
        .map(|message| messages::wrapper(api, message));
    let interactions = interactions::Interactions::new(api);
    let constants = interactions.iter().map(interactions::Emitted::constant);
    let service = service::service(api, &interactions);
    let provider = service::provider(&interactions);
    let client = client::client(api, &interactions);

    quote! {
        #document
        #(#types)*
        #(#wrappers)*
        #(#constants)*
        #service
        #provider
        #client
    }
}

fn document(api: &Api) -> TokenStream {
    let name = &api.name;
    let docs = docs::item(&[&format!(
        "The name that servers offer this document under, as in {}.",
        markdown::code(&format!("/ws/{name}"))
    )]);
    quote! {
        #docs
        pub const DOCUMENT: &str = #name;
    }
}

/// How the service and the client introduce themselves.
fn title(api: &Api) -> String {
    let title = if api.title.is_empty() {
        &api.name
    } else {
        &api.title
    };
    if api.version.is_empty() {
        return title.clone();
    }
    format!("{title}, version {}", api.version)
}

fn dead_code() -> TokenStream {
    quote!(#[allow(dead_code, reason = "a program may be the service, the client, or both")])
}

/// An identifier of the model: [`name`](crate::name) made it, so it is one.
fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

fn type_ident(name: &TypeName) -> Ident {
    ident(&name.0)
}

impl Api {
    /// The message whose own type this is.
    fn message_of(&self, name: &TypeName) -> Option<&Message> {
        self.messages
            .iter()
            .find(|message| matches!(&message.payload, Payload::Own(own) if own == name))
    }

    /// The message whose headers this is.
    fn message_with_headers(&self, name: &TypeName) -> Option<&Message> {
        self.messages
            .iter()
            .find(|message| message.headers.as_ref() == Some(name))
    }
}
