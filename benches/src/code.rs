//! What rustc takes for generated code: CPU seconds for the nine CCSDS documents, beside those for structs
//! that never change, so that the machine does not count and the compiler hardly does.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use crate::report::spread;
use crate::usage::Usage;

/// In percent: what a ratio may differ by from one run to the next.
const TOLERANCE: f64 = 15.0;

/// What is compiled, as Cargo is told.
const PACKAGE: [&str; 2] = ["--package", "specwire-ccsds"];
const DOCUMENTS: &[&str] = &["--lib"];
const REFERENCE: &[&str] = &["--example", "reference"];

fn written_down() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("code.json")
}

/// Compiles both in turn, so many times; fails if the ratio is above the one that is written down.
pub(crate) fn run(rounds: usize, update: bool) -> Result<(), String> {
    let (lines, messages) = generated()?;
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let target = program
        .ancestors()
        .nth(2)
        .ok_or("this program is nowhere")?;
    let target = target.join("code");
    // What both need, which is compiled once.
    for part in [DOCUMENTS, REFERENCE] {
        compile(part, "first", &target)?;
    }
    let [mut documents, mut reference, mut ratios] = [const { Vec::new() }; 3];
    for round in 1..=rounds.max(1) {
        eprintln!("round {round} of {}", rounds.max(1));
        let [ours, theirs] = [DOCUMENTS, REFERENCE].map(|part| {
            let nonce = format!("{}_{round}", process::id());
            let all = compile(part, &nonce, &target)?;
            // Cargo itself, with nothing to compile.
            Ok::<f64, String>(all - compile(part, &nonce, &target)?)
        });
        let (ours, theirs) = (ours?, theirs?);
        documents.push(ours);
        reference.push(theirs);
        ratios.push(ours / theirs);
    }
    let [[ours, ..], [theirs, ..], [ratio, least, most]] =
        [documents, reference, ratios].map(spread);
    let each = |whole: f64| whole / messages as f64;
    println!("| | lines | CPU s of rustc |\n|---|---|---|");
    println!("| nine documents | {lines} | {ours:.1} |");
    println!(
        "| each of {messages} messages | {:.0} | {:.3} |",
        each(lines as f64),
        each(ours)
    );
    println!("| structs that never change | | {theirs:.1} |");
    println!("| documents : structs | | {ratio:.2} ({least:.2} to {most:.2}) |");
    println!(
        "\nMedian of {} rounds, with the least and the most.",
        rounds.max(1)
    );
    if update {
        let text = format!("{{ \"documents : structs\": {ratio:.2} }}\n");
        return fs::write(written_down(), text).map_err(|error| error.to_string());
    }
    let text = fs::read(written_down()).map_err(|error| error.to_string())?;
    let known: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    let known = known
        .get("documents : structs")
        .and_then(serde_json::Value::as_f64);
    let known = known.ok_or("there is no ratio in code.json")?;
    let change = 100.0 * (ratio / known - 1.0);
    println!("Written down is {known:.2}: {change:+.1} %.");
    if change <= TOLERANCE {
        return Ok(());
    }
    Err(format!(
        "generated code takes rustc {change:.1} % more than is written down, where {TOLERANCE} % are \
         allowed; `code --update` writes down what must be"
    ))
}

/// Has Cargo compile one of them, once for each nonce, in a debug build. Returns the CPU seconds of all.
fn compile(part: &[&str], nonce: &str, target: &Path) -> Result<f64, String> {
    let before = Usage::of_children();
    let status = Command::new("cargo")
        .args(["rustc", "--locked", "--quiet"])
        .args(PACKAGE)
        .args(part)
        .args(["--", "--cfg", &format!("round_{nonce}")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_INCREMENTAL", "0")
        // What somebody has set for his own work.
        .env_remove("CARGO_PROFILE_DEV_DEBUG")
        .env_remove("RUSTFLAGS")
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(Usage::of_children() - before),
        Ok(status) => Err(format!(
            "`cargo rustc {}` ended with {status}",
            part.join(" ")
        )),
        Err(error) => Err(format!("there is no `cargo` here: {error}")),
    }
}

/// Lines and messages of what is generated.
fn generated() -> Result<(usize, usize), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/specs/valid/tanagraspace__ccsds-mo-to-asyncapi");
    let (mut lines, mut messages) = (0, 0);
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .map_err(|error| format!("there are no documents in {}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
                let generated = specwire_codegen::generate("Document.yaml", &text)
                    .map_err(|mistakes| mistakes.to_string())?;
                lines += generated.code.lines().count();
                messages += generated.api.messages.len();
            }
        }
    }
    Ok((lines, messages))
}
