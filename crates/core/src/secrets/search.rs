//! Pages of secrets in an index's order: narrowed by other indexes where that helps, bounded in number, bytes and work.
//!
//! A page costs the same however many secrets there are. Filters that few secrets pass are answered from their own
//! index and sorted; filters that many pass, by walking the sorting index. Both give places in the same order, so that
//! a page of one kind goes on behind a page of the other. In between, a page may hold less than was asked, even
//! nothing, and a token to go on with, as the API allows.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_store::{Entry, Index, Range};

use super::Secrets;
use super::filters::{Filters, Probe};
use super::model::{BY_WORD, MANY_WORDS, Secret};
use super::work::Work;
use crate::documents::{Document, Loaded};
use crate::error::Error;

/// Secrets that a filter's own index may name for the page to be made from it.
const NARROW_MAX: usize = 1000;
/// Index entries that are read at most to find such a filter.
const PROBED_MAX: usize = 5 * NARROW_MAX;
/// Bytes that such secrets may have together. They are all in memory, and opened again for each page.
const NARROW_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Secrets looked at for one page while walking the sorting index.
const WALK_MAX: usize = 2000;
/// Secrets loaded at once.
const LOADED_MAX: usize = 200;
/// Bytes of a page, before the escapes of JSON. AWS names no figure; its other services end pages at 1 MB.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Pages made at one time in the whole process; further ones wait for their turn.
pub const PAGES_UNDER_WAY_MAX: usize = 16;

/// What is listed, in which order, and from where on.
pub struct Search {
    /// Account and region.
    pub place: String,
    /// The index whose order is asked for.
    pub index: Index,
    /// From the greatest to the smallest.
    pub descending: bool,
    /// Whether secrets that await deletion are shown.
    pub planned_deletion: bool,
    /// What the secrets must pass.
    pub filters: Filters,
    /// Secrets on a page, at most.
    pub limit: usize,
}

/// A page of secrets, each with its place in the order.
pub struct Found {
    /// The secrets.
    pub secrets: Vec<(Entry, Loaded<Secret>)>,
    /// The place to go on behind, if there may be more.
    pub next: Option<Entry>,
}

/// A page that is being filled.
struct Page<'a> {
    search: &'a Search,
    secrets: Vec<(Entry, Loaded<Secret>)>,
    bytes: usize,
    work: Work,
    /// Secrets looked at.
    looked_at: usize,
    /// The last of them, or the last that is no longer there.
    last: Option<Entry>,
}

impl Secrets {
    /// The page of `search` behind `after`.
    pub(super) async fn find(&self, search: &Search, after: Option<Entry>) -> Result<Found, Error> {
        let _turn = self.pages.acquire().await.map_err(|_| Error::internal("no more pages are made"))?;
        let candidates = match self.narrow(search).await? {
            Some(keys) => self.candidates(search, &keys, after.as_ref()).await?,
            None => None,
        };
        match candidates {
            Some(candidates) => sorted(search, candidates).await,
            None => self.walk(search, after).await,
        }
    }

    /// The keys of every secret that can pass, if one of the filters leaves only few.
    async fn narrow(&self, search: &Search) -> Result<Option<Vec<Arc<str>>>, Error> {
        let mut best: Option<BTreeSet<Arc<str>>> = None;
        let mut probed = 0;
        for probes in search.filters.probes() {
            // More looking would cost more than it spares.
            if probed > PROBED_MAX || best.as_ref().is_some_and(|best| best.len() <= search.limit) {
                break;
            }
            let Some(keys) = self.probe_all(&search.place, &probes, &mut probed).await? else { continue };
            if best.as_ref().is_none_or(|best| keys.len() < best.len()) {
                best = Some(keys);
            }
        }
        Ok(best.map(|keys| keys.into_iter().collect()))
    }

    async fn probe_all(
        &self,
        place: &str,
        probes: &[Probe],
        probed: &mut usize,
    ) -> Result<Option<BTreeSet<Arc<str>>>, Error> {
        let mut keys = BTreeSet::new();
        let many_words = Probe { index: BY_WORD, prefix: MANY_WORDS.to_owned() };
        let also = probes.iter().any(|probe| probe.index == BY_WORD).then_some(&many_words);
        for probe in probes.iter().chain(also) {
            let prefix = format!("{place}{}", probe.prefix);
            let range = Range { index: probe.index, prefix, after: None, descending: false, limit: NARROW_MAX + 1 };
            let entries = self.documents.range(&range).await?;
            *probed += entries.len();
            if entries.len() > NARROW_MAX {
                return Ok(None);
            }
            keys.extend(entries.into_iter().map(|entry| entry.key));
            if keys.len() > NARROW_MAX {
                return Ok(None);
            }
        }
        Ok(Some(keys))
    }

    /// The secrets at `keys` that stand behind `after`, in the asked order; none when they are too large to be sorted
    /// here.
    async fn candidates(
        &self,
        search: &Search,
        keys: &[Arc<str>],
        after: Option<&Entry>,
    ) -> Result<Option<Vec<(Entry, Loaded<Secret>)>>, Error> {
        let mut candidates = Vec::new();
        let mut bytes = 0;
        for keys in keys.chunks(LOADED_MAX) {
            for secret in self.documents.load_many::<Secret>(keys).await? {
                bytes += secret.value.bytes_about();
                if bytes > NARROW_BYTES_MAX {
                    return Ok(None);
                }
                let entry = search.entry_of(&secret.value);
                if search.is_of_place(&entry) && after.is_none_or(|after| search.is_behind(&entry, after)) {
                    candidates.push((entry, secret));
                }
            }
        }
        candidates.sort_by(|left, right| left.0.cmp(&right.0));
        if search.descending {
            candidates.reverse();
        }
        Ok(Some(candidates))
    }

    /// A page from the sorting index, looking at each secret on the way.
    async fn walk(&self, search: &Search, mut after: Option<Entry>) -> Result<Found, Error> {
        let mut page = Page::new(search);
        let step = if search.filters.is_empty() { (search.limit + 1).min(LOADED_MAX) } else { LOADED_MAX };
        loop {
            let range = Range {
                index: search.index,
                prefix: search.place.clone(),
                after: after.clone(),
                descending: search.descending,
                limit: step,
            };
            let entries = self.documents.range(&range).await?;
            let ended = entries.len() < step;
            let keys: Vec<Arc<str>> = entries.iter().map(|entry| Arc::clone(&entry.key)).collect();
            let mut loaded = self.documents.load_many::<Secret>(&keys).await?.into_iter().peekable();
            after = entries.last().cloned().or(after);
            for entry in entries {
                // Those that were deleted meanwhile are missing.
                let Some(secret) = loaded.next_if(|secret| secret.value.key() == *entry.key) else {
                    page.last = Some(entry);
                    continue;
                };
                if !search.is_of_place(&entry) {
                    page.last = Some(entry);
                    continue;
                }
                page.work.spend(secret.value.bytes_about());
                if !page.look_at(entry, secret).await {
                    return Ok(page.short());
                }
            }
            if ended {
                return Ok(page.ended());
            }
            if page.looked_at >= WALK_MAX {
                return Ok(page.short());
            }
        }
    }
}

/// A page from a few candidates.
async fn sorted(search: &Search, candidates: Vec<(Entry, Loaded<Secret>)>) -> Result<Found, Error> {
    let mut page = Page::new(search);
    for (entry, secret) in candidates {
        if !page.look_at(entry, secret).await {
            return Ok(page.short());
        }
    }
    Ok(page.ended())
}

impl<'a> Page<'a> {
    fn new(search: &'a Search) -> Self {
        Self { search, secrets: Vec::new(), bytes: 0, work: Work::default(), looked_at: 0, last: None }
    }

    /// Takes a secret if it passes. False when the page has had its share; then the secret belongs on the next page.
    /// Each page looks at one secret at least, so that every token leads further.
    async fn look_at(&mut self, entry: Entry, secret: Loaded<Secret>) -> bool {
        if self.looked_at > 0 && self.work.is_spent() {
            return false;
        }
        if self.search.passes(&secret.value, &mut self.work) {
            let bytes = secret.value.shown_bytes();
            let full = self.secrets.len() == self.search.limit
                || (!self.secrets.is_empty() && self.bytes.saturating_add(bytes) > PAGE_BYTES_MAX);
            if full {
                return false;
            }
            self.bytes = self.bytes.saturating_add(bytes);
            self.secrets.push((entry.clone(), secret));
        }
        self.looked_at += 1;
        self.last = Some(entry);
        self.work.pause().await;
        true
    }

    fn ended(self) -> Found {
        Found { secrets: self.secrets, next: None }
    }

    fn short(self) -> Found {
        Found { secrets: self.secrets, next: self.last }
    }
}

impl Search {
    fn passes(&self, secret: &Secret, work: &mut Work) -> bool {
        (self.planned_deletion || secret.deletion.is_none()) && self.filters.pass(secret, work)
    }

    /// Whether an entry leads to a secret of the account and region. The index is not sealed: what it says of others'
    /// secrets counts for nothing.
    fn is_of_place(&self, entry: &Entry) -> bool {
        entry.key.starts_with(&self.place)
    }

    fn entry_of(&self, secret: &Secret) -> Entry {
        Entry { value: secret.sort_value(self.index), key: secret.key().into() }
    }

    fn is_behind(&self, entry: &Entry, after: &Entry) -> bool {
        if self.descending { entry < after } else { entry > after }
    }
}
