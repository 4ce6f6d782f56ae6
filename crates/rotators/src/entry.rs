//! A secret's JSON: its members in their order, each kept as the text it was, so that what a rotation does not know stays
//! as it is. Values are wiped when dropped.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use strongroom_types::secret::{SecretBuffer, SecretText};

use crate::Failure;

/// A JSON object under change.
#[derive(Clone, Debug)]
pub struct Entry {
    members: Vec<(String, SecretText)>,
}

/// The members of an object as texts of JSON, borrowed from the text of the whole.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl Entry {
    /// Reads a JSON object; of members with one name, the last counts. None when the text is not one.
    pub fn parse(text: &SecretText) -> Option<Self> {
        let Members(found) = serde_json::from_str(text.expose()).ok()?;
        let mut entry = Self { members: Vec::with_capacity(found.len()) };
        for (name, value) in found {
            entry.put(&name, SecretText::new(value.get().to_owned()));
        }
        Some(entry)
    }

    /// Whether there is a member, of whatever type.
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// A member that is a text.
    pub fn text(&self, name: &str) -> Option<SecretText> {
        serde_json::from_str::<String>(self.raw(name)?).ok().map(SecretText::new)
    }

    /// A member that is not secret, such as a name or a host.
    pub fn public(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// A member that is true or false.
    pub fn flag(&self, name: &str) -> Option<bool> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// A port, as a number or a text of one; the default when there is none.
    ///
    /// # Errors
    /// A `ValueError` when it is neither.
    pub fn port(&self, default: u16) -> Result<u16, Failure> {
        let Some(raw) = self.raw("port") else { return Ok(default) };
        let number = serde_json::from_str::<u16>(raw).ok();
        number
            .or_else(|| self.public("port").and_then(|text| text.trim().parse().ok()))
            .ok_or_else(|| Failure::value("port must be a number of a TCP port in secret JSON"))
    }

    /// Puts a text in place of a member, or after the last.
    pub fn set_text(&mut self, name: &str, value: &SecretText) {
        self.put(name, quoted(value));
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) {
        self.members.retain(|(of, _)| of != name);
    }

    /// Takes over another's member, or its absence.
    pub fn copy(&mut self, name: &str, other: &Self) {
        match other.members.iter().find(|(of, _)| of == name) {
            Some((_, value)) => self.put(name, value.clone()),
            None => self.remove(name),
        }
    }

    /// The whole as JSON.
    pub fn to_json(&self) -> SecretText {
        let mut out = SecretBuffer::with_capacity(256);
        for (index, (name, value)) in self.members.iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"{" } else { b"," });
            out.extend_from_slice(quoted(&SecretText::new(name.clone())).expose().as_bytes());
            out.push(b':');
            out.extend_from_slice(value.expose().as_bytes());
        }
        out.extend_from_slice(if self.members.is_empty() { b"{}" } else { b"}" });
        SecretText::from_utf8(out.into_secret()).unwrap_or_default()
    }

    fn raw(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|(of, _)| of == name).map(|(_, value)| value.expose())
    }

    fn put(&mut self, name: &str, value: SecretText) {
        match self.members.iter_mut().find(|(of, _)| of == name) {
            Some((_, old)) => *old = value,
            None => self.members.push((name.to_owned(), value)),
        }
    }
}

/// A text as JSON.
fn quoted(text: &SecretText) -> SecretText {
    let mut out = SecretBuffer::with_capacity(text.len().saturating_add(2));
    out.push(b'"');
    for byte in text.expose().bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
    SecretText::from_utf8(out.into_secret()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        Entry::parse(&SecretText::new(text.to_owned())).expect("object")
    }

    #[test]
    fn what_is_not_touched_stays_as_it_was() {
        let mut entry =
            entry(r#"{ "z": 1.50, "password":"p\u0041", "n":{"b":1, "a":[null]}, "big":123456789012345678901 }"#);
        assert_eq!(entry.text("password").expect("text").expose(), "pA");
        entry.set_text("password", &SecretText::new("q\"\\\n\u{1}ä".to_owned()));
        let json = r#"{"z":1.50,"password":"q\"\\\u000a\u0001ä","n":{"b":1, "a":[null]},"big":123456789012345678901}"#;
        assert_eq!(entry.to_json().expose(), json);
        assert_eq!(
            super::Entry::parse(&entry.to_json()).and_then(|again| again.text("password")).expect("text").expose(),
            "q\"\\\n\u{1}ä"
        );
    }

    #[test]
    fn what_is_no_object_is_none() {
        for text in ["", "x", "[1]", "\"a\"", "{\"a\":}"] {
            assert!(Entry::parse(&SecretText::new(text.to_owned())).is_none(), "{text}");
        }
        assert_eq!(entry("{}").to_json().expose(), "{}");
    }

    #[test]
    fn ports_are_numbers_or_texts_of_them() {
        assert_eq!(entry(r#"{"port":1}"#).port(5), Ok(1));
        assert_eq!(entry(r#"{"port":"2"}"#).port(5), Ok(2));
        assert_eq!(entry("{}").port(5), Ok(5));
        assert!(entry(r#"{"port":"x"}"#).port(5).is_err() && entry(r#"{"port":70000}"#).port(5).is_err());
    }

    #[test]
    fn members_are_copied_with_their_absence() {
        let (mut to, from) = (entry(r#"{"ssl":true,"a":"1"}"#), entry(r#"{"a":"2","a":"3"}"#));
        to.copy("ssl", &from);
        to.copy("a", &from);
        assert_eq!(to.to_json().expose(), r#"{"a":"3"}"#);
    }
}
