//! What the models do not say of a shape though the service keeps it: that values are secret, and that answers carry them
//! percent-encoded.

use serde_json::Value;

use crate::Outcome;
use crate::models::facts::Facts;

/// The trait that [`marked`] gives to shapes that answers carry percent-encoded.
pub const PERCENT_ENCODED: &str = "percentEncoded";

/// Shapes that hold credentials without being marked: session tokens, and the codes that MFA devices show.
const SECRET: [(&str, &str); 3] = [("iam", "authenticationCodeType"), ("sts", "tokenCodeType"), ("sts", "tokenType")];

/// Policy documents stand percent-encoded (RFC 3986) in IAM's answers; SDKs and the CLI decode every member of this
/// shape.
const ENCODED: [(&str, &str); 1] = [("iam", "policyDocumentType")];

/// The facts with these marks.
pub fn marked(service: &str, mut facts: Facts) -> Outcome<Facts> {
    let of_service = |(of, shape): &(&str, &'static str)| (*of == service).then_some(*shape);
    for name in SECRET.iter().filter_map(of_service) {
        facts.shapes.get_mut(name).ok_or_else(|| format!("{service}: no shape {name}"))?.sensitive = true;
    }
    for name in ENCODED.iter().filter_map(of_service) {
        let shape = facts.shapes.get_mut(name).ok_or_else(|| format!("{service}: no shape {name}"))?;
        shape.traits.insert(PERCENT_ENCODED.to_owned(), Value::Bool(true));
    }
    Ok(facts)
}
