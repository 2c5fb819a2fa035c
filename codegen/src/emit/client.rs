//! The struct whose methods call a provider.

use proc_macro2::TokenStream;
use quote::quote;

use super::docs;
use super::interactions::{Emitted, Interactions, declared, fault, payload};
use crate::api::{Api, Pattern, Step};

/// The struct `Client` and its methods.
pub(super) fn client(api: &Api, interactions: &Interactions<'_>, has_service: bool) -> TokenStream {
    let docs = docs::item(&[&format!("{}: calls its provider.", super::title(api))]);
    let dead_code = super::dead_code();
    let allowed = interactions.allowed();
    let methods = interactions.iter().map(method);
    let in_memory = has_service.then(|| {
        quote! {
            /// Calls `service` within this process, with no socket: for tests.
            pub fn in_memory(service: impl Service) -> Self {
                Self(::specwire::Client::in_memory(provider(service)))
            }
        }
    });
    quote! {
        #docs
        #dead_code
        #[derive(Clone, Debug)]
        pub struct Client(::specwire::Client);

        #dead_code
        #allowed
        impl Client {
            /// Connects to a server, such as `ws://127.0.0.1:8080/ws`.
            pub async fn connect(url: &str) -> ::specwire::Result<Self> {
                Self::builder(url).connect().await
            }

            /// Settings for a client of the server at `url`, and then `connect`.
            pub fn builder(url: &str) -> ::specwire::ClientBuilder<Self> {
                ::specwire::ClientBuilder::new(url)
            }

            #in_memory

            /// Calls through a connection that was made otherwise, or is shared with another document.
            #[must_use]
            pub fn new(client: ::specwire::Client) -> Self {
                Self(client)
            }

            /// The same client with another time for the first answer to a call.
            #[must_use]
            pub fn with_timeout(&self, timeout: ::core::time::Duration) -> Self {
                Self(self.0.with_timeout(timeout))
            }

            /// The same client, whose subscriptions begin with what the topic has kept.
            #[must_use]
            pub fn with_since(&self, since: ::specwire::Since) -> Self {
                Self(self.0.with_since(since))
            }

            #(#methods)*
        }

        impl ::core::convert::From<::specwire::Client> for Client {
            fn from(client: ::specwire::Client) -> Self {
                Self(client)
            }
        }

        /// The connection: its states, its latency, and its end.
        impl ::core::ops::Deref for Client {
            type Target = ::specwire::Client;

            fn deref(&self) -> &::specwire::Client {
                &self.0
            }
        }
    }
}

fn method(emitted: &Emitted<'_>) -> TokenStream {
    let wire = emitted.wire();
    let role = match &emitted.interaction.pattern {
        Pattern::Send { .. } => format!("Send {wire}: returns when the message is on its way."),
        Pattern::Submit { .. } => {
            format!("Submit {wire}: returns when the message is acknowledged.")
        }
        Pattern::Request { .. } => format!("Request {wire}: returns the response."),
        Pattern::Invoke { .. } => {
            format!("Invoke {wire}: returns the acknowledgement, and later the response.")
        }
        Pattern::Progress { .. } => {
            format!("Progress {wire}: returns a stream of updates, and then the response.")
        }
        Pattern::PubSub { .. } => {
            format!("Pub/sub {wire}: subscribes; dropping the subscription gives it up.")
        }
    };
    let docs = docs::member(&[emitted.about(), &role]);
    let callee = emitted.callee();
    let parameters = emitted.parameters().map(|name| quote!(parameters: #name,));
    let (arguments, output, fault, call) = match &emitted.interaction.pattern {
        Pattern::Send { message } => (
            argument(&quote!(message), message),
            quote!(()),
            fault(None),
            quote!(send(#callee, message.into())),
        ),
        Pattern::Submit { message, error } => (
            argument(&quote!(request), message),
            quote!(()),
            fault(error.as_ref()),
            quote!(submit(#callee, request.into())),
        ),
        Pattern::Request {
            message,
            response,
            error,
        } => (
            argument(&quote!(request), message),
            emitted.answered(response),
            fault(error.as_ref()),
            quote!(request(#callee, request.into())),
        ),
        Pattern::Invoke {
            message,
            ack,
            response,
            error,
        } => {
            let ack = payload(ack.as_ref());
            let response = payload(response.as_ref());
            let declared = declared(error.as_ref());
            (
                argument(&quote!(request), message),
                quote!(::specwire::Invocation<#ack, #response #declared>),
                fault(error.as_ref()),
                quote!(invoke(#callee, request.into())),
            )
        }
        Pattern::Progress {
            message,
            update,
            response,
            error,
        } => {
            let update = payload(Some(update));
            let response = payload(response.as_ref());
            let declared = declared(error.as_ref());
            (
                argument(&quote!(request), message),
                quote!(::specwire::Progress<#update, #response #declared>),
                fault(error.as_ref()),
                quote!(progress(#callee, request.into())),
            )
        }
        Pattern::PubSub {
            subscribe,
            publish,
            error,
        } => {
            let (arguments, message) = match subscribe {
                Some(subscribe) => (
                    argument(&quote!(message), subscribe),
                    quote!(message.into()),
                ),
                None => (TokenStream::new(), quote!(::specwire::Message::from(()))),
            };
            let publish = payload(Some(publish));
            let declared = declared(error.as_ref());
            (
                arguments,
                quote!(::specwire::Subscription<#publish #declared>),
                fault(error.as_ref()),
                quote!(subscribe(#callee, #message)),
            )
        }
    };
    let name = &emitted.method;
    quote! {
        #docs
        pub async fn #name(&self, #parameters #arguments) -> ::core::result::Result<#output, #fault> {
            self.0.#call.await
        }
    }
}

fn argument(name: &TokenStream, step: &Step) -> TokenStream {
    let message = payload(Some(step));
    quote!(#name: impl ::core::convert::Into<::specwire::Message<#message>>)
}
