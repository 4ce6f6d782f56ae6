//! The environment of AWS clients: variables that none of them reads, and those that lead elsewhere than is meant.

use std::collections::BTreeMap;
use std::ffi::OsString;

use strongroom_server::config::Config;
use strongroom_types::Arn;

use super::finding::Findings;

const CHECK: &str = "environment";
const OF_ALL: &str = "AWS_ENDPOINT_URL";
const OF_SECRETS: &str = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
const IGNORE: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

/// The variables of services that are offered here, each with what people write who mean it, in capital letters and digits.
pub const ENDPOINTS: [(&str, &[&str]); 10] = [
    (OF_SECRETS, &["SECRETSMANAGER", "SECRETMANAGER", "SECRETS", "SM", "ASM"]),
    ("AWS_ENDPOINT_URL_KMS", &["KMS", "KEYMANAGEMENTSERVICE"]),
    ("AWS_ENDPOINT_URL_IAM", &["IAM", "IDENTITYANDACCESSMANAGEMENT"]),
    ("AWS_ENDPOINT_URL_STS", &["STS", "SECURITYTOKENSERVICE"]),
    ("AWS_ENDPOINT_URL_LAMBDA", &["LAMBDA", "AWSLAMBDA"]),
    ("AWS_ENDPOINT_URL_CLOUDWATCH", &["CLOUDWATCH", "CW", "MONITORING"]),
    ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", &["CLOUDWATCHLOGS", "LOGS", "CWLOGS"]),
    ("AWS_ENDPOINT_URL_CLOUDTRAIL", &["CLOUDTRAIL", "TRAIL"]),
    ("AWS_ENDPOINT_URL_EVENTBRIDGE", &["EVENTBRIDGE", "EVENTS"]),
    ("AWS_ENDPOINT_URL_CONFIG_SERVICE", &["CONFIGSERVICE", "CONFIG", "AWSCONFIG"]),
];

/// The variables of the environment, whose values are texts.
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// This process's: the command reads it, so that no other room has to.
    pub fn own() -> Self {
        Self::of(std::env::vars_os())
    }

    fn of(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let texts = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(texts.filter(|(_, value)| !value.is_empty()).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Where clients of Secrets Manager go by it.
    pub fn endpoint(&self) -> Option<&str> {
        self.get(OF_SECRETS).or_else(|| self.get(OF_ALL))
    }

    /// Looks it over. `account` is that of the store, when it is known; `url` where the server is.
    pub fn look(&self, config: Option<&Config>, account: Option<&str>, url: Option<&str>, findings: &mut Findings) {
        let before = (self.wrong_names(findings), self.endpoints(url, findings), self.regions(config, findings));
        let rest = (self.arns(config, account, findings), self.files(findings));
        if before == (true, true, true) && rest == (true, true) {
            let told = match self.endpoint() {
                Some(url) => format!("AWS clients go to {url}"),
                None => "no variable leads AWS clients anywhere".to_owned(),
            };
            findings.ok(CHECK, told);
        }
    }

    /// Whether there is none that looks like an endpoint's and is read by no client.
    fn wrong_names(&self, findings: &mut Findings) -> bool {
        let mut good = true;
        for name in self.0.keys() {
            if let Some(right) = meant(name) {
                good = false;
                findings.problem(CHECK, format!("no AWS client reads {name}"), format!("call it {right}"));
            }
        }
        good
    }

    /// Whether clients that go by the variables come to the server.
    fn endpoints(&self, url: Option<&str>, findings: &mut Findings) -> bool {
        let mut good = true;
        let names = ENDPOINTS.iter().map(|(name, _)| *name).chain([OF_ALL]);
        let set: Vec<(&str, &str)> = names.filter_map(|name| Some((name, self.get(name)?))).collect();
        for (name, value) in &set {
            let Some(place) = place_of(value) else {
                good = false;
                let advice = "it must begin with http:// or https:// and name a host";
                findings.problem(CHECK, format!("{name} is no URL: {value}"), advice);
                continue;
            };
            if let Some(server) = url.and_then(place_of)
                && server != place
            {
                good = false;
                let text = format!("{name} leads to {value}, and the server is at {}", url.unwrap_or_default());
                findings.warn(CHECK, text, format!("set {name} to the server's URL, unless both are the same server"));
            }
            good &= self.proxy(name, value, findings);
        }
        let ignores = self.get(IGNORE).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if ignores {
            good = false;
            let text = format!("{IGNORE} is set: clients go to AWS, whatever the endpoints' variables say");
            findings.problem(CHECK, text, format!("unset {IGNORE}"));
        }
        good
    }

    /// Whether no proxy takes what goes to an endpoint.
    fn proxy(&self, name: &str, url: &str, findings: &mut Findings) -> bool {
        let (host, variable) = match url.strip_prefix("https://") {
            Some(rest) => (rest, "HTTPS_PROXY"),
            None => (url.trim_start_matches("http://"), "HTTP_PROXY"),
        };
        let either = |name: &str| self.get(name).or_else(|| self.get(&name.to_lowercase()));
        if either(variable).is_none() {
            return true;
        }
        let host = host.split(['/', '?']).next().unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        let excepted = |part: &str| {
            let part = part.trim().trim_start_matches('*').trim_start_matches('.');
            !part.is_empty() && (host == part || host.ends_with(&format!(".{part}")))
        };
        let all = either("NO_PROXY").unwrap_or_default();
        if all.trim() == "*" || all.split(',').any(excepted) {
            return true;
        }
        let text = format!("{variable} is set: what clients send to {name} goes to the proxy");
        findings.warn(CHECK, text, format!("add {host} to NO_PROXY"));
        false
    }

    /// Whether clients sign for the server's region.
    fn regions(&self, config: Option<&Config>, findings: &mut Findings) -> bool {
        let (one, other) = (self.get("AWS_REGION"), self.get("AWS_DEFAULT_REGION"));
        let mut good = true;
        if let (Some(one), Some(other)) = (one, other)
            && one != other
        {
            good = false;
            let text =
                format!("AWS_REGION is {one} and AWS_DEFAULT_REGION is {other}: some clients read one, some the other");
            findings.warn(CHECK, text, "set both to the same");
        }
        let Some(region) = config.map(|config| config.account.region.as_str()) else { return good };
        for (name, value) in [("AWS_REGION", one), ("AWS_DEFAULT_REGION", other)] {
            let Some(value) = value.filter(|value| *value != region) else { continue };
            good = false;
            let text = format!("{name} is {value}, and the server's region is {region}: it refuses such signatures");
            findings.problem(CHECK, text, format!("set {name}={region}, or account.region in the configuration"));
        }
        good
    }

    /// Whether the ARNs of secrets in it are of this region and account.
    fn arns(&self, config: Option<&Config>, account: Option<&str>, findings: &mut Findings) -> bool {
        let mut good = true;
        let region = config.map(|config| config.account.region.as_str());
        for (name, value) in &self.0 {
            let Ok(arn) = Arn::parse(value) else { continue };
            if arn.service != "secretsmanager" {
                continue;
            }
            for (what, there, here) in [("region", &arn.region, region), ("account", &arn.account, account)] {
                let Some(here) = here.filter(|here| here != there) else { continue };
                good = false;
                let text = format!("{name} holds the ARN of a secret in {what} {there}, and the server's is {here}");
                findings.warn(
                    CHECK,
                    text,
                    format!("take the ARN that this server gave, or the secret's name, for {name}"),
                );
            }
        }
        good
    }

    /// Whether the files that it names are there.
    fn files(&self, findings: &mut Findings) -> bool {
        let mut good = true;
        for name in ["AWS_CA_BUNDLE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"] {
            let Some(path) = self.get(name) else { continue };
            if let Err(error) = std::fs::File::open(path) {
                good = false;
                findings.problem(
                    CHECK,
                    format!("{name}: {path}: {error}"),
                    format!("set {name} to a file that is there"),
                );
            }
        }
        good
    }
}

/// The variable that is meant by one which no client reads.
fn meant(name: &str) -> Option<&'static str> {
    let capitals = name.to_ascii_uppercase();
    if ENDPOINTS.iter().any(|(right, _)| *right == name) || name == OF_ALL {
        return None;
    }
    let letters: String = capitals.chars().filter(char::is_ascii_alphanumeric).collect();
    if ["AWSENDPOINTURL", "AWSENDPOINT", "AWSURLENDPOINT"].contains(&letters.as_str()) {
        return Some(OF_ALL);
    }
    // What is left of a name without the words that say that it is an endpoint's.
    let service = |begin: &str, end: &str| letters.strip_prefix(begin)?.strip_suffix(end).map(str::to_owned);
    let shapes = [("AWSENDPOINTURL", ""), ("AWSENDPOINT", ""), ("AWS", "ENDPOINTURL"), ("AWS", "ENDPOINT")];
    let left = shapes.into_iter().filter_map(|(begin, end)| service(begin, end));
    let whole = ["SECRETSMANAGERENDPOINT", "SECRETSMANAGERENDPOINTURL"];
    if whole.contains(&letters.as_str()) {
        return Some(OF_SECRETS);
    }
    left.filter_map(|left| ENDPOINTS.iter().find(|(_, words)| words.contains(&left.as_str())))
        .map(|(right, _)| *right)
        .next()
}

/// Scheme, host and port of a URL, in small letters.
fn place_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let host = rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())?;
    let scheme = scheme.to_ascii_lowercase();
    let port = match scheme.as_str() {
        "http" => "80",
        "https" => "443",
        _ => return None,
    };
    let host = host.to_ascii_lowercase().replace("localhost", "127.0.0.1");
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    Some(if has_port { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> String {
        let config = Config::default();
        let mut findings = Findings::default();
        let environment = Environment::of(variables.iter().map(|(name, value)| (name.into(), value.into())));
        environment.look(Some(&config), Some("123456789012"), Some("http://127.0.0.1:7600"), &mut findings);
        findings.lines()
    }

    #[test]
    fn names_that_no_client_reads_are_told_with_the_right_ones() {
        for (wrong, right) in [
            ("AWS_ENDPOINT_URL_SECRETSMANAGER", OF_SECRETS),
            ("AWS_ENDPOINT_URL_SECRETS-MANAGER", OF_SECRETS),
            ("aws_endpoint_url_secrets_manager", OF_SECRETS),
            ("AWS_SECRETS_MANAGER_ENDPOINT", OF_SECRETS),
            ("AWS_SECRETSMANAGER_ENDPOINT_URL", OF_SECRETS),
            ("SECRETSMANAGER_ENDPOINT", OF_SECRETS),
            ("AWS_ENDPOINT", OF_ALL),
            ("AWS_KMS_ENDPOINT", "AWS_ENDPOINT_URL_KMS"),
            ("AWS_ENDPOINTURL_STS", "AWS_ENDPOINT_URL_STS"),
            ("AWS_ENDPOINT_URL_EVENTS", "AWS_ENDPOINT_URL_EVENTBRIDGE"),
            ("AWS_ENDPOINT_URL_CONFIG", "AWS_ENDPOINT_URL_CONFIG_SERVICE"),
        ] {
            assert_eq!(meant(wrong), Some(right), "{wrong}");
        }
        for good in [OF_SECRETS, OF_ALL, "AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "PATH", "AWS"] {
            assert_eq!(meant(good), None, "{good}");
        }
    }

    #[test]
    fn what_leads_elsewhere_is_told() {
        for (variables, wanted) in [
            (&[][..], "ok       environment: no variable"),
            (&[(OF_SECRETS, "http://localhost:7600/")], "ok       environment: AWS clients go to"),
            (
                &[(OF_SECRETS, "http://127.0.0.1:7601")],
                "warning  environment: AWS_ENDPOINT_URL_SECRETS_MANAGER leads to",
            ),
            (&[(OF_ALL, "127.0.0.1:7600")], "problem  environment: AWS_ENDPOINT_URL is no URL"),
            (&[(IGNORE, "true")], "problem  environment: AWS_IGNORE"),
            (&[("AWS_REGION", "eu-west-1")], "problem  environment: AWS_REGION is eu-west-1"),
            (
                &[("AWS_REGION", "us-east-1"), ("AWS_DEFAULT_REGION", "eu-west-1")],
                "warning  environment: AWS_REGION is us",
            ),
            (
                &[("DB", "arn:aws:secretsmanager:us-east-1:999999999999:secret:s-AbCdEf")],
                "warning  environment: DB holds",
            ),
            (&[("DB", "arn:aws:secretsmanager:us-east-1:123456789012:secret:s-AbCdEf")], "ok "),
            (&[("AWS_CA_BUNDLE", "/nowhere/at/all")], "problem  environment: AWS_CA_BUNDLE"),
            (&[(OF_ALL, "http://127.0.0.1:7600"), ("http_proxy", "http://p:1")], "warning  environment: HTTP_PROXY"),
            (&[(OF_ALL, "http://127.0.0.1:7600"), ("HTTP_PROXY", "http://p:1"), ("NO_PROXY", "127.0.0.1")], "ok "),
        ] {
            let told = told(variables);
            assert!(told.starts_with(wanted), "{variables:?}: {told}");
        }
    }
}
