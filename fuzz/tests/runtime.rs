//! What `seeds.rs` does for documents, for what a server reads from its peers.
//!
//! `SPECWIRE_FUZZ_SECONDS` says how long each is tried; by default every input of the corpus is, and is
//! mutated a few times.

use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use specwire_fuzz::{Chance, addresses, connection, frames, mutate_bytes};

#[test]
fn frames_survive() {
    survive("frames", frames::check);
}

#[test]
fn addresses_survive() {
    survive("addresses", addresses::check);
}

#[test]
fn connections_survive() {
    survive("connection", connection::check);
}

fn survive(target: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let mut inputs: Vec<Vec<u8>> = fs::read_dir(&corpus)
        .expect("there is a corpus")
        .map(|entry| fs::read(entry.expect("it can be listed").path()).expect("it can be read"))
        .collect();
    inputs.sort();
    assert!(inputs.len() > 5, "{} inputs", inputs.len());
    for input in &inputs {
        survives(input, check);
    }
    let words = words();
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let seconds = env::var("SPECWIRE_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let first = inputs.len();
    for round in 0.. {
        if until.map_or(round == 1000, |until| Instant::now() > until) {
            break;
        }
        let mut chance = Chance::new(round);
        let mutated = mutate_bytes(&inputs[chance.below(inputs.len())], &words, &mut chance);
        survives(&mutated, check);
        if mutated.len() < 4096 && chance.below(4) == 0 {
            if inputs.len() < 4 * first {
                inputs.push(mutated);
            } else {
                let instead = first + chance.below(inputs.len() - first);
                inputs[instead] = mutated;
            }
        }
    }
}

#[track_caller]
fn survives(input: &[u8], check: fn(&[u8])) {
    let survived = catch_unwind(|| check(input));
    assert!(survived.is_ok(), "this panics: {}", input.escape_ascii());
}

/// The words of `frames.dict`, but for those in which bytes are escaped.
fn words() -> Vec<Vec<u8>> {
    let mut words = vec![b"\n\n".to_vec(), b"\xff".to_vec(), b"\xbf".to_vec()];
    words.extend(
        include_str!("../frames.dict")
            .lines()
            .filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'))
            .filter(|word| !word.contains("\\x"))
            .map(|word| {
                word.replace("\\\"", "\"")
                    .replace("\\\\", "\\")
                    .into_bytes()
            }),
    );
    words
}
