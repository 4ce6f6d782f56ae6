//! Rotations against real servers, which the tests start on loopback, and against Secrets Manager in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panics"
)]

mod contract;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod rotate;
mod servers;
