//! An identity provider of OpenID Connect, as IAM keeps it.

use serde::{Deserialize, Serialize};
use strongroom_store::Kind;
use strongroom_types::SecretBytes;

use super::Identities;
use super::entity::{Tag, key_of_id};
use crate::documents::{Document, Loaded, from_json_body, json_body};
use crate::error::Error;
use crate::oidc::{Provider, parse_thumbprint};

/// Kind of the documents of identity providers.
pub const OIDC_PROVIDER: Kind = Kind("iam-oidc-provider");
/// What stands before the URL in the resource of a provider's ARN.
pub const ARN_PREFIX: &str = "oidc-provider/";
/// How issuers begin.
const HTTPS: &str = "https://";
/// How issuers on loopback may begin.
const HTTP: &str = "http://";

/// An identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OidcProvider {
    /// The account.
    pub account: String,
    /// The partition of its ARN.
    pub partition: String,
    /// The URL without its scheme: what IAM shows, and what the ARN ends with. An account has each once.
    pub url: String,
    /// Whether it is asked in plain HTTP, which a configuration may allow on loopback.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plain_http: bool,
    /// The audiences that its tokens may be for, in the order they were added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client_ids: Vec<String>,
    /// SHA-1 of certificates that are trusted beside the roots, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thumbprints: Vec<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// When it was made.
    pub created_ms: i64,
}

impl OidcProvider {
    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        ["arn:", &self.partition, ":iam::", &self.account, ":", ARN_PREFIX, &self.url].concat()
    }

    /// The URL with its scheme, as tokens name it in `iss`.
    #[must_use]
    pub fn issuer(&self) -> String {
        [if self.plain_http { HTTP } else { HTTPS }, &self.url].concat()
    }

    /// What verifies tokens of it.
    #[must_use]
    pub fn provider(&self) -> Provider {
        // What is no thumbprint matches no certificate.
        let thumbprints = self.thumbprints.iter().filter_map(|text| parse_thumbprint(text)).collect();
        Provider::new(&self.issuer(), self.client_ids.clone(), thumbprints)
    }
}

/// The parts of an issuer's URL: whether it is plain HTTP, and what follows the scheme. Nothing for another scheme.
#[must_use]
pub fn parts_of_issuer(issuer: &str) -> Option<(bool, &str)> {
    let https = issuer.strip_prefix(HTTPS).map(|url| (false, url));
    https.or_else(|| issuer.strip_prefix(HTTP).map(|url| (true, url)))
}

/// The account and the URL in a provider's ARN; nothing when it is the ARN of something else.
#[must_use]
pub fn parts_of_arn(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let ("arn", _, "iam", "", account, resource) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?)
    else {
        return None;
    };
    let url = resource.strip_prefix(ARN_PREFIX).filter(|url| !url.is_empty())?;
    Some((account, url))
}

impl Document for OidcProvider {
    const KIND: Kind = OIDC_PROVIDER;

    fn key(&self) -> String {
        key_of_id(&self.account, &self.url)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(OIDC_PROVIDER, body)
    }
}

impl Identities {
    /// The provider that an account has for an issuer, by its URL with scheme.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn oidc_provider(&self, account: &str, issuer: &str) -> Result<Option<Loaded<OidcProvider>>, Error> {
        let Some((plain_http, url)) = parts_of_issuer(issuer) else { return Ok(None) };
        let found = self.documents.load::<OidcProvider>(key_of_id(account, url)).await?;
        Ok(found.filter(|found| found.value.plain_http == plain_http))
    }

    /// The provider of an ARN.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn oidc_provider_with_arn(&self, arn: &str) -> Result<Option<Loaded<OidcProvider>>, Error> {
        let Some((account, url)) = parts_of_arn(arn) else { return Ok(None) };
        let found = self.documents.load::<OidcProvider>(key_of_id(account, url)).await?;
        Ok(found.filter(|found| found.value.arn() == arn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arn_and_issuer_lead_to_the_url() {
        let url = "idp.example.com:8443/realms/a";
        let arn = format!("arn:aws:iam::123456789012:oidc-provider/{url}");
        assert_eq!(parts_of_arn(&arn), Some(("123456789012", url)));
        assert_eq!(parts_of_issuer(&format!("https://{url}")), Some((false, url)));
        assert_eq!(parts_of_issuer(&format!("http://{url}")), Some((true, url)));
        for arn in ["", "arn:aws:iam::1:role/a", "arn:aws:iam::1:oidc-provider/", "arn:aws:sts::1:oidc-provider/a"] {
            assert_eq!(parts_of_arn(arn), None, "{arn}");
        }
        assert_eq!(parts_of_issuer("ftp://a"), None);
    }
}
