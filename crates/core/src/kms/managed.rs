//! The AWS managed key of Secrets Manager, `alias/aws/secretsmanager`: one for each account and region, made when it is
//! first needed, usable through the service alone.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_store::{Batch, Kind};
use strongroom_types::{Region, SecretBytes, Timestamp};
use strongroom_wire::kms::{KeySpec, KeyUsageType, OriginType};

use super::Kms;
use super::alias::{self, Alias};
use super::key::{self, Key, Material, Ring, Rotation, Standing};
use super::states::DAY_MS;
use crate::documents::{Document, Loaded, from_json_body, json_body};
use crate::error::Error;
use crate::identities::policy_text::PolicyText;
use crate::random_uuid;

/// The alias of the key.
pub const DEFAULT_ALIAS: &str = "alias/aws/secretsmanager";
/// What DescribeKey says of it.
const DESCRIPTION: &str = "Default key that protects my Secrets Manager data when no other key is defined";
/// Days between two rotations of AWS managed keys.
const PERIOD_DAYS: i32 = 365;

/// Whether a KmsKeyId names the default key: its alias, or the alias's ARN, in this account and region.
#[must_use]
pub fn names_default(key_id: &str, partition: &str, account: &str, region: &str) -> bool {
    key_id == DEFAULT_ALIAS || key_id == format!("arn:{partition}:kms:{region}:{account}:{DEFAULT_ALIAS}")
}

impl Kms {
    /// The default key of an account in a region; made when it does not exist.
    ///
    /// # Errors
    /// When store or root fail.
    pub async fn default_key(&self, account: &str, region: &Region, now: Timestamp) -> Result<Loaded<Key>, Error> {
        if let Some(found) = self.existing_default(account, region.as_str()).await? {
            return Ok(found);
        }
        let mut batch = Batch::named("create_default_key");
        let before = self.documents.load::<Before>(before_key(account, region.as_str())).await?;
        let mut key = managed(account, region, now);
        match &before {
            Some(before) => {
                key.key_id.clone_from(&before.value.key_id);
                key.created_ms = before.value.created_ms;
                key.materials = before.value.materials();
                self.documents.delete(&mut batch, before);
            }
            None => {
                key.key_id = random_uuid(self.documents.random())?;
                let material = self.wrapped(&key, &self.fresh(KeySpec::SymmetricDefault)?, now)?;
                key.materials.push(material);
            }
        }
        let alias = Alias {
            account: account.to_owned(),
            region: region.to_string(),
            name: DEFAULT_ALIAS.to_owned(),
            key_id: key.key_id.clone(),
            created_ms: now.millis(),
            changed_ms: now.millis(),
        };
        self.documents.put(&mut batch, None, &Arc::new(key))?;
        self.documents.put(&mut batch, None, &Arc::new(alias))?;
        match self.documents.commit(batch).await {
            // Another request made it in the meantime: that one is the key.
            Ok(()) | Err(Error::Conflict) => {}
            Err(error) => return Err(error),
        }
        let made = self.existing_default(account, region.as_str()).await?;
        made.ok_or_else(|| Error::internal("the default key vanished"))
    }

    /// Makes keys of KMS of the default keys of before there was KMS.
    ///
    /// # Errors
    /// As [`Kms::default_key`]; a fault when one of them names no region.
    pub async fn adopt_default_keys(&self, now: Timestamp) -> Result<(), Error> {
        let mut after: Option<String> = None;
        loop {
            let found = self.documents.scan::<Before>("", after.as_deref(), 100).await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(last.value.key());
            for before in found {
                let region = Region::parse(&before.value.region).map_err(|error| Error::internal(error.to_string()))?;
                self.default_key(&before.value.account, &region, now).await?;
            }
        }
    }

    /// The default key, if there is one yet.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn existing_default(&self, account: &str, region: &str) -> Result<Option<Loaded<Key>>, Error> {
        let place = alias::document_key(account, region, DEFAULT_ALIAS);
        let Some(alias) = self.documents.load::<Alias>(place).await? else { return Ok(None) };
        self.documents.load::<Key>(key::document_key(account, region, &alias.value.key_id)).await
    }
}

/// A key of Secrets Manager without id and material.
fn managed(account: &str, region: &Region, now: Timestamp) -> Key {
    let next_ms = now.millis().saturating_add(i64::from(PERIOD_DAYS) * DAY_MS);
    Key {
        account: account.to_owned(),
        region: region.to_string(),
        partition: region.partition().to_owned(),
        key_id: String::new(),
        created_ms: now.millis(),
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsageType::EncryptDecrypt,
        origin: OriginType::AwsKms,
        is_aws_managed: true,
        description: DESCRIPTION.to_owned(),
        standing: Standing::Enabled,
        policy: policy(account, region),
        tags: Vec::new(),
        aliases: vec![DEFAULT_ALIAS.to_owned()],
        grants: 0,
        materials: Vec::new(),
        pending: None,
        rotation: Some(Rotation { period_days: PERIOD_DAYS, next_ms }),
        ring: Ring::default(),
    }
}

/// The key policy: through Secrets Manager everybody of the account, directly only what the key is.
fn policy(account: &str, region: &Region) -> PolicyText {
    let (partition, region) = (region.partition(), region.as_str());
    PolicyText::new(format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "auto-secretsmanager-2",
  "Statement" : [ {{
    "Sid" : "Allow access through AWS Secrets Manager for all principals in the account that are authorized to use AWS Secrets Manager",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "*"
    }},
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {{
      "StringEquals" : {{
        "kms:CallerAccount" : "{account}",
        "kms:ViaService" : "secretsmanager.{region}.amazonaws.com"
      }}
    }}
  }}, {{
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:{partition}:iam::{account}:root"
    }},
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant" ],
    "Resource" : "*"
  }} ]
}}"#
    ))
}

/// A default key as it was stored before there was KMS. It becomes one of KMS's when it is first needed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Before {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) key_id: String,
    pub(super) created_ms: i64,
    /// Wrapped material in base64, newest first.
    pub(super) material: Vec<String>,
}

fn before_key(account: &str, region: &str) -> String {
    [account, ":", region, ":aws/secretsmanager"].concat()
}

impl Before {
    fn materials(&self) -> Vec<Material> {
        let material = |(at, wrapped): (usize, &String)| Material {
            id: format!("{at:064x}"),
            since_ms: self.created_ms,
            by: None,
            expires_ms: None,
            description: None,
            wrapped: Some(wrapped.clone()),
            public: None,
        };
        self.material.iter().enumerate().map(material).collect()
    }
}

impl Document for Before {
    const KIND: Kind = Kind("kms-key");

    fn key(&self) -> String {
        before_key(&self.account, &self.region)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(Self::KIND, body)
    }
}
