//! Roots of trust behind the one trait: a key in a file, the environment, a systemd credential or the output of a
//! command; a key of an outside service or device; and an ordered list of several.
//!
//! What a root protects is only as safe as the root: keep a copy of it, and keep it apart from the data.

pub mod aws_kms;
pub mod command;
pub mod credential;
pub mod environment;
pub mod file;
mod http;
mod list;
pub mod pkcs11;
pub mod secret_file;
pub mod shares;
#[cfg(test)]
mod stub;
pub mod succession;
mod text;
pub mod transit;

pub use list::Roots;
pub use text::{KeyTextError, PREFIX};
