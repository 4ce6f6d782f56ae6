//! The condition operators of IAM: what they compare, and how prefixes and suffixes change that.

use std::cmp::Ordering;

/// An operator with its prefix and suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) test: Test,
    /// `Not`: all values of the policy are to be missed.
    pub(crate) negated: bool,
    /// `IfExists`: a missing key satisfies it.
    pub(crate) if_exists: bool,
    pub(crate) set: Set,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    String,
    StringIgnoreCase,
    StringLike,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    Address,
    Arn,
    Null,
}

/// How a value of the request stands to one of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Same,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Order {
    pub(crate) const fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Same => found.is_eq(),
            Self::Less => found.is_lt(),
            Self::AtMost => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::AtLeast => found.is_ge(),
        }
    }
}

/// How several values of the request count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    None,
    AllValues,
    AnyValue,
}

const OPERATORS: [(&str, Test, bool); 27] = [
    ("StringEquals", Test::String, false),
    ("StringNotEquals", Test::String, true),
    ("StringEqualsIgnoreCase", Test::StringIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Test::StringIgnoreCase, true),
    ("StringLike", Test::StringLike, false),
    ("StringNotLike", Test::StringLike, true),
    ("NumericEquals", Test::Numeric(Order::Same), false),
    ("NumericNotEquals", Test::Numeric(Order::Same), true),
    ("NumericLessThan", Test::Numeric(Order::Less), false),
    ("NumericLessThanEquals", Test::Numeric(Order::AtMost), false),
    ("NumericGreaterThan", Test::Numeric(Order::Greater), false),
    ("NumericGreaterThanEquals", Test::Numeric(Order::AtLeast), false),
    ("DateEquals", Test::Date(Order::Same), false),
    ("DateNotEquals", Test::Date(Order::Same), true),
    ("DateLessThan", Test::Date(Order::Less), false),
    ("DateLessThanEquals", Test::Date(Order::AtMost), false),
    ("DateGreaterThan", Test::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Test::Date(Order::AtLeast), false),
    ("Bool", Test::Bool, false),
    ("BinaryEquals", Test::Binary, false),
    ("IpAddress", Test::Address, false),
    ("NotIpAddress", Test::Address, true),
    ("ArnEquals", Test::Arn, false),
    ("ArnNotEquals", Test::Arn, true),
    ("ArnLike", Test::Arn, false),
    ("ArnNotLike", Test::Arn, true),
    ("Null", Test::Null, false),
];

impl Operator {
    /// Reads an operator. Its case matters; `Null` tests whether a key is there, and so takes no `IfExists`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (set, rest) = if let Some(rest) = text.strip_prefix("ForAllValues:") {
            (Set::AllValues, rest)
        } else if let Some(rest) = text.strip_prefix("ForAnyValue:") {
            (Set::AnyValue, rest)
        } else {
            (Set::None, text)
        };
        let (base, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |base| (base, true));
        let (_, test, negated) = *OPERATORS.iter().find(|(name, ..)| *name == base)?;
        (!(test == Test::Null && if_exists)).then_some(Self { test, negated, if_exists, set })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_take_prefixes_and_suffixes() {
        let parse = |text| Operator::parse(text).expect("an operator");
        assert_eq!(
            parse("ForAnyValue:StringNotLikeIfExists"),
            Operator { test: Test::StringLike, negated: true, if_exists: true, set: Set::AnyValue }
        );
        assert_eq!(parse("NumericLessThanEquals").test, Test::Numeric(Order::AtMost));
        for text in
            ["stringequals", "NullIfExists", "ForSomeValues:Bool", "IfExists", "", "BinaryNotEquals", "BoolIfexists"]
        {
            assert_eq!(Operator::parse(text), None, "{text}");
        }
    }
}
