//! Whether a change of tags costs its author what it may do with the secret (specification §3.15): policies may ask for
//! tags, and nobody should cut off their own hand.

use std::sync::Arc;

use strongroom_wire::secretsmanager::Operation;

use super::model::Secret;
use super::refusals;
use super::resolve::SecretRef;
use crate::access::{Permit, Resource, may};
use crate::ctx::Ctx;
use crate::documents::Loaded;
use crate::error::Error;

/// Operations on the account, which no tag of a secret concerns.
const ON_ACCOUNT: [Operation; 4] =
    [Operation::BatchGetSecretValue, Operation::CreateSecret, Operation::GetRandomPassword, Operation::ListSecrets];

/// Refuses a change from `before` to `after` that takes from the caller anything that it may do with the secret.
///
/// # Errors
/// AccessDeniedException.
pub(super) fn keep(cx: &Ctx, permit: &Permit, before: &Secret, after: &Secret) -> Result<(), Error> {
    if before.tags == after.tags {
        return Ok(());
    }
    let reference = permit.secret()?;
    let as_secret = |secret: &Secret| {
        let found = Some(Loaded { version: 0, value: Arc::new(secret.clone()) });
        Resource::Secret(Arc::new(SecretRef { found, ..reference.clone() }))
    };
    let (before, after) = (as_secret(before), as_secret(after));
    for operation in Operation::ALL.into_iter().filter(|operation| !ON_ACCOUNT.contains(operation)) {
        let action = operation.action();
        if may(cx, action, &before, &())? && !may(cx, action, &after, &())? {
            return Err(refusals::cut_off(&cx.caller.arn, permit.action(), &reference.asked));
        }
    }
    Ok(())
}
