//! Functions in real processes: Python through AWS's client, and shell scripts as `bootstrap`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bootstrap;
mod hostile;
mod house;
mod isolation;
mod node;
mod python;
mod rotation;
