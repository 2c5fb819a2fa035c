//! Interactions: their constants, and the types that service and client share.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::text::{Call, Text, literal};
use super::{DEAD_CODE, Index, ident, markdown, type_ident};
use crate::api::{Api, Interaction, Pattern, Reply, Role, Step, TypeName};
use crate::name::{self, Scope};

/// The interactions of a document, each with the name of its constant.
pub(super) struct Interactions<'a>(Vec<Emitted<'a>>);

impl<'a> Interactions<'a> {
    pub(super) fn new(api: &'a Api, index: &'a Index<'a>) -> Self {
        // A newtype is a value as well, and one called `A` is the constant of an interaction `a`.
        let mut scope = Scope::new();
        scope.claim("DOCUMENT".to_owned());
        for message in &api.messages {
            scope.claim(message.name.rust.clone());
        }
        let emitted = |interaction: &'a Interaction| Emitted {
            constant: ident(&scope.claim(name::const_name(&interaction.name.rust))),
            method: ident(&interaction.name.rust),
            interaction,
            index,
        };
        Self(api.interactions.iter().map(emitted).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Emitted<'a>> {
        self.0.iter()
    }

    /// The module of the topics that subscribers listen on.
    pub(super) fn topics(&self) -> Text {
        let mut text = Text::default();
        let topics = self.iter().filter_map(|emitted| {
            let Pattern::PubSub { publish, .. } = &emitted.interaction.pattern else {
                return None;
            };
            Some((emitted, publish))
        });
        let mut topics = topics.peekable();
        if topics.peek().is_none() {
            return text;
        }
        let docs = "The topics of the document, for publishing through a [`::specwire::Bus`].";
        super::channels::open_module("topics", docs, "Topic", &mut text);
        for (emitted, publish) in topics {
            text.member_docs(&[&format!("Where subscribers of {} listen.", emitted.wire())]);
            let parameters = emitted.interaction.parameters.as_ref();
            let parameters = parameters.map(|parameters| format!(", super::{}", parameters.0));
            let start = format!(
                "    pub const {}: Topic<super::{}{}> =",
                emitted.constant,
                publish.message.0,
                parameters.unwrap_or_default()
            );
            let topic = format!("Topic::new(super::{})", emitted.constant);
            text.short_constant(&start, &topic, "");
        }
        text.line(&["}"]);
        text
    }

    /// What clippy has to let pass: a document may call an operation `fromOrbit`.
    pub(super) fn allowed(&self) -> Option<TokenStream> {
        let conversion = |emitted: &Emitted<'_>| {
            let name = &emitted.interaction.name.rust;
            name.starts_with("from_") || name.starts_with("into_") || name.ends_with("_mut")
        };
        self.iter().any(conversion).then(|| {
            quote!(#[allow(clippy::wrong_self_convention, reason = "as the document names them")])
        })
    }
}

/// One interaction and what generated code calls it.
pub(super) struct Emitted<'a> {
    /// The name of its constant.
    pub(super) constant: Ident,
    /// The name of its methods.
    pub(super) method: Ident,
    /// What it is.
    pub(super) interaction: &'a Interaction,
    index: &'a Index<'a>,
}

impl Emitted<'_> {
    /// The constant that tells the runtime its channels.
    pub(super) fn constant(&self, text: &mut Text) {
        let steps = self.interaction.pattern.steps();
        let channels = steps.iter().map(|(role, step)| {
            let method = match role {
                Role::Message | Role::Subscribe => "message",
                Role::Ack => "ack",
                Role::Update => "update",
                Role::Response | Role::Publish => "reply",
                Role::Error => "error",
            };
            Call::Plain(format!(".{method}({})", literal(&step.channel)))
        });
        let channels: Vec<Call> = channels.collect();
        let new = format!("DOCUMENT, {}", literal(&self.interaction.name.wire));
        let ty = "::specwire::private::Interaction";
        text.constant(0, &self.constant.to_string(), ty, &new, &channels);
    }

    /// The request that a handler gets.
    pub(super) fn request(&self, message: &Step) -> TokenStream {
        let message = payload(Some(message));
        match self.parameters() {
            Some(parameters) => quote!(::specwire::Request<#message, #parameters>),
            None => quote!(::specwire::Request<#message>),
        }
    }

    /// The subscribers that a handler gets. Where nothing is sent to subscribe, the address's
    /// parameters are all that they say.
    pub(super) fn subscribers(&self, subscribe: Option<&Step>, publish: &Step) -> TokenStream {
        let publish = payload(Some(publish));
        match (subscribe, self.parameters()) {
            (None, Some(parameters)) => quote!(::specwire::Subscribers<#parameters, #publish>),
            (subscribe, None) => {
                let subscribe = payload(subscribe);
                quote!(::specwire::Subscribers<#subscribe, #publish>)
            }
            (Some(subscribe), Some(parameters)) => {
                let subscribe = payload(Some(subscribe));
                quote!(::specwire::Subscribers<#subscribe, #publish, #parameters>)
            }
        }
    }

    /// The type of the parameters of the channel's address.
    pub(super) fn parameters(&self) -> Option<Ident> {
        self.interaction.parameters.as_ref().map(type_ident)
    }

    /// What a client calls.
    pub(super) fn callee(&self) -> TokenStream {
        let constant = &self.constant;
        match self.parameters() {
            Some(_) => quote!(#constant.at(&parameters)),
            None => quote!(#constant),
        }
    }

    /// The interaction's description.
    pub(super) fn about(&self) -> &str {
        self.interaction.docs.as_deref().unwrap_or_default()
    }

    /// Its name in the document, in backticks.
    pub(super) fn wire(&self) -> String {
        markdown::code(&self.interaction.name.wire)
    }

    /// What a handler answers with: the payload, or the message where it has headers to set.
    pub(super) fn answer(&self, step: Option<&Step>) -> TokenStream {
        match step {
            Some(step) => super::types::tokens(&content(self.index, &step.message)),
            None => payload(step),
        }
    }

    /// What a client is answered with: a message, or one of several.
    pub(super) fn answered(&self, step: &Step) -> TokenStream {
        let response = type_ident(&step.message);
        if self.index.is_reply(&step.message) {
            quote!(#response)
        } else {
            quote!(::specwire::Message<#response>)
        }
    }
}

/// The enum of what an operation is answered with, where it is any one of several messages.
pub(super) fn reply(index: &Index<'_>, reply: &Reply) -> Text {
    let name = &reply.name.0;
    let choices: Vec<Choice<'_>> = reply
        .choices
        .iter()
        .map(|choice| Choice {
            variant: &choice.name.rust,
            wire: &choice.name.wire,
            payload: &choice.message.0,
            content: content(index, &choice.message),
        })
        .collect();
    let mut text = Text::default();
    let operation = markdown::code(&reply.operation);
    text.item_docs(&[&format!(
        "What {operation} is answered with: any one of these messages."
    )]);
    text.line(&[DEAD_CODE]);
    let reason = "reason = \"messages are as large as the document has them\"";
    text.line(&["#[allow(clippy::large_enum_variant, ", reason, ")]"]);
    text.line(&["#[derive(Clone, Debug, PartialEq)]"]);
    text.line(&["pub enum ", name, " {"]);
    for Choice {
        variant,
        wire,
        content,
        ..
    } in &choices
    {
        text.member_docs(&[&format!("The message {}.", markdown::code(wire))]);
        text.line(&["    ", variant, "(", content, "),"]);
    }
    text.line(&["}"]);
    text.implementation(" ::specwire::private::Response", name);
    text.line(&["    const MESSAGES: &'static [::specwire::private::Candidate] = &["]);
    for choice in &choices {
        let of = "        ::specwire::private::Candidate::of::<";
        text.line(&[of, choice.payload, ">(),"]);
    }
    text.line(&["    ];"]);
    text.line(&[
        "    fn write(self, channel: ::specwire::private::ReplyChannel) -> ::specwire::private::Outgoing {",
    ]);
    text.line(&["        match self {"]);
    for Choice { variant, .. } in &choices {
        let write = "::specwire::private::Response::write(message, channel)";
        text.arm(12, &format!("Self::{variant}(message)"), write);
    }
    text.line(&["        }"]);
    text.line(&["    }"]);
    text.line(&["    fn read("]);
    text.line(&["        incoming: ::specwire::private::Incoming<'_>,"]);
    text.line(&["    ) -> ::core::result::Result<Self, ::specwire::Fault> {"]);
    text.line(&["        match incoming.name() {"]);
    for Choice { variant, wire, .. } in &choices {
        let read = format!("::specwire::private::Response::read(incoming).map(Self::{variant})");
        text.arm(12, &literal(wire), &read);
    }
    let names: Vec<String> = choices
        .iter()
        .map(|choice| format!("`{}`", choice.wire))
        .collect();
    let expected = literal(&names.join(" or "));
    let unexpected = format!("::core::result::Result::Err(incoming.unexpected({expected}))");
    text.arm(12, "_", &unexpected);
    text.line(&["        }"]);
    text.line(&["    }"]);
    text.line(&["}"]);
    for Choice {
        variant, content, ..
    } in &choices
    {
        text.implementation(&format!(" ::core::convert::From<{content}>"), name);
        text.line(&["    fn from(message: ", content, ") -> Self {"]);
        text.line(&["        Self::", variant, "(message)"]);
        text.line(&["    }"]);
        text.line(&["}"]);
    }
    text
}

/// One of the messages that an operation is answered with.
struct Choice<'a> {
    variant: &'a str,
    wire: &'a str,
    payload: &'a str,
    content: String,
}

/// A message as one hands it over: its payload, or the whole where it has headers to set.
fn content(index: &Index<'_>, message: &TypeName) -> String {
    if index.has_own_headers(message) {
        format!("::specwire::Message<{}>", message.0)
    } else {
        message.0.clone()
    }
}

/// The type of a step's message, which is `()` where there is none.
pub(super) fn payload(step: Option<&Step>) -> TokenStream {
    match step {
        Some(step) => {
            let name = type_ident(&step.message);
            quote!(#name)
        }
        None => quote!(()),
    }
}

/// What an interaction fails with.
pub(super) fn fault(error: Option<&Step>) -> TokenStream {
    match error {
        Some(step) => {
            let error = type_ident(&step.message);
            quote!(::specwire::Fault<#error>)
        }
        None => quote!(::specwire::Fault),
    }
}

/// The last argument of a type that carries the declared error message, where one is declared.
pub(super) fn declared(error: Option<&Step>) -> Option<TokenStream> {
    error.map(|step| {
        let error = payload(Some(step));
        quote!(, #error)
    })
}
