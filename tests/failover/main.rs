//! A cluster of machines, each a network namespace, under faults: what nodes acknowledge is never lost.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as the tests themselves do"
)]

mod ask;
mod checker;
mod cluster;
mod database;
mod faults;
mod inside;
mod load;
mod machines;
mod nodes;
mod programs;
mod proof;
mod report;
