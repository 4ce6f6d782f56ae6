//! From a pattern's JSON to what events are held against.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::matcher::{Bound, Comparison, Folded, Matcher};
use crate::pattern::{Fields, Node};
use crate::wildcard::Wildcard;

/// Combinations that `$or` may make of a pattern, at most.
const COMBINATIONS_MAX: u64 = 1000;
/// The greatest number that is compared, and the smallest with a minus.
const NUMBER_MAX: f64 = 5.0e9;
/// What an object of matchers may be called by.
const MATCHERS: [&str; 8] =
    ["anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"];

/// The fields of a pattern.
pub(crate) fn root(text: &str) -> Result<Fields, Fault> {
    let value: Value = serde_json::from_str(text).map_err(|error| Fault::new(error.to_string()))?;
    let Value::Object(object) = value else { return Err(Fault::new("Filter is not an object")) };
    let fields = fields(&object, &[])?;
    if fields.combinations() > COMBINATIONS_MAX {
        let text = format!("The pattern makes more than {COMBINATIONS_MAX} combinations by $or");
        return Err(Fault::new(text));
    }
    Ok(fields)
}

impl Fields {
    /// How many patterns without `$or` say the same.
    fn combinations(&self) -> u64 {
        let of_node = |node: &Node| if let Node::Object(fields) = node { fields.combinations() } else { 1 };
        let within = self.fields.iter().map(|(_, node)| of_node(node));
        let either = self.any.iter().map(|fields| fields.iter().map(Self::combinations).fold(0, u64::saturating_add));
        within.chain(either).fold(1, u64::saturating_mul)
    }
}

fn fields(object: &Map<String, Value>, path: &[String]) -> Result<Fields, Fault> {
    if object.is_empty() {
        return Err(Fault::new("Empty objects are not allowed"));
    }
    let mut made = Fields::default();
    for (name, value) in object {
        if name == "$or"
            && let Some(alternatives) = alternatives(value)
        {
            let alternatives = alternatives.into_iter().map(|object| fields(object, path));
            made.any.push(alternatives.collect::<Result<_, _>>()?);
            continue;
        }
        let path: Vec<String> = path.iter().chain([name]).cloned().collect();
        let node = match value {
            Value::Object(object) => Node::Object(fields(object, &path)?),
            Value::Array(list) if list.is_empty() => return Err(Fault::new("Empty arrays are not allowed")),
            Value::Array(list) => Node::Leaf { path, matchers: list.iter().map(matcher).collect::<Result<_, _>>()? },
            _ => return Err(Fault::new(format!("\"{name}\" must be an object or an array"))),
        };
        made.fields.push((name.clone(), node));
    }
    Ok(made)
}

/// The alternatives of `$or`: two objects at least, none of which is a matcher. Anything else is a field of that name.
fn alternatives(value: &Value) -> Option<Vec<&Map<String, Value>>> {
    let objects: Option<Vec<_>> = value.as_array()?.iter().map(Value::as_object).collect();
    let is_pattern = |object: &&Map<String, Value>| !object.keys().any(|name| MATCHERS.contains(&name.as_str()));
    objects.filter(|objects| objects.len() >= 2 && objects.iter().all(is_pattern))
}

fn matcher(value: &Value) -> Result<Matcher, Fault> {
    match value {
        Value::Object(object) => {
            let mut members = object.iter();
            match (members.next(), members.next()) {
                (Some((name, argument)), None) => named(name, argument),
                (Some((name, _)), Some(_)) => {
                    Err(Fault::new(format!("Only one key allowed in match expression: {name}")))
                }
                (None, _) => Err(Fault::new("Empty objects are not allowed")),
            }
        }
        Value::Array(_) => Err(Fault::new("Match value must be String, number, true, false, or null")),
        value => Ok(Matcher::Exactly(value.clone())),
    }
}

fn named(name: &str, argument: &Value) -> Result<Matcher, Fault> {
    match name {
        "prefix" => affix(name, argument).map(Matcher::Prefix),
        "suffix" => affix(name, argument).map(Matcher::Suffix),
        "equals-ignore-case" => Ok(Matcher::IgnoringCase(Folded::ignoring_case(text(name, argument)?))),
        "exists" => match argument {
            Value::Bool(true) => Ok(Matcher::Present),
            Value::Bool(false) => Ok(Matcher::Absent),
            _ => Err(Fault::new("exists match pattern must be either true or false.")),
        },
        "anything-but" => anything_but(argument),
        "numeric" => numeric(argument),
        "cidr" => cidr(text(name, argument)?),
        "wildcard" => wildcard(argument),
        _ => Err(Fault::new(format!("Unrecognized match type {name}"))),
    }
}

fn text<'a>(name: &str, argument: &'a Value) -> Result<&'a str, Fault> {
    argument.as_str().ok_or_else(|| Fault::new(format!("{name} match pattern must be a string")))
}

/// What a text begins or ends with, regardless of case where it says so.
fn affix(name: &str, argument: &Value) -> Result<Folded, Fault> {
    match argument {
        Value::Object(object) => match (object.len(), object.get("equals-ignore-case")) {
            (1, Some(argument)) => Ok(Folded::ignoring_case(text("equals-ignore-case", argument)?)),
            _ => Err(Fault::new(format!("Unsupported {name} pattern: only equals-ignore-case may stand within it"))),
        },
        argument => Ok(Folded::exact(text(name, argument)?)),
    }
}

fn wildcard(argument: &Value) -> Result<Matcher, Fault> {
    Wildcard::parse(text("wildcard", argument)?).map(Matcher::Wildcard)
}

fn anything_but(argument: &Value) -> Result<Matcher, Fault> {
    let excluded = match argument {
        Value::Object(object) => {
            let mut members = object.iter();
            let (Some((name, argument)), None) = (members.next(), members.next()) else {
                return Err(Fault::new("Anything-But expression must have exactly one member"));
            };
            if !matches!(name.as_str(), "prefix" | "suffix" | "equals-ignore-case" | "wildcard") {
                return Err(Fault::new(format!("Unsupported anything-but pattern: {name}")));
            }
            let each = |argument| named(name, argument);
            listed(argument)?.into_iter().map(each).collect::<Result<Vec<_>, _>>()?
        }
        argument => {
            let list = listed(argument)?;
            let texts = list.iter().all(|value| value.is_string());
            let numbers = list.iter().all(|value| value.is_number());
            if !texts && !numbers && argument.is_array() {
                let text =
                    "Inside anything but list, either all values are number or string, mixed type is not supported";
                return Err(Fault::new(text));
            }
            list.into_iter().map(matcher).collect::<Result<Vec<_>, _>>()?
        }
    };
    Ok(Matcher::AnythingBut(excluded))
}

/// One value, or the values of a list.
fn listed(argument: &Value) -> Result<Vec<&Value>, Fault> {
    match argument {
        Value::Array(list) if list.is_empty() => Err(Fault::new("Empty arrays are not allowed")),
        Value::Array(list) => Ok(list.iter().collect()),
        argument => Ok(vec![argument]),
    }
}

fn numeric(argument: &Value) -> Result<Matcher, Fault> {
    let list = argument.as_array().ok_or_else(|| Fault::new("Value of numeric must be an array."))?;
    let mut bounds = Vec::new();
    for pair in list.chunks(2) {
        let [operator, number] = pair else { return Err(Fault::new("Value of numeric match must be numeric.")) };
        let comparison = match operator.as_str() {
            Some("=") => Comparison::Equal,
            Some("<") => Comparison::Below,
            Some("<=") => Comparison::AtMost,
            Some(">") => Comparison::Above,
            Some(">=") => Comparison::AtLeast,
            Some(other) => return Err(Fault::new(format!("Unrecognized numeric range operator: {other}"))),
            None => return Err(Fault::new("Invalid member in numeric match: an operator must be a string")),
        };
        let number = number.as_f64().ok_or_else(|| Fault::new("Value of numeric match must be numeric."))?;
        if number.abs() > NUMBER_MAX {
            return Err(Fault::new("Value must be between -5.0E9 and 5.0E9, inclusive"));
        }
        bounds.push(Bound { comparison, number });
    }
    match bounds.as_slice() {
        [] => Err(Fault::new("Invalid member in numeric match: it is empty")),
        [_] => Ok(Matcher::Numeric(bounds)),
        [low, high] if is_range(*low, *high) && low.number >= high.number => {
            Err(Fault::new("Bottom must be less than top"))
        }
        [low, high] if is_range(*low, *high) => Ok(Matcher::Numeric(bounds)),
        _ => Err(Fault::new("Too many elements in numeric expression")),
    }
}

fn is_range(low: Bound, high: Bound) -> bool {
    matches!(low.comparison, Comparison::Above | Comparison::AtLeast)
        && matches!(high.comparison, Comparison::Below | Comparison::AtMost)
}

fn cidr(text: &str) -> Result<Matcher, Fault> {
    let malformed = || Fault::new(format!("Malformed CIDR: {text}"));
    let (network, bits) = text.split_once('/').ok_or_else(|| Fault::new("Malformed CIDR, one '/' required"))?;
    let network: IpAddr = network.parse().map_err(|_| malformed())?;
    let is_number = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    let bits: u32 = bits.parse().ok().filter(|_| is_number).ok_or_else(malformed)?;
    let bits_max = if network.is_ipv4() { 32 } else { 128 };
    if bits > bits_max {
        return Err(Fault::new(format!("Malformed CIDR, mask bits must be at most {bits_max}")));
    }
    Ok(Matcher::Cidr(network, bits))
}
