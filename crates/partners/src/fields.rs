//! A JSON object that may hold secrets: wiped when dropped, and printed by its keys alone.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use serde_json::{Map, Value};
use strongroom_types::{SecretBuffer, SecretBytes, SecretText};
use zeroize::Zeroize;

/// The members of an object.
#[derive(Clone, Default, PartialEq)]
pub struct Fields(Map<String, Value>);

impl Drop for Fields {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Fields {
    /// Reads an object. None when the text is anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        match serde_json::from_slice(text) {
            Ok(Value::Object(members)) => Some(Self(members)),
            Ok(mut other) => {
                wipe(&mut other);
                None
            }
            Err(_) => None,
        }
    }

    /// An object of a value made by `serde_json::json!`; empty if it is none. Not for secrets, of which that macro
    /// makes copies.
    pub fn of(value: Value) -> Self {
        match value {
            Value::Object(members) => Self(members),
            _ => Self::default(),
        }
    }

    /// The member at a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |value, key| value.get(*key))
    }

    /// The text at a path of keys: a string that is not empty, or the digits of a number.
    pub fn text(&self, path: &[&str]) -> Option<Cow<'_, str>> {
        match self.at(path)? {
            Value::String(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    /// The objects of a list.
    pub fn items(&self, path: &[&str]) -> impl Iterator<Item = Self> {
        let items = self.at(path).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| item.as_object().cloned().map(Self))
    }

    /// Sets a member to a text; one that was a number stays one if the text is a number.
    pub fn set(&mut self, key: &str, text: &str) {
        let number = self.0.get(key).filter(|old| old.is_number()).and_then(|_| text.parse::<i64>().ok());
        let new = number.map_or_else(|| Value::String(text.to_owned()), Value::from);
        if let Some(mut old) = self.0.insert(key.to_owned(), new) {
            wipe(&mut old);
        }
    }

    /// The object as JSON.
    pub fn to_bytes(&self) -> SecretBytes {
        let mut sink = Sink(SecretBuffer::with_capacity(256));
        // A sink in memory takes everything, and a map of JSON values is always JSON.
        let _ = serde_json::to_writer(&mut sink, &self.0);
        sink.0.into_secret()
    }

    /// The object as JSON.
    pub fn to_text(&self) -> SecretText {
        SecretText::from_utf8(self.to_bytes()).unwrap_or_default()
    }
}

/// A buffer that wipes what it outgrows.
struct Sink(SecretBuffer);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_set_and_never_printed() {
        let mut fields = Fields::parse(br#"{"a":{"b":"x"},"id":7,"none":"","token":"hunter2"}"#).unwrap();
        assert_eq!(fields.text(&["a", "b"]).as_deref(), Some("x"));
        assert_eq!(fields.text(&["id"]).as_deref(), Some("7"));
        assert_eq!(fields.text(&["none"]), None);
        assert_eq!(format!("{fields:?}"), r#"["a", "id", "none", "token"]"#);
        fields.set("id", "8");
        fields.set("token", "9");
        assert_eq!(fields.to_text().expose(), r#"{"a":{"b":"x"},"id":8,"none":"","token":"9"}"#);
        assert!(Fields::parse(b"[1]").is_none() && Fields::parse(b"{").is_none());
    }
}
