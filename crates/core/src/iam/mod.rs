//! The operations of IAM: users, groups, roles, policies and what belongs to them. What is stored stands in
//! `identities`; here are the rules of the service.

mod absent_kinds;
mod access_keys;
mod account_settings;
mod account_summary;
mod attachments;
mod authorization_details;
mod boundaries;
mod change;
mod conditions;
mod context_keys;
mod credential_report;
mod groups;
mod holders;
mod inline;
mod instance_profiles;
mod last_accessed;
mod login_profiles;
mod mfa_devices;
mod oidc_provider_inputs;
mod oidc_providers;
mod pages;
mod password_rules;
mod policies;
mod principal_inputs;
mod qr_code;
mod refusals;
mod role_inputs;
mod roles;
mod service_linked_roles;
mod simulation;
mod tag_pages;
mod tags;
pub mod target;
mod trust;
mod user_changes;
mod users;

use std::sync::Arc;

use strongroom_types::Timestamp;
use strongroom_wire::iam as shapes;

use crate::caller::Principal;
use crate::ctx::Ctx;
use crate::documents::{Documents, Loaded};
use crate::error::Error;
use crate::identities::Identities;
use crate::identities::entity::Tag;
use crate::identities::user::User;

/// The operations of IAM.
pub struct Iam {
    identities: Arc<Identities>,
    documents: Arc<Documents>,
    /// Whether identity providers on loopback may have plain HTTP in their URL.
    plain_http_on_loopback: bool,
    /// Held while a password is hashed.
    hashing: tokio::sync::Mutex<()>,
}

impl Iam {
    /// The operations on `identities`, which are kept in `documents`.
    #[must_use]
    pub fn new(identities: Arc<Identities>, documents: Arc<Documents>) -> Self {
        Self { identities, documents, plain_http_on_loopback: false, hashing: tokio::sync::Mutex::new(()) }
    }

    /// The same, taking identity providers in plain HTTP on loopback if `allowed`.
    #[must_use]
    pub fn with_plain_http_on_loopback(self, allowed: bool) -> Self {
        Self { plain_http_on_loopback: allowed, ..self }
    }

    /// The user of a name in the caller's account.
    ///
    /// # Errors
    /// NoSuchEntity.
    async fn user(&self, cx: &Ctx, name: &str) -> Result<Loaded<User>, Error> {
        let found = self.identities.named::<User>(cx.caller.account.as_str(), name).await?;
        found.ok_or_else(|| refusals::no_such("user", name))
    }

    /// The user that a request names, or the caller itself when it names none.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError when the caller is no user.
    async fn user_or_caller(&self, cx: &Ctx, name: Option<&str>) -> Result<Loaded<User>, Error> {
        match (name, &cx.caller.principal) {
            (Some(name), _) => self.user(cx, name).await,
            (None, Principal::User { name }) => self.user(cx, name).await,
            (None, _) => Err(refusals::user_name_needed()),
        }
    }
}

/// Tags as the API writes them; the member is left out when there is none.
fn shown_tags(tags: &[Tag]) -> Option<Vec<shapes::Tag>> {
    let shown = |tag: &Tag| shapes::Tag { key: tag.key.clone(), value: tag.value.clone() };
    (!tags.is_empty()).then(|| tags.iter().map(shown).collect())
}

/// A stored time.
const fn instant(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// A count as the API writes it.
fn counted(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
