//! From what a caller calls a key to the key: id, ARN, alias, or alias's ARN.

use std::sync::Arc;

use strongroom_policy::Values;
use strongroom_store::Range;
use strongroom_types::{AccountId, Arn};
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::kms::MultiRegionKeyType;

use super::alias::{self, Alias};
use super::grant::{self, Grant};
use super::key::{self, Key};
use super::refusals;
use crate::access::tag_of;
use crate::caller::Principal;
use crate::ctx::Ctx;
use crate::documents::{Documents, Loaded};
use crate::error::Error;

/// Grants of one grantee on one key that are looked at, at most.
const GRANTS_MAX: usize = 1000;

/// A key as a request names it, found or not.
#[derive(Clone, Debug)]
pub struct KeyRef {
    /// The account that owns it, or would.
    pub account: AccountId,
    /// Its ARN; that of the alias when no key is found by it.
    pub arn: String,
    /// The alias that the request named.
    pub alias: Option<String>,
    /// The key as it was when the request was authorised.
    pub found: Option<Loaded<Key>>,
    /// Its grants for the caller.
    pub grants: Vec<Arc<Grant>>,
}

impl KeyRef {
    /// What conditions may ask about the key.
    #[must_use]
    pub fn condition(&self, asked: &str) -> Option<Values<'_>> {
        if asked == "kms:requestalias" {
            return self.alias.as_deref().map(Values::text);
        }
        let key = self.found.as_ref()?.value.as_ref();
        let multi_region = key.is_multi_region();
        match asked {
            "kms:resourcealiases" if key.aliases.is_empty() => None,
            "kms:resourcealiases" => Some(Values::texts(key.aliases.iter().map(String::as_str))),
            "kms:keyspec" | "kms:customermasterkeyspec" => Some(Values::text(key.spec.as_str())),
            "kms:keyusage" | "kms:customermasterkeyusage" => Some(Values::text(key.usage.as_str())),
            "kms:keyorigin" => Some(Values::text(key.origin.as_str())),
            "kms:multiregion" => Some(Values::One(strongroom_policy::Value::Bool(multi_region))),
            "kms:multiregionkeytype" => multi_region.then(|| Values::text(MultiRegionKeyType::Primary.as_str())),
            "kms:primaryregion" => multi_region.then(|| Values::text(&key.region)),
            _ => {
                let tag = asked.strip_prefix("aws:resourcetag/")?;
                tag_of(&key.tags, tag)
            }
        }
    }

    /// The refusal of a key or alias that is not there.
    #[must_use]
    pub fn absent(&self) -> Error {
        if self.arn.contains(":alias/") { refusals::no_alias(&self.arn) } else { refusals::no_key(&self.arn) }
    }

    /// A key that was found, without grants.
    #[must_use]
    pub fn of(account: AccountId, found: Loaded<Key>) -> Self {
        Self { account, arn: found.value.arn(), alias: None, found: Some(found), grants: Vec::new() }
    }

    /// The key that `asked` names, for the caller of `cx`. One that is not there is no error here: whether the caller may
    /// know is decided first.
    ///
    /// # Errors
    /// NotFoundException when the text can name no key of this region; faults of the store.
    pub async fn resolve(documents: &Documents, cx: &Ctx, asked: &str) -> Result<Self, Error> {
        Self::resolve_in(documents, cx, &cx.caller.account, asked).await
    }

    /// The same, where what is no ARN is of the account `home`.
    ///
    /// # Errors
    /// As [`KeyRef::resolve`].
    pub async fn resolve_in(documents: &Documents, cx: &Ctx, home: &AccountId, asked: &str) -> Result<Self, Error> {
        if !asked.starts_with("arn:") {
            return Self::named(documents, cx, home.clone(), asked).await;
        }
        let arn = Arn::parse(asked).map_err(|_| refusals::not_an_arn(asked))?;
        if arn.service != "kms" || arn.partition != cx.region.partition() {
            return Err(refusals::not_an_arn(asked));
        }
        if arn.region != cx.region.as_str() {
            return Err(refusals::invalid_arn(&arn.region));
        }
        let account = AccountId::parse(&arn.account).map_err(|_| refusals::not_an_arn(asked))?;
        match arn.resource.strip_prefix("key/") {
            Some(id) => Self::with_id(documents, cx, account, id, None).await,
            None if arn.resource.starts_with(alias::PREFIX) => Self::named(documents, cx, account, &arn.resource).await,
            None => Err(refusals::not_an_arn(asked)),
        }
    }

    /// The key of an alias or id.
    async fn named(documents: &Documents, cx: &Ctx, account: AccountId, asked: &str) -> Result<Self, Error> {
        if !asked.starts_with(alias::PREFIX) {
            if !is_key_id(asked) {
                return Err(refusals::invalid_key_id(asked));
            }
            return Self::with_id(documents, cx, account, asked, None).await;
        }
        let place = alias::document_key(account.as_str(), cx.region.as_str(), asked);
        if let Some(found) = documents.load::<Alias>(place).await? {
            return Self::with_id(documents, cx, account, &found.value.key_id, Some(asked.to_owned())).await;
        }
        let (partition, region) = (cx.region.partition(), cx.region.as_str());
        let arn = ["arn:", partition, ":kms:", region, ":", account.as_str(), ":", asked].concat();
        Ok(Self { account, arn, alias: Some(asked.to_owned()), found: None, grants: Vec::new() })
    }

    /// The key of an id.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn with_id(
        documents: &Documents,
        cx: &Ctx,
        account: AccountId,
        id: &str,
        alias: Option<String>,
    ) -> Result<Self, Error> {
        let place = key::document_key(account.as_str(), cx.region.as_str(), id);
        let found = documents.load::<Key>(place).await?.filter(|found| !found.value.is_due(cx.now));
        let (partition, region) = (cx.region.partition(), cx.region.as_str());
        let arn = ["arn:", partition, ":kms:", region, ":", account.as_str(), ":key/", id].concat();
        let grants = match &found {
            Some(found) if found.value.grants > 0 => grants_of(documents, cx, &found.value).await?,
            _ => Vec::new(),
        };
        Ok(Self { account, arn, alias, found, grants })
    }
}

/// The grants of a key that name the caller.
async fn grants_of(documents: &Documents, cx: &Ctx, key: &Key) -> Result<Vec<Arc<Grant>>, Error> {
    let role = match &cx.caller.principal {
        Principal::RoleSession { role_arn, .. } => Some(role_arn.as_ref()),
        _ => None,
    };
    let mut grants = Vec::new();
    for name in [Some(cx.caller.arn.as_ref()), role].into_iter().flatten() {
        let prefix = grant::grantee_value(&key.account, &key.region, &key.key_id, name);
        let range = Range { index: grant::BY_GRANTEE, prefix, after: None, descending: false, limit: GRANTS_MAX };
        let entries = documents.range(&range).await?;
        let loaded = documents.load_entries::<Grant>(grant::BY_GRANTEE, &entries).await?;
        let is_meant = |grant: &Arc<Grant>| grant.is_of(key) && grant.grantee.is(&cx.caller);
        grants.extend(loaded.into_iter().map(|grant| grant.value).filter(is_meant));
    }
    Ok(grants)
}

/// Whether a text can be a key's id.
fn is_key_id(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.strip_prefix("mrk-") {
        Some(rest) => rest.len() == 32 && is_hex(rest),
        None => {
            let lens = text.split('-').map(str::len);
            text.len() == 36 && lens.eq([8, 4, 4, 4, 12]) && text.split('-').all(is_hex)
        }
    }
}
