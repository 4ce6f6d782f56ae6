//! What a value is held against.

use std::net::IpAddr;

use serde_json::{Number, Value};

use crate::wildcard::Wildcard;

/// One alternative of a field.
#[derive(Clone, Debug)]
pub(crate) enum Matcher {
    /// The value itself.
    Exactly(Value),
    /// A text that begins so.
    Prefix(Folded),
    /// A text that ends so.
    Suffix(Folded),
    /// A text that differs in case at most.
    IgnoringCase(Folded),
    /// Any value but those that match one of these.
    AnythingBut(Vec<Matcher>),
    /// A number within bounds.
    Numeric(Vec<Bound>),
    /// The field is there.
    Present,
    /// The field is not there.
    Absent,
    /// An address of a network.
    Cidr(IpAddr, u32),
    /// A text with parts left open.
    Wildcard(Wildcard),
}

/// A text to compare with, perhaps regardless of case.
#[derive(Clone, Debug)]
pub(crate) struct Folded {
    text: String,
    folds: bool,
}

impl Folded {
    pub(crate) fn exact(text: &str) -> Self {
        Self { text: text.to_owned(), folds: false }
    }

    pub(crate) fn ignoring_case(text: &str) -> Self {
        Self { text: text.chars().flat_map(char::to_lowercase).collect(), folds: true }
    }

    fn begins(&self, value: &str) -> bool {
        if !self.folds {
            return value.starts_with(&self.text);
        }
        let mut lower = lower(value);
        self.text.chars().all(|wanted| lower.next() == Some(wanted))
    }

    fn ends(&self, value: &str) -> bool {
        if !self.folds {
            return value.ends_with(&self.text);
        }
        let mut lower = lower(value).rev();
        self.text.chars().rev().all(|wanted| lower.next() == Some(wanted))
    }

    fn is(&self, value: &str) -> bool {
        if self.folds { lower(value).eq(self.text.chars()) } else { value == self.text }
    }
}

/// A text in small letters, one by one: a long one is looked at only as far as need be.
fn lower(text: &str) -> impl DoubleEndedIterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// A bound of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    pub(crate) comparison: Comparison,
    pub(crate) number: f64,
}

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `=`
    Equal,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

impl Bound {
    fn holds(self, number: f64) -> bool {
        match self.comparison {
            Comparison::Equal => same(number, self.number),
            Comparison::Below => number < self.number,
            Comparison::AtMost => number <= self.number,
            Comparison::Above => number > self.number,
            Comparison::AtLeast => number >= self.number,
        }
    }
}

impl Matcher {
    /// Whether a value that is neither an array nor an object matches.
    pub(crate) fn matches(&self, value: &Value) -> bool {
        match self {
            Self::Exactly(wanted) => equal(wanted, value),
            Self::Prefix(wanted) => of_text(value, |text| wanted.begins(text)),
            Self::Suffix(wanted) => of_text(value, |text| wanted.ends(text)),
            Self::IgnoringCase(wanted) => of_text(value, |text| wanted.is(text)),
            Self::AnythingBut(excluded) => !excluded.iter().any(|matcher| matcher.matches(value)),
            Self::Numeric(bounds) => {
                value.as_f64().is_some_and(|number| bounds.iter().all(|bound| bound.holds(number)))
            }
            Self::Present => true,
            Self::Absent => false,
            Self::Cidr(network, bits) => {
                of_text(value, |text| text.parse::<IpAddr>().is_ok_and(|address| is_in(address, *network, *bits)))
            }
            Self::Wildcard(wildcard) => of_text(value, |text| wildcard.matches(text)),
        }
    }
}

fn of_text(value: &Value, test: impl Fn(&str) -> bool) -> bool {
    value.as_str().is_some_and(test)
}

/// Numbers are equal by what they are, not by how they are written.
fn equal(wanted: &Value, value: &Value) -> bool {
    match (wanted, value) {
        (Value::Number(wanted), Value::Number(value)) => {
            let whole = |number: &Number| number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
            match (whole(wanted), whole(value)) {
                (Some(wanted), Some(value)) => wanted == value,
                _ => matches!((wanted.as_f64(), value.as_f64()), (Some(a), Some(b)) if same(a, b)),
            }
        }
        (wanted, value) => wanted == value,
    }
}

/// Whether two numbers are the same, to the last bit but for the sign of nought.
fn same(a: f64, b: f64) -> bool {
    a.partial_cmp(&b) == Some(std::cmp::Ordering::Equal)
}

/// Whether an address is in a network, of the same kind as itself.
pub(crate) fn is_in(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}
