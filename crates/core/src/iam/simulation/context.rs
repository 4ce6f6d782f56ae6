//! What the conditions of a simulated request may ask: the context that is given, and what follows from the caller.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strongroom_policy::{Keys, Value, Values};
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::iam::{ContextEntry, ContextKeyTypeEnum};

use super::inputs::{Caller, refused};
use crate::error::Error;

/// `aws:userid` of a simulation without a caller, as the real service has it.
const NOBODY: &str = "STUB_PRINCIPAL_FOR_POLICY_SIMULATOR";
/// Characters of a value, at most. AWS tells no number; its text is unconfirmed.
const VALUE_CHARS_MAX: usize = 2048;

/// Values of keys, by the key in lower case.
#[derive(Debug, Default)]
pub(super) struct Given {
    values: BTreeMap<String, Held>,
    chars_max: usize,
}

/// The context of a simulated request.
#[derive(Debug)]
pub(super) struct Context {
    /// What is given, which goes before the rest.
    pub(super) given: Given,
    known: Given,
}

#[derive(Debug)]
enum Held {
    One(Value<'static>),
    Many(Vec<Value<'static>>),
}

impl Keys for Given {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        Some(match self.values.get(key)? {
            Held::One(value) => Values::One(value.clone()),
            Held::Many(values) => Values::Held(values),
        })
    }
}

impl Keys for Context {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        self.given.get(key).or_else(|| self.known.get(key))
    }
}

impl Context {
    /// Reads the entries. `account` is that of a simulation without a caller.
    ///
    /// # Errors
    /// InvalidInput.
    pub(super) fn read(entries: &[ContextEntry], caller: Option<Caller<'_>>, account: &str) -> Result<Self, Error> {
        let mut given = Given::default();
        for entry in entries {
            given.add(entry)?;
        }
        let mut known = Given::default();
        let mut know = |key: &str, value: &str| known.values.insert(key.to_owned(), Held::One(text(value)));
        know("aws:userid", caller.map_or(NOBODY, |caller| caller.arn));
        know("aws:principalaccount", caller.map_or(account, |caller| caller.account));
        if let Some(caller) = caller {
            know("aws:principalarn", caller.arn);
        }
        if let Some(name) = caller.and_then(|caller| caller.user_name) {
            know("aws:username", name);
        }
        Ok(Self { given, known })
    }
}

impl Given {
    /// Characters of the values of the key that has most.
    pub(super) fn chars_max(&self) -> usize {
        self.chars_max
    }

    fn add(&mut self, entry: &ContextEntry) -> Result<(), Error> {
        let values = entry.context_key_values.as_deref().unwrap_or_default();
        let name = entry.context_key_name.as_deref().unwrap_or_default();
        if name.is_empty() {
            // An entry without anything in it is passed over.
            let is_empty = entry.context_key_type.is_none() && values.is_empty();
            return if is_empty { Ok(()) } else { Err(refused("ContextKeyName cannot be null or empty.")) };
        }
        let key = name.to_ascii_lowercase();
        if self.values.contains_key(&key) {
            return Err(refused(&format!("Duplicate context key: {name}.")));
        }
        let Some(kind) = entry.context_key_type else {
            return Err(refused(&format!("Context key {name} has invalid type null.")));
        };
        if values.is_empty() {
            return Err(refused(&format!("Context values for context key {name} cannot be null or empty.")));
        }
        let is_list = kind.as_str().ends_with("List");
        if !is_list && values.len() > 1 {
            let (kind, count) = (kind.as_str(), values.len());
            return Err(refused(&format!("Context key {kind} expected a single value, but received {count}.")));
        }
        let mut read = Vec::with_capacity(values.len());
        let mut all_chars = 0;
        for value in values {
            let chars = value.chars().count();
            if chars > VALUE_CHARS_MAX {
                let text = "cannot be longer than";
                return Err(refused(&format!("Context value for key {name} {text} {VALUE_CHARS_MAX} characters.")));
            }
            all_chars += chars + 1;
            read.push(
                value_of(kind, value)
                    .map_err(|form| refused(&format!("Invalid context value for key {name}: expected {form}.")))?,
            );
        }
        let held = match (is_list, read.pop()) {
            (false, Some(value)) => Held::One(value),
            (_, last) => Held::Many(read.into_iter().chain(last).collect()),
        };
        self.chars_max = self.chars_max.max(all_chars);
        self.values.insert(key, held);
        Ok(())
    }
}

fn text(value: &str) -> Value<'static> {
    Value::Text(Cow::Owned(value.to_owned()))
}

/// A value of a type; the error is what AWS calls the form that it should have had.
fn value_of(kind: ContextKeyTypeEnum, value: &str) -> Result<Value<'static>, &'static str> {
    type Kind = ContextKeyTypeEnum;
    match kind {
        Kind::String | Kind::StringList => Ok(text(value)),
        // Whatever is not `true` is false.
        Kind::Boolean | Kind::BooleanList => Ok(Value::Bool(value.eq_ignore_ascii_case("true"))),
        Kind::Numeric | Kind::NumericList => is_number(value).then(|| text(value)).ok_or("numeric format"),
        Kind::Ip | Kind::IpList => value.parse::<IpAddr>().map(|_| text(value)).map_err(|_| "IP address"),
        Kind::Date | Kind::DateList => {
            let date = text(value);
            if date.as_instant().is_some() { Ok(date) } else { Err("DateTime format") }
        }
        Kind::Binary | Kind::BinaryList => match STANDARD.decode(value) {
            Ok(bytes) => Ok(Value::Bytes(Cow::Owned(bytes))),
            Err(_) => Err("base-64 encoded binary format"),
        },
    }
}

/// A decimal number with or without sign, point and exponent.
fn is_number(text: &str) -> bool {
    let unsigned = |text: &str| text.strip_prefix(['+', '-']).unwrap_or(text).to_owned();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mantissa = unsigned(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((&mantissa, ""));
    digits(&[whole, fraction].concat()) && digits(&unsigned(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(refusal: &Error) -> &str {
        match refusal {
            Error::Refused(refusal) => &refusal.message,
            other => panic!("{other:?}"),
        }
    }

    fn entry(name: &str, kind: ContextKeyTypeEnum, values: &[&str]) -> ContextEntry {
        ContextEntry {
            context_key_name: Some(name.to_owned()),
            context_key_values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
            context_key_type: Some(kind),
        }
    }

    #[test]
    fn values_have_the_form_of_their_type() {
        use ContextKeyTypeEnum::{Binary, BooleanList, Date, Ip, Numeric, String, StringList};
        for (kind, values, text) in [
            (String, &["a", "b"][..], "Context key string expected a single value, but received 2."),
            (StringList, &[][..], "Context values for context key x:one cannot be null or empty."),
            (Numeric, &["0x10"], "Invalid context value for key x:one: expected numeric format."),
            (Numeric, &[" 1 "], "Invalid context value for key x:one: expected numeric format."),
            (Numeric, &["NaN"], "Invalid context value for key x:one: expected numeric format."),
            (Date, &["tomorrow"], "Invalid context value for key x:one: expected DateTime format."),
            (Ip, &["999.0.0.1"], "Invalid context value for key x:one: expected IP address."),
            (String, &[&"a".repeat(2049)], "Context value for key x:one cannot be longer than 2048 characters."),
            (Binary, &["!base64"], "Invalid context value for key x:one: expected base-64 encoded binary format."),
        ] {
            let refusal = Context::read(&[entry("x:one", kind, values)], None, "1").expect_err(text);
            assert_eq!(text_of(&refusal), text);
        }
        for (kind, values) in [
            (String, &[""][..]),
            (String, &[&"é".repeat(2048)]),
            (Numeric, &["01.00"]),
            (Numeric, &["+1"]),
            (Numeric, &["1e2"]),
            (Numeric, &[".5"]),
            (Date, &["2035"]),
            (Ip, &["2001:db8::1"]),
            (BooleanList, &["TRUE", "yes"]),
            (Binary, &["AAE="]),
        ] {
            Context::read(&[entry("x:one", kind, values)], None, "1").expect("read");
        }
        let twice = [entry("x:one", String, &["a"]), entry("X:ONE", String, &["b"])];
        let refusal = Context::read(&twice, None, "1").expect_err("twice");
        assert_eq!(text_of(&refusal), "Duplicate context key: X:ONE.");
    }

    #[test]
    fn what_is_given_goes_before_what_the_caller_is() {
        let caller = Caller::read("arn:aws:iam::111122223333:user/ann");
        let entries = [entry("AWS:Username", ContextKeyTypeEnum::String, &["bob"])];
        let context = Context::read(&entries, caller, "444455556666").expect("read");
        assert_eq!(context.get("aws:username"), Some(Values::text("bob")));
        assert_eq!(context.get("aws:principalaccount"), Some(Values::text("111122223333")));
        assert_eq!(context.get("aws:userid"), Some(Values::text("arn:aws:iam::111122223333:user/ann")));
        assert!(context.given.get("aws:userid").is_none());
        let nobody = Context::read(&[], None, "444455556666").expect("read");
        assert_eq!(nobody.get("aws:userid"), Some(Values::text(NOBODY)));
        assert_eq!(nobody.get("aws:principalarn"), None);
    }
}
