//! Amazon resource names: `arn:partition:service:region:account:resource`.

use std::fmt;

use thiserror::Error;

/// Text that is not an ARN.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("not an ARN: expected arn:partition:service:region:account:resource")]
pub struct ArnError;

/// A parsed ARN. Region and account may be empty, as some services leave them out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// The service's name as in IAM actions, such as `secretsmanager`.
    pub service: String,
    /// The region, or empty.
    pub region: String,
    /// The account number, or empty.
    pub account: String,
    /// Everything after the fifth colon, colons included.
    pub resource: String,
}

impl Arn {
    /// Takes the text apart at its first five colons.
    ///
    /// # Errors
    /// When there are fewer parts, the first is not `arn`, or partition, service or resource is empty.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(ArnError);
        if next()? != "arn" {
            return Err(ArnError);
        }
        let arn = Self {
            partition: next()?.to_owned(),
            service: next()?.to_owned(),
            region: next()?.to_owned(),
            account: next()?.to_owned(),
            resource: next()?.to_owned(),
        };
        let whole = !arn.partition.is_empty() && !arn.service.is_empty() && !arn.resource.is_empty();
        whole.then_some(arn).ok_or(ArnError)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_prints_as_it_was_read() {
        let text = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db/main-AbCdEf";
        let arn = Arn::parse(text).expect("valid");
        assert_eq!(arn.resource, "secret:db/main-AbCdEf");
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn half_an_arn_is_refused() {
        for bad in ["", "arn", "arn:aws:iam::1", "arn:aws:iam::123456789012:", "urn:aws:iam::1:x", "arn::iam::1:x"] {
            assert_eq!(Arn::parse(bad), Err(ArnError), "{bad}");
        }
    }
}
