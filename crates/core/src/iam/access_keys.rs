//! Access keys of users and of the root: two each, shown whole once.

use strongroom_wire::iam::{
    AccessKey as ShownKey, AccessKeyLastUsed, AccessKeyMetadata, CreateAccessKeyRequest, CreateAccessKeyResponse,
    DeleteAccessKeyRequest, GetAccessKeyLastUsedRequest, GetAccessKeyLastUsedResponse, ListAccessKeysRequest,
    ListAccessKeysResponse, StatusType, UpdateAccessKeyRequest, errors,
};
use strongroom_wire::record;

use super::change::Change;
use super::target::USER_KIND;
use super::{Iam, instant, refusals};
use crate::access::Permit;
use crate::caller::Principal;
use crate::ctx::{Ctx, Done};
use crate::documents::{Loaded, retry};
use crate::error::Error;
use crate::identities::access_key::AccessKey;
use crate::identities::entity::Entity;
use crate::identities::user::User;
use crate::page;

/// Access keys of a user or of the root, at most (IAM's quotas).
pub(super) const KEYS_MAX: usize = 2;
/// What is told of a key that was never used (IAM's API, `AccessKeyLastUsed`).
const NEVER: &str = "N/A";

/// Whose keys a request is about.
enum Owner {
    User(Loaded<User>),
    Root,
}

impl Owner {
    fn id(&self) -> Option<&str> {
        match self {
            Self::User(user) => Some(&user.value.id),
            Self::Root => None,
        }
    }
}

impl Iam {
    /// Makes an access key of a user, or of the caller itself.
    ///
    /// # Errors
    /// NoSuchEntity, LimitExceeded.
    pub async fn create_access_key(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: CreateAccessKeyRequest,
    ) -> Result<CreateAccessKeyResponse, Error> {
        let new = self.identities.new_key()?;
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "create_access_key").await?;
            let owner = self.owner(cx, input.user_name.as_deref()).await?;
            if self.keys_of(cx, &owner).await?.len() >= KEYS_MAX {
                return Err(refusals::quota("AccessKeysPerUser", KEYS_MAX));
            }
            let account = cx.caller.account.clone();
            let key = match &owner {
                Owner::User(before) => {
                    let mut after = (*before.value).clone();
                    after.access_keys.push(new.key_id.clone());
                    change.put(Some(before), after)?;
                    AccessKey::of_user(account, &before.value.id, &new, cx.now)
                }
                Owner::Root => AccessKey::of_root(account, &new).created_at(cx.now),
            };
            let response = CreateAccessKeyResponse {
                access_key: ShownKey {
                    user_name: self.owner_name(cx, &owner).await?,
                    access_key_id: new.key_id.clone(),
                    status: StatusType::Active,
                    secret_access_key: new.secret.clone(),
                    create_date: Some(cx.now),
                },
            };
            change.put(None, key)?;
            let done = Done { response_elements: Some(record::encode(&response)), ..done(cx, &owner) };
            change.commit(cx, done).await?;
            Ok(response)
        })
        .await
    }

    /// Makes an access key active or inactive.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn update_access_key(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: UpdateAccessKeyRequest,
    ) -> Result<(), Error> {
        if input.status == StatusType::Expired {
            // What IAM alone may set; its text is unconfirmed.
            return Err(Error::refused(errors::INVALID_INPUT_EXCEPTION, "The status Expired cannot be set."));
        }
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "update_access_key").await?;
            let owner = self.owner(cx, input.user_name.as_deref()).await?;
            let before = self.key_of(cx, &owner, &input.access_key_id).await?;
            change.put(Some(&before), before.value.with_status(input.status == StatusType::Active))?;
            change.commit(cx, done(cx, &owner)).await
        })
        .await
    }

    /// Removes an access key.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn delete_access_key(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DeleteAccessKeyRequest,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "delete_access_key").await?;
            let owner = self.owner(cx, input.user_name.as_deref()).await?;
            let key = self.key_of(cx, &owner, &input.access_key_id).await?;
            if let Owner::User(before) = &owner {
                let mut after = (*before.value).clone();
                after.access_keys.retain(|id| *id != input.access_key_id);
                change.put(Some(before), after)?;
            }
            self.forget_use(cx, &mut change, &input.access_key_id).await?;
            change.delete(&key);
            change.commit(cx, done(cx, &owner)).await
        })
        .await
    }

    /// The access keys of a user, or of the caller itself, in the order they were made.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_access_keys(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListAccessKeysRequest,
    ) -> Result<ListAccessKeysResponse, Error> {
        let owner = self.owner(cx, input.user_name.as_deref()).await?;
        let keys = self.keys_of(cx, &owner).await?;
        let query = page::Query::new("ListAccessKeys").part(cx.caller.account.as_str()).part(owner.id().unwrap_or(""));
        let place = |key: &Loaded<AccessKey>| key.value.key_id().to_owned();
        let page = self.page_of(&query, keys, place, input.max_items, input.marker.as_deref())?;
        let user_name = self.owner_name(cx, &owner).await?;
        let is_truncated = page.is_truncated();
        let page = page.map(|key| shown(&key.value, &user_name));
        Ok(ListAccessKeysResponse { access_key_metadata: page.items, is_truncated, marker: page.marker })
    }

    /// When, for which service and in which region a long-term access key of the account was last used.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn get_access_key_last_used(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: GetAccessKeyLastUsedRequest,
    ) -> Result<GetAccessKeyLastUsedResponse, Error> {
        let account = &cx.caller.account;
        let found = self.identities.access_key(&input.access_key_id).await?;
        let key = found.filter(|key| key.value.account() == account);
        let key = key.ok_or_else(|| no_such_key(&input.access_key_id))?;
        let user = match key.value.owner() {
            Some(id) => self.identities.with_id::<User>(account.as_str(), id).await?,
            None => None,
        };
        let used = self.identities.last_use(account.as_str(), &input.access_key_id).await?;
        let access_key_last_used = Some(match used {
            Some(used) => AccessKeyLastUsed {
                last_used_date: Some(instant(used.used_ms)),
                service_name: used.service,
                region: used.region,
            },
            None => {
                AccessKeyLastUsed { last_used_date: None, service_name: NEVER.to_owned(), region: NEVER.to_owned() }
            }
        });
        let user_name = user.map(|user| user.value.name.clone());
        Ok(GetAccessKeyLastUsedResponse { user_name, access_key_last_used })
    }

    async fn owner(&self, cx: &Ctx, name: Option<&str>) -> Result<Owner, Error> {
        match (name, &cx.caller.principal) {
            (None, Principal::Root) => Ok(Owner::Root),
            _ => Ok(Owner::User(self.user_or_caller(cx, name).await?)),
        }
    }

    /// The name under which keys are shown. AWS has none for the root: the account's alias or number stands there.
    async fn owner_name(&self, cx: &Ctx, owner: &Owner) -> Result<String, Error> {
        match owner {
            Owner::User(user) => Ok(user.value.name.clone()),
            Owner::Root => self.account_name(cx).await,
        }
    }

    /// The account's alias, or its number.
    pub(super) async fn account_name(&self, cx: &Ctx) -> Result<String, Error> {
        let alias = self.account(cx).await?.value.alias.clone();
        Ok(alias.unwrap_or_else(|| cx.caller.account.to_string()))
    }

    async fn keys_of(&self, cx: &Ctx, owner: &Owner) -> Result<Vec<Loaded<AccessKey>>, Error> {
        match owner {
            Owner::Root => self.identities.root_keys(&cx.caller.account).await,
            Owner::User(user) => {
                let mut keys = Vec::new();
                for id in &user.value.access_keys {
                    keys.extend(self.identities.access_key(id).await?);
                }
                Ok(keys)
            }
        }
    }

    async fn key_of(&self, cx: &Ctx, owner: &Owner, key_id: &str) -> Result<Loaded<AccessKey>, Error> {
        let found = self.identities.access_key(key_id).await?;
        let of_owner =
            |key: &Loaded<AccessKey>| *key.value.account() == cx.caller.account && key.value.owner() == owner.id();
        found.filter(of_owner).ok_or_else(|| no_such_key(key_id))
    }

    /// Removes what is known of a key's last use together with the key.
    async fn forget_use(&self, cx: &Ctx, change: &mut Change, key_id: &str) -> Result<(), Error> {
        if let Some(stored) = self.identities.stored_use(cx.caller.account.as_str(), key_id).await? {
            change.delete(&stored);
        }
        Ok(())
    }
}

fn done(cx: &Ctx, owner: &Owner) -> Done {
    let arn = match owner {
        Owner::User(user) => user.value.arn(),
        Owner::Root => cx.caller.arn.to_string(),
    };
    Done { response_elements: None, arn: Some(arn), resource_kind: USER_KIND }
}

fn no_such_key(key_id: &str) -> Error {
    let text = format!("The Access Key with id {key_id} cannot be found.");
    Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text)
}

fn shown(key: &AccessKey, user_name: &str) -> AccessKeyMetadata {
    AccessKeyMetadata {
        user_name: Some(user_name.to_owned()),
        access_key_id: Some(key.key_id().to_owned()),
        status: Some(if key.is_active() { StatusType::Active } else { StatusType::Inactive }),
        create_date: Some(key.created()).filter(|created| created.millis() > 0),
    }
}
