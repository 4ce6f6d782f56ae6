//! The condition block of a statement: operator, key, values.

use std::collections::BTreeSet;

use super::json::Node;
use super::ranges::{Block, NoBlock};
use super::{Condition, Place, PolicyError, shown};

/// IAM's condition operators, without the prefixes of sets and the suffix IfExists.
const OPERATORS: [&str; 27] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnNotEquals",
    "ArnLike",
    "ArnNotLike",
    NULL,
];
/// Tests whether a key is there, and so takes no IfExists.
const NULL: &str = "Null";

/// Checks a condition block.
pub(super) fn check(place: &Place, value: &Node) -> Result<Vec<Condition>, PolicyError> {
    let Node::Object(operators) = value else { return Err(place.syntax("is no map")) };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let place = place.member(operator);
        if !is_operator(operator) {
            return Err(place.syntax("is no condition operator"));
        }
        let Node::Object(keys) = keys else { return Err(place.syntax("is no map of keys")) };
        let mut seen = BTreeSet::new();
        for (key, values) in keys {
            let inner = place.member(key);
            if !is_key(key) {
                return Err(inner.syntax("is no condition key"));
            }
            // Keys of conditions are the same in upper and lower case.
            if !seen.insert(key.to_ascii_lowercase()) {
                return Err(inner.syntax("stands twice"));
            }
            let values = check_values(&inner, base(operator), values)?;
            conditions.push(Condition { operator: operator.clone(), key: key.clone(), values });
        }
    }
    Ok(conditions)
}

fn is_operator(text: &str) -> bool {
    let base = base(text);
    OPERATORS.contains(&base) && !(base == NULL && text.ends_with("IfExists"))
}

/// The operator without prefix and suffix.
fn base(text: &str) -> &str {
    let text = text.strip_prefix("ForAllValues:").or_else(|| text.strip_prefix("ForAnyValue:")).unwrap_or(text);
    text.strip_suffix("IfExists").unwrap_or(text)
}

/// A service or `aws`, a colon, and a name: `aws:SourceVpc`, `secretsmanager:ResourceTag/tag-key`.
fn is_key(text: &str) -> bool {
    let Some((service, name)) = text.split_once(':') else { return false };
    let named = !service.is_empty() && service.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b));
    named && !name.is_empty() && !name.chars().any(char::is_control)
}

/// A scalar or a list of scalars, as text. An empty list matches nothing.
fn check_values(place: &Place, operator: &str, value: &Node) -> Result<Vec<String>, PolicyError> {
    let scalar = |place: &Place, value: &Node| match value {
        Node::Text(text) | Node::Number(text) => Ok(text.clone()),
        Node::Bool(flag) => Ok(flag.to_string()),
        _ => Err(place.syntax("is no string, number or boolean")),
    };
    let values = match value {
        Node::List(list) => {
            list.iter().enumerate().map(|(at, value)| scalar(&place.element(at), value)).collect::<Result<_, _>>()?
        }
        value => vec![scalar(place, value)?],
    };
    if matches!(operator, "Bool" | NULL)
        && let Some(wrong) = values.iter().find(|text| !is_boolean(text))
    {
        return Err(place.syntax(format!("{} is neither true nor false", shown(wrong))));
    }
    if matches!(operator, "IpAddress" | "NotIpAddress")
        && let Some(wrong) = values.iter().find(|text| Block::parse(text) == Err(NoBlock::ImpossiblePrefix))
    {
        return Err(place.syntax(format!("{} has an impossible prefix", shown(wrong))));
    }
    Ok(values)
}

/// A policy variable may turn out to be one.
fn is_boolean(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") || text.starts_with("${")
}
