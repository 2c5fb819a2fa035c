//! The build script's side: finds documents, tells Cargo, and writes files.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, Severity, Text, quote};
use crate::lower::module_name;
use crate::{Generated, pipeline};

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

/// Compiles a document, or all documents (`*.yaml`, `*.yml`, `*.json`) of a folder: for build
/// scripts.
///
/// Writes `$OUT_DIR/<module>.rs` for each document, for `specwire::include_api!` to include. Cargo
/// runs the build script again when a document changes. Mistakes in documents are reported to
/// Cargo, all of them, as errors: it shows them and fails the build after the build script has
/// ended.
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
        pipeline(file, text, &self.options)
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
        let name = path.as_ref().display().to_string();
        match std::fs::read(path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => self.generate(&name, &text),
                Err(error) => Err(not_utf8(&name, &error).into()),
            },
            Err(error) => Err(unreadable(&name, &error).into()),
        }
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
        let (documents, problem) = documents(path);
        tell(cargo, "rerun-if-changed", &path.display().to_string())?;
        if let Some(problem) = problem {
            report(cargo, &problem)?;
        }
        let mut modules: BTreeMap<String, String> = BTreeMap::new();
        for document in documents {
            let name = document.display().to_string();
            if document != path {
                tell(cargo, "rerun-if-changed", &name)?;
            }
            let module = match &self.options.module {
                Some(module) => module.clone(),
                None => module_name(&name),
            };
            if let Some(other) = modules.insert(module.clone(), name.clone()) {
                let message = format!(
                    "the module of this document would be {}, which is that of {} already",
                    quote(&module),
                    quote(&other)
                );
                let diagnostic = Diagnostic::error(Code::SameModule, Place::file(&name), message);
                report(cargo, &diagnostic.with_help("rename one of the files"))?;
                remove(&out_dir, &module)?;
                continue;
            }
            match self.generate_file(&document) {
                Ok(generated) => {
                    for warning in &generated.warnings {
                        report(cargo, warning)?;
                    }
                    write(&out_dir, &module, &generated.code)?;
                }
                Err(diagnostics) => {
                    for diagnostic in &diagnostics {
                        report(cargo, diagnostic)?;
                    }
                    remove(&out_dir, &module)?;
                }
            }
        }
        // A folder that the user has chosen is not ours to keep notes in.
        if path.is_dir() && self.out_dir.is_none() {
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

/// The documents that `path` stands for, sorted, and what is wrong with it.
fn documents(path: &Path) -> (Vec<PathBuf>, Option<Diagnostic>) {
    if !path.is_dir() {
        return (vec![path.to_owned()], None);
    }
    let name = path.display().to_string();
    let entries = std::fs::read_dir(path).and_then(|entries| {
        entries
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<_>>>()
    });
    let mut documents = match entries {
        Ok(entries) => entries,
        Err(error) => return (Vec::new(), Some(unreadable(&name, &error))),
    };
    documents.retain(|path| {
        let extension = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        !path.is_dir() && ["yaml", "yml", "json"].contains(&extension.as_str())
    });
    documents.sort();
    let empty = documents.is_empty().then(|| {
        let message = "this folder holds no document (`*.yaml`, `*.yml` or `*.json`)";
        Diagnostic::error(Code::EmptyFolder, Place::file(&name), message)
    });
    (documents, empty)
}

fn unreadable(name: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::error(
        Code::Unreadable,
        Place::file(name),
        format!("cannot be read: {error}"),
    )
}

/// Points at the first byte that is wrong.
fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Diagnostic {
    let text = String::from_utf8_lossy(error.as_bytes());
    let at = error.utf8_error().valid_up_to();
    let place = Place::new(&Text::new(name, &text), at..at, String::new());
    Diagnostic::error(Code::NotUtf8, place, "the file is not in UTF-8")
        .with_help("save it in UTF-8")
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
mod record;

pub use config::Config;

#[cfg(test)]
mod tests;
