//! For tests only: servers of their own on port 0, and a client that can sign, and also deliberately do not.

pub mod instance;
pub mod raw;

pub use instance::Instance;
pub use raw::{Answer, Raw};
