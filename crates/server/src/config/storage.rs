//! What is kept, whose it is, and under which root of trust: data directory, account, roots, audit, caches.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use strongroom_core::trail::NodeName;
use strongroom_types::{AccountId, Region};

use super::{Problems, SinkConfig, sinks, text};

/// Where everything is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// The data directory. Made on first start, readable by its owner alone.
    pub directory: PathBuf,
    /// A file on other storage than the data's that remembers how far the store has come, so that an old copy of the
    /// store in its place is noticed at the start. Made when it is first named.
    pub anchor: Option<PathBuf>,
    /// Between two looks at all rows of the store while the server runs, in hours: whether each is the last that was
    /// written. 0 for none.
    pub inspection_hours: u32,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self { directory: PathBuf::from("strongroom-data"), anchor: None, inspection_hours: 24 }
    }
}

impl DataConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.directory.as_os_str().is_empty() {
            problems.add("data.directory", "must not be empty");
        }
        if let Some(anchor) = &self.anchor {
            if anchor.file_name().is_none() {
                problems.add("data.anchor", "must name a file");
            } else if anchor.starts_with(&self.directory) {
                problems.add(
                    "data.anchor",
                    "must not be in the data directory: whoever can put an old store back there \
                                             could put the anchor back as well",
                );
            }
        }
        problems.range("data", "inspection_hours", self.inspection_hours.into(), 0, 24 * 365);
    }
}

/// The process's memory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryConfig {
    /// Whether the process's memory is kept from being swapped out.
    pub lock: MemoryLock,
}

/// When the process's memory is locked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryLock {
    /// When the system allows it.
    #[default]
    Auto,
    /// Always; the server does not start without.
    Require,
    /// Never.
    Never,
}

/// The AWS account and region that the server is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountConfig {
    /// Account number of 12 digits. When absent, one is made at random on first start and kept.
    #[serde(with = "text::account")]
    pub id: Option<AccountId>,
    /// Region name, part of every ARN and of every signature.
    #[serde(with = "text::region")]
    pub region: Region,
}

impl Default for AccountConfig {
    #[expect(clippy::expect_used, reason = "the constant is a region name, which a test shows")]
    fn default() -> Self {
        Self { id: None, region: Region::parse("us-east-1").expect("us-east-1 is a region name") }
    }
}

/// The audit trail's segment files: a new one each hour, and when one is full.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Where segments are written. When absent: `trail` in the data directory.
    pub directory: Option<PathBuf>,
    /// When records of requests that change nothing are made to survive a power failure. Records of changes are
    /// committed with the change, whatever stands here.
    pub sync: AuditSync,
    /// Bytes of the trail's file system that stay free. With less, only DeleteSecret is carried out. 0 for no reserve.
    pub free_bytes_min: u64,
    /// Refused requests without a valid signature that have records of their own, for each source address (IPv6: each
    /// network of 64 bits) and minute. One record tells how many more there were.
    pub refusals_per_minute_max: u32,
    /// Records of changes that may wait in the store for being moved to the trail. With more, changes are refused.
    pub backlog_entries_max: u64,
    /// Whether the calls of KMS under default keys, which Secrets Manager makes for its callers, have records too when
    /// they succeed. Those under other keys, and those that are refused, always have.
    pub default_key_calls: bool,
    /// Where records go beside the files.
    pub sinks: Vec<SinkConfig>,
    /// A segment with so many bytes gets no more records: the hour goes on in its next part.
    pub segment_bytes_max: u64,
    /// Whether segments that have their digest are compressed (gzip).
    pub compress: bool,
    /// After how many days segments are removed. 0 keeps them for ever.
    pub retention_days: u32,
    /// Whether an index is kept beside the segments, which CloudTrail's LookupEvents answers from.
    pub index: bool,
    /// Names of servers that shared the store and are gone for good: LookupEvents answers without the events of their trails.
    pub gone_servers: Vec<String>,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            directory: None,
            sync: AuditSync::default(),
            free_bytes_min: 64 * 1024 * 1024,
            refusals_per_minute_max: 60,
            backlog_entries_max: 100_000,
            default_key_calls: false,
            sinks: Vec::new(),
            segment_bytes_max: 256 * 1024 * 1024,
            compress: true,
            retention_days: 0,
            index: true,
            gone_servers: Vec::new(),
        }
    }
}

impl AuditConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        let mut within = |key, value, least, most| problems.range("audit", key, value, least, most);
        within("free_bytes_min", self.free_bytes_min, 0, 1 << 60);
        within("refusals_per_minute_max", self.refusals_per_minute_max.into(), 0, 1_000_000);
        within("backlog_entries_max", self.backlog_entries_max, 1, 100_000_000);
        within("segment_bytes_max", self.segment_bytes_max, 1024 * 1024, 1 << 32);
        within("retention_days", self.retention_days.into(), 0, 36_500);
        if let Some(name) = self.gone_servers.iter().find(|name| NodeName::parse(name).is_none()) {
            problems.add("audit.gone_servers", format!("{name}: no name of a server, which has 16 hexadecimal digits"));
        }
        sinks::check(&self.sinks, problems);
    }
}

/// When the trail's segment file is synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditSync {
    /// When the system does it.
    Never,
    /// Every second.
    #[default]
    Interval,
    /// Before the answer of each request.
    Always,
}

/// Sizes of the caches. Plaintext values are never cached.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Bytes of decoded documents; values are kept as ciphertext.
    pub documents_bytes_max: u64,
    /// Signing keys derived from access keys.
    pub signing_keys_max: u32,
    /// Data keys kept unwrapped, each for five minutes at most.
    pub data_keys_max: u32,
    /// Where several servers share the store: how long ago the last look for the others' changes may have been for an
    /// answer to come from memory, in milliseconds. With 0 the database is asked each time.
    pub stale_ms_max: u32,
    /// While the others' changes are not heard of: how old what reads are answered with from memory may be, in seconds.
    /// With 0 nothing is answered from memory then.
    pub lost_stale_seconds_max: u32,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            documents_bytes_max: 64 * 1024 * 1024,
            signing_keys_max: 4096,
            data_keys_max: 10_000,
            stale_ms_max: 1000,
            lost_stale_seconds_max: 0,
        }
    }
}

impl CacheConfig {
    pub(super) fn check(&self, looks_ms: Option<u32>, problems: &mut Problems) {
        if let Some(looks_ms) = looks_ms
            && self.stale_ms_max > 0
            && self.stale_ms_max < looks_ms.saturating_mul(2)
        {
            problems.add(
                "cache.stale_ms_max",
                "must be 0, or at least twice store.poll_ms: else hardly anything comes from memory",
            );
        }
        if looks_ms.is_some() && self.stale_ms_max == 0 && self.lost_stale_seconds_max > 0 {
            let text = "must be 0 where cache.stale_ms_max is: nothing is answered from memory then";
            problems.add("cache.lost_stale_seconds_max", text);
        }
        let mut within = |key, value, least, most| problems.range("cache", key, value, least, most);
        within("documents_bytes_max", self.documents_bytes_max, 0, 64 * 1024 * 1024 * 1024);
        within("signing_keys_max", self.signing_keys_max.into(), 1, 10_000_000);
        within("data_keys_max", self.data_keys_max.into(), 0, 10_000_000);
        within("stale_ms_max", self.stale_ms_max.into(), 0, 60_000);
        within("lost_stale_seconds_max", self.lost_stale_seconds_max.into(), 0, 24 * 3600);
    }
}
