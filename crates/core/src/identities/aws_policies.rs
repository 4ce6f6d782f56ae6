//! The AWS managed policies that users of Secrets Manager meet, under their ARNs. They belong to no account and nobody
//! can change them.

use std::sync::{Arc, OnceLock};

use strongroom_policy::{Document, DocumentKind};

use crate::error::Error;

/// An AWS managed policy.
#[derive(Debug)]
pub struct AwsPolicy {
    /// The ARN without the partition and what stands before it, such as `policy/AdministratorAccess`.
    resource: &'static str,
    /// The unique id.
    pub id: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// The version that is in force, such as `v1`.
    pub version: &'static str,
    /// The document.
    pub text: &'static str,
    compiled: OnceLock<Option<Arc<Document>>>,
}

impl AwsPolicy {
    const fn new(
        resource: &'static str,
        id: &'static str,
        version: &'static str,
        description: &'static str,
        text: &'static str,
    ) -> Self {
        Self { resource, id, description, version, text, compiled: OnceLock::new() }
    }

    /// Its ARN in a partition.
    #[must_use]
    pub fn arn(&self, partition: &str) -> String {
        ["arn:", partition, ":iam::aws:", self.resource].concat()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.resource.rsplit_once('/').map_or(self.resource, |(_, name)| name)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &'static str {
        let path = self.resource.strip_prefix("policy").unwrap_or("/");
        path.strip_suffix(self.name()).unwrap_or(path)
    }

    /// The compiled document.
    ///
    /// # Errors
    /// A fault when the text does not read, which a test rules out.
    pub fn document(&self) -> Result<&Arc<Document>, Error> {
        let parse = || Document::parse(self.text, DocumentKind::Identity).ok().map(Arc::new);
        self.compiled.get_or_init(parse).as_ref().ok_or_else(|| Error::internal("an AWS managed policy does not read"))
    }
}

/// The policies.
pub static ALL: [AwsPolicy; 1] = [AwsPolicy::new(
    "policy/AdministratorAccess",
    "ANPAIWMBCKSKIEE64ZLYK",
    "v1",
    "Provides full access to AWS services and resources.",
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
)];

/// The policy of an ARN.
#[must_use]
pub fn find(arn: &str) -> Option<&'static AwsPolicy> {
    let (partition, resource) = arn.strip_prefix("arn:")?.split_once(":iam::aws:")?;
    let known = ["aws", "aws-cn", "aws-us-gov"].contains(&partition);
    ALL.iter().find(|policy| known && policy.resource == resource)
}
