//! Reads [AsyncAPI](https://www.asyncapi.com) 3 documents and writes typed Rust: messages, a
//! service trait and a client for each document.
//!
//! Meant for build scripts:
//!
//! ```no_run
//! // build.rs
//! fn main() -> specwire_codegen::Result<()> {
//!     specwire_codegen::compile("yaml/Heartbeat.yaml")
//! }
//! ```
//!
//! and then, in the program, `mod heartbeat { specwire::include_api!("heartbeat"); }`.
//!
//! # How it works
//!
//! Data flows one way, and each step is a file:
//!
//! ```text
//! text -> source -> document -> resolve -> lower -> api -> emit -> format -> one .rs file
//!         YAML      AsyncAPI    $ref       meaning  model  tokens
//! ```
//!
//! * Only `source` knows YAML, and only `emit` and `format` know Rust's syntax.
//! * [`api`] is the model: plain data without either, which a person can print and read.
//! * Lowering decides every question of meaning, emission none; so emission cannot fail.
//! * Each phase notes all mistakes that it finds and goes on with the rest, so that one run shows
//!   all that is wrong with a document, in the document's order and each thing once.
//! * [`generate`] touches no file and prints nothing; `script` is the part that does, for
//!   [`compile`].
//! * No document makes it panic, recurse without end or run for long: depth and size are limited,
//!   before aliases and references are followed and after.
//! * What AsyncAPI forbids but documents do is a warning where it is plain what was meant.
//! * What a document asks for and the generated code will not do is an error, or a warning where the
//!   rest works without it; `docs/asyncapi.md` says what becomes of each construct. Examples and
//!   defaults are held to their own schemas.
//! * What no type carries (`minimum`, `pattern`, ...) is checked by the generated code, as messages
//!   come in.

// In reading order; each imports from those above it only.

mod diagnostic;

mod options;

pub mod api;

mod source;

mod document;

mod resolve;

mod name;

mod lower;

mod lint;

mod emit;

mod format;

mod script;

pub use diagnostic::{Code, Diagnostic, Diagnostics, Severity, UnknownCode};
pub use options::{OpenEnums, Perspective, Sides};
pub use script::{Config, Error, Result, compile};

use diagnostic::Errors;
use document::Document;
use lower::{Reached, Shared};
use options::Options;
use source::{Files, Source};

/// What comes out of a document.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Generated {
    /// The name of its module, such as `heartbeat`.
    pub module: String,
    /// The module's contents: a whole, formatted file of Rust.
    pub code: String,
    /// What the code was written from.
    pub api: api::Api,
    /// What the code will not do, though the document asks for it.
    pub warnings: Vec<Diagnostic>,
}

/// Generates the code of one document, without touching any file.
///
/// `file` is the document's name as it is to appear in messages; the module is named after it.
/// Which end the document describes is inferred: see [`Config::perspective`]. A document that refers
/// to other files needs [`Config::generate_with`], or [`compile`].
///
/// # Errors
///
/// All mistakes in the document.
///
/// ```
/// let text = "
/// asyncapi: 3.0.0
/// info: {title: Clock, version: 1.0.0}
/// channels:
///   ticks:
///     address: ticks
///     messages:
///       tick: {payload: {type: object, properties: {at: {type: integer}}}}
/// operations:
///   tick: {action: send, channel: {$ref: '#/channels/ticks'}}
/// ";
/// let clock = specwire_codegen::generate("Clock.yaml", text)?;
/// assert_eq!(clock.module, "clock");
/// assert!(clock.code.contains("pub struct Tick {"));
/// assert_eq!(clock.api.interactions.len(), 1);
/// # Ok::<(), specwire_codegen::Diagnostics>(())
/// ```
pub fn generate(file: &str, text: &str) -> std::result::Result<Generated, Diagnostics> {
    Config::new().generate(file, text)
}

/// The whole road. Without `files` the document may not refer to others.
fn pipeline<'f>(
    file: &str,
    text: &str,
    files: Option<&'f mut (dyn Files + 'f)>,
    options: &'f Options,
) -> std::result::Result<Generated, Diagnostics> {
    let understood = understand(file, text, files, options, &Shared::default())?;
    Ok(understood.write(options))
}

/// A document whose every question of meaning has an answer.
struct Understood {
    api: api::Api,
    /// What other documents may have as well.
    reached: Vec<Reached>,
    warnings: Vec<Diagnostic>,
    /// What the build script asks for in vain, where it may be about another document.
    in_vain: Vec<Diagnostic>,
}

/// The road as far as the model, for a document that has these types in common with others.
fn understand<'f>(
    file: &str,
    text: &str,
    files: Option<&'f mut (dyn Files + 'f)>,
    options: &'f Options,
    shared: &Shared,
) -> std::result::Result<Understood, Diagnostics> {
    let mut errors = Errors::new(&options.levels);
    options.check(file, &mut errors);
    let source = Source::read(file, text, files, options, &mut errors);
    let mut lowered = source.and_then(|mut source| {
        document::gather(&mut source, &mut errors);
        let document = Document::check(&source, &mut errors)?;
        if errors.are_more_than_shown() {
            return None;
        }
        let resolved = resolve::resolve(document, &mut errors);
        if errors.are_more_than_shown() || source.is_patched() && !errors.is_empty() {
            // Beyond this the lines that are not YAML would be missed.
            return None;
        }
        let refuted = lint::lint(&resolved, &mut errors);
        let lowered = lower::lower(file, &resolved, &refuted, options, shared, &mut errors);
        Some(lowered)
    });
    if let Some(lowered) = lowered.as_mut().filter(|_| !options.is_shared) {
        let in_vain = lowered.in_vain.drain(..);
        in_vain.for_each(|mistake| errors.push(mistake));
    }
    let warnings = errors.finish()?;
    let lowered = lowered.expect("a phase that stops has noted an error");
    Ok(Understood {
        api: lowered.api,
        reached: lowered.reached,
        warnings,
        in_vain: lowered.in_vain,
    })
}

impl Understood {
    fn write(self, options: &Options) -> Generated {
        Generated {
            module: self.api.name.clone(),
            code: format::format(emit::emit(&self.api, options), &self.api.file),
            api: self.api,
            warnings: self.warnings,
        }
    }
}
