//! Event patterns of EventBridge, and the paths and templates that targets get their input by. Pure: no clock, no files.
//!
//! A [`Pattern`] is made from the JSON of a rule, or refused with a reason; it then answers whether an event matches. A
//! [`Path`] takes a part out of an event, a [`Template`] makes a text of such parts.

mod compile;
mod fault;
mod matcher;
mod path;
mod pattern;
mod template;
mod wildcard;

#[cfg(test)]
mod tests;

pub use fault::Fault;
pub use path::Path;
pub use pattern::Pattern;
pub use template::{Reserved, Template};
