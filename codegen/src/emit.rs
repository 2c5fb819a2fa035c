//! The model as Rust code. Decides nothing, and so cannot fail.
//!
//! What is written names nothing but `::specwire`, `::core` and `::std`, each by its absolute path:
//! a document may well have a schema called `Option`.

mod channels;
mod checks;
mod client;
mod docs;
mod enums;
mod interactions;
mod markdown;
mod messages;
mod methods;
mod service;
mod text;
mod types;
mod unions;

use std::collections::{HashMap, HashSet};

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::api::{Api, Channel, Message, Payload, Traits, Type, TypeDef, TypeName};
use crate::format::Piece;
use crate::options::{Options, Sides};
use text::{Code, Text};

/// Everything that one document's generated file contains.
pub(crate) fn emit(api: &Api, options: &Options) -> Vec<Piece> {
    let index = Index::new(api, options);
    let mut code = Code::default();
    code.tokens(document(api));
    code.tokens(channels::servers(api).unwrap_or_default());
    code.text(channels::constants(api));
    code.text(imports(api));
    for definition in api.types.iter().filter(|one| !one.is_shared) {
        types::definition(&index, definition, false, &mut code);
    }
    for message in &api.messages {
        messages::wrapper(&index, message, &mut code);
    }
    for reply in &api.replies {
        code.laid_out(interactions::reply(&index, reply));
    }
    code.tokens(channels::parameters(&index, api));
    code.tokens(channels::openings(api));
    let interactions = interactions::Interactions::new(api, &index);
    let mut constants = Text::default();
    for interaction in interactions.iter() {
        interaction.constant(&mut constants);
    }
    code.text(constants);
    let provides = options.sides != Sides::Consumer;
    if provides {
        code.tokens(service::service(api, &interactions));
        code.tokens(service::provider(&interactions));
        code.text(interactions.topics());
    }
    if options.sides != Sides::Provider {
        code.tokens(client::client(api, &interactions, provides));
    }
    code.finish()
}

/// The types that several documents share.
pub(crate) fn emit_shared(types: &[TypeDef], options: &Options) -> Vec<Piece> {
    let index = Index::of_types(types, options);
    let mut code = Code::default();
    for definition in types {
        // Some document may have headers of this type.
        types::definition(&index, definition, true, &mut code);
    }
    code.finish()
}

/// What the document's module has from that of shared types, which stands beside it. The one line
/// that fails where it does not is shown by rustc, with what is missing.
fn imports(api: &Api) -> Text {
    let mut text = Text::default();
    let module = &api.shared;
    let mut shared = api.types.iter().filter(|one| one.is_shared).peekable();
    if shared.peek().is_some() {
        // From within the module that `include_api!` makes.
        let import = format!("use super::super::{module};");
        let hint = format!("// needs `mod {module}` with `include_api!({module:?});` there");
        text.line(&[&import, " ", &hint]);
    }
    for definition in shared {
        text.line(&["#[allow(unused_imports, reason = \"a program may have no use for it\")]"]);
        text.line(&["pub use self::", module, "::", &definition.name.0, ";"]);
    }
    text
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

const DEAD_CODE: &str =
    "#[allow(dead_code, reason = \"a program may be the service, the client, or both\")]";

fn dead_code() -> TokenStream {
    types::tokens(DEAD_CODE)
}

/// An identifier of the model: [`name`](crate::name) made it, so it is one.
fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

fn type_ident(name: &TypeName) -> Ident {
    ident(&name.0)
}

/// The types of what WebSocket bindings declare.
fn openings(api: &Api) -> impl Iterator<Item = (&TypeName, (&Channel, &'static str))> {
    api.channels.iter().flat_map(|channel| {
        let query = channel.opening.query.as_ref().map(|name| (name, "query"));
        let headers = channel.opening.headers.as_ref();
        let headers = headers.map(|name| (name, "headers"));
        let both = query.into_iter().chain(headers);
        both.map(move |(name, part)| (name, (channel, part)))
    })
}

/// What is looked up by name, once for each type.
struct Index<'a> {
    by_payload: HashMap<&'a TypeName, &'a Message>,
    by_headers: HashMap<&'a TypeName, &'a Message>,
    /// What is said of the handshakes of channels: of which channel, and which part.
    by_opening: HashMap<&'a TypeName, (&'a Channel, &'static str)>,
    /// Types of messages with headers of their own to set.
    with_own_headers: HashSet<&'a str>,
    definitions: HashMap<&'a TypeName, &'a TypeDef>,
    options: &'a Options,
    replies: HashSet<&'a TypeName>,
}

impl<'a> Index<'a> {
    fn new(api: &'a Api, options: &'a Options) -> Self {
        let messages = api.messages.iter();
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
            by_opening: openings(api).collect(),
            with_own_headers: messages
                .filter(|message| message.has_own_headers)
                .map(|message| message.name.rust.as_str())
                .collect(),
            replies: api.replies.iter().map(|reply| &reply.name).collect(),
            ..Self::of_types(&api.types, options)
        }
    }

    fn of_types(types: &'a [TypeDef], options: &'a Options) -> Self {
        let types = types.iter();
        Self {
            by_payload: HashMap::new(),
            by_headers: HashMap::new(),
            by_opening: HashMap::new(),
            with_own_headers: HashSet::new(),
            definitions: types.map(|one| (&one.name, one)).collect(),
            options,
            replies: HashSet::new(),
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

    /// The channel whose handshake this is said of, and whether it is the query or the headers.
    fn opening(&self, name: &TypeName) -> Option<(&'a Channel, &'static str)> {
        self.by_opening.get(name).copied()
    }

    /// The message has headers besides those that the runtime fills in.
    fn has_own_headers(&self, message: &TypeName) -> bool {
        self.with_own_headers.contains(message.0.as_str())
    }

    /// It is an enum of messages that a request is answered with, and no message.
    fn is_reply(&self, name: &TypeName) -> bool {
        self.replies.contains(name)
    }

    /// Which traits the type has.
    fn traits(&self, ty: &Type) -> Traits {
        let all = Traits {
            default: true,
            eq: true,
            copy: true,
        };
        match ty {
            Type::Null | Type::Bool | Type::Integer(_) | Type::Uuid => all,
            Type::F32 | Type::F64 | Type::Number => Traits { eq: false, ..all },
            Type::Ipv4 | Type::Ipv6 | Type::Never => Traits {
                default: false,
                ..all
            },
            Type::String | Type::Bytes | Type::Any => Traits { copy: false, ..all },
            Type::Array(inner) | Type::Map(inner) => Traits {
                default: true,
                copy: false,
                ..self.traits(inner)
            },
            Type::Nullable(inner) => Traits {
                default: true,
                ..self.traits(inner)
            },
            Type::Checked(inner, _) => self.traits(inner),
            Type::Tuple(elements) => elements.iter().fold(all, |traits, element| {
                let other = self.traits(element);
                Traits {
                    default: traits.default && other.default,
                    eq: traits.eq && other.eq,
                    copy: traits.copy && other.copy,
                }
            }),
            Type::Foreign(_) => Traits::default(),
            Type::Named(name) => self
                .definitions
                .get(name)
                .map_or_else(Traits::default, |definition| definition.traits),
            Type::Boxed(name) => Traits {
                copy: false,
                ..self
                    .definitions
                    .get(name)
                    .map_or_else(Traits::default, |definition| definition.traits)
            },
        }
    }

    /// There is something to check in values of this type.
    fn is_checked(&self, ty: &Type) -> bool {
        match ty {
            Type::Checked(..) => true,
            Type::Named(name) | Type::Boxed(name) => self
                .definitions
                .get(name)
                .is_some_and(|definition| definition.is_checked),
            Type::Array(inner) | Type::Map(inner) | Type::Nullable(inner) => self.is_checked(inner),
            Type::Tuple(elements) => elements.iter().any(|element| self.is_checked(element)),
            _ => false,
        }
    }

    /// The derives that the build script asks for beside those that the type has anyway.
    fn derives(&self, name: &str, traits: Traits) -> Option<TokenStream> {
        let mut own = vec!["Clone", "Debug", "Deserialize", "PartialEq", "Serialize"];
        own.extend(traits.copy.then_some("Copy"));
        own.extend(traits.default.then_some("Default"));
        own.extend(traits.eq.then_some(["Eq", "Hash"]).into_iter().flatten());
        let paths = self.options.derives(name, &own);
        let paths: Vec<TokenStream> = paths.into_iter().map(types::tokens).collect();
        (!paths.is_empty()).then(|| quote!(#[derive(#(#paths),*)]))
    }

    /// The attributes that the type has besides those that every type has.
    fn attributes(&self, name: &str) -> TokenStream {
        let all = self.options.attributes(name).map(types::tokens);
        quote!(#(#all)*)
    }
}

/// Lets clippy pass names that it would have changed: variants that share a word, or repeat the
/// enum's.
fn write_allow_names(name: &TypeName, variants: &[&str], text: &mut Text) {
    let split: Vec<Vec<&str>> = variants.iter().map(|variant| words(variant)).collect();
    let Some((first, others)) = split.split_first() else {
        return;
    };
    let of_enum = words(&name.0);
    let repeat = variants.len() > 2
        && (others.iter().all(|word| word.first() == first.first())
            || others.iter().all(|word| word.last() == first.last())
            || split
                .iter()
                .any(|word| word.starts_with(&of_enum) || word.ends_with(&of_enum)));
    if repeat {
        text.line(&[
            "#[allow(clippy::enum_variant_names, reason = \"as the document names them\")]",
        ]);
    }
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
