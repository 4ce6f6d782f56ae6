//! Numbers of things, in words.

use std::fmt::Display;

/// `1 key`, `2 keys`.
pub fn counted(count: impl Display, thing: &str) -> String {
    let count = count.to_string();
    let end = if count == "1" { "" } else { "s" };
    format!("{count} {thing}{end}")
}
