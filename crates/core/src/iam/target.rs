//! What the requests of IAM are about: from an input to the resource that policies are asked for.

use std::sync::Arc;

use strongroom_types::AccountId;
use strongroom_wire::iam::{CreateUserRequest, DeleteUserRequest, GetUserRequest, ListUsersRequest};

use super::Iam;
use crate::access::{EntityRef, Resource};
use crate::caller::Principal;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::identities::entity::{Entity, Tag, pairs};
use crate::identities::group::Group;
use crate::identities::instance_profile::InstanceProfile;
use crate::identities::managed_policy::ManagedPolicy;
use crate::identities::role::Role;
use crate::identities::user::User;

/// What a request is about.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The account as a whole.
    Account,
    /// A list: the type in the ARNs on it, and the path prefix that it is of, `/` when none is given.
    List(&'static str, Option<&'a str>),
    /// A user by name, or the caller itself.
    User(Option<&'a str>),
    /// A group by name.
    Group(&'a str),
    /// A role by name.
    Role(&'a str),
    /// A managed policy by ARN.
    Policy(&'a str),
    /// An instance profile by name.
    InstanceProfile(&'a str),
    /// An identity provider of OpenID Connect by ARN.
    OidcProvider(&'a str),
    /// A user, group or role by ARN.
    Holder(&'a str),
    /// A user, group or role by ARN, whose policies are simulated: by its name, whatever path the ARN has. Of another
    /// account there is none.
    PolicySource(&'a str),
    /// Who an access key belongs to, by the key's id.
    OwnerOfKey(&'a str),
    /// A virtual MFA device by serial number.
    MfaDevice(&'a str),
    /// Something that need not be there: the type in its ARN, its path and name.
    New {
        /// Such as `user`.
        arn_type: &'static str,
        /// How records name the type.
        kind: &'static str,
        /// The path, `/` when none is given.
        path: Option<&'a str>,
        /// The name.
        name: &'a str,
    },
}

/// An input that says what it is about.
pub trait Targeted {
    /// What the request is about.
    fn target(&self) -> Target<'_>;
}

/// How records name the types of entities.
pub const USER_KIND: &str = "AWS::IAM::User";
/// A group.
pub const GROUP_KIND: &str = "AWS::IAM::Group";
/// A role.
pub const ROLE_KIND: &str = "AWS::IAM::Role";
/// A virtual MFA device.
pub const MFA_KIND: &str = "AWS::IAM::VirtualMFADevice";
/// A managed policy.
pub const POLICY_KIND: &str = "AWS::IAM::Policy";
/// An instance profile.
pub const INSTANCE_PROFILE_KIND: &str = "AWS::IAM::InstanceProfile";
/// An identity provider of OpenID Connect.
pub const OIDC_PROVIDER_KIND: &str = "AWS::IAM::OIDCProvider";

impl Iam {
    /// The resource that policies are asked for. What is not there has the ARN that it would have without a path.
    ///
    /// # Errors
    /// ValidationError when a request names no user and no user makes it; faults of the store.
    pub async fn resource(&self, cx: &Ctx, target: &Target<'_>) -> Result<Resource, Error> {
        let account = cx.caller.account.as_str();
        let entity = match *target {
            Target::Account => return Ok(Resource::Account),
            // What AWS asks policies for and names in refusals, though its documents know no resource of these actions.
            // An ARN would be that of a policy, of the account or of AWS.
            Target::List("policy", prefix) => {
                return Ok(Resource::List(["policy path ", prefix.unwrap_or("/")].concat().into()));
            }
            Target::List(arn_type, prefix) => {
                return Ok(Resource::List(self.arn(cx, arn_type, prefix.unwrap_or("/"), "").into()));
            }
            Target::User(Some(name)) => self.user_ref(cx, name).await?,
            Target::User(None) => match &cx.caller.principal {
                Principal::User { name } => self.user_ref(cx, name).await?,
                // The root asks about itself.
                _ => caller_ref(cx),
            },
            Target::OwnerOfKey(key_id) => {
                EntityRef { asked: Some(key_id.to_owned()), ..self.owner_ref(cx, key_id).await? }
            }
            Target::MfaDevice(serial) => {
                let found = self.identities.mfa_device(account, serial).await?;
                let tags = found.map(|found| pairs(&found.value.tags)).unwrap_or_default();
                with_arn(cx, serial, tags, MFA_KIND)
            }
            Target::Group(name) => self.group_ref(cx, name).await?,
            Target::Role(name) => self.role_ref(cx, name).await?,
            Target::Holder(arn) => self.holder_ref(cx, arn).await?,
            Target::PolicySource(arn) => self.policy_source_ref(cx, arn).await?,
            Target::Policy(arn) => {
                let found = self.identities.with_arn::<ManagedPolicy>(arn).await?;
                let found = found.filter(|found| found.value.account == account);
                let tags = found.map(|found| pairs(&found.value.tags)).unwrap_or_default();
                with_arn(cx, arn, tags, POLICY_KIND)
            }
            Target::InstanceProfile(name) => {
                self.named_ref::<InstanceProfile>(cx, name, INSTANCE_PROFILE_KIND, |profile| (&profile.tags, None))
                    .await?
            }
            Target::OidcProvider(arn) => {
                let found = self.identities.oidc_provider_with_arn(arn).await?;
                let found = found.filter(|found| found.value.account == account);
                let tags = found.map(|found| pairs(&found.value.tags)).unwrap_or_default();
                with_arn(cx, arn, tags, OIDC_PROVIDER_KIND)
            }
            Target::New { arn_type, kind, path, name } => {
                let arn = self.arn(cx, arn_type, path.unwrap_or("/"), name);
                EntityRef {
                    asked: None,
                    arn,
                    account: cx.caller.account.clone(),
                    tags: Vec::new(),
                    boundary: None,
                    kind,
                }
            }
        };
        Ok(Resource::Entity(Arc::new(entity)))
    }

    /// The ARN of an entity of the caller's account.
    pub(super) fn arn(&self, cx: &Ctx, arn_type: &str, path: &str, name: &str) -> String {
        ["arn:", cx.region.partition(), ":iam::", cx.caller.account.as_str(), ":", arn_type, path, name].concat()
    }

    async fn user_ref(&self, cx: &Ctx, name: &str) -> Result<EntityRef, Error> {
        self.named_ref::<User>(cx, name, USER_KIND, |user| (&user.tags, user.policies.boundary.as_ref())).await
    }

    async fn group_ref(&self, cx: &Ctx, name: &str) -> Result<EntityRef, Error> {
        self.named_ref::<Group>(cx, name, GROUP_KIND, |_| (&[], None)).await
    }

    async fn role_ref(&self, cx: &Ctx, name: &str) -> Result<EntityRef, Error> {
        self.named_ref::<Role>(cx, name, ROLE_KIND, |role| (&role.tags, role.policies.boundary.as_ref())).await
    }

    /// What an ARN names, of which nothing is known when it is no user, group or role of the caller's account.
    async fn holder_ref(&self, cx: &Ctx, arn: &str) -> Result<EntityRef, Error> {
        let found = match holder_in(arn) {
            Some(("user", name)) => Some(self.user_ref(cx, name).await?),
            Some(("group", name)) => Some(self.group_ref(cx, name).await?),
            Some(("role", name)) => Some(self.role_ref(cx, name).await?),
            _ => None,
        };
        let unknown = || EntityRef {
            asked: None,
            arn: arn.to_owned(),
            account: owner(arn, &cx.caller.account),
            tags: Vec::new(),
            boundary: None,
            kind: USER_KIND,
        };
        Ok(found.filter(|found| found.arn == arn).unwrap_or_else(unknown))
    }

    /// The user, group or role of the name in an ARN. Anything else is taken for the caller's, so that it is refused for
    /// what it is.
    async fn policy_source_ref(&self, cx: &Ctx, arn: &str) -> Result<EntityRef, Error> {
        let account = cx.caller.account.clone();
        let own = arn.split(':').nth(4) == Some(account.as_str());
        Ok(match holder_in(arn).filter(|_| own) {
            Some(("user", name)) => self.user_ref(cx, name).await?,
            Some(("group", name)) => self.group_ref(cx, name).await?,
            Some(("role", name)) => self.role_ref(cx, name).await?,
            _ => EntityRef {
                asked: None,
                arn: arn.to_owned(),
                account,
                tags: Vec::new(),
                boundary: None,
                kind: USER_KIND,
            },
        })
    }

    /// Who an access key of the caller's account belongs to; the caller when there is no such key.
    async fn owner_ref(&self, cx: &Ctx, key_id: &str) -> Result<EntityRef, Error> {
        let found = self.identities.access_key(key_id).await?;
        let Some(key) = found.filter(|key| *key.value.account() == cx.caller.account) else {
            return Ok(caller_ref(cx));
        };
        let account = cx.caller.account.clone();
        let user = match key.value.owner() {
            Some(id) => self.identities.with_id::<User>(account.as_str(), id).await?,
            None => None,
        };
        Ok(match user {
            Some(user) => EntityRef {
                asked: None,
                arn: user.value.arn(),
                account,
                tags: pairs(&user.value.tags),
                boundary: user.value.policies.boundary.clone(),
                kind: USER_KIND,
            },
            None => EntityRef {
                asked: None,
                arn: self.root_arn(cx),
                account,
                tags: Vec::new(),
                boundary: None,
                kind: USER_KIND,
            },
        })
    }

    fn root_arn(&self, cx: &Ctx) -> String {
        ["arn:", cx.region.partition(), ":iam::", cx.caller.account.as_str(), ":root"].concat()
    }

    async fn named_ref<E: Entity>(
        &self,
        cx: &Ctx,
        name: &str,
        kind: &'static str,
        facts: fn(&E) -> (&[Tag], Option<&String>),
    ) -> Result<EntityRef, Error> {
        let account = cx.caller.account.clone();
        let found = self.identities.named::<E>(account.as_str(), name).await?;
        Ok(match found {
            Some(found) => {
                let (tags, boundary) = facts(&found.value);
                let (tags, boundary) = (pairs(tags), boundary.cloned());
                EntityRef { asked: Some(name.to_owned()), arn: found.value.arn(), account, tags, boundary, kind }
            }
            None => {
                let arn = self.arn(cx, E::ARN_TYPE, "/", name);
                EntityRef { asked: Some(name.to_owned()), arn, account, tags: Vec::new(), boundary: None, kind }
            }
        })
    }
}

/// The type and name of the user, group or role that an ARN of IAM names.
pub(super) fn holder_in(arn: &str) -> Option<(&str, &str)> {
    // A path may have colons.
    let resource = arn.splitn(6, ':').nth(5).filter(|_| arn.split(':').nth(2) == Some("iam"))?;
    let (kind, path_and_name) = resource.split_once('/')?;
    Some((kind, path_and_name.rsplit('/').next().unwrap_or(path_and_name)))
}

/// What a request names by its ARN.
fn with_arn(cx: &Ctx, arn: &str, tags: Vec<(String, String)>, kind: &'static str) -> EntityRef {
    let account = owner(arn, &cx.caller.account);
    EntityRef { asked: None, arn: arn.to_owned(), account, tags, boundary: None, kind }
}

fn caller_ref(cx: &Ctx) -> EntityRef {
    let account = cx.caller.account.clone();
    EntityRef {
        asked: None,
        arn: cx.caller.arn.to_string(),
        account,
        tags: Vec::new(),
        boundary: None,
        kind: USER_KIND,
    }
}

/// The account in an ARN. Policies of AWS belong to whoever asks.
fn owner(arn: &str, caller: &AccountId) -> AccountId {
    arn.split(':').nth(4).and_then(|account| AccountId::parse(account).ok()).unwrap_or_else(|| caller.clone())
}

impl Targeted for CreateUserRequest {
    fn target(&self) -> Target<'_> {
        Target::New { arn_type: "user", kind: USER_KIND, path: self.path.as_deref(), name: &self.user_name }
    }
}

impl Targeted for GetUserRequest {
    fn target(&self) -> Target<'_> {
        Target::User(self.user_name.as_deref())
    }
}

impl Targeted for ListUsersRequest {
    fn target(&self) -> Target<'_> {
        Target::List("user", self.path_prefix.as_deref())
    }
}

impl Targeted for DeleteUserRequest {
    fn target(&self) -> Target<'_> {
        Target::User(Some(&self.user_name))
    }
}

#[cfg(test)]
mod tests {
    use super::holder_in;

    #[test]
    fn a_path_with_colons_belongs_to_the_name_after_it() {
        let arn = |resource: &str| format!("arn:aws:iam::111122223333:{resource}");
        assert_eq!(holder_in(&arn("user/team/ann")), Some(("user", "ann")));
        assert_eq!(holder_in(&arn("role/x:user/ann")), Some(("role", "ann")));
        assert_eq!(holder_in(&arn("role/a:b/c:d/app")), Some(("role", "app")));
        assert_eq!(holder_in("arn:aws:sts::111122223333:assumed-role/app/s"), None);
    }
}
