//! Any text as a resource policy: checking it never panics, and neither does saying what is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_core::policy_syntax;

fuzz_target!(|text: &str| {
    match policy_syntax::check(text) {
        Ok(policy) => drop(policy.grants_broad_access()),
        Err(error) => drop(error.to_string()),
    }
});
