//! CreateSecret (specification §3.1).

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_wire::record;
use strongroom_wire::secretsmanager::{CreateSecretRequest, CreateSecretResponse, Operation};

use super::keys::shown_key;
use super::model::{Secret, place};
use super::owned::check_name;
use super::pairs::Pairs;
use super::resolve::is_name;
use super::tags::checked_tags;
use super::values::SecretValue;
use super::{Secrets, done, events, refusals, standing, versions};
use crate::access::{Permit, authorize};
use crate::ctx::Ctx;
use crate::documents::retry;
use crate::error::Error;

/// Letters and digits that the random end of an ARN is made of.
const SUFFIX_ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Secrets {
    /// Creates a secret, with a first version if there is a value.
    ///
    /// # Errors
    /// As specification §3.1.
    pub async fn create_secret(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: CreateSecretRequest,
    ) -> Result<CreateSecretResponse, Error> {
        if !is_name(&input.name) {
            return Err(refusals::invalid_name());
        }
        check_name(&input.name)?;
        if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
            authorize(cx, Operation::TagResource.action(), permit.resource().clone(), &input)?;
        }
        refuse_later_members(&input)?;
        let value = SecretValue::one_of(input.secret_string, input.secret_binary)?;
        let token = match (&value, input.client_request_token) {
            (Some(_), None) => return Err(refusals::token_missing()),
            (_, token) => token,
        };
        let mut secret = Secret {
            account: cx.caller.account.to_string(),
            region: cx.region.to_string(),
            partition: cx.region.partition().to_owned(),
            name: input.name,
            suffix: self.new_suffix()?,
            kind: input.r#type.filter(|kind| !kind.is_empty()),
            description: input.description.filter(|text| !text.is_empty()),
            kms_key_id: None,
            created_ms: cx.now.millis(),
            changed_ms: cx.now.millis(),
            accessed_ms: None,
            deletion: None,
            tags: checked_tags(Vec::new(), input.tags.unwrap_or_default())?,
            stages: Pairs::new(),
            versions: Pairs::new(),
            policy: None,
            rotation: None,
            owner: None,
        };
        self.check_kind(&secret, value.as_ref())?;
        let key = permit.secret()?.key.clone();
        if key != place(&secret.account, &secret.region) + &secret.name {
            return Err(Error::internal("a permit for another secret was used to create one"));
        }
        if !secret.tags.is_empty() {
            let untagged = Secret { tags: Vec::new(), ..secret.clone() };
            standing::keep(cx, permit, &untagged, &secret)?;
        }
        secret.kms_key_id = self.checked_key_id(cx, &secret, input.kms_key_id).await?;
        if let (Some(_), Some(token)) = (&value, &token) {
            let kms_key_id = shown_key(&secret);
            versions::add(&mut secret, token, kms_key_id, &[versions::CURRENT.to_owned()], self.quotas, cx.now)?;
        }
        let secret = Arc::new(secret);
        let _writer = self.documents.writer::<Secret>(&key).await?;
        retry(|| self.create_once(cx, &secret, value.as_ref(), token.as_deref())).await
    }

    async fn create_once(
        &self,
        cx: &Ctx,
        secret: &Arc<Secret>,
        value: Option<&SecretValue>,
        token: Option<&str>,
    ) -> Result<CreateSecretResponse, Error> {
        let key = place(&secret.account, &secret.region) + &secret.name;
        if let Some(existing) = self.documents.load::<Secret>(key).await? {
            return self.repeated_create(cx, &existing.value, value, token).await;
        }
        self.take_place(&cx.caller.account, &cx.region, cx.now).await?;
        let response = response(secret, token.filter(|_| value.is_some()));
        let mut batch = Batch::named("create_secret");
        self.documents.put(&mut batch, None, secret)?;
        if let (Some(value), Some(token)) = (value, token) {
            self.put_value(cx, &mut batch, secret, token, value).await?;
        }
        events::add_labels_moved(&self.documents, &mut batch, None, secret, cx.now)?;
        cx.commit(&self.documents, batch, done(secret, Some(record::encode(&response)))).await?;
        Ok(response)
    }

    /// The same request again succeeds without a change; anything else under the name is refused.
    async fn repeated_create(
        &self,
        cx: &Ctx,
        existing: &Secret,
        value: Option<&SecretValue>,
        token: Option<&str>,
    ) -> Result<CreateSecretResponse, Error> {
        if existing.deletion.is_some() {
            return Err(refusals::name_scheduled_for_deletion());
        }
        let (Some(value), Some(token)) = (value, token) else { return Err(refusals::exists(&existing.name)) };
        if !existing.versions.contains_key(token) {
            return Err(refusals::exists(&existing.name));
        }
        if self.value(cx, existing, token).await?.as_ref() == Some(value) {
            Ok(response(existing, Some(token)))
        } else {
            Err(refusals::token_in_use(token, &existing.arn()))
        }
    }

    /// Whether a secret's type is one that there is, and a value one that secrets of it may have.
    pub(super) fn check_kind(&self, secret: &Secret, value: Option<&SecretValue>) -> Result<(), Error> {
        let Some(kind) = &secret.kind else { return Ok(()) };
        let text = match value {
            Some(SecretValue::Binary(_)) => return Err(refusals::wrong_kind(&no_binary(kind))),
            Some(SecretValue::Text(text)) => Some(text),
            None => None,
        };
        self.rotator.check_kind(kind, text).map_err(|fault| refusals::wrong_kind(&fault))
    }

    pub(super) fn new_suffix(&self) -> Result<String, Error> {
        let mut suffix = String::with_capacity(6);
        while suffix.len() < 6 {
            let mut bytes = [0_u8; 16];
            self.documents.random().fill(&mut bytes)?;
            // 248 is the largest multiple of 62 in a byte: above it the choice would lean towards the first letters.
            let fair = bytes.iter().filter(|byte| **byte < 248);
            let letters = fair.filter_map(|byte| SUFFIX_ALPHABET.get(usize::from(byte % 62)));
            suffix.extend(letters.take(6 - suffix.len()).map(|letter| char::from(*letter)));
        }
        Ok(suffix)
    }
}

fn no_binary(kind: &str) -> String {
    format!("The value of a secret of type {kind} must be a SecretString.")
}

/// Members that later parts of the service give meaning to are refused, never ignored.
fn refuse_later_members(input: &CreateSecretRequest) -> Result<(), Error> {
    if input.add_replica_regions.as_ref().is_some_and(|regions| !regions.is_empty()) {
        return Err(refusals::not_offered("AddReplicaRegions"));
    }
    if input.cross_account_primary_arn.is_some() {
        return Err(refusals::not_offered("CrossAccountPrimaryARN"));
    }
    Ok(())
}

fn response(secret: &Secret, version_id: Option<&str>) -> CreateSecretResponse {
    CreateSecretResponse {
        arn: Some(secret.arn()),
        name: Some(secret.name.clone()),
        version_id: version_id.map(str::to_owned),
        ..CreateSecretResponse::default()
    }
}
