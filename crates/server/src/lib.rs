//! The server: one port, from the socket to the endpoint and back.

mod cors;
mod health;

pub mod config;
pub mod front;
pub mod listen;
