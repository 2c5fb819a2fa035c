//! How long it takes to generate the nine published CCSDS documents, and to compile the result:
//!
//! ```text
//! npm ci --ignore-scripts --prefix codegen/benches/modelina
//! cargo bench -p specwire-codegen
//! ```
//!
//! Beside it is Modelina, which writes Rust types (and no service or client) from the same
//! documents. It is left out where the first command has not been run. The figures are written up
//! in `docs/performance.md`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How often all documents are generated.
const ROUNDS: usize = 20;

fn main() -> Result<()> {
    let documents = documents()?;
    if documents.is_empty() {
        println!(
            "NOTHING IS MEASURED: the CCSDS documents are not in {}",
            folder().display()
        );
        return Ok(());
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    // So the bench asks itself, compiled otherwise.
    if let [command, rounds] = arguments.as_slice()
        && command == "rounds"
    {
        for _ in 0..rounds.parse()? {
            println!("{}", generate(&documents)?.0.as_nanos());
        }
        return Ok(());
    }

    let (_, lines, messages) = generate(&documents)?;
    let sources: usize = documents.iter().map(|(_, text)| text.lines().count()).sum();
    println!(
        "{} documents of {sources} lines and {messages} messages\n",
        documents.len()
    );

    let optimised = rounds(Command::new(env::current_exe()?))?;
    let mut unoptimised = Command::new(env!("CARGO"));
    unoptimised.args([
        "test",
        "--quiet",
        "--package",
        "specwire-codegen",
        "--bench",
        "generate",
        "--",
    ]);
    let unoptimised = rounds(unoptimised)?;
    println!("generated                            first      best");
    let show = |who: &str, times: &Times| {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        println!(
            "  {who:30} {:8.1} ms {:6.1} ms",
            milliseconds(times.first),
            milliseconds(times.best)
        );
    };
    show("specwire, not optimised", &unoptimised);
    show("specwire, optimised", &optimised);
    match modelina(&documents)? {
        Some(modelina) => {
            show("Modelina, Rust types only", &modelina.times);
            println!(
                "  Modelina is loaded in {:.0} ms besides, and node in {:.0} ms",
                modelina.loaded, modelina.node
            );
            let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
            println!(
                "  ratio to specwire, not optimised {:6.1}    {:6.1}",
                ratio(modelina.times.first, unoptimised.first),
                ratio(modelina.times.best, unoptimised.best),
            );
        }
        None => println!(
            "  Modelina is left out: it needs node, and `npm ci --ignore-scripts --prefix codegen/benches/modelina`"
        ),
    }

    let compiled = compile()?.as_secs_f64();
    let messages = messages as f64;
    println!(
        "\ncode: {lines} lines, {:.1} a message",
        lines as f64 / messages
    );
    println!(
        "compiled (debug, one crate) in {compiled:.1} s, {:.0} ms a message",
        1000.0 * compiled / messages
    );
    Ok(())
}

/// Each document's name and text.
type Documents = Vec<(String, String)>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/specs/valid/tanagraspace__ccsds-mo-to-asyncapi")
}

fn documents() -> Result<Documents> {
    let mut documents = Vec::new();
    let mut folders = vec![folder()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                documents.push((path.display().to_string(), fs::read_to_string(&path)?));
            }
        }
    }
    documents.sort();
    Ok(documents)
}

/// Generates each document, and returns the time with how many lines and messages there were.
fn generate(documents: &Documents) -> Result<(Duration, usize, usize)> {
    let started = Instant::now();
    let generated = documents
        .iter()
        .map(|(file, text)| specwire_codegen::generate(file, text));
    let generated = generated.collect::<std::result::Result<Vec<_>, _>>()?;
    let took = started.elapsed();
    let lines = generated
        .iter()
        .map(|generated| generated.code.lines().count())
        .sum();
    let messages = generated
        .iter()
        .map(|generated| generated.api.messages.len())
        .sum();
    Ok((took, lines, messages))
}

/// A build script has only the first round.
struct Times {
    first: Duration,
    best: Duration,
}

impl Times {
    fn new(rounds: &[Duration]) -> Result<Self> {
        let first = *rounds.first().ok_or("nothing was measured")?;
        let best = rounds.iter().copied().min().unwrap_or(first);
        Ok(Self { first, best })
    }
}

/// Has another process, compiled as it may be, generate.
fn rounds(mut process: Command) -> Result<Times> {
    let output = process.args(["rounds", &ROUNDS.to_string()]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let lines = String::from_utf8(output.stdout)?;
    let times = lines
        .lines()
        .map(|line| Ok(Duration::from_nanos(line.parse()?)));
    Times::new(&times.collect::<Result<Vec<_>>>()?)
}

struct Modelina {
    times: Times,
    /// Milliseconds to load it.
    loaded: f64,
    /// Milliseconds that node takes to start and end.
    node: f64,
}

fn modelina(documents: &Documents) -> Result<Option<Modelina>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/modelina");
    let started = Instant::now();
    let starts = Command::new("node").args(["--eval", "0"]).status();
    let node = started.elapsed().as_secs_f64() * 1000.0;
    if !starts.is_ok_and(|status| status.success()) || !folder.join("node_modules").is_dir() {
        return Ok(None);
    }
    let output = Command::new("node")
        .current_dir(&folder)
        .args(["bench.mjs", "5"])
        .args(documents.iter().map(|(file, _)| file))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let result: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let times = result.get("times").and_then(|times| times.as_array());
    let times = times.into_iter().flatten();
    let times: Vec<_> = times
        .filter_map(serde_json::Value::as_f64)
        .map(|milliseconds| Duration::from_secs_f64(milliseconds / 1000.0))
        .collect();
    let loaded = result.get("loaded").and_then(|loaded| loaded.as_f64());
    Ok(Some(Modelina {
        times: Times::new(&times)?,
        loaded: loaded.unwrap_or_default(),
        node,
    }))
}

/// How long rustc takes for the crate of the nine modules.
fn compile() -> Result<Duration> {
    let build = |configuration: &str| -> Result<Duration> {
        let started = Instant::now();
        let output = Command::new(env!("CARGO"))
            .args([
                "rustc",
                "--quiet",
                "--package",
                "specwire-ccsds",
                "--lib",
                "--",
                "--cfg",
                configuration,
            ])
            .env("CARGO_INCREMENTAL", "0")
            .output()?;
        if output.status.success() {
            Ok(started.elapsed())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into())
        }
    };
    // First what it depends on. A `cfg` that nothing asks for makes Cargo compile it again.
    build("measured_0")?;
    let nothing = build("measured_0")?;
    let mut best = Duration::MAX;
    for round in 1..=3 {
        let measured = format!("measured_{round}_{}", std::process::id());
        best = best.min(build(&measured)?.saturating_sub(nothing));
    }
    Ok(best)
}
