//! The build script's side: finds documents, tells Cargo, and writes files.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Errors, Place, Severity, quote};
use crate::emit::emit_shared;
use crate::format::format;
use crate::lower::{MODULE, Shared, module_name};
use crate::options::Options;
use crate::source::{is_document, not_utf8, slashed};
use crate::{Generated, Understood, pipeline, understand};

/// The result of what a build script asks for.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a build script cannot go on. Mistakes in documents are none of these: they are reported to
/// Cargo, each once, and Cargo then fails the build.
///
/// Its `Debug` output is its message and that of its source, as it is what a `main` that returns it
/// shows.
#[non_exhaustive]
pub enum Error {
    /// The environment variable `OUT_DIR` is not set: this is not a build script, and
    /// [`Config::out_dir`] was not used.
    NoOutDir,
    /// Generated code cannot be written, or that of an earlier run not removed.
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Cargo cannot be told.
    Report(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOutDir => f.write_str(
                "`OUT_DIR` is not set: call this from a build script, or set the folder with `out_dir`",
            ),
            Self::Write { path, .. } => write!(f, "cannot write `{}`", path.display()),
            Self::Report(_) => f.write_str("cannot write to standard output"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::error::Error::source(self) {
            Some(source) => write!(f, "{self}: {source}"),
            None => write!(f, "{self}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoOutDir => None,
            Self::Write { source, .. } | Self::Report(source) => Some(source),
        }
    }
}

/// Compiles a document, all documents (`*.yaml`, `*.yml`, `*.json`) of a folder, or those that fit a
/// pattern such as `yaml/**/*.yaml`: for build scripts.
///
/// Writes `$OUT_DIR/<module>.rs` for each document, for `specwire::include_api!` to include. Files
/// that documents refer to are read as well, and may lie among them; one that does not say `asyncapi`,
/// and that nothing refers to, is left out with a warning.
/// What several of the documents refer to in the same file is one type, in
/// [a module of its own](Config::shared_module).
///
/// Cargo runs the build script again when any of these files changes. Mistakes in documents are
/// reported to Cargo, all of them, as errors: it shows them and fails the build after the build
/// script has ended.
///
/// ```no_run
/// fn main() -> specwire_codegen::Result<()> {
///     specwire_codegen::compile("yaml")
/// }
/// ```
///
/// # Errors
///
/// If there is no `OUT_DIR`, or it cannot be written to.
pub fn compile(path: impl AsRef<Path>) -> Result<()> {
    Config::new().compile(path)
}

impl Config {
    /// Does what [`generate`](crate::generate) does, as configured.
    ///
    /// # Errors
    ///
    /// All mistakes in the document.
    pub fn generate(&self, file: &str, text: &str) -> std::result::Result<Generated, Diagnostics> {
        pipeline(file, text, None, &self.options)
    }

    /// Does what [`generate`](crate::generate) does, as configured, for a document that refers to
    /// other files: `read` is asked for each of them once.
    ///
    /// It is given paths with `/` between their parts. They begin where `file` does: what
    /// `yaml/Chat.yaml` refers to as `../common.yaml` is `common.yaml`.
    ///
    /// ```
    /// let text = "
    /// asyncapi: 3.0.0
    /// info: {title: Clock, version: 1.0.0}
    /// channels: {ticks: {messages: {tick: {payload: {$ref: 'schemas/Tick.json'}}}}}
    /// operations: {tick: {action: send, channel: {$ref: '#/channels/ticks'}}}
    /// ";
    /// let tick = br#"{"type": "object", "properties": {"at": {"type": "integer"}}}"#;
    /// let clock = specwire_codegen::Config::new().generate_with("yaml/Clock.yaml", text, |path| {
    ///     match path {
    ///         "yaml/schemas/Tick.json" => Ok(tick.to_vec()),
    ///         _ => Err(std::io::ErrorKind::NotFound.into()),
    ///     }
    /// })?;
    /// assert!(clock.code.contains("pub struct Tick {"));
    /// # Ok::<(), specwire_codegen::Diagnostics>(())
    /// ```
    ///
    /// # Errors
    ///
    /// All mistakes in the document, and in what is used of the files.
    pub fn generate_with(
        &self,
        file: &str,
        text: &str,
        read: impl FnMut(&str) -> io::Result<Vec<u8>>,
    ) -> std::result::Result<Generated, Diagnostics> {
        pipeline(file, text, Some(&mut files::Given(read)), &self.options)
    }

    /// Reads a document, and does what [`generate`](crate::generate) does, as configured.
    ///
    /// ```no_run
    /// let lamp = specwire_codegen::Config::new().generate_file("yaml/Lamp.yaml")?;
    /// println!("{}", lamp.code);
    /// # Ok::<(), specwire_codegen::Diagnostics>(())
    /// ```
    ///
    /// # Errors
    ///
    /// All mistakes in the document; that it cannot be read is one.
    pub fn generate_file(
        &self,
        path: impl AsRef<Path>,
    ) -> std::result::Result<Generated, Diagnostics> {
        let (name, text) = read(path.as_ref());
        pipeline(
            &name,
            &text?,
            Some(&mut files::Disk::default()),
            &self.options,
        )
    }

    /// What is wrong with the documents that a path stands for: one, those of a folder, or those that fit
    /// a pattern, as for [`compile`]. Each is looked at by itself.
    ///
    /// ```no_run
    /// for mistake in specwire_codegen::Config::new().check("yaml/*.yaml") {
    ///     eprintln!("{}", mistake.render());
    /// }
    /// ```
    pub fn check(&self, path: impl AsRef<Path>) -> Vec<Diagnostic> {
        let found = find::documents(path.as_ref());
        let mut diagnostics: Vec<Diagnostic> = found.problem.into_iter().collect();
        let mut disk = files::Disk::default();
        let is_document = |text: &std::result::Result<String, Diagnostic>| {
            !found.is_several || text.as_deref().is_ok_and(is_document)
        };
        let texts = found.documents.iter().map(|path| read(path));
        let (documents, parts): (Vec<_>, Vec<_>) = texts.partition(|(_, text)| is_document(text));
        let is_alone = documents.is_empty();
        let mut is_generated = true;
        let mut left_out = Errors::new(&self.options.levels);
        for (name, text) in documents.into_iter().chain(parts) {
            let is_part = !is_document(&text);
            if is_part && disk.has_read(&name) {
                continue;
            }
            if is_part && !is_alone && text.is_ok() {
                left_out.push(no_document(&name));
                continue;
            }
            let generated = text
                .map_err(Diagnostics::from)
                .and_then(|text| pipeline(&name, &text, Some(&mut disk), &self.options));
            match generated {
                Ok(generated) => diagnostics.extend(generated.warnings),
                Err(mistakes) => {
                    is_generated = false;
                    diagnostics.extend(mistakes);
                }
            }
        }
        // What documents with mistakes refer to may not be known.
        if is_generated {
            match left_out.finish() {
                Ok(warnings) => diagnostics.extend(warnings),
                Err(mistakes) => diagnostics.extend(mistakes),
            }
        }
        diagnostics
    }

    /// Does what [`compile`] does, as configured.
    ///
    /// # Errors
    ///
    /// If there is no folder to write to, or it cannot be written to.
    pub fn compile(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut cargo = io::stdout().lock();
        self.run(path.as_ref(), &mut cargo)
    }

    fn run(&self, path: &Path, cargo: &mut impl Write) -> Result<()> {
        let out_dir = match &self.out_dir {
            Some(folder) => folder.clone(),
            None => std::env::var_os("OUT_DIR").ok_or(Error::NoOutDir)?.into(),
        };
        let mut told = HashSet::new();
        let mut watch = |cargo: &mut _, path: &str| match told.insert(path.to_owned()) {
            true => tell(cargo, "rerun-if-changed", path),
            false => Ok(()),
        };
        let found = find::documents(path);
        watch(cargo, &found.watched)?;
        if let Some(problem) = found.problem {
            report(cargo, &problem)?;
        }
        if let (Some(module), true) = (&self.options.module, found.documents.len() > 1) {
            let message = format!(
                "found {} documents, expected one to call its module {}",
                found.documents.len(),
                quote(module)
            );
            let diagnostic =
                Diagnostic::error(Code::SameModule, Place::file(&found.watched), message);
            return report(cargo, &diagnostic);
        }
        let mut options = self.options.clone();
        options.is_shared = found.documents.len() > 1;
        let mut disk = files::Disk::default();
        let (documents, parts): (Vec<_>, Vec<_>) = found
            .documents
            .iter()
            .map(|path| read(path))
            // What was asked for by name is a document, whatever it says.
            .partition(|(_, text)| !found.is_several || text.as_deref().is_ok_and(is_document));
        let is_alone = documents.is_empty();
        let mut left_out = Vec::new();
        let mut modules: BTreeMap<String, String> = BTreeMap::new();
        let mut compiled: Vec<Compiled> = Vec::new();
        for (name, text) in documents.into_iter().chain(parts) {
            // By now it is known what the documents refer to.
            let is_document = !found.is_several || text.as_deref().is_ok_and(is_document);
            if !is_document && disk.has_read(&name) {
                continue;
            }
            // Where there is nothing else, it is meant for a document.
            if !is_document && !is_alone && text.is_ok() {
                left_out.push(name);
                continue;
            }
            let module = match &self.options.module {
                Some(module) => module.clone(),
                None => module_name(&name),
            };
            let understood = match modules.get(&module) {
                Some(other) => Err(same_module(&name, &module, other).into()),
                None => match &text {
                    Ok(text) => {
                        understand(&name, text, Some(&mut disk), &options, &Shared::default())
                    }
                    Err(error) => Err(error.clone().into()),
                },
            };
            modules
                .entry(module.clone())
                .or_insert_with(|| name.clone());
            compiled.push(Compiled {
                files: disk.newly_read(),
                text: text.unwrap_or_default(),
                name,
                module,
                understood,
            });
        }
        let shared = share(&mut compiled, &options, &mut disk);
        let is_understood = compiled.iter().all(|one| one.understood.is_ok());
        let mut in_vain = None;
        for document in compiled {
            watch(cargo, &document.name)?;
            for path in document.files {
                watch(cargo, &path)?;
            }
            match document.understood {
                Ok(mut understood) => {
                    for warning in &understood.warnings {
                        report(cargo, warning)?;
                    }
                    in_vain = Some(in_all(in_vain, std::mem::take(&mut understood.in_vain)));
                    let generated = understood.write(&options);
                    write(&out_dir, &document.module, &generated.code)?;
                }
                Err(diagnostics) => {
                    for diagnostic in &diagnostics {
                        report(cargo, diagnostic)?;
                    }
                    remove(&out_dir, &document.module)?;
                    // What options are about may well be in this one.
                    in_vain = Some(Vec::new());
                }
            }
        }
        if let Some((module, code)) = shared {
            match modules.get(&module) {
                Some(document) => report(cargo, &not_for_a_document(document, &module))?,
                None => {
                    write(&out_dir, &module, &code)?;
                    modules.insert(module, String::new());
                }
            }
        }
        let mut errors = Errors::new(&self.options.levels);
        for name in left_out {
            watch(cargo, &name)?;
            // What documents with mistakes refer to may not be known.
            if is_understood {
                errors.push(no_document(&name));
            }
        }
        for mistake in in_vain.unwrap_or_default() {
            errors.push(mistake);
        }
        let left: Vec<Diagnostic> = match errors.finish() {
            Ok(warnings) => warnings,
            Err(mistakes) => mistakes.into_iter().collect(),
        };
        for diagnostic in &left {
            report(cargo, diagnostic)?;
        }
        // A folder that the user has chosen is not ours to keep notes in.
        if found.is_several && self.out_dir.is_none() {
            let written = modules.into_keys().collect();
            let stale = record::replace(&out_dir, path, &written).map_err(|source| {
                let path = record::file(&out_dir);
                Error::Write { path, source }
            })?;
            // The program that still includes it is told now, and not by the next clean build.
            for module in stale {
                remove(&out_dir, &module)?;
            }
        }
        Ok(())
    }
}

/// A document on its way through the build script.
struct Compiled {
    name: String,
    text: String,
    module: String,
    /// What was read on its behalf.
    files: Vec<String>,
    understood: std::result::Result<Understood, Diagnostics>,
}

/// Has documents refer to one definition of what they have in common: the module that holds these,
/// and its code.
fn share(
    compiled: &mut [Compiled],
    options: &Options,
    disk: &mut files::Disk,
) -> Option<(String, String)> {
    let all = compiled
        .iter()
        .filter_map(|one| one.understood.as_ref().ok());
    let all: Vec<_> = all
        .map(|understood| (&understood.api, understood.reached.as_slice()))
        .collect();
    let module = options.shared_module.as_deref().unwrap_or(MODULE);
    let shared = Shared::between(&all, module);
    if shared.is_empty() {
        return None;
    }
    for one in compiled.iter_mut() {
        if let Ok(understood) = &one.understood
            && shared.concerns(&understood.reached)
        {
            one.understood = understand(&one.name, &one.text, Some(&mut *disk), options, &shared);
        }
    }
    let mut apis: Vec<_> = compiled
        .iter_mut()
        .filter_map(|one| Some(&mut one.understood.as_mut().ok()?.api))
        .filter(|api| api.types.iter().any(|definition| definition.is_shared))
        .collect();
    let types = shared.define(&mut apis, options.deep_types);
    let files: Vec<&str> = apis.iter().map(|api| api.file.as_str()).collect();
    let code = format(emit_shared(&types, options), &files.join(", "));
    Some((module.to_owned(), code))
}

fn no_document(name: &str) -> Diagnostic {
    let message = "this is no AsyncAPI document, and none refers to it: it is left out";
    Diagnostic::warning(Code::NoDocument, Place::file(name), message)
        .with_help("begin it with `asyncapi: 3.0.0`, or keep it elsewhere")
}

fn same_module(name: &str, module: &str, other: &str) -> Diagnostic {
    let message = format!(
        "the module of this document would be {}, which is that of {} already",
        quote(module),
        quote(other)
    );
    Diagnostic::error(Code::SameModule, Place::file(name), message)
        .with_help("rename one of the files")
}

fn not_for_a_document(document: &str, module: &str) -> Diagnostic {
    let message = format!(
        "the module of this document would be {}, which holds the types that several documents share",
        quote(module)
    );
    Diagnostic::error(Code::SameModule, Place::file(document), message)
        .with_help("rename the file, or name the other module by `Config::shared_module`")
}

/// What no document has, of what none before `these` had either.
fn in_all(before: Option<Vec<Diagnostic>>, these: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let Some(mut before) = before else {
        return these;
    };
    before.retain(|known| these.iter().any(|other| other.message() == known.message()));
    before
}

/// The name of a file in messages, and its text.
fn read(path: &Path) -> (String, std::result::Result<String, Diagnostic>) {
    let name = slashed(path);
    let text = match files::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| not_utf8(0, &name, &error)),
        Err(error) => Err(unreadable(&name, &error)),
    };
    (name, text)
}

fn unreadable(name: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::error(
        Code::Unreadable,
        Place::file(name),
        format!("cannot be read: {error}"),
    )
}

/// Shows a diagnostic through Cargo, which begins every line with the severity: in one line what
/// is wrong and where, and then the place.
fn report(cargo: &mut impl Write, diagnostic: &Diagnostic) -> Result<()> {
    let key = match diagnostic.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    tell(cargo, key, &diagnostic.brief())?;
    let text = diagnostic.render();
    // The first two lines say again what is wrong and where.
    text.lines()
        .skip(2)
        .try_for_each(|line| tell(cargo, key, line))
}

fn tell(cargo: &mut impl Write, key: &str, value: &str) -> Result<()> {
    writeln!(cargo, "cargo::{key}={value}").map_err(Error::Report)
}

/// Writes a module, unless it is there already: its age decides what Cargo builds again.
fn write(folder: &Path, module: &str, code: &str) -> Result<()> {
    let path = folder.join(format!("{module}.rs"));
    if std::fs::read_to_string(&path).is_ok_and(|present| present == code) {
        return Ok(());
    }
    std::fs::write(&path, code).map_err(|source| Error::Write { path, source })
}

/// Removes a module that an earlier run has written.
fn remove(folder: &Path, module: &str) -> Result<()> {
    let path = folder.join(format!("{module}.rs"));
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::Write { path, source })
        }
        _ => Ok(()),
    }
}

mod config;
mod files;
mod find;
mod record;

pub use config::Config;

#[cfg(test)]
mod tests;
