//! Policies as users write them, and what is decided with them.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "helpers of tests fail as the tests themselves do"
)]

mod decisions;
mod differential;
mod grammar;
mod naive;
mod random;
mod resources;
mod texts;
