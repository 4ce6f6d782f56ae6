//! Functions: whether they run here, and where others are.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use strongroom_core::oidc::url_is_allowed;
use strongroom_types::{Arn, Region};

use super::problems::Problems;
use super::{Config, text};

/// Functions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FunctionsConfig {
    /// Whether functions run on this machine. When absent: only where all addresses are on loopback.
    pub enabled: Option<bool>,
    /// Where the clients of Lambda's Runtime API are installed for Python and Node.js.
    pub runtimes: Option<PathBuf>,
    /// Whether functions run in namespaces of their own.
    pub isolation: IsolationConfig,
    /// The user and group that functions run as when the server runs as root, as numbers.
    pub user: Option<[u32; 2]>,
    /// Processes of functions at one time.
    pub processes_max: u32,
    /// A file with the certificates of authorities that databases' certificates lead to, in PEM; otherwise the system's.
    pub databases_ca_file: Option<PathBuf>,
    /// Functions elsewhere, each by its ARN: the URL that speaks Lambda's Invoke for it.
    pub http: BTreeMap<String, String>,
    /// The service that has all functions that are neither hosted here nor in `http`.
    pub lambda_endpoint: Option<LambdaEndpointConfig>,
    /// How long a function elsewhere may take.
    pub invocation_ms_max: u64,
    /// File with further root certificates, PEM, by which the URLs of functions elsewhere are trusted.
    pub ca_file: Option<PathBuf>,
    /// Allows functions elsewhere to be called by plain HTTP on other machines.
    pub plain_http_anywhere: bool,
}

/// A service that speaks Lambda's API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LambdaEndpointConfig {
    /// Where the service is.
    pub url: String,
    /// The region to sign for. When absent: the server's.
    #[serde(default, with = "text::optional_region")]
    pub region: Option<Region>,
    /// File with the access key, as the AWS CLI has it. Read anew for each call.
    pub credentials_file: PathBuf,
    /// The profile in that file.
    #[serde(default = "profile_default")]
    pub profile: String,
    /// Time for a question about a function.
    #[serde(default = "time_default")]
    pub time_ms_max: u64,
}

fn profile_default() -> String {
    "default".to_owned()
}

fn time_default() -> u64 {
    10_000
}

/// Whether functions run in namespaces of their own, made by bubblewrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IsolationConfig {
    /// Where bubblewrap is there and works.
    #[default]
    Auto,
    /// Functions do not run without.
    Require,
    /// Not at all.
    Never,
}

impl Default for FunctionsConfig {
    fn default() -> Self {
        Self {
            enabled: None,
            runtimes: None,
            isolation: IsolationConfig::default(),
            user: None,
            processes_max: 32,
            databases_ca_file: None,
            http: BTreeMap::new(),
            lambda_endpoint: None,
            invocation_ms_max: 900_000,
            ca_file: None,
            plain_http_anywhere: false,
        }
    }
}

impl FunctionsConfig {
    pub(super) fn check(&self, region: &Region, problems: &mut Problems) {
        problems.range("functions", "processes_max", self.processes_max.into(), 1, 10_000);
        if self.user.is_some_and(|[uid, gid]| uid == 0 || gid == 0) {
            problems.add("functions.user", "functions never run as root: name another user and group");
        }
        problems.range("functions", "invocation_ms_max", self.invocation_ms_max, 100, 900_000);
        for (arn, url) in &self.http {
            if !is_function_of(arn, region) {
                let text = format!("`{arn}` is not the ARN of a function in {region}, the server's region");
                problems.add("functions.http", text);
            }
            self.check_url("functions.http", url, problems);
        }
        if let Some(outside) = &self.lambda_endpoint {
            self.check_url("functions.lambda_endpoint.url", &outside.url, problems);
            problems.range("functions.lambda_endpoint", "time_ms_max", outside.time_ms_max, 100, 60_000);
            if outside.profile.is_empty() {
                problems.add("functions.lambda_endpoint.profile", "must not be empty");
            }
            if outside.credentials_file.as_os_str().is_empty() {
                problems.add("functions.lambda_endpoint.credentials_file", "must not be empty");
            }
        }
    }

    fn check_url(&self, key: &str, url: &str, problems: &mut Problems) {
        // What may go anywhere by plain HTTP has the form of what may go by HTTPS.
        let as_https = url.strip_prefix("http://").map(|rest| ["https://", rest].concat());
        let anywhere = self.plain_http_anywhere && as_https.is_some_and(|url| url_is_allowed(&url, false));
        if url.contains('?') || !(anywhere || url_is_allowed(url, true)) {
            let text = format!(
                "`{url}` is neither an https URL, nor an http URL of a loopback address (functions.plain_http_anywhere)"
            );
            problems.add(key, text);
        }
    }
}

/// Whether a text is the ARN of a function in a region, with a version or alias or without.
fn is_function_of(text: &str, region: &Region) -> bool {
    let Ok(arn) = Arn::parse(text) else { return false };
    let parts: Vec<&str> = arn.resource.split(':').collect();
    let is_named = matches!(parts.as_slice(), ["function", name] | ["function", name, _] if !name.is_empty());
    is_named && arn.service == "lambda" && arn.region == region.as_str() && arn.partition == region.partition()
}

impl Config {
    /// Whether functions run on this machine: as `functions.enabled` says or, without it, where nobody from elsewhere can
    /// bring code here.
    #[must_use]
    pub fn functions_are_on(&self) -> bool {
        let addresses = self.listen.addresses.iter().chain(&self.listen.plain_addresses);
        let endpoints = self.private_endpoints.iter().map(|endpoint| &endpoint.address);
        let on_loopback = || addresses.chain(endpoints).all(|address| address.ip().to_canonical().is_loopback());
        self.functions.enabled.unwrap_or_else(on_loopback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_run_on_loopback_unless_told_otherwise() {
        let outside = "[listen]\nplain_http_anywhere = true\naddresses = [\"0.0.0.0:80\"]\n";
        for (text, on) in [
            ("", true),
            ("[functions]\nenabled = false", false),
            (outside, false),
            (&[outside, "[functions]\nenabled = true"].concat(), true),
        ] {
            assert_eq!(Config::load(text).unwrap().functions_are_on(), on, "{text}");
        }
    }

    const LEAST: &str = "[functions.lambda_endpoint]\nurl = \"https://lambda\"\ncredentials_file = \"c\"\n";

    #[test]
    fn the_documentation_lists_every_key_of_the_outside_lambda_with_its_default() {
        let outside = Config::load(LEAST).unwrap().functions.lambda_endpoint.unwrap();
        let serde_json::Value::Object(members) = serde_json::to_value(outside).unwrap() else { panic!("no object") };
        let text = include_str!("../../../../docs/configuration.md");
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `functions.lambda_endpoint."));
        assert_eq!(rows.clone().count(), members.len());
        for (key, value) in members {
            let default = if value.is_null() { "none".to_owned() } else { format!("`{value}`") };
            let default = if LEAST.contains(&format!("{key} = ")) { String::new() } else { default };
            let row = rows.clone().find_map(|row| row.strip_prefix(&format!("{key}` |"))).unwrap();
            assert_eq!(row.split('|').next().unwrap().trim(), default, "{key}");
        }
    }

    #[test]
    fn urls_of_functions_elsewhere_are_https_or_on_loopback_unless_told_otherwise() {
        let arn = "arn:aws:lambda:us-east-1:111111111111:function:f";
        let mapped = |arn: &str, url: &str| format!("[functions.http]\n\"{arn}\" = \"{url}\"\n");
        let fits = |text: &str| Config::load(text).is_ok();
        for url in ["https://functions.example.org/x", "http://127.0.0.1:9000", "http://localhost/a/invocations"] {
            assert!(fits(&mapped(arn, url)), "{url}");
        }
        assert!(fits(&mapped(&format!("{arn}:live"), "https://functions.example.org")));
        for url in ["http://10.0.0.1", "ftp://127.0.0.1", "https://user:pass@host", "https://host/?a=b", "host"] {
            assert!(!fits(&mapped(arn, url)), "{url}");
        }
        let anywhere = "[functions]\nplain_http_anywhere = true\n";
        assert!(fits(&[anywhere, &mapped(arn, "http://rotator:8080")].concat()));
        assert!(!fits(&[anywhere, &mapped(arn, "ftp://rotator")].concat()));
        let own = LEAST.replace("https://lambda", "http://10.0.0.1");
        assert!(fits(LEAST) && !fits(&own) && fits(&[anywhere, &own].concat()));
        for wrong in ["f", &arn.replace("us-east-1", "eu-west-1"), arn.trim_end_matches(":f"), &format!("{arn}:1:2")] {
            assert!(!fits(&mapped(wrong, "https://host")), "{wrong}");
        }
        assert!(!fits(&[LEAST, "time_ms_max = 1\n"].concat()) && !fits(&[LEAST, "profile = ''\n"].concat()));
    }
}
