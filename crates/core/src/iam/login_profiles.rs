//! Login profiles: the passwords of users, kept as hashes.

use strongroom_crypto::password_hash;
use strongroom_types::SecretText;
use strongroom_wire::error::ACCESS_DENIED;
use strongroom_wire::iam::{
    ChangePasswordRequest, CreateLoginProfileRequest, CreateLoginProfileResponse, DeleteLoginProfileRequest,
    GetLoginProfileRequest, GetLoginProfileResponse, LoginProfile, UpdateLoginProfileRequest, errors,
};
use strongroom_wire::record;

use super::target::USER_KIND;
use super::{Iam, instant, password_rules, refusals};
use crate::access::Permit;
use crate::caller::Principal;
use crate::ctx::{Ctx, Done};
use crate::documents::retry;
use crate::error::Error;
use crate::identities::account::PasswordPolicy;
use crate::identities::entity::Entity;
use crate::identities::user::{Login, User};

/// Hashes of earlier passwords that are kept, at most: what a policy may forbid to use again.
const EARLIER_MAX: usize = 24;

impl Iam {
    /// Gives a user a password.
    ///
    /// # Errors
    /// NoSuchEntity, EntityAlreadyExists, PasswordPolicyViolation.
    pub async fn create_login_profile(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: CreateLoginProfileRequest,
    ) -> Result<CreateLoginProfileResponse, Error> {
        let user = self.user_or_caller(cx, input.user_name.as_deref()).await?;
        if user.value.login.is_some() {
            return Err(refusals::exists("Login Profile for User", &user.value.name));
        }
        let Some(password) = &input.password else {
            let text = "Password is required to create a login profile.";
            return Err(Error::refused(strongroom_wire::error::VALIDATION, text));
        };
        let policy = self.account(cx).await?.value.password_policy.clone();
        check_rules(policy.as_ref(), &user.value.name, password)?;
        let hash = self.hashed(password).await?;
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "create_login_profile").await?;
            let before = self.user(cx, &user.value.name).await?;
            if before.value.login.is_some() {
                return Err(refusals::exists("Login Profile for User", &user.value.name));
            }
            let now = cx.now.millis();
            let login = Login {
                hash: hash.clone(),
                earlier: Vec::new(),
                created_ms: now,
                changed_ms: now,
                reset_required: input.password_reset_required.unwrap_or(false),
                used_ms: None,
                signin_seconds_max: input.max_signin_session_duration,
            };
            let response = CreateLoginProfileResponse { login_profile: shown(&before.value, &login) };
            let after = User { login: Some(login), ..(*before.value).clone() };
            let done = Done { response_elements: Some(record::encode(&response)), ..done(&after) };
            change.put(Some(&before), after)?;
            change.commit(cx, done).await?;
            Ok(response)
        })
        .await
    }

    /// A user's login profile.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn get_login_profile(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: GetLoginProfileRequest,
    ) -> Result<GetLoginProfileResponse, Error> {
        let user = self.user_or_caller(cx, input.user_name.as_deref()).await?.value;
        let login = user.login.as_ref().ok_or_else(|| no_login(&user.name))?;
        Ok(GetLoginProfileResponse { login_profile: shown(&user, login) })
    }

    /// Sets a user's password, or whether a new one has to be chosen.
    ///
    /// # Errors
    /// NoSuchEntity, PasswordPolicyViolation.
    pub async fn update_login_profile(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: UpdateLoginProfileRequest,
    ) -> Result<(), Error> {
        let user = self.user(cx, &input.user_name).await?.value;
        let login = user.login.as_ref().ok_or_else(|| no_login(&user.name))?;
        let hash = match &input.password {
            Some(password) => Some(self.next_hash(cx, &user, login, password).await?),
            None => None,
        };
        let resets = input.reset_max_signin_session_duration.unwrap_or_default();
        self.set_password(cx, "update_login_profile", &user, hash, |login| {
            login.reset_required = input.password_reset_required.unwrap_or(login.reset_required);
            let kept = login.signin_seconds_max.filter(|_| !resets);
            login.signin_seconds_max = input.max_signin_session_duration.or(kept);
        })
        .await
    }

    /// Takes a user's password away.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn delete_login_profile(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DeleteLoginProfileRequest,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "delete_login_profile").await?;
            let before = self.user_or_caller(cx, input.user_name.as_deref()).await?;
            if before.value.login.is_none() {
                return Err(no_login(&before.value.name));
            }
            let after = User { login: None, ..(*before.value).clone() };
            let done = done(&after);
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }

    /// Changes the caller's own password.
    ///
    /// # Errors
    /// InvalidUserType when no user asks; NoSuchEntity without a login profile; AccessDenied for a wrong old password;
    /// PasswordPolicyViolation.
    pub async fn change_password(&self, cx: &Ctx, _permit: &Permit, input: ChangePasswordRequest) -> Result<(), Error> {
        let Principal::User { name } = &cx.caller.principal else {
            let text = "Only IAM Users can change their own password";
            return Err(Error::refused(errors::INVALID_USER_TYPE_EXCEPTION, text));
        };
        let user = self.user(cx, name).await?.value;
        let login = user.login.as_ref().ok_or_else(|| no_login(&user.name))?;
        if !self.is_one_of(vec![login.hash.clone()], &input.old_password).await? {
            return Err(Error::refused(ACCESS_DENIED, "The old password was incorrect."));
        }
        let hash = self.next_hash(cx, &user, login, &input.new_password).await?;
        self.set_password(cx, "change_password", &user, Some(hash), |login| login.reset_required = false).await
    }

    /// The hash of a password that is to take the place of `login`'s.
    async fn next_hash(&self, cx: &Ctx, user: &User, login: &Login, password: &SecretText) -> Result<String, Error> {
        let policy = self.account(cx).await?.value.password_policy.clone();
        check_rules(policy.as_ref(), &user.name, password)?;
        let reuse_prevented = policy.map_or(0, |policy| usize::try_from(policy.reuse_prevented).unwrap_or_default());
        let earlier = std::iter::once(&login.hash).chain(&login.earlier).take(reuse_prevented).cloned().collect();
        if self.is_one_of(earlier, password).await? {
            // The code is AWS's; its text is unconfirmed.
            let text = "Password has been used before";
            return Err(Error::refused(errors::PASSWORD_POLICY_VIOLATION_EXCEPTION, text));
        }
        self.hashed(password).await
    }

    /// Puts a new hash in the place of the one that `seen` has. When another change was faster, this one fails as if it
    /// had come first.
    async fn set_password(
        &self,
        cx: &Ctx,
        name: &'static str,
        seen: &User,
        hash: Option<String>,
        change_rest: impl Fn(&mut Login),
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, name).await?;
            let before = self.user(cx, &seen.name).await?;
            let mut after = (*before.value).clone();
            let login = after.login.as_mut().ok_or_else(|| no_login(&seen.name))?;
            if Some(&login.hash) != seen.login.as_ref().map(|login| &login.hash) {
                let text = "The login profile was changed meanwhile.";
                return Err(Error::refused(errors::ENTITY_TEMPORARILY_UNMODIFIABLE_EXCEPTION, text));
            }
            if let Some(hash) = &hash {
                let old = std::mem::replace(&mut login.hash, hash.clone());
                login.earlier.insert(0, old);
                login.earlier.truncate(EARLIER_MAX);
                login.changed_ms = cx.now.millis();
            }
            change_rest(login);
            let done = done(&after);
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }

    /// Hashes a password where nobody waits for it.
    async fn hashed(&self, password: &SecretText) -> Result<String, Error> {
        let (documents, password) = (std::sync::Arc::clone(&self.documents), password.clone());
        let hash = move || password_hash::hash(documents.random(), password.expose());
        Ok(self.computed(hash).await??)
    }

    /// Whether a password is that of one of some hashes, found out where nobody waits for it.
    async fn is_one_of(&self, hashes: Vec<String>, password: &SecretText) -> Result<bool, Error> {
        let password = password.clone();
        self.computed(move || hashes.iter().any(|hash| password_hash::is_of(hash, password.expose()))).await
    }

    /// Does a long computation on a thread of its own, one at a time: each takes 19 MiB.
    async fn computed<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let _place = self.hashing.lock().await;
        tokio::task::spawn_blocking(work).await.map_err(|_| Error::internal("hashing a password did not end well"))
    }
}

fn check_rules(policy: Option<&PasswordPolicy>, user_name: &str, password: &SecretText) -> Result<(), Error> {
    match password_rules::fault(policy, user_name, password.expose()) {
        Some(text) => Err(Error::refused(errors::PASSWORD_POLICY_VIOLATION_EXCEPTION, text)),
        None => Ok(()),
    }
}

fn no_login(user_name: &str) -> Error {
    let text = format!("Login Profile for User {user_name} cannot be found.");
    Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text)
}

fn done(user: &User) -> Done {
    Done { response_elements: None, arn: Some(user.arn()), resource_kind: USER_KIND }
}

fn shown(user: &User, login: &Login) -> LoginProfile {
    LoginProfile {
        user_name: user.name.clone(),
        create_date: instant(login.created_ms),
        password_reset_required: Some(login.reset_required),
        max_signin_session_duration: login.signin_seconds_max,
    }
}
