//! The keys of providers: configured, or fetched from where the providers say and kept for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use strongroom_crypto::jwt::{KEY_SET_BYTES_MAX, KeySet};
use strongroom_types::time::{Clock, DAY_MS, Timestamp};

use super::fetch::{Fetch, FetchError, FetchRequest};
use super::{Provider, Thumbprint, refusals, url_is_allowed};
use crate::error::Error;

/// How long keys are used without asking again, in milliseconds.
pub const FRESH_MS: i64 = 3_600_000;
/// How long keys are used while the provider cannot be asked, in milliseconds.
pub const STALE_MS: i64 = DAY_MS;
/// Time between two looks for a key that the provider did not have, in milliseconds.
pub const REFRESH_MS: i64 = 60_000;
/// Time after a failure within which a provider is not asked again, in milliseconds.
pub const RETRY_MS: i64 = 5_000;
/// Time for one document of a provider, in milliseconds. STS waits for five seconds.
pub const FETCH_MS_MAX: u64 = 5_000;
/// Providers whose keys are kept at one time, each at most 200 keys of about 1 KiB. The one that was used longest ago
/// makes room.
pub const PROVIDERS_MAX: usize = 100;
/// Bytes of a provider's description of itself.
const DISCOVERY_BYTES_MAX: usize = 64 * 1024;

/// Where keys come from, as configured.
#[derive(Debug, Default)]
pub struct KeySources {
    /// Keys of providers that are not asked, by their issuer URL.
    pub key_sets: HashMap<String, KeySet>,
    /// Whether providers on loopback may speak plain HTTP.
    pub plain_http_on_loopback: bool,
}

/// Why there are no keys.
#[derive(Clone, Copy, Debug)]
enum Failure {
    /// The provider was not reached.
    Unreachable,
    /// Its certificate is not trusted.
    Certificate,
    /// What it says cannot be used.
    Documents,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreachable => refusals::unreachable_provider(),
            Failure::Certificate => refusals::untrusted_certificate(),
            Failure::Documents => refusals::no_key(),
        }
    }
}

/// Keys are kept for each issuer and what its certificate is trusted by: accounts may trust different thumbprints, and
/// what one of them believes is not what all believe.
type SlotName = (String, Vec<Thumbprint>);

/// The keys of one provider. Whoever asks holds the lock, so that others wait for the same answer.
#[derive(Default)]
struct Slot {
    known: Option<(Arc<KeySet>, Timestamp)>,
    failed: Option<(Failure, Timestamp)>,
    refreshed: Option<Timestamp>,
}

#[derive(Default)]
struct Slots {
    by_name: HashMap<SlotName, (Arc<tokio::sync::Mutex<Slot>>, u64)>,
    /// Counts uses, to tell which slot was used longest ago.
    uses: u64,
}

/// The keys of all providers.
pub(super) struct ProviderKeys {
    configured: HashMap<String, Arc<KeySet>>,
    plain_http_on_loopback: bool,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    slots: Mutex<Slots>,
}

/// A provider's description of itself (OpenID Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl ProviderKeys {
    pub(super) fn new(sources: KeySources, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        Self {
            configured: sources.key_sets.into_iter().map(|(issuer, keys)| (issuer, Arc::new(keys))).collect(),
            plain_http_on_loopback: sources.plain_http_on_loopback,
            fetch,
            clock,
            slots: Mutex::default(),
        }
    }

    pub(super) fn url_is_allowed(&self, url: &str) -> bool {
        url_is_allowed(url, self.plain_http_on_loopback)
    }

    /// The provider's keys: those configured, those kept, or those it has now.
    pub(super) async fn of(&self, provider: &Provider) -> Result<Arc<KeySet>, Error> {
        if let Some(keys) = self.configured.get(provider.issuer()) {
            return Ok(Arc::clone(keys));
        }
        let slot = self.slot(provider);
        let mut slot = slot.lock().await;
        let now = self.clock.now();
        if let Some((keys, fetched)) = &slot.known
            && within(*fetched, now, FRESH_MS)
        {
            return Ok(Arc::clone(keys));
        }
        if !slot.failed.is_some_and(|(_, at)| within(at, now, RETRY_MS)) {
            self.renew(&mut slot, provider).await;
        }
        slot.usable(self.clock.now())
    }

    /// Keys that came after `seen`, which did not verify a token; none if there are none, or it is not time to ask.
    pub(super) async fn newer(&self, provider: &Provider, seen: &Arc<KeySet>) -> Option<Arc<KeySet>> {
        if self.configured.contains_key(provider.issuer()) {
            return None;
        }
        let slot = self.slot(provider);
        let mut slot = slot.lock().await;
        let now = self.clock.now();
        let unseen =
            |slot: &Slot| slot.known.as_ref().map(|(keys, _)| keys).filter(|keys| !Arc::ptr_eq(keys, seen)).cloned();
        if let Some(keys) = unseen(&slot) {
            return Some(keys);
        }
        if slot.refreshed.is_some_and(|at| within(at, now, REFRESH_MS)) {
            return None;
        }
        // Set before the answer, so that a caller who does not wait for it has used up the minute too.
        slot.refreshed = Some(now);
        self.renew(&mut slot, provider).await;
        unseen(&slot)
    }

    async fn renew(&self, slot: &mut Slot, provider: &Provider) {
        let answer = self.load(provider).await;
        let now = self.clock.now();
        match answer {
            Ok(keys) => {
                slot.known = Some((Arc::new(keys), now));
                slot.failed = None;
            }
            Err(failure) => slot.failed = Some((failure, now)),
        }
    }

    async fn load(&self, provider: &Provider) -> Result<KeySet, Failure> {
        let issuer = provider.issuer();
        let unusable = |what: &str| {
            tracing::warn!(issuer, "the identity provider's documents cannot be used: {what}");
            Failure::Documents
        };
        let discovery = self.get(provider, &provider.discovery_url(), DISCOVERY_BYTES_MAX).await?;
        let discovery: Discovery =
            serde_json::from_slice(&discovery).map_err(|_| unusable("no issuer and jwks_uri in its discovery"))?;
        if discovery.issuer != issuer {
            return Err(unusable("its discovery names another issuer"));
        }
        let keys = self.get(provider, &discovery.jwks_uri, KEY_SET_BYTES_MAX).await?;
        KeySet::parse(&keys).map_err(|error| unusable(&error.to_string()))
    }

    async fn get(&self, provider: &Provider, url: &str, bytes_max: usize) -> Result<Vec<u8>, Failure> {
        let thumbprints = provider.thumbprints();
        let request = FetchRequest { url, thumbprints, bytes_max, time_ms_max: FETCH_MS_MAX };
        let answer = match self.url_is_allowed(url) {
            true => self.fetch.get(request).await,
            false => Err(FetchError::Refused("the URL is not https with a plain host".to_owned())),
        };
        answer.map_err(|error| {
            tracing::warn!(issuer = provider.issuer(), url, %error, "the identity provider could not be asked");
            match error {
                FetchError::Unreachable(_) => Failure::Unreachable,
                FetchError::Certificate(_) => Failure::Certificate,
                FetchError::Refused(_) | FetchError::Status(_) | FetchError::Size(_) | FetchError::Time(_) => {
                    Failure::Documents
                }
            }
        })
    }

    fn slot(&self, provider: &Provider) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.uses += 1;
        let uses = slots.uses;
        let name = (provider.issuer().to_owned(), provider.thumbprints().to_vec());
        if let Some((slot, used)) = slots.by_name.get_mut(&name) {
            *used = uses;
            return Arc::clone(slot);
        }
        if slots.by_name.len() >= PROVIDERS_MAX {
            let oldest = slots.by_name.iter().min_by_key(|(_, (_, used))| *used).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| slots.by_name.remove(&oldest));
        }
        let slot = Arc::default();
        slots.by_name.insert(name, (Arc::clone(&slot), uses));
        slot
    }
}

impl Slot {
    /// The keys, which may be old while the provider cannot be asked.
    fn usable(&self, now: Timestamp) -> Result<Arc<KeySet>, Error> {
        match (&self.known, self.failed) {
            (Some((keys, fetched)), None) if within(*fetched, now, FRESH_MS) => Ok(Arc::clone(keys)),
            (Some((keys, fetched)), Some(_)) if within(*fetched, now, STALE_MS) => Ok(Arc::clone(keys)),
            (_, Some((failure, _))) => Err(failure.into()),
            _ => Err(Failure::Unreachable.into()),
        }
    }
}

/// Whether `at` is less than `ms` before `now`. What lies in the future, after the clock was set back, is not.
fn within(at: Timestamp, now: Timestamp, ms: i64) -> bool {
    (0..ms).contains(&now.millis_since(at))
}
