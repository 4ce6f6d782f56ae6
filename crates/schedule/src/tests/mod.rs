//! The documented examples, and everything against a naive walk from hour to hour.

mod examples;
mod naive;
mod walks;
