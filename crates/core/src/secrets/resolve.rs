//! From what a caller calls a secret to the secret: name, ARN, or ARN without its last seven characters
//! (specification §2.2).

use std::borrow::Cow;

use strongroom_types::{AccountId, Arn, Region};

use super::model::Secret;
use super::{Secrets, refusals};
use crate::ctx::Ctx;
use crate::documents::{Documents, Loaded};
use crate::error::Error;

/// Length of the hyphen and the random characters at the end of a secret's ARN.
const SUFFIX_LEN: usize = 7;
/// What stands for the suffix of a secret that is not there.
const SOME_SUFFIX: &str = "-000000";

/// A secret as a request names it, found or not.
#[derive(Clone, Debug)]
pub struct SecretRef {
    /// What the caller wrote.
    pub asked: String,
    /// The account that owns it, or would.
    pub account: AccountId,
    /// The key of its document, if the name can be one's.
    pub key: String,
    /// The random characters, when the caller named them.
    pub suffix: Option<String>,
    /// The secret as it was when the request was authorised.
    pub found: Option<Loaded<Secret>>,
}

impl SecretRef {
    /// The ARN that policies are asked for. A secret that is not there has the one that its name would give it, with
    /// some suffix: patterns of names reach it, the exact ARN of a secret that was does not.
    #[must_use]
    pub fn arn(&self, region: &Region) -> Cow<'_, str> {
        if let Some(found) = &self.found {
            return Cow::Owned(found.value.arn());
        }
        if self.asked.starts_with("arn:") {
            let whole = split_suffix(&self.asked).is_some();
            return if whole { Cow::Borrowed(&self.asked) } else { Cow::Owned([&self.asked, SOME_SUFFIX].concat()) };
        }
        let (partition, region, account) = (region.partition(), region.as_str(), self.account.as_str());
        let parts = ["arn:", partition, ":secretsmanager:", region, ":", account, ":secret:", &self.asked, SOME_SUFFIX];
        Cow::Owned(parts.concat())
    }

    /// Whether `secret` is the one that was named and authorised: one deleted and created anew under the same name
    /// is another.
    #[must_use]
    pub fn is(&self, secret: &Secret) -> bool {
        let same = |suffix: &str| secret.suffix == suffix;
        self.suffix.as_deref().is_none_or(same) && self.found.as_ref().is_none_or(|found| same(&found.value.suffix))
    }
}

/// Whether a text can be a secret's name: letters, digits and `/_+=.@-!` (specification §2.1).
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+=.@-!".contains(&b))
}

impl SecretRef {
    /// Finds the secret that `asked` names, for the caller of `cx`. A secret that does not exist is no error here:
    /// whether the caller may know is decided first.
    ///
    /// # Errors
    /// ValidationException when the text can name no secret; faults of the store.
    pub async fn resolve(documents: &Documents, cx: &Ctx, asked: &str) -> Result<Self, Error> {
        if !asked.starts_with("arn:") {
            if !is_name(asked) {
                return Err(refusals::invalid_name());
            }
            return look_up(documents, cx, asked, cx.caller.account.clone(), asked, None).await;
        }
        let arn = Arn::parse(asked).map_err(|_| refusals::invalid_name())?;
        let account = AccountId::parse(&arn.account).map_err(|_| refusals::invalid_name())?;
        let Some(rest) = arn.resource.strip_prefix("secret:").filter(|rest| is_name(rest)) else {
            return Err(refusals::invalid_name());
        };
        let here = arn.service == "secretsmanager"
            && arn.region == cx.region.as_str()
            && arn.partition == cx.region.partition();
        if !here {
            return Ok(nowhere(asked, account));
        }
        // What ends like a whole ARN is one, and never half of another (specification §2.2). Else the ARN of a deleted
        // secret `a` would reach a secret that somebody named `a-XXXXXX` after it, under grants made for the first.
        if let Some((name, suffix)) = split_suffix(rest) {
            return look_up(documents, cx, asked, account, name, Some(suffix)).await;
        }
        // An ARN without its last seven characters. Other accounts' secrets are named by whole ARNs only.
        if account == cx.caller.account {
            look_up(documents, cx, asked, account, rest, None).await
        } else {
            Ok(nowhere(asked, account))
        }
    }
}

async fn look_up(
    documents: &Documents,
    cx: &Ctx,
    asked: &str,
    account: AccountId,
    name: &str,
    suffix: Option<&str>,
) -> Result<SecretRef, Error> {
    let key = [account.as_str(), ":", cx.region.as_str(), ":", name].concat();
    let found = documents.load::<Secret>(key.as_str()).await?;
    let found = found.filter(|found| suffix.is_none_or(|suffix| suffix == found.value.suffix));
    Ok(SecretRef { asked: asked.to_owned(), account, key, suffix: suffix.map(str::to_owned), found })
}

impl Secrets {
    /// As [`SecretRef::resolve`].
    ///
    /// # Errors
    /// As that.
    pub async fn resolve(&self, cx: &Ctx, asked: &str) -> Result<SecretRef, Error> {
        SecretRef::resolve(&self.documents, cx, asked).await
    }

    /// The permitted secret as it was found when the request was authorised: for reading.
    ///
    /// # Errors
    /// ResourceNotFound when there is none.
    pub(super) fn found(secret: &SecretRef) -> Result<&Secret, Error> {
        secret.found.as_ref().map(|found| found.value.as_ref()).ok_or_else(refusals::not_found)
    }

    /// The same, refused while its deletion is scheduled.
    ///
    /// # Errors
    /// As [`Secrets::found`]; InvalidRequest in the recovery window.
    pub(super) fn found_live(secret: &SecretRef) -> Result<&Secret, Error> {
        let secret = Self::found(secret)?;
        if secret.deletion.is_some() { Err(refusals::marked_for_deletion()) } else { Ok(secret) }
    }

    /// The permitted secret as it is now: for changing.
    ///
    /// # Errors
    /// ResourceNotFound when there is none, or another one of the same name.
    pub(super) async fn present(&self, secret: &SecretRef) -> Result<Loaded<Secret>, Error> {
        if secret.found.is_none() {
            return Err(refusals::not_found());
        }
        let loaded = self.documents.load::<Secret>(secret.key.as_str()).await?.ok_or_else(refusals::not_found)?;
        if secret.is(&loaded.value) { Ok(loaded) } else { Err(refusals::not_found()) }
    }

    /// The permitted secret as it is now, refused while its deletion is scheduled.
    ///
    /// # Errors
    /// As [`Secrets::present`]; InvalidRequest in the recovery window.
    pub(super) async fn live(&self, secret: &SecretRef) -> Result<Loaded<Secret>, Error> {
        let loaded = self.present(secret).await?;
        if loaded.value.deletion.is_some() { Err(refusals::marked_for_deletion()) } else { Ok(loaded) }
    }
}

/// A reference to a secret that is certainly not here: of another region, or of another account by half an ARN.
fn nowhere(asked: &str, account: AccountId) -> SecretRef {
    SecretRef { asked: asked.to_owned(), account, key: String::new(), suffix: None, found: None }
}

/// Takes a name apart that ends in a hyphen and six letters or digits.
fn split_suffix(text: &str) -> Option<(&str, &str)> {
    let (name, tail) = text.split_at_checked(text.len().checked_sub(SUFFIX_LEN)?)?;
    let suffix = tail.strip_prefix('-')?;
    (!name.is_empty() && suffix.bytes().all(|b| b.is_ascii_alphanumeric())).then_some((name, suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_only_the_documented_characters() {
        assert!(is_name("prod/Db_1+a=b.c@d-e!f"));
        for bad in ["", "a b", "a:b", "a*", "ä", "a\n"] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn only_a_hyphen_and_six_characters_are_a_suffix() {
        assert_eq!(split_suffix("db-AbC123"), Some(("db", "AbC123")));
        for bad in ["db-AbC12", "-AbC123", "db-AbC12/", "dbAbCdefg", "x"] {
            assert_eq!(split_suffix(bad), None, "{bad}");
        }
    }
}
