//! Addresses of channels by chance, for libFuzzer: see `../run`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use specwire_fuzz::addresses::check;

fuzz_target!(|data: &[u8]| check(data));
