//! The way of a change's record: committed with the change as a feed entry of the store, moved from there to the
//! segment files, then forgotten by the store.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use strongroom_crypto::{Context, CryptoError, Keyring, Random};
use strongroom_store::{FeedEntry, FeedRow, Store, StoreError};
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::task::JoinError;

use super::read::known_ids;
use super::segments::Segments;

/// What entries are sealed for, whichever server's topic they wait in: another server may have to move them.
const PURPOSE: &str = "trail";
/// What stands between the records of one entry, the last of which has the entry's id.
pub const JOINT: &str = "\n";
/// Entries that are moved at once.
const BATCH_ENTRIES_MAX: usize = 1000;
/// How far back the trail is searched, after a start, for entries that were moved but not forgotten, in bytes. They
/// are among the last lines that the process before wrote.
const SEARCH_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why entries stay where they are. Nothing is lost: the next attempt goes on with them.
#[derive(Debug, Error)]
pub enum OutboxError {
    /// The store failed.
    #[error("the trail's outbox: {0}")]
    Store(#[from] StoreError),
    /// The segment files failed.
    #[error("the trail's files: {0}")]
    Files(#[from] io::Error),
    /// An entry was altered, or its key is not at hand. What came before it was moved; it and what comes after it wait
    /// until somebody has looked into it.
    #[error("entry {id} of the trail's outbox cannot be opened: {source}")]
    Entry {
        /// Its event id.
        id: String,
        /// Why.
        source: CryptoError,
    },
    /// The thread that writes to the files ended early.
    #[error("the trail's writing thread: {0}")]
    Thread(#[from] JoinError),
}

/// Seals a finished record for a topic of the feed, to be committed with the change that it tells of.
///
/// # Errors
/// When the random source fails.
pub fn seal_entry(
    topic: &Arc<str>,
    keyring: &Keyring,
    random: &dyn Random,
    event_id: &str,
    line: &str,
) -> Result<FeedEntry, CryptoError> {
    let body = keyring.seal(random, &entry_context(event_id), line.as_bytes())?;
    Ok(FeedEntry { topic: Arc::clone(topic), id: event_id.to_owned(), body })
}

/// What is wrong with the entries that wait in a topic, in words: each is opened.
///
/// # Errors
/// When the store fails.
pub async fn faults(topic: &str, store: &dyn Store, keyring: &Keyring) -> Result<Vec<String>, StoreError> {
    let (mut faults, mut after) = (Vec::new(), 0);
    loop {
        let rows = store.feed(topic, after, BATCH_ENTRIES_MAX).await?;
        let Some(last) = rows.last() else { return Ok(faults) };
        after = last.sequence;
        for row in &rows {
            if let Err(error) = keyring.open(&entry_context(&row.id), &row.body) {
                faults.push(format!("entry {} of the feed {topic}: {error}", row.sequence));
            }
        }
    }
}

/// Moves entries from a topic of the store's feed to the segment files. A topic has one at a time.
pub struct Outbox {
    topic: Arc<str>,
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    segments: Arc<Segments>,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// The last entry that stands in the files for good, by the number that it had.
    appended: u64,
    /// The ids of those of them that the store has not forgotten, as far as is known.
    untrimmed: HashSet<String>,
    /// Whether the first entry that the process before had not moved was met.
    caught_up: bool,
}

impl Outbox {
    /// The way from `topic` of `store` to `segments`; `keyring` is the ring that entries were sealed with.
    #[must_use]
    pub fn new(topic: Arc<str>, store: Arc<dyn Store>, keyring: Arc<Keyring>, segments: Arc<Segments>) -> Self {
        Self { topic, store, keyring, segments, progress: Mutex::default() }
    }

    /// Moves all entries that wait, in their order, and returns how many were appended. An entry is forgotten by the
    /// store after it was synced. Entries that the process before moved but could not forget any more are found in the
    /// newest segment files and not appended again.
    ///
    /// Runs on a Tokio runtime: files are written on its threads for blocking work.
    ///
    /// # Errors
    /// When store or files fail, or an entry cannot be opened.
    pub async fn drain(&self) -> Result<usize, OutboxError> {
        let mut progress = self.progress.lock().await;
        let mut moved = 0;
        loop {
            let rows = self.store.feed(&self.topic, 0, BATCH_ENTRIES_MAX).await?;
            let full = rows.len() == BATCH_ENTRIES_MAX;
            let mut page = self.open(rows, &progress);
            let mut caught_up = true;
            // A number that was there before: the database lost a trim, and the entry was moved; or it lost commits, and
            // the entry is another one under the same number. The files know.
            let is_again = page.entries.iter().any(|entry| entry.sequence <= progress.appended);
            if !progress.caught_up || is_again {
                let known = self.known(&page).await?;
                // Entries are moved in their order, so that behind one that was not moved there is none that was.
                caught_up = progress.caught_up || known.len() < page.entries.len() || !full;
                page.entries.retain(|entry| !known.contains(&entry.id));
            }
            moved += page.entries.len();
            let ids: Vec<String> = page.entries.iter().map(|entry| entry.id.clone()).collect();
            self.append(page.entries).await?;
            progress.caught_up = caught_up;
            progress.untrimmed.extend(ids);
            if let Some(through) = page.through {
                progress.appended = through;
                self.store.trim(&self.topic, through).await?;
                progress.untrimmed.clear();
            }
            if let Some(error) = page.stopped {
                return Err(error);
            }
            if !full {
                return Ok(moved);
            }
        }
    }

    /// Whether more than `entries_max` entries wait. Reads two of them at most; where the store's numbering has gaps, it
    /// may say so a little early.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn holds_more_than(&self, entries_max: u64) -> Result<bool, StoreError> {
        let first = self.store.feed(&self.topic, 0, 1).await?;
        let Some(first) = first.first() else { return Ok(false) };
        let Some(behind_first) = entries_max.checked_sub(1) else { return Ok(true) };
        let last_allowed = first.sequence.saturating_add(behind_first);
        Ok(!self.store.feed(&self.topic, last_allowed, 1).await?.is_empty())
    }

    /// Opens the entries that were not moved by this, up to the first that cannot be opened.
    fn open(&self, rows: Vec<FeedRow>, progress: &Progress) -> Page {
        let mut page = Page { entries: Vec::with_capacity(rows.len()), through: None, stopped: None };
        for row in rows {
            if row.sequence > progress.appended || !progress.untrimmed.contains(&row.id) {
                match self.open_entry(&row) {
                    Ok(lines) => page.entries.push(Entry { sequence: row.sequence, id: row.id, lines }),
                    Err(source) => {
                        page.stopped = Some(OutboxError::Entry { id: row.id, source });
                        break;
                    }
                }
            }
            page.through = Some(row.sequence);
        }
        page
    }

    fn open_entry(&self, row: &FeedRow) -> Result<String, CryptoError> {
        let line = self.keyring.open(&entry_context(&row.id), &row.body)?;
        std::str::from_utf8(line.expose()).map(str::to_owned).map_err(|_| CryptoError::Format)
    }

    /// The ids of those entries that stand in the newest segment files already.
    async fn known(&self, page: &Page) -> Result<HashSet<String>, OutboxError> {
        let wanted: HashSet<String> = page.entries.iter().map(|entry| entry.id.clone()).collect();
        if wanted.is_empty() {
            return Ok(wanted);
        }
        let files = Arc::clone(self.segments.files());
        let find = move || known_ids(files.as_ref(), &wanted, SEARCH_BYTES_MAX);
        Ok(tokio::task::spawn_blocking(find).await??)
    }

    async fn append(&self, entries: Vec<Entry>) -> Result<(), OutboxError> {
        if entries.is_empty() {
            return Ok(());
        }
        let segments = Arc::clone(&self.segments);
        let append = move || segments.append_synced(entries.iter().flat_map(|entry| entry.lines.split(JOINT)));
        Ok(tokio::task::spawn_blocking(append).await??)
    }
}

/// Entries that were read together.
struct Page {
    entries: Vec<Entry>,
    /// The last of them, or of those before that were moved already.
    through: Option<u64>,
    /// Why there are no more.
    stopped: Option<OutboxError>,
}

struct Entry {
    sequence: u64,
    id: String,
    /// Its records, joined.
    lines: String,
}

fn entry_context(event_id: &str) -> Context {
    Context::new("feed").field(PURPOSE).field(event_id)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use strongroom_crypto::Witness;
    use strongroom_crypto::aead::generate_key;
    use strongroom_crypto::random::SeededRandom;
    use strongroom_store::{
        Batch, DocumentKey, Entry as IndexEntry, Kind, LedgerBegin, MemoryStore, Range, Row, StoreFuture, Term, Watcher,
    };
    use strongroom_types::{MockClock, Timestamp};

    use super::*;
    use crate::trail::memory::{Faults, MemoryFiles};
    use crate::trail::record::tests::{record, success};
    use crate::trail::segments::{Fsync, SegmentsConfig};

    const TOPIC: &str = "trail";
    const START: Timestamp = Timestamp::from_seconds(1_525_369_862);

    /// A store that can be told not to forget, as if the process died before.
    struct Forgetful {
        inner: MemoryStore,
        trims: AtomicBool,
    }

    impl Store for Forgetful {
        fn get<'a>(&'a self, key: &'a DocumentKey) -> StoreFuture<'a, Option<Row>> {
            self.inner.get(key)
        }
        fn get_many<'a>(&'a self, kind: Kind, keys: &'a [Arc<str>]) -> StoreFuture<'a, Vec<Option<Row>>> {
            self.inner.get_many(kind, keys)
        }
        fn find<'a>(&'a self, term: &'a Term) -> StoreFuture<'a, Option<Arc<str>>> {
            self.inner.find(term)
        }
        fn range<'a>(&'a self, range: &'a Range) -> StoreFuture<'a, Vec<IndexEntry>> {
            self.inner.range(range)
        }
        fn scan<'a>(
            &'a self,
            kind: Kind,
            prefix: &'a str,
            after: Option<&'a str>,
            limit: usize,
        ) -> StoreFuture<'a, Vec<Row>> {
            self.inner.scan(kind, prefix, after, limit)
        }
        fn commit(&self, batch: Batch) -> StoreFuture<'_, ()> {
            self.inner.commit(batch)
        }
        fn feed<'a>(&'a self, topic: &'a str, after: u64, limit: usize) -> StoreFuture<'a, Vec<FeedRow>> {
            self.inner.feed(topic, after, limit)
        }
        fn trim<'a>(&'a self, topic: &'a str, through: u64) -> StoreFuture<'a, ()> {
            if self.trims.load(Ordering::SeqCst) {
                self.inner.trim(topic, through)
            } else {
                Box::pin(async { Err(StoreError::Unavailable("the process is dead".into())) })
            }
        }
        fn keep_ledger(&self, witness: Witness, begin: LedgerBegin, first: Batch) -> StoreFuture<'_, ()> {
            self.inner.keep_ledger(witness, begin, first)
        }
        fn watch(&self, watcher: Arc<dyn Watcher>) {
            self.inner.watch(watcher);
        }
    }

    struct Fixture {
        store: Arc<Forgetful>,
        files: MemoryFiles,
        clock: MockClock,
        keyring: Arc<Keyring>,
        random: SeededRandom,
    }

    impl Fixture {
        fn new() -> Self {
            let random = SeededRandom::new(5);
            let keyring = Keyring::new(&[generate_key(&random).expect("key")]).expect("ring");
            let store = Forgetful { inner: MemoryStore::new(), trims: AtomicBool::new(true) };
            Self {
                store: Arc::new(store),
                files: MemoryFiles::default(),
                clock: MockClock::at(START),
                keyring: Arc::new(keyring),
                random,
            }
        }

        /// A process that begins now.
        fn start(&self) -> Outbox {
            self.store.trims.store(true, Ordering::SeqCst);
            self.files.lose_power();
            let config = SegmentsConfig { fsync: Fsync::Never, ..SegmentsConfig::default() };
            let segments = Segments::with_files(Arc::new(self.files.clone()), config, Arc::new(self.clock.clone()));
            Outbox::new(TOPIC.into(), self.store.clone(), Arc::clone(&self.keyring), Arc::new(segments.expect("open")))
        }

        async fn commit(&self, ids: std::ops::Range<usize>) {
            let mut batch = Batch::named("test");
            for id in ids {
                let line = record(&format!("event {id}"), START).finish(&success());
                let entry = seal_entry(&TOPIC.into(), &self.keyring, &self.random, &format!("event {id}"), &line);
                batch.feed.push(entry.expect("seal"));
            }
            self.store.commit(batch).await.expect("commit");
        }

        async fn waiting(&self) -> usize {
            self.store.feed(TOPIC, 0, usize::MAX).await.expect("feed").len()
        }

        fn found(&self) -> Vec<String> {
            let id = |line: &String| {
                let value: serde_json::Value = serde_json::from_str(line).expect("a record");
                value["eventID"].as_str().expect("text").to_owned()
            };
            self.files.lines().iter().map(id).collect()
        }
    }

    fn events(ids: std::ops::Range<usize>) -> Vec<String> {
        ids.map(|id| format!("event {id}")).collect()
    }

    #[tokio::test]
    async fn entries_move_once_in_order_and_are_forgotten() {
        let fixture = Fixture::new();
        let outbox = fixture.start();
        assert_eq!(outbox.drain().await.expect("drain"), 0);
        fixture.commit(0..2500).await;
        assert_eq!(outbox.drain().await.expect("drain"), 2500);
        fixture.commit(2500..2510).await;
        assert_eq!(outbox.drain().await.expect("drain"), 10);
        assert_eq!(outbox.drain().await.expect("drain"), 0);
        assert_eq!(fixture.waiting().await, 0);
        fixture.files.lose_power();
        assert_eq!(fixture.found(), events(0..2510));
    }

    #[tokio::test]
    async fn a_crash_between_append_and_trim_leaves_each_record_once() {
        let fixture = Fixture::new();
        fixture.commit(0..3).await;
        fixture.start().drain().await.expect("drain");
        for (hours, ids) in [(0, 3..1200), (1, 1200..1210), (0, 1210..1210)] {
            fixture.commit(ids).await;
            let outbox = fixture.start();
            fixture.store.trims.store(false, Ordering::SeqCst);
            outbox.drain().await.expect_err("dies before it forgets");
            outbox.drain().await.expect_err("still cannot forget, and appends nothing twice");
            fixture.clock.advance_millis(hours * 3_600_000);
        }
        fixture.commit(1210..1220).await;
        fixture.start().drain().await.expect("drain");
        assert_eq!(fixture.waiting().await, 0);
        assert_eq!(fixture.found(), events(0..1220));
    }

    #[tokio::test]
    async fn records_under_numbers_that_were_there_before_are_not_lost() {
        let mut fixture = Fixture::new();
        fixture.commit(0..5).await;
        let outbox = fixture.start();
        assert_eq!(outbox.drain().await.expect("drain"), 5);
        // The database was put back, or failed over without its last commits: the numbers begin again.
        let store = Forgetful { inner: MemoryStore::new(), trims: AtomicBool::new(true) };
        fixture.store = Arc::new(store);
        // A trim was lost as well: the last of those that were moved is there again.
        fixture.commit(4..8).await;
        let outbox = Outbox { store: Arc::clone(&fixture.store) as _, ..outbox };
        assert_eq!(outbox.drain().await.expect("drain"), 3);
        assert_eq!(fixture.waiting().await, 0);
        assert_eq!(fixture.found(), events(0..8));
    }

    #[tokio::test]
    async fn the_backlog_is_told_by_its_bound() {
        let fixture = Fixture::new();
        let outbox = fixture.start();
        let mut committed = 0;
        for _ in 0..2 {
            assert!(!outbox.holds_more_than(0).await.expect("told"), "nothing waits");
            assert!(!outbox.holds_more_than(3).await.expect("told"), "nothing waits");
            fixture.commit(committed..committed + 1).await;
            assert!(outbox.holds_more_than(0).await.expect("told"), "one waits");
            committed += 1;
            outbox.drain().await.expect("drain");
            fixture.commit(committed..committed + 3).await;
            assert!(!outbox.holds_more_than(3).await.expect("told"));
            fixture.commit(committed + 3..committed + 4).await;
            assert!(outbox.holds_more_than(3).await.expect("told"));
            assert!(!outbox.holds_more_than(4).await.expect("told"));
            committed += 4;
            outbox.drain().await.expect("drain");
        }
    }

    #[tokio::test]
    async fn entries_wait_while_the_files_fail() {
        let fixture = Fixture::new();
        let outbox = fixture.start();
        fixture.commit(0..5).await;
        fixture.files.set(Faults { capacity: Some(700), ..Faults::default() });
        assert!(matches!(outbox.drain().await, Err(OutboxError::Files(_))));
        assert_eq!((fixture.waiting().await, fixture.files.lines().len()), (5, 0));
        fixture.files.set(Faults::default());
        assert_eq!(outbox.drain().await.expect("drain"), 5);
        assert_eq!(fixture.found(), events(0..5));
    }

    #[tokio::test]
    async fn after_a_failed_sync_no_record_is_missing() {
        let fixture = Fixture::new();
        let outbox = fixture.start();
        fixture.commit(0..5).await;
        fixture.files.set(Faults { syncs_to_fail: 1, ..Faults::default() });
        outbox.drain().await.expect_err("not synced");
        assert_eq!(fixture.waiting().await, 5);
        outbox.drain().await.expect("drain");
        fixture.files.lose_power();
        let mut found = fixture.found();
        found.sort();
        found.dedup();
        assert_eq!(found, events(0..5));
    }

    #[tokio::test]
    async fn an_altered_entry_stops_the_way_behind_it() {
        let fixture = Fixture::new();
        fixture.commit(0..2).await;
        let mut batch = Batch::named("test");
        let mut moved = seal_entry(&TOPIC.into(), &fixture.keyring, &fixture.random, "event 2", "{}").expect("seal");
        moved.id = "event 3".into();
        batch.feed.push(moved);
        fixture.store.commit(batch).await.expect("commit");
        fixture.commit(4..6).await;
        let outbox = fixture.start();
        for _ in 0..2 {
            let error = outbox.drain().await.expect_err("not authentic");
            assert!(matches!(&error, OutboxError::Entry { id, .. } if id == "event 3"), "{error}");
            assert_eq!(fixture.found(), events(0..2));
            assert_eq!(fixture.waiting().await, 3);
        }
    }
}
