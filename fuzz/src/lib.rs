//! What is tried on inputs that chance makes, and how they are made.
//!
//! `fuzz_targets/` has libFuzzer do it, and `tests/` does without.

pub mod addresses;
pub mod connection;
pub mod frames;
mod mutate;
pub mod pipeline;

pub use mutate::{Chance, mutate, mutate_bytes};

/// What stands between two frames of an input, and in it nowhere else.
const BETWEEN: &[u8] = b"\n\n";

/// The parts of an input.
fn parts(input: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = input;
    while let Some(at) = rest
        .windows(BETWEEN.len())
        .position(|bytes| bytes == BETWEEN)
    {
        parts.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest);
    parts
}
