//! Changes of an account's identities: one at a time, each checked against a state that nobody else alters meanwhile.

use std::sync::Arc;

use strongroom_store::Batch;

use super::Iam;
use crate::ctx::{Ctx, Done};
use crate::documents::{Document, Loaded, retry};
use crate::error::Error;
use crate::identities::account::Account;

/// A change under way. Whatever it is about, it also puts the account's own document. Rules of IAM reach over several
/// documents (a group with members cannot be deleted, a policy that is attached neither), and by this put two changes
/// of one account never pass each other by, on this node or on another.
pub(super) struct Change<'a> {
    iam: &'a Iam,
    account: Loaded<Account>,
    batch: Batch,
}

impl Change<'_> {
    /// The account as it is before the change.
    pub(super) fn account(&self) -> &Loaded<Account> {
        &self.account
    }

    /// What the account's own document becomes.
    pub(super) fn put_account(&mut self, after: Account) {
        self.account.value = Arc::new(after);
    }

    /// Puts a document: `before` is what it was, or nothing when it is new.
    pub(super) fn put<T: Document>(&mut self, before: Option<&Loaded<T>>, after: T) -> Result<(), Error> {
        self.iam.documents.put(&mut self.batch, before, &Arc::new(after))
    }

    /// Removes a document.
    pub(super) fn delete<T: Document>(&mut self, before: &Loaded<T>) {
        self.iam.documents.delete(&mut self.batch, before);
    }
}

impl Iam {
    /// Carries a change of the caller's account out: `attempt` checks and fills the change, and is asked again when
    /// something was changed meanwhile. What it gives back beside the answer goes into the record.
    ///
    /// # Errors
    /// What `attempt` fails with; faults of the store.
    pub(super) async fn change<T, F>(&self, cx: &Ctx, name: &'static str, attempt: F) -> Result<T, Error>
    where
        F: AsyncFn(&mut Change<'_>) -> Result<(T, Done), Error>,
    {
        let account = cx.caller.account.as_str();
        let _writer = self.documents.writer::<Account>(account).await?;
        retry(|| async {
            let found = self.documents.load::<Account>(account).await?;
            let account = found.ok_or_else(|| Error::internal("the caller's account is not there"))?;
            let before = account.clone();
            let mut change = Change { iam: self, account, batch: Batch::named(name) };
            let (answer, done) = attempt(&mut change).await?;
            let Change { account, mut batch, .. } = change;
            self.documents.put(&mut batch, Some(&before), &account.value)?;
            cx.commit(&self.documents, batch, done).await?;
            Ok(answer)
        })
        .await
    }
}
