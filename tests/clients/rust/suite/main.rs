//! The SDK for Rust and the official caching client, unmodified, against the server that the environment names.

#![cfg(test)]

mod cache;
mod errors;
mod instance;
mod listing;
mod operations;
mod sessions;
