//! A sink that is a bucket of S3's protocol: compressed objects, named and filled as CloudTrail does it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufWriter, Write as _};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use strongroom_crypto::digest::Sha256;
use strongroom_places::{Bucket, Place as _, PlaceError};
use strongroom_types::{AccountId, Region, Timestamp};
use strongroom_wire::timestamps::iso;
use twox_hash::XxHash3_64;

use crate::record::Record;
use crate::webhook::RECORDS;
use crate::{Batch, Sink, SinkError, SinkFuture, Taken, unavailable};

/// Characters of the part of a name that is no other object's.
const UNIQUE_CHARACTERS: usize = 16;
/// What that part is made of.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Text that is packed at a time, in bytes.
const PACKED_BYTES: usize = 64 * 1024;

/// What objects are put to.
pub struct ArchiveSettings {
    /// The bucket.
    pub bucket: Bucket,
    /// Whose records those are that name no account.
    pub account: AccountId,
    /// Where those happened that name no region.
    pub region: Region,
}

/// A bucket that records are put to.
pub struct Archive {
    bucket: Arc<Bucket>,
    account: AccountId,
    region: Region,
}

/// An object.
#[derive(Debug, PartialEq, Eq)]
struct Object {
    key: String,
    bytes: Vec<u8>,
}

impl Archive {
    /// The bucket of `settings`. Nothing is put yet.
    #[must_use]
    pub fn new(settings: ArchiveSettings) -> Self {
        Self { bucket: Arc::new(settings.bucket), account: settings.account, region: settings.region }
    }

    async fn put(&self, batch: &Batch) -> Result<Taken, SinkError> {
        let groups = groups(batch, self.account.as_str(), self.region.as_str());
        for group in groups {
            let object = group.pack().map_err(unavailable)?;
            // Others are let in between.
            tokio::task::yield_now().await;
            match self.bucket.put_under(&object.key, &object.bytes, &HEADERS).await {
                // The name says what is in it: it was put before.
                Ok(()) | Err(PlaceError::Exists(_)) => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        Ok(Taken::default())
    }
}

/// What CloudTrail's objects have.
const HEADERS: [(&str, &str); 2] = [("content-type", "application/json"), ("content-encoding", "gzip")];

/// Records of one account and region.
struct Group<'b> {
    account: String,
    region: String,
    records: Vec<Record<'b>>,
}

fn groups<'b>(batch: &'b Batch, account: &str, region: &str) -> Vec<Group<'b>> {
    let mut groups: BTreeMap<(String, String), Group<'b>> = BTreeMap::new();
    let mut records = batch.records().peekable();
    while let Some(first) = records.next() {
        // One behind the other mostly have the same.
        let marks = first.marks();
        let same = |record: &Record<'_>| {
            let other = record.marks();
            other.account == marks.account && other.region == marks.region
        };
        let run = std::iter::once(first).chain(std::iter::from_fn(|| records.next_if(same)));
        // They become part of a name: what has not their form, which no record of the server has, does not.
        let of = AccountId::parse(marks.account).map_or_else(|_| account.to_owned(), |of| of.to_string());
        let at = Region::parse(marks.region).map_or_else(|_| region.to_owned(), |at| at.as_str().to_owned());
        let fresh = || Group { account: of.clone(), region: at.clone(), records: Vec::new() };
        groups.entry((of.clone(), at.clone())).or_insert_with(fresh).records.extend(run);
    }
    groups.into_values().collect()
}

impl Group<'_> {
    /// The object that holds the group. Of the same records it is the same object.
    fn pack(&self) -> io::Result<Object> {
        let Self { account, region, records } = self;
        let newest = records.iter().map(|record| record.marks().time()).max();
        let at = iso(newest.unwrap_or(Timestamp::from_seconds(0)));
        let (day, minute) = (at.get(..10).unwrap_or_default(), at.get(11..16).unwrap_or_default());
        let folder = format!("AWSLogs/{account}/CloudTrail/{region}/{}", day.replace('-', "/"));
        let stamp = format!("{}T{}Z", day.replace('-', ""), minute.replace(':', ""));
        let key = format!("{folder}/{account}_CloudTrail_{region}_{stamp}_{}.json.gz", self.unique());
        Ok(Object { key, bytes: self.packed()? })
    }

    /// What no other object has in its name: made of the records' ids, which nobody can choose, and of short hashes of
    /// their text, as a record of the same id may say something else.
    fn unique(&self) -> String {
        let mut hash = Sha256::default();
        for record in &self.records {
            let (id, line) = (record.marks().id, record.line());
            hash.update(&u64::try_from(id.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(id.as_bytes());
            hash.update(&XxHash3_64::oneshot(line.as_bytes()).to_le_bytes());
        }
        hash.finish().iter().take(UNIQUE_CHARACTERS).map(|byte| letter(*byte)).collect()
    }

    fn packed(&self) -> io::Result<Vec<u8>> {
        let packer = GzEncoder::new(Vec::new(), Compression::fast());
        let mut text = BufWriter::with_capacity(PACKED_BYTES, packer);
        for (at, record) in self.records.iter().enumerate() {
            text.write_all(if at == 0 { RECORDS } else { b"," })?;
            text.write_all(record.line().as_bytes())?;
        }
        text.write_all(b"]}")?;
        text.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
    }
}

fn letter(byte: u8) -> char {
    ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied().map_or('0', char::from)
}

impl Sink for Archive {
    fn describe(&self) -> String {
        self.bucket.describe()
    }

    fn names_batches(&self) -> bool {
        true
    }

    fn reach(&mut self) -> SinkFuture<'_, ()> {
        Box::pin(async { self.bucket.reach().await.map_err(unavailable) })
    }

    fn send<'a>(&'a mut self, batch: &'a Batch) -> SinkFuture<'a, Taken> {
        Box::pin(self.put(batch))
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Archive({:?})", self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use flate2::read::GzDecoder;
    use strongroom_client::{Credentials, Trust};
    use strongroom_places::BucketSettings;
    use strongroom_places::gateway::Gateway;
    use strongroom_types::{SecretText, SystemClock};

    use super::*;
    use crate::record::tests::{batch, of_lines};

    fn archive(gateway: &Gateway) -> Archive {
        let key = Credentials {
            access_key_id: Gateway::ACCESS_KEY_ID.to_owned(),
            secret_access_key: SecretText::new(Gateway::SECRET_ACCESS_KEY.to_owned()),
            session_token: None,
        };
        let bucket = Bucket::open(BucketSettings {
            url: gateway.url(),
            region: Gateway::REGION.to_owned(),
            bucket: Gateway::BUCKET.to_owned(),
            prefix: "one/".to_owned(),
            key: Arc::new(move || Ok(key.clone())),
            trust: Trust::system(),
            time: Duration::from_secs(30),
            clock: Arc::new(SystemClock),
        });
        Archive::new(ArchiveSettings {
            bucket: bucket.unwrap(),
            account: AccountId::parse("000000000001").unwrap(),
            region: Region::parse("eu-west-1").unwrap(),
        })
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut all: Vec<_> = paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
        all.sort();
        all
    }

    #[tokio::test]
    async fn a_batch_that_is_sent_again_is_the_same_object_and_each_account_has_its_own() {
        let home = tempfile::tempdir().unwrap();
        let gateway = Gateway::start(home.path()).await.unwrap();
        let mut archive = archive(&gateway);
        archive.reach().await.unwrap();
        let other = r#"{"eventTime":"2026-11-30T00:01:00Z","eventID":"x","awsRegion":"us-east-1","recipientAccountId":"210987654321"}"#;
        let none = r#"{"eventTime":"2026-11-30T00:02:00Z","eventID":"y","recipientAccountId":"../../2"}"#;
        let mut all = batch(0..100);
        assert!(all.push(other) && all.push(none));
        for _ in 0..2 {
            assert_eq!(archive.send(&all).await.unwrap(), Taken::default());
        }
        let found = files(&gateway.bucket.join("one"));
        let names: Vec<String> = found
            .iter()
            .map(|path| path.strip_prefix(gateway.bucket.join("one")).unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names.len(), 3, "{names:?}");
        for (name, start) in names.iter().zip([
            "AWSLogs/000000000001/CloudTrail/eu-west-1/2026/11/30/000000000001_CloudTrail_eu-west-1_20261130T0002Z_",
            "AWSLogs/123456789012/CloudTrail/us-east-1/2026/11/29/123456789012_CloudTrail_us-east-1_20261129T1557Z_",
            "AWSLogs/210987654321/CloudTrail/us-east-1/2026/11/30/210987654321_CloudTrail_us-east-1_20261130T0001Z_",
        ]) {
            let unique = name.strip_prefix(start).unwrap_or_else(|| panic!("{name}")).strip_suffix(".json.gz").unwrap();
            assert!(unique.len() == 16 && unique.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
        }
        let mut text = String::new();
        GzDecoder::new(std::fs::File::open(&found[1]).unwrap()).read_to_string(&mut text).unwrap();
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["Records"].as_array().unwrap().len(), 100);
        assert!(archive.names_batches());
    }

    #[tokio::test]
    async fn records_of_one_id_that_say_different_things_are_both_kept() {
        let home = tempfile::tempdir().unwrap();
        let gateway = Gateway::start(home.path()).await.unwrap();
        let mut archive = archive(&gateway);
        for end in ["", r#","errorCode":"InternalServiceError""#] {
            let line = format!(
                r#"{{"eventTime":"2026-11-30T00:01:00Z","eventID":"x","recipientAccountId":"210987654321"{end}}}"#
            );
            let one = of_lines([line.as_str()]);
            for _ in 0..2 {
                archive.send(&one).await.unwrap();
            }
        }
        assert_eq!(files(&gateway.bucket.join("one")).len(), 2);
    }
}
