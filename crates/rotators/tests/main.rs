//! Rotations against real servers, which the tests start on loopback, and against Secrets Manager in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panics"
)]

mod contract;
#[cfg(feature = "mongodb")]
mod ferretdb;
#[cfg(feature = "mysql")]
mod managed;
#[cfg(feature = "mysql")]
mod mariadb;
mod memory;
#[cfg(feature = "oracle")]
mod oracle;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod rotate;
mod servers;
#[cfg(feature = "sqlserver")]
mod sqlserver;
#[cfg(feature = "sqlserver")]
mod tds;
