//! Interactions: their constants, and the types that service and client share.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::text::{Text, literal};
use super::{Index, docs, ident, markdown, type_ident};
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
            format!(".{method}({})", literal(&step.channel))
        });
        let channels: Vec<String> = channels.collect();
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
            Some(step) => content(self.index, &step.message),
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
pub(super) fn reply(index: &Index<'_>, reply: &Reply) -> TokenStream {
    let name = type_ident(&reply.name);
    let operation = markdown::code(&reply.operation);
    let docs = docs::item(&[&format!(
        "What {operation} is answered with: any one of these messages."
    )]);
    let names: Vec<String> = reply
        .choices
        .iter()
        .map(|choice| format!("`{}`", choice.name.wire))
        .collect();
    let expected = names.join(" or ");
    let dead_code = super::dead_code();
    let variants = reply.choices.iter().map(|choice| {
        let variant = ident(&choice.name.rust);
        let wire = markdown::code(&choice.name.wire);
        let docs = docs::member(&[&format!("The message {wire}.")]);
        let content = content(index, &choice.message);
        quote!(#docs #variant(#content))
    });
    let writes = reply.choices.iter().map(|choice| {
        let variant = ident(&choice.name.rust);
        quote!(Self::#variant(message) => ::specwire::private::Response::write(message, channel))
    });
    let reads = reply.choices.iter().map(|choice| {
        let variant = ident(&choice.name.rust);
        let wire = &choice.name.wire;
        quote!(#wire => ::specwire::private::Response::read(incoming).map(Self::#variant))
    });
    let messages = reply.choices.iter().map(|choice| {
        let payload = type_ident(&choice.message);
        quote!(::specwire::private::Candidate::of::<#payload>())
    });
    let conversions = reply.choices.iter().map(|choice| {
        let variant = ident(&choice.name.rust);
        let content = content(index, &choice.message);
        quote! {
            impl ::core::convert::From<#content> for #name {
                fn from(message: #content) -> Self {
                    Self::#variant(message)
                }
            }
        }
    });
    quote! {
        #docs
        #dead_code
        #[allow(clippy::large_enum_variant, reason = "messages are as large as the document has them")]
        #[derive(Clone, Debug, PartialEq)]
        pub enum #name {
            #(#variants),*
        }

        impl ::specwire::private::Response for #name {
            const MESSAGES: &'static [::specwire::private::Candidate] = &[#(#messages),*];

            fn write(
                self,
                channel: ::specwire::private::ReplyChannel,
            ) -> ::specwire::private::Outgoing {
                match self {
                    #(#writes),*
                }
            }

            fn read(
                incoming: ::specwire::private::Incoming<'_>,
            ) -> ::core::result::Result<Self, ::specwire::Fault> {
                match incoming.name() {
                    #(#reads,)*
                    _ => ::core::result::Result::Err(incoming.unexpected(#expected)),
                }
            }
        }

        #(#conversions)*
    }
}

/// A message as one hands it over: its payload, or the whole where it has headers to set.
fn content(index: &Index<'_>, message: &TypeName) -> TokenStream {
    let payload = type_ident(message);
    if index.has_own_headers(message) {
        quote!(::specwire::Message<#payload>)
    } else {
        quote!(#payload)
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
