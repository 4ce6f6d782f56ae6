//! Signed calls to any endpoint that speaks AWS's protocols: JSON 1.1, Query and restJson1, over HTTP and HTTPS.
//!
//! A [`Client`] is an [`Endpoint`] with [`Credentials`] and a region. It carries out a [`Call`] and returns an
//! [`Answer`]. No files, no environment, no clock: certificates, credentials and the time are handed in.

mod answer;
mod body;
mod call;
mod client;
mod credentials;
mod endpoint;
mod error;
pub mod profiles;
mod trust;

#[cfg(test)]
mod tests;

pub use answer::{Answer, element};
pub use call::Call;
pub use client::Client;
pub use credentials::Credentials;
pub use endpoint::{Endpoint, Options};
pub use error::{CallError, ServiceError};
pub use trust::Trust;
