//! A place that is a bucket of a service that speaks S3's protocol, by path-style addresses.
//!
//! Calls are signed by `client`: names, prefix and bucket have only characters that S3's rules and those of other services
//! write alike. Each body's digest is part of its signature. What is long goes and comes in parts.

mod call;
mod download;
mod upload;

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use strongroom_client::{Credentials, Endpoint, Options, Trust, element};
use strongroom_types::Clock;

use crate::directory::new_file;
use crate::{Content, Entry, Place, PlaceError, PlaceFuture, check_name, is_name};
use call::Wanted;
use download::Download;

/// Gives the access key of now: it is asked for each object.
pub type KeySource = Arc<dyn Fn() -> Result<Credentials, String> + Send + Sync>;

/// Bytes of a part, unless there would be too many of them.
const PART_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes of an answer beside those of a part.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Pages of a listing, of a thousand objects each.
const PAGES_MAX: usize = 100;

/// What a bucket is reached by.
pub struct BucketSettings {
    /// Where the service is: `https://HOST[:PORT]`, or `http` on loopback.
    pub url: String,
    /// The region to sign for.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// What all names begin with in the bucket, such as `strongroom/`; may be empty.
    pub prefix: String,
    /// Gives the access key.
    pub key: KeySource,
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// Time for a call.
    pub time: Duration,
    /// The time to sign for.
    pub clock: Arc<dyn Clock>,
}

/// A bucket.
pub struct Bucket {
    endpoint: Arc<Endpoint>,
    region: String,
    bucket: String,
    prefix: String,
    key: KeySource,
    clock: Arc<dyn Clock>,
    /// Bytes of a part: less in tests.
    part_bytes: u64,
    /// Before a call is tried again, doubled each time, in ms.
    pause_ms: u64,
}

impl Bucket {
    /// The bucket of `settings`. Nothing is asked yet.
    ///
    /// # Errors
    /// When something about the settings is wrong.
    pub fn open(settings: BucketSettings) -> Result<Self, String> {
        let plain = |text: &str, more: &[u8]| text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b));
        if settings.bucket.is_empty() || !plain(&settings.bucket, b".-_") || settings.bucket.starts_with('.') {
            return Err(format!("`{}` cannot be a bucket's name", settings.bucket));
        }
        let segments_are_well = settings.prefix.split('/').all(|part| part != "." && part != "..");
        let prefix = settings.prefix.as_str();
        if !plain(prefix, b".-_/") || prefix.starts_with('/') || prefix.contains("//") || !segments_are_well {
            return Err(format!(
                "`{prefix}` cannot be what names begin with: use letters, digits, `.`, `-`, `_` and `/`"
            ));
        }
        let part = usize::try_from(PART_BYTES).unwrap_or(usize::MAX);
        let options = Options {
            trust: settings.trust,
            time: settings.time,
            answer_bytes_max: part.saturating_add(ANSWER_BYTES),
            ..Options::default()
        };
        let endpoint = Endpoint::open(&settings.url, options).map_err(|error| error.to_string())?;
        Ok(Self {
            endpoint: Arc::new(endpoint),
            region: settings.region,
            bucket: settings.bucket,
            prefix: settings.prefix,
            key: settings.key,
            clock: settings.clock,
            part_bytes: PART_BYTES,
            pause_ms: call::PAUSE_MS,
        })
    }

    /// Whether the bucket is there for the access key.
    ///
    /// # Errors
    /// When it is not.
    pub async fn reach(&self) -> Result<(), PlaceError> {
        self.ask(&Wanted::of_bucket(Method::HEAD)).await.map(drop)
    }

    /// The page of a listing behind `token`, and the token of the next.
    async fn page(&self, token: Option<&str>) -> Result<(Vec<Entry>, Option<String>), PlaceError> {
        let mut wanted = Wanted::of_bucket(Method::GET).with("list-type", "2");
        if !self.prefix.is_empty() {
            wanted = wanted.with("prefix", &self.prefix);
        }
        if let Some(token) = token {
            wanted = wanted.with("continuation-token", token);
        }
        let answer = self.ask(&wanted).await?;
        let text = answer.text().map_err(|error| PlaceError::Unavailable(error.to_string()))?;
        let wrong = || PlaceError::Unavailable(format!("{}: the listing is none", self.describe()));
        if !text.contains("<ListBucketResult") {
            return Err(wrong());
        }
        let mut found = Vec::new();
        for part in text.split("<Contents>").skip(1) {
            let key = element(part, "Key").ok_or_else(wrong)?;
            let bytes = element(part, "Size").and_then(|size| size.parse().ok()).ok_or_else(wrong)?;
            if let Some(name) = key.strip_prefix(&self.prefix).filter(|name| is_name(name)) {
                found.push(Entry { name: name.to_owned(), bytes });
            }
        }
        let next = element(text, "NextContinuationToken");
        match element(text, "IsTruncated").as_deref() {
            Some("true") => Ok((found, Some(next.ok_or_else(wrong)?))),
            _ => Ok((found, None)),
        }
    }

    async fn list_all(&self) -> Result<Vec<Entry>, PlaceError> {
        let (mut found, mut token) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let (entries, next) = self.page(token.as_deref()).await?;
            found.extend(entries);
            let Some(next) = next else {
                found.sort();
                return Ok(found);
            };
            token = Some(next);
        }
        Err(PlaceError::Unavailable(format!("{}: there are too many objects", self.describe())))
    }
}

impl Place for Bucket {
    fn describe(&self) -> String {
        format!("bucket {} at {}", self.bucket, self.endpoint.url())
    }

    fn put<'a>(&'a self, name: &'a str, content: Content<'a>) -> PlaceFuture<'a, ()> {
        Box::pin(async move {
            check_name(name)?;
            self.upload(name, content).await
        })
    }

    fn list(&self) -> PlaceFuture<'_, Vec<Entry>> {
        Box::pin(self.list_all())
    }

    fn read<'a>(&'a self, name: &'a str, bytes_max: u64) -> PlaceFuture<'a, Vec<u8>> {
        Box::pin(async move {
            check_name(name)?;
            let (mut whole, mut download) = (Vec::new(), Download::of(self, name, bytes_max));
            while let Some(part) = download.next().await? {
                whole.extend_from_slice(&part);
            }
            Ok(whole)
        })
    }

    fn fetch<'a>(&'a self, name: &'a str, to: &'a Path, bytes_max: u64) -> PlaceFuture<'a, u64> {
        Box::pin(async move {
            check_name(name)?;
            let here = |error: std::io::Error| PlaceError::Unavailable(format!("{}: {error}", to.display()));
            let mut file = new_file(to).map_err(here)?;
            let (mut bytes, mut download) = (0, Download::of(self, name, bytes_max));
            while let Some(part) = download.next().await? {
                bytes += u64::try_from(part.len()).unwrap_or(u64::MAX);
                let written = tokio::task::spawn_blocking(move || file.write_all(&part).map(|()| file)).await;
                file = written.map_err(|error| PlaceError::Unavailable(error.to_string()))?.map_err(here)?;
            }
            Ok(bytes)
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> PlaceFuture<'a, ()> {
        Box::pin(async move {
            check_name(name)?;
            match self.ask(&Wanted::of_object(Method::DELETE, name)).await {
                Ok(_) | Err(PlaceError::Absent(_)) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket({} at {})", self.bucket, self.endpoint.url())
    }
}

#[cfg(test)]
mod tests;
