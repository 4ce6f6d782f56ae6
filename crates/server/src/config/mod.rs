//! The settings: defaults, then the configuration file, then flags; all problems are told at once.

mod backup;
mod cloudwatch;
mod compliance;
mod events;
mod functions;
mod identity_providers;
mod limits;
mod metrics;
mod network;
mod partners;
mod port;
mod private_endpoints;
mod problems;
mod quotas;
mod roots;
mod sinks;
mod storage;
mod store;
mod text;

#[cfg(test)]
mod tests;

pub use backup::{BackupConfig, BucketConfig};
pub use cloudwatch::CloudWatchConfig;
pub use events::EventsConfig;
pub use functions::{FunctionsConfig, IsolationConfig, LambdaEndpointConfig};
pub use identity_providers::IdentityProvidersConfig;
pub use limits::LimitsConfig;
pub use metrics::MetricsConfig;
pub use network::{Network, NetworkError};
pub use partners::PartnersConfig;
pub use port::{CorsConfig, ListenConfig, PORT_DEFAULT, TlsConfig};
pub use private_endpoints::PrivateEndpointConfig;
pub use problems::{Problem, Problems};
pub use quotas::QuotasConfig;
pub use roots::RootConfig;
pub use sinks::{
    ArchiveConfig, Begin, OtlpConfig, SinkConfig, SinkKind, StdoutConfig, SyslogConfig, SyslogFraming, WebhookConfig,
    WhenFull,
};
pub use storage::{AccountConfig, AuditConfig, AuditSync, CacheConfig, DataConfig, MemoryConfig, MemoryLock};
pub use store::StoreConfig;

use serde::{Deserialize, Serialize};
use strongroom_core::compliance::Parameters;
use toml::{Table, Value};

/// All settings of a server. `Default` is a server on loopback with every limit at its documented value.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Developer mode: loopback only, any access key is accepted and mapped to the account.
    pub dev: bool,
    /// Where everything is kept.
    pub data: DataConfig,
    /// The store's engine.
    pub store: StoreConfig,
    /// The process's memory.
    pub memory: MemoryConfig,
    /// The account and region.
    pub account: AccountConfig,
    /// Addresses to listen on.
    pub listen: ListenConfig,
    /// Further addresses that stand for VPC endpoints.
    pub private_endpoints: Vec<PrivateEndpointConfig>,
    /// The certificate.
    pub tls: TlsConfig,
    /// Sizes, counts and times.
    pub limits: LimitsConfig,
    /// How often an account may call, and what a secret may hold.
    pub quotas: QuotasConfig,
    /// Web pages that may call from a browser.
    pub cors: CorsConfig,
    /// Roots of trust: the first wraps new keys, all unwrap.
    pub roots: Vec<RootConfig>,
    /// The audit trail's segment files.
    pub audit: AuditConfig,
    /// Sizes of the caches.
    pub cache: CacheConfig,
    /// Identity providers of OpenID Connect.
    pub identity_providers: IdentityProvidersConfig,
    /// Partners of managed external secrets.
    pub partners: PartnersConfig,
    /// Functions.
    pub functions: FunctionsConfig,
    /// Events.
    pub events: EventsConfig,
    /// Backups.
    pub backup: BackupConfig,
    /// Figures that can be fetched.
    pub metrics: MetricsConfig,
    /// Metrics and alarms as CloudWatch has them.
    pub cloudwatch: CloudWatchConfig,
    /// What the rules of compliance ask for.
    pub compliance: Parameters,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            dev: false,
            data: DataConfig::default(),
            store: StoreConfig::default(),
            memory: MemoryConfig::default(),
            account: AccountConfig::default(),
            listen: ListenConfig::default(),
            private_endpoints: Vec::new(),
            tls: TlsConfig::default(),
            limits: LimitsConfig::default(),
            quotas: QuotasConfig::default(),
            cors: CorsConfig::default(),
            roots: vec![RootConfig::File { path: None }],
            audit: AuditConfig::default(),
            cache: CacheConfig::default(),
            identity_providers: IdentityProvidersConfig::default(),
            partners: PartnersConfig::default(),
            functions: FunctionsConfig::default(),
            events: EventsConfig::default(),
            backup: BackupConfig::default(),
            metrics: MetricsConfig::default(),
            cloudwatch: CloudWatchConfig::default(),
            compliance: Parameters::default(),
        }
    }
}

impl Config {
    /// Reads a configuration file's text (TOML) over the defaults.
    ///
    /// # Errors
    /// With every problem of the text: syntax, unknown keys, wrong types, values out of range, settings that
    /// contradict each other.
    pub fn load(text: &str) -> Result<Self, Problems> {
        Self::load_with(text, |_| {})
    }

    /// Reads `text` over the defaults, then lets `overlay` (the command's flags) change settings, then checks all.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(text: &str, overlay: impl FnOnce(&mut Self)) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut config = read(text, &mut problems);
        overlay(&mut config);
        config.check_into(&mut problems);
        problems.none_or(config)
    }

    /// Checks settings that were made in code.
    ///
    /// # Errors
    /// With every value out of range and every contradiction.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        self.check_into(&mut problems);
        problems.none_or(())
    }

    fn check_into(&self, problems: &mut Problems) {
        self.data.check(problems);
        self.store.check(self.dev, problems);
        self.listen.check(&self.tls, self.dev, problems);
        private_endpoints::check(&self.private_endpoints, self.tls.is_on(), problems);
        self.tls.check(problems);
        self.limits.check(problems);
        self.quotas.check(problems);
        self.cors.check(problems);
        roots::check(&self.roots, problems);
        self.audit.check(problems);
        self.cache.check(self.store.looks_ms(), problems);
        self.identity_providers.check(problems);
        self.functions.check(&self.account.region, problems);
        self.events.check(problems);
        self.backup.check(&self.data.directory, problems);
        self.cloudwatch.check(problems);
        compliance::check(&self.compliance, problems);
    }
}

/// Reads what can be read, key by key, so that one wrong key does not hide the next.
fn read(text: &str, problems: &mut Problems) -> Config {
    let table = match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map_or(1, |span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count());
            problems.add(format!("line {line}"), error.message());
            return Config::default();
        }
    };
    let mut good = Table::new();
    for (name, value) in table {
        if let Some(value) = good_part(&name, value, problems) {
            good.insert(name, value);
        }
    }
    trial(good).unwrap_or_else(|text| {
        problems.add("file", text);
        Config::default()
    })
}

/// The part of `name`'s value that fits; the rest becomes problems.
fn good_part(name: &str, value: Value, problems: &mut Problems) -> Option<Value> {
    let single = |value: &Value| Table::from_iter([(name.to_owned(), value.clone())]);
    match value {
        Value::Table(section) => {
            if let Err(text) = trial(single(&Value::Table(Table::new()))) {
                problems.add(name, text);
                return None;
            }
            let mut good = Table::new();
            for (key, value) in section {
                let alone = Value::Table(Table::from_iter([(key.clone(), value.clone())]));
                match trial(single(&alone)) {
                    Ok(_) => drop(good.insert(key, value)),
                    Err(text) => problems.add(format!("{name}.{key}"), text),
                }
            }
            Some(Value::Table(good))
        }
        Value::Array(elements) => {
            let mut good = Vec::new();
            for (at, element) in elements.into_iter().enumerate() {
                match trial(single(&Value::Array(vec![element.clone()]))) {
                    Ok(_) => good.push(element),
                    Err(text) => problems.add(format!("{name}[{at}]"), text),
                }
            }
            Some(Value::Array(good))
        }
        value => match trial(single(&value)) {
            Ok(_) => Some(value),
            Err(text) => {
                problems.add(name, text);
                None
            }
        },
    }
}

fn trial(table: Table) -> Result<Config, String> {
    Config::deserialize(table).map_err(|error| error.message().to_owned())
}
