//! Any bytes as a body of awsJson: reading it never panics, and what was read is read alike after it was written.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| strongroom_wire::json::fuzz_decode(data));
