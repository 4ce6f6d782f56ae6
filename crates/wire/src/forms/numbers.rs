//! Forms of numbers: whole and floating-point numbers, booleans, instants.

use strongroom_types::Timestamp as Instant;

use super::{Bounds, Form};
use crate::error::ServiceError;
use crate::node::Node;
use crate::reading::{Expected, Notation, Reading};
use crate::timestamps;
use crate::writer::Writer;

/// A whole number of 32 bits within bounds.
#[derive(Debug)]
pub struct Integer(Bounds);

impl Integer {
    /// A number within `bounds`.
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self(bounds)
    }
}

impl Form for Integer {
    type Value = i32;

    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<i32>, ServiceError> {
        // The bounds are checked first: AWS answers a number beyond 32 bits with the constraint that it breaks.
        let Some(value) = bounded(&self.0, node, Expected::Integer, reading)? else { return Ok(None) };
        i32::try_from(value).map(Some).map_err(|_| reading.refusal(""))
    }

    fn write(&self, value: &i32, writer: &mut dyn Writer) {
        writer.long(i64::from(*value));
    }

    fn constraints(&self) -> Vec<String> {
        self.0.phrases("value").collect()
    }

    fn accepts(&self, node: &Node<'_>, notation: Notation) -> bool {
        whole(node, notation).is_none_or(|value| self.0.holds(value))
    }
}

/// A whole number of 64 bits within bounds.
#[derive(Debug)]
pub struct Long(Bounds);

impl Long {
    /// A number within `bounds`.
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self(bounds)
    }
}

impl Form for Long {
    type Value = i64;

    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<i64>, ServiceError> {
        bounded(&self.0, node, Expected::Long, reading)
    }

    fn write(&self, value: &i64, writer: &mut dyn Writer) {
        writer.long(*value);
    }

    fn constraints(&self) -> Vec<String> {
        self.0.phrases("value").collect()
    }

    fn accepts(&self, node: &Node<'_>, notation: Notation) -> bool {
        whole(node, notation).is_none_or(|value| self.0.holds(value))
    }
}

/// A floating-point number. What JSON has no number for is text: `NaN`, `Infinity`, `-Infinity`.
#[derive(Debug)]
pub struct Double;

impl Double {
    /// The value as text.
    #[must_use]
    pub fn print(value: f64) -> String {
        if value.is_finite() {
            format!("{value:?}")
        } else if value.is_nan() {
            "NaN".to_owned()
        } else if value > 0.0 {
            "Infinity".to_owned()
        } else {
            "-Infinity".to_owned()
        }
    }
}

impl Form for Double {
    type Value = f64;

    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<f64>, ServiceError> {
        let text = match &node {
            Node::Text(text) if ["NaN", "Infinity", "-Infinity"].contains(&&**text) => Some(&**text),
            node => digits(node, reading.notation()),
        };
        let value = text.and_then(|text| text.parse().ok());
        value.map(Some).ok_or_else(|| reading.mismatch(&node, Expected::Double))
    }

    fn write(&self, value: &f64, writer: &mut dyn Writer) {
        writer.double(*value);
    }
}

/// `true` or `false`.
#[derive(Debug)]
pub struct Boolean;

impl Form for Boolean {
    type Value = bool;

    /// Reads a boolean. AWS also takes text that names one, in any case.
    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<bool>, ServiceError> {
        let said = |text: &str, words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        match &node {
            Node::Bool(value) => Ok(Some(*value)),
            Node::Text(text) if said(text, &["true", "yes", "y", "t", "1"]) => Ok(Some(true)),
            Node::Text(text) if said(text, &["false", "no", "n", "f", "0"]) => Ok(Some(false)),
            other => Err(reading.mismatch(other, Expected::Boolean)),
        }
    }

    fn write(&self, value: &bool, writer: &mut dyn Writer) {
        writer.boolean(*value);
    }
}

/// An instant: seconds since the epoch in JSON, ISO 8601 in the query protocol.
#[derive(Debug)]
pub struct Timestamp;

impl Form for Timestamp {
    type Value = Instant;

    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<Instant>, ServiceError> {
        let read = match (&node, reading.notation()) {
            (Node::Number(text), _) => timestamps::parse_seconds(text),
            (Node::Text(text), Notation::Query) => timestamps::parse_iso(text),
            _ => None,
        };
        read.map(Some).ok_or_else(|| reading.mismatch(&node, Expected::Timestamp))
    }

    fn write(&self, value: &Instant, writer: &mut dyn Writer) {
        writer.timestamp(*value);
    }
}

/// The digits of a number: a JSON number, or text where every scalar is text.
fn digits<'n>(node: &'n Node<'_>, notation: Notation) -> Option<&'n str> {
    match (node, notation) {
        (Node::Number(text), _) => Some(text),
        (Node::Text(text), Notation::Query) => Some(text),
        _ => None,
    }
}

/// The whole number a node holds. A fraction is cut off, as AWS does.
fn whole(node: &Node<'_>, notation: Notation) -> Option<i64> {
    let text = digits(node, notation)?;
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    if notation == Notation::Query {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    // Above 2^53 a double no longer tells whole numbers apart; what is larger is not taken for a number of 64 bits.
    let exact = value.abs() <= 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "the magnitude was checked; cutting the fraction is meant")]
    exact.then_some(value as i64)
}

fn bounded(
    bounds: &Bounds,
    node: Node<'_>,
    expected: Expected,
    reading: &mut Reading,
) -> Result<Option<i64>, ServiceError> {
    let Some(value) = whole(&node, reading.notation()) else {
        let is_number = matches!(node, Node::Number(_));
        return Err(if is_number { reading.refusal("") } else { reading.mismatch(&node, expected) });
    };
    match bounds.broken(value, "value") {
        Some(phrase) if reading.is_strict() => {
            reading.violation(Some(&value.to_string()), &phrase);
            Ok(None)
        }
        _ => Ok(Some(value)),
    }
}
