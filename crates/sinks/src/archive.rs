//! A sink that is a bucket of S3's protocol: compressed objects, named and filled as CloudTrail does it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write as _};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use strongroom_crypto::digest::sha256;
use strongroom_places::{Bucket, Place as _, PlaceError};
use strongroom_types::{AccountId, Region, Timestamp};
use strongroom_wire::timestamps::iso;

use crate::record::Record;
use crate::webhook::json_of;
use crate::{Batch, Sink, SinkError, SinkFuture, Taken, unavailable};

/// Characters of the part of a name that is no other object's.
const UNIQUE_CHARACTERS: usize = 16;
/// What that part is made of.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

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
        let groups = groups(batch.records(), self.account.as_str(), self.region.as_str());
        let packed =
            tokio::task::spawn_blocking(move || groups.into_iter().map(Group::pack).collect::<Result<Vec<_>, _>>());
        for object in packed.await.map_err(unavailable)?.map_err(unavailable)? {
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
struct Group {
    account: String,
    region: String,
    lines: Vec<String>,
    newest: Timestamp,
}

fn groups(records: &[Record], account: &str, region: &str) -> Vec<Group> {
    let mut groups: BTreeMap<(String, String), Group> = BTreeMap::new();
    for record in records {
        let marks = record.marks();
        // They become part of a name: what has not their form, which no record of the server has, does not.
        let of = AccountId::parse(&marks.account).map_or_else(|_| account.to_owned(), |of| of.to_string());
        let at = Region::parse(&marks.region).map_or_else(|_| region.to_owned(), |at| at.as_str().to_owned());
        let empty = || Group { account: of.clone(), region: at.clone(), lines: Vec::new(), newest: marks.time() };
        let group = groups.entry((of.clone(), at.clone())).or_insert_with(empty);
        group.newest = group.newest.max(marks.time());
        group.lines.push(record.line().to_owned());
    }
    groups.into_values().collect()
}

impl Group {
    /// The object that holds the group. Of the same records it is the same object.
    fn pack(self) -> io::Result<Object> {
        let text = json_of(self.lines.iter().map(String::as_str));
        let unique: String = sha256(&text).iter().take(UNIQUE_CHARACTERS).map(|byte| letter(*byte)).collect();
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(&text)?;
        let Self { account, region, newest, .. } = self;
        let at = iso(newest);
        let (day, minute) = (at.get(..10).unwrap_or_default(), at.get(11..16).unwrap_or_default());
        let folder = format!("AWSLogs/{account}/CloudTrail/{region}/{}", day.replace('-', "/"));
        let stamp = format!("{}T{}Z", day.replace('-', ""), minute.replace(':', ""));
        let key = format!("{folder}/{account}_CloudTrail_{region}_{stamp}_{unique}.json.gz");
        Ok(Object { key, bytes: packer.finish()? })
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
