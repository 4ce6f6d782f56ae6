//! Sinks as the configuration names them, with what stands in the files that it names.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use strongroom_client::{Credentials, Trust};
use strongroom_places::{Bucket, BucketSettings};
use strongroom_roots::secret_file;
use strongroom_sinks::{
    Address, Archive, ArchiveSettings, Framing, HeaderSource, Identity, Otlp, OtlpSettings, Output, Pace, Sink,
    SinkError, Syslog, SyslogSettings, Webhook, WebhookSettings,
};
use strongroom_types::{AccountId, Clock};

use crate::config::{
    ArchiveConfig, Config, OtlpSinkConfig, SinkConfig, SinkKind, SyslogConfig, SyslogFraming, WebhookConfig,
};
use crate::header_file;

/// Between two looks for records, in ms.
const IDLE_MS: u64 = 300;
/// After a batch that was far from full, in ms.
const REST_MS: u64 = 200;
/// The longest pause before another attempt, in ms.
const PAUSE_MS_MAX: u64 = 30_000;

/// Where the system tells the machine's name.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

/// How much and how fast.
pub(super) fn pace(wanted: &SinkConfig) -> Pace {
    Pace {
        batch_bytes_max: usize::try_from(wanted.batch_bytes_max).unwrap_or(usize::MAX),
        gather_ms: i64::from(wanted.gathers_seconds()) * 1000,
        time_ms_max: wanted.time_ms_max.into(),
        idle_ms: IDLE_MS,
        rest_ms: REST_MS,
        pause_ms_max: PAUSE_MS_MAX,
    }
}

/// The sink that `wanted` describes.
pub(super) fn sink(
    config: &Config,
    wanted: &SinkConfig,
    node: &str,
    account: &AccountId,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Sink>, String> {
    let time = Duration::from_millis(wanted.time_ms_max.into());
    Ok(match wanted.kind() {
        None => return Err("it is of no kind".to_owned()),
        Some(SinkKind::Stdout) => Box::new(Output::new(std::io::stdout(), "standard output")),
        Some(SinkKind::Syslog(syslog)) => Box::new(Syslog::open(syslog_settings(syslog, node)?)?),
        Some(SinkKind::Otlp(OtlpSinkConfig { url, headers_file, ca_file })) => Box::new(Otlp::open(OtlpSettings {
            url: url.clone(),
            headers: headers(headers_file.as_deref())?,
            trust: trust(ca_file.as_deref())?,
            time,
            instance: node.to_owned(),
            clock: Arc::clone(clock),
        })?),
        Some(SinkKind::Webhook(WebhookConfig { url, headers_file, ca_file })) => {
            Box::new(Webhook::open(WebhookSettings {
                url: url.clone(),
                headers: headers(headers_file.as_deref())?,
                trust: trust(ca_file.as_deref())?,
                time,
            })?)
        }
        Some(SinkKind::S3(s3)) => Box::new(Archive::new(ArchiveSettings {
            bucket: bucket(config, s3, time, clock)?,
            account: account.clone(),
            region: config.account.region.clone(),
        })),
    })
}

fn syslog_settings(syslog: &SyslogConfig, node: &str) -> Result<SyslogSettings, String> {
    let address: Address = syslog.address.parse()?;
    let tls = if address.is_tls() {
        let trust = trust(syslog.ca_file.as_deref())?;
        let certificate = syslog.certificate_file.as_deref().map(bytes).transpose()?;
        let key = syslog.key_file.as_deref().map(secret_file::text).transpose()?;
        Some(trust.for_connections(certificate.as_deref().zip(key.as_ref()))?)
    } else {
        None
    };
    // Without a name the message has the mark for none.
    let own = || std::fs::read_to_string(HOST_NAME_FILE).unwrap_or_default();
    let host = syslog.host.clone().unwrap_or_else(own);
    Ok(SyslogSettings {
        address,
        tls,
        framing: match syslog.framing {
            SyslogFraming::OctetCounting => Framing::OctetCounting,
            SyslogFraming::Lines => Framing::Lines,
        },
        confirm: syslog.confirm,
        facility: syslog.facility.parse()?,
        identity: Identity { host, node: node.to_owned() },
        message_bytes_max: usize::try_from(syslog.message_bytes_max).unwrap_or(usize::MAX),
    })
}

fn bucket(config: &Config, s3: &ArchiveConfig, time: Duration, clock: &Arc<dyn Clock>) -> Result<Bucket, String> {
    let (file, profile) = (s3.credentials_file.clone(), s3.profile.clone());
    let key = move || credentials(&file, &profile);
    // Now too, so that a start tells of a file that is not there.
    key()?;
    Bucket::open(BucketSettings {
        url: s3.url.clone(),
        region: s3.region.as_ref().unwrap_or(&config.account.region).as_str().to_owned(),
        bucket: s3.bucket.clone(),
        prefix: s3.prefix.clone(),
        trust: trust(s3.ca_file.as_deref())?,
        time,
        clock: Arc::clone(clock),
        key: Arc::new(key),
    })
}

fn credentials(file: &Path, profile: &str) -> Result<Credentials, String> {
    Credentials::of_profile(secret_file::text(file)?.expose(), profile)
        .ok_or_else(|| format!("{} holds no access key for profile {profile}", file.display()))
}

fn trust(ca_file: Option<&Path>) -> Result<Trust, String> {
    let trust = match ca_file {
        Some(path) => Trust::pem(bytes(path)?),
        None => Trust::system(),
    };
    trust.check()?;
    Ok(trust)
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// What gives the headers in `file`, which is read now too.
fn headers(file: Option<&Path>) -> Result<Option<HeaderSource>, String> {
    let Some(file) = file.map(Path::to_owned) else { return Ok(None) };
    let read = move || header_file::headers(&file);
    read()?;
    Ok(Some(Arc::new(read)))
}

/// Whose those records are that name no account, of which servers write none.
#[expect(clippy::expect_used, reason = "the constant is an account's number")]
pub(super) fn account_of(config: &Config) -> AccountId {
    let none = || AccountId::parse("000000000000").expect("twelve digits are an account's number");
    config.account.id.clone().unwrap_or_else(none)
}

/// A sink that can be tried out.
pub struct Probe {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub to: Result<String, String>,
    sink: Option<Box<dyn Sink>>,
    time: Duration,
}

/// How long somebody waits who only asks whether a sink is there.
const PROBE_MAX: Duration = Duration::from_secs(5);

/// The sinks of `config`, to be tried out by somebody who is not the server.
#[must_use]
pub fn probes(config: &Config, clock: &Arc<dyn Clock>) -> Vec<Probe> {
    let account = account_of(config);
    let probe = |wanted: &SinkConfig| {
        let opened = sink(config, wanted, "doctor", &account, clock);
        let time = Duration::from_millis(wanted.time_ms_max.into()).min(PROBE_MAX);
        let (to, sink) = match opened {
            Ok(sink) => (Ok(sink.describe()), Some(sink)),
            Err(text) => (Err(text), None),
        };
        // Standard output is that of the server, not of whoever asks.
        let sink = sink.filter(|_| wanted.stdout.is_none());
        Probe { name: wanted.name.clone(), to, sink, time }
    };
    config.audit.sinks.iter().map(probe).collect()
}

impl Probe {
    /// Whether somebody is there who takes a batch: one without records.
    ///
    /// # Errors
    /// When there is nobody.
    pub async fn reach(&mut self) -> Result<(), SinkError> {
        let Some(sink) = &mut self.sink else { return Ok(()) };
        let ms = u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX);
        tokio::time::timeout(self.time, sink.reach()).await.unwrap_or(Err(SinkError::Time { ms }))
    }
}
