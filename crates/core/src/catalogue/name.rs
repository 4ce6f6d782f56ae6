//! Names of backups and of what stands beside them at a place. They sort by time.

use std::fmt;

use jiff::tz::Offset;
use strongroom_crypto::{CryptoError, Random, random};
use strongroom_types::Timestamp;

use super::BackupKind;

/// How an instant stands in a name: in UTC, with milliseconds.
const STAMP: &str = "%Y%m%dT%H%M%S%3fZ";
/// How the name of a backup's object ends.
const BACKUP: &str = ".backup";
/// How the name of its manifest ends.
const MANIFEST: &str = ".manifest";
/// What is before the instant in the name of a proof.
const PROOF: &str = ".proof-";
/// Hexadecimal digits that make a name the only one of its kind.
const NUMBER_DIGITS: usize = 8;

/// The name of a backup: when it was taken, what kind it is, and a number, such as `20261129T122535123Z-full-0a1b2c3d`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackupName(String);

impl BackupName {
    /// A new name.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn new(taken: Timestamp, kind: BackupKind, random: &dyn Random) -> Result<Self, CryptoError> {
        let number = u32::from_be_bytes(random::bytes(random)?);
        Ok(Self(format!("{}-{}-{number:08x}", stamp(taken), word(kind))))
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = Self(text.to_owned());
        name.parts().map(|_| name.clone())
    }

    /// When it was taken.
    #[must_use]
    pub fn taken(&self) -> Timestamp {
        self.parts().map_or(Timestamp::from_millis(0), |(taken, _)| taken)
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> BackupKind {
        self.parts().map_or(BackupKind::Full, |(_, kind)| kind)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its object.
    #[must_use]
    pub fn backup(&self) -> String {
        format!("{}{BACKUP}", self.0)
    }

    /// The name of its manifest.
    #[must_use]
    pub fn manifest(&self) -> String {
        format!("{}{MANIFEST}", self.0)
    }

    /// The name of the proof of a restore at that time.
    #[must_use]
    pub fn proof(&self, at: Timestamp) -> String {
        format!("{}{PROOF}{}", self.0, stamp(at))
    }

    fn parts(&self) -> Option<(Timestamp, BackupKind)> {
        let mut parts = self.0.split('-');
        let taken = instant(parts.next()?)?;
        let kind = parts.next()?;
        let kind = [BackupKind::Full, BackupKind::Increment].into_iter().find(|each| word(*each) == kind)?;
        let number = parts.next()?;
        let is_number = number.len() == NUMBER_DIGITS
            && number.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
        (is_number && parts.next().is_none()).then_some((taken, kind))
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an object at a place is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A backup itself.
    Backup(BackupName),
    /// What is known of a backup.
    Manifest(BackupName),
    /// That a backup was restored, and when.
    Proof(BackupName, Timestamp),
}

/// What an object of that name is; nothing of a backup when there is none.
#[must_use]
pub fn object(name: &str) -> Option<Object> {
    if let Some(name) = name.strip_suffix(BACKUP) {
        return BackupName::parse(name).map(Object::Backup);
    }
    if let Some(name) = name.strip_suffix(MANIFEST) {
        return BackupName::parse(name).map(Object::Manifest);
    }
    let (name, at) = name.split_once(PROOF)?;
    Some(Object::Proof(BackupName::parse(name)?, instant(at)?))
}

fn word(kind: BackupKind) -> &'static str {
    match kind {
        BackupKind::Full => "full",
        BackupKind::Increment => "increment",
    }
}

fn stamp(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.millis());
    instant.map_or_else(|_| String::new(), |instant| Offset::UTC.to_datetime(instant).strftime(STAMP).to_string())
}

fn instant(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?;
    let (day, time) = digits.split_once('T')?;
    if day.len() != 8 || time.len() != 9 || !day.bytes().chain(time.bytes()).all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let small = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<i8>().ok();
    let milliseconds = i32::from(number(time, 6, 9)?);
    let date = jiff::civil::Date::new(number(day, 0, 4)?, small(day, 4, 6)?, small(day, 6, 8)?).ok()?;
    let time =
        jiff::civil::Time::new(small(time, 0, 2)?, small(time, 2, 4)?, small(time, 4, 6)?, milliseconds * 1_000_000);
    let instant = Offset::UTC.to_timestamp(date.to_datetime(time.ok()?)).ok()?;
    Some(Timestamp::from_millis(instant.as_millisecond()))
}
