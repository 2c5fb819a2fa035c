//! Compiles what was generated: a few large crates, each with a share of the documents, and a
//! program that has all of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::Row;
use crate::examples;

/// How many crates share the documents. Each takes one core of rustc for itself.
const SHARDS: usize = 6;

/// How often what does not compile is left out, to see what is wrong with the rest: rustc does not
/// check types where it cannot parse.
const ROUNDS: usize = 6;

/// Notes in `rows` what does not compile, and returns the program that has everything else.
pub(crate) fn compile(out: &Path, rows: &mut [Row]) -> PathBuf {
    let shares = shares(rows);
    manifests(out);
    for (number, row) in rows.iter().enumerate() {
        if let Ok(generated) = &row.generated {
            write(&out.join(format!("document_{number}.rs")), &generated.code);
        }
    }
    for round in 0..ROUNDS {
        sources(out, rows, &shares);
        let errors = cargo(out);
        let (errors, elsewhere): (Vec<_>, Vec<_>) =
            errors.into_iter().partition(|(number, _)| number.is_some());
        if errors.is_empty() {
            assert!(elsewhere.is_empty(), "{}", elsewhere[0].1);
            return out.join("target/debug/runner");
        }
        assert!(
            round + 1 < ROUNDS,
            "after {ROUNDS} rounds there is still: {}",
            errors[0].1
        );
        for (number, message) in errors {
            let row = &mut rows[number.expect("partitioned")];
            if row.compiled.is_ok() {
                row.compiled = Err(message);
            }
        }
    }
    unreachable!("the last round returns or panics")
}

/// The documents of each shard, such that all are about as large.
fn shares(rows: &[Row]) -> Vec<Vec<usize>> {
    let mut sizes: Vec<(usize, usize)> = rows
        .iter()
        .enumerate()
        .filter_map(|(number, row)| Some((row.generated.as_ref().ok()?.code.len(), number)))
        .collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let mut shares = vec![(0, Vec::new()); SHARDS];
    for (size, number) in sizes {
        let share = shares
            .iter_mut()
            .min_by_key(|(total, _)| *total)
            .expect("there are shards");
        share.0 += size;
        share.1.push(number);
    }
    shares.into_iter().map(|(_, share)| share).collect()
}

/// A workspace of its own, with the versions that this one is locked to.
fn manifests(out: &Path) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let repository = repository.canonicalize().expect("this repository is there");
    let lock = fs::read_to_string(repository.join("Cargo.lock")).expect("it is locked");
    let lock_file = out.join("Cargo.lock");
    if !lock_file.exists() {
        write(&lock_file, &lock);
    }
    write(
        &out.join("Cargo.toml"),
        "[workspace]\nresolver = \"3\"\nmembers = [\"shard_*\", \"runner\"]\n\n[profile.dev]\ndebug = 0\nincremental = false\n",
    );
    let runtime = repository.join("runtime");
    let package = |name: &str, more: &str| {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[dependencies]\nspecwire = {{ path = {runtime:?} }}\nserde = \"1\"\nserde_json = \"1\"\n{more}"
        );
        fs::create_dir_all(out.join(name).join("src")).expect("the folder can be written to");
        write(&out.join(name).join("Cargo.toml"), &manifest);
    };
    package("harness", "");
    write(&out.join("harness/src/lib.rs"), include_str!("harness.rs"));
    let mut shards = String::new();
    for shard in 0..SHARDS {
        package(
            &format!("shard_{shard}"),
            "harness = { path = \"../harness\" }\n",
        );
        writeln!(shards, "shard_{shard} = {{ path = \"../shard_{shard}\" }}").expect("text");
    }
    package(
        "runner",
        &format!("harness = {{ path = \"../harness\" }}\n{shards}"),
    );
    let lists: String = (0..SHARDS)
        .map(|shard| format!("shard_{shard}::MESSAGES, "))
        .collect();
    write(
        &out.join("runner/src/main.rs"),
        &format!("fn main() {{\n    harness::run(&[{lists}]);\n}}\n"),
    );
}

fn sources(out: &Path, rows: &[Row], shares: &[Vec<usize>]) {
    for (shard, share) in shares.iter().enumerate() {
        let mut source =
            "//! A share of the documents.\n#![deny(warnings, missing_docs)]\n".to_owned();
        let mut messages = String::new();
        for &number in share {
            let row = &rows[number];
            let (Ok(generated), Ok(())) = (&row.generated, &row.compiled) else {
                continue;
            };
            let file = out.join(format!("document_{number}.rs"));
            let document = &row.document;
            writeln!(
                source,
                "/// `{document}`\npub mod document_{number} {{ include!({file:?}); }}"
            )
            .expect("text");
            for message in &generated.api.messages {
                let path = examples::path(number, &message.name.rust);
                writeln!(messages, "    harness::message::<{path}>({path:?}),").expect("text");
            }
        }
        // Not a constant: what it refers to is compiled here, and not where it is used.
        writeln!(
            source,
            "/// All messages.\npub static MESSAGES: &[harness::Message] = &[\n{messages}];"
        )
        .expect("text");
        write(&out.join(format!("shard_{shard}/src/lib.rs")), &source);
    }
}

/// Builds all, and returns the first error about each document.
fn cargo(out: &Path) -> Vec<(Option<usize>, String)> {
    #[derive(Deserialize)]
    struct Line {
        message: Option<Message>,
    }
    #[derive(Deserialize)]
    struct Message {
        level: String,
        rendered: Option<String>,
        spans: Vec<Span>,
    }
    #[derive(Deserialize)]
    struct Span {
        file_name: String,
    }

    let output = Command::new(env!("CARGO"))
        .current_dir(out)
        .args([
            "build",
            "--workspace",
            "--keep-going",
            "--message-format=json",
            "--quiet",
        ])
        .env("CARGO_TARGET_DIR", out.join("target"))
        // What is said to the build of this test is not meant for another.
        .env_remove("RUSTFLAGS")
        .output()
        .expect("Cargo can be run");
    let mut errors: BTreeMap<Option<usize>, String> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(Line {
            message: Some(message),
        }) = serde_json::from_str(line)
        else {
            continue;
        };
        // The last one only counts those before it.
        let counts = |text: &String| text.starts_with("error: aborting due to");
        if message.level != "error" || message.rendered.as_ref().is_some_and(counts) {
            continue;
        }
        let number = message.spans.iter().find_map(|span| {
            let name = Path::new(&span.file_name).file_stem()?.to_str()?;
            name.strip_prefix("document_")?.parse().ok()
        });
        errors
            .entry(number)
            .or_insert_with(|| message.rendered.unwrap_or_default());
    }
    if errors.is_empty() && !output.status.success() {
        errors.insert(None, String::from_utf8_lossy(&output.stderr).into_owned());
    }
    errors.into_iter().collect()
}

/// Writes a file, unless it is there already: Cargo goes by its age.
fn write(path: &Path, text: &str) {
    if !fs::read_to_string(path).is_ok_and(|present| present == text) {
        fs::write(path, text).expect("the folder can be written to");
    }
}
