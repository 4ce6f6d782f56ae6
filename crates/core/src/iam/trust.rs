//! Trust policies of roles: who may assume them.

use strongroom_policy::{Document, DocumentKind, Malformed};
use strongroom_wire::iam::errors;

use super::{Iam, refusals};
use crate::error::Error;
use crate::identities::policy_text::PolicyText;

/// Characters of a trust policy at most, without the space between its values (IAM's quotas).
pub(super) const TRUST_CHARS_MAX: usize = 2048;

impl Iam {
    /// The trust policy of a text.
    ///
    /// # Errors
    /// MalformedPolicyDocument for what is no trust policy or names users or roles of this server's accounts that are
    /// not there, LimitExceeded for one that is too long.
    pub(super) async fn trust(&self, text: &str) -> Result<PolicyText, Error> {
        let document = Document::parse(text, DocumentKind::Trust).map_err(|fault| malformed(&fault))?;
        let bound = self.identities.bind(&document).await?;
        let ids = bound.map_err(|absent| malformed(&Malformed::unknown_principal("AWS", &absent)))?;
        if document.minified_chars() > TRUST_CHARS_MAX {
            return Err(refusals::quota("ACLSizePerRole", TRUST_CHARS_MAX));
        }
        Ok(PolicyText::bound(text, ids))
    }
}

fn malformed(fault: &Malformed) -> Error {
    Error::refused(errors::MALFORMED_POLICY_DOCUMENT_EXCEPTION, fault.client_text())
}
