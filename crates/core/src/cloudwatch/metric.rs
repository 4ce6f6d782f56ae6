//! What a metric is known by: namespace, name, dimensions, and the unit of its values.

use serde::{Deserialize, Serialize};
use strongroom_wire::cloudwatch::{Dimension, Metric as Shown};

/// The namespace of the calls of all services.
pub const USAGE: &str = "AWS/Usage";
/// The metric of the number of calls.
pub const CALL_COUNT: &str = "CallCount";
/// The namespace of Secrets Manager.
pub const SECRETS_MANAGER: &str = "AWS/SecretsManager";
/// The metric of the number of secrets.
pub const RESOURCE_COUNT: &str = "ResourceCount";
/// Dimensions of a metric, at most.
pub const DIMENSIONS_MAX: usize = 30;

/// A metric.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Metric {
    /// Its namespace.
    #[serde(rename = "n")]
    pub namespace: String,
    /// Its name in there.
    #[serde(rename = "m")]
    pub name: String,
    /// Names and values, by name.
    #[serde(rename = "d", default, skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<(String, String)>,
}

impl Metric {
    /// The metric that a request names.
    #[must_use]
    pub fn new(namespace: &str, name: &str, dimensions: &[Dimension]) -> Self {
        let mut pairs: Vec<_> =
            dimensions.iter().map(|dimension| (dimension.name.clone(), dimension.value.clone())).collect();
        pairs.sort_unstable();
        Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions: pairs }
    }

    /// The metric of a number of calls or resources, as AWS has them of all services.
    #[must_use]
    pub fn of_service(namespace: &str, name: &str, service: &str, kind: &str, resource: &str) -> Self {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let dimensions =
            vec![pair("Class", "None"), pair("Resource", resource), pair("Service", service), pair("Type", kind)];
        Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions }
    }

    /// The value of a dimension.
    #[must_use]
    pub fn dimension(&self, name: &str) -> Option<&str> {
        self.dimensions.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Its dimensions, as answers have them.
    #[must_use]
    pub fn shown_dimensions(&self) -> Vec<Dimension> {
        let shown = |(name, value): &(String, String)| Dimension { name: name.clone(), value: value.clone() };
        self.dimensions.iter().map(shown).collect()
    }

    /// As ListMetrics shows it.
    #[must_use]
    pub fn shown(&self) -> Shown {
        Shown {
            namespace: Some(self.namespace.clone()),
            metric_name: Some(self.name.clone()),
            dimensions: Some(self.shown_dimensions()),
        }
    }
}

/// A metric's values of one unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series {
    /// The metric.
    #[serde(flatten)]
    pub metric: Metric,
    /// The unit, as the API names it; none when none was given.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}
