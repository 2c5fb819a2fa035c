//! What a build script may set.

use std::path::PathBuf;

use crate::diagnostic::Level;
use crate::options::{OpenEnums, Options, Perspective, Selector, Sides};

/// How documents are compiled, where the defaults do not fit.
///
/// ```no_run
/// use specwire_codegen::{Config, Perspective};
///
/// fn main() -> specwire_codegen::Result<()> {
///     Config::new().perspective(Perspective::Consumer).compile("yaml/Chat.yaml")
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Config {
    pub(super) options: Options,
    pub(super) out_dir: Option<PathBuf>,
}

impl Config {
    /// The defaults: those of [`compile`](crate::compile).
    pub fn new() -> Self {
        Self::default()
    }

    /// Says which end the documents describe.
    ///
    /// By default it is inferred from each document: one that `send`s something and has a `reply`
    /// to it, or mostly sends what is called a request and receives what is called a response,
    /// describes the consumer, any other the provider.
    ///
    /// ```
    /// use specwire_codegen::api::Pattern;
    /// use specwire_codegen::{Config, Perspective};
    ///
    /// let text = "
    /// asyncapi: 3.0.0
    /// info: {title: Lamp, version: 1.0.0}
    /// channels: {lamp: {address: lamp, messages: {switch: {payload: {type: boolean}}}}}
    /// operations: {switch: {action: send, channel: {$ref: '#/channels/lamp'}}}
    /// ";
    /// let lamp = Config::new().perspective(Perspective::Consumer).generate("Lamp.yaml", text)?;
    /// assert!(matches!(lamp.api.interactions[0].pattern, Pattern::Send { .. }));
    /// # Ok::<(), specwire_codegen::Diagnostics>(())
    /// ```
    pub fn perspective(mut self, perspective: Perspective) -> Self {
        self.options.perspective = Some(perspective);
        self
    }

    /// Sets the folder that generated code is written to; by default `$OUT_DIR`.
    ///
    /// ```no_run
    /// specwire_codegen::Config::new().out_dir("src/generated").compile("yaml")?;
    /// # Ok::<(), specwire_codegen::Error>(())
    /// ```
    pub fn out_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(folder.into());
        self
    }

    /// Names the module, which is otherwise named after the document's file. It is also what
    /// servers offer the document under. Only where one document is compiled.
    ///
    /// ```no_run
    /// // Writes `$OUT_DIR/chat.rs`, for `specwire::include_api!("chat")`.
    /// specwire_codegen::Config::new().module("chat").compile("yaml/asyncapi.yaml")?;
    /// # Ok::<(), specwire_codegen::Error>(())
    /// ```
    pub fn module(mut self, name: impl Into<String>) -> Self {
        self.options.module = Some(name.into());
        self
    }

    /// Names the module of the types that several documents share: `shared` unless it is set.
    ///
    /// Where documents that are compiled together, as a folder or by a pattern, refer to the same
    /// schemas of a file, each of these is one type, in this module. The others have it from there,
    /// by `super`: it is to stand beside them, or to be brought there.
    ///
    /// ```ignore
    /// mod heartbeat { specwire::include_api!("heartbeat"); }
    /// mod apps { specwire::include_api!("apps"); }
    /// mod shared { specwire::include_api!("shared"); }
    /// ```
    ///
    /// Documents that are compiled one by one have types of their own.
    ///
    /// ```no_run
    /// specwire_codegen::Config::new().shared_module("telemetry").compile("yaml")?;
    /// # Ok::<(), specwire_codegen::Error>(())
    /// ```
    pub fn shared_module(mut self, name: impl Into<String>) -> Self {
        self.options.shared_module = Some(name.into());
        self
    }

    /// Derives one more trait for a type, which is called by its name in Rust; `*` is every type of
    /// a schema, a message or the parameters of a channel.
    ///
    /// Generated code derives `Clone`, `Debug`, `PartialEq` and serde's traits for all types, and
    /// `Copy`, `Default`, `Eq` and `Hash` for those that can have them. None is derived twice, and of
    /// these `*` adds nothing; a type that holds one of the user's own can be given them by name.
    ///
    /// A name that no type has is a warning, with the one that was probably meant.
    ///
    /// ```no_run
    /// specwire_codegen::Config::new()
    ///     .derive("*", "PartialOrd")
    ///     .derive("Position", "bytemuck::Zeroable")
    ///     .compile("yaml/Robot.yaml")?;
    /// # Ok::<(), specwire_codegen::Error>(())
    /// ```
    pub fn derive(mut self, ty: &str, derive: impl Into<String>) -> Self {
        self.options
            .derives
            .push((Selector::new(ty), derive.into()));
        self
    }

    /// Gives a type an attribute. The type is called as for [`derive`](Self::derive).
    ///
    /// ```no_run
    /// specwire_codegen::Config::new()
    ///     .attribute("Position", "#[non_exhaustive]")
    ///     .compile("yaml/Robot.yaml")?;
    /// # Ok::<(), specwire_codegen::Error>(())
    /// ```
    pub fn attribute(mut self, ty: &str, attribute: impl Into<String>) -> Self {
        self.options
            .attributes
            .push((Selector::new(ty), attribute.into()));
        self
    }

    /// Uses a type of one's own in place of the one that a schema would become. The schema is given
    /// by its key in `components.schemas`, or by its JSON pointer; one in another file by that file's
    /// path with the pointer behind a `#`, or by the name under which it is defined there. A
    /// schema may also ask for a type itself, with `x-rust-type`.
    ///
    /// The type has to be `Clone`, `Debug`, `PartialEq`, `Send`, `Sync` and readable and writable by
    /// serde. Rules of the schema are not checked. A schema that no message has is a warning.
    ///
    /// ```no_run
    /// specwire_codegen::Config::new()
    ///     .substitute("Money", "::rust_decimal::Decimal")
    ///     .substitute("/components/messages/quote/payload", "crate::Quote")
    ///     .compile("yaml/Trading.yaml")?;
    /// # Ok::<(), specwire_codegen::Error>(())
    /// ```
    pub fn substitute(mut self, schema: impl Into<String>, ty: impl Into<String>) -> Self {
        self.options.substitutes.push((schema.into(), ty.into()));
        self
    }

    /// Uses a type of one's own for strings of a `format`, if there are any. What a type has to be
    /// is said at [`substitute`](Self::substitute).
    ///
    /// ```no_run
    /// specwire_codegen::Config::new()
    ///     .format("date-time", "::jiff::Timestamp")
    ///     .compile("yaml/Trading.yaml")?;
    /// # Ok::<(), specwire_codegen::Error>(())
    /// ```
    pub fn format(mut self, format: impl Into<String>, ty: impl Into<String>) -> Self {
        self.options.formats.push((format.into(), ty.into()));
        self
    }

    /// Generates these operations only, by their keys in the document, and what they need.
    ///
    /// ```
    /// let text = "
    /// asyncapi: 3.0.0
    /// info: {title: Lamp, version: 1.0.0}
    /// channels: {lamp: {address: lamp, messages: {switch: {payload: {type: boolean}}}}}
    /// operations:
    ///   switch: {action: receive, channel: {$ref: '#/channels/lamp'}}
    ///   watch: {action: send, channel: {$ref: '#/channels/lamp'}}
    /// ";
    /// let lamp = specwire_codegen::Config::new().operations(["switch"]).generate("Lamp.yaml", text)?;
    /// assert_eq!(lamp.api.interactions.len(), 1);
    /// # Ok::<(), specwire_codegen::Diagnostics>(())
    /// ```
    pub fn operations<S: Into<String>>(mut self, keys: impl IntoIterator<Item = S>) -> Self {
        self.options.operations = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// Generates one end only.
    ///
    /// ```
    /// use specwire_codegen::{Config, Sides};
    ///
    /// let text = "
    /// asyncapi: 3.0.0
    /// info: {title: Lamp, version: 1.0.0}
    /// channels: {lamp: {address: lamp, messages: {switch: {payload: {type: boolean}}}}}
    /// operations: {switch: {action: receive, channel: {$ref: '#/channels/lamp'}}}
    /// ";
    /// let lamp = Config::new().sides(Sides::Consumer).generate("Lamp.yaml", text)?;
    /// assert!(lamp.code.contains("pub struct Client"));
    /// assert!(!lamp.code.contains("pub trait Service"));
    /// # Ok::<(), specwire_codegen::Diagnostics>(())
    /// ```
    pub fn sides(mut self, sides: Sides) -> Self {
        self.options.sides = sides;
        self
    }

    /// Gives optional members that have a `default` the plain type instead of an [`Option`]: a member
    /// that is not there is read as its default, which `Default` and `new` give it too.
    ///
    /// Members keep their [`Option`] where they may be `null`, and where the default is an object or
    /// a list with something in it.
    ///
    /// ```no_run
    /// specwire_codegen::Config::new().plain_defaults(true).compile("yaml/Robot.yaml")?;
    /// # Ok::<(), specwire_codegen::Error>(())
    /// ```
    pub fn plain_defaults(mut self, plain: bool) -> Self {
        self.options.plain_defaults = plain;
        self
    }

    /// Says which enums have a branch for values that the document does not list.
    ///
    /// ```no_run
    /// use specwire_codegen::{Config, OpenEnums};
    ///
    /// Config::new().open_enums(OpenEnums::Never).compile("yaml/Robot.yaml")?;
    /// # Ok::<(), specwire_codegen::Error>(())
    /// ```
    pub fn open_enums(mut self, open: OpenEnums) -> Self {
        self.options.open_enums = open;
        self
    }

    /// Has types hold each other as deeply as the document has them. Otherwise a member is any JSON
    /// where rustc would give up looking for what a message consists of, as SW0417 warns: what it
    /// holds is not checked then, and its type can be read from it.
    ///
    /// The crate that includes the code needs `#![recursion_limit]` for deeper ones, as that warning
    /// then says.
    ///
    /// ```no_run
    /// specwire_codegen::Config::new().deep_types(true).compile("yaml/Robot.yaml")?;
    /// # Ok::<(), specwire_codegen::Error>(())
    /// ```
    pub fn deep_types(mut self, deep: bool) -> Self {
        self.options.deep_types = deep;
        self
    }

    /// Says which file stands for a URL that documents refer to, or which folder for all that begin
    /// with it; of several that fit, the longest counts. Nothing is ever fetched.
    ///
    /// ```no_run
    /// specwire_codegen::Config::new()
    ///     .map_url("https://example.com/schemas/", "yaml/schemas")
    ///     .map_url("https://example.com/schemas/money.json", "yaml/Money.json")
    ///     .compile("yaml/Trading.yaml")?;
    /// # Ok::<(), specwire_codegen::Error>(())
    /// ```
    pub fn map_url(mut self, url: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.options.urls.push((url.into(), path.into()));
        self
    }

    /// Turns the warnings of a code off; an error stays one. `docs/diagnostics.md` lists the codes.
    ///
    /// ```
    /// use specwire_codegen::Config;
    ///
    /// let text = "{asyncapi: 3.0.0, info: {title: Lamp, version: 1.0.0}}";
    /// assert_eq!(Config::new().generate("Lamp.yaml", text)?.warnings.len(), 1);
    /// assert!(Config::new().allow("SW0316").generate("Lamp.yaml", text)?.warnings.is_empty());
    /// # Ok::<(), specwire_codegen::Diagnostics>(())
    /// ```
    pub fn allow(mut self, code: &str) -> Self {
        self.options.levels.set(code, Level::Allow);
        self
    }

    /// Makes the warnings of a code errors.
    ///
    /// ```
    /// use specwire_codegen::{Code, Config};
    ///
    /// let text = "{asyncapi: 3.0.0, info: {title: Lamp, version: 1.0.0}}";
    /// let mistakes = Config::new().deny("SW0316").generate("Lamp.yaml", text).unwrap_err();
    /// assert_eq!(mistakes.iter().next().map(|mistake| mistake.code()), Some(Code::NoOperations));
    /// ```
    pub fn deny(mut self, code: &str) -> Self {
        self.options.levels.set(code, Level::Deny);
        self
    }

    /// Makes all warnings errors, but for those of codes that are [allowed](Self::allow).
    ///
    /// ```
    /// use specwire_codegen::Config;
    ///
    /// let text = "{asyncapi: 3.0.0, info: {title: Lamp, version: 1.0.0}}";
    /// assert!(Config::new().deny_warnings().generate("Lamp.yaml", text).is_err());
    /// assert!(Config::new().deny_warnings().allow("SW0316").generate("Lamp.yaml", text).is_ok());
    /// ```
    pub fn deny_warnings(mut self) -> Self {
        self.options.levels.deny_all();
        self
    }
}
