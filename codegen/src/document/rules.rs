//! What AsyncAPI asks of single objects beyond which fields they have. What real documents break
//! without anyone being in doubt of what they mean is warned of; what they keep to is an error.

use std::collections::{HashMap, HashSet};

use super::Kind;
use crate::diagnostic::{Code, Diagnostic, Errors, Place, choice, quote};
use crate::source::Node;

/// How many names of parameters an address may have before no more of them are looked at.
const MOST_NAMES: usize = 100;

/// Checks an object whose fields are known to be those of its kind.
pub(super) fn check(node: Node<'_>, kind: Kind, errors: &mut Errors) {
    let mut wants = |field: &str, form: Form| form.check(node.get(field), errors);
    match kind {
        Kind::Document => wants("id", Form::Uri),
        Kind::Info => wants("termsOfService", Form::Url),
        Kind::Contact => {
            wants("url", Form::Url);
            wants("email", Form::Email);
        }
        Kind::License | Kind::ExternalDocs => wants("url", Form::Url),
        Kind::CorrelationId | Kind::ReplyAddress => wants("location", Form::Expression),
        Kind::Parameter => {
            wants("location", Form::Expression);
            values(node, errors);
        }
        Kind::ServerVariable => values(node, errors),
        Kind::Channel => channel(node, errors),
        Kind::Message | Kind::MessageTrait => message_examples(node, errors),
        Kind::Server => server(node, errors),
        Kind::SecurityScheme => security_scheme(node, errors),
        _ => {}
    }
    if let Some(tags) = node.get("tags") {
        repeated_tags(tags, errors);
    }
}

/// What text has to look like.
#[derive(Clone, Copy)]
enum Form {
    Uri,
    Url,
    Email,
    Expression,
}

impl Form {
    /// Whatever is not text has been reported.
    fn check(self, node: Option<Node<'_>>, errors: &mut Errors) {
        let Some((node, text)) = node.and_then(|node| Some((node, node.text()?))) else {
            return;
        };
        let expected = match self {
            Self::Uri if !is_uri(text) => "a URI, such as `urn:example:clock`",
            Self::Url if !is_uri(text) => "a URL, such as `https://example.com/`",
            Self::Email if !is_email(text) => "an address, such as `team@example.com`",
            Self::Expression if !is_expression(text) => {
                "a runtime expression, such as `$message.header#/replyTo`"
            }
            _ => return,
        };
        let message = format!("found {}, expected {expected}", quote(text));
        let place = node.place();
        errors.push(match self {
            Self::Expression => Diagnostic::error(Code::MalformedExpression, place, message),
            Self::Email => Diagnostic::error(Code::MalformedText, place, message),
            Self::Url if !is_link(text) => Diagnostic::error(Code::MalformedText, place, message),
            Self::Uri | Self::Url => Diagnostic::warning(Code::MalformedText, place, message),
        });
    }
}

/// A scheme and something after it.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && !rest.is_empty()
        && !text.contains(char::is_whitespace)
}

/// A path, or a host and a path: a person knows where it leads.
fn is_link(text: &str) -> bool {
    text.contains(['/', '.', '#']) && !text.contains(char::is_whitespace)
}

fn is_email(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && !text.contains(char::is_whitespace)
}

/// `$message.header#` or `$message.payload#`, and perhaps a JSON pointer.
fn is_expression(text: &str) -> bool {
    let pointer = text
        .strip_prefix("$message.header#")
        .or_else(|| text.strip_prefix("$message.payload#"));
    pointer.is_some_and(|pointer| pointer.is_empty() || pointer.starts_with('/'))
}

/// The address of a channel and its parameters belong together.
fn channel(node: Node<'_>, errors: &mut Errors) {
    let address = node.get("address");
    if let Some((place, text)) = address.and_then(|node| Some((node, node.text()?))) {
        // Within the braces of a parameter neither means anything.
        let sign = text.find(['?', '#']).and_then(|at| text.get(at..));
        if let Some(sign) = sign.and_then(|rest| rest.chars().next()) {
            let message = format!("found `{sign}` in the address {}", quote(text));
            let help = "AsyncAPI describes queries in `bindings.ws.query`, and has no fragments";
            errors.push(
                Diagnostic::warning(Code::AddressDelimiter, place.place(), message).with_help(help),
            );
        }
    }
    if let Some((address, text)) = address.and_then(|node| Some((node, node.text()?)))
        && text
            .rsplit_once('{')
            .is_some_and(|(_, rest)| !rest.contains('}'))
    {
        let message = format!("found a `{{` without a `}}` in the address {}", quote(text));
        let help = "a parameter is written `{name}`";
        let mistake = Diagnostic::warning(Code::AddressDelimiter, address.place(), message);
        errors.push(mistake.with_help(help));
    }
    let Some(address) = address else {
        // It may be known at run time only.
        let sign = node.key().find(['?', '#']);
        if sign.is_some() && node.key().contains('/') {
            // Left over from AsyncAPI 2, which forbids them as well: nothing would ever be there.
            let message = format!("found the address {} as a key", quote(node.key()));
            let help = "the key is but a name since AsyncAPI 3: write `address` within, and \
                        `bindings.ws.query`";
            errors.push(
                Diagnostic::error(Code::AddressDelimiter, node.key_place(), message)
                    .with_help(help),
            );
        }
        return;
    };
    let parameters = node.get("parameters");
    described(
        &Template {
            texts: vec![address],
            is_known: address.text().is_some() || address.is_null(),
            what: "parameter",
            whole: "the address",
        },
        parameters,
        errors,
    );
}

/// The variables of a server's URL.
fn server(node: Node<'_>, errors: &mut Errors) {
    if let Some(written) = node.get("host") {
        let pathname = node.get("pathname").and_then(Node::text);
        host(written, pathname.unwrap_or_default(), errors);
    }
    let texts: Vec<_> = ["host", "pathname"]
        .iter()
        .filter_map(|field| node.get(field))
        .collect();
    described(
        &Template {
            is_known: node.get("host").is_some_and(|host| host.text().is_some()),
            texts,
            what: "variable",
            whole: "`host` or `pathname`",
        },
        node.get("variables"),
        errors,
    );
}

/// A host is no URL.
fn host(node: Node<'_>, pathname: &str, errors: &mut Errors) {
    let Some(text) = node.text() else { return };
    let bare = bare_host(text);
    let (name, path) = bare.split_at(bare.find('/').unwrap_or(bare.len()));
    let message = match (bare == text, path.is_empty()) {
        (true, true) => return,
        (false, _) => format!("found the URL {}, expected a host", quote(text)),
        (true, false) => format!("found a path in {}, expected a host", quote(text)),
    };
    let path = format!("{}{pathname}", path.trim_end_matches('/'));
    let mut help = format!("write `host: {name}`");
    if path != pathname {
        help.push_str(&format!(", and `pathname: {path}`"));
    }
    let mistake = Diagnostic::warning(Code::MoreThanHost, node.place(), message);
    errors.push(mistake.with_help(help));
}

/// A host without the scheme that some write before it.
pub(crate) fn bare_host(text: &str) -> &str {
    text.split_once("://").map_or(text, |(_, bare)| bare)
}

/// Keys are of signs that need no quotes anywhere.
pub(super) fn keys(named: Node<'_>, errors: &mut Errors) {
    // Letters of other scripts are words to people who write them, and need no quotes either.
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    for entry in named.entries() {
        let key = entry.key;
        // It leads to something else that is not there, which has been reported.
        if key == "$ref" || (!key.is_empty() && key.chars().all(is_plain)) {
            continue;
        }
        let message = format!(
            "found the key {}, expected letters, digits, `.`, `-` and `_`",
            quote(key)
        );
        let help = "AsyncAPI allows no others here, and other tools refuse them";
        let mistake = Diagnostic::warning(Code::MalformedKey, entry.key_place(), message);
        errors.push(mistake.with_help(help));
    }
}

/// Text with names in braces.
struct Template<'s> {
    texts: Vec<Node<'s>>,
    /// All of it is there, so that what is not in it is nowhere.
    is_known: bool,
    what: &'static str,
    whole: &'static str,
}

/// Each name in the text is described, and each that is described is in the text.
fn described(template: &Template<'_>, described: Option<Node<'_>>, errors: &mut Errors) {
    let Template { what, whole, .. } = *template;
    // Something else than a mapping has been reported.
    if described.is_some_and(|described| !described.is_mapping()) {
        return;
    }
    let mut used = HashSet::new();
    let mut in_order = Vec::new();
    for text in &template.texts {
        for name in names(text.text().unwrap_or_default()) {
            let known = described.is_some_and(|described| described.get(name).is_some());
            if !used.insert(name) {
                continue;
            }
            in_order.push(name);
            if known {
                continue;
            }
            let message = format!("the {what} {} is not described", quote(name));
            let code = Code::UndescribedParameter;
            // With none described it is plain that they are any text; of all but one it is not.
            let mistake = match described.filter(|described| described.entries().next().is_some()) {
                Some(described) => {
                    let keys = described.entries().map(|entry| entry.key);
                    let meant = errors.nearest(name, keys);
                    Diagnostic::error(code, described.key_place(), message)
                        .related(text.place(), "it is used here")
                        .with_help(format!("add it to `{what}s`"))
                        .did_you_mean(meant)
                }
                None => Diagnostic::warning(code, text.place(), message)
                    .with_help(format!("add it to `{what}s`; until then it is any text")),
            };
            errors.push(mistake.for_want_of(name));
        }
    }
    if !template.is_known || used.len() >= MOST_NAMES {
        return;
    }
    for entry in described.into_iter().flat_map(Node::entries) {
        if used.contains(entry.key) || entry.key.starts_with("x-") {
            continue;
        }
        let meant = errors.nearest(entry.key, in_order.iter().copied());
        let message = format!("the {what} {} is not in {whole}", quote(entry.key));
        let mut mistake = Diagnostic::warning(Code::UnusedParameter, entry.key_place(), message);
        for text in &template.texts {
            mistake = mistake.related(text.place(), format!("expected `{{{}}}` in it", entry.key));
        }
        errors.push(mistake.did_you_mean(meant));
    }
}

/// The names in braces.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split('{').skip(1).take(MOST_NAMES);
    let names = parts.filter_map(|part| Some(part.split_once('}')?.0));
    names.filter(|name| !name.is_empty())
}

/// `default` and `examples` are among the values of `enum`.
fn values(node: Node<'_>, errors: &mut Errors) {
    let Some(listed) = node.get("enum") else {
        return;
    };
    if !listed.is_sequence() {
        return super::expected(listed, "a list of values", errors);
    }
    let mut values: HashMap<&str, Node<'_>> = HashMap::new();
    let mut texts = Vec::new();
    for item in listed.items() {
        if item.text().is_none() {
            let message = format!("found {}, expected text", item.describe());
            errors.push(Diagnostic::warning(Code::WrongShape, item.place(), message));
        }
        let Some(text) = item.scalar() else { continue };
        if let Some(first) = values.get(text) {
            let message = format!("found {} twice in `enum`", quote(text));
            errors.push(
                Diagnostic::warning(Code::RepeatedValue, item.place(), message)
                    .related(first.place(), "the first one"),
            );
            continue;
        }
        values.insert(text, item);
        texts.push(text);
    }
    if listed.items().next().is_none() {
        let message = "found no value in `enum`, expected one at least";
        let help = "leave `enum` out, if any text is allowed";
        errors.push(
            Diagnostic::warning(Code::NotAmongValues, listed.key_place(), message).with_help(help),
        );
        return;
    }
    let examples = node.get("examples").into_iter().flat_map(Node::items);
    for (what, value) in node
        .get("default")
        .map(|value| ("default", value))
        .into_iter()
        .chain(examples.map(|value| ("example", value)))
    {
        let text = value.scalar();
        let Some(text) = text.filter(|text| !values.contains_key(text)) else {
            continue;
        };
        let message = format!(
            "the {what} {} is not one of the values in `enum`",
            quote(text)
        );
        let meant = errors.nearest(text, texts.iter().copied());
        let code = Code::NotAmongValues;
        // A default that is refused is none; an example harms nobody.
        let mistake = match what {
            "default" => Diagnostic::error(code, value.place(), message),
            _ => Diagnostic::warning(code, value.place(), message),
        };
        errors.push(
            mistake
                .related(listed.key_place(), "these are the values")
                .did_you_mean(meant),
        );
    }
}

/// How AsyncAPI 2 asked for a security scheme: by its name, which stands before a list of scopes.
/// Says so, and returns whether that is what it is.
pub(super) fn is_old_requirement(node: Node<'_>, errors: &mut Errors) -> bool {
    let mut entries = node.entries();
    let (Some(entry), None) = (entries.next(), entries.next()) else {
        return false;
    };
    if !entry.node.is_sequence() || !entry.node.items().all(|item| item.text().is_some()) {
        return false;
    }
    let message = format!(
        "found the name {}, expected a security scheme",
        quote(entry.key)
    );
    let help = format!("write `$ref: '#/components/securitySchemes/{}'`", entry.key);
    errors.push(Diagnostic::warning(Code::NoReference, entry.key_place(), message).with_help(help));
    true
}

/// Each example of a message shows its payload, its headers, or both.
fn message_examples(node: Node<'_>, errors: &mut Errors) {
    let Some(listed) = node.get("examples").filter(|listed| !listed.is_null()) else {
        return;
    };
    if listed.is_mapping() && listed.entries().next().is_none() {
        return super::tolerated(listed, "a list of examples", errors);
    }
    if !listed.is_sequence() {
        return super::expected(listed, "a list of examples", errors);
    }
    super::keywords::numbers(listed, false, errors);
    for example in listed.items() {
        if example.get("payload").is_some() || example.get("headers").is_some() {
            continue;
        }
        let message = format!(
            "found {}, expected an example with `payload` or `headers`",
            example.describe()
        );
        let help = "write `payload:`, and what it shows of it within";
        let mistake = Diagnostic::warning(Code::WrongShape, example.place(), message);
        errors.push(mistake.with_help(help));
    }
}

/// What has become of a field of AsyncAPI 2.
pub(super) fn successor(kind: Kind, field: &str) -> Option<&'static str> {
    Some(match (kind, field) {
        (Kind::Document, "tags" | "externalDocs") => "it belongs into `info` since AsyncAPI 3",
        (Kind::Server, "url") => "AsyncAPI 3 has `host` and `pathname` in its place",
        (Kind::Channel, "publish" | "subscribe") => {
            "AsyncAPI 3 has `operations` beside the `channels` in its place"
        }
        (Kind::Operation | Kind::OperationTrait, "message") => {
            "AsyncAPI 3 has the messages in the channel, and `messages` refers to them"
        }
        (Kind::Operation | Kind::OperationTrait, "operationId") => {
            "the name of the operation is its key under `operations` since AsyncAPI 3"
        }
        (Kind::Message | Kind::MessageTrait, "messageId") => {
            "the message's key is its id since AsyncAPI 3"
        }
        (Kind::Message | Kind::MessageTrait, "schemaFormat") => {
            "it belongs into `payload`, beside a `schema`, since AsyncAPI 3"
        }
        (Kind::Parameter, "schema" | "type") => {
            "parameters are text since AsyncAPI 3: `enum`, `default` and `examples` describe them"
        }
        (Kind::OauthFlow, "scopes") => "it is called `availableScopes` since AsyncAPI 3",
        _ => return None,
    })
}

/// What a field that has to be there might look like.
pub(super) fn example(kind: Kind, field: &str) -> Option<&'static str> {
    Some(match (kind, field) {
        (Kind::Document, "info") => "info: {title: Clock, version: 1.0.0}",
        (Kind::Info, "title") => "title: Clock",
        (Kind::Info, "version") => "version: 1.0.0",
        (Kind::Server, "host") => "host: example.com",
        (Kind::Server, "protocol") => "protocol: ws",
        (Kind::Operation, "action") => "action: send",
        (Kind::Operation, "channel") => "channel: {$ref: '#/channels/...'}",
        (Kind::CorrelationId, "location") => "location: $message.header#/correlationId",
        (Kind::ReplyAddress, "location") => "location: $message.header#/replyTo",
        (Kind::SecurityScheme, "type") => "type: http",
        _ => return None,
    })
}

/// The types of security schemes.
const SECURITY_TYPES: &[&str] = &[
    "userPassword",
    "apiKey",
    "X509",
    "symmetricEncryption",
    "asymmetricEncryption",
    "httpApiKey",
    "http",
    "oauth2",
    "openIdConnect",
    "plain",
    "scramSha256",
    "scramSha512",
    "gssapi",
];

/// What a security scheme needs depends on its type.
fn security_scheme(node: Node<'_>, errors: &mut Errors) {
    let Some((written, kind)) = node.get("type").and_then(|node| Some((node, node.text()?))) else {
        return;
    };
    if !SECURITY_TYPES.contains(&kind) {
        let message = format!("found {}, expected a type of security scheme", quote(kind));
        let mistake = Diagnostic::error(Code::IncompleteScheme, written.place(), message);
        let types = format!("the types are {}", choice(SECURITY_TYPES));
        let meant = errors.nearest(kind, SECURITY_TYPES.iter().copied());
        return errors.push(mistake.with_help(types).did_you_mean(meant));
    }
    let needs: &[&str] = match kind {
        "apiKey" => &["in"],
        "httpApiKey" => &["name", "in"],
        "http" => &["scheme"],
        "oauth2" => &["flows"],
        "openIdConnect" => &["openIdConnectUrl"],
        _ => &[],
    };
    for field in needs {
        if node.get(field).is_none() {
            let message = format!(
                "{} is missing, which a security scheme of the type {} needs",
                quote(field),
                quote(kind)
            );
            let place = node.key_place();
            errors
                .push(Diagnostic::error(Code::IncompleteScheme, place, message).for_want_of(field));
        }
    }
    let places: &[&str] = match kind {
        "apiKey" => &["user", "password"],
        "httpApiKey" => &["query", "header", "cookie"],
        _ => return,
    };
    let Some((node, place)) = node.get("in").and_then(|node| Some((node, node.text()?))) else {
        return;
    };
    if !places.contains(&place) {
        let message = format!("found {}, expected {}", quote(place), choice(places));
        let mistake = Diagnostic::warning(Code::IncompleteScheme, node.place(), message);
        errors.push(match (kind, place) {
            ("apiKey", "query" | "header" | "cookie") => {
                mistake.with_help("a key in HTTP is of the type `httpApiKey`")
            }
            _ => mistake,
        });
    }
}

/// A tag that is there twice under one name.
fn repeated_tags(tags: Node<'_>, errors: &mut Errors) {
    let mut seen: HashMap<&str, Node<'_>> = HashMap::new();
    for name in tags.items().filter_map(|tag| tag.get("name")) {
        let Some(text) = name.text() else { continue };
        if let Some(first) = seen.get(text) {
            let message = format!("found the tag {} twice", quote(text));
            errors.push(
                Diagnostic::warning(Code::RepeatedTag, name.place(), message)
                    .related(first.place(), "the first one"),
            );
            continue;
        }
        seen.insert(text, name);
    }
}

/// Where AsyncAPI has an object and no reference.
pub(super) fn no_reference(place: Place, kind: Kind, errors: &mut Errors) {
    let message = format!(
        "found a reference, expected {}: AsyncAPI allows none here",
        kind.name()
    );
    errors.push(Diagnostic::warning(
        Code::ReferenceNotAllowed,
        place,
        message,
    ));
}
