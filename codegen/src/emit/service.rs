//! The trait that a provider implements, and its registration.

use proc_macro2::TokenStream;
use quote::quote;

use super::interactions::{Emitted, Interactions, declared, fault, payload};
use super::{docs, ident};
use crate::api::{Api, Pattern};

/// The trait `Service`.
pub(super) fn service(api: &Api, interactions: &Interactions<'_>) -> TokenStream {
    let what = format!("{}: what its provider implements.", super::title(api));
    let docs = docs::item(&[&what, api.docs.as_deref().unwrap_or_default()]);
    let dead_code = super::dead_code();
    let allowed = interactions.allowed();
    let methods = interactions.iter().map(method);
    quote! {
        #docs
        #dead_code
        #allowed
        pub trait Service: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#methods)*
        }
    }
}

/// The function `provider`.
pub(super) fn provider(interactions: &Interactions<'_>) -> TokenStream {
    let dead_code = super::dead_code();
    let registrations = interactions.iter().map(registration);
    quote! {
        /// Wires an implementation of [`Service`] to its interactions, for a [`::specwire::Server`].
        #dead_code
        pub fn provider(service: impl Service) -> ::specwire::Provider {
            ::specwire::private::Wiring::new(DOCUMENT, service)
                #(#registrations)*
                .finish()
        }
    }
}

fn method(emitted: &Emitted<'_>) -> TokenStream {
    let wire = emitted.wire();
    let role = match &emitted.interaction.pattern {
        Pattern::Send { .. } => format!("Send {wire}: nothing is answered."),
        Pattern::Submit { .. } => format!("Submit {wire}: acknowledged by returning."),
        Pattern::Request { .. } => {
            format!("Request {wire}: answered by the response that is returned.")
        }
        Pattern::Invoke { .. } => format!(
            "Invoke {wire}: acknowledged through `ack`, and answered by the response that is returned."
        ),
        Pattern::Progress { .. } => format!(
            "Progress {wire}: answered by any number of `updates`, and by the response that is returned."
        ),
        Pattern::PubSub { .. } => format!(
            "Pub/sub {wire}: runs while at least one client is subscribed, for all of them together, and is \
             dropped at its next `.await` after the last one leaves."
        ),
    };
    let docs = docs::member(&[emitted.about(), &role]);
    let (arguments, output, fault) = match &emitted.interaction.pattern {
        Pattern::Send { message } => {
            let request = emitted.request(message);
            (quote!(message: #request), quote!(()), fault(None))
        }
        Pattern::Submit { message, error } => {
            let request = emitted.request(message);
            (quote!(request: #request), quote!(()), fault(error.as_ref()))
        }
        Pattern::Request {
            message,
            response,
            error,
        } => {
            let request = emitted.request(message);
            let answer = emitted.answer(Some(response));
            (quote!(request: #request), answer, fault(error.as_ref()))
        }
        Pattern::Invoke {
            message,
            ack,
            response,
            error,
        } => {
            let request = emitted.request(message);
            let ack = payload(ack.as_ref());
            let answer = emitted.answer(response.as_ref());
            let error_type = declared(error.as_ref());
            let arguments = quote!(
                request: #request,
                ack: ::specwire::Ack<#ack #error_type>
            );
            (arguments, answer, fault(error.as_ref()))
        }
        Pattern::Progress {
            message,
            update,
            response,
            error,
        } => {
            let request = emitted.request(message);
            let update = payload(Some(update));
            let answer = emitted.answer(response.as_ref());
            let error_type = declared(error.as_ref());
            let arguments = quote!(
                request: #request,
                updates: ::specwire::Updates<#update #error_type>
            );
            (arguments, answer, fault(error.as_ref()))
        }
        Pattern::PubSub {
            subscribe,
            publish,
            error,
        } => {
            let subscribers = emitted.subscribers(subscribe.as_ref(), publish);
            let arguments = quote!(subscribers: #subscribers);
            (arguments, quote!(()), fault(error.as_ref()))
        }
    };
    let name = &emitted.method;
    quote! {
        #docs
        fn #name(&self, #arguments) -> impl ::core::future::Future<
            Output = ::core::result::Result<#output, #fault>,
        > + ::core::marker::Send;
    }
}

fn registration(emitted: &Emitted<'_>) -> TokenStream {
    let (pattern, arguments) = match &emitted.interaction.pattern {
        Pattern::Send { .. } => ("send", vec!["message"]),
        Pattern::Submit { .. } => ("submit", vec!["request"]),
        Pattern::Request { .. } => ("request", vec!["request"]),
        Pattern::Invoke { .. } => ("invoke", vec!["request", "ack"]),
        Pattern::Progress { .. } => ("progress", vec!["request", "updates"]),
        Pattern::PubSub { .. } => ("pubsub", vec!["subscribers"]),
    };
    let pattern = ident(pattern);
    let arguments: Vec<_> = arguments.into_iter().map(ident).collect();
    let Emitted {
        constant, method, ..
    } = emitted;
    quote! {
        .#pattern(#constant, |service, #(#arguments),*| async move {
            Service::#method(&*service, #(#arguments),*).await
        })
    }
}
