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

/// The facts as the service of that name keeps them.
pub fn as_served(service: &str, mut facts: Facts) -> Facts {
    for laxer in LAXER.iter().filter(|laxer| laxer.service == service) {
        if let Some(shape) = facts.shapes.get_mut(laxer.shape) {
            shape.min = Some(laxer.min.into());
        }
    }
    facts
}
