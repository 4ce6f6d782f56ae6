//! Managed external secrets: what the secrets of partners' services hold, and how they are rotated over the partners'
//! APIs. Knows neither the store nor the server: the secrets and the network are handed in.
//!
//! [`Kind`] is the table of types and checks values and metadata. [`rotate_step`] does one of the four steps of a
//! rotation, with [`strongroom_rotators::Secrets`] for the secrets and [`Http`] for the partner; [`HttpsClient`] is the real network.
//! Each step may be done again at any time: what is done already is found and left.

mod client;
mod fault;
mod fields;
mod hosts;
mod http;
mod kind;
mod partner;
mod rotate;

#[cfg(test)]
mod tests;

pub use client::HttpsClient;
pub use fault::Fault;
pub use hosts::Hosts;
pub use http::{Answer, Calling, Http, HttpFault, Request};
pub use kind::Kind;
pub use rotate::{Means, Rotation, rotate_step};
