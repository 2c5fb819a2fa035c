//! Frames by chance, to each framing's parser, for libFuzzer: see `../run`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use specwire_fuzz::frames::check;

fuzz_target!(|data: &[u8]| check(data));
