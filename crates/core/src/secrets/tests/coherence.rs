//! What is read beside changes: never less than what was acknowledged, never what is not durable, one content for each
//! version; and that indexes and cache get from a change what they would get from the whole document.

use std::collections::{BTreeSet, HashMap};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use proptest::prelude::{ProptestConfig, Strategy, prop, prop_assert_eq, proptest};
use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{Keyring, Random, aead};
use strongroom_store::{Batch, DocumentKey, MemoryStore, SqliteConfig, SqliteStore, Store, Term};

use crate::documents::{Document, Documents, Loaded};
use crate::error::Error;
use crate::secrets::model::{Deletion, NotedDay, SECRET, Secret, SecretTag, Version};
use crate::secrets::pairs::Pairs;

const SECRETS: u64 = 3;
const WRITERS: u64 = 4;
const CHANGES: u64 = 80;
/// A cache that holds all secrets, in bytes.
const ROOM: u64 = 1024 * 1024;
/// A cache that does not, so that secrets are loaded from the store while they change.
const SCARCE: u64 = 1600;

fn secret(name: &str) -> Secret {
    Secret {
        account: "123456789012".into(),
        region: "us-east-1".into(),
        partition: "aws".into(),
        name: name.into(),
        suffix: "AbCdEf".into(),
        kind: None,
        description: None,
        kms_key_id: None,
        created_ms: 0,
        changed_ms: 0,
        accessed_ms: None,
        deletion: None,
        tags: Vec::new(),
        stages: Pairs::new(),
        versions: Pairs::new(),
        policy: None,
        rotation: None,
        owner: None,
    }
}

fn documents(store: Arc<dyn Store>, cache_bytes_max: u64) -> Documents {
    let random = Arc::new(SeededRandom::new(11));
    let keyring = Keyring::new(&[aead::generate_key(random.as_ref()).expect("key")]).expect("ring");
    Documents::new(store, Arc::new(keyring), random as Arc<dyn Random>, cache_bytes_max)
}

fn change(documents: &Documents, before: Option<&Loaded<Secret>>, after: &Arc<Secret>) -> Batch {
    let mut batch = Batch::named("test");
    documents.put(&mut batch, before, after).expect("a put");
    batch
}

/// What the tasks of one run share.
struct Run {
    store: Arc<dyn Store>,
    documents: Documents,
    /// Of each secret, the newest version that a writer was told of.
    acknowledged: Vec<AtomicU64>,
    /// What was read at each version of each secret.
    seen: Mutex<HashMap<(u64, u64), String>>,
    over: AtomicBool,
}

impl Run {
    fn key(number: u64) -> String {
        secret(&number.to_string()).key()
    }

    async fn read(&self, number: u64) {
        let least = self.acknowledged[usize::try_from(number).expect("small")].load(Ordering::SeqCst);
        let loaded = self.documents.load::<Secret>(Self::key(number)).await.expect("a read");
        let version = loaded.as_ref().map_or(0, |loaded| loaded.version);
        assert!(version >= least, "version {version} was read after {least} was acknowledged");
        let row = self.store.get(&DocumentKey::new(SECRET, Self::key(number))).await.expect("a row");
        let stored = row.map_or(0, |row| row.version);
        assert!(version <= stored, "version {version} was read while {stored} was stored");
        let Some(loaded) = loaded else { return };
        let content = loaded.value.description.clone().expect("a description");
        assert_eq!(u64::try_from(loaded.value.changed_ms), Ok(version), "content and version belong together");
        let mut seen = self.seen.lock().expect("lock");
        let first = seen.entry((number, version)).or_insert_with(|| content.clone());
        assert_eq!(*first, content, "a version has one content");
    }

    /// Changes a secret once. Some writers do not wait for their turn, and some do not wait for the answer.
    async fn write(&self, writer: u64, n: u64) {
        let number = (writer + n) % SECRETS;
        let key = Self::key(number);
        let _turn = if n.is_multiple_of(3) { None } else { Some(self.documents.writer::<Secret>(&key).await) };
        let before = self.documents.load::<Secret>(key.as_str()).await.expect("a read");
        let version = before.as_ref().map_or(0, |loaded| loaded.version) + 1;
        let mut after = secret(&number.to_string());
        after.changed_ms = i64::try_from(version).expect("small");
        after.description = Some(format!("writer {writer} change {n}"));
        let after = Arc::new(after);
        let mut commit = pin!(self.documents.commit(change(&self.documents, before.as_ref(), &after)));
        if n.is_multiple_of(5) {
            // Begun, then given up: it may be carried out or not.
            let _ = poll_fn(|context| Poll::Ready(commit.as_mut().poll(context))).await;
            return;
        }
        match commit.await {
            Ok(()) => {
                self.acknowledged[usize::try_from(number).expect("small")].fetch_max(version, Ordering::SeqCst);
            }
            Err(Error::Conflict) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
}

async fn readers_see_no_less_and_no_more(store: Arc<dyn Store>, cache_bytes_max: u64) {
    let run = Arc::new(Run {
        documents: documents(Arc::clone(&store), cache_bytes_max),
        store,
        acknowledged: (0..SECRETS).map(|_| AtomicU64::new(0)).collect(),
        seen: Mutex::default(),
        over: AtomicBool::new(false),
    });
    let reading = |first: u64| {
        let run = Arc::clone(&run);
        tokio::spawn(async move {
            let mut reads = 0_u64;
            while !run.over.load(Ordering::SeqCst) {
                run.read((first + reads) % SECRETS).await;
                reads += 1;
                tokio::task::yield_now().await;
            }
        })
    };
    let readers: Vec<_> = (0..3).map(reading).collect();
    let writing = |writer: u64| {
        let run = Arc::clone(&run);
        tokio::spawn(async move {
            for n in 0..CHANGES {
                run.write(writer, n).await;
                run.read((writer + n) % SECRETS).await;
            }
        })
    };
    let writers: Vec<_> = (0..WRITERS).map(writing).collect();
    for writer in writers {
        writer.await.expect("a writer ends well");
    }
    run.over.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.expect("a reader ends well");
    }
    for number in 0..SECRETS {
        run.read(number).await;
        let acknowledged = run.acknowledged[usize::try_from(number).expect("small")].load(Ordering::SeqCst);
        assert!(acknowledged > 10, "there were changes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_beside_writers_see_what_is_acknowledged_and_durable_in_memory() {
    for cache_bytes_max in [ROOM, SCARCE] {
        readers_see_no_less_and_no_more(Arc::new(MemoryStore::new()), cache_bytes_max).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_beside_writers_see_what_is_acknowledged_and_durable_in_sqlite() {
    for cache_bytes_max in [ROOM, SCARCE] {
        let home = tempfile::tempdir().expect("a directory");
        let store = SqliteStore::open(home.path(), SqliteConfig::default()).expect("a store");
        readers_see_no_less_and_no_more(Arc::new(store), cache_bytes_max).await;
    }
}

#[tokio::test]
async fn a_committed_document_is_what_the_next_request_gets() {
    let documents = documents(Arc::new(MemoryStore::new()), ROOM);
    let first = Arc::new(secret("a"));
    documents.commit(change(&documents, None, &first)).await.expect("a commit");
    let loaded = documents.load::<Secret>(first.key()).await.expect("a read").expect("it is there");
    assert!(Arc::ptr_eq(&loaded.value, &first), "it was not read anew");
    assert_eq!(loaded.version, 1);

    let second = Arc::new(Secret { changed_ms: 5, ..secret("a") });
    let refused = change(&documents, None, &second);
    assert!(matches!(documents.commit(refused).await, Err(Error::Conflict)));
    let after = documents.load::<Secret>(first.key()).await.expect("a read").expect("it is there");
    assert_eq!((after.version, &after.value), (1, &first), "what was refused is not kept");

    documents.commit(change(&documents, Some(&after), &second)).await.expect("a commit");
    let after = documents.load::<Secret>(first.key()).await.expect("a read").expect("it is there");
    assert!(Arc::ptr_eq(&after.value, &second));
    let mut removal = Batch::named("test");
    documents.delete(&mut removal, &after);
    documents.commit(removal).await.expect("a commit");
    assert!(documents.load::<Secret>(first.key()).await.expect("a read").is_none());
    documents.commit(change(&documents, None, &first)).await.expect("a commit");
    assert_eq!(documents.load::<Secret>(first.key()).await.expect("a read").expect("it is there").version, 1);
}

fn any_secret() -> impl Strategy<Value = Secret> {
    let word = || prop::sample::select(vec!["red", "Blue7", "a b", "x", "", "tag/one"]);
    let tag = (word(), word()).prop_map(|(key, value)| SecretTag { key: key.into(), value: value.into() });
    let instants = (0_i64..3, 0_i64..3, prop::option::of(0_i64..3), prop::option::of(0_i64..3));
    let texts = (prop::option::of(word()), prop::collection::vec(tag, 0..4), prop::sample::select(vec!["n", "m/2"]));
    let versions = prop::collection::btree_map("[a-c]{1,2}", 0_i64..9, 0..5);
    (instants, texts, versions).prop_map(|((created, changed, accessed, due), (description, tags, name), versions)| {
        let version = |created_ms| Version {
            created_ms,
            accessed_ms: None,
            kms_key_ids: vec!["key".into()],
            noted: NotedDay::default(),
        };
        Secret {
            description: description.map(str::to_owned),
            created_ms: created,
            changed_ms: changed,
            accessed_ms: accessed,
            deletion: due.map(|due_ms| Deletion { requested_ms: 0, due_ms }),
            tags,
            versions: versions.into_iter().map(|(id, created_ms)| (id, version(created_ms))).collect(),
            ..secret(name)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn terms_beside_another_state_lack_only_what_both_have(one in any_secret(), other in any_secret()) {
        let set = |terms: Vec<Term>| terms.into_iter().collect::<BTreeSet<Term>>();
        let (whole, whole_other) = (set(one.terms()), set(other.terms()));
        let (beside, beside_other) = (set(one.terms_beside(&other)), set(other.terms_beside(&one)));
        prop_assert_eq!(&beside - &beside_other, &whole - &whole_other);
        prop_assert_eq!(&beside_other - &beside, &whole_other - &whole);
    }

    #[test]
    fn what_is_kept_is_what_would_be_read(secret in any_secret()) {
        let body = secret.to_body().expect("a body");
        prop_assert_eq!(Secret::from_body(&body).expect("it reads"), secret);
    }
}
