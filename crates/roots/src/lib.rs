//! Roots of trust behind the one trait: a key file, a key from the environment, and an ordered list of several.
//!
//! What a root protects is only as safe as the root: keep a copy of it, and keep it apart from the data.

pub mod environment;
pub mod file;
mod list;
mod text;

pub use list::Roots;
pub use text::{KeyTextError, PREFIX};
