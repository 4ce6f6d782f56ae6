//! All principals of an account as callers, for questions about who may do what.

use std::sync::Arc;

use strongroom_types::{AccountId, Region};

use super::Identities;
use super::PAGE;
use super::entity::{Entity, key_of_id};
use super::role::Role;
use super::user::User;
use crate::caller::Caller;
use crate::documents::{Document, Loaded};
use crate::error::Error;

/// The name of the session under which a role is asked about.
const ANY_SESSION: &str = "*";

impl Identities {
    /// The root, the users and the roles of an account. A role stands for all its sessions that are not narrowed.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn principals(&self, account: &AccountId, region: &Region) -> Result<Vec<Arc<Caller>>, Error> {
        let (root, _) = self.root_caller(account.clone(), region, None).await?;
        let mut callers = vec![Arc::new(root)];
        for user in self.all::<User>(account).await? {
            callers.push(Arc::new(self.user_caller(account.clone(), &user.value, None).await?.0));
        }
        for role in self.all::<Role>(account).await? {
            callers.push(Arc::new(self.role_caller(account.clone(), &role.value, ANY_SESSION, None).await?.0));
        }
        Ok(callers)
    }

    /// All users, groups, roles or policies of an account, in the order of their ids.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn all<E: Entity>(&self, account: &AccountId) -> Result<Vec<Loaded<E>>, Error> {
        let prefix = key_of_id(account.as_str(), "");
        let (mut found, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = self.documents.scan::<E>(&prefix, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(Document::key(last.value.as_ref()));
            found.extend(page);
        }
    }
}
