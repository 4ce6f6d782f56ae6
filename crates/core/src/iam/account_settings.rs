//! Settings of the account as a whole: its alias, the password policy, the preferences of the token service.

use strongroom_store::Term;
use strongroom_wire::forms::Nothing;
use strongroom_wire::iam::{
    CreateAccountAliasRequest, DeleteAccountAliasRequest, GetAccountPasswordPolicyResponse, GlobalEndpointTokenVersion,
    ListAccountAliasesRequest, ListAccountAliasesResponse, PasswordPolicy as ShownPolicy,
    SetSecurityTokenServicePreferencesRequest, UpdateAccountPasswordPolicyRequest, errors,
};

use super::Iam;
use crate::access::Permit;
use crate::ctx::{Ctx, Done};
use crate::documents::{Loaded, retry};
use crate::error::Error;
use crate::identities::account::{Account, BY_ALIAS, PasswordPolicy};

impl Iam {
    /// The caller's account.
    pub(super) async fn account(&self, cx: &Ctx) -> Result<Loaded<Account>, Error> {
        let found = self.identities.account(cx.caller.account.as_str()).await?;
        found.ok_or_else(|| Error::internal("the caller's account is not there"))
    }

    /// Gives the account an alias, in the place of the one it has.
    ///
    /// # Errors
    /// EntityAlreadyExists when another account has it.
    pub async fn create_account_alias(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: CreateAccountAliasRequest,
    ) -> Result<(), Error> {
        let alias = input.account_alias;
        let holder = self.documents.store().find(&Term::new(BY_ALIAS, alias.clone())).await?;
        if holder.is_some_and(|holder| *holder != *cx.caller.account.as_str()) {
            // The code is AWS's; its text for aliases is unconfirmed.
            let text = format!("The account alias {alias} already exists.");
            return Err(Error::refused(errors::ENTITY_ALREADY_EXISTS_EXCEPTION, text));
        }
        self.change_account(cx, "create_account_alias", |account| {
            account.alias = Some(alias.clone());
            Ok(())
        })
        .await
    }

    /// Takes the account's alias away.
    ///
    /// # Errors
    /// NoSuchEntity when the account does not have it.
    pub async fn delete_account_alias(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DeleteAccountAliasRequest,
    ) -> Result<(), Error> {
        let alias = input.account_alias;
        self.change_account(cx, "delete_account_alias", |account| {
            if account.alias.as_ref() != Some(&alias) {
                let text = format!("The account alias {alias} cannot be found.");
                return Err(Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text));
            }
            account.alias = None;
            Ok(())
        })
        .await
    }

    /// The account's alias, if it has one. There is never a second page.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn list_account_aliases(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        _input: ListAccountAliasesRequest,
    ) -> Result<ListAccountAliasesResponse, Error> {
        let account_aliases = self.account(cx).await?.value.alias.iter().cloned().collect();
        Ok(ListAccountAliasesResponse { account_aliases, is_truncated: Some(false), marker: None })
    }

    /// Sets the password policy as a whole: what is not given becomes its default.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn update_account_password_policy(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: UpdateAccountPasswordPolicyRequest,
    ) -> Result<(), Error> {
        let given = |flag: Option<bool>| flag.unwrap_or(false);
        let policy = PasswordPolicy {
            length_min: input.minimum_password_length.unwrap_or(LENGTH_MIN_DEFAULT),
            require_symbols: given(input.require_symbols),
            require_numbers: given(input.require_numbers),
            require_uppercase: given(input.require_uppercase_characters),
            require_lowercase: given(input.require_lowercase_characters),
            users_may_change: given(input.allow_users_to_change_password),
            age_days_max: input.max_password_age.unwrap_or(0),
            reuse_prevented: input.password_reuse_prevention.unwrap_or(0),
            hard_expiry: given(input.hard_expiry),
        };
        self.change_account(cx, "update_account_password_policy", |account| {
            account.password_policy = Some(policy.clone());
            Ok(())
        })
        .await
    }

    /// The account's own password policy.
    ///
    /// # Errors
    /// NoSuchEntity when it has AWS's default.
    pub async fn get_account_password_policy(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        _input: Nothing,
    ) -> Result<GetAccountPasswordPolicyResponse, Error> {
        let account = self.account(cx).await?;
        let policy = account.value.password_policy.as_ref().ok_or_else(|| no_password_policy(cx))?;
        let above_zero = |number: i32| Some(number).filter(|number| *number > 0);
        Ok(GetAccountPasswordPolicyResponse {
            password_policy: ShownPolicy {
                minimum_password_length: Some(policy.length_min),
                require_symbols: Some(policy.require_symbols),
                require_numbers: Some(policy.require_numbers),
                require_uppercase_characters: Some(policy.require_uppercase),
                require_lowercase_characters: Some(policy.require_lowercase),
                allow_users_to_change_password: Some(policy.users_may_change),
                expire_passwords: Some(policy.age_days_max > 0),
                max_password_age: above_zero(policy.age_days_max),
                password_reuse_prevention: above_zero(policy.reuse_prevented),
                hard_expiry: Some(policy.hard_expiry),
            },
        })
    }

    /// Returns the account to AWS's default password policy.
    ///
    /// # Errors
    /// NoSuchEntity when it has none of its own.
    pub async fn delete_account_password_policy(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        _input: Nothing,
    ) -> Result<(), Error> {
        self.change_account(cx, "delete_account_password_policy", |account| {
            account.password_policy.take().map(drop).ok_or_else(|| no_password_policy(cx))
        })
        .await
    }

    /// Keeps which version of tokens the global endpoint is asked for.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn set_security_token_service_preferences(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: SetSecurityTokenServicePreferencesRequest,
    ) -> Result<(), Error> {
        let long = input.global_endpoint_token_version == GlobalEndpointTokenVersion::V2Token;
        self.change_account(cx, "set_security_token_service_preferences", |account| {
            account.long_global_tokens = long;
            Ok(())
        })
        .await
    }

    async fn change_account(
        &self,
        cx: &Ctx,
        name: &'static str,
        edit: impl Fn(&mut Account) -> Result<(), Error> + Send + Sync,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, name).await?;
            let mut after = change.account().clone();
            edit(&mut after)?;
            change.put_account(after);
            change.commit(cx, Done::default()).await
        })
        .await
    }
}

/// Characters that a password has at least when a policy does not say (IAM's API reference).
const LENGTH_MIN_DEFAULT: i32 = 6;

fn no_password_policy(cx: &Ctx) -> Error {
    let text = format!("The Password Policy with domain name {} cannot be found.", cx.caller.account);
    Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text)
}
