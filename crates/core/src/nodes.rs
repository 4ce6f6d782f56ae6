//! The servers that share a store: each says now and then that it is there, and another takes over what one left behind.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use strongroom_store::{Batch, Kind};
use strongroom_types::{SecretBytes, Timestamp};

use crate::documents::{Document, Documents, Loaded, from_json_body, json_body, retry};
use crate::error::Error;
use crate::random_uuid;
use crate::trail::NodeName;

/// What a server says whose place was taken.
const DISPLACED: &str = "another server runs, or ran, under this one's name: a trail's folder, with its file `node`, was \
                         copied. Stop both, and start the one whose trail it is";
/// Kind of the documents, one for each server.
const NODE: Kind = Kind("node");
/// For how long a server says nothing before it counts as gone, in ms. Longer than clocks differ and disks hang.
pub const GONE_MS: i64 = 300_000;
/// For how long what a server left is its taker's, in ms.
const TAKEN_MS: i64 = 60_000;
/// For how long a server must have said nothing while this one looked, by this one's clock alone, in ms. One whose clock is
/// behind by more than [`GONE_MS`] says meanwhile that it is there, and is not taken for gone.
pub const SILENT_MS: i64 = 60_000;
/// Servers that are looked at together, at most.
const NODES_MAX: usize = 1000;

/// A server that shares the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    name: String,
    /// Which run of it: another one under the same name takes its place.
    run: String,
    /// When that run began, in ms since 1970.
    began_ms: i64,
    /// When it was last there, by its own clock, in ms since 1970.
    seen_ms: i64,
    /// Who moves what it left, and until when, in ms since 1970.
    #[serde(default)]
    taken: Option<(String, i64)>,
    /// Where other servers reach it, as a URL; none when they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl Document for Node {
    const KIND: Kind = NODE;
    const CACHED: bool = false;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(NODE, body)
    }
}

/// A server that is gone, taken over.
#[derive(Clone, Debug)]
pub struct Left {
    /// Its name.
    pub name: NodeName,
    held: Loaded<Node>,
}

/// This server among those that share its store.
pub struct Nodes {
    documents: Arc<Documents>,
    name: NodeName,
    run: String,
    /// Where others reach this one.
    address: Option<String>,
    /// Whether others can be there: an embedded store has one server.
    shared: bool,
    displaced: AtomicBool,
    /// What was last seen of servers that say nothing: the version of the document, and since when, in ms since 1970.
    silent: Mutex<HashMap<String, (u64, i64)>>,
}

impl Nodes {
    /// The server `name` of the store under `documents`, which may be `shared`.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn new(documents: Arc<Documents>, name: NodeName, shared: bool) -> Result<Self, Error> {
        let run = random_uuid(documents.random())?;
        let (displaced, silent) = (AtomicBool::new(false), Mutex::default());
        Ok(Self { documents, name, run, address: None, shared, displaced, silent })
    }

    /// The same, which others reach at this URL.
    #[must_use]
    pub fn with_address(self, address: Option<String>) -> Self {
        Self { address, ..self }
    }

    /// The other servers that are there, each with where it is reached.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn others(documents: &Documents, name: &NodeName) -> Result<Vec<(NodeName, Option<String>)>, Error> {
        let nodes = documents.scan::<Node>("", None, NODES_MAX).await?;
        let named = |node: &Node| Some((NodeName::parse(&node.name)?, node.address.clone()));
        Ok(nodes.iter().filter_map(|node| named(&node.value)).filter(|(other, _)| other != name).collect())
    }

    /// This server's name.
    #[must_use]
    pub fn name(&self) -> &NodeName {
        &self.name
    }

    /// Whether another run under this server's name has taken its place. Then it must neither move records nor make
    /// digests any more.
    #[must_use]
    pub fn is_displaced(&self) -> bool {
        self.displaced.load(Ordering::SeqCst)
    }

    /// Says that this run is there, in place of any before it.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn begin(&self, now: Timestamp) -> Result<(), Error> {
        if !self.shared {
            return Ok(());
        }
        retry(|| async {
            let before = self.documents.load::<Node>(self.name.as_str()).await?;
            self.put(before.as_ref(), self.as_of(now, now)).await
        })
        .await
    }

    /// Says that this run is still there.
    ///
    /// # Errors
    /// Faults of the store, and once another run has taken this one's place.
    pub async fn stay(&self, now: Timestamp) -> Result<(), Error> {
        if !self.shared {
            return Ok(());
        }
        let before = self.documents.load::<Node>(self.name.as_str()).await?;
        let began_ms = match &before {
            Some(node) if node.value.run != self.run => {
                self.displaced.store(true, Ordering::SeqCst);
                return Err(Error::internal(DISPLACED));
            }
            // The other has left; which records and digests it made in this one's name nobody here knows.
            _ if self.is_displaced() => return Err(Error::internal(DISPLACED)),
            Some(node) => node.value.began_ms,
            // It was away for so long that it was taken for gone.
            None => now.millis(),
        };
        self.put(before.as_ref(), self.as_of(Timestamp::from_millis(began_ms), now)).await
    }

    /// Leaves, with nothing left behind.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn leave(&self) -> Result<(), Error> {
        let found = if self.shared { self.documents.load::<Node>(self.name.as_str()).await? } else { None };
        match found {
            Some(node) if node.value.run == self.run => self.remove(&node).await,
            _ => Ok(()),
        }
    }

    fn as_of(&self, began: Timestamp, now: Timestamp) -> Node {
        let (name, run) = (self.name.as_str().to_owned(), self.run.clone());
        let address = self.address.clone();
        Node { name, run, began_ms: began.millis(), seen_ms: now.millis(), taken: None, address }
    }

    /// Servers that are gone, and whose records of changes this one is to move from now on, for a minute.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn take_over(&self, now: Timestamp) -> Result<Vec<Left>, Error> {
        let nodes = self.documents.scan::<Node>("", None, NODES_MAX).await?;
        let only = NodeName::only();
        if self.shared && self.name != only && nodes.iter().all(|node| node.value.name != only.as_str()) {
            self.remember_only(&only).await?;
        }
        self.watch_silence(&nodes, now);
        let mut left = Vec::new();
        for node in nodes {
            let is_gone = now.millis().saturating_sub(node.value.seen_ms) > GONE_MS;
            let taken = node.value.taken.as_ref();
            let is_taken = taken.is_some_and(|(by, until_ms)| *by != self.run && now.millis() < *until_ms);
            let Some(name) = NodeName::parse(&node.value.name) else { continue };
            if name == self.name || !is_gone || is_taken || !self.is_silent(&node, now) {
                continue;
            }
            let until_ms = now.millis().saturating_add(TAKEN_MS);
            let after = Node { taken: Some((self.run.clone(), until_ms)), ..node.value.as_ref().clone() };
            match self.put(Some(&node), after.clone()).await {
                Ok(()) => {
                    left.push(Left { name, held: Loaded { version: node.version + 1, value: Arc::new(after) } });
                }
                // Another was faster, or it is back.
                Err(Error::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(left)
    }

    /// Notes which servers have said nothing since the last look.
    fn watch_silence(&self, nodes: &[Loaded<Node>], now: Timestamp) {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *silent);
        for node in nodes {
            let known = before.get(&node.value.name).filter(|(version, _)| *version == node.version);
            let since_ms = known.map_or(now.millis(), |(_, since_ms)| *since_ms);
            silent.insert(node.value.name.clone(), (node.version, since_ms));
        }
    }

    fn is_silent(&self, node: &Loaded<Node>, now: Timestamp) -> bool {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let since_ms = silent.get(&node.value.name).map_or(now.millis(), |(_, since_ms)| *since_ms);
        // A former taker has gone on with it: its own silence was waited for.
        node.value.taken.is_some() || now.millis().saturating_sub(since_ms) >= SILENT_MS
    }

    /// A store that was an embedded one's may hold records of its only server, which never said that it was there.
    async fn remember_only(&self, only: &NodeName) -> Result<(), Error> {
        if self.documents.store().feed(&only.topic(), 0, 1).await?.is_empty() {
            return Ok(());
        }
        let name = only.as_str().to_owned();
        let node = Node { name, run: String::new(), began_ms: 0, seen_ms: 0, taken: None, address: None };
        match self.put(None, node).await {
            Err(Error::Conflict) => Ok(()),
            other => other,
        }
    }

    /// Forgets a server of which nothing is left. Does nothing when it is back.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn forget(&self, left: &Left) -> Result<(), Error> {
        match self.remove(&left.held).await {
            Err(Error::Conflict) => Ok(()),
            other => other,
        }
    }

    async fn put(&self, before: Option<&Loaded<Node>>, after: Node) -> Result<(), Error> {
        let mut batch = Batch::named("put_node");
        self.documents.put(&mut batch, before, &Arc::new(after))?;
        self.documents.commit(batch).await
    }

    async fn remove(&self, node: &Loaded<Node>) -> Result<(), Error> {
        let mut batch = Batch::named("remove_node");
        self.documents.delete(&mut batch, node);
        self.documents.commit(batch).await
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::Keyring;
    use strongroom_crypto::aead::generate_key;
    use strongroom_crypto::random::SeededRandom;
    use strongroom_store::MemoryStore;

    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn documents() -> Arc<Documents> {
        let random = Arc::new(SeededRandom::new(4));
        let ring = Keyring::new(&[generate_key(random.as_ref()).expect("a key")]).expect("a ring");
        Arc::new(Documents::new(Arc::new(MemoryStore::new()), Arc::new(ring), random, 1 << 20))
    }

    fn node(documents: &Arc<Documents>) -> Nodes {
        let name = NodeName::draw(documents.random()).expect("a name");
        Nodes::new(Arc::clone(documents), name, true).expect("a node")
    }

    fn names(left: &[Left]) -> Vec<NodeName> {
        left.iter().map(|left| left.name.clone()).collect()
    }

    #[tokio::test]
    async fn one_server_takes_over_from_one_that_is_gone() {
        let documents = documents();
        let (gone, one, other) = (node(&documents), node(&documents), node(&documents));
        for node in [&gone, &one, &other] {
            node.begin(START).await.expect("there");
        }
        let mut now = START.plus_millis(GONE_MS);
        assert_eq!(names(&one.take_over(now).await.expect("asked")), []);
        now = now.plus_millis(1);
        one.stay(now).await.expect("there");
        other.stay(now).await.expect("there");
        for node in [&one, &other] {
            assert_eq!(names(&node.take_over(now).await.expect("asked")), [], "its clock may be behind");
        }
        now = now.plus_millis(SILENT_MS);
        one.stay(now).await.expect("there");
        other.stay(now).await.expect("there");
        let left = one.take_over(now).await.expect("asked");
        assert_eq!(names(&left), std::slice::from_ref(&gone.name));
        assert_eq!(names(&other.take_over(now).await.expect("asked")), [], "one at a time");
        now = now.plus_millis(TAKEN_MS);
        let again = other.take_over(now).await.expect("asked");
        assert_eq!(names(&again), std::slice::from_ref(&gone.name), "the first was not done in time");
        one.forget(&left[0]).await.expect("too late: nothing happens");
        // It is back: nobody forgets it any more, until it leaves by itself.
        gone.stay(now).await.expect("there");
        other.forget(&again[0]).await.expect("nothing happens");
        assert_eq!(names(&one.take_over(now.plus_millis(1)).await.expect("asked")), []);
        gone.leave().await.expect("it leaves");
        assert!(documents.load::<Node>(gone.name.as_str()).await.expect("asked").is_none());
    }

    #[tokio::test]
    async fn of_two_runs_under_one_name_the_later_stays() {
        let documents = documents();
        let first = node(&documents);
        let second = Nodes::new(Arc::clone(&documents), first.name.clone(), true).expect("a node");
        first.begin(START).await.expect("there");
        second.begin(START).await.expect("there");
        first.stay(START).await.expect_err("displaced");
        assert!(first.is_displaced() && !second.is_displaced());
        second.stay(START).await.expect("there");
        first.leave().await.expect("nothing to remove");
        second.stay(START).await.expect("there");
        // The first does not come back by itself: it moves no records, and whoever looks is told why.
        second.leave().await.expect("it leaves");
        first.stay(START).await.expect_err("displaced");
        assert!(documents.load::<Node>(first.name.as_str()).await.expect("asked").is_none());
    }

    #[tokio::test]
    async fn a_server_whose_clock_is_behind_is_not_taken_for_gone() {
        let documents = documents();
        let (late, one) = (node(&documents), node(&documents));
        let behind_ms = 2 * GONE_MS;
        late.begin(START).await.expect("there");
        for minute in 0..20 {
            let now = START.plus_millis(minute * 60_000);
            late.stay(now).await.expect("there");
            assert_eq!(names(&one.take_over(now.plus_millis(behind_ms)).await.expect("asked")), []);
        }
    }

    #[tokio::test]
    async fn records_of_an_embedded_store_are_found() {
        let documents = documents();
        let mut batch = Batch::named("test");
        let sealed = crate::trail::outbox::seal_entry(
            documents.records(),
            documents.keyring(),
            documents.random(),
            "event",
            "{}",
        );
        batch.feed.push(sealed.expect("sealed"));
        documents.commit(batch).await.expect("committed");
        let one = node(&documents);
        one.take_over(START).await.expect("remembered");
        one.take_over(START).await.expect("seen");
        let now = START.plus_millis(SILENT_MS);
        assert_eq!(names(&one.take_over(now).await.expect("asked")), [NodeName::only()]);
    }
}
