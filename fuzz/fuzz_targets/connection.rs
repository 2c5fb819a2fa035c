//! Connections by chance, from the handshake to the close, for libFuzzer: see `../run`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use specwire_fuzz::connection::check;

fuzz_target!(|data: &[u8]| check(data));
