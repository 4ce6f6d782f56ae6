//! The condition block of a statement: its keys and what their values are compared with.

mod operator;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::arn::{ArnPattern, ArnText};
use crate::instant;
use crate::json::{Node, What};
use crate::keys::{Keys, Number, Value, Values, truth};
use crate::malformed::{Faults, Place, Stage, shown};
use crate::pattern::{Reading, Template, Variable};
use crate::ranges::{Block, Cidr, NoBlock};
use crate::statement::Effect;
use operator::{Operator, Order, Set, Test};

/// One key of a condition block.
#[derive(Clone, Debug)]
pub struct Condition {
    operator: Operator,
    written_operator: Box<str>,
    /// In lower case.
    folded: Box<str>,
    key: Box<str>,
    values: Box<[String]>,
    expected: Expected,
}

/// The values of the policy, in the form in which they are compared.
#[derive(Clone, Debug)]
enum Expected {
    Texts(Box<[Template]>),
    /// In lower case.
    Folded(Box<[Template]>),
    Patterns(Box<[Template]>),
    Arns(Box<[ArnPattern]>),
    Numbers(Order, Box<[Number]>),
    Instants(Order, Box<[i64]>),
    Bytes(Box<[Box<[u8]>]>),
    Blocks(Box<[Cidr]>),
    Truths(Box<[Template]>),
    Absent(Box<[bool]>),
}

impl Condition {
    /// The operator as it is written, such as `ForAnyValue:StringLike`.
    #[must_use]
    pub fn operator(&self) -> &str {
        &self.written_operator
    }

    /// The key as it is written.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key in lower case.
    pub(crate) fn folded_key(&self) -> &str {
        &self.folded
    }

    /// The values of the policy as text; numbers and truth values too.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Bytes of memory, about.
    pub(crate) fn size_bytes(&self) -> usize {
        let texts: usize = self.values.iter().map(|value| 2 * value.len() + 3 * size_of::<String>()).sum();
        size_of::<Self>() + self.written_operator.len() + 2 * self.key.len() + texts
    }

    /// The variables in its values.
    pub(crate) fn variables(&self) -> Vec<&Variable> {
        match &self.expected {
            Expected::Texts(values)
            | Expected::Folded(values)
            | Expected::Patterns(values)
            | Expected::Truths(values) => values.iter().flat_map(Template::variables).collect(),
            Expected::Arns(values) => values.iter().flat_map(ArnPattern::variables).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether a request with these keys satisfies it, in a statement of `effect`.
    #[must_use]
    pub fn holds(&self, effect: Effect, keys: &dyn Keys) -> bool {
        let values = keys.get(&self.folded);
        let found = values.as_ref().map_or(&[] as &[Value<'_>], |values| values.as_slice());
        if matches!(values, Some(Values::Either(_))) {
            let mut each = found.iter().map(|value| self.holds_of(std::slice::from_ref(value), keys));
            return match effect {
                Effect::Allow => each.all(|holds| holds),
                Effect::Deny => each.any(|holds| holds),
            };
        }
        self.holds_of(found, keys)
    }

    /// Whether a key with these values satisfies it.
    fn holds_of(&self, found: &[Value<'_>], keys: &dyn Keys) -> bool {
        if let Expected::Absent(expected) = &self.expected {
            return expected.contains(&found.is_empty());
        }
        // Sets take a key without anything in it for a missing one.
        let missing = found.is_empty() || self.operator.set != Set::None && found.iter().all(Value::is_empty);
        if missing {
            return self.operator.if_exists
                || match self.operator.set {
                    Set::None => self.operator.negated,
                    Set::AllValues => true,
                    Set::AnyValue => false,
                };
        }
        let negated = self.operator.negated;
        match self.operator.set {
            Set::None => found.iter().any(|value| self.expected.has(value, keys)) != negated,
            Set::AllValues => found.iter().all(|value| self.expected.has(value, keys) != negated),
            Set::AnyValue => found.iter().any(|value| self.expected.has(value, keys) != negated),
        }
    }
}

impl Expected {
    /// Whether a value of the request is equal to, like or within one of these.
    fn has(&self, value: &Value<'_>, keys: &dyn Keys) -> bool {
        match self {
            Self::Texts(texts) => value.as_text().is_some_and(|found| {
                texts.iter().any(|text| text.with(keys, |text| *text == *found.as_bytes()).unwrap_or_default())
            }),
            Self::Folded(texts) => value.as_text().is_some_and(|found| {
                texts.iter().any(|text| text.with(keys, |text| is_same_folded(text, &found)).unwrap_or_default())
            }),
            Self::Patterns(patterns) => {
                value.as_text().is_some_and(|found| patterns.iter().any(|pattern| pattern.matches(keys, &found)))
            }
            Self::Arns(patterns) => value.as_text().is_some_and(|found| {
                let found = ArnText::new(&found);
                patterns.iter().any(|pattern| pattern.matches(keys, &found))
            }),
            Self::Numbers(order, numbers) => value.as_number().is_some_and(|found| {
                numbers.iter().any(|number| found.order(*number).is_some_and(|found| order.holds(found)))
            }),
            Self::Instants(order, instants) => {
                value.as_instant().is_some_and(|found| instants.iter().any(|instant| order.holds(found.cmp(instant))))
            }
            Self::Bytes(expected) => expected.iter().any(|bytes| value.has_bytes(bytes)),
            Self::Blocks(blocks) => {
                value.as_address().is_some_and(|found| blocks.iter().any(|block| block.holds(found)))
            }
            Self::Truths(truths) => value.as_bool().is_some_and(|found| {
                let is = |text: &[u8]| std::str::from_utf8(text).ok().and_then(truth) == Some(found);
                truths.iter().any(|text| text.with(keys, is).unwrap_or_default())
            }),
            Self::Absent(_) => false,
        }
    }

    fn new(test: Test, values: &[String], variables: bool) -> Self {
        let templates = |wildcards, variables| {
            values.iter().map(|value| Template::parse(value, Reading { wildcards, variables })).collect()
        };
        match test {
            Test::String => Self::Texts(templates(false, variables)),
            Test::StringIgnoreCase => Self::Folded(templates(false, variables)),
            Test::StringLike => Self::Patterns(templates(true, variables)),
            Test::Bool => Self::Truths(templates(false, variables)),
            Test::Arn => Self::Arns(values.iter().map(|value| ArnPattern::new(value, variables)).collect()),
            Test::Numeric(order) => {
                Self::Numbers(order, values.iter().filter_map(|value| Number::parse(value)).collect())
            }
            Test::Date(order) => {
                Self::Instants(order, values.iter().filter_map(|value| instant::parse(value)).collect())
            }
            Test::Binary => Self::Bytes(values.iter().filter_map(|value| decode_base64(value)).collect()),
            Test::Address => Self::Blocks(values.iter().filter_map(|value| Cidr::parse(value)).collect()),
            Test::Null => Self::Absent(values.iter().filter_map(|value| truth(value)).collect()),
        }
    }
}

/// Whether two texts are the same without regard to case: letter by letter on both sides, with one sigma, as the lower
/// case of a whole text has two of them.
fn is_same_folded(text: &[u8], found: &str) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| folded(text).eq(folded(found)))
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase).map(|letter| if letter == 'ς' { 'σ' } else { letter })
}

/// The bytes of a text in base 64, with or without its padding.
fn decode_base64(text: &str) -> Option<Box<[u8]>> {
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() > 2 || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut held, mut bits) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(value)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap_or_default());
        }
    }
    Some(bytes.into())
}

/// How strictly values are read, by the kind of policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Version 2012-10-17.
    pub(crate) variables: bool,
    /// Whether a date that is none is refused: IAM's own policies.
    pub(crate) dates: bool,
    /// AWS's text for a fault of the grammar.
    pub(crate) syntax: &'static str,
}

/// Reads a condition block.
pub(crate) fn parse(place: &Place, value: &Node, rules: Rules, faults: &mut Faults) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let What::Object(operators) = &value.what else {
        faults.add(Stage::Grammar, place, "is no map", rules.syntax);
        return conditions;
    };
    for (name, keys) in operators {
        let place = place.member(name);
        let Some(operator) = Operator::parse(name) else {
            faults.add(Stage::Grammar, &place, "is no condition operator", rules.syntax);
            continue;
        };
        let What::Object(keys) = &keys.what else {
            faults.add(Stage::Grammar, &place, "is no map of keys", rules.syntax);
            continue;
        };
        let mut seen = BTreeSet::new();
        for (key, values) in keys {
            let inner = place.member(key);
            if !is_key(key) {
                faults.add(Stage::Grammar, &inner, "is no condition key", rules.syntax);
            }
            let folded = key.to_ascii_lowercase();
            // Keys of conditions are the same in upper and lower case.
            if !seen.insert(folded.clone()) {
                faults.add(Stage::Grammar, &inner, "stands twice", rules.syntax);
            }
            let values = read_values(&inner, operator.test, values, rules, faults);
            conditions.push(Condition {
                operator,
                written_operator: name.as_str().into(),
                folded: folded.into(),
                key: key.as_str().into(),
                expected: Expected::new(operator.test, &values, rules.variables),
                values: values.into(),
            });
        }
    }
    conditions
}

/// A service or `aws`, a colon, and a name: `aws:SourceVpc`, `secretsmanager:ResourceTag/tag-key`.
fn is_key(text: &str) -> bool {
    let Some((service, name)) = text.split_once(':') else { return false };
    let named = !service.is_empty() && service.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b));
    named && !name.is_empty() && !name.chars().any(char::is_control)
}

/// A scalar or a list of scalars, as text. An empty list matches nothing.
fn read_values(place: &Place, test: Test, value: &Node, rules: Rules, faults: &mut Faults) -> Vec<String> {
    let mut texts = Vec::new();
    let list = match &value.what {
        What::List(list) => list.as_slice(),
        _ => std::slice::from_ref(value),
    };
    let in_list = matches!(value.what, What::List(_));
    for (at, value) in list.iter().enumerate() {
        let text = match &value.what {
            What::Text(text) | What::Number(text) => text.clone(),
            What::Bool(flag) => flag.to_string(),
            _ => {
                let place = if in_list { place.element(at) } else { place.clone() };
                faults.add(Stage::Grammar, &place, "is no string, number or boolean", rules.syntax);
                continue;
            }
        };
        check_value(place, test, &text, rules, faults);
        texts.push(text);
    }
    texts
}

fn check_value(place: &Place, test: Test, text: &str, rules: Rules, faults: &mut Faults) {
    // A policy variable may turn out to be a truth value.
    if matches!(test, Test::Bool | Test::Null) && truth(text).is_none() && !text.starts_with("${") {
        faults.add(Stage::Grammar, place, format!("{} is neither true nor false", shown(text)), rules.syntax);
    }
    if test == Test::Address && Block::parse(text) == Err(NoBlock::ImpossiblePrefix) {
        faults.add(Stage::Grammar, place, format!("{} has an impossible prefix", shown(text)), rules.syntax);
    }
    if matches!(test, Test::Date(_)) && rules.dates && instant::parse(text).is_none() {
        let legacy = "The policy failed legacy parsing";
        faults.add(Stage::Dates, place, format!("{} is no date", shown(text)), legacy);
    }
}
