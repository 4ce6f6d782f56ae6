//! Grants: create, list, retire, revoke.

use std::sync::Arc;

use strongroom_crypto::digest::hex;
use strongroom_store::{Batch, Range};
use strongroom_types::Timestamp;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::kms::{
    CreateGrantRequest, CreateGrantResponse, GrantConstraints, GrantListEntry, GrantOperation, KeySpec, KeyUsageType,
    ListGrantsRequest, ListGrantsResponse, ListRetirableGrantsRequest, Operation, RetireGrantRequest,
    RevokeGrantRequest,
};
use strongroom_wire::record;

use super::cipher::dry;
use super::grant::{self, Grant, Named};
use super::key::Key;
use super::named::of_name;
use super::resolve::KeyRef;
use super::states::enabled;
use super::{Kms, done, found, lists, refusals};
use crate::access::{Permit, authorize_retirement};
use crate::ctx::Ctx;
use crate::documents::{Loaded, retry};
use crate::error::Error;
use crate::identities::NamedPrincipal;
use crate::page;

/// Grants of one key, at most (KMS's quotas).
const GRANTS_MAX: u32 = 50_000;
/// Grants on a page when the caller does not say (KMS's API reference).
const PAGE_DEFAULT: usize = 50;

impl Kms {
    /// Creates a grant. The same request under the same name again gives the grant that there is.
    ///
    /// # Errors
    /// The key's state; InvalidArnException for a principal that is not there; ValidationException for operations that do
    /// not go with the key or its constraints; LimitExceededException.
    pub async fn create_grant(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: CreateGrantRequest,
    ) -> Result<CreateGrantResponse, Error> {
        enabled(found(permit)?, cx.now)?;
        checked_operations(found(permit)?, &input)?;
        let grant = self.new_grant(cx, found(permit)?, &input).await?;
        dry(input.dry_run)?;
        retry(|| async {
            let (_turn, before) = self.to_change(permit).await?;
            enabled(&before.value, cx.now)?;
            if let Some(same) = self.same_grant(&grant).await? {
                return Ok(answer(&same));
            }
            let mut after = Key::clone(&before.value);
            after.grants = after.grants.saturating_add(1);
            if after.grants > GRANTS_MAX {
                return Err(refusals::too_many("The KMS key has reached the limit of grants."));
            }
            let response = answer(&grant);
            let shown = CreateGrantResponse { grant_token: None, ..answer(&grant) };
            let mut batch = Batch::named("create_grant");
            self.documents.put(&mut batch, None, &Arc::new(grant.clone()))?;
            self.documents.put(&mut batch, Some(&before), &Arc::new(after))?;
            let elements = record::encode(&shown);
            cx.commit(&self.documents, batch, done(&before.value, Some(elements))).await?;
            Ok(response)
        })
        .await
    }

    async fn new_grant(&self, cx: &Ctx, key: &Key, input: &CreateGrantRequest) -> Result<Grant, Error> {
        let (grantee, for_service) = match (&input.grantee_principal, &input.grantee_service_principal) {
            (Some(principal), None) => (self.named_in_grant(principal).await?, false),
            (None, Some(service)) => (Named { name: service.clone(), id: None }, true),
            _ => {
                let text = "Exactly one of GranteePrincipal and GranteeServicePrincipal must be specified.";
                return Err(refusals::invalid(text));
            }
        };
        let retiring = match (&input.retiring_principal, &input.retiring_service_principal) {
            (Some(principal), None) => Some(self.named_in_grant(principal).await?),
            (None, Some(service)) => Some(Named { name: service.clone(), id: None }),
            (None, None) => None,
            (Some(_), Some(_)) => {
                let text = "At most one of RetiringPrincipal and RetiringServicePrincipal can be specified.";
                return Err(refusals::invalid(text));
            }
        };
        let constraints = input.constraints.clone().unwrap_or_default();
        let mut id = [0_u8; 32];
        self.documents.random().fill(&mut id)?;
        Ok(Grant {
            account: key.account.clone(),
            region: key.region.clone(),
            key_id: key.key_id.clone(),
            grant_id: hex(&id),
            name: input.name.clone(),
            created_ms: cx.now.millis(),
            issuing_account: cx.caller.account.to_string(),
            grantee,
            for_service,
            retiring,
            operations: input.operations.iter().map(|operation| operation.as_str().to_owned()).collect(),
            context_subset: constraints.encryption_context_subset,
            context_equals: constraints.encryption_context_equals,
            source_arn: constraints.source_arn,
        })
    }

    /// Somebody that a grant is to name.
    async fn named_in_grant(&self, principal: &str) -> Result<Named, Error> {
        let is_arn = principal.starts_with("arn:") && principal.split(':').count() >= 6;
        let id = match self.identities.named_principal(principal).await? {
            NamedPrincipal::Unbound if is_arn => None,
            NamedPrincipal::Id(id) => Some(id),
            NamedPrincipal::Absent | NamedPrincipal::Unbound => return Err(refusals::no_principal(principal)),
        };
        Ok(Named { name: principal.to_owned(), id })
    }

    /// The grant that a repeated request made before.
    async fn same_grant(&self, grant: &Grant) -> Result<Option<Arc<Grant>>, Error> {
        if grant.name.is_none() {
            return Ok(None);
        }
        let prefix = grant::grantee_value(&grant.account, &grant.region, &grant.key_id, &grant.grantee.name);
        let range =
            Range { index: grant::BY_GRANTEE, prefix, after: None, descending: false, limit: GRANTS_MAX as usize };
        let entries = self.documents.range(&range).await?;
        let same = |known: &Grant| {
            let Grant { grant_id, created_ms, .. } = known.clone();
            *known == Grant { grant_id, created_ms, ..grant.clone() }
        };
        let loaded = self.documents.load_entries::<Grant>(grant::BY_GRANTEE, &entries).await?;
        Ok(loaded.into_iter().map(|known| known.value).find(|known| same(known)))
    }

    /// The grants of a key.
    ///
    /// # Errors
    /// InvalidMarkerException; ValidationException for two filters.
    pub async fn list_grants(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        input: ListGrantsRequest,
    ) -> Result<ListGrantsResponse, Error> {
        let key = found(permit)?;
        if input.grantee_principal.is_some() && input.grantee_service_principal.is_some() {
            let text = "At most one of GranteePrincipal and GranteeServicePrincipal can be specified.";
            return Err(refusals::invalid(text));
        }
        let grantee = input.grantee_principal.or(input.grantee_service_principal);
        let wanted = |grant: &Grant| {
            input.grant_id.as_ref().is_none_or(|id| *id == grant.grant_id)
                && grantee.as_ref().is_none_or(|name| *name == grant.grantee.name)
        };
        let limit = lists::limit(input.limit, PAGE_DEFAULT);
        let prefix = grant::prefix_of(&key.account, &key.region, &key.key_id);
        let query = page::Query::new("ListGrants")
            .part(&prefix)
            .part(input.grant_id.as_deref().unwrap_or_default())
            .part(grantee.as_deref().unwrap_or_default());
        let (shown, next_marker) = match &input.grant_id {
            None => self.listed(&query, &prefix, input.marker, limit, wanted).await?,
            Some(id) => {
                self.place_of(&query, input.marker)?;
                let found = self.documents.load::<Grant>([prefix.as_str(), id].concat()).await?;
                (found.map(|grant| grant.value).filter(|grant| wanted(grant)).into_iter().collect(), None)
            }
        };
        Ok(ListGrantsResponse {
            grants: Some(shown.iter().map(|grant| entry(&key.partition, grant)).collect()),
            truncated: Some(next_marker.is_some()),
            next_marker,
        })
    }

    /// The grants that somebody may retire.
    ///
    /// # Errors
    /// InvalidMarkerException; ValidationException unless one principal is named; InvalidArnException for one of another
    /// account.
    pub async fn list_retirable_grants(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListRetirableGrantsRequest,
    ) -> Result<ListGrantsResponse, Error> {
        let retiring = match (input.retiring_principal, input.retiring_service_principal) {
            (Some(name), None) if name.split(':').nth(4) != Some(cx.caller.account.as_str()) => {
                return Err(refusals::no_principal(&name));
            }
            (Some(name), None) | (None, Some(name)) => name,
            _ => {
                let text = "Exactly one of RetiringPrincipal and RetiringServicePrincipal must be specified.";
                return Err(refusals::invalid(text));
            }
        };
        let prefix = grant::retiring_value(cx.region.as_str(), &retiring);
        let range = Range {
            index: grant::BY_RETIRING,
            prefix: prefix.clone(),
            after: None,
            descending: false,
            limit: GRANTS_MAX as usize,
        };
        let mut keys: Vec<_> = self.documents.range(&range).await?.into_iter().map(|entry| entry.key).collect();
        // Services are named alike in all accounts.
        let is_own = |key: &Arc<str>| key.split(':').next() == Some(cx.caller.account.as_str());
        if !retiring.starts_with("arn:") {
            keys.retain(is_own);
        }
        keys.sort_unstable();
        let places = keys.iter().map(|key| key.to_string()).collect();
        let page = self.page_of("ListRetirableGrants", &prefix, places, input.limit, PAGE_DEFAULT, input.marker)?;
        let keys: Vec<Arc<str>> = page.items.into_iter().map(Arc::from).collect();
        let grants = self.documents.load_many::<Grant>(&keys).await?;
        // The index is not sealed.
        let is_meant = |grant: &&Loaded<Grant>| {
            let named = grant.value.retiring.as_ref().is_some_and(|named| named.name == retiring);
            named && grant.value.region == cx.region.as_str()
        };
        Ok(ListGrantsResponse {
            grants: Some(
                grants.iter().filter(is_meant).map(|grant| entry(cx.region.partition(), &grant.value)).collect(),
            ),
            truncated: Some(page.next.is_some()),
            next_marker: page.next,
        })
    }

    /// Takes a grant away.
    ///
    /// # Errors
    /// NotFoundException.
    pub async fn revoke_grant(&self, cx: &Ctx, permit: &Permit, input: RevokeGrantRequest) -> Result<(), Error> {
        let key = found(permit)?;
        let place = grant::prefix_of(&key.account, &key.region, &key.key_id) + &input.grant_id;
        self.grant(&place, &input.grant_id).await?;
        dry(input.dry_run)?;
        self.drop_grant(cx, permit, &place, "revoke_grant").await
    }

    /// Gives a grant up: by its retiring principal, by its grantee if it says so, by the root of the account that
    /// created it, or by whom policies let.
    ///
    /// # Errors
    /// ValidationException unless it is named by token or by key and id; NotFoundException; AccessDeniedException.
    pub async fn retire_grant(&self, cx: &Ctx, input: RetireGrantRequest) -> Result<Permit, Error> {
        let (key, place, id) = match (&input.grant_token, &input.key_id, &input.grant_id) {
            (Some(token), None, None) => {
                let place = grant::key_of_token(token).ok_or_else(refusals::invalid_grant_token)?;
                let known = self.documents.load::<Grant>(place.as_str()).await?;
                let known = known.ok_or_else(refusals::invalid_grant_token)?.value;
                let owner = strongroom_types::AccountId::parse(&known.account);
                let owner = owner.map_err(|_| refusals::invalid_grant_token())?;
                let key = KeyRef::with_id(&self.documents, cx, owner, &known.key_id, None).await?;
                (key, place, known.grant_id.clone())
            }
            (None, Some(asked), Some(id)) => {
                let key = KeyRef::resolve(&self.documents, cx, asked).await?;
                let found = key.found.as_ref().ok_or_else(|| key.absent())?;
                let Key { account, region, key_id, .. } = found.value.as_ref();
                let place = grant::prefix_of(account, region, key_id) + id;
                (key, place, id.clone())
            }
            _ => return Err(refusals::invalid("Specify either a grant token, or a key ID and a grant ID.")),
        };
        let known = self.grant(&place, &id).await?.value;
        let action = Operation::RetireGrant.action();
        let permit = match authorize_retirement(cx, &known, key.clone())? {
            Some(permit) => permit,
            None => Self::allowed(cx, action, key, &input)?,
        };
        dry(input.dry_run)?;
        self.drop_grant(cx, &permit, &place, "retire_grant").await?;
        Ok(permit)
    }

    async fn grant(&self, place: &str, id: &str) -> Result<Loaded<Grant>, Error> {
        self.documents.load::<Grant>(place).await?.ok_or_else(|| refusals::no_grant(id))
    }

    async fn drop_grant(&self, cx: &Ctx, permit: &Permit, place: &str, name: &'static str) -> Result<(), Error> {
        retry(|| async {
            let (_turn, key) = self.to_change(permit).await?;
            let id = place.rsplit(':').next().unwrap_or_default();
            let grant = self.grant(place, id).await?;
            let mut after = Key::clone(&key.value);
            after.grants = after.grants.saturating_sub(1);
            let mut batch = Batch::named(name);
            self.documents.delete(&mut batch, &grant);
            self.documents.put(&mut batch, Some(&key), &Arc::new(after))?;
            cx.commit(&self.documents, batch, done(&key.value, None)).await
        })
        .await
    }

    /// Refuses grant tokens that name no grant. Those of grants that are there change nothing: a grant is in force as
    /// soon as it is answered.
    ///
    /// # Errors
    /// InvalidGrantTokenException.
    pub async fn check_tokens(&self, tokens: Option<&[String]>) -> Result<(), Error> {
        for token in tokens.unwrap_or_default() {
            let place = grant::key_of_token(token).ok_or_else(refusals::invalid_grant_token)?;
            self.documents.load::<Grant>(place).await?.ok_or_else(refusals::invalid_grant_token)?;
        }
        Ok(())
    }
}

/// Refuses operations that the key cannot do, and constraints that they cannot keep.
fn checked_operations(key: &Key, input: &CreateGrantRequest) -> Result<(), Error> {
    use GrantOperation as Op;
    let of_usage: &[Op] = match key.usage {
        KeyUsageType::GenerateVerifyMac => &[Op::GenerateMac, Op::VerifyMac],
        KeyUsageType::SignVerify => &[Op::Sign, Op::Verify, Op::GetPublicKey],
        KeyUsageType::KeyAgreement => &[Op::DeriveSharedSecret, Op::GetPublicKey],
        _ => &[
            Op::Encrypt,
            Op::Decrypt,
            Op::ReEncryptFrom,
            Op::ReEncryptTo,
            Op::GenerateDataKey,
            Op::GenerateDataKeyWithoutPlaintext,
            Op::GenerateDataKeyPair,
            Op::GenerateDataKeyPairWithoutPlaintext,
            Op::GetPublicKey,
        ],
    };
    let always = [Op::CreateGrant, Op::RetireGrant, Op::DescribeKey];
    if input.operations.is_empty() {
        return Err(refusals::invalid("Grant operations must not be empty."));
    }
    if let Some(wrong) = input.operations.iter().find(|op| !of_usage.contains(op) && !always.contains(op)) {
        let text = format!("Grant operation {} is not valid for a key of this usage.", wrong.as_str());
        return Err(refusals::invalid(&text));
    }
    let constraints = input.constraints.clone().unwrap_or_default();
    let given = [&constraints.encryption_context_equals, &constraints.encryption_context_subset];
    if given.into_iter().flatten().any(std::collections::BTreeMap::is_empty) {
        return Err(refusals::invalid("An encryption context constraint must not be empty."));
    }
    match (constraints.encryption_context_equals, constraints.encryption_context_subset) {
        (Some(_), Some(_)) => {
            Err(refusals::invalid("Only one type of encryption context constraint can be specified."))
        }
        (None, None) => Ok(()),
        _ if key.spec == KeySpec::SymmetricDefault => Ok(()),
        _ => Err(refusals::invalid("Only grants of symmetric encryption keys have encryption context constraints.")),
    }
}

fn answer(grant: &Grant) -> CreateGrantResponse {
    CreateGrantResponse { grant_token: Some(grant.token()), grant_id: Some(grant.grant_id.clone()) }
}

fn entry(partition: &str, grant: &Grant) -> GrantListEntry {
    let Grant { account, region, key_id, .. } = grant;
    let service = |name: &Named| Some(name.name.clone()).filter(|name| !name.starts_with("arn:"));
    let principal = |name: &Named| Some(name.name.clone()).filter(|name| name.starts_with("arn:"));
    let constraints = GrantConstraints {
        encryption_context_subset: grant.context_subset.clone(),
        encryption_context_equals: grant.context_equals.clone(),
        source_arn: grant.source_arn.clone(),
    };
    GrantListEntry {
        key_id: Some(["arn:", partition, ":kms:", region, ":", account, ":key/", key_id].concat()),
        grant_id: Some(grant.grant_id.clone()),
        name: grant.name.clone(),
        creation_date: Some(Timestamp::from_millis(grant.created_ms)),
        grantee_principal: principal(&grant.grantee),
        retiring_principal: grant.retiring.as_ref().and_then(principal),
        issuing_account: Some(["arn:", partition, ":iam::", &grant.issuing_account, ":root"].concat()),
        operations: Some(grant.operations.iter().filter_map(|name| of_name::<GrantOperation>(name)).collect()),
        constraints: Some(constraints).filter(|constraints| *constraints != GrantConstraints::default()),
        grantee_service_principal: service(&grant.grantee),
        retiring_service_principal: grant.retiring.as_ref().and_then(service),
    }
}
