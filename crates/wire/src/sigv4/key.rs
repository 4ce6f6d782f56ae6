//! Signing keys, derived from secret keys for one day, region and service, and the cache of derived keys.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use strongroom_crypto::digest::{DIGEST_LEN, MacKey};
use strongroom_types::SecretText;
use zeroize::Zeroizing;

use super::TERMINATOR;
use super::verify::CheckedClaim;

/// What signs for one access key on one day, in one region, for one service. Does not print.
#[derive(Clone)]
pub struct SigningKey {
    mac: MacKey,
    scope: Box<str>,
}

impl SigningKey {
    /// The key for `date` (`20150830`), `region` and `service`, derived from the secret access key `secret`.
    #[must_use]
    pub fn derive(secret: &SecretText, date: &str, region: &str, service: &str) -> Self {
        let mut start = Zeroizing::new(Vec::with_capacity(4 + secret.len()));
        start.extend_from_slice(b"AWS4");
        start.extend_from_slice(secret.expose().as_bytes());
        let mut mac = MacKey::new(&start);
        for part in [date, region, service, TERMINATOR] {
            let next = Zeroizing::new(mac.tag(part.as_bytes()));
            mac = MacKey::new(next.as_slice());
        }
        Self { mac, scope: format!("{date}/{region}/{service}/{TERMINATOR}").into() }
    }

    /// What the key is good for: `20150830/us-east-1/service/aws4_request`.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    pub(super) fn tag(&self, string_to_sign: &[u8]) -> [u8; DIGEST_LEN] {
        self.mac.tag(string_to_sign)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.scope)
    }
}

/// Derived keys, kept so that a request costs one HMAC instead of five. Bounded; does not print what it holds.
pub struct SigningKeyCache(Cache<Place, Arc<SigningKey>>);

impl SigningKeyCache {
    /// A cache of at most about `entries_max` keys.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self(Cache::new(entries_max))
    }

    /// The key for what `claim` names, if it is kept. `generation` must change whenever the access key's secret does:
    /// a key derived from an older secret is then never found again.
    #[must_use]
    pub fn get(&self, claim: &CheckedClaim<'_>, generation: u64) -> Option<Arc<SigningKey>> {
        self.0.get(&PlaceRef::of(claim, generation))
    }

    /// Derives the key for what `claim` names from `secret`, and keeps it.
    pub fn derive(&self, claim: &CheckedClaim<'_>, generation: u64, secret: &SecretText) -> Arc<SigningKey> {
        let place = PlaceRef::of(claim, generation);
        let key = Arc::new(SigningKey::derive(secret, place.date, place.region, place.service));
        self.0.insert(place.to_place(), key.clone());
        key
    }

    /// Look-ups that found a key.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.0.hits()
    }

    /// Look-ups that found none.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.0.misses()
    }

    /// How many keys are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no key is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SigningKeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeyCache({} keys)", self.len())
    }
}

#[derive(PartialEq, Eq)]
struct Place {
    access_key_id: Box<str>,
    date: Box<str>,
    region: Box<str>,
    service: Box<str>,
    generation: u64,
}

impl Place {
    fn as_ref(&self) -> PlaceRef<'_> {
        PlaceRef {
            access_key_id: &self.access_key_id,
            date: &self.date,
            region: &self.region,
            service: &self.service,
            generation: self.generation,
        }
    }
}

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct PlaceRef<'a> {
    access_key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    generation: u64,
}

impl<'a> PlaceRef<'a> {
    fn of(claim: &'a CheckedClaim<'_>, generation: u64) -> Self {
        Self {
            access_key_id: claim.access_key_id(),
            date: claim.date(),
            region: claim.region(),
            service: claim.service(),
            generation,
        }
    }

    fn to_place(self) -> Place {
        Place {
            access_key_id: self.access_key_id.into(),
            date: self.date.into(),
            region: self.region.into(),
            service: self.service.into(),
            generation: self.generation,
        }
    }
}

impl Equivalent<Place> for PlaceRef<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        *self == place.as_ref()
    }
}
