//! What hangs on the roots of trust: which root wraps which key, and wrapping anew what an older root wraps.
//!
//! Each document is changed by a commit of its own and stays good under both roots' keys until then, so work that is cut
//! short at any point goes on where it stopped.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strongroom_crypto::digest::equal;
use strongroom_crypto::{Context, Random, RootError, RootOfTrust, Sealed};
use strongroom_store::{Batch, Put, Store, StoreError};

use crate::bootstrap::{self, SEALING_KEY};
use crate::documents::{Documents, retry};
use crate::error::Error;
use crate::kms::key::Key;
use crate::kms::{Before, Hanging};

/// Documents read at a time.
const PAGE: usize = 100;

/// Which root wraps what.
#[derive(Debug, Default)]
pub struct Standing {
    /// For each root, in the order in which they were given, how many keys it is the first to unwrap.
    pub keys: Vec<u64>,
    /// What no root unwraps, and why.
    pub lost: Vec<String>,
}

/// What became of the wrapped keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Keys that were wrapped anew.
    pub anew: u64,
    /// Keys that were left, as the first root wraps them already.
    pub left: u64,
}

/// Looks which of `roots` wraps what. Calls block as long as the roots do.
///
/// # Errors
/// When the store cannot be read. What no root unwraps is in the answer.
pub async fn look(documents: &Documents, roots: &[&dyn RootOfTrust]) -> Result<Standing, Error> {
    let mut standing = Standing { keys: vec![0; roots.len()], lost: Vec::new() };
    for row in bootstrap::sealing_keys(documents.store().as_ref()).await? {
        standing.count(
            roots,
            &format!("{} {}", SEALING_KEY.0, row.key.key),
            &bootstrap::context(&row.key.key),
            &row.body,
        );
    }
    look_at::<Key>(documents, roots, &mut standing).await?;
    look_at::<Before>(documents, roots, &mut standing).await?;
    Ok(standing)
}

async fn look_at<D: Hanging>(
    documents: &Documents,
    roots: &[&dyn RootOfTrust],
    standing: &mut Standing,
) -> Result<(), Error> {
    let mut after: Option<Arc<str>> = None;
    loop {
        let page = documents.scan_each::<D>("", after.as_deref(), PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(Arc::clone(last));
        for (key, opened) in page {
            let mut document = match opened {
                Ok(loaded) => D::clone(&loaded.value),
                Err(fault) => {
                    standing.lost.push(fault);
                    continue;
                }
            };
            let context = document.context();
            for wrapped in document.wrapped() {
                standing.count(roots, &format!("{} {key}", D::KIND.0), &context, &decoded(wrapped)?);
            }
        }
    }
}

impl Standing {
    fn count(&mut self, roots: &[&dyn RootOfTrust], what: &str, context: &Context, wrapped: &Sealed) {
        let mut why = None;
        for (root, keys) in roots.iter().zip(&mut self.keys) {
            match root.unwrap(context, wrapped) {
                Ok(_) => {
                    *keys += 1;
                    return;
                }
                // That another root has wrapped it tells the least.
                Err(RootError::OtherRoot(_)) if why.is_some() => {}
                Err(error) => why = Some(error),
            }
        }
        self.lost.push(why.map_or_else(|| format!("{what}: no root"), |error| format!("{what}: {error}")));
    }
}

/// Wraps everything under the root that wraps now which another root wraps, or, with `all`, everything: such as after
/// a service has rotated its key. Calls block as long as the roots do.
///
/// # Errors
/// When a root or the store fails. What was wrapped anew until then stays so, and all is as good as before.
pub async fn rewrap(documents: &Documents, root: &dyn RootOfTrust, all: bool) -> Result<Rewrapped, Error> {
    let work = Work { root, random: documents.random(), all };
    let mut done = Rewrapped::default();
    rewrap_sealing_keys(documents.store().as_ref(), &work, &mut done).await?;
    rewrap_all::<Key>(documents, &work, &mut done).await?;
    rewrap_all::<Before>(documents, &work, &mut done).await?;
    Ok(done)
}

struct Work<'a> {
    root: &'a dyn RootOfTrust,
    random: &'a dyn Random,
    all: bool,
}

impl Work<'_> {
    /// What `wrapped` becomes; none when it stays.
    fn anew(&self, what: &str, context: &Context, wrapped: &Sealed) -> Result<Option<Sealed>, Error> {
        let fault = |error: RootError| Error::internal(format!("{what}: {error}"));
        if !self.all && self.root.is_current(context, wrapped).map_err(fault)? {
            return Ok(None);
        }
        let key = self.root.unwrap(context, wrapped).map_err(fault)?;
        let anew = self.root.wrap(self.random, context, &key).map_err(fault)?;
        // It takes the place of the only copy: what cannot be unwrapped again must not.
        let again = self.root.unwrap(context, &anew).map_err(fault)?;
        if !equal(again.expose(), key.expose()) {
            return Err(Error::internal(format!("{what}: the root unwraps another key than it wrapped")));
        }
        Ok(Some(anew))
    }
}

async fn rewrap_sealing_keys(store: &dyn Store, work: &Work<'_>, done: &mut Rewrapped) -> Result<(), Error> {
    for row in bootstrap::sealing_keys(store).await? {
        let what = format!("{} {}", SEALING_KEY.0, row.key.key);
        let Some(anew) = work.anew(&what, &bootstrap::context(&row.key.key), &row.body)? else {
            done.left += 1;
            continue;
        };
        let mut batch = Batch::named("rewrap_sealing_key");
        batch.puts.push(Put::new(row.key.clone(), row.version, anew));
        match store.commit(batch).await {
            Ok(()) => done.anew += 1,
            // Somebody else changed it: the next run looks at it again, and this one does not say that all is done.
            Err(StoreError::Conflict { .. }) => {
                return Err(Error::internal(format!("{what} was changed meanwhile: run it again")));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn rewrap_all<D: Hanging>(documents: &Documents, work: &Work<'_>, done: &mut Rewrapped) -> Result<(), Error> {
    let mut after: Option<Arc<str>> = None;
    loop {
        let page = documents.store().scan(D::KIND, "", after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(Arc::clone(&last.key.key));
        for row in &page {
            let key = Arc::clone(&row.key.key);
            let changed = retry(|| rewrap_one::<D>(documents, work, &key)).await?;
            done.anew += changed.anew;
            done.left += changed.left;
        }
    }
}

async fn rewrap_one<D: Hanging>(documents: &Documents, work: &Work<'_>, key: &Arc<str>) -> Result<Rewrapped, Error> {
    let _turn = documents.writer::<D>(key).await?;
    let mut done = Rewrapped::default();
    let Some(before) = documents.load::<D>(Arc::clone(key)).await? else { return Ok(done) };
    let mut after = D::clone(&before.value);
    let context = after.context();
    for wrapped in after.wrapped() {
        match work.anew(&format!("{} {key}", D::KIND.0), &context, &decoded(wrapped)?)? {
            None => done.left += 1,
            Some(anew) => {
                *wrapped = STANDARD.encode(anew.as_bytes());
                done.anew += 1;
            }
        }
    }
    if done.anew > 0 {
        let mut batch = Batch::named("rewrap_key");
        documents.put(&mut batch, Some(&before), &Arc::new(after))?;
        documents.commit(batch).await?;
    }
    Ok(done)
}

fn decoded(wrapped: &str) -> Result<Sealed, Error> {
    let bytes = STANDARD.decode(wrapped).map_err(|_| Error::internal("a stored key does not read"))?;
    Ok(Sealed::from_storage(bytes)?)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use strongroom_crypto::aead;
    use strongroom_crypto::random::SeededRandom;
    use strongroom_crypto::root::KeyRoot;
    use strongroom_store::MemoryStore;
    use strongroom_types::{Region, SecretBytes, Timestamp};

    use super::*;
    use crate::identities::Identities;
    use crate::kms::Kms;

    fn root(seed: u64) -> KeyRoot {
        KeyRoot::new("file", "test", &aead::generate_key(&SeededRandom::new(seed)).unwrap()).unwrap()
    }

    /// Wraps under the new root, `left` times, and unwraps under both.
    struct Both {
        new: KeyRoot,
        old: KeyRoot,
        left: AtomicU32,
    }

    impl Both {
        fn new(left: u32) -> Self {
            Self { new: root(1), old: root(2), left: AtomicU32::new(left) }
        }
    }

    impl RootOfTrust for Both {
        fn describe(&self) -> String {
            "both".to_owned()
        }

        fn wrap(&self, random: &dyn Random, context: &Context, key: &SecretBytes) -> Result<Sealed, RootError> {
            let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            match left {
                Ok(_) => self.new.wrap(random, context, key),
                Err(_) => Err(RootError::Unavailable { name: "both".to_owned(), reason: "gone".to_owned() }),
            }
        }

        fn unwrap(&self, context: &Context, wrapped: &Sealed) -> Result<SecretBytes, RootError> {
            self.new.unwrap(context, wrapped).or_else(|_| self.old.unwrap(context, wrapped))
        }

        fn is_current(&self, context: &Context, wrapped: &Sealed) -> Result<bool, RootError> {
            self.new.is_current(context, wrapped)
        }
    }

    /// A store with a sealing key and the default keys of three regions, under the old root.
    async fn store() -> Arc<MemoryStore> {
        let (store, random) = (Arc::new(MemoryStore::new()), Arc::new(SeededRandom::new(3)));
        let ring = bootstrap::keyring(store.as_ref(), &root(2), Arc::clone(&random) as _, true).await.unwrap();
        let documents = Arc::new(Documents::new(Arc::clone(&store) as _, ring, random, 1 << 20));
        for region in ["us-east-1", "us-west-2", "eu-west-1"] {
            use_key(&documents, region, root(2)).await;
        }
        store
    }

    /// Uses the default key of a region, which is made when it is not there.
    async fn use_key(documents: &Arc<Documents>, region: &str, root: KeyRoot) {
        let kms = Kms::new(Arc::clone(documents), Arc::new(Identities::new(Arc::clone(documents))), Arc::new(root));
        let region = Region::parse(region).unwrap();
        let key = kms.default_key("123456789012", &region, Timestamp::from_seconds(1)).await.unwrap();
        kms.ring(&key.value).unwrap();
    }

    async fn documents(store: &Arc<MemoryStore>, root: &dyn RootOfTrust) -> Documents {
        let random = Arc::new(SeededRandom::new(4));
        let ring = bootstrap::stored_keyring(store.as_ref(), root, Arc::clone(&random) as _).await.unwrap();
        Documents::new(Arc::clone(store) as _, ring, random, 1 << 20)
    }

    async fn standing(store: &Arc<MemoryStore>) -> Vec<u64> {
        let both = Both::new(0);
        let found = look(&documents(store, &both).await, &[&both.new, &both.old]).await.unwrap();
        assert_eq!(found.lost, [""; 0]);
        found.keys
    }

    #[tokio::test]
    async fn everything_is_under_the_new_root_afterwards_and_opens_by_it_alone() {
        let store = store().await;
        assert_eq!(standing(&store).await, [0, 4]);
        let both = Both::new(4);
        let done = rewrap(&documents(&store, &both).await, &both, false).await.unwrap();
        assert_eq!(done, Rewrapped { anew: 4, left: 0 });
        assert_eq!(standing(&store).await, [4, 0]);
        let alone = documents(&store, &both.new).await;
        use_key(&Arc::new(alone), "eu-west-1", root(1)).await;
        let again = rewrap(&documents(&store, &both).await, &both, false).await.unwrap();
        assert_eq!(again, Rewrapped { anew: 0, left: 4 }, "without a wrap left to the root");
    }

    #[tokio::test]
    async fn work_that_was_cut_short_goes_on_where_it_stopped() {
        for cut in 0..4 {
            let store = store().await;
            let both = Both::new(cut);
            rewrap(&documents(&store, &both).await, &both, false).await.unwrap_err();
            let at = u64::from(cut);
            assert_eq!(standing(&store).await, [at, 4 - at]);
            let both = Both::new(4);
            let done = rewrap(&documents(&store, &both).await, &both, false).await.unwrap();
            assert_eq!(done, Rewrapped { anew: 4 - at, left: at });
        }
    }

    #[tokio::test]
    async fn all_means_all() {
        let store = store().await;
        let both = Both::new(8);
        for _ in 0..2 {
            let done = rewrap(&documents(&store, &both).await, &both, true).await.unwrap();
            assert_eq!(done, Rewrapped { anew: 4, left: 0 });
        }
    }

    #[tokio::test]
    async fn what_no_root_unwraps_is_named() {
        let store = store().await;
        let both = Both::new(0);
        let other = root(9);
        let found = look(&documents(&store, &both).await, &[&other]).await.unwrap();
        assert_eq!(found.keys, [0]);
        assert_eq!(found.lost.len(), 4);
        assert!(found.lost[0].starts_with("sealing-key 1: root `file` cannot unwrap the key"), "{:?}", found.lost);
    }
}
