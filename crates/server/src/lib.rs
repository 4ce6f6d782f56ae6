//! The server: one port, from the socket through the gate to the domain and back.

mod admission;
mod authn;
mod cloudwatch;
mod cors;
mod events;
mod figures;
pub mod free;
mod frozen;
mod header_file;
mod health;
mod inspection;
mod logs;
pub mod ops;
mod quotas;
mod refused;
mod rewrapping;
mod rotating;
mod route;
mod sign_in;
pub mod sinks;
mod spoken;
mod standing;
#[cfg(test)]
mod tests;

pub mod anchor;
pub mod app;
pub mod backups;
pub mod config;
pub mod credentials;
pub mod front;
pub mod functions;
pub mod gate;
pub mod identity_providers;
pub mod listen;
mod node;
pub mod opening;
pub mod reload;
pub mod scratch;
pub mod telemetry;
mod trails;
pub mod transfer;
pub mod verification;
pub mod workers;
