//! What the operator asks about access: who may do something, and why.

use std::sync::Arc;

use strongroom_policy::Explanation;
use strongroom_types::{AccountId, Arn, Region, Timestamp};
use strongroom_wire::kms::Operation;

use crate::access::{EntityRef, Resource, explained};
use crate::caller::Caller;
use crate::ctx::{Ctx, Way};
use crate::documents::Documents;
use crate::error::Error;
use crate::identities::Identities;
use crate::kms::{Purpose, explained_through, resolve::KeyRef};
use crate::secrets::resolve::SecretRef;
use crate::trail::record::{EventKind, IdentityKind, Record, Source, UserIdentity};

/// How an explanation says yes.
const ALLOWED: &str = "allowed";
/// The label of the version that is read.
const CURRENT: &str = "AWSCURRENT";

/// Everybody in all accounts, with the whole reason why they may or may not do `action` on `resource`: the ARN of a
/// secret, a key or an entity of IAM, or `*` for actions without a resource. To read or write a secret's value the caller
/// must be allowed its key as well. Conditions are asked as of a request without parameters.
///
/// # Errors
/// A refusal when `resource` names nothing; faults of the store; a fault when no operation has that action.
pub async fn who_can(
    identities: &Identities,
    documents: &Documents,
    (action, resource): (&str, &str),
    region: &Region,
    now: Timestamp,
) -> Result<Vec<Explanation>, Error> {
    who_among(documents, &everybody(identities, region).await?, (action, resource), region, now).await
}

/// Everybody in all accounts who can ask for something in a region.
///
/// # Errors
/// Faults of the store.
pub async fn everybody(identities: &Identities, region: &Region) -> Result<Vec<Arc<Caller>>, Error> {
    let mut callers = Vec::new();
    for account in identities.accounts().await? {
        callers.extend(identities.principals(&account, region).await?);
    }
    Ok(callers)
}

/// As [`who_can`], of these callers alone: for who asks about many resources.
///
/// # Errors
/// As [`who_can`].
pub async fn who_among(
    documents: &Documents,
    callers: &[Arc<Caller>],
    (action, resource): (&str, &str),
    region: &Region,
    now: Timestamp,
) -> Result<Vec<Explanation>, Error> {
    let mut answers = Vec::new();
    for caller in callers {
        let cx = question(caller, region, now);
        let asked = resource_of(documents, &cx, resource).await?;
        let answer = explained(&cx, action, &asked, &())?;
        let of_key = if answer.decision == ALLOWED { of_key(documents, &cx, action, &asked).await? } else { None };
        answers.push(of_key.filter(|of_key| of_key.decision != ALLOWED).unwrap_or(answer));
    }
    Ok(answers)
}

/// What the key of a secret says to a caller whom the secret's policies allow to read or write its value.
async fn of_key(
    documents: &Documents,
    cx: &Ctx,
    action: &str,
    resource: &Resource,
) -> Result<Option<Explanation>, Error> {
    let operation = match action.to_ascii_lowercase().as_str() {
        "secretsmanager:getsecretvalue" => Operation::Decrypt,
        "secretsmanager:putsecretvalue" => Operation::GenerateDataKey,
        _ => return Ok(None),
    };
    let Resource::Secret(secret) = resource else { return Ok(None) };
    let Some(found) = &secret.found else { return Ok(None) };
    let current = found.value.stages.get(CURRENT).map_or("", String::as_str);
    let purpose = Purpose::new(found.value.arn(), current);
    let asked = found.value.kms_key_id.as_deref();
    explained_through(documents, cx, operation, &secret.account, asked, &purpose).await.map(Some)
}

async fn resource_of(documents: &Documents, cx: &Ctx, text: &str) -> Result<Resource, Error> {
    if text == "*" {
        return Ok(Resource::Account);
    }
    if let Ok(arn) = Arn::parse(text)
        && arn.service != "secretsmanager"
    {
        if arn.service == "kms" {
            return Ok(Resource::Key(Arc::new(KeyRef::resolve(documents, cx, text).await?)));
        }
        let account = AccountId::parse(&arn.account).unwrap_or_else(|_| cx.caller.account.clone());
        return Ok(Resource::Entity(Arc::new(EntityRef {
            asked: None,
            arn: text.to_owned(),
            account,
            tags: Vec::new(),
            boundary: None,
            kind: "",
        })));
    }
    Ok(Resource::Secret(Arc::new(SecretRef::resolve(documents, cx, text).await?)))
}

/// A request that nobody makes, for the sake of a question.
fn question(caller: &Arc<Caller>, region: &Region, now: Timestamp) -> Ctx {
    let record = Record {
        kind: EventKind::ApiCall,
        event_id: String::new(),
        event_time: now,
        event_source: "",
        event_name: "".into(),
        aws_region: region.clone(),
        source_ip: Source::Service(""),
        user_agent: "".into(),
        request_id: String::new(),
        account: None,
        identity: Arc::new(UserIdentity::of(IdentityKind::Unknown)),
        invoked_by: None,
        read_only: true,
        request_parameters: None,
        additional_event_data: Vec::new(),
        endpoint_id: None,
        tls: None,
    };
    Ctx::new(Arc::clone(caller), region.clone(), now, Way::default(), record)
}
