//! Objects out of a bucket, part by part, all of them parts of one and the same object.

use http::Method;

use super::Bucket;
use super::call::Wanted;
use crate::PlaceError;

/// An object that is fetched.
pub(super) struct Download<'a> {
    bucket: &'a Bucket,
    name: &'a str,
    bytes_max: u64,
    /// What was fetched so far.
    at: u64,
    /// The object's length, once it is known.
    total: Option<u64>,
    /// The object's entity tag, once it is known.
    tag: Option<String>,
}

impl<'a> Download<'a> {
    pub(super) fn of(bucket: &'a Bucket, name: &'a str, bytes_max: u64) -> Self {
        Self { bucket, name, bytes_max, at: 0, total: None, tag: None }
    }

    /// The next part; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, PlaceError> {
        if self.total == Some(self.at) {
            return Ok(None);
        }
        let last = self.at.saturating_add(self.bucket.part_bytes).saturating_sub(1);
        let mut wanted =
            Wanted::of_object(Method::GET, self.name).header("range", &format!("bytes={}-{last}", self.at));
        if let Some(tag) = &self.tag {
            wanted = wanted.header("if-match", tag);
        }
        let answer = match self.bucket.ask(&wanted).await {
            // Of an object that holds nothing there is no first part.
            Err(PlaceError::Unavailable(_)) if self.at == 0 && self.bucket.length(self.name).await == Ok(Some(0)) => {
                return Ok(None);
            }
            answer => answer?,
        };
        let header = |name| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let got = u64::try_from(answer.body.len()).unwrap_or(u64::MAX);
        let total = match answer.status {
            206 => header("content-range").and_then(|range| range.rsplit_once('/')?.1.parse::<u64>().ok()),
            _ if self.at == 0 => Some(got),
            _ => None,
        };
        let wrong = || PlaceError::Unavailable(format!("{}: the service answered with another part", self.name));
        let total = total.ok_or_else(wrong)?;
        if total > self.bytes_max {
            return Err(PlaceError::Size { name: self.name.to_owned(), bytes_max: self.bytes_max });
        }
        self.at = self.at.saturating_add(got);
        if got == 0 || self.at > total || self.total.is_some_and(|known| known != total) {
            return Err(wrong());
        }
        self.total = Some(total);
        self.tag = self.tag.take().or_else(|| header("etag").map(str::to_owned));
        Ok(Some(answer.body.expose().to_vec()))
    }
}
