//! Takes the values of a secret out of what its function wrote, before it is kept.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strongroom_types::SecretText;
use zeroize::Zeroizing;

use crate::documents::Documents;
use crate::error::Error;
use crate::kms::Kms;
use crate::secrets::Secrets;
use crate::secrets::model::Secret;
use crate::secrets::values::SecretValue;
use crate::secrets::versions::{CURRENT, PENDING, PREVIOUS};

/// What stands in place of a value.
const REDACTED: &str = "[redacted]";
/// Keys of a secret's JSON whose values are no secrets, and tell in a log what was worked on (specification §5.7).
const OPEN_KEYS: [&str; 11] = [
    "engine",
    "host",
    "port",
    "username",
    "dbname",
    "ssl",
    "masterarn",
    "dbInstanceIdentifier",
    "dbClusterIdentifier",
    "namespaceName",
    "user_arn",
];
/// Shorter values are not looked for: they would be found in every word. In characters.
const VALUE_CHARACTERS_MIN: usize = 4;
/// Bytes of what is kept of a text: a function may say as much as Lambda takes.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// How deep values are looked for in a secret's JSON.
const DEPTH_MAX: usize = 8;

/// The text without the values of the secret's versions with AWS's labels, plain, escaped as in JSON or in base64, and
/// without the end of one that it begins with, as the last lines of a log may; no more of it than is kept.
///
/// # Errors
/// Faults of the store. A value that cannot be opened is none to be looked for.
pub async fn without_values(documents: &Documents, kms: &Kms, secret: &Secret, text: &str) -> Result<String, Error> {
    let ids: BTreeSet<&String> =
        [CURRENT, PENDING, PREVIOUS].iter().filter_map(|stage| secret.stages.get(stage)).collect();
    let mut found: Vec<Zeroizing<String>> = Vec::new();
    for id in ids {
        match Secrets::opened(documents, kms, secret, id).await? {
            Some(SecretValue::Text(value)) => add_all(&mut found, &value),
            Some(SecretValue::Binary(bytes)) => {
                found.push(Zeroizing::new(STANDARD.encode(bytes.expose())));
                if let Some(text) = SecretText::from_utf8(bytes) {
                    add_all(&mut found, &text);
                }
            }
            None => {}
        }
    }
    // The longest first: one may be part of another.
    found.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let mut text = text.to_owned();
    for value in found.iter().filter(|value| value.chars().count() >= VALUE_CHARACTERS_MIN) {
        if text.contains(value.as_str()) {
            text = text.replace(value.as_str(), REDACTED);
        }
    }
    if let Some(cut) = found.iter().filter_map(|value| end_at_start(value, &text)).max() {
        text.replace_range(..cut, REDACTED);
    }
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push('…');
    }
    Ok(text)
}

/// Bytes of the end of a value that a text begins with, if there are enough to be no chance.
fn end_at_start(value: &str, text: &str) -> Option<usize> {
    let ends = value.char_indices().skip(1).filter_map(|(at, _)| value.get(at..));
    let mut long = ends.take_while(|end| end.chars().nth(VALUE_CHARACTERS_MIN - 1).is_some());
    long.find(|end| text.starts_with(end)).map(str::len)
}

fn add_all(found: &mut Vec<Zeroizing<String>>, value: &SecretText) {
    add(found, value.expose());
    if let Ok(parsed) = serde_json::from_str::<serde_json::Value>(value.expose()) {
        add_parts(found, &parsed, 0);
    }
}

fn add_parts(found: &mut Vec<Zeroizing<String>>, part: &serde_json::Value, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    match part {
        serde_json::Value::String(text) => add(found, text),
        serde_json::Value::Array(parts) => parts.iter().for_each(|part| add_parts(found, part, depth + 1)),
        serde_json::Value::Object(members) => {
            let closed = members.iter().filter(|(key, _)| !OPEN_KEYS.contains(&key.as_str()));
            closed.for_each(|(_, part)| add_parts(found, part, depth + 1));
        }
        _ => {}
    }
}

fn add(found: &mut Vec<Zeroizing<String>>, text: &str) {
    found.push(Zeroizing::new(text.to_owned()));
    found.push(Zeroizing::new(STANDARD.encode(text)));
    if let Ok(quoted) = serde_json::to_string(text) {
        let escaped = quoted.trim_matches('"');
        if escaped != text {
            found.push(Zeroizing::new(escaped.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_value_at_the_start_of_a_text_is_found() {
        assert_eq!(end_at_start("hunter2", "unter2 and more"), Some(6));
        assert_eq!(end_at_start("hunter2", "ter2"), Some(4));
        assert_eq!(end_at_start("hunter2", "er2 is too short"), None);
        assert_eq!(end_at_start("äöüß", "öüß is too short"), None);
        assert_eq!(end_at_start("", "text"), None);
    }
}
