//! Forms of text: strings, enumerations, secrets, and bytes in base64.

use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strongroom_types::{SecretBytes, SecretText};

use super::{Bounds, Form, measure};
use crate::error::ServiceError;
use crate::node::{Node, Text as NodeText};
use crate::pattern::Pattern;
use crate::reading::{Expected, Notation, Reading};
use crate::writer::Writer;

/// Bytes of a text that is too long up to which its pattern is looked at as well: matching costs time by the byte.
const MATCHED_BYTES_MAX: usize = 4096;

/// Text with bounds on its number of characters and, possibly, a pattern.
#[derive(Debug)]
pub struct Text {
    length: Bounds,
    pattern: Option<&'static Pattern>,
    encoded: bool,
    repeated: bool,
    wording: Option<&'static str>,
}

impl Text {
    /// Text of `length` characters (Unicode code points) that satisfies `pattern`.
    #[must_use]
    pub const fn new(length: Bounds, pattern: Option<&'static Pattern>) -> Self {
        Self { length, pattern, encoded: false, repeated: true, wording: None }
    }

    /// The same text, but messages do not repeat it.
    #[must_use]
    pub const fn unrepeated(self) -> Self {
        Self { repeated: false, ..self }
    }

    /// The same text, but one that breaks the pattern is objected to in the service's own words: what it must contain.
    #[must_use]
    pub const fn worded(self, wording: &'static str) -> Self {
        Self { wording: Some(wording), ..self }
    }

    /// The same text, but answers of the query protocol carry it percent-encoded.
    #[must_use]
    pub const fn percent_encoded(self) -> Self {
        Self { encoded: true, ..self }
    }

    fn holds(&self, text: &str) -> bool {
        self.length.holds(characters(text)) && self.pattern.is_none_or(|pattern| pattern.matches(text))
    }

    fn phrases(&self) -> Vec<String> {
        self.length.phrases("length").chain(self.pattern.map(unmatched)).collect()
    }

    fn check(&self, text: &str, sensitive: bool, reading: &mut Reading) -> bool {
        if !reading.is_strict() || self.holds(text) {
            return true;
        }
        let echo = (!sensitive && self.repeated).then(|| Node::Text(NodeText::Borrowed(text)).echo());
        let length = self.length.broken(characters(text), "length");
        if let Some(phrase) = &length {
            reading.violation(echo.as_deref(), phrase);
        }
        let looked_at = self.pattern.filter(|_| length.is_none() || text.len() <= MATCHED_BYTES_MAX);
        if let Some(pattern) = looked_at.filter(|pattern| !pattern.matches(text)) {
            match self.wording {
                Some(wording) => reading.objection(wording),
                None => reading.violation(echo.as_deref(), &unmatched(pattern)),
            }
        }
        false
    }
}

impl Form for Text {
    type Value = String;

    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<String>, ServiceError> {
        let text = text_of(node, reading)?;
        Ok(self.check(&text, false, reading).then(|| text.into_string()))
    }

    fn write(&self, value: &String, writer: &mut dyn Writer) {
        if self.encoded {
            writer.percent_encoded(value);
        } else {
            writer.text(value);
        }
    }

    fn constraints(&self) -> Vec<String> {
        self.phrases()
    }

    fn accepts(&self, node: &Node<'_>, _notation: Notation) -> bool {
        !matches!(node, Node::Text(text) if !self.holds(text))
    }

    fn is_sensitive(&self) -> bool {
        !self.repeated
    }
}

/// Secret text; messages never repeat it.
#[derive(Debug)]
pub struct SecretString(Text);

impl SecretString {
    /// Secret text of `length` characters that satisfies `pattern`.
    #[must_use]
    pub const fn new(length: Bounds, pattern: Option<&'static Pattern>) -> Self {
        Self(Text::new(length, pattern))
    }
}

impl Form for SecretString {
    type Value = SecretText;

    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<SecretText>, ServiceError> {
        let text = text_of(node, reading)?;
        Ok(self.0.check(&text, true, reading).then(|| SecretText::new(text.into_string())))
    }

    fn write(&self, value: &SecretText, writer: &mut dyn Writer) {
        writer.secret_text(value);
    }

    fn constraints(&self) -> Vec<String> {
        self.0.phrases()
    }

    fn accepts(&self, node: &Node<'_>, notation: Notation) -> bool {
        self.0.accepts(node, notation)
    }

    fn is_sensitive(&self) -> bool {
        true
    }
}

/// An enumeration of the model.
pub trait Enumeration: Copy + 'static {
    /// All values in the model's order.
    const ALL: &'static [Self];

    /// The value as it is on the wire.
    fn as_str(self) -> &'static str;

    /// The value written as `text`.
    #[must_use]
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.as_str() == text)
    }
}

/// One of an enumeration's values.
#[derive(Debug)]
pub struct Choice<E>(PhantomData<fn() -> E>);

impl<E: Enumeration> Choice<E> {
    /// One of `E`'s values.
    pub const NEW: Self = Self(PhantomData);

    fn phrase() -> String {
        let names: Vec<_> = E::ALL.iter().map(|value| value.as_str()).collect();
        format!("Member must satisfy enum value set: [{}]", names.join(", "))
    }
}

impl<E: Enumeration> Form for Choice<E> {
    type Value = E;

    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<E>, ServiceError> {
        let text = text_of(node, reading)?;
        let value = E::parse(&text);
        if value.is_none() && reading.is_strict() {
            let echo = Node::Text(text).echo();
            reading.violation(Some(&echo), &Self::phrase());
        }
        Ok(value)
    }

    fn write(&self, value: &E, writer: &mut dyn Writer) {
        writer.text(value.as_str());
    }

    fn constraints(&self) -> Vec<String> {
        vec![Self::phrase()]
    }

    fn accepts(&self, node: &Node<'_>, _notation: Notation) -> bool {
        !matches!(node, Node::Text(text) if E::parse(text).is_none())
    }
}

/// Bytes, written in base64.
#[derive(Debug)]
pub struct Blob(Bounds);

impl Blob {
    /// `length` bytes.
    #[must_use]
    pub const fn new(length: Bounds) -> Self {
        Self(length)
    }
}

impl Form for Blob {
    type Value = Vec<u8>;

    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<Vec<u8>>, ServiceError> {
        let bytes = bytes_of(node, reading)?;
        Ok(within(&self.0, bytes.len(), reading).then_some(bytes))
    }

    fn write(&self, value: &Vec<u8>, writer: &mut dyn Writer) {
        writer.blob(value);
    }

    fn is_sensitive(&self) -> bool {
        true
    }
}

/// Secret bytes, written in base64.
#[derive(Debug)]
pub struct SecretBlob(Bounds);

impl SecretBlob {
    /// `length` secret bytes.
    #[must_use]
    pub const fn new(length: Bounds) -> Self {
        Self(length)
    }
}

impl Form for SecretBlob {
    type Value = SecretBytes;

    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<SecretBytes>, ServiceError> {
        let bytes = SecretBytes::new(bytes_of(node, reading)?);
        Ok(within(&self.0, bytes.len(), reading).then_some(bytes))
    }

    fn write(&self, value: &SecretBytes, writer: &mut dyn Writer) {
        writer.secret_bytes(value);
    }

    fn is_sensitive(&self) -> bool {
        true
    }
}

fn within(bounds: &Bounds, length: usize, reading: &mut Reading) -> bool {
    match bounds.broken(measure(length), "length") {
        Some(phrase) if reading.is_strict() => {
            reading.violation(None, &phrase);
            false
        }
        _ => true,
    }
}

fn text_of<'a>(node: Node<'a>, reading: &Reading) -> Result<NodeText<'a>, ServiceError> {
    match node {
        Node::Text(text) => Ok(text),
        other => Err(reading.mismatch(&other, Expected::Text)),
    }
}

/// Decodes base64 without telling in the error what was sent, since it may be a secret.
fn bytes_of(node: Node<'_>, reading: &Reading) -> Result<Vec<u8>, ServiceError> {
    let text = match node {
        Node::Bytes(bytes) => return Ok(bytes.to_vec()),
        Node::Text(text) => text,
        other => return Err(reading.mismatch(&other, Expected::Blob)),
    };
    if text.len() % 4 != 0 {
        let length = text.len();
        return Err(
            reading.refusal(format!("Base64 encoded length is expected a multiple of 4 bytes but found: {length}"))
        );
    }
    // The buffer is large enough from the start, so that no part of a secret is left behind by growing it.
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    match STANDARD.decode_vec(text.as_bytes(), &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) => Err(reading.refusal("Invalid Base64 encoding")),
    }
}

fn unmatched(pattern: &Pattern) -> String {
    format!("Member must satisfy regular expression pattern: {}", pattern.source())
}

fn characters(text: &str) -> i64 {
    measure(if text.is_ascii() { text.len() } else { text.chars().count() })
}
