//! GetRandomPassword (specification §3.11) in the wire's terms; the drawing itself is in [`crate::password`].

use strongroom_wire::secretsmanager::{GetRandomPasswordRequest, GetRandomPasswordResponse, errors};

use super::Secrets;
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::password::{self, PasswordError, PasswordRules};

impl Secrets {
    /// A random password; nothing is stored.
    ///
    /// # Errors
    /// InvalidParameter when no password can satisfy the rules.
    pub async fn get_random_password(
        &self,
        _cx: &Ctx,
        _permit: &Permit,
        input: GetRandomPasswordRequest,
    ) -> Result<GetRandomPasswordResponse, Error> {
        let usual = PasswordRules::default();
        let rules = PasswordRules {
            length: input.password_length.and_then(|len| usize::try_from(len).ok()).unwrap_or(usual.length),
            exclude_characters: input.exclude_characters.unwrap_or_default(),
            exclude_numbers: input.exclude_numbers.unwrap_or_default(),
            exclude_punctuation: input.exclude_punctuation.unwrap_or_default(),
            exclude_uppercase: input.exclude_uppercase.unwrap_or_default(),
            exclude_lowercase: input.exclude_lowercase.unwrap_or_default(),
            include_space: input.include_space.unwrap_or_default(),
            require_each_included_type: input.require_each_included_type.unwrap_or(true),
        };
        let password = password::generate(self.documents.random(), &rules).map_err(|error| match error {
            PasswordError::Random(error) => error.into(),
            refusal => Error::refused(errors::INVALID_PARAMETER_EXCEPTION, refusal.to_string()),
        })?;
        Ok(GetRandomPasswordResponse { random_password: Some(password) })
    }
}
