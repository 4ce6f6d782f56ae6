//! What the models do not say of a shape though the service keeps it: that values are secret, how answers carry them, and
//! what the service says when it refuses them.

use serde_json::Value;

use crate::Outcome;
use crate::models::facts::{Facts, Shape};

/// The traits that [`marked`] gives to shapes.
const PERCENT_ENCODED: &str = "percentEncoded";
const UNREPEATED: &str = "unrepeated";
const WORDING: &str = "wording";

/// Shapes that hold credentials without being marked: session tokens, and the codes that MFA devices show.
const SECRET: [(&str, &str); 3] = [("iam", "authenticationCodeType"), ("sts", "tokenCodeType"), ("sts", "tokenType")];

/// Policy documents stand percent-encoded (RFC 3986) in IAM's answers; SDKs and the CLI decode every member of this
/// shape.
const ENCODED: [(&str, &str); 1] = [("iam", "policyDocumentType")];

/// Values that IAM's messages do not repeat (`Value at 'tags.1.member.value' failed …`, seen on the real service).
const NOT_REPEATED: [(&str, &str); 4] =
    [("iam", "policyDocumentType"), ("iam", "roleDescriptionType"), ("iam", "tagKeyType"), ("iam", "tagValueType")];

/// Patterns for which IAM has words of its own, seen on the real service for role, user and policy names and for paths.
/// The words for path prefixes follow those for paths and are unconfirmed.
const WORDED: [(&str, &str, &str); 4] = [
    ("iam", "[\\w+=,.@-]+", "It must contain only alphanumeric characters and/or the following: +=,.@_-"),
    (
        "iam",
        "(\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)",
        "It must begin and end with / and contain only alphanumeric characters and/or / characters.",
    ),
    (
        "iam",
        "((/[A-Za-z0-9\\.,\\+@=_-]+)*)/",
        "It must begin and end with / and contain only alphanumeric characters and/or / characters.",
    ),
    (
        "iam",
        "\\u002F[\\u0021-\\u007F]*",
        "It must begin with / and contain only alphanumeric characters and/or / characters.",
    ),
];

/// The facts with these marks.
pub fn marked(service: &str, mut facts: Facts) -> Outcome<Facts> {
    let of_service = |(of, shape): &(&str, &'static str)| (*of == service).then_some(*shape);
    let mut mark = |name: &str, mark: &dyn Fn(&mut Shape)| match facts.shapes.get_mut(name) {
        Some(shape) => {
            mark(shape);
            Ok(())
        }
        None => Err(format!("{service}: no shape {name}")),
    };
    for name in SECRET.iter().filter_map(of_service) {
        mark(name, &|shape| shape.sensitive = true)?;
    }
    for (names, name_of_trait) in [(&ENCODED[..], PERCENT_ENCODED), (&NOT_REPEATED[..], UNREPEATED)] {
        for name in names.iter().filter_map(of_service) {
            mark(name, &|shape| drop(shape.traits.insert(name_of_trait.to_owned(), Value::Bool(true))))?;
        }
    }
    for (_, pattern, wording) in WORDED.iter().filter(|(of, ..)| *of == service) {
        let mut texts = facts.shapes.values_mut().filter(|shape| shape.pattern.as_deref() == Some(pattern)).peekable();
        if texts.peek().is_none() {
            return Err(format!("{service}: no shape has the pattern {pattern}"));
        }
        for shape in texts {
            shape.traits.insert(WORDING.to_owned(), Value::String((*wording).to_owned()));
        }
    }
    Ok(facts)
}

/// Whether a trait is one of the marks.
pub fn is_mark(name: &str) -> bool {
    [PERCENT_ENCODED, UNREPEATED, WORDING].contains(&name)
}

/// The calls that give a form of text its marks.
pub fn calls(shape: &Shape) -> String {
    let mut out = String::new();
    if shape.traits.contains_key(UNREPEATED) {
        out.push_str(".unrepeated()");
    }
    if let Some(Value::String(wording)) = shape.traits.get(WORDING) {
        out.push_str(&format!(".worded({wording:?})"));
    }
    if shape.traits.contains_key(PERCENT_ENCODED) {
        out.push_str(".percent_encoded()");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts with a shape for each mark of STS.
    fn facts(shapes: &str) -> Facts {
        let text = format!(
            r#"{{"source": {{"package": "p", "version": "1"}}, "metadata": {{}}, "operations": {{}}, "shapes": {{{shapes}}}}}"#
        );
        serde_json::from_str(&text).expect("facts")
    }

    #[test]
    fn marks_are_set_and_what_they_name_must_be_there() {
        let both =
            r#""tokenType": {"type": "string"}, "tokenCodeType": {"type": "string"}, "other": {"type": "string"}"#;
        let marked_facts = marked("sts", facts(both)).expect("facts");
        let secret = |name: &str| marked_facts.shapes[name].sensitive;
        assert!(secret("tokenType") && secret("tokenCodeType") && !secret("other"));
        assert!(marked("sts", facts(r#""tokenType": {"type": "string"}"#)).is_err());
        assert_eq!(marked("none", facts(both)).expect("facts"), facts(both));
    }

    #[test]
    fn marks_become_calls() {
        let traits = [(UNREPEATED, Value::Bool(true)), (PERCENT_ENCODED, true.into()), (WORDING, "Say \"a\".".into())];
        let traits = traits.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let shape = Shape { traits, ..Shape::default() };
        assert_eq!(calls(&shape), r#".unrepeated().worded("Say \"a\".").percent_encoded()"#);
        assert_eq!(calls(&Shape::default()), "");
    }
}
