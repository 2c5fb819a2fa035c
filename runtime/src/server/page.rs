//! What is served, for a person: a page for browsers, on which everything can be tried, and text for
//! others.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use hyper::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderValue,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Request, StatusCode};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::mount::ROOT;
use crate::frame::Op;
use crate::framing::{Framing, Tagged};
use crate::handshake::{self, Answer};
use crate::json;
use crate::parameters::{self, Parts};
use crate::payload::Content;
use crate::provider::{Handler, Provider};
use crate::routes::split;

const TEMPLATE: &str = include_str!("page.html");

/// Answers with what is served: HTML for those who say that they take it, and text for others.
pub(super) fn answer<B>(request: &Request<B>, providers: &[Provider]) -> Answer {
    let headers = request.headers();
    let mut answer = if takes_html(headers) {
        // Only the script and the style that have this number run, whatever a document says.
        let nonce = Uuid::new_v4().simple().to_string();
        let mut answer = handshake::refusal(StatusCode::OK, &html(providers, &nonce));
        let policy = format!(
            "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
             connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        let headers = answer.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        answer
    } else {
        handshake::refusal(StatusCode::OK, &text(providers, host(headers)))
    };
    let headers = answer.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

fn takes_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let range = range.split(';').next().unwrap_or_default();
            range.trim().eq_ignore_ascii_case("text/html")
        })
}

/// Where the client thinks that it is, if it is a plain name; this goes back to it.
fn host(headers: &HeaderMap) -> &str {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_plain = |host: &&str| {
        let mut bytes = host.bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    };
    host.filter(is_plain).unwrap_or("localhost")
}

/// The URLs, one a line, and under each what can be sent there.
pub(super) fn text(providers: &[Provider], host: &str) -> String {
    let mut text = format!("specwire serves these WebSocket URLs:\n\n  {ROOT}\n");
    let mut example = None;
    for provider in providers {
        let _ = writeln!(text, "  {ROOT}/{}", provider.document());
        for channel in provider.channels() {
            let path = Path(provider, channel);
            example.get_or_insert_with(|| path.to_string());
            let _ = writeln!(text, "  {path}");
            for handler in on_channel(provider, channel) {
                let _ = writeln!(text, "      {}", described(provider, handler));
            }
        }
    }
    if let Some(path) = example {
        let _ = write!(
            text,
            "\ntry it, with a WebSocket client such as websocat, or open this page in a browser:\n  \
             websocat 'ws://{host}{path}'\n"
        );
    }
    text
}

fn html(providers: &[Provider], nonce: &str) -> String {
    let mut sections = String::new();
    for provider in providers {
        let document = provider.document();
        let _ = write!(
            sections,
            "<section>\n<h2>{}</h2>\n<p><code class=\"url\">{ROOT}/{}</code></p>\n",
            Escaped(document),
            Escaped(document)
        );
        for channel in provider.channels() {
            let path = Path(provider, channel).to_string();
            let path = Escaped(&path);
            let _ = write!(sections, "<h3>{}</h3>\n<ul>\n", Escaped(channel));
            let mut frame = String::new();
            for handler in on_channel(provider, channel) {
                let _ = writeln!(
                    sections,
                    "<li>{}</li>",
                    Escaped(&described(provider, handler))
                );
                if frame.is_empty() {
                    frame = sample(provider, handler).unwrap_or_default();
                }
            }
            let _ = write!(
                sections,
                "</ul>\n<p><code>websocat '<span class=\"url\">{path}</span>'</code></p>\n\
                 <details>\n<summary>Try it</summary>\n<form>\n\
                 <input name=\"url\" aria-label=\"URL\" value=\"{path}\">\n\
                 <button name=\"toggle\" type=\"button\">Open</button>\n\
                 <textarea name=\"frame\" aria-label=\"Frame\" rows=\"2\">{}</textarea>\n\
                 <button name=\"send\" type=\"button\">Send</button>\n\
                 <pre aria-live=\"polite\"></pre>\n</form>\n</details>\n",
                Escaped(&frame)
            );
        }
        sections.push_str("</section>\n");
    }
    let documents: Vec<_> = providers.iter().map(Provider::document).collect();
    let documents = Escaped(&documents.join(", ")).to_string();
    // The page's own parts first: what comes from documents is not looked at for further ones.
    let mut page = String::with_capacity(TEMPLATE.len() + sections.len());
    for (index, part) in TEMPLATE.split("{{").enumerate() {
        let (name, rest) = part
            .split_once("}}")
            .filter(|_| index > 0)
            .unwrap_or(("", part));
        page.push_str(match name {
            "nonce" => nonce,
            "documents" => &documents,
            "sections" => &sections,
            _ => "",
        });
        page.push_str(rest);
    }
    page
}

fn on_channel<'a>(
    provider: &'a Provider,
    channel: &'a str,
) -> impl Iterator<Item = &'a dyn Handler> {
    let handlers = provider.handlers().iter().map(AsRef::as_ref);
    handlers.filter(move |handler| handler.interaction().start_channel() == channel)
}

/// What can be done with an interaction.
fn described(provider: &Provider, handler: &dyn Handler) -> String {
    let message = handler.message();
    if handler.starter().is_none() {
        return format!("open it: sends {message}");
    }
    let answers = match handler.op() {
        Op::Subscribe => "answered until you leave or it ends",
        Op::Message if handler.is_answered() => "answered once",
        Op::Message => "not answered",
    };
    match sample(provider, handler) {
        Some(sample) => format!("send {message}, such as {sample} ({answers})"),
        None if handler.starter().carried_as() == Content::Binary => {
            format!("send {message}, which is bytes ({answers})")
        }
        None => format!("send {message}, as the document describes it ({answers})"),
    }
}

/// A frame to begin with, as the handler takes it. There may be none: what a pattern or a condition
/// asks for cannot be made up.
fn sample(provider: &Provider, handler: &dyn Handler) -> Option<String> {
    let spec = handler.starter();
    let sample = spec.shown().filter(|_| !spec.is_none())?;
    if spec.carried_as() == Content::Text {
        let parts = Parts {
            text: Some(sample),
            ..Parts::default()
        };
        handler.check(parts).ok()?;
    } else {
        let value: &RawValue = serde_json::from_str(sample).ok()?;
        let (headers, payload) = match json::members(sample) {
            Ok(members) => split(handler, value, &members),
            Err(_) => (None, Some(Cow::Borrowed(value))),
        };
        let parts = Parts {
            headers: headers.as_deref(),
            payload: payload.as_deref(),
            ..Parts::default()
        };
        handler.check(parts).ok()?;
    }
    let is_tagged = provider.template().make().name() == Tagged.name();
    Some(match is_tagged {
        true => format!("{}:{sample}", spec.name()),
        false => sample.to_owned(),
    })
}

/// The URL's path of a channel, percent-encoded where it has to be, and the parameters of its address
/// that no message says.
struct Path<'a>(&'a Provider, &'a str);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(provider, channel) = self;
        write!(f, "{ROOT}/{}/{}", provider.document(), Segment(channel))?;
        let mut separator = '?';
        let mut said = Vec::new();
        for handler in on_channel(provider, channel) {
            let address = handler.address();
            let is_told = |name| address.locations.iter().any(|(told, _)| *told == name);
            for name in parameters::names(address.template) {
                if said.contains(&name) || is_told(name) {
                    continue;
                }
                write!(f, "{separator}{}=…", Query(name))?;
                separator = '&';
                said.push(name);
            }
        }
        Ok(())
    }
}

/// A name in a URL's query.
struct Query<'a>(&'a str);

impl fmt::Display for Query<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_encoded(self.0, b"-._~", f)
    }
}

/// What a path's segment may have as it is (RFC 3986, 3.3), and slashes, which keys may have; but no
/// quotes, which are around it.
struct Segment<'a>(&'a str);

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_encoded(self.0, b"-._~/:@!$&()*+,;=", f)
    }
}

/// Writes a text percent-encoded, but for letters, digits and these.
fn write_encoded(text: &str, plain: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

/// Text as HTML, also between quotes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => f.write_str("&amp;"),
                '<' => f.write_str("&lt;"),
                '>' => f.write_str("&gt;"),
                '"' => f.write_str("&quot;"),
                '\'' => f.write_str("&#39;"),
                char => f.write_char(char),
            }?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interaction::Interaction;
    use crate::request::Request;
    use crate::wiring::Wiring;

    /// A document by somebody who means harm.
    fn hostile() -> Provider {
        const KEY: &str = "</code><script>alert('1')</script>\"onload=\"{{nonce}}";
        Wiring::new("<b>&", ())
            .send(
                Interaction::new("<b>&", "x").message(KEY),
                |_, _: Request<()>| async { Ok(()) },
            )
            .finish()
    }

    #[test]
    fn nothing_in_a_document_is_markup() {
        let page = html(&[hostile()], "5ecret");
        assert!(
            !page.contains("<b>") && !page.contains("<script>"),
            "{page}"
        );
        assert!(!page.contains("\"onload"), "{page}");
        assert_eq!(page.matches("<script").count(), 1);
        assert_eq!(page.matches("5ecret").count(), 2, "{page}");
        assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)"), "{page}");
        assert!(
            page.contains("/ws/&lt;b&gt;&amp;/%3C/code%3E%3Cscript"),
            "{page}"
        );
    }

    #[test]
    fn html_is_for_those_who_ask_for_it() {
        for (accept, expected) in [
            ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", true),
            ("application/json, Text/HTML;level=1", true),
            ("*/*", false),
            ("text/plain", false),
            ("text/html5", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(takes_html(&headers), expected, "{accept}");
        }
        assert!(!takes_html(&HeaderMap::new()));
    }

    #[test]
    fn a_host_that_is_no_plain_name_is_not_repeated() {
        for (given, expected) in [
            ("example.com:8080", "example.com:8080"),
            ("[::1]:80", "[::1]:80"),
            ("a b", "localhost"),
            ("$(rm)", "localhost"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(given));
            assert_eq!(host(&headers), expected);
        }
    }
}
