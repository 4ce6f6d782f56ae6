//! Any text as a filter pattern of CloudWatch Logs, held against itself as an event.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_core::logs::pattern;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        pattern::fuzz(text);
    }
});
