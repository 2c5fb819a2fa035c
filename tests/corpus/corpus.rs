//! Every public document beside this repository: generated, compiled with warnings denied, and its
//! examples read into the types and written back.
//!
//! Takes minutes, and so is run by itself:
//!
//! ```text
//! cargo test -p specwire-corpus -- --ignored --nocapture
//! ```
//!
//! Prints a table, and fails if a document does, unless it contradicts itself: those are listed in
//! [`CONTRADICTORY`]. Any other folder of documents is tested in their place if `DOCUMENTS` names it.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test, which fails by panicking"
)]

mod examples;
mod shards;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use specwire_codegen::{Config, Diagnostics, Generated, Severity};

use examples::Outcome;

/// Documents that contradict themselves: the code of what is said of it, and how it does.
const CONTRADICTORY: &[(&str, &str, &str)] = &[];

/// What stands for the URLs that documents refer to, besides what is listed with the documents.
const REMOTE: &[(&str, &str)] = &[
    ("http://types.example.org", "remote/types.example.org"),
    (
        "https://raw.githubusercontent.com/cloudevents/spec/v1.0.1",
        "remote/cloudevents",
    ),
];

/// How many documents and examples are still wrong; neither may grow.
const STILL_WRONG: (usize, usize) = (0, 0);

/// How long a document may take, where the generator is compiled as in a build script.
const LONGEST: Duration = Duration::from_secs(1);

/// The folder of public documents, which is not part of this repository, or the one that is asked for.
fn specs() -> PathBuf {
    std::env::var_os("DOCUMENTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs"),
        PathBuf::from,
    )
}

/// The list of the documents in a folder: its own, or one of all that say that they are AsyncAPI 3.
fn index(specs: &Path, out: &Path) -> PathBuf {
    let own = specs.join("index.tsv");
    if own.exists() {
        return own;
    }
    let mut documents = Vec::new();
    let mut folders = vec![specs.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| is_document(&text)) {
                let path = path.strip_prefix(specs).expect("it is in the folder");
                documents.push(path.display().to_string());
            }
        }
    }
    documents.sort_unstable();
    let made = out.join("index.tsv");
    std::fs::write(&made, format!("path\n{}\n", documents.join("\n")))
        .expect("the target folder can be written to");
    made
}

/// Whether a file has `asyncapi: 3…` in YAML or JSON.
fn is_document(text: &str) -> bool {
    let quoted = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ':');
    text.match_indices("asyncapi").any(|(at, key)| {
        let rest = text.get(at + key.len()..).unwrap_or_default();
        rest.contains(':') && rest.trim_start_matches(quoted).starts_with("3.")
    })
}

/// What became of a document.
struct Row {
    document: String,
    generated: Result<Generated, String>,
    took: Duration,
    /// The first thing that rustc says against its code.
    compiled: Result<(), String>,
}

#[test]
#[ignore = "takes minutes"]
fn every_public_document() {
    let specs = match specs().canonicalize() {
        Ok(specs) => specs,
        Err(error) => {
            let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
            let path = specs();
            let message = format!(
                "the public documents are not in {}: {error}",
                path.display()
            );
            assert!(!ci, "{message}");
            println!("NOTHING IS TESTED: {message}");
            return;
        }
    };
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus");
    std::fs::create_dir_all(&out).expect("the target folder can be written to");
    let index = index(&specs, &out);

    let started = Instant::now();
    let mut rows = generate(&specs, &index);
    println!("generated in {:.1} s", started.elapsed().as_secs_f64());

    let mut examples = examples::read(&specs, &index, &out);
    let started = Instant::now();
    let program = shards::compile(&out, &mut rows);
    println!("compiled in {:.0} s", started.elapsed().as_secs_f64());

    examples::check(&program, &out, &rows, &mut examples);
    report(&rows, &examples);
}

fn generate(specs: &Path, index: &Path) -> Vec<Row> {
    let index = std::fs::read_to_string(index).expect("the index is there");
    let documents = index
        .lines()
        .skip(1)
        .map(|line| line.split('\t').next().unwrap());
    let config = config(specs);
    documents
        .map(|document| {
            let (generated, took) = timed(&config, specs, document);
            let generated = generated.map_err(|mistakes| {
                let mut errors = mistakes.iter();
                let first = errors.find(|mistake| mistake.severity() == Severity::Error);
                let first = first.map_or_else(String::new, ToString::to_string);
                first.strip_prefix(document).unwrap_or(&first).to_owned()
            });
            Row {
                document: document.to_owned(),
                generated,
                took,
                compiled: Ok(()),
            }
        })
        .collect()
}

/// The defaults, with files for the URLs.
fn config(specs: &Path) -> Config {
    let listed = std::fs::read_to_string(specs.join("remote.tsv")).unwrap_or_default();
    let listed = listed
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'));
    let remote = listed.chain(REMOTE.iter().copied());
    remote.fold(Config::new(), |config, (url, path)| {
        config.map_url(url, path)
    })
}

fn timed(
    config: &Config,
    specs: &Path,
    document: &str,
) -> (Result<Generated, Diagnostics>, Duration) {
    let text = std::fs::read_to_string(specs.join(document)).expect("what is listed is there");
    let (started, begin) = (Instant::now(), time_of_thread());
    let generated = config.generate_with(document, &text, |path| {
        let ours = path.starts_with("remote/");
        let folder = if ours {
            Path::new(env!("CARGO_MANIFEST_DIR"))
        } else {
            specs
        };
        std::fs::read(folder.join(path))
    });
    let took = begin.zip(time_of_thread());
    let took = took.map_or(started.elapsed(), |(begin, end)| end.saturating_sub(begin));
    (generated, took)
}

/// How long this thread has run, where the system tells: whatever else the machine does must not
/// make it fail.
fn time_of_thread() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split(' ')
        .next()?
        .parse()
        .ok()
        .map(Duration::from_nanos)
}

fn report(rows: &[Row], examples: &[examples::Example]) {
    let mut failures = Vec::new();
    for row in rows {
        let document = &row.document;
        let expected = CONTRADICTORY.iter().find(|(path, ..)| path == document);
        match (&row.generated, expected) {
            (Err(mistake), Some((_, code, _))) if mistake.contains(code) => {}
            (Err(mistake), _) => failures.push(format!("{document}\n    refused: {mistake}")),
            (Ok(_), Some((_, code, _))) => {
                failures.push(format!(
                    "{document}\n    is generated, and was to get {code}"
                ));
            }
            (Ok(_), None) => {}
        }
        if let Err(error) = &row.compiled {
            let error = error.trim_end().replace('\n', "\n    ");
            failures.push(format!("{document}\n    {error}"));
        }
        if row.took >= LONGEST {
            failures.push(format!("{document}\n    took {:?}", row.took));
        }
    }

    let generated = rows.iter().filter(|row| row.generated.is_ok()).count();
    let compiled = rows
        .iter()
        .filter(|row| row.generated.is_ok() && row.compiled.is_ok())
        .count();
    let slowest = rows
        .iter()
        .max_by_key(|row| row.took)
        .expect("there are documents");
    println!("\n{failures}", failures = failures.join("\n"));
    println!("\ndocuments                 {:5}", rows.len());
    println!("  that contradict themselves {:2}", CONTRADICTORY.len());
    println!("  generated               {generated:5}");
    println!("  compiled                {compiled:5}");
    println!("slowest: {} in {:?}", slowest.document, slowest.took);

    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    for example in examples {
        *counts.entry(example.outcome()).or_default() += 1;
        if example.outcome().is_worth_a_line() {
            println!("{:?} {}: {}", example.outcome(), example.place, example.why);
        }
    }
    println!("examples                  {:5}", examples.len());
    for (outcome, count) in &counts {
        println!("  {outcome:55} {count:5}");
    }
    let wrong = examples
        .iter()
        .filter(|example| example.outcome().is_failure())
        .count();
    println!("\nwrong: {} documents, {wrong} examples", failures.len());
    assert!(
        failures.len() <= STILL_WRONG.0 && wrong <= STILL_WRONG.1,
        "more is wrong than was before: {STILL_WRONG:?}"
    );
}
