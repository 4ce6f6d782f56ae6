//! Which key a secret's new versions are encrypted under, as the rules look at it.

use strongroom_types::Arn;

use crate::documents::Documents;
use crate::error::Error;
use crate::kms::alias::{self, Alias};
use crate::kms::key::{self, Key};
use crate::kms::{DEFAULT_ALIAS, names_default};
use crate::secrets::model::Secret;

/// The key of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsedKey {
    /// The AWS managed key, `aws/secretsmanager`.
    Default,
    /// A customer managed key of the secret's own account, by the key's ARN.
    Customer(String),
    /// A key of another account, as the secret names it.
    OtherAccount(String),
    /// None: what the secret names is not there.
    Absent(String),
}

impl UsedKey {
    /// The key of a secret.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn of(documents: &Documents, secret: &Secret) -> Result<Self, Error> {
        match &secret.kms_key_id {
            Some(asked) => named(documents, secret, asked).await,
            None => Ok(Self::Default),
        }
    }
}

/// The key that a secret names.
async fn named(documents: &Documents, secret: &Secret, asked: &str) -> Result<UsedKey, Error> {
    let Secret { account, region, partition, .. } = secret;
    if names_default(asked, partition, account, region) {
        return Ok(UsedKey::Default);
    }
    let arn = Arn::parse(asked).ok();
    if let Some(arn) = arn.as_ref().filter(|arn| arn.account != *account) {
        let Arn { partition, region, account, resource, .. } = arn;
        return Ok(UsedKey::OtherAccount(format!("arn:{partition}:kms:{region}:{account}:{resource}")));
    }
    let region = arn.as_ref().map_or(region.as_str(), |arn| arn.region.as_str());
    let resource = arn.as_ref().map_or(asked, |arn| arn.resource.as_str());
    let key_id = if resource.starts_with(alias::PREFIX) {
        documents
            .load::<Alias>(alias::document_key(account, region, resource))
            .await?
            .map(|found| found.value.key_id.clone())
    } else {
        Some(resource.strip_prefix("key/").unwrap_or(resource).to_owned())
    };
    let Some(key_id) = key_id else { return Ok(UsedKey::Absent(asked.to_owned())) };
    let found = documents.load::<Key>(key::document_key(account, region, &key_id)).await?;
    Ok(match found {
        Some(found) if found.value.is_aws_managed => UsedKey::Default,
        Some(found) => UsedKey::Customer(found.value.arn()),
        None => UsedKey::Absent(asked.to_owned()),
    })
}

/// The ARN of the default key of a secret's account and region; that of its alias while there is none.
pub(super) async fn default_arn(documents: &Documents, secret: &Secret) -> Result<String, Error> {
    let Secret { account, region, partition, .. } = secret;
    let place = alias::document_key(account, region, DEFAULT_ALIAS);
    Ok(match documents.load::<Alias>(place).await? {
        Some(alias) => format!("arn:{partition}:kms:{region}:{account}:key/{}", alias.value.key_id),
        None => format!("arn:{partition}:kms:{region}:{account}:{DEFAULT_ALIAS}"),
    })
}
