//! Backups: where they go, how often, what is kept, and how often one is restored for proof.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use strongroom_client::Credentials;
use strongroom_core::catalogue::{Keep, Paces};
use strongroom_core::oidc::url_is_allowed;
use strongroom_roots::secret_file;
use strongroom_types::{Region, SecretText};

use super::{Problems, text};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Backups. Without a place none are taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupConfig {
    /// The directory that backups go to. Made when it is missing and its parent is there.
    pub directory: Option<PathBuf>,
    /// The bucket that backups go to.
    pub s3: Option<BucketConfig>,
    /// Between two backups, in minutes.
    pub every_minutes: u32,
    /// Between two full backups, in hours: those between them hold what has changed. 0 for full ones only.
    pub full_every_hours: u32,
    /// The newest backups, of any kind, that are kept.
    pub keep_last: u32,
    /// Days for which backups are kept.
    pub keep_days: u32,
    /// The newest full backups that are kept.
    pub keep_full: u32,
    /// Between two drills, in hours: the newest backup is restored into a scratch store and held against the store. 0 for
    /// none.
    pub drill_every_hours: u32,
    /// Readiness warns when the newest backup is older, in hours. 0 for never.
    pub age_hours_max: u32,
    /// Readiness warns when the last proven restore is longer ago, in hours. 0 for never.
    pub proven_hours_max: u32,
}

impl Default for BackupConfig {
    fn default() -> Self {
        Self {
            directory: None,
            s3: None,
            every_minutes: 60,
            full_every_hours: 168,
            keep_last: 24,
            keep_days: 30,
            keep_full: 2,
            drill_every_hours: 24,
            age_hours_max: 25,
            proven_hours_max: 73,
        }
    }
}

/// A bucket of a service that speaks S3's protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketConfig {
    /// Where the service is: `https://HOST[:PORT]`, or `http` on loopback. The bucket is part of the path.
    pub url: String,
    /// The region to sign for. When absent: `account.region`.
    #[serde(default, with = "text::optional_region")]
    pub region: Option<Region>,
    /// The bucket.
    pub bucket: String,
    /// What all names begin with in the bucket, such as `strongroom/`.
    #[serde(default)]
    pub prefix: String,
    /// File with the access key, as the AWS CLI has it. Read anew for each object. When absent: the environment's.
    #[serde(default)]
    pub credentials_file: Option<PathBuf>,
    /// The profile in that file.
    #[serde(default = "profile_default")]
    pub profile: String,
    /// File with the root certificates to trust, PEM, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Time for a call, of which an object takes one for each 8 MiB.
    #[serde(default = "time_default")]
    pub time_ms_max: u64,
}

fn profile_default() -> String {
    "default".to_owned()
}

fn time_default() -> u64 {
    60_000
}

impl BackupConfig {
    pub(super) fn check(&self, data: &Path, problems: &mut Problems) {
        if self.directory.is_some() && self.s3.is_some() {
            problems.add("backup.s3", "backups go to one place: name a directory or a bucket");
        }
        if let Some(directory) = &self.directory {
            if directory.as_os_str().is_empty() {
                problems.add("backup.directory", "must not be empty");
            } else if directory.starts_with(data) {
                problems.add("backup.directory", "must not be in the data directory, with which it would be lost");
            }
        }
        if let Some(bucket) = &self.s3 {
            bucket.check(problems);
        }
        let mut within = |key, value: u32, least, most| problems.range("backup", key, value.into(), least, most);
        within("every_minutes", self.every_minutes, 1, 60 * 24 * 366);
        within("full_every_hours", self.full_every_hours, 0, 24 * 366);
        within("keep_last", self.keep_last, 0, 10_000);
        within("keep_days", self.keep_days, 0, 36_600);
        within("keep_full", self.keep_full, 0, 10_000);
        within("drill_every_hours", self.drill_every_hours, 0, 24 * 366);
        within("age_hours_max", self.age_hours_max, 0, 24 * 366);
        within("proven_hours_max", self.proven_hours_max, 0, 24 * 366);
        if self.keep_last == 0 && self.keep_days == 0 && self.keep_full == 0 {
            problems.add("backup.keep_last", "keep_last, keep_days and keep_full are all 0: say what is to be kept");
        }
        if self.age_hours_max > 0 && u64::from(self.age_hours_max) * 60 < u64::from(self.every_minutes) {
            problems.add("backup.age_hours_max", "is shorter than every_minutes: it would always be exceeded");
        }
        let drills = self.drill_every_hours > 0;
        if drills && self.proven_hours_max > 0 && self.proven_hours_max < self.drill_every_hours {
            problems.add("backup.proven_hours_max", "is shorter than drill_every_hours: it would always be exceeded");
        }
    }

    /// Whether there is a place that backups go to.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.directory.is_some() || self.s3.is_some()
    }

    /// How often things are done.
    #[must_use]
    pub fn paces(&self) -> Paces {
        let hours = |hours: u32| i64::from(hours) * HOUR_MS;
        Paces {
            every_ms: i64::from(self.every_minutes) * MINUTE_MS,
            full_every_ms: hours(self.full_every_hours),
            drill_every_ms: (self.drill_every_hours > 0).then(|| hours(self.drill_every_hours)),
        }
    }

    /// What is kept.
    #[must_use]
    pub fn keep(&self) -> Keep {
        let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        Keep { last: count(self.keep_last), days: self.keep_days, full: count(self.keep_full) }
    }

    /// Age of the newest backup, in ms, from which on readiness warns.
    #[must_use]
    pub fn age_ms_max(&self) -> Option<i64> {
        (self.age_hours_max > 0).then(|| i64::from(self.age_hours_max) * HOUR_MS)
    }

    /// Age of the last proven restore, in ms, from which on readiness warns.
    #[must_use]
    pub fn proven_ms_max(&self) -> Option<i64> {
        (self.proven_hours_max > 0 && self.drill_every_hours > 0).then(|| i64::from(self.proven_hours_max) * HOUR_MS)
    }
}

impl BucketConfig {
    fn check(&self, problems: &mut Problems) {
        let mut add = |key: &str, text: String| problems.add(format!("backup.s3.{key}"), text);
        if self.url.contains('?') || !url_is_allowed(&self.url, true) {
            add("url", format!("`{}` is neither an https URL nor an http URL of a loopback address", self.url));
        }
        if self.bucket.is_empty() {
            add("bucket", "must not be empty".to_owned());
        }
        if self.profile.is_empty() {
            add("profile", "must not be empty".to_owned());
        }
        for (key, path) in [("credentials_file", &self.credentials_file), ("ca_file", &self.ca_file)] {
            if path.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
                add(key, "must not be empty".to_owned());
            }
        }
        problems.range("backup.s3", "time_ms_max", self.time_ms_max, 100, 3_600_000);
    }

    /// The access key of now.
    ///
    /// # Errors
    /// When there is none.
    pub fn credentials(&self) -> Result<Credentials, String> {
        let Some(file) = &self.credentials_file else {
            return from_environment().ok_or_else(|| {
                "there is no access key for backups: set backup.s3.credentials_file, or AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY"
                    .to_owned()
            });
        };
        Credentials::of_profile(secret_file::text(file)?.expose(), &self.profile)
            .ok_or_else(|| format!("{} holds no access key for profile {}", file.display(), self.profile))
    }
}

#[expect(clippy::disallowed_methods, reason = "config modules read the environment")]
fn from_environment() -> Option<Credentials> {
    let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Some(Credentials {
        access_key_id: value("AWS_ACCESS_KEY_ID")?,
        secret_access_key: SecretText::new(value("AWS_SECRET_ACCESS_KEY")?),
        session_token: value("AWS_SESSION_TOKEN").map(SecretText::new),
    })
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn problems(text: &str) -> String {
        Config::load(text).err().map_or_else(String::new, |problems| problems.to_string())
    }

    #[test]
    fn a_place_is_a_directory_or_a_bucket() {
        assert!(!Config::load("").unwrap().backup.is_on());
        assert_eq!(problems("[backup]\ndirectory = '/mnt/backups'\nevery_minutes = 15"), "");
        let bucket = "[backup.s3]\nurl = 'https://s3.example'\nbucket = 'b'\n";
        assert_eq!(problems(bucket), "");
        assert!(Config::load(bucket).unwrap().backup.is_on());
    }

    #[test]
    fn what_is_wrong_is_told() {
        let bucket = "[backup.s3]\nbucket = 'b'\n";
        for (text, wanted) in [
            (
                "[backup]\ndirectory = '/m'\ns3 = { url = 'https://s', bucket = 'b' }",
                "backup.s3: backups go to one place",
            ),
            ("[backup]\ndirectory = 'strongroom-data/b'", "backup.directory: must not be in the data directory"),
            ("[backup]\nevery_minutes = 0", "backup.every_minutes: 0 is not from 1"),
            ("[backup]\nkeep_last = 0\nkeep_days = 0\nkeep_full = 0", "backup.keep_last: keep_last, keep_days"),
            ("[backup]\nevery_minutes = 1600", "backup.age_hours_max: is shorter than every_minutes"),
            ("[backup]\ndrill_every_hours = 100", "backup.proven_hours_max: is shorter than drill_every_hours"),
            (&format!("{bucket}url = 'http://s3.example'"), "backup.s3.url: `http://s3.example` is neither"),
            (&format!("{bucket}url = 'https://s'\nspeed = 1"), "backup.s3: unknown field `speed`"),
            (&format!("{bucket}url = 'https://s'\ntime_ms_max = 1"), "backup.s3.time_ms_max: 1 is not"),
        ] {
            let found = problems(text);
            assert!(found.contains(wanted), "{found}");
        }
    }
}
