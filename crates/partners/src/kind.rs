//! The types of managed external secrets: what their values and the metadata of their rotation hold.

use std::collections::BTreeMap;

use strongroom_types::SecretText;

use crate::fault::Fault;
use crate::fields::Fields;

/// Metadata that name the administrator's secret.
pub const ADMIN_SECRET: &str = "adminSecretArn";

/// A type of secret of a partner.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name, as CreateSecret has it in `Type`.
    pub name: &'static str,
    /// Keys that the value must have.
    pub required: &'static [&'static str],
    /// Keys that the value may have. Others are kept as they are.
    pub optional: &'static [&'static str],
    /// Metadata that a rotation must have.
    pub metadata_required: &'static [&'static str],
    /// Metadata that a rotation may have.
    pub metadata_optional: &'static [&'static str],
    /// Whether it can be rotated here.
    pub is_supported: bool,
}

const fn kind(
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    metadata_required: &'static [&'static str],
    metadata_optional: &'static [&'static str],
) -> Kind {
    Kind { name, required, optional, metadata_required, metadata_optional, is_supported: false }
}

const fn supported(kind: Kind) -> Kind {
    Kind { is_supported: true, ..kind }
}

/// As the User Guide's pages of the partners have them.
static KINDS: [Kind; 16] = [
    kind("BigIDClientSecret", &["hostname", "refreshToken"], &[], &[], &[]),
    kind(
        "CiscoSecurityPlatformApiKey",
        &["refreshToken", "organizationId", "apiKeyId", "apiBaseUrl"],
        &["expiresDate"],
        &[],
        &[],
    ),
    supported(kind(
        "ConfluentCloudApiKey",
        &["apiKey", "apiSecret", "serviceAccountId"],
        &["resourceId", "environmentId"],
        &[],
        &[ADMIN_SECRET],
    )),
    supported(kind("DatadogApiKey", &["apiKey", "apiKeyId"], &[], &[ADMIN_SECRET], &[])),
    supported(kind("DatadogApplicationKey", &["appKey", "appKeyId", "serviceAccountId"], &[], &[ADMIN_SECRET], &[])),
    supported(kind(
        "DatadogAdminKey",
        &["adminApiKey", "adminApiKeyId", "adminAppKey", "adminAppKeyId", "serviceAccountId", "site"],
        &[],
        &[],
        &[ADMIN_SECRET],
    )),
    supported(kind(
        "GitLabAccessToken",
        &["token", "tokenId", "gitlabUrl"],
        &["projectId", "groupId"],
        &[],
        &[ADMIN_SECRET, "daysToExpiry"],
    )),
    supported(kind("JenkinsApiToken", &["apiToken", "tokenUuid", "username", "jenkinsUrl"], &[], &[], &[ADMIN_SECRET])),
    supported(kind(
        "MongoDBAtlasDatabaseUser",
        &["username", "password", "clusterUrl", "databaseName", "groupId"],
        &[],
        &[ADMIN_SECRET],
        &["apiVersion"],
    )),
    supported(kind(
        "MongoDBAtlasServiceAccount",
        &["clientId", "clientSecret", "orgId"],
        &[],
        &[],
        &[ADMIN_SECRET, "apiVersion"],
    )),
    kind("NetskopeApiToken", &["apiToken", "tenantUrl", "serviceAccountName"], &[], &[], &[]),
    kind("PaddleApiKey", &["api_key"], &[], &[], &["gracePeriodSeconds"]),
    kind(
        "SalesforceClientSecret",
        &["consumerKey", "consumerSecret", "baseUri", "appId", "consumerId"],
        &[],
        &["apiVersion"],
        &[ADMIN_SECRET],
    ),
    kind(
        "SnowflakeKeyPairAuthentication",
        &["account", "user", "privateKey", "publicKey"],
        &["passphrase"],
        &[],
        &["cryptographicAlgorithm", "encryptPrivateKey"],
    ),
    kind(
        "SnowflakePat",
        &["account", "user", "privateKey", "patTokenName", "patTokenValue"],
        &["passphrase"],
        &[],
        &["daysToExpiry", "expireOldTokenAfterHours"],
    ),
    supported(kind(
        "SonarQubeToken",
        &["token", "tokenName", "login", "sonarqubeUrl"],
        &["tokenType", "projectKey"],
        &[],
        &[ADMIN_SECRET],
    )),
];

impl Kind {
    /// The type of a name.
    ///
    /// # Errors
    /// When there is none, with the names that there are.
    pub fn of(name: &str) -> Result<&'static Self, Fault> {
        KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| Fault::UnknownType(name.to_owned()))
    }

    /// The type of a name, if it can be rotated here.
    ///
    /// # Errors
    /// When there is none, or its partner's API is not spoken here, with the names of those that are supported.
    pub fn supported(name: &str) -> Result<&'static Self, Fault> {
        let kind = Self::of(name)?;
        if kind.is_supported { Ok(kind) } else { Err(Fault::UnsupportedType(kind.name)) }
    }

    /// The names of all types.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        KINDS.iter().map(|kind| kind.name).collect()
    }

    /// The names of the types that can be rotated here.
    #[must_use]
    pub fn supported_names() -> Vec<&'static str> {
        KINDS.iter().filter(|kind| kind.is_supported).map(|kind| kind.name).collect()
    }

    /// Checks the value of a secret of this type.
    ///
    /// # Errors
    /// When it is not a JSON object, or lacks a key, which is named, or a URL or host in it is none.
    pub fn check_value(&self, value: &SecretText) -> Result<(), Fault> {
        self.fields(value).map(drop)
    }

    /// The members of a value of this type.
    pub(crate) fn fields(&self, value: &SecretText) -> Result<Fields, Fault> {
        let fields = Fields::parse(value.expose().as_bytes()).ok_or(Fault::NotAnObject(self.name))?;
        for key in self.required {
            let text = fields.text(&[key]).ok_or(Fault::MissingKey { kind: self.name, key })?;
            let wrong = |form| Err(Fault::WrongKey { kind: self.name, key, form });
            match *key {
                "gitlabUrl" | "jenkinsUrl" | "sonarqubeUrl" if !is_base_url(&text) => return wrong("an https URL"),
                "site" if !is_host(&text) => return wrong("the name of a site, as datadoghq.com"),
                _ => {}
            }
        }
        Ok(fields)
    }

    /// Checks ExternalSecretRotationMetadata for a secret of this type.
    ///
    /// # Errors
    /// When a key is missing, unknown, or its value not of its form.
    pub fn check_metadata(&self, metadata: &BTreeMap<String, String>) -> Result<(), Fault> {
        let known: Vec<&str> = self.metadata_required.iter().chain(self.metadata_optional).copied().collect();
        if let Some(key) = metadata.keys().find(|key| !known.contains(&key.as_str())) {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Fault::UnknownMetadata { kind: self.name, key: key.clone(), known });
        }
        let is_missing = |key: &&&str| metadata.get(**key).is_none_or(String::is_empty);
        if let Some(key) = self.metadata_required.iter().find(is_missing) {
            return Err(Fault::MissingMetadata { kind: self.name, key });
        }
        let check = |key: &'static str, form: &'static str, is_right: fn(&str) -> bool| match metadata.get(key) {
            Some(text) if !is_right(text) => Err(Fault::WrongMetadata { kind: self.name, key, form }),
            _ => Ok(()),
        };
        check("daysToExpiry", "a number of days from 1 to 365", |text| is_number(text, 1, 365))?;
        if self.name.starts_with("MongoDB") {
            check("apiVersion", "a date, as 2025-03-12", is_date)?;
        }
        Ok(())
    }
}

fn is_number(text: &str, min: i64, max: i64) -> bool {
    text.parse().is_ok_and(|number| (min..=max).contains(&number))
}

fn is_date(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok_and(|date| date.to_string() == text)
}

/// Whether a text is a host name alone.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
}

/// Whether a text is a URL that calls can go to: https, or http to this machine, without a user, query or fragment.
fn is_base_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let is_local = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_plain = !text.contains(['@', '?', '#']) && !host.is_empty();
    is_plain && (uri.scheme_str() == Some("https") || uri.scheme_str() == Some("http") && is_local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn unknown_and_unsupported_types_are_told_with_what_there_is() {
        let unknown = Kind::of("FooToken").unwrap_err().to_string();
        assert!(
            unknown.starts_with("\"FooToken\" is no type of a managed external secret: there are BigIDClientSecret,")
        );
        let unsupported = Kind::supported("PaddleApiKey").unwrap_err().to_string();
        assert_eq!(
            unsupported,
            "Secrets of type PaddleApiKey are not rotated here: supported are ConfluentCloudApiKey, DatadogApiKey, \
             DatadogApplicationKey, DatadogAdminKey, GitLabAccessToken, JenkinsApiToken, MongoDBAtlasDatabaseUser, \
             MongoDBAtlasServiceAccount, SonarQubeToken"
        );
    }

    #[test]
    fn every_required_key_is_named_when_it_is_missing() {
        for kind in &KINDS {
            for missing in kind.required {
                let value = |key: &str| match key {
                    "gitlabUrl" | "jenkinsUrl" | "sonarqubeUrl" => "https://host.example",
                    "site" => "datadoghq.eu",
                    _ => "x",
                };
                let mut fields = Fields::default();
                kind.required.iter().for_each(|key| fields.set(key, value(key)));
                kind.check_value(&fields.to_text()).unwrap();
                fields.set(missing, "");
                let fault = kind.check_value(&fields.to_text()).unwrap_err().to_string();
                assert_eq!(fault, format!("{missing} key is missing from secret JSON of type {}", kind.name));
            }
            for missing in kind.metadata_required {
                let fault = kind.check_metadata(&BTreeMap::new()).unwrap_err().to_string();
                let wanted =
                    format!("{missing} is missing from the rotation metadata of a secret of type {}", kind.name);
                assert_eq!(fault, wanted);
            }
        }
        let text = SecretText::new("hunter2".to_owned());
        let fault = Kind::of("PaddleApiKey").unwrap().check_value(&text).unwrap_err().to_string();
        assert_eq!(fault, "The value of a secret of type PaddleApiKey must be a JSON object");
    }

    #[test]
    fn urls_lead_to_https_and_to_no_other_place() {
        for text in ["https://gitlab.com", "https://host:8443/base", "http://127.0.0.1:80", "http://[::1]:1"] {
            assert!(is_base_url(text), "{text}");
        }
        for text in ["http://gitlab.com", "ftp://x", "https://u:p@host", "https://host?x", "gitlab.com", "https://", ""]
        {
            assert!(!is_base_url(text), "{text}");
        }
    }

    #[test]
    fn metadata_are_those_of_the_type() {
        let gitlab = Kind::of("GitLabAccessToken").unwrap();
        gitlab.check_metadata(&metadata(&[])).unwrap();
        gitlab.check_metadata(&metadata(&[("daysToExpiry", "365")])).unwrap();
        assert!(gitlab.check_metadata(&metadata(&[("daysToExpiry", "366")])).is_err());
        let fault = gitlab.check_metadata(&metadata(&[("apiVersion", "1")])).unwrap_err().to_string();
        assert!(fault.ends_with("there are adminSecretArn, daysToExpiry"), "{fault}");
        let atlas = Kind::of("MongoDBAtlasServiceAccount").unwrap();
        atlas.check_metadata(&metadata(&[("apiVersion", "2025-03-12")])).unwrap();
        assert!(atlas.check_metadata(&metadata(&[("apiVersion", "2025/x")])).is_err());
    }
}
