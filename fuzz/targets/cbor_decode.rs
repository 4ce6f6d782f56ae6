//! Any bytes as a body in CBOR: reading it never panics, and what is read is read the same after writing it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_wire::cbor;

fuzz_target!(|data: &[u8]| cbor::fuzz_decode(data));
