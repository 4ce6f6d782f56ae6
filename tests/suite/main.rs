//! The real binary under real load and real clients: one test program, a file a promise.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as the tests themselves do"
)]

mod anchor;
mod backup;
mod compliance;
mod doctor;
mod durability;
mod fixtures;
mod kept;
mod memory;
mod moving;
mod output;
mod planted;
mod postgres;
mod readme;
mod receivers;
mod recovery;
mod roots;
mod rotation;
mod sinks;
mod start;
mod systemd;
mod telling;
mod tpm;
mod trail;
mod transfer;
mod watching;
mod web;
mod who_can;
