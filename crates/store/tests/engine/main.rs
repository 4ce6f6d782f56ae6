//! Tests of the engine from outside: against the model, and on disks and in processes that fail.
#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so at once")]

// What fails is brought about by libraries that are loaded before the C library, which Linux alone allows in this way.
mod differential;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod kills;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod matrix;
#[cfg(target_os = "linux")]
mod outages;
#[cfg(target_os = "linux")]
mod points;
mod postgres;
#[cfg(target_os = "linux")]
mod power;
#[cfg(target_os = "linux")]
mod series;
mod transfer;
