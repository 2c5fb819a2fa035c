//! The model as Rust tokens. Decides nothing, and so cannot fail.
//!
//! What is written names nothing but `::specwire`, `::core` and `::std`, each by its absolute path:
//! a document may well have a schema called `Option`.

mod channels;
mod client;
mod docs;
mod interactions;
mod markdown;
mod messages;
mod service;
mod types;

use std::collections::{HashMap, HashSet};

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::api::{Api, Message, Payload, TypeDef, TypeKind, TypeName};
use crate::options::{Options, Sides};

/// Everything that one document's generated file contains.
pub(crate) fn emit(api: &Api, options: &Options) -> TokenStream {
    let index = Index::new(api);
    let document = document(api);
    let types = api
        .types
        .iter()
        .map(|definition| types::definition(&index, definition));
    let wrappers = api
        .messages
        .iter()
        .filter(|message| message.headers.is_none())
        .map(|message| messages::wrapper(&index, message));
    let parameters = channels::parameters(api);
    let servers = channels::servers(api);
    let constants_of_channels = channels::constants(api);
    let replies = api
        .replies
        .iter()
        .map(|reply| interactions::reply(&index, reply));
    let interactions = interactions::Interactions::new(api, &index);
    let constants = interactions.iter().map(interactions::Emitted::constant);
    let provides = options.sides != Sides::Consumer;
    let service = provides.then(|| service::service(api, &interactions));
    let provider = provides.then(|| service::provider(&interactions));
    let consumes = options.sides != Sides::Provider;
    let client = consumes.then(|| client::client(api, &interactions, provides));

    quote! {
        #document
        #servers
        #constants_of_channels
        #(#types)*
        #(#wrappers)*
        #(#replies)*
        #parameters
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

/// What is looked up by name, once for each type.
struct Index<'a> {
    by_payload: HashMap<&'a TypeName, &'a Message>,
    by_headers: HashMap<&'a TypeName, &'a Message>,
    /// Types of messages with headers of their own to set.
    with_own_headers: HashSet<&'a str>,
    with_default: HashSet<&'a TypeName>,
    replies: HashSet<&'a TypeName>,
}

impl<'a> Index<'a> {
    fn new(api: &'a Api) -> Self {
        let messages = api.messages.iter();
        let has_default = |definition: &&TypeDef| match &definition.kind {
            TypeKind::Struct(body) => body.has_default,
            TypeKind::Enum(_) => false,
        };
        let with_default = api.types.iter().filter(has_default);
        Self {
            by_payload: messages
                .clone()
                .filter_map(|message| match &message.payload {
                    Payload::Own(own) => Some((own, message)),
                    Payload::Wraps(_) => None,
                })
                .collect(),
            by_headers: messages
                .clone()
                .filter_map(|message| Some((message.headers.as_ref()?, message)))
                .collect(),
            with_own_headers: messages
                .filter(|message| message.has_own_headers)
                .map(|message| message.name.rust.as_str())
                .collect(),
            with_default: with_default.map(|definition| &definition.name).collect(),
            replies: api.replies.iter().map(|reply| &reply.name).collect(),
        }
    }

    /// The message whose own type this is.
    fn message_of(&self, name: &TypeName) -> Option<&'a Message> {
        self.by_payload.get(name).copied()
    }

    /// The message whose headers this is.
    fn message_with_headers(&self, name: &TypeName) -> Option<&'a Message> {
        self.by_headers.get(name).copied()
    }

    /// The message has headers besides those that the runtime fills in.
    fn has_own_headers(&self, message: &TypeName) -> bool {
        self.with_own_headers.contains(message.0.as_str())
    }

    /// It is an enum of messages that a request is answered with, and no message.
    fn is_reply(&self, name: &TypeName) -> bool {
        self.replies.contains(name)
    }

    /// The definition has a default value.
    fn has_default(&self, name: &TypeName) -> bool {
        self.with_default.contains(name)
    }
}
