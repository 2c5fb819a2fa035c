//! The model: what one document offers, with every question of meaning answered.
//!
//! Plain data, with no YAML and no tokens in it: print it with `{:#?}` to see what will be
//! generated. Lowering makes it, and emission writes it down without a decision of its own.

mod types;

pub use types::{
    Base, Bound, Branch, DefaultValue, Enum, Field, Integer, JsonType, Literal, Rules, Struct,
    Test, Traits, Type, TypeDef, TypeKind, Union, Variant,
};

/// One document: its messages, types and interactions.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// The document's name on the wire and that of its module, such as `heartbeat`.
    pub name: String,
    /// The document's file name, for the generated file's first line.
    pub file: String,
    /// `info.title`.
    pub title: String,
    /// `info.version`.
    pub version: String,
    /// `info.description`, and what else `info` says.
    pub docs: Option<String>,
    /// What else `info` and the document itself say.
    pub metadata: Metadata,
    /// The servers that the document names.
    pub servers: Vec<Server>,
    /// `components.securitySchemes`, by their keys.
    pub security_schemes: Vec<(String, Value)>,
    /// The module of the types that it shares with other documents, beside its own.
    pub shared: String,
    /// Every type that a message reaches, in the order in which the messages reach them.
    pub types: Vec<TypeDef>,
    /// Every message that an interaction uses, in document order.
    pub messages: Vec<Message>,
    /// Every choice of several messages that requests are answered with, in document order.
    pub replies: Vec<Reply>,
    /// Every channel, in document order.
    pub channels: Vec<Channel>,
    /// The types of those parameters of channels whose values are listed.
    pub parameter_enums: Vec<ParameterEnum>,
    /// Every interaction, in document order.
    pub interactions: Vec<Interaction>,
}

/// A name, as it is on the wire and as it is in Rust.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Name {
    /// As the document has it; what peers send and receive.
    pub wire: String,
    /// As an identifier, free of keywords and of clashes with its neighbours.
    pub rust: String,
}

/// The Rust identifier of a type; the key that joins messages, fields and definitions.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TypeName(pub String);

/// What a part of a document says that nothing is generated from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// `tags`.
    pub tags: Vec<Tag>,
    /// `externalDocs`.
    pub external_docs: Option<ExternalDocs>,
    /// `security`: any one of these schemes.
    pub security: Vec<Value>,
    /// `bindings`, by their protocols.
    pub bindings: Vec<(String, Value)>,
    /// Fields that begin with `x-`.
    pub extensions: Vec<(String, Value)>,
}

/// A word to find things by (AsyncAPI 3.0, Tag Object).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tag {
    /// The word.
    pub name: String,
    /// What it means.
    pub description: Option<String>,
}

/// Where to read more (AsyncAPI 3.0, External Documentation Object).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExternalDocs {
    /// The place.
    pub url: String,
    /// What there is to read.
    pub description: Option<String>,
}

/// Any value of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it is written.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A mapping, in document order.
    Object(Vec<(String, Self)>),
}

/// A server (AsyncAPI 3.0, Server Object).
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// In the document its key, in Rust the name of its constant.
    pub name: Name,
    /// Such as `wss`.
    pub protocol: String,
    /// Such as `5` for MQTT.
    pub protocol_version: Option<String>,
    /// The host and maybe a port, with variables in braces.
    pub host: String,
    /// The path below, or nothing.
    pub pathname: String,
    /// `title`, `summary` and `description`, one paragraph each.
    pub docs: Option<String>,
    /// What is in braces in its host and pathname.
    pub variables: Vec<ServerVariable>,
    /// What else it says.
    pub metadata: Metadata,
}

/// A variable of a server's URL (AsyncAPI 3.0, Server Variable Object).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerVariable {
    /// Its name.
    pub name: String,
    /// Its description.
    pub docs: Option<String>,
    /// What it is unless something else is asked for.
    pub default: Option<String>,
    /// All that it may be; nothing where that is anything.
    pub values: Vec<String>,
}

/// A channel (AsyncAPI 3.0, Channel Object).
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// On the wire its key, in Rust the name of its constant.
    pub name: Name,
    /// Its address, as the document has it; `None` where it is `null` or left out.
    pub address: Option<String>,
    /// `title`, `summary` and `description`, one paragraph each.
    pub docs: Option<String>,
    /// Those of its address, if that has any.
    pub parameters: Option<Parameters>,
    /// What its WebSocket binding says of the request that opens a connection at it.
    pub opening: Opening,
    /// Keys of the servers that it is on, if not on all.
    pub servers: Vec<String>,
    /// What else it says.
    pub metadata: Metadata,
}

/// The types of what a WebSocket binding declares: structs among the document's types, where it does.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Opening {
    /// The query of the URL.
    pub query: Option<TypeName>,
    /// The HTTP headers.
    pub headers: Option<TypeName>,
}

/// The parameters of a channel's address: a struct.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// Its identifier.
    pub name: TypeName,
    /// The parameters, in the address's order.
    pub fields: Vec<Parameter>,
    /// Each of them has a default.
    pub has_default: bool,
}

/// A parameter of an address (AsyncAPI 3.0, Parameter Object).
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its names.
    pub name: Name,
    /// Its description.
    pub docs: Option<String>,
    /// The enum of its values, where they are listed: a [`ParameterEnum::name`].
    pub values: Option<TypeName>,
    /// What it is where it is left out; in Rust the variant, where its values are listed.
    pub default: Option<Name>,
    /// The runtime expression that finds it in the message.
    pub location: Option<String>,
    /// Those of its listed values and its default that would not be taken for a name from a peer.
    pub declared: Vec<String>,
}

/// The values of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterEnum {
    /// Its identifier.
    pub name: TypeName,
    /// The parameter's name.
    pub parameter: String,
    /// The values.
    pub variants: Vec<Variant>,
}

/// A message (AsyncAPI 3.0, Message Object): payload and headers.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// On the wire the message's `name`, or else its key under `components.messages`, or else its
    /// key in the channel. In Rust the payload's type.
    pub name: Name,
    /// `title`, `summary` and `description`, one paragraph each.
    pub docs: Option<String>,
    /// Where to read more, its tags and examples, for the end of its docs.
    pub remarks: Option<String>,
    /// What carries the payload.
    pub payload: Payload,
    /// What the content type makes of the payload.
    pub content: Content,
    /// `contentType`, or else the document's `defaultContentType`.
    pub content_type: Option<String>,
    /// The struct of the declared headers, if any are declared.
    pub headers: Option<TypeName>,
    /// What tells a bare payload of this message from another's.
    pub shape: Shape,
    /// Wire names of the declared headers.
    pub header_names: Vec<String>,
    /// What holds the address for replies (`$message.header#/replyTo`).
    pub reply_address: Option<Expression>,
    /// What ties a reply to its request.
    pub correlation_id: Option<Expression>,
    /// What else the message says.
    pub metadata: Metadata,
    /// Declares a header besides the two above, which the runtime fills in by itself: whoever
    /// sends this message as a reply is given the means to set its headers.
    pub has_own_headers: bool,
    /// Of one that starts an interaction: a frame of it to begin with, as raw frames are, where it
    /// is not `{}`.
    pub sample: Option<String>,
}

/// What the requests of an operation are answered with, where it is any one of several messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The enum's identifier.
    pub name: TypeName,
    /// The operation's key.
    pub operation: String,
    /// The messages, in document order.
    pub choices: Vec<Choice>,
}

/// One of the messages of a [`Reply`].
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// On the wire the message's name, in Rust the variant.
    pub name: Name,
    /// The message: its Rust type, which is a [`Message::name`].
    pub message: TypeName,
}

/// A place in a message (AsyncAPI 3.0, Runtime Expression).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expression {
    /// The half of the message that it is in.
    pub part: Part,
    /// The JSON pointer (RFC 6901) to it from there.
    pub pointer: String,
}

/// A half of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// `$message.header`.
    Headers,
    /// `$message.payload`.
    Payload,
}

impl Expression {
    /// The member that it begins with, if it is not the whole half.
    #[must_use]
    pub fn first(&self) -> Option<String> {
        let tokens = self.pointer.strip_prefix('/')?;
        let token = tokens.split('/').next()?;
        Some(token.replace("~1", "/").replace("~0", "~"))
    }

    /// The member of this half that it is, if it is one and nothing deeper.
    #[must_use]
    pub fn member_of(&self, part: Part) -> Option<String> {
        let is_one = self.part == part && self.pointer.matches('/').count() == 1;
        self.first().filter(|_| is_one)
    }
}

/// What a payload is, by its content type.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Content {
    /// JSON, of the schema's type.
    #[default]
    Json,
    /// A string: plain text, XML, YAML and the like.
    Text,
    /// Bytes: anything else.
    Binary,
}

/// How a message's payload is represented.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// The definition of this name belongs to this message alone and is the message's type.
    Own(TypeName),
    /// A new type around a payload that is shared with another message, or is not a definition.
    Wraps(Type),
}

/// What a payload's schema says of a JSON object's members.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Shape {
    /// Wire names of all declared properties.
    pub members: Vec<String>,
    /// Wire names of the required ones.
    pub required: Vec<String>,
    /// No member besides the declared ones is allowed.
    pub closed: bool,
    /// Wire names of the members with a fixed value, or with one out of a few, and these as JSON.
    pub constants: Vec<(String, Vec<String>)>,
}

/// One exchange between a consumer (the client) and a provider (the service).
#[derive(Clone, Debug, PartialEq)]
pub struct Interaction {
    /// On the wire its name (`getPeriod`), in Rust its method (`get_period`).
    pub name: Name,
    /// Description of the operation that starts it, or else of its channel.
    pub docs: Option<String>,
    /// Which messages it consists of.
    pub pattern: Pattern,
    /// The type of the parameters of the channel that it is started on, if there are any: a
    /// [`Parameters::name`].
    pub parameters: Option<TypeName>,
    /// What else the operation that starts it says.
    pub metadata: Metadata,
}

/// A message on a channel: one step of an interaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The channel's key in the document.
    pub channel: String,
    /// The message: its Rust type, which is a [`Message::name`] or, for a response that may be
    /// any one of several, a [`Reply::name`].
    pub message: TypeName,
}

/// The interaction patterns of CCSDS Mission Operations (CCSDS 521.0-B, 4.2).
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// One message, no answer.
    Send {
        /// What the consumer sends.
        message: Step,
    },
    /// A message that is acknowledged or refused.
    Submit {
        /// What the consumer sends.
        message: Step,
        /// What it gets instead of an acknowledgement.
        error: Option<Step>,
    },
    /// A message that is answered by one response or an error.
    Request {
        /// What the consumer sends.
        message: Step,
        /// What it gets.
        response: Step,
        /// What it may get instead.
        error: Option<Step>,
    },
    /// A message that is acknowledged, and answered later.
    Invoke {
        /// What the consumer sends.
        message: Step,
        /// What the acknowledgement carries.
        ack: Option<Step>,
        /// What it gets in the end.
        response: Option<Step>,
        /// What it may get instead.
        error: Option<Step>,
    },
    /// A message that is acknowledged, and answered by updates and then a response.
    Progress {
        /// What the consumer sends.
        message: Step,
        /// What it gets any number of.
        update: Step,
        /// What it gets in the end.
        response: Option<Step>,
        /// What it may get instead.
        error: Option<Step>,
    },
    /// A subscription, answered by publications until it is given up.
    PubSub {
        /// What the consumer subscribes with; `None` where opening the channel subscribes.
        subscribe: Option<Step>,
        /// What it gets any number of.
        publish: Step,
        /// What it may get instead.
        error: Option<Step>,
    },
}

impl Pattern {
    /// Its messages with what each is in it, in the order in which they travel.
    #[must_use]
    pub fn steps(&self) -> Vec<(Role, &Step)> {
        let steps = match self {
            Self::Send { message } => [Some((Role::Message, message)), None, None, None],
            Self::Submit { message, error } => [
                Some((Role::Message, message)),
                None,
                None,
                error.as_ref().map(|step| (Role::Error, step)),
            ],
            Self::Request {
                message,
                response,
                error,
            } => [
                Some((Role::Message, message)),
                None,
                Some((Role::Response, response)),
                error.as_ref().map(|step| (Role::Error, step)),
            ],
            Self::Invoke {
                message,
                ack,
                response,
                error,
            } => [
                Some((Role::Message, message)),
                ack.as_ref().map(|step| (Role::Ack, step)),
                response.as_ref().map(|step| (Role::Response, step)),
                error.as_ref().map(|step| (Role::Error, step)),
            ],
            Self::Progress {
                message,
                update,
                response,
                error,
            } => [
                Some((Role::Message, message)),
                Some((Role::Update, update)),
                response.as_ref().map(|step| (Role::Response, step)),
                error.as_ref().map(|step| (Role::Error, step)),
            ],
            Self::PubSub {
                subscribe,
                publish,
                error,
            } => [
                subscribe.as_ref().map(|step| (Role::Subscribe, step)),
                Some((Role::Publish, publish)),
                None,
                error.as_ref().map(|step| (Role::Error, step)),
            ],
        };
        steps.into_iter().flatten().collect()
    }
}

/// What a message is in its interaction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each is named for the field of its pattern")]
pub enum Role {
    Message,
    Subscribe,
    Ack,
    Update,
    Response,
    Publish,
    Error,
}
