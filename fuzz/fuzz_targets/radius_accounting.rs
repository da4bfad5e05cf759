//! See `tests/decoders`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| simpul_decoders::read("radius_accounting", bytes));
