//! The keys of a request that conditions and variables ask for, and their values.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

use crate::instant;

/// What is known of a request. Asked only for the keys that a policy in play names, so that values may be worked out
/// when they are needed.
pub trait Keys {
    /// The value of a key, or nothing when the request does not have it. `key` is in lower case as a whole, such as
    /// `aws:sourceip` or `aws:principaltag/team`: names of keys and of tags in them are the same in upper and lower
    /// case, so what is held under other names is to be compared without case.
    fn get(&self, key: &str) -> Option<Values<'_>>;
}

/// No keys at all.
impl Keys for () {
    fn get(&self, _key: &str) -> Option<Values<'_>> {
        None
    }
}

/// Pairs of a name, in any case, and a value.
impl<const N: usize> Keys for [(&str, Values<'_>); N] {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        self.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, values)| values.clone())
    }
}

/// The value of a key with one value, or the values of one that may have several (`ArrayOf…` in AWS's reference of
/// keys).
#[derive(Clone, Debug, PartialEq)]
pub enum Values<'a> {
    /// A key that has one value.
    One(Value<'a>),
    /// A key that may have several, such as `aws:TagKeys`, made for the question. None at all is the same as no key.
    Many(Vec<Value<'a>>),
    /// The same, where the values are held already.
    Held(&'a [Value<'a>]),
    /// A key that may have one value but has several, of which none counts more: of tags whose keys differ in case
    /// alone. An Allow has to hold for each of them, a Deny for any.
    Either(Vec<Value<'a>>),
}

impl<'a> Values<'a> {
    /// One text.
    #[must_use]
    pub const fn text(text: &'a str) -> Self {
        Self::One(Value::Text(Cow::Borrowed(text)))
    }

    /// One text that was made for the question.
    #[must_use]
    pub const fn owned(text: String) -> Self {
        Self::One(Value::Text(Cow::Owned(text)))
    }

    /// Several texts.
    pub fn texts(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Many(texts.into_iter().map(|text| Value::Text(Cow::Borrowed(text))).collect())
    }

    /// The values of the tags that a key names, which are one unless keys differ in case alone.
    pub fn of_tags(texts: impl IntoIterator<Item = Cow<'a, str>>) -> Option<Self> {
        let mut texts = texts.into_iter().map(Value::Text);
        let first = texts.next()?;
        let further: Vec<_> = texts.collect();
        Some(if further.is_empty() { Self::One(first) } else { Self::Either([vec![first], further].concat()) })
    }

    /// The values.
    #[must_use]
    pub fn as_slice(&self) -> &[Value<'a>] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) | Self::Either(values) => values,
            Self::Held(values) => values,
        }
    }
}

/// One value of a key. Which type it has does not matter to an operator that understands it: a number may be given as
/// text, and a truth value compared as one.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A text, or any other value in the form that policies write it.
    Text(Cow<'a, str>),
    /// A truth value.
    Bool(bool),
    /// A whole number. As a date: seconds since the epoch.
    Number(i64),
    /// An instant, in milliseconds since the epoch.
    Instant(i64),
    /// An address.
    Address(IpAddr),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// The value as policies write it; bytes that are no text have none.
    #[must_use]
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Bool(true) => Some(Cow::Borrowed("true")),
            Self::Bool(false) => Some(Cow::Borrowed("false")),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            Self::Instant(ms) => Some(Cow::Owned(instant::written(*ms))),
            Self::Address(address) => {
                let mut text = String::new();
                // Writing into a string does not fail.
                let _ = write!(text, "{}", address.to_canonical());
                Some(Cow::Owned(text))
            }
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            Self::Text(text) => truth(text),
            _ => None,
        }
    }

    pub(crate) fn as_address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Whether these are its bytes, or those of its text.
    pub(crate) fn has_bytes(&self, expected: &[u8]) -> bool {
        match self {
            Self::Bytes(bytes) => **bytes == *expected,
            other => other.as_text().is_some_and(|text| text.as_bytes() == expected),
        }
    }

    /// The value as a date, in milliseconds since the epoch; a text in one of the forms that policies write.
    #[must_use]
    pub fn as_instant(&self) -> Option<i64> {
        match self {
            Self::Instant(ms) => Some(*ms),
            Self::Number(seconds) => seconds.checked_mul(1000),
            Self::Text(text) => instant::parse(text),
            _ => None,
        }
    }

    pub(crate) fn as_number(&self) -> Option<Number> {
        match self {
            Self::Number(number) => Some(Number::Whole(*number)),
            Self::Instant(ms) => Some(Number::Whole(ms.div_euclid(1000))),
            Self::Text(text) => Number::parse(text),
            _ => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

/// `true` or `false` in any case.
pub(crate) fn truth(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A number of a Numeric condition: whole, or with a decimal point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Whole(i64),
    Real(f64),
}

impl Number {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(whole) = text.parse() {
            return Some(Self::Whole(whole));
        }
        // Names such as `inf` are no numbers here.
        let shaped = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        text.parse().ok().filter(|real: &f64| shaped && real.is_finite()).map(Self::Real)
    }

    pub(crate) fn order(self, other: Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Whole(one), Self::Whole(two)) => Some(one.cmp(&two)),
            (one, two) => one.real().partial_cmp(&two.real()),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a whole number beside one with a decimal point is as exact as that"
    )]
    const fn real(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_or_decimal() {
        assert_eq!(Number::parse("7"), Some(Number::Whole(7)));
        assert_eq!(Number::parse("-7.5"), Some(Number::Real(-7.5)));
        for text in ["", "x", "inf", "nan", "7 ", "1_0", "0x1"] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
        let order = |one: &str, two: &str| Number::parse(one).unwrap().order(Number::parse(two).unwrap());
        assert_eq!(order("9007199254740993", "9007199254740992"), Some(std::cmp::Ordering::Greater));
        assert_eq!(order("1.0", "1"), Some(std::cmp::Ordering::Equal));
    }

    #[test]
    fn values_have_the_form_that_policies_write() {
        let text = |value: Value<'_>| value.as_text().expect("a text").into_owned();
        assert_eq!(text(Value::Bool(true)), "true");
        assert_eq!(text(Value::Address("::ffff:192.0.2.1".parse().unwrap())), "192.0.2.1");
        assert_eq!(text(Value::Instant(1_700_000_000_000)), "2023-11-14T22:13:20Z");
        assert_eq!(Value::Text("1700000000".into()).as_instant(), Some(1_700_000_000_000));
        assert_eq!(Value::Instant(1_700_000_000_999).as_number(), Some(Number::Whole(1_700_000_000)));
    }
}
