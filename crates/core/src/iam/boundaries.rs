//! Permissions boundaries of users and roles.

use strongroom_wire::iam::errors;

use super::Iam;
use crate::ctx::Ctx;
use crate::error::Error;

impl Iam {
    /// The boundary that a request names, which must be a managed policy of the account or of AWS.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub(super) async fn checked_boundary(&self, cx: &Ctx, arn: Option<&str>) -> Result<Option<String>, Error> {
        let Some(arn) = arn else { return Ok(None) };
        match self.identities.managed_policy(cx.caller.account.as_str(), arn).await? {
            Some(_) => Ok(Some(arn.to_owned())),
            None => {
                let text = format!("Scope ARN: {arn} does not exist or is not attachable.");
                Err(Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text))
            }
        }
    }
}
