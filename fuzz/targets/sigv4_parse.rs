//! Any bytes as a signed request: reading, checking and verifying it never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| strongroom_wire::sigv4::fuzz_parse(data));
