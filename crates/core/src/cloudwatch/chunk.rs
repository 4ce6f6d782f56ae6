//! The documents that points of metrics are kept in: those of an hour or a day, and the names of an account's metrics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strongroom_store::Kind;
use strongroom_types::SecretBytes;

use super::metric::Series;
use super::set::Set;
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents with points.
const CHUNK: Kind = Kind("metric-points");
/// Kind of the documents with names, one an account and region.
const NAMES: Kind = Kind("metric-names");
/// Values that a document keeps one by one, at most: each change writes all of it.
const VALUES_MAX: usize = 200_000;
/// An hour, in ms.
pub const HOUR_MS: i64 = 3_600_000;
/// A day, in ms.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// How coarse points are: the older, the coarser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tier {
    /// As they came, an hour and server a document.
    #[serde(rename = "1")]
    Fine,
    /// Of five minutes, a day a document.
    #[serde(rename = "5")]
    Middle,
    /// Of an hour, a day a document.
    #[serde(rename = "60")]
    Coarse,
}

impl Tier {
    /// All, the finest first.
    pub const ALL: [Self; 3] = [Self::Fine, Self::Middle, Self::Coarse];

    const fn letter(self) -> char {
        match self {
            Self::Fine => 'a',
            Self::Middle => 'b',
            Self::Coarse => 'c',
        }
    }

    /// How long points stay so, in ms.
    #[must_use]
    pub const fn kept_ms(self) -> i64 {
        match self {
            Self::Fine => 15 * DAY_MS,
            Self::Middle => 63 * DAY_MS,
            Self::Coarse => 455 * DAY_MS,
        }
    }

    /// What a document of it covers, in ms.
    #[must_use]
    pub const fn span_ms(self) -> i64 {
        match self {
            Self::Fine => HOUR_MS,
            Self::Middle | Self::Coarse => DAY_MS,
        }
    }

    /// The stretch of a point, in ms, where points come for each `resolution_ms`.
    #[must_use]
    pub const fn point_ms(self, resolution_ms: i64) -> i64 {
        match self {
            Self::Fine => resolution_ms,
            Self::Middle => 300_000,
            Self::Coarse => HOUR_MS,
        }
    }

    /// The tier that points go to next.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Fine => Some(Self::Middle),
            Self::Middle => Some(Self::Coarse),
            Self::Coarse => None,
        }
    }
}

/// The points of an account and region in a stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// Account and region, as keys have them.
    pub place: String,
    /// How coarse they are.
    pub tier: Tier,
    /// When the stretch begins, in ms since 1970.
    pub start_ms: i64,
    /// The server that wrote them; nothing once those of all are together.
    pub node: String,
    /// The points, by their seconds behind the start.
    #[serde(with = "as_list")]
    pub series: BTreeMap<Series, BTreeMap<u32, Set>>,
}

/// Account and region, as keys of this module have them.
#[must_use]
pub fn place(account: &str, region: &str) -> String {
    format!("{account}:{region}:")
}

/// Where the documents of a tier lie.
#[must_use]
pub fn tier_place(place: &str, tier: Tier) -> String {
    format!("{place}{}:", tier.letter())
}

/// What the keys of those of a tier begin with that begin at an instant, in ms since 1970.
#[must_use]
pub fn start_place(place: &str, tier: Tier, start_ms: i64) -> String {
    format!("{}{:012}", tier_place(place, tier), start_ms.max(0) / 1000)
}

impl Chunk {
    /// An empty one.
    #[must_use]
    pub fn new(place: &str, tier: Tier, start_ms: i64, node: &str) -> Self {
        Self { place: place.to_owned(), tier, start_ms, node: node.to_owned(), series: BTreeMap::new() }
    }

    /// Its key.
    #[must_use]
    pub fn key_of(place: &str, tier: Tier, start_ms: i64, node: &str) -> String {
        format!("{}:{node}", start_place(place, tier, start_ms))
    }

    /// Adds values at an instant that lies in it.
    pub fn add(&mut self, series: &Series, at_ms: i64, set: &Set) {
        let Ok(second) = u32::try_from((at_ms - self.start_ms) / 1000) else { return };
        if !self.series.contains_key(series) {
            self.series.insert(series.clone(), BTreeMap::new());
        }
        let Some(points) = self.series.get_mut(series) else { return };
        match points.get_mut(&second) {
            Some(known) => known.add(set),
            None => drop(points.insert(second, set.clone())),
        }
    }

    /// Forgets values that are kept one by one, where there are more than a document should have; those of services stay.
    pub fn lighten(&mut self) {
        let points = self.series.values().flat_map(BTreeMap::values);
        let values: usize = points.map(|set| set.values.as_ref().map_or(0, Vec::len)).sum();
        if values > VALUES_MAX {
            let own = self.series.iter_mut().filter(|(series, _)| !series.metric.namespace.starts_with("AWS/"));
            own.flat_map(|(_, points)| points.values_mut()).for_each(|set| set.values = None);
        }
    }

    /// The points of a series, by their instants in ms since 1970.
    pub fn points<'a>(&'a self, series: &Series) -> impl Iterator<Item = (i64, &'a Set)> {
        let points = self.series.get(series).into_iter().flatten();
        points.map(|(second, set)| (self.start_ms + i64::from(*second) * 1000, set))
    }
}

impl Document for Chunk {
    const KIND: Kind = CHUNK;
    const CACHED: bool = false;

    fn key(&self) -> String {
        Self::key_of(&self.place, self.tier, self.start_ms, &self.node)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(CHUNK, body)
    }
}

/// Which metrics an account has had of late, and when last, in ms since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Names {
    /// Account and region, as keys have them.
    pub place: String,
    /// The metrics.
    #[serde(with = "as_list")]
    pub seen: BTreeMap<Series, i64>,
}

impl Document for Names {
    const KIND: Kind = NAMES;
    const CACHED: bool = false;

    fn key(&self) -> String {
        self.place.clone()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(NAMES, body)
    }
}

/// Maps whose keys are no text, as lists of pairs.
mod as_list {
    use std::collections::BTreeMap;

    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K: DeserializeOwned + Ord, V: DeserializeOwned, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
