//! What Secrets Manager asks of KMS for its caller: data keys under a secret's key (specification §8). Each call is
//! authorised as the caller's, through the service, and leaves a record of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_crypto::{Context, Sealed, aead};
use strongroom_types::{AccountId, Region, SecretBytes};
use strongroom_wire::kms::{KeySpec, Operation};

use super::conditions::ThroughService;
use super::key::{KEY_KIND, Key};
use super::resolve::KeyRef;
use super::states::enabled;
use super::{Kms, refusals};
use crate::access::{Resource, authorize};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::random_uuid;
use crate::trail::record::{Outcome, Resource as Recorded, Source};

/// The service that asks.
const SERVICE: &str = "secretsmanager.amazonaws.com";
/// KMS's own name in records.
const EVENT_SOURCE: &str = "kms.amazonaws.com";

/// The secret's version that a data key is for: the encryption context.
pub struct Purpose {
    pairs: BTreeMap<String, String>,
}

impl Purpose {
    /// A version of a secret.
    #[must_use]
    pub fn new(secret_arn: &str, version_id: &str) -> Self {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Self { pairs: [pair("SecretARN", secret_arn), pair("SecretVersionId", version_id)].into() }
    }

    /// What a data key of the version is bound to.
    fn context(&self) -> Context {
        self.pairs.iter().fold(Context::new("data key"), |context, (name, value)| context.field(name).field(value))
    }
}

/// A data key under a KMS key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The ARN of the key; empty for the default key of the secret's account and region.
    pub key_arn: String,
    /// The data key, sealed by that key.
    pub sealed: Sealed,
}

/// A secret's key that a caller may use.
pub struct Usable {
    key: Arc<Key>,
    /// Whether it is the default key of the secret's account and region.
    is_default: bool,
}

impl Usable {
    /// The key's ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        self.key.arn()
    }
}

impl Kms {
    /// The key that `asked` names in the owner's account, or the default key; leave of the caller to do `operation` with
    /// it through Secrets Manager; and the record of that call.
    ///
    /// # Errors
    /// NotFoundException, AccessDeniedException, and those of the key's state.
    pub async fn through_secrets(
        &self,
        cx: &Ctx,
        operation: Operation,
        owner: &AccountId,
        asked: Option<&str>,
        purpose: &Purpose,
    ) -> Result<Usable, Error> {
        let key = match asked {
            Some(asked) => KeyRef::resolve_in(&self.documents, cx, owner, asked).await?,
            None => {
                let found = self.default_key(owner.as_str(), &cx.region, cx.now).await?;
                KeyRef::of(owner.clone(), found)
            }
        };
        let arn = key.arn.clone();
        let usable = Self::usable_through(cx, operation, key, &purpose.pairs);
        self.add_record(cx, operation, &arn, &purpose.pairs, usable.as_ref().err())?;
        Ok(Usable { key: usable?, is_default: asked.is_none() })
    }

    fn usable_through(
        cx: &Ctx,
        operation: Operation,
        key: KeyRef,
        pairs: &BTreeMap<String, String>,
    ) -> Result<Arc<Key>, Error> {
        let Some(found) = key.found.as_ref().map(|found| Arc::clone(&found.value)) else { return Err(key.absent()) };
        let via = via(&cx.region);
        let request = ThroughService { via: &via, service: SERVICE, pairs };
        authorize(cx, operation.action(), Resource::Key(Arc::new(key)), &request)?;
        enabled(&found, cx.now)?;
        if found.spec == KeySpec::SymmetricDefault {
            Ok(found)
        } else {
            Err(refusals::wrong_usage(&found, operation.name()))
        }
    }

    /// A fresh data key, plain and wrapped.
    ///
    /// # Errors
    /// When the random source or the root of trust fails.
    pub fn data_key_under(&self, key: &Usable, purpose: &Purpose) -> Result<(SecretBytes, Wrapped), Error> {
        let plain = aead::generate_key(self.documents.random())?;
        let wrapped = self.wrapped_under(key, purpose, &plain)?;
        Ok((plain, wrapped))
    }

    /// A data key under one more key.
    ///
    /// # Errors
    /// As [`Kms::data_key_under`].
    pub fn wrapped_under(&self, key: &Usable, purpose: &Purpose, plain: &SecretBytes) -> Result<Wrapped, Error> {
        let ring = self.ring(&key.key)?;
        let sealed = ring.seal(self.documents.random(), &purpose.context(), plain.expose())?;
        let key_arn = if key.is_default { String::new() } else { key.key.arn() };
        Ok(Wrapped { key_arn, sealed })
    }

    /// The data key of a version, unwrapped.
    ///
    /// # Errors
    /// InvalidCiphertextException when the key did not wrap it.
    pub fn unwrapped_under(&self, key: &Usable, purpose: &Purpose, sealed: &Sealed) -> Result<SecretBytes, Error> {
        let ring = self.ring(&key.key)?;
        ring.open(&purpose.context(), sealed).map_err(|_| refusals::invalid_ciphertext())
    }

    /// The data key of a version, unwrapped without asking anybody: for checking a store. None when the key is gone.
    ///
    /// # Errors
    /// InvalidCiphertextException when the key did not wrap the data key.
    pub async fn unwrapped_for_check(
        &self,
        account: &str,
        region: &str,
        wrapped: &Wrapped,
        purpose: &Purpose,
    ) -> Result<Option<SecretBytes>, Error> {
        let key = if wrapped.key_arn.is_empty() {
            self.existing_default(account, region).await?
        } else {
            let mut parts = wrapped.key_arn.split(':').skip(3);
            let (region, owner) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let id = parts.next().and_then(|resource| resource.strip_prefix("key/")).unwrap_or_default();
            self.documents.load::<Key>(super::key::document_key(owner, region, id)).await?
        };
        let Some(key) = key else { return Ok(None) };
        let ring = self.ring(&key.value)?;
        let opened = ring.open(&purpose.context(), &wrapped.sealed);
        opened.map(Some).map_err(|_| refusals::invalid_ciphertext())
    }

    /// The ARN that policies know the key of a KmsKeyId by. An alias that stands for no key keeps its own ARN.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn arn(&self, cx: &Ctx, asked: &str) -> Result<String, Error> {
        match KeyRef::resolve(&self.documents, cx, asked).await {
            Ok(key) => Ok(key.arn),
            // What names no key is refused later, by whoever uses it.
            Err(Error::Refused(_)) => Ok(asked.to_owned()),
            Err(fault) => Err(fault),
        }
    }

    /// The record of a call that Secrets Manager made for its caller.
    fn add_record(
        &self,
        cx: &Ctx,
        operation: Operation,
        arn: &str,
        pairs: &BTreeMap<String, String>,
        error: Option<&Error>,
    ) -> Result<(), Error> {
        let outcome = match error {
            None => {
                let account_id = arn.split(':').nth(4).unwrap_or_default().to_owned();
                let resource = Recorded { arn: arn.to_owned(), account_id, kind: KEY_KIND.to_owned() };
                Outcome::Success { response_elements: None, resources: vec![resource] }
            }
            Some(Error::Refused(refusal)) => {
                Outcome::Failure { code: refusal.code.name.to_owned(), message: refusal.message.clone() }
            }
            Some(_) => return Ok(()),
        };
        let mut record = cx.record();
        // Why the key was denied is told here alone.
        if error.is_some() {
            cx.amend_record(|record| record.additional_event_data.clear());
            drop(cx.take_denied());
        }
        record.event_id = random_uuid(self.documents.random())?;
        record.event_source = EVENT_SOURCE;
        record.event_name = operation.name().into();
        record.read_only = true;
        record.source_ip = Source::Service(SERVICE);
        record.user_agent = SERVICE.into();
        let mut identity = (*record.identity).clone();
        identity.invoked_by = Some(SERVICE.to_owned());
        record.identity = Arc::new(identity);
        let context = serde_json::to_string(pairs).map_err(|error| Error::internal(error.to_string()))?;
        let parameters = match operation {
            Operation::GenerateDataKey => {
                format!(r#"{{"keyId":"{arn}","keySpec":"AES_256","encryptionContext":{context}}}"#)
            }
            _ => format!(r#"{{"encryptionContext":{context},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}}"#),
        };
        record.request_parameters = Some(parameters);
        cx.add_part(record.finish(&outcome));
        Ok(())
    }
}

/// How conditions name the service in a region.
fn via(region: &Region) -> String {
    let suffix = if region.partition() == "aws-cn" { ".amazonaws.com.cn" } else { ".amazonaws.com" };
    ["secretsmanager.", region.as_str(), suffix].concat()
}
