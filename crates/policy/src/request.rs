//! What is asked: an action on a resource, with the keys that are known of the request.

use std::fmt;

use crate::arn::ArnText;
use crate::keys::Keys;

/// An action, such as `secretsmanager:GetSecretValue`. Made once for each operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    written: Box<str>,
    folded: Box<str>,
    service_bytes: usize,
}

impl Action {
    /// An action by its service and name. Case does not matter in policies; texts show it as it is written here.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let folded = text.to_ascii_lowercase();
        let service_bytes = folded.find(':').unwrap_or(folded.len());
        Self { written: text.into(), folded: folded.into(), service_bytes }
    }

    /// The action as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// In lower case.
    pub(crate) fn folded(&self) -> &str {
        &self.folded
    }

    /// The service in lower case.
    pub(crate) fn service(&self) -> &str {
        self.folded.get(..self.service_bytes).unwrap_or_default()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// A request as policies see it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub(crate) action: &'a Action,
    pub(crate) resource: ArnText<'a>,
    pub(crate) keys: &'a dyn Keys,
}

impl<'a> Request<'a> {
    /// An action on a resource: its ARN, or `*` for an action that has none.
    #[must_use]
    pub fn new(action: &'a Action, resource: &'a str, keys: &'a dyn Keys) -> Self {
        Self { action, resource: ArnText::new(resource), keys }
    }

    /// The action.
    #[must_use]
    pub const fn action(&self) -> &'a Action {
        self.action
    }

    /// The resource's ARN, or `*`.
    #[must_use]
    pub const fn resource(&self) -> &'a str {
        self.resource.text
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.action, self.resource.text)
    }
}
