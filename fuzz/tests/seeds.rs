//! The same as libFuzzer does, without it: the seeds, and what mutation makes of them.
//!
//! `SPECWIRE_FUZZ_SECONDS` says how long; by default every seed is tried and mutated a few times.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use specwire_fuzz::pipeline::check;
use specwire_fuzz::{Chance, mutate};

/// The most that an input may take, however this is compiled.
const LONGEST: Duration = Duration::from_secs(1);

/// Our own documents: those of this folder, and those that other tests have.
fn seeds() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [
        "seeds",
        "corpus/pipeline",
        "../codegen/tests/golden",
        "../codegen/tests/reject",
        "../yaml",
    ];
    let mut seeds = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(root.join(folder)).into_iter().flatten() {
            let path = entry.expect("the folder can be listed").path();
            if path.extension().is_none_or(|extension| extension == "yaml") {
                let text = fs::read(&path).expect("the file can be read");
                seeds.push((path, String::from_utf8_lossy(&text).into_owned()));
            }
        }
    }
    seeds.sort();
    seeds
}

#[track_caller]
fn survives(text: &str, what: &dyn std::fmt::Display) {
    let mut took = Duration::MAX;
    // At one of three attempts: the machine may have other things to do.
    for _ in 0..3 {
        let started = Instant::now();
        assert!(
            catch_unwind(|| check(text.as_bytes())).is_ok(),
            "{what} panics:\n{text}"
        );
        took = took.min(started.elapsed());
        if took < LONGEST {
            return;
        }
    }
    panic!("{what} takes {took:?}:\n{text}");
}

#[test]
fn seeds_survive() {
    let seeds = seeds();
    assert!(seeds.len() > 50, "{} seeds", seeds.len());
    for (path, text) in seeds {
        survives(&text, &path.display());
    }
}

#[test]
fn mutations_survive() {
    let seconds = env::var("SPECWIRE_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut seeds: Vec<String> = seeds().into_iter().map(|(_, text)| text).collect();
    let first = seeds.len();
    let mut tried = 0;
    for round in 0.. {
        if until.map_or(round == 5, |until| Instant::now() > until) {
            break;
        }
        for index in 0..first {
            let seed = (round * first + index) as u64;
            let mut chance = Chance::new(seed);
            // Also what has been mutated already, as far as it is not too far from a document.
            let from = if chance.below(2) == 0 {
                index
            } else {
                chance.below(seeds.len())
            };
            let mutated = mutate(&seeds[from], &mut chance);
            survives(&mutated, &format_args!("mutation {seed}"));
            tried += 1;
            if mutated.len() < 20_000 {
                if seeds.len() < 4 * first {
                    seeds.push(mutated);
                } else {
                    let instead = first + chance.below(seeds.len() - first);
                    seeds[instead] = mutated;
                }
            }
        }
    }
    println!("{tried} documents");
}
