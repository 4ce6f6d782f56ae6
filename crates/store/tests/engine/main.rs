//! Tests of the engine from outside: against the model, and on disks and in processes that fail.
#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so at once")]

mod differential;
mod disk;
mod faults;
mod kills;
mod load;
mod postgres;
mod power;
