//! Where partners with a service of their own are asked, unless the secret says it.

/// Base URLs, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// MongoDB Atlas.
    pub atlas: String,
    /// Confluent Cloud.
    pub confluent: String,
    /// Datadog; without one it is that of the site that the administrator's secret names.
    pub datadog: Option<String>,
}

impl Default for Hosts {
    fn default() -> Self {
        Self {
            atlas: "https://cloud.mongodb.com".to_owned(),
            confluent: "https://api.confluent.cloud".to_owned(),
            datadog: None,
        }
    }
}
