//! `specwire`: checks documents, explains what is wrong with them, and shows what they become.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use specwire_codegen::{Code, Config, Diagnostic, Generated, Severity};

/// Checks AsyncAPI 3 documents, and shows what they become in Rust.
#[derive(Debug, Parser)]
#[command(name = "specwire", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows what is wrong with documents; the exit code is 1 if any has an error
    Check {
        /// Documents, folders of them, or patterns such as 'yaml/**/*.yaml'
        #[arg(required = true, value_name = "PATH")]
        files: Vec<PathBuf>,

        /// Write one line of JSON for each mistake to standard output
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        options: Options,
    },
    /// Writes the Rust code that a document becomes
    Generate {
        /// Document
        file: PathBuf,

        /// File to write to; standard output if there is none
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,

        #[command(flatten)]
        options: Options,
    },
    /// Says what a code means
    Explain {
        /// Code, such as SW0201
        code: Code,
    },
    /// Prints the interactions, messages and types that were found in a document
    Model {
        /// Document
        file: PathBuf,

        #[command(flatten)]
        options: Options,
    },
}

#[derive(Debug, Args)]
struct Options {
    /// End that the document describes; inferred if not given
    #[arg(long, value_name = "END")]
    perspective: Option<Perspective>,

    /// File or folder that stands for a URL, or for all that begin with it
    #[arg(long, value_name = "URL=PATH", value_parser = url_map)]
    map_url: Vec<(String, PathBuf)>,

    /// Leave out the warnings of this code
    #[arg(long, value_name = "CODE")]
    allow: Vec<Code>,

    /// Take the warnings of this code for errors
    #[arg(long, value_name = "CODE")]
    deny: Vec<Code>,

    /// Take all warnings for errors
    #[arg(long)]
    deny_warnings: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Perspective {
    Consumer,
    Provider,
}

impl Options {
    fn config(&self) -> Config {
        let mut config = Config::new();
        match self.perspective {
            Some(Perspective::Consumer) => {
                config = config.perspective(specwire_codegen::Perspective::Consumer);
            }
            Some(Perspective::Provider) => {
                config = config.perspective(specwire_codegen::Perspective::Provider);
            }
            None => {}
        }
        for (url, path) in &self.map_url {
            config = config.map_url(url, path);
        }
        for code in &self.deny {
            config = config.deny(&code.to_string());
        }
        for code in &self.allow {
            config = config.allow(&code.to_string());
        }
        if self.deny_warnings {
            config = config.deny_warnings();
        }
        config
    }
}

fn url_map(text: &str) -> Result<(String, PathBuf), String> {
    match text.rsplit_once('=') {
        Some((url, path)) if !url.is_empty() && !path.is_empty() => {
            Ok((url.to_owned(), path.into()))
        }
        _ => Err("a URL, `=` and a path are expected".to_owned()),
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    match run(&arguments.command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is well.
fn run(command: &Command) -> io::Result<bool> {
    match command {
        Command::Check {
            files,
            json,
            options,
        } => check(files, *json, &options.config()),
        Command::Generate {
            file,
            output,
            options,
        } => {
            let Some(generated) = generate(file, &options.config())? else {
                return Ok(false);
            };
            match output {
                Some(path) => std::fs::write(path, &generated.code).map_err(|error| {
                    let message = format!("cannot write `{}`: {error}", path.display());
                    io::Error::other(message)
                })?,
                None => io::stdout().write_all(generated.code.as_bytes())?,
            }
            Ok(true)
        }
        Command::Explain { code } => {
            let (name, explanation) = (code.name(), code.explanation());
            writeln!(io::stdout(), "{code}: {name}\n\n{explanation}")?;
            Ok(true)
        }
        Command::Model { file, options } => {
            let Some(generated) = generate(file, &options.config())? else {
                return Ok(false);
            };
            writeln!(io::stdout(), "{:#?}", generated.api)?;
            Ok(true)
        }
    }
}

fn check(files: &[PathBuf], json: bool, config: &Config) -> io::Result<bool> {
    let (mut errors, mut warnings) = (0_usize, 0_usize);
    for file in files {
        let found = config.check(file);
        for diagnostic in &found {
            let count = match diagnostic.severity() {
                Severity::Error => &mut errors,
                Severity::Warning => &mut warnings,
            };
            *count = count.saturating_add(1);
        }
        if json {
            let lines: String = found.iter().map(|found| found.to_json() + "\n").collect();
            io::stdout().write_all(lines.as_bytes())?;
        } else {
            show(&found)?;
        }
    }
    if !json && (errors, warnings) != (0, 0) {
        let errors = count(errors, "error");
        let warnings = count(warnings, "warning");
        writeln!(io::stderr(), "found {errors} and {warnings}")?;
    }
    Ok(errors == 0)
}

fn count(number: usize, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    }
}

/// What a document becomes, if it becomes anything; what is wrong is shown.
fn generate(file: &Path, config: &Config) -> io::Result<Option<Generated>> {
    match config.generate_file(file) {
        Ok(generated) => {
            show(&generated.warnings)?;
            Ok(Some(generated))
        }
        Err(mistakes) => {
            show(&mistakes)?;
            Ok(None)
        }
    }
}

fn show<'d>(diagnostics: impl IntoIterator<Item = &'d Diagnostic>) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    diagnostics
        .into_iter()
        .try_for_each(|diagnostic| writeln!(stderr, "{}\n", diagnostic.render()))
}

/// Help and version are what was asked for; anything else is one line.
fn refuse(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        print!("{error}");
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let line = match error.kind() {
        // This is the whole help.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "error: a command is missing: `specwire --help` lists them".to_owned()
        }
        _ => {
            let lines = text.lines().map(str::trim);
            let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
            lines.join(" ")
        }
    };
    eprintln!("{line}");
    ExitCode::from(2)
}
