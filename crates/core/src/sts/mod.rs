//! The operations of STS: who is asking, and credentials for a time.

use std::sync::Arc;

use strongroom_wire::sts::GetCallerIdentityResponse;

use crate::ctx::Ctx;
use crate::documents::Documents;
use crate::identities::Identities;

/// The operations of STS.
pub struct Sts {
    identities: Arc<Identities>,
    documents: Arc<Documents>,
}

impl Sts {
    /// The operations on `identities`, with tokens sealed by the keyring of `documents`.
    #[must_use]
    pub fn new(identities: Arc<Identities>, documents: Arc<Documents>) -> Self {
        Self { identities, documents }
    }

    /// Who signed the request. Needs no permission.
    #[must_use]
    pub fn get_caller_identity(&self, cx: &Ctx) -> GetCallerIdentityResponse {
        let caller = &cx.caller;
        GetCallerIdentityResponse {
            user_id: Some(caller.user_id.to_string()),
            account: Some(caller.account.to_string()),
            arn: Some(caller.arn.to_string()),
        }
    }
}
