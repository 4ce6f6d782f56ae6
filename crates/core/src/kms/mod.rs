//! Keys: KMS as AWS has it. Keys with policies, aliases, grants and rotation, and cryptography under them; the keys that
//! Secrets Manager encrypts values under.

mod agreement;
pub mod alias;
mod aliases;
mod cipher;
mod ciphertext;
pub mod conditions;
mod create;
mod data_key_pairs;
mod data_keys;
mod encryption_context;
pub mod grant;
mod grants;
mod hanging;
mod import;
mod import_token;
mod jobs;
pub mod key;
mod lists;
mod macs;
mod managed;
mod material;
mod named;
mod pairs;
mod policies;
mod refusals;
pub mod resolve;
mod rotation;
mod shown;
mod signatures;
mod states;
mod tags;
mod through;
mod turns;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use strongroom_crypto::RootOfTrust;
use strongroom_store::Batch;
use tokio::sync::MutexGuard;

pub use self::hanging::Hanging;
pub use self::managed::{Before, DEFAULT_ALIAS, names_default};
pub use self::through::{Purpose, Usable, Wrapped, explained_through};

use self::alias::PREFIX;
use self::key::{KEY_KIND, Key};
use self::resolve::KeyRef;
use self::turns::Turns;
use crate::access::{Permit, RequestKeys, Resource, authorize, may, may_hear_of};
use crate::ctx::{Ctx, Done};
use crate::documents::{Document, Documents, Loaded, retry};
use crate::error::Error;
use crate::identities::Identities;

/// The operations of KMS.
pub struct Kms {
    documents: Arc<Documents>,
    identities: Arc<Identities>,
    root: Arc<dyn RootOfTrust>,
    pairs: Turns,
    /// Whether successful calls under default keys have records.
    records_default_keys: bool,
}

impl Kms {
    /// Keys kept in `documents`, their material wrapped by `root`.
    #[must_use]
    pub fn new(documents: Arc<Documents>, identities: Arc<Identities>, root: Arc<dyn RootOfTrust>) -> Self {
        let pairs = Turns::new(pairs::TURNS);
        Self { documents, identities, root, pairs, records_default_keys: false }
    }

    /// Whether calls under default keys, which Secrets Manager makes for its callers, have records when they succeed.
    #[must_use]
    pub fn with_default_key_records(self, records_default_keys: bool) -> Self {
        Self { records_default_keys, ..self }
    }

    /// Leave for an action on the key that `asked` names.
    ///
    /// # Errors
    /// AccessDeniedException, which is also what callers get who could not use the key if it were there;
    /// NotFoundException; faults.
    pub async fn permitted(
        &self,
        cx: &Ctx,
        action: &'static str,
        asked: &str,
        request: &dyn RequestKeys,
    ) -> Result<Permit, Error> {
        let key = KeyRef::resolve(&self.documents, cx, asked).await?;
        Self::allowed(cx, action, key, request)
    }

    /// Leave for an action that takes no alias, and on other accounts' keys only when it `reaches_abroad`, whatever
    /// their policies say (KMS's API reference, by operation).
    ///
    /// # Errors
    /// As [`Kms::permitted`].
    pub async fn permitted_by_id(
        &self,
        cx: &Ctx,
        action: &'static str,
        asked: &str,
        reaches_abroad: bool,
        request: &dyn RequestKeys,
    ) -> Result<Permit, Error> {
        if asked.starts_with(PREFIX) {
            return Err(refusals::invalid_key_id(asked));
        }
        let key = KeyRef::resolve(&self.documents, cx, asked).await?;
        if key.alias.is_some() {
            return Err(refusals::not_an_arn(asked));
        }
        if key.account != cx.caller.account && !reaches_abroad {
            return Err(refusals::hidden(&cx.caller.arn, action));
        }
        Self::allowed(cx, action, key, request)
    }

    /// Leave for an action on a key.
    fn allowed(cx: &Ctx, action: &'static str, key: KeyRef, request: &dyn RequestKeys) -> Result<Permit, Error> {
        encryption_context::check(request)?;
        if key.found.is_some() {
            let resource = Resource::Key(Arc::new(key));
            let refused = match authorize(cx, action, resource.clone(), request) {
                Ok(permit) => return Ok(permit),
                Err(error) => error,
            };
            // By an alias or id, one of another account is not told from none.
            let is_told = may_hear_of(cx, action, &resource, request)?;
            return Err(if is_told { refused } else { refusals::hidden(&cx.caller.arn, action) });
        }
        let absent = key.absent();
        let own = key.account == cx.caller.account;
        // Decided as if it were there, by the caller's own policies.
        if own && may(cx, action, &Resource::Key(Arc::new(key)), request)? {
            Err(absent)
        } else {
            Err(refusals::hidden(&cx.caller.arn, action))
        }
    }

    /// Waits until no other change of the permitted key is under way on this node, and loads it as it is now.
    async fn to_change(&self, permit: &Permit) -> Result<(MutexGuard<'_, ()>, Loaded<Key>), Error> {
        let key = permit.key()?;
        let place = key.found.as_ref().map(|found| found.value.key());
        let place = place.ok_or_else(|| key.absent())?;
        let turn = self.documents.writer::<Key>(&place).await?;
        let found = self.documents.load::<Key>(place).await?.ok_or_else(|| refusals::no_key(&key.arn))?;
        Ok((turn, found))
    }

    /// Changes the permitted key by `change` and commits it with the request's record. Nothing is written when nothing
    /// changes.
    async fn change(
        &self,
        cx: &Ctx,
        permit: &Permit,
        name: &'static str,
        change: impl Fn(&mut Key) -> Result<bool, Error>,
    ) -> Result<Arc<Key>, Error> {
        retry(|| async {
            let (_turn, before) = self.to_change(permit).await?;
            let mut after = Key::clone(&before.value);
            if !change(&mut after)? {
                return Ok(before.value);
            }
            let after = Arc::new(after);
            let mut batch = Batch::named(name);
            self.documents.put(&mut batch, Some(&before), &after)?;
            cx.commit(&self.documents, batch, done(&after, None)).await?;
            Ok(after)
        })
        .await
    }
}

/// What the record of a change of a key says.
fn done(key: &Key, response_elements: Option<String>) -> Done {
    Done { response_elements, arn: Some(key.arn()), resource_kind: KEY_KIND }
}

/// The permitted key as it was found when the request was authorised.
fn found(permit: &Permit) -> Result<&Arc<Key>, Error> {
    let key = permit.key()?;
    key.found.as_ref().map(|found| &found.value).ok_or_else(|| key.absent())
}
