//! The decision who may do what. The only maker of a [`Permit`], which every operation demands.

use std::sync::Arc;

use strongroom_types::AccountId;
use strongroom_wire::error::ACCESS_DENIED;

use crate::ctx::{Ctx, Principal};
use crate::error::Error;
use crate::secrets::resolve::SecretRef;

/// What an action is asked on.
#[derive(Clone, Debug)]
pub enum Resource {
    /// An action that names no resource, such as ListSecrets.
    Account,
    /// A secret, existing or not.
    Secret(Arc<SecretRef>),
}

impl Resource {
    fn owner<'a>(&'a self, cx: &'a Ctx) -> &'a AccountId {
        match self {
            Self::Account => &cx.caller.account,
            Self::Secret(secret) => &secret.account,
        }
    }

    fn shown(&self) -> &str {
        match self {
            Self::Account => "*",
            Self::Secret(secret) => &secret.asked,
        }
    }
}

/// Leave to do one action on one resource. Carries the resource, so that what was authorised is what is acted on.
#[derive(Clone, Debug)]
pub struct Permit {
    action: &'static str,
    resource: Resource,
}

impl Permit {
    /// The action, such as `secretsmanager:GetSecretValue`.
    #[must_use]
    pub fn action(&self) -> &'static str {
        self.action
    }

    /// The secret that the permit is for.
    ///
    /// # Errors
    /// A fault when the permit is for no secret.
    pub fn secret(&self) -> Result<&SecretRef, Error> {
        match &self.resource {
            Resource::Secret(secret) => Ok(secret),
            Resource::Account => Err(Error::internal("a permit without a secret was used on one")),
        }
    }
}

/// Decides whether the caller may do `action` on `resource`.
///
/// The root of an account may do anything to what the account owns, and nothing to what others own.
///
/// # Errors
/// AccessDeniedException with AWS's text.
pub fn authorize(cx: &Ctx, action: &'static str, resource: Resource) -> Result<Permit, Error> {
    let allowed = match cx.caller.principal {
        Principal::Root => resource.owner(cx) == &cx.caller.account,
        Principal::Service => true,
    };
    if allowed {
        return Ok(Permit { action, resource });
    }
    let text = format!(
        "User: {} is not authorized to perform: {action} on resource: {} because no resource-based policy allows the \
         {action} action",
        cx.caller.arn,
        resource.shown()
    );
    Err(Error::refused(ACCESS_DENIED, text))
}
