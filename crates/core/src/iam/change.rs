//! Changes of an account's identities: one at a time, each checked against a state that nobody else alters meanwhile.
//!
//! An operation takes its turn with [`Iam::turn`], and in each attempt of `retry` begins a change, checks and fills it,
//! and commits it.

use std::sync::Arc;

use strongroom_store::Batch;
use tokio::sync::MutexGuard;

use super::Iam;
use crate::ctx::{Ctx, Done};
use crate::documents::{Document, Documents, Loaded};
use crate::error::Error;
use crate::identities::account::Account;

/// A change under way. Whatever it is about, it also puts the account's own document. Rules of IAM reach over several
/// documents (a group with members cannot be deleted, a policy that is attached neither), and by this put two changes
/// of one account never pass each other by, on this node or on another.
pub(super) struct Change {
    documents: Arc<Documents>,
    before: Loaded<Account>,
    after: Arc<Account>,
    batch: Batch,
}

impl Change {
    /// The account as it is before the change.
    pub(super) fn account(&self) -> &Account {
        &self.before.value
    }

    /// What the account's own document becomes.
    pub(super) fn put_account(&mut self, after: Account) {
        self.after = Arc::new(after);
    }

    /// Puts a document: `before` is what it was, or nothing when it is new.
    pub(super) fn put<T: Document>(&mut self, before: Option<&Loaded<T>>, after: T) -> Result<(), Error> {
        self.documents.put(&mut self.batch, before, &Arc::new(after))
    }

    /// Removes a document.
    pub(super) fn delete<T: Document>(&mut self, before: &Loaded<T>) {
        self.documents.delete(&mut self.batch, before);
    }

    /// Commits the change with the request's record.
    ///
    /// # Errors
    /// `Conflict` when something was changed meanwhile; faults of the store.
    pub(super) async fn commit(mut self, cx: &Ctx, done: Done) -> Result<(), Error> {
        self.documents.put(&mut self.batch, Some(&self.before), &self.after)?;
        cx.commit(&self.documents, self.batch, done).await
    }
}

impl Iam {
    /// Waits until no other change of the caller's account is under way on this node.
    pub(super) async fn turn(&self, cx: &Ctx) -> Result<MutexGuard<'_, ()>, Error> {
        self.documents.writer::<Account>(cx.caller.account.as_str()).await
    }

    /// Begins a change of the caller's account. `name` is the transaction's.
    ///
    /// # Errors
    /// Faults of the store.
    pub(super) async fn begin(&self, cx: &Ctx, name: &'static str) -> Result<Change, Error> {
        let found = self.documents.load::<Account>(cx.caller.account.as_str()).await?;
        let before = found.ok_or_else(|| Error::internal("the caller's account is not there"))?;
        let (documents, after) = (Arc::clone(&self.documents), Arc::clone(&before.value));
        Ok(Change { documents, before, after, batch: Batch::named(name) })
    }
}
