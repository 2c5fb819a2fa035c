//! Documents by chance, for libFuzzer: see `../run`.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use specwire_fuzz::pipeline::check;
use specwire_fuzz::{Chance, mutate};

fuzz_target!(|data: &[u8]| check(data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut chance = Chance::new(seed.into());
    // libFuzzer's own mutations find what no list of words would.
    if chance.below(3) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    let text = String::from_utf8_lossy(data.get(..size).unwrap_or_default());
    let mutated = mutate(&text, &mut chance);
    let length = mutated.len().min(max_size).min(data.len());
    data[..length].copy_from_slice(&mutated.as_bytes()[..length]);
    length
});
