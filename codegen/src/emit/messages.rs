//! What makes a type a message.

use proc_macro2::TokenStream;
use quote::quote;

use super::text::Code;
use super::{Index, checks, ident, markdown, type_ident, types, unions};
use crate::api::{Content, Expression, Message, Part, Payload};

/// The content type of messages that have no other.
const JSON: &str = "application/json";

/// The implementation of `Payload`.
pub(super) fn payload(message: &Message, code: &mut Code) {
    let name = ident(&message.name.rust);
    let headers = match &message.headers {
        Some(headers) => {
            let headers = type_ident(headers);
            quote!(#headers)
        }
        None => quote!(::specwire::NoHeaders),
    };
    let wire = &message.name.wire;
    let shape = unions::shape(&message.shape);
    let header_names = strings("headers", &message.header_names);
    let member = |expression: &Option<Expression>, part| expression.as_ref()?.member_of(part);
    let header = |expression| member(expression, Part::Headers);
    let reply_address = string("reply_address", header(&message.reply_address));
    let content = content(message);
    let correlation_id = string("correlation_id", header(&message.correlation_id));
    let in_payload = member(&message.correlation_id, Part::Payload);
    let correlation_in_payload = string("correlation_in_payload", in_payload);
    code.tokens(quote! {
        impl ::specwire::Payload for #name {
            type Headers = #headers;
            const SPEC: ::specwire::private::MessageSpec = ::specwire::private::MessageSpec::new(#wire)
                #shape #header_names #reply_address #correlation_id #correlation_in_payload #content;
        }
    });
}

/// What its payload is, where that is not JSON or is called otherwise.
fn content(message: &Message) -> Option<TokenStream> {
    let content_type = message.content_type.as_deref().unwrap_or(JSON);
    let content = match message.content {
        Content::Json => quote!(Json),
        Content::Text => quote!(Text),
        Content::Binary => quote!(Binary),
    };
    (message.content != Content::Json || content_type != JSON)
        .then(|| quote!(.content(::specwire::private::Content::#content, #content_type)))
}

/// What its payload's type is for.
pub(super) fn role(message: &Message) -> String {
    let wire = markdown::code(&message.name.wire);
    let role = format!("Payload of the message {wire}.");
    match &message.remarks {
        Some(remarks) => format!("{role}\n\n{remarks}"),
        None => role,
    }
}

/// A type of the message's own, where its payload's type is shared or has no definition.
pub(super) fn wrapper(index: &Index<'_>, message: &Message, code: &mut Code) {
    let Payload::Wraps(inner) = &message.payload else {
        return;
    };
    let role = role(message);
    let docs = [message.docs.as_deref().unwrap_or_default(), &role];
    let name = &message.name.rust;
    types::newtype(index, name, inner, None, index.traits(inner), &docs, code);
    checks::wrapper(index, name, inner, code);
    payload(message, code);
}

fn strings(method: &str, values: &[String]) -> Option<TokenStream> {
    let method = ident(method);
    (!values.is_empty()).then(|| quote!(.#method(&[#(#values),*])))
}

fn string(method: &str, value: Option<String>) -> Option<TokenStream> {
    let method = ident(method);
    value.map(|value| quote!(.#method(#value)))
}
