//! What Secrets Manager asks of KMS for its caller: data keys under a secret's key (specification §8). Each call is
//! authorised as the caller's, through the service, and leaves a record of its own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_crypto::{Context, Sealed, aead};
use strongroom_policy::{Explanation, Value, Values};
use strongroom_types::{AccountId, Region, SecretBytes};
use strongroom_wire::kms::{KeySpec, Operation};

use super::key::{KEY_KIND, Key};
use super::managed::DEFAULT_ALIAS;
use super::resolve::KeyRef;
use super::states::enabled;
use super::{Kms, refusals};
use crate::access::{REASON, RequestKeys, Resource, authorize, explained, may_hear_of};
use crate::ctx::Ctx;
use crate::documents::Documents;
use crate::error::Error;
use crate::random_uuid;
use crate::trail::push_string;
use crate::trail::record::{Outcome, Resource as Recorded, ServiceCall};

/// The service that asks.
const SERVICE: &str = "secretsmanager.amazonaws.com";
/// KMS's own name in records.
const EVENT_SOURCE: &str = "kms.amazonaws.com";

/// The names of the pairs of the encryption context.
const SECRET_ARN: &str = "SecretARN";
const SECRET_VERSION_ID: &str = "SecretVersionId";

/// The secret's version that a data key is for: the encryption context.
#[derive(Debug)]
pub struct Purpose {
    secret_arn: String,
    version_id: String,
}

impl Purpose {
    /// A version of a secret.
    #[must_use]
    pub fn new(secret_arn: String, version_id: &str) -> Self {
        Self { secret_arn, version_id: version_id.to_owned() }
    }

    fn pairs(&self) -> [(&'static str, &str); 2] {
        [(SECRET_ARN, &self.secret_arn), (SECRET_VERSION_ID, &self.version_id)]
    }

    /// What a data key of the version is bound to.
    fn context(&self) -> Context {
        self.pairs()
            .into_iter()
            .fold(Context::new("data key"), |context, (name, value)| context.field(name).field(value))
    }
}

/// The call as conditions see it: made as the caller, through the service.
struct ThroughService<'a> {
    /// The service's name in its region.
    via: &'a str,
    purpose: &'a Purpose,
}

impl RequestKeys for ThroughService<'_> {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "kms:viaservice" => Some(Values::text(self.via)),
            "kms:encryptionalgorithm" => Some(Values::text("SYMMETRIC_DEFAULT")),
            "kms:encryptioncontextkeys" => Some(Values::texts([SECRET_ARN, SECRET_VERSION_ID])),
            "kms:encryptioncontext:secretarn" => Some(Values::text(&self.purpose.secret_arn)),
            "kms:encryptioncontext:secretversionid" => Some(Values::text(&self.purpose.version_id)),
            _ => None,
        }
    }

    fn proof(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "aws:viaawsservice" => Some(Values::One(Value::Bool(true))),
            "aws:calledvia" => Some(Values::texts([SERVICE])),
            "aws:calledviafirst" | "aws:calledvialast" => Some(Values::text(SERVICE)),
            _ => None,
        }
    }

    fn encryption_context(&self) -> Option<Cow<'_, BTreeMap<String, String>>> {
        let pairs = self.purpose.pairs().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Some(Cow::Owned(pairs.into()))
    }

    fn is_through_service(&self) -> bool {
        true
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

/// Why the caller of `cx` may or may not do `operation` with the key of a secret of `owner` through Secrets Manager: the
/// key that `asked` names, or the default key. For the operator.
///
/// # Errors
/// Faults of the store; a stored policy that does not read.
pub async fn explained_through(
    documents: &Documents,
    cx: &Ctx,
    operation: Operation,
    owner: &AccountId,
    asked: Option<&str>,
    purpose: &Purpose,
) -> Result<Explanation, Error> {
    let key = KeyRef::resolve_in(documents, cx, owner, asked.unwrap_or(DEFAULT_ALIAS)).await?;
    let (via, action) = (via(&cx.region), operation.action());
    let found = key.found.as_ref().map(|found| Arc::clone(&found.value));
    let arn = key.arn.clone();
    let request = ThroughService { via: &via, purpose };
    let mut answer = explained(cx, action, &Resource::Key(Arc::new(key)), &request)?;
    let missing = match found {
        None => Some("the secret's key is not there"),
        Some(_) if asked.is_none() && cx.caller.account != *owner => {
            Some("the secret is under the default key of its account, which serves no other account")
        }
        Some(key) if enabled(&key, cx.now).is_err() => Some("the secret's key is not enabled"),
        Some(_) => None,
    };
    if let Some(missing) = missing {
        (answer.decision, answer.because) = ("implicitDeny", missing.to_owned());
    }
    answer.because = format!("{action} on {arn}: {}", answer.because);
    Ok(answer)
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
        let is_default = asked.is_none();
        let arn = key.arn.clone();
        let usable = Self::usable_through(cx, operation, key, purpose);
        if usable.is_err() || !is_default || self.records_default_keys {
            self.add_record(cx, operation, &arn, purpose, usable.as_ref().err())?;
        }
        Ok(Usable { key: usable?, is_default })
    }

    fn usable_through(cx: &Ctx, operation: Operation, key: KeyRef, purpose: &Purpose) -> Result<Arc<Key>, Error> {
        let hidden = || refusals::hidden(&cx.caller.arn, operation.action());
        let Some(found) = key.found.as_ref().map(|found| Arc::clone(&found.value)) else {
            return Err(if key.account == cx.caller.account { key.absent() } else { hidden() });
        };
        let via = via(&cx.region);
        let request = ThroughService { via: &via, purpose };
        let resource = Resource::Key(Arc::new(key));
        if let Err(refused) = authorize(cx, operation.action(), resource.clone(), &request) {
            let is_told = may_hear_of(cx, operation.action(), &resource, &request)?;
            return Err(if is_told { refused } else { hidden() });
        }
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

    /// The ARN that policies know the key of a KmsKeyId by, as [`Kms::through_secrets`] finds it for a secret of `owner`.
    /// An alias that stands for no key keeps its own ARN.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn arn(&self, cx: &Ctx, owner: &AccountId, asked: &str) -> Result<String, Error> {
        match KeyRef::resolve_in(&self.documents, cx, owner, asked).await {
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
        purpose: &Purpose,
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
        let event_id = random_uuid(self.documents.random())?;
        let call = ServiceCall {
            service: SERVICE,
            event_source: EVENT_SOURCE,
            event_name: operation.name(),
            request_parameters: parameters(operation, arn, purpose),
        };
        let line = cx.with_record(|record| record.of_service_call(event_id, call, &outcome));
        // Why the key was denied is told there alone.
        if error.is_some() {
            cx.amend_record(|record| record.additional_event_data.retain(|(name, _)| *name != REASON));
            drop(cx.take_denied());
        }
        cx.add_part(line);
        Ok(())
    }
}

/// The parameters of a call as its record shows them.
fn parameters(operation: Operation, arn: &str, purpose: &Purpose) -> String {
    let mut out = String::with_capacity(320);
    if operation == Operation::GenerateDataKey {
        out.push_str("{\"keyId\":");
        push_string(&mut out, arn);
        out.push_str(",\"keySpec\":\"AES_256\"");
    } else {
        out.push_str("{\"encryptionAlgorithm\":\"SYMMETRIC_DEFAULT\"");
    }
    let [arn, version] = purpose.pairs();
    for ((name, value), before) in [(arn, ",\"encryptionContext\":{"), (version, ",")] {
        out.push_str(before);
        push_string(&mut out, name);
        out.push(':');
        push_string(&mut out, value);
    }
    out.push_str("}}");
    out
}

/// How conditions name the service in a region.
fn via(region: &Region) -> String {
    let suffix = if region.partition() == "aws-cn" { ".amazonaws.com.cn" } else { ".amazonaws.com" };
    ["secretsmanager.", region.as_str(), suffix].concat()
}
