//! GetFunction and the other reads of one function, and of the account.

use strongroom_wire::lambda::{
    AccountLimit, AccountUsage, Concurrency, FunctionCodeLocation, FunctionConfiguration, GetAccountSettingsRequest,
    GetAccountSettingsResponse, GetFunctionCodeSigningConfigRequest, GetFunctionCodeSigningConfigResponse,
    GetFunctionConfigurationRequest, GetFunctionRecursionConfigRequest, GetFunctionRecursionConfigResponse,
    GetFunctionRequest, GetFunctionResponse, GetRuntimeManagementConfigRequest, GetRuntimeManagementConfigResponse,
    RecursiveLoop, UpdateRuntimeOn,
};

use super::code::UNZIPPED_BYTES_MAX;
use super::concurrency::ACCOUNT_MAX;
use super::model::{Function, document_key};
use super::{Functions, shown};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::Document as _;
use crate::error::Error;

/// Bytes of all code of an account and region, as AWS's default quota has it.
const TOTAL_CODE_BYTES: i64 = 75 * 1024 * 1024 * 1024;
/// Functions that are counted at a time.
const PAGE: usize = 500;

impl Functions {
    /// A version of a function as it is configured.
    fn configured(permit: &Permit) -> Result<FunctionConfiguration, Error> {
        let named = permit.function()?;
        let (function, version) = (named.found()?, named.version()?);
        let shown = shown::configuration(function, version, false);
        let mut shown = shown.ok_or_else(|| Error::internal("a version that was found is not there"))?;
        // The ARN is the one that was asked for: with the version or the alias.
        shown.function_arn = Some(named.qualified());
        Ok(shown)
    }

    /// A function: its configuration, tags and concurrency. There is no address from where its code could be fetched.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn get_function(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        _input: GetFunctionRequest,
    ) -> Result<GetFunctionResponse, Error> {
        let configuration = Self::configured(permit)?;
        let function = permit.function()?.found()?;
        let reserved = function.concurrency.and_then(|reserved| i32::try_from(reserved).ok());
        Ok(GetFunctionResponse {
            configuration: Some(configuration),
            code: Some(FunctionCodeLocation {
                repository_type: Some("S3".to_owned()),
                ..FunctionCodeLocation::default()
            }),
            tags: (!function.tags.is_empty()).then(|| function.tags.clone()),
            concurrency: reserved.map(|reserved| Concurrency { reserved_concurrent_executions: Some(reserved) }),
            ..GetFunctionResponse::default()
        })
    }

    /// A function's configuration.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn get_function_configuration(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        _input: GetFunctionConfigurationRequest,
    ) -> Result<FunctionConfiguration, Error> {
        Self::configured(permit)
    }

    /// Whose signatures a function's code needs: nobody's.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn get_function_code_signing_config(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        _input: GetFunctionCodeSigningConfigRequest,
    ) -> Result<GetFunctionCodeSigningConfigResponse, Error> {
        let function = permit.function()?.found()?;
        Ok(GetFunctionCodeSigningConfigResponse {
            code_signing_config_arn: String::new(),
            function_name: function.name.clone(),
        })
    }

    /// What becomes of functions that invoke themselves without end.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn get_function_recursion_config(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        _input: GetFunctionRecursionConfigRequest,
    ) -> Result<GetFunctionRecursionConfigResponse, Error> {
        permit.function()?.found()?;
        Ok(GetFunctionRecursionConfigResponse { recursive_loop: Some(RecursiveLoop::Allow) })
    }

    /// When a function's runtime is brought up to date: with the server's machine.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn get_runtime_management_config(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        _input: GetRuntimeManagementConfigRequest,
    ) -> Result<GetRuntimeManagementConfigResponse, Error> {
        let named = permit.function()?;
        named.version()?;
        Ok(GetRuntimeManagementConfigResponse {
            update_runtime_on: Some(UpdateRuntimeOn::Auto),
            function_arn: Some(named.qualified()),
            runtime_version_arn: None,
        })
    }

    /// The bounds of an account and how much of them is used.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn get_account_settings(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        _input: GetAccountSettingsRequest,
    ) -> Result<GetAccountSettingsResponse, Error> {
        let prefix = document_key(cx.caller.account.as_str(), cx.region.as_str(), "");
        let (mut count, mut bytes, mut reserved) = (0_i64, 0_u64, 0_u32);
        let mut after: Option<String> = None;
        loop {
            let page = self.documents.scan::<Function>(&prefix, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.value.key());
            for function in &page {
                count += 1;
                bytes += function.value.codes().map(|code| code.bytes).sum::<u64>();
                reserved = reserved.saturating_add(function.value.concurrency.unwrap_or_default());
            }
        }
        Ok(GetAccountSettingsResponse {
            account_limit: Some(AccountLimit {
                total_code_size: Some(TOTAL_CODE_BYTES),
                code_size_unzipped: i64::try_from(UNZIPPED_BYTES_MAX).ok(),
                code_size_zipped: Some(50 * 1024 * 1024),
                concurrent_executions: i32::try_from(ACCOUNT_MAX).ok(),
                unreserved_concurrent_executions: i32::try_from(ACCOUNT_MAX.saturating_sub(reserved)).ok(),
            }),
            account_usage: Some(AccountUsage {
                total_code_size: i64::try_from(bytes).ok(),
                function_count: Some(count),
            }),
        })
    }
}
