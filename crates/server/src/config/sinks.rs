//! `[[audit.sinks]]`: where the trail's records go beside its files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use strongroom_core::oidc::url_is_allowed;
use strongroom_sinks::{Address, Facility};
use strongroom_types::Region;

use super::{Problems, text};

/// Characters of a sink's name.
const NAME_CHARACTERS_MAX: usize = 32;
/// Sinks of a server: each has a batch in memory and reads the trail by itself.
const SINKS_MAX: usize = 16;

/// A sink of the trail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkConfig {
    /// What it is called, in files, figures and the log. Its cursor has this name: under another one it begins anew.
    pub name: String,
    /// What happens once it is too far behind.
    #[serde(default)]
    pub when_full: WhenFull,
    /// Whether reads are refused then too, where changes are.
    #[serde(default)]
    pub refuse_reads: bool,
    /// Bytes of records that it may be behind.
    #[serde(default = "lag_bytes_default")]
    pub lag_bytes_max: u64,
    /// How long ago the oldest record that it has not got may have happened, in seconds. 0 for no bound.
    #[serde(default = "lag_seconds_default")]
    pub lag_seconds_max: u32,
    /// Where in the trail it begins when it is new.
    #[serde(default)]
    pub begin: Begin,
    /// Bytes of a batch, about.
    #[serde(default = "batch_bytes_default")]
    pub batch_bytes_max: u32,
    /// How long records are gathered for a batch, in seconds. When absent: 60 for a bucket, else 0.
    #[serde(default)]
    pub gather_seconds: Option<u32>,
    /// Time for a batch, in ms.
    #[serde(default = "time_default")]
    pub time_ms_max: u32,
    /// Standard output.
    #[serde(default)]
    pub stdout: Option<StdoutConfig>,
    /// A syslog receiver.
    #[serde(default)]
    pub syslog: Option<SyslogConfig>,
    /// An OTLP collector.
    #[serde(default)]
    pub otlp: Option<OtlpConfig>,
    /// A bucket.
    #[serde(default)]
    pub s3: Option<ArchiveConfig>,
    /// A webhook.
    #[serde(default)]
    pub webhook: Option<WebhookConfig>,
}

fn lag_bytes_default() -> u64 {
    256 * 1024 * 1024
}

fn lag_seconds_default() -> u32 {
    3600
}

fn batch_bytes_default() -> u32 {
    1024 * 1024
}

fn time_default() -> u32 {
    30_000
}

fn profile_default() -> String {
    "default".to_owned()
}

fn facility_default() -> String {
    "audit".to_owned()
}

fn message_bytes_default() -> u32 {
    64 * 1024
}

fn yes() -> bool {
    true
}

/// What happens once a sink is too far behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It is told. Records go on to the files, up to the reserve of their file system.
    #[default]
    Warn,
    /// Changes are refused until it has caught up.
    Refuse,
}

/// Where a new sink begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begin {
    /// With the records from now on.
    #[default]
    Now,
    /// With the oldest record that the trail has.
    Start,
}

/// Standard output, a line a record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StdoutConfig {}

/// A syslog receiver.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogConfig {
    /// Where it is: `unix:/PATH`, `udp://HOST:PORT`, `tcp://HOST:PORT` or `tls://HOST:PORT`.
    pub address: String,
    /// How messages are told apart over TCP.
    #[serde(default)]
    pub framing: SyslogFraming,
    /// Whether each batch has a connection of its own, which the receiver must close: then it has read all of it.
    #[serde(default = "yes")]
    pub confirm: bool,
    /// The facility.
    #[serde(default = "facility_default")]
    pub facility: String,
    /// The host's name in messages. When absent: the machine's.
    #[serde(default)]
    pub host: Option<String>,
    /// The longest message, in bytes. In place of a longer one a mark goes.
    #[serde(default = "message_bytes_default")]
    pub message_bytes_max: u32,
    /// File with the root certificates to trust, PEM, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// File with the certificate to show, PEM.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// File with that certificate's key, PEM.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
}

/// How messages are told apart in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyslogFraming {
    /// By their length before them.
    #[default]
    OctetCounting,
    /// By line ends.
    Lines,
}

/// An OTLP collector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpConfig {
    /// Where it is, without `/v1/logs`: `https://HOST[:PORT]`, or `http` on loopback.
    pub url: String,
    /// File with headers to send, a line each: `Authorization: Bearer …`. Read anew for each batch.
    #[serde(default)]
    pub headers_file: Option<PathBuf>,
    /// File with the root certificates to trust, PEM, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// A web address that batches are posted to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// The address: `https`, or `http` on loopback.
    pub url: String,
    /// File with headers to send, a line each: `Authorization: Bearer …`. Read anew for each batch.
    #[serde(default)]
    pub headers_file: Option<PathBuf>,
    /// File with the root certificates to trust, PEM, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// A bucket of a service that speaks S3's protocol.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveConfig {
    /// Where the service is: `https://HOST[:PORT]`, or `http` on loopback.
    pub url: String,
    /// The region to sign for. When absent: the account's.
    #[serde(default, with = "text::optional_region")]
    pub region: Option<Region>,
    /// The bucket.
    pub bucket: String,
    /// What all names begin with, such as `strongroom/`.
    #[serde(default)]
    pub prefix: String,
    /// File with the access key, as the AWS CLI has it. Read anew for each object.
    pub credentials_file: PathBuf,
    /// The profile in that file.
    #[serde(default = "profile_default")]
    pub profile: String,
    /// File with the root certificates to trust, PEM, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// A sink's kind.
#[derive(Clone, Copy, Debug)]
pub enum SinkKind<'a> {
    /// Standard output.
    Stdout,
    /// A syslog receiver.
    Syslog(&'a SyslogConfig),
    /// An OTLP collector.
    Otlp(&'a OtlpConfig),
    /// A bucket.
    S3(&'a ArchiveConfig),
    /// A webhook.
    Webhook(&'a WebhookConfig),
}

impl SinkConfig {
    /// Its kind, when it has one.
    #[must_use]
    pub fn kind(&self) -> Option<SinkKind<'_>> {
        match self {
            Self { stdout: Some(StdoutConfig {}), .. } => Some(SinkKind::Stdout),
            Self { syslog: Some(syslog), .. } => Some(SinkKind::Syslog(syslog)),
            Self { otlp: Some(otlp), .. } => Some(SinkKind::Otlp(otlp)),
            Self { s3: Some(s3), .. } => Some(SinkKind::S3(s3)),
            Self { webhook: Some(webhook), .. } => Some(SinkKind::Webhook(webhook)),
            _ => None,
        }
    }

    /// How long records are gathered for a batch, in seconds.
    #[must_use]
    pub fn gathers_seconds(&self) -> u32 {
        self.gather_seconds.unwrap_or(if self.s3.is_some() { 60 } else { 0 })
    }

    /// The files that it names with something secret in them.
    #[must_use]
    pub fn secret_files(&self) -> Vec<&Path> {
        let file = match self.kind() {
            Some(SinkKind::Syslog(syslog)) => syslog.key_file.as_deref(),
            Some(SinkKind::Otlp(otlp)) => otlp.headers_file.as_deref(),
            Some(SinkKind::Webhook(webhook)) => webhook.headers_file.as_deref(),
            Some(SinkKind::S3(s3)) => Some(s3.credentials_file.as_path()),
            Some(SinkKind::Stdout) | None => None,
        };
        file.into_iter().collect()
    }

    /// The files that it names that everybody may read.
    #[must_use]
    pub fn open_files(&self) -> Vec<&Path> {
        let (ca, certificate) = match self.kind() {
            Some(SinkKind::Syslog(syslog)) => (syslog.ca_file.as_deref(), syslog.certificate_file.as_deref()),
            Some(SinkKind::Otlp(otlp)) => (otlp.ca_file.as_deref(), None),
            Some(SinkKind::Webhook(webhook)) => (webhook.ca_file.as_deref(), None),
            Some(SinkKind::S3(s3)) => (s3.ca_file.as_deref(), None),
            Some(SinkKind::Stdout) | None => (None, None),
        };
        ca.into_iter().chain(certificate).collect()
    }

    fn kinds(&self) -> usize {
        let kinds = [
            self.stdout.is_some(),
            self.syslog.is_some(),
            self.otlp.is_some(),
            self.s3.is_some(),
            self.webhook.is_some(),
        ];
        kinds.into_iter().filter(|is_there| *is_there).count()
    }

    fn check(&self, at: &str, problems: &mut Problems) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || self.name.len() > NAME_CHARACTERS_MAX || !self.name.chars().all(plain) {
            problems.add(format!("{at}.name"), "must be 1 to 32 lower-case letters, digits and hyphens");
        }
        if self.kinds() != 1 {
            problems.add(at, "must have exactly one of stdout, syslog, otlp, s3 and webhook");
        }
        if self.refuse_reads && self.when_full != WhenFull::Refuse {
            problems.add(format!("{at}.refuse_reads"), "has no meaning without when_full = \"refuse\"");
        }
        let gathers = self.gathers_seconds();
        if self.lag_seconds_max > 0 && gathers >= self.lag_seconds_max {
            problems.add(format!("{at}.gather_seconds"), "must be less than lag_seconds_max");
        }
        let batch = u64::from(self.batch_bytes_max);
        if self.lag_bytes_max < batch {
            problems.add(format!("{at}.lag_bytes_max"), "must not be less than batch_bytes_max");
        }
        let mut within = |key, value, least, most| problems.range(at, key, value, least, most);
        within("lag_bytes_max", self.lag_bytes_max, 64 * 1024, 1 << 60);
        within("lag_seconds_max", self.lag_seconds_max.into(), 0, 366 * 24 * 3600);
        within("batch_bytes_max", batch, 16 * 1024, 64 * 1024 * 1024);
        within("gather_seconds", gathers.into(), 0, 3600);
        within("time_ms_max", self.time_ms_max.into(), 100, 600_000);
        match self.kind() {
            Some(SinkKind::Syslog(syslog)) => syslog.check(&format!("{at}.syslog"), problems),
            Some(SinkKind::Otlp(OtlpConfig { url, .. })) => check_url(url, &format!("{at}.otlp"), problems),
            Some(SinkKind::Webhook(WebhookConfig { url, .. })) => check_url(url, &format!("{at}.webhook"), problems),
            Some(SinkKind::S3(s3)) => {
                check_url(&s3.url, &format!("{at}.s3"), problems);
                if s3.bucket.is_empty() {
                    problems.add(format!("{at}.s3.bucket"), "must not be empty");
                }
            }
            Some(SinkKind::Stdout) | None => {}
        }
    }
}

fn check_url(url: &str, at: &str, problems: &mut Problems) {
    if url.contains('?') || !url_is_allowed(url, true) {
        let text = format!("`{url}` is neither an https URL nor an http URL of a loopback address");
        problems.add(format!("{at}.url"), text);
    }
}

impl SyslogConfig {
    fn check(&self, at: &str, problems: &mut Problems) {
        let tls = match self.address.parse::<Address>() {
            Ok(address) => address.is_tls(),
            Err(text) => {
                problems.add(format!("{at}.address"), text);
                return;
            }
        };
        if let Err(text) = self.facility.parse::<Facility>() {
            problems.add(format!("{at}.facility"), text);
        }
        if self.certificate_file.is_some() != self.key_file.is_some() {
            problems.add(format!("{at}.key_file"), "certificate_file and key_file belong together");
        }
        if !tls && (self.ca_file.is_some() || self.key_file.is_some()) {
            problems.add(format!("{at}.ca_file"), "certificates have no meaning without TLS");
        }
        problems.range(at, "message_bytes_max", self.message_bytes_max.into(), 480, 1024 * 1024);
    }
}

/// Checks all sinks.
pub(super) fn check(sinks: &[SinkConfig], problems: &mut Problems) {
    if sinks.len() > SINKS_MAX {
        problems.add("audit.sinks", format!("there are more than {SINKS_MAX}"));
    }
    let mut names = HashSet::new();
    for (at, sink) in sinks.iter().enumerate() {
        let at = format!("audit.sinks[{at}]");
        sink.check(&at, problems);
        if !names.insert(&sink.name) {
            problems.add(format!("{at}.name"), format!("there is another sink `{}`", sink.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::config::Config;

    /// Each kind with what it needs.
    const LEAST: [(&str, &[&str]); 5] = [
        ("stdout = {}", &[]),
        ("syslog = { address = 'unix:/dev/log' }", &["address"]),
        ("otlp = { url = 'https://o' }", &["url"]),
        ("s3 = { url = 'https://s', bucket = 'b', credentials_file = 'c' }", &["url", "bucket", "credentials_file"]),
        ("webhook = { url = 'https://w' }", &["url"]),
    ];

    #[test]
    fn the_documentation_lists_every_key_with_its_default_and_no_other() {
        let mut expected = BTreeSet::new();
        let shown = |value: &Value| if value.is_null() { "none".to_owned() } else { format!("`{value}`") };
        for (least, needed) in LEAST {
            let config = Config::load(&format!("[[audit.sinks]]\nname = 's'\n{least}")).unwrap();
            let Value::Object(members) = serde_json::to_value(&config.audit.sinks[0]).unwrap() else { panic!() };
            for (key, value) in members {
                match value {
                    Value::Object(members) => {
                        for (inner, value) in members {
                            let default = if needed.contains(&inner.as_str()) { String::new() } else { shown(&value) };
                            expected.insert((format!("{key}.{inner}"), default));
                        }
                        expected.insert((key, "none".to_owned()));
                    }
                    value if key == "name" => drop((expected.insert((key, String::new())), value)),
                    value => drop(expected.insert((key, shown(&value)))),
                }
            }
        }
        let text = include_str!("../../../../docs/configuration.md");
        let rows = text.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| `audit.sinks.")?.split(" | ");
            let key = cells.next()?.trim().trim_end_matches("` |").trim_end_matches('`').to_owned();
            let second = cells.next()?.trim().to_owned();
            // A row without a default has an empty cell there, which leaves nothing between two separators.
            Some((key, if second == "none" || second.starts_with('`') { second } else { String::new() }))
        });
        assert_eq!(rows.collect::<BTreeSet<_>>(), expected);
    }
}
