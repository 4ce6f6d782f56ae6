//! Aliases: create, update, delete, list.

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_types::Timestamp;
use strongroom_wire::kms::{
    AliasListEntry, CreateAliasRequest, DeleteAliasRequest, ListAliasesRequest, ListAliasesResponse, Operation,
    UpdateAliasRequest,
};

use super::alias::{ALIAS_KIND, Alias, PREFIX, RESERVED, document_key};
use super::key::{self, Key};
use super::resolve::KeyRef;
use super::states::not_pending_deletion;
use super::{Kms, found, lists, refusals};
use crate::access::{EntityRef, Permit, RequestKeys, Resource, authorize};
use crate::ctx::{Ctx, Done};
use crate::documents::{Loaded, retry};
use crate::error::Error;
use crate::page;

/// Aliases on a page when the caller does not say (KMS's API reference).
const PAGE_DEFAULT: usize = 50;
/// Aliases of one key, at most (KMS's quotas).
const ALIASES_MAX: usize = 50;

impl Kms {
    /// Leave for an action on an alias of the caller's account, there or not.
    ///
    /// # Errors
    /// AccessDeniedException; ValidationException for a name that is none.
    pub fn permitted_alias(
        &self,
        cx: &Ctx,
        action: &'static str,
        name: &str,
        request: &dyn RequestKeys,
    ) -> Result<Permit, Error> {
        if !name.starts_with(PREFIX) {
            return Err(refusals::alias_prefix());
        }
        let (partition, region, account) = (cx.region.partition(), cx.region.as_str(), &cx.caller.account);
        let alias = EntityRef {
            asked: None,
            arn: ["arn:", partition, ":kms:", region, ":", account.as_str(), ":", name].concat(),
            account: account.clone(),
            tags: Vec::new(),
            boundary: None,
            kind: ALIAS_KIND,
        };
        authorize(cx, action, Resource::Entity(Arc::new(alias)), request)
    }

    /// Creates an alias. Takes leave on the alias and on the key.
    ///
    /// # Errors
    /// AlreadyExistsException, NotAuthorizedException for a reserved name, NotFoundException, LimitExceededException.
    pub async fn create_alias(&self, cx: &Ctx, _permit: &Permit, input: CreateAliasRequest) -> Result<(), Error> {
        let name = checked_name(&input.alias_name)?;
        let action = Operation::CreateAlias.action();
        let target = self.permitted(cx, action, by_id(&input.target_key_id)?, &input).await?;
        own(cx, &target)?;
        retry(|| async {
            let (_turn, before) = self.to_change(&target).await?;
            not_pending_deletion(&before.value, cx.now)?;
            let place = document_key(&before.value.account, &before.value.region, name);
            if self.documents.load::<Alias>(place).await?.is_some() {
                return Err(refusals::alias_exists(&before.value.alias_arn(name)));
            }
            let mut batch = Batch::named("create_alias");
            self.put_alias(&mut batch, cx, None, &before, name)?;
            cx.commit(&self.documents, batch, done(&before.value, name)).await
        })
        .await
    }

    /// Leads an alias to another key of the same type and usage. Takes leave on the alias and on both keys.
    ///
    /// # Errors
    /// NotFoundException, ValidationException for a key of another kind.
    pub async fn update_alias(&self, cx: &Ctx, _permit: &Permit, input: UpdateAliasRequest) -> Result<(), Error> {
        let name = checked_name(&input.alias_name)?;
        let action = Operation::UpdateAlias.action();
        let target = self.permitted(cx, action, by_id(&input.target_key_id)?, &input).await?;
        own(cx, &target)?;
        let alias = self.alias(cx, name).await?;
        let old = KeyRef::with_id(&self.documents, cx, cx.caller.account.clone(), &alias.value.key_id, None).await?;
        let old = Self::allowed(cx, action, old, &input)?;
        if alias.value.key_id == found(&target)?.key_id {
            return Ok(());
        }
        retry(|| async {
            let alias = self.alias(cx, name).await?;
            still_leads_to(&alias.value, found(&old)?)?;
            let (was, becomes) = (self.now(&old).await?, self.now(&target).await?);
            not_pending_deletion(&becomes.value, cx.now)?;
            if was.value.spec != becomes.value.spec || was.value.usage != becomes.value.usage {
                return Err(refusals::invalid(
                    "The current and new KMS key must be the same type (both symmetric or both asymmetric or both \
                     HMAC), and they must have the same key usage.",
                ));
            }
            let mut batch = Batch::named("update_alias");
            self.drop_alias(&mut batch, &was, name)?;
            self.put_alias(&mut batch, cx, Some(&alias), &becomes, name)?;
            cx.commit(&self.documents, batch, done(&becomes.value, name)).await
        })
        .await
    }

    /// Removes an alias. Takes leave on the alias and on the key.
    ///
    /// # Errors
    /// NotFoundException, NotAuthorizedException for a reserved name.
    pub async fn delete_alias(&self, cx: &Ctx, _permit: &Permit, input: DeleteAliasRequest) -> Result<(), Error> {
        let name = checked_name(&input.alias_name)?;
        let alias = self.alias(cx, name).await?;
        let key = KeyRef::with_id(&self.documents, cx, cx.caller.account.clone(), &alias.value.key_id, None).await?;
        let target = Self::allowed(cx, Operation::DeleteAlias.action(), key, &input)?;
        retry(|| async {
            let (alias, key) = (self.alias(cx, name).await?, self.now(&target).await?);
            still_leads_to(&alias.value, &key.value)?;
            let mut batch = Batch::named("delete_alias");
            self.drop_alias(&mut batch, &key, name)?;
            self.documents.delete(&mut batch, &alias);
            cx.commit(&self.documents, batch, done(&key.value, name)).await
        })
        .await
    }

    /// The aliases of the caller's account in this region, or those of one key.
    ///
    /// # Errors
    /// InvalidMarkerException, NotFoundException for the key.
    pub async fn list_aliases(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListAliasesRequest,
    ) -> Result<ListAliasesResponse, Error> {
        let limit = lists::limit(input.limit, PAGE_DEFAULT);
        let key_id = match &input.key_id {
            Some(asked) => {
                let key = KeyRef::resolve(&self.documents, cx, asked).await?;
                Some(key.found.as_ref().ok_or_else(|| key.absent())?.value.key_id.clone())
            }
            None => None,
        };
        let prefix = document_key(cx.caller.account.as_str(), cx.region.as_str(), PREFIX);
        let query = page::Query::new("ListAliases").part(&prefix).part(key_id.as_deref().unwrap_or_default());
        let wanted = |alias: &Alias| key_id.as_ref().is_none_or(|id| *id == alias.key_id);
        let (shown, next_marker) = self.listed(&query, &prefix, input.marker, limit, wanted).await?;
        let entries = shown.iter().map(|alias| entry(cx, alias));
        Ok(ListAliasesResponse {
            aliases: Some(entries.collect()),
            truncated: Some(next_marker.is_some()),
            next_marker,
        })
    }

    async fn alias(&self, cx: &Ctx, name: &str) -> Result<Loaded<Alias>, Error> {
        let (account, region) = (cx.caller.account.as_str(), cx.region.as_str());
        let found = self.documents.load::<Alias>(document_key(account, region, name)).await?;
        let arn = ["arn:", cx.region.partition(), ":kms:", region, ":", account, ":", name].concat();
        found.ok_or_else(|| refusals::no_alias(&arn))
    }

    /// The permitted key as it is now.
    async fn now(&self, permit: &Permit) -> Result<Loaded<Key>, Error> {
        let key = found(permit)?;
        let place = key::document_key(&key.account, &key.region, &key.key_id);
        self.documents.load::<Key>(place).await?.ok_or_else(|| refusals::no_key(&key.arn()))
    }

    /// Adds to `batch` that `name` leads to `key`.
    fn put_alias(
        &self,
        batch: &mut Batch,
        cx: &Ctx,
        before: Option<&Loaded<Alias>>,
        key: &Loaded<Key>,
        name: &str,
    ) -> Result<(), Error> {
        let mut after = Key::clone(&key.value);
        if after.aliases.len() >= ALIASES_MAX {
            return Err(refusals::too_many("The KMS key has reached the limit of aliases."));
        }
        after.aliases.push(name.to_owned());
        let alias = Alias {
            account: after.account.clone(),
            region: after.region.clone(),
            name: name.to_owned(),
            key_id: after.key_id.clone(),
            created_ms: before.map_or(cx.now.millis(), |before| before.value.created_ms),
            changed_ms: cx.now.millis(),
        };
        self.documents.put(batch, before, &Arc::new(alias))?;
        self.documents.put(batch, Some(key), &Arc::new(after))
    }

    /// Adds to `batch` that `name` leads to `key` no more.
    fn drop_alias(&self, batch: &mut Batch, key: &Loaded<Key>, name: &str) -> Result<(), Error> {
        let mut after = Key::clone(&key.value);
        after.aliases.retain(|alias| alias != name);
        self.documents.put(batch, Some(key), &Arc::new(after))
    }
}

/// Refuses an alias that somebody has led elsewhere since leave was asked for its key.
fn still_leads_to(alias: &Alias, key: &Key) -> Result<(), Error> {
    if alias.key_id == key.key_id { Ok(()) } else { Err(refusals::alias_moved()) }
}

fn done(key: &Key, alias: &str) -> Done {
    Done { response_elements: None, arn: Some(key.alias_arn(alias)), resource_kind: ALIAS_KIND }
}

fn entry(cx: &Ctx, alias: &Alias) -> AliasListEntry {
    let Alias { account, region, name, .. } = alias;
    AliasListEntry {
        alias_name: Some(name.clone()),
        alias_arn: Some(["arn:", cx.region.partition(), ":kms:", region, ":", account, ":", name].concat()),
        target_key_id: Some(alias.key_id.clone()),
        creation_date: Some(Timestamp::from_millis(alias.created_ms)),
        last_updated_date: Some(Timestamp::from_millis(alias.changed_ms)),
    }
}

fn checked_name(name: &str) -> Result<&str, Error> {
    if !name.starts_with(PREFIX) || name.len() == PREFIX.len() {
        return Err(refusals::alias_prefix());
    }
    if name.starts_with(RESERVED) {
        return Err(refusals::reserved_alias());
    }
    if name.contains(':') {
        return Err(refusals::invalid(&format!("{name} contains invalid characters for an alias")));
    }
    Ok(name)
}

/// An alias leads to a key, which is named by id or ARN and not by another alias.
fn by_id(target: &str) -> Result<&str, Error> {
    if target.starts_with(PREFIX) || target.contains(":alias/") {
        return Err(refusals::invalid("Aliases must refer to keys. Not aliases"));
    }
    Ok(target)
}

/// An alias leads to a key of its own account.
fn own(cx: &Ctx, target: &Permit) -> Result<(), Error> {
    let key = target.key()?;
    if key.account == cx.caller.account { Ok(()) } else { Err(key.absent()) }
}
