//! Any text as a configuration file: reading it never panics, and neither does saying what is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_server::config::Config;

fuzz_target!(|text: &str| {
    if let Err(problems) = Config::load(text) {
        assert!(!problems.to_string().is_empty(), "refused without a reason");
    }
});
