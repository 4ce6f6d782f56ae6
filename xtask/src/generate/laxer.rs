//! Where the real service takes what its model says it refuses. The facts stay as AWS publishes them; what is generated
//! follows the service.

use crate::models::facts::Facts;

/// A constraint of a model that the service does not keep.
struct Laxer {
    service: &'static str,
    shape: &'static str,
    min: i64,
}

/// An empty `SecretString` is no validation error: CreateSecret makes a secret without a value, PutSecretValue answers
/// that a value is missing (both seen on the real service).
const LAXER: [Laxer; 1] = [Laxer { service: "secretsmanager", shape: "SecretStringType", min: 0 }];

/// Enumerations that answers do not keep to: simulations tell the sources of statements in other words than the model's.
/// CloudTrail refuses what is none of its own by errors of its own.
const OPEN: [(&str, &str); 3] =
    [("iam", "PolicySourceType"), ("cloudtrail", "EventCategory"), ("cloudtrail", "LookupAttributeKey")];

/// Patterns in place of the model's: of IAM with wildcards, which the model's documentation allows in a name (both seen on
/// the real service).
const PATTERNS: [(&str, &str, &str); 3] = [
    ("iam", "AttachmentName", ".*[\\w+=,.@-]+.*"),
    // The model's without its brackets, which say nothing.
    ("lambda", "TagKey", "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*"),
    ("lambda", "TagValue", "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*"),
];

/// Shapes whose values show: of environment variables the values are sensitive, not their names and not the map of both.
const OPENLY: [(&str, &str); 2] = [("lambda", "EnvironmentVariableName"), ("lambda", "EnvironmentVariables")];

/// What the service that it belongs to checks itself: numbers whose bounds are no whole numbers, and what CloudTrail has
/// errors of its own for.
const UNBOUNDED: [(&str, &str); 4] = [
    ("lambda", "ExecutionEnvironmentMemoryGiBPerVCpu"),
    ("lambda", "Weight"),
    ("cloudtrail", "MaxResults"),
    ("cloudtrail", "LookupAttributeValue"),
];

/// The facts as the service of that name keeps them.
pub fn as_served(service: &str, mut facts: Facts) -> Facts {
    for (_, shape) in OPEN.iter().filter(|(of, _)| *of == service) {
        if let Some(shape) = facts.shapes.get_mut(*shape) {
            shape.values.clear();
        }
    }
    for (_, shape, pattern) in PATTERNS.iter().filter(|(of, ..)| *of == service) {
        if let Some(shape) = facts.shapes.get_mut(*shape) {
            shape.pattern = Some((*pattern).to_owned());
        }
    }
    for (_, shape) in OPENLY.iter().filter(|(of, _)| *of == service) {
        if let Some(shape) = facts.shapes.get_mut(*shape) {
            shape.sensitive = false;
        }
    }
    for (_, shape) in UNBOUNDED.iter().filter(|(of, _)| *of == service) {
        if let Some(shape) = facts.shapes.get_mut(*shape) {
            (shape.min, shape.max) = (None, None);
        }
    }
    for laxer in LAXER.iter().filter(|laxer| laxer.service == service) {
        if let Some(shape) = facts.shapes.get_mut(laxer.shape) {
            shape.min = Some(laxer.min.into());
        }
    }
    facts
}
