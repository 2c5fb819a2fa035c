//! The objects of AsyncAPI 3.0 and 3.1 and their fields.

use Kind::*;
use Shape::{Any, List, Map, One, Reference, References, Schemas, Text, TextOrNull, Word, Written};

/// Fields that AsyncAPI has nowhere, but JSON Schema or OpenAPI has.
const ELSEWHERE: &[&str] = &[
    "const",
    "deprecated",
    "example",
    "format",
    "required",
    "schema",
    "type",
];

/// Whether it is known what a field of this name says, wherever it is.
pub(super) fn is_field(name: &str) -> bool {
    let kinds = [
        DOCUMENT, INFO, SERVER, CHANNEL, OPERATION, PARAMETER, MESSAGE, REPLY,
    ];
    let mut fields = kinds.iter().copied().flatten();
    ELSEWHERE.contains(&name) || fields.any(|(field, _)| *field == name)
}

/// An object of AsyncAPI.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Binding,
    Bindings,
    Channel,
    Components,
    Contact,
    CorrelationId,
    Document,
    ExternalDocs,
    Info,
    License,
    Message,
    MessageTrait,
    Operation,
    OperationTrait,
    Parameter,
    Reply,
    ReplyAddress,
    OauthFlow,
    OauthFlows,
    Schema,
    SecurityScheme,
    Server,
    ServerVariable,
    Tag,
    /// The binding of WebSockets, whose members are schemas.
    WebSocketBinding,
}

/// What the value of a field looks like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Nothing that specwire reads.
    Any,
    Text,
    /// Text that may be a number: people forget its quotes.
    Written,
    TextOrNull,
    /// One of these words.
    Word(&'static [&'static str]),
    /// An object, or a reference to one.
    One(Kind),
    /// Names and objects, or references to such.
    Map(Kind),
    /// Objects, or references to such.
    List(Kind),
    /// A reference and nothing else.
    Reference(Kind),
    References(Kind),
    /// Names and schemas, or names and groups of such.
    Schemas,
}

/// The fields of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grammar {
    pub(super) required: &'static [&'static str],
    pub(super) fields: &'static [(&'static str, Shape)],
    /// What fields of any other name look like, where such are allowed.
    pub(super) others: Option<Shape>,
}

impl Kind {
    /// A `$ref` may stand in its place.
    pub(super) fn is_referred_to(self) -> bool {
        ![
            Document, Info, Contact, License, Components, OauthFlows, OauthFlow,
        ]
        .contains(&self)
    }

    /// Nothing that is generated depends on it: it describes the rest for people, or for others.
    pub(super) fn is_aside(self) -> bool {
        matches!(
            self,
            Binding
                | Bindings
                | Components
                | Contact
                | ExternalDocs
                | Info
                | License
                | OauthFlow
                | OauthFlows
                | SecurityScheme
                | Tag
                | WebSocketBinding
        )
    }

    /// It is for people only, and as text it says to them what it says otherwise.
    pub(super) fn is_note(self) -> bool {
        matches!(self, Contact | ExternalDocs | License | Tag)
    }

    /// As after "expected".
    pub(crate) fn name(self) -> &'static str {
        self.words().0
    }

    /// As after "a list of".
    pub(super) fn plural(self) -> &'static str {
        self.words().1
    }

    /// Where such objects are kept for others to refer to.
    pub(crate) fn home(self) -> &'static str {
        self.words().2
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Binding => ("a binding", "bindings", "components/channelBindings"),
            Bindings => (
                "a mapping of protocols to bindings",
                "mappings of protocols to bindings",
                "components/channelBindings",
            ),
            Channel => ("a channel", "channels", "channels"),
            Components => ("components", "components", "components"),
            Contact => ("a contact", "contacts", "info/contact"),
            CorrelationId => (
                "a correlation id",
                "correlation ids",
                "components/correlationIds",
            ),
            Document => ("an AsyncAPI document", "AsyncAPI documents", ""),
            ExternalDocs => (
                "a link to documentation",
                "links",
                "components/externalDocs",
            ),
            Info => ("a mapping with `title` and `version`", "mappings", "info"),
            License => ("a licence", "licences", "info/license"),
            Message => ("a message", "messages", "channels/.../messages"),
            MessageTrait => (
                "a message trait",
                "message traits",
                "components/messageTraits",
            ),
            Operation => ("an operation", "operations", "operations"),
            OperationTrait => (
                "an operation trait",
                "operation traits",
                "components/operationTraits",
            ),
            Parameter => ("a parameter", "parameters", "components/parameters"),
            Reply => ("a reply", "replies", "components/replies"),
            ReplyAddress => (
                "a reply address",
                "reply addresses",
                "components/replyAddresses",
            ),
            OauthFlow => ("an OAuth flow", "OAuth flows", "components/securitySchemes"),
            OauthFlows => ("OAuth flows", "OAuth flows", "components/securitySchemes"),
            SecurityScheme => (
                "a security scheme",
                "security schemes",
                "components/securitySchemes",
            ),
            Schema => ("a schema", "schemas", "components/schemas"),
            Server => ("a server", "servers", "servers"),
            ServerVariable => (
                "a server variable",
                "server variables",
                "components/serverVariables",
            ),
            Tag => ("a tag", "tags", "components/tags"),
            WebSocketBinding => (
                "a binding of WebSockets",
                "bindings of WebSockets",
                "components/channelBindings",
            ),
        }
    }

    pub(super) fn grammar(self) -> Grammar {
        let (required, fields): (&[_], &[_]) = match self {
            Channel => (&[], CHANNEL),
            Components => (&[], COMPONENTS),
            Contact => (&[], &[("name", Text), ("url", Text), ("email", Text)]),
            CorrelationId | ReplyAddress => (
                &["location"],
                &[("description", Written), ("location", Text)],
            ),
            Document => (&["info"], DOCUMENT),
            ExternalDocs => (&["url"], &[("description", Written), ("url", Text)]),
            Info => (&["title", "version"], INFO),
            License => (&["name"], &[("name", Text), ("url", Text)]),
            Message => (&[], MESSAGE),
            MessageTrait => (&[], MESSAGE_TRAIT),
            Operation => (&["action", "channel"], OPERATION),
            OperationTrait => (&[], OPERATION_TRAIT),
            Parameter => (&[], PARAMETER),
            Reply => (&[], REPLY),
            OauthFlow => (&[], OAUTH_FLOW),
            OauthFlows => (&[], OAUTH_FLOWS),
            Binding | Schema => (&[], &[]),
            Bindings => (&[], &[("ws", One(WebSocketBinding))]),
            WebSocketBinding => (&[], WEB_SOCKET_BINDING),
            SecurityScheme => (&["type"], SECURITY_SCHEME),
            Server => (&["host", "protocol"], SERVER),
            ServerVariable => (&[], SERVER_VARIABLE),
            Tag => (&["name"], TAG),
        };
        let others = match self {
            Binding | WebSocketBinding => Some(Any),
            Bindings => Some(One(Binding)),
            _ => None,
        };
        Grammar {
            required,
            fields,
            others,
        }
    }
}

const DOCUMENT: &[(&str, Shape)] = &[
    // Looked at before all else.
    ("asyncapi", Any),
    ("id", Text),
    ("info", One(Info)),
    ("servers", Map(Server)),
    ("defaultContentType", Text),
    ("channels", Map(Channel)),
    ("operations", Map(Operation)),
    ("components", One(Components)),
];

const INFO: &[(&str, Shape)] = &[
    ("title", Written),
    ("version", Written),
    ("description", Written),
    ("termsOfService", Text),
    ("contact", One(Contact)),
    ("license", One(License)),
    ("tags", List(Tag)),
    ("externalDocs", One(ExternalDocs)),
];

const SERVER: &[(&str, Shape)] = &[
    ("host", Text),
    ("protocol", Text),
    ("protocolVersion", Written),
    ("pathname", Text),
    ("title", Written),
    ("summary", Written),
    ("description", Written),
    ("variables", Map(ServerVariable)),
    ("security", List(SecurityScheme)),
    ("tags", List(Tag)),
    ("externalDocs", One(ExternalDocs)),
    ("bindings", One(Bindings)),
];

const SERVER_VARIABLE: &[(&str, Shape)] = &[
    ("enum", Any),
    ("default", Written),
    ("description", Written),
    ("examples", Any),
];

const CHANNEL: &[(&str, Shape)] = &[
    ("address", TextOrNull),
    ("messages", Map(Message)),
    ("title", Written),
    ("summary", Written),
    ("description", Written),
    ("servers", References(Server)),
    ("parameters", Map(Parameter)),
    ("tags", List(Tag)),
    ("externalDocs", One(ExternalDocs)),
    ("bindings", One(Bindings)),
];

const PARAMETER: &[(&str, Shape)] = &[
    ("enum", Any),
    ("default", Written),
    ("description", Written),
    ("examples", Any),
    ("location", Text),
];

const OPERATION: &[(&str, Shape)] = &[
    ("action", Word(&["send", "receive"])),
    ("channel", Reference(Channel)),
    ("title", Written),
    ("summary", Written),
    ("description", Written),
    ("security", List(SecurityScheme)),
    ("tags", List(Tag)),
    ("externalDocs", One(ExternalDocs)),
    ("bindings", One(Bindings)),
    ("traits", List(OperationTrait)),
    ("messages", References(Message)),
    ("reply", One(Reply)),
];

const OPERATION_TRAIT: &[(&str, Shape)] = &[
    ("title", Written),
    ("summary", Written),
    ("description", Written),
    ("security", List(SecurityScheme)),
    ("tags", List(Tag)),
    ("externalDocs", One(ExternalDocs)),
    ("bindings", One(Bindings)),
];

const REPLY: &[(&str, Shape)] = &[
    ("address", One(ReplyAddress)),
    ("channel", Reference(Channel)),
    ("messages", References(Message)),
];

const MESSAGE: &[(&str, Shape)] = &[
    ("headers", One(Schema)),
    ("payload", One(Schema)),
    ("correlationId", One(CorrelationId)),
    ("contentType", Text),
    ("name", Text),
    ("title", Written),
    ("summary", Written),
    ("description", Written),
    ("tags", List(Tag)),
    ("externalDocs", One(ExternalDocs)),
    ("bindings", One(Bindings)),
    ("examples", Any),
    ("traits", List(MessageTrait)),
];

const MESSAGE_TRAIT: &[(&str, Shape)] = &[
    ("headers", One(Schema)),
    ("correlationId", One(CorrelationId)),
    ("contentType", Text),
    ("name", Text),
    ("title", Written),
    ("summary", Written),
    ("description", Written),
    ("tags", List(Tag)),
    ("externalDocs", One(ExternalDocs)),
    ("bindings", One(Bindings)),
    ("examples", Any),
];

const COMPONENTS: &[(&str, Shape)] = &[
    ("schemas", Schemas),
    ("servers", Map(Server)),
    ("channels", Map(Channel)),
    ("operations", Map(Operation)),
    ("messages", Map(Message)),
    ("securitySchemes", Map(SecurityScheme)),
    ("serverVariables", Map(ServerVariable)),
    ("parameters", Map(Parameter)),
    ("correlationIds", Map(CorrelationId)),
    ("replies", Map(Reply)),
    ("replyAddresses", Map(ReplyAddress)),
    ("externalDocs", Map(ExternalDocs)),
    ("tags", Map(Tag)),
    ("operationTraits", Map(OperationTrait)),
    ("messageTraits", Map(MessageTrait)),
    ("serverBindings", Map(Bindings)),
    ("channelBindings", Map(Bindings)),
    ("operationBindings", Map(Bindings)),
    ("messageBindings", Map(Bindings)),
];

const SECURITY_SCHEME: &[(&str, Shape)] = &[
    ("type", Text),
    ("description", Written),
    ("name", Text),
    // Which words depends on the type.
    ("in", Text),
    ("scheme", Text),
    ("bearerFormat", Text),
    ("flows", One(OauthFlows)),
    ("openIdConnectUrl", Text),
    ("scopes", Any),
];

const OAUTH_FLOWS: &[(&str, Shape)] = &[
    ("implicit", One(OauthFlow)),
    ("password", One(OauthFlow)),
    ("clientCredentials", One(OauthFlow)),
    ("authorizationCode", One(OauthFlow)),
];

const OAUTH_FLOW: &[(&str, Shape)] = &[
    ("authorizationUrl", Text),
    ("tokenUrl", Text),
    ("refreshUrl", Text),
    ("availableScopes", Any),
];

const WEB_SOCKET_BINDING: &[(&str, Shape)] = &[
    ("method", Any),
    ("query", One(Schema)),
    ("headers", One(Schema)),
    ("bindingVersion", Any),
];

const TAG: &[(&str, Shape)] = &[
    ("name", Text),
    ("description", Written),
    ("externalDocs", One(ExternalDocs)),
];
