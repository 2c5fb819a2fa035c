//! The codes of errors and warnings: one table, from which `docs/diagnostics.md` is made.

use std::fmt;
use std::str::FromStr;

use super::wording::{nearest, quote};

/// Declares [`Code`]: of each code the number, a short name and an explanation.
macro_rules! codes {
    ($($code:ident = $number:literal, $name:literal: $explanation:literal;)*) => {
        /// What kind of mistake a [`Diagnostic`](crate::Diagnostic) is about: displays as `SW0104`.
        ///
        /// A code keeps its meaning from one version to the next, whatever becomes of the message.
        ///
        /// ```
        /// let mistakes = specwire_codegen::generate("clock.yaml", "asyncapi: 2.6.0").unwrap_err();
        /// let code = mistakes.iter().next().expect("errors are never empty").code();
        /// assert_eq!(code, specwire_codegen::Code::UnknownVersion);
        /// assert_eq!(code.to_string(), "SW0102");
        /// ```
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        // Two codes of one number do not compile.
        #[repr(u16)]
        pub enum Code {
            $(#[doc = $explanation] $code = $number,)*
        }

        impl Code {
            /// All codes, by number.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// A few words, such as `missing field`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)*
                }
            }

            /// What is wrong and what to do, in a few sentences.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self {
                    $(Self::$code => $explanation,)*
                }
            }
        }
    };
}

codes! {
    // The file, and YAML.
    Unreadable = 1, "unreadable file":
        "A file or folder cannot be read. The system's reason is in the message.";
    EmptyFolder = 2, "empty folder":
        "A folder that is to be compiled holds no document: no file that ends in `.yaml`, `.yml` or \
         `.json`.";
    SameModule = 3, "two documents, one module":
        "Each document becomes a module named after its file, and two files give the same name. \
         Rename one.";
    NotUtf8 = 4, "not UTF-8":
        "Documents are text in UTF-8. Save the file in that encoding.";
    NoDocument = 5, "file that is no document":
        "A file lies among the documents of a folder, or fits their pattern, that does not say `asyncapi`, \
         and that none of them refers to. It is left out. With no document beside it, it is taken for one.";
    EmptyFile = 10, "empty file":
        "There is nothing in the file, or comments only.";
    NotYaml = 11, "not YAML":
        "The text is not YAML (or JSON). Lines further down are read all the same where they do not \
         depend on this one, so that other mistakes are shown as well.";
    DuplicateKey = 12, "duplicate key":
        "A mapping has the same key twice. YAML does not allow it, and readers differ in which of the \
         two they take. Where both have the same value that makes no difference, and is a warning.";
    UnknownAnchor = 13, "unknown anchor":
        "An alias (`*name`) has no anchor (`&name`) before it. Text that begins with `*` has to be in \
         quotes.";
    AliasWithinItself = 14, "alias within its anchor":
        "An alias (`*name`) is part of what it stands for, which would have no end.";
    YamlTag = 15, "YAML tag":
        "Tags (`!name`) give values a meaning that AsyncAPI knows nothing of. Leave them out.";
    KeyNotText = 16, "key that is not text":
        "YAML allows lists, mappings and aliases as keys; AsyncAPI has names only.";
    SeveralDocuments = 17, "several documents in one file":
        "A file holds one document: what follows `---` belongs into a file of its own.";
    MergeKey = 18, "merge key":
        "The value of a merge key (`<<`) is a mapping whose members are added to those beside the key, \
         or a list of such mappings. It is something else.";
    AmbiguousYaml = 19, "ambiguous YAML":
        "Readers of YAML disagree about what stands here. Write it more plainly, such as in quotes.";

    // The document's structure.
    NotAsyncApi = 101, "not an AsyncAPI document":
        "A document says which version of AsyncAPI it is written in, such as `asyncapi: 3.0.0`, and \
         this one does not.";
    UnknownVersion = 102, "unknown version of AsyncAPI":
        "Documents of AsyncAPI 3.0 and 3.1 are read. AsyncAPI's own tools convert older ones.";
    IncompleteVersion = 103, "incomplete version of AsyncAPI":
        "The version of AsyncAPI is three numbers, such as `3.0.0`. Two of them are a number to YAML.";
    MissingField = 104, "missing field":
        "AsyncAPI requires a field that is not there. It is an error, except for the `version` of `info`, \
         which services that are never released do not have.";
    UnknownField = 105, "unknown field":
        "AsyncAPI knows no such field here. Fields of one's own begin with `x-`. It is only warned of where \
         it is plain what the field says and nothing is lost without it: it is one of other objects, of \
         OpenAPI, or of AsyncAPI 2.";
    WrongShape = 106, "wrong kind of value":
        "A value is not of the kind that AsyncAPI expects here, such as a list in place of text.";
    UnknownWord = 107, "unknown word":
        "AsyncAPI allows certain words here, and this is none of them.";
    MalformedText = 108, "text of another form":
        "AsyncAPI wants a URL, a URI or an e-mail address here. A path is warned of, for it is plain where \
         it leads.";
    RepeatedTag = 109, "repeated tag":
        "A list of tags has two of the same name.";
    RepeatedValue = 110, "repeated value":
        "A list of values has one of them twice.";
    NotAmongValues = 111, "value that is not listed":
        "The default or an example of a parameter or variable is not one of the values in its `enum`. A \
         default would be refused, which is an error.";
    Nothing = 112, "nothing":
        "A field is there, and its value is not. It is read over.";
    MalformedKey = 113, "key of other signs":
        "AsyncAPI wants the keys of `servers`, and of all that is kept under `components`, to be of letters, \
         digits, `.`, `-` and `_`. Code is generated all the same; other tools refuse the document.";

    // References.
    Unresolved = 201, "unresolved reference":
        "A `$ref` leads to something that does not exist.";
    ReferenceCycle = 202, "reference cycle":
        "A `$ref` leads through others back to itself, and so to nothing. Or a schema is joined with itself, \
         by `allOf` and the like, so that what it says has no end.";
    ReferenceKind = 203, "reference to something else":
        "A `$ref` leads to another kind of object than the one that is expected where it stands.";
    OtherDocument = 204, "reference to what is not read":
        "A `$ref` leads to a file or a URL that is not read. URLs are never fetched: \
         `Config::map_url` says which files stand for them. Paths are relative to the file that they \
         are written in. `generate` reads no files; `compile` and `Config::generate_with` do.";
    NotAPointer = 205, "malformed reference":
        "What follows the `#` of a `$ref` is a JSON pointer, such as `#/components/messages/tick`, or the \
         `$anchor` of a schema.";
    BesideReference = 206, "field beside a reference":
        "An object that has a `$ref` is what it refers to. Its other fields mean nothing.";
    NoReference = 207, "reference expected":
        "AsyncAPI wants a `$ref` here, and not the object itself. The object is taken for what a `$ref` \
         would lead to.";
    MissingFile = 208, "reference to a missing file":
        "A `$ref` leads to a file that does not exist.";
    ForeignFile = 209, "reference to a file of another kind":
        "A `$ref` leads to a file that holds neither YAML nor JSON, or a schema of another language. In \
         the place of a schema it is taken for one that anything matches.";
    WithinSchema = 210, "pointer within a schema":
        "A `$ref` leads to nothing in its file, but to something within the schema that it stands in, or in \
         the document that the file is a part of. Without an `$id`, pointers begin at the root of the \
         file.";
    ReferenceNotAllowed = 211, "reference not allowed":
        "AsyncAPI wants the object itself here, and not a `$ref`. It is followed all the same, as tools that \
         join files do, if it leads to such an object.";

    // Channels, operations and messages.
    SameChannel = 301, "one channel under two names":
        "Two names under `channels` refer to the same channel. It is known by the first.";
    SameMessageName = 302, "two messages of one name":
        "Two messages of a channel have the same name, so that they could not be told apart on the wire. \
         They go by their keys instead. It is an error if these are the same as well.";
    ForeignChannel = 304, "channel of another place":
        "An operation refers to a channel that is not among the document's `channels`, which give \
         channels the names that frames have.";
    ForeignMessage = 305, "message of another channel":
        "An operation or reply refers to a message that its channel does not have. It is taken for one \
         that the channel has: for its own of that name, if there is one.";
    NoMessage = 306, "operation without a message":
        "An operation has no message: neither does it name one, nor has its channel any. It is left \
         out.";
    UnknownPattern = 308, "unknown interaction pattern":
        "The `x-interaction` of an operation is one of `send`, `submit`, `request`, `invoke`, \
         `progress` and `pubsub`. What is no text is somebody else's, and read over with a warning.";
    PatternMessages = 309, "messages of another pattern":
        "The operation has other messages than the interaction pattern in its `x-interaction` needs.";
    SameAction = 310, "answer of the same action":
        "An operation answers another, by its name, but has the same action: who sends a message \
         receives the answer.";
    ProviderRequest = 311, "request by the provider":
        "The provider makes a request of the consumer. It is generated as a publication, and what \
         answers it as a message that the consumer sends.";
    ContentType = 313, "no content type":
        "A content type is two words with a slash between them, such as `application/json` or \
         `text/plain`, and perhaps parameters after a semicolon. What is none is taken for JSON.";
    UndeclaredHeader = 315, "undeclared header":
        "A runtime expression names a header, or a member of the payload, that the message does not \
         declare.";
    NoOperations = 316, "no operations":
        "The document has no `operations`, so there is nothing for a service to do.";
    Security = 317, "security is not enforced":
        "The generated code does not check who connects, whatever the document's `security` says.";
    AddressDelimiter = 318, "sign in an address that means something else":
        "The address of a channel has no query (`?`) and no fragment (`#`): bindings describe queries. A key \
         that is such an address, as in AsyncAPI 2, is an error. \
         What a `{` opens is a parameter's name, and ends with a `}`.";
    UndescribedParameter = 319, "undescribed parameter":
        "An address, or a server's host or path, has a name in braces that is not among the \
         `parameters`, or `variables`. Where none is described all are any text, with a warning.";
    UnusedParameter = 320, "unused parameter":
        "A parameter or variable is described that is nowhere in the address, host or path.";
    MalformedExpression = 321, "malformed runtime expression":
        "A runtime expression is `$message.header#` or `$message.payload#` and a JSON pointer, such as \
         `$message.header#/replyTo`.";
    IncompleteScheme = 322, "incomplete security scheme":
        "A security scheme lacks what those of its type need, or has something else in its place.";
    ForeignServer = 323, "server of another place":
        "A channel refers to a server that is not among the document's `servers`.";
    SameStart = 324, "two operations begin alike":
        "Two operations are started by the same message on the same channel, so that nothing tells \
         which of them is meant. In an envelope the first is; a raw frame is ambiguous.";
    UnclearPerspective = 325, "unclear perspective":
        "Some names suggest that the document describes the provider, others the consumer: which \
         operations are the service's and which the client's may be the wrong way round. The build script \
         says which end it is.";
    MoreThanHost = 326, "host that is more than a host":
        "The `host` of a server is its name, and perhaps a port. What a URL has beside it is said by \
         `protocol` and `pathname`. It is taken apart.";
    NotAnObject = 327, "headers that are no object":
        "Headers, and the queries of WebSocket bindings, have names: their schema is of the type `object`. \
         No type is generated of any other.";

    // Schemas.
    UnknownType = 401, "unknown type":
        "The types of JSON Schema are `array`, `boolean`, `integer`, `null`, `number`, `object` and \
         `string`. What other languages call them is taken for these, with a warning.";
    UnknownKeyword = 402, "unknown keyword":
        "JSON Schema has no such keyword, but one that looks very much like it. Unknown keywords have \
         no effect.";
    UndeclaredProperty = 403, "undeclared property":
        "A name in `required` is not among the `properties`.";
    SchemaGroup = 404, "group of schemas":
        "What stands where a schema is expected is a mapping of names to schemas, and so a schema that \
         anything matches.";
    SchemaFormat = 406, "schema format":
        "Schemas of this format are not read. The content type says what the values are: any JSON, \
         text, or bytes, which they are taken for where it says nothing.";
    ContradictingLimits = 407, "contradicting limits":
        "The lower limit is above the upper one, so that nothing matches the schema.";
    ImpossibleSchema = 408, "schema that nothing matches":
        "No value matches this schema, so that nothing can be sent where it stands. One that requires \
         another of its own kind within it would have no end.";
    Contradiction = 409, "contradicting schemas":
        "Schemas that are joined by `allOf`, or by what stands beside a list of alternatives, allow no \
         value in common. The last one counts.";
    AmbiguousUnion = 410, "ambiguous alternatives":
        "Two alternatives of a `oneOf` or `anyOf` declare such members that a value of one may be taken \
         for one of the other. Give one a required member that the other does not declare, or both a \
         member with a `const`, or name one with `discriminator`.";
    UncheckedPattern = 411, "unchecked pattern":
        "A regular expression with look-around, back-references or Unicode classes cannot be matched in \
         linear time, and is not checked when a message comes.";
    UncheckedSchema = 412, "unchecked condition":
        "A condition (`not`, `if`, `contains`, ...) is too long to be checked when a message comes.";
    RustType = 413, "no type of Rust":
        "`x-rust-type` names the Rust type that stands for a schema, by its path.";
    UndeclaredMember = 414, "member that only an example shows":
        "An example has a member that its schema does not declare, though it does not refuse it. It is \
         carried as any JSON; declare what it is, or say `additionalProperties`.";
    UnmatchedMapping = 415, "mapping to no alternative":
        "The `mapping` of a `discriminator` has a value that is none of the references in the `oneOf` or \
         `anyOf` beside it, so that it tells nothing.";
    ForeignValue = 416, "value of another type":
        "A value in `enum` or `const` is not of the `type` beside it, and so is no value at all. Numbers \
         and booleans beside `type: string` are taken for the text that they are written as: quotes are \
         missing. Where no value is of the type, `type` is left out.";
    DeepTypes = 417, "deeply nested types":
        "To see whether threads may share a message rustc looks 128 steps into it: a type is one, an \
         `Option` around it one more, a list or a map three more. Types that hold each other in a long \
         chain are deeper, or so deep that futures around them are. Where they are, any JSON stands for the \
         next type, which is not checked as part of the message; the type is there to be read from it. \
         `Config::deep_types` has all of it read at once: then the warning says which \
         `#![recursion_limit]` the crate that includes the code needs.";
    OutOfRange = 418, "number out of range":
        "A number is larger than any 64-bit float, which JSON's numbers are read into, or so near to zero \
         that it is taken for that, or none of JSON's, such as `.inf`: no message can have it. Or it is a \
         limit that no value keeps to. It is only warned of in examples.";
    UnknownDiscriminator = 419, "discriminator that no alternative declares":
        "A `discriminator` names a member that is none of the `properties` of any of the alternatives, so \
         that no message has it. They are told apart by what else they declare.";
    LoneDiscriminator = 420, "discriminator without alternatives":
        "A `discriminator` stands beside neither `oneOf` nor `anyOf`, no other schema inherits from this one by \
         `allOf`, and it names a member that the schema does not declare: there is nothing to tell apart. List \
         the alternatives in `oneOf`, have them join this schema, or leave it out.";
    UnknownFormat = 421, "unknown format":
        "A `format` has no meaning, but looks very much like one that has. Unknown formats have no effect.";

    // Examples and defaults.
    InvalidExample = 501, "example that is not of its schema":
        "An example breaks a rule of its own schema: what it shows would be refused. Or the schema is \
         not what is meant.";
    InvalidDefault = 502, "default that is not of its schema":
        "A default breaks a rule of its own schema, so that what it stands for would be refused.";

    // What the build script asks for.
    InvalidOption = 801, "invalid option":
        "An option that the build script sets is not what it has to be.";
    NoSuchOperation = 802, "no such operation":
        "The build script asks for an operation that the document does not have.";
    UnknownCode = 803, "unknown code":
        "The build script allows or denies a code that no diagnostic has.";
    UnusedOption = 804, "unused option":
        "The build script says something of a type or a schema that is not there. Where it compiles \
         several documents, it is in none of them.";

    // Limits.
    TooLong = 901, "too long":
        "The file is longer than a document can be.";
    TooDeep = 902, "too deeply nested":
        "Values are nested too deeply.";
    TooLarge = 903, "too large":
        "With aliases and references followed, the document is larger than any that is meant.";
    TooManyMistakes = 904, "too many mistakes":
        "There are more mistakes than are shown.";
}

impl Code {
    /// The code whose text is most like this one.
    fn nearest(text: &str) -> Option<Self> {
        let codes: Vec<String> = Self::ALL.iter().map(Self::to_string).collect();
        let text = text.to_uppercase();
        let found = nearest(&text, codes.iter().map(String::as_str), |_| true)?;
        found.parse().ok()
    }
}

impl FromStr for Code {
    type Err = UnknownCode;

    /// From `SW0104`, in capitals or not.
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let mut codes = Self::ALL.iter();
        let found = codes.find(|code| code.to_string().eq_ignore_ascii_case(text));
        found.copied().ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

/// What is no [`Code`].
///
/// ```
/// let unknown = "SW010".parse::<specwire_codegen::Code>().unwrap_err();
/// assert_eq!(unknown.to_string(), "there is no code `SW010`: did you mean `SW0010`?");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownCode(String);

impl UnknownCode {
    pub(super) fn message(&self) -> String {
        format!("there is no code {}", quote(&self.0))
    }

    /// The code that was most likely meant.
    pub(super) fn meant(&self) -> Option<String> {
        Code::nearest(&self.0).map(|code| code.to_string())
    }
}

impl fmt::Display for UnknownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())?;
        match self.meant() {
            Some(meant) => write!(f, ": did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownCode {}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The discriminant is the number: the enum says so.
        write!(f, "SW{:04}", *self as u16)
    }
}
