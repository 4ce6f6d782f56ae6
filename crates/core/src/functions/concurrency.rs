//! Reserved concurrency.

use strongroom_wire::lambda::{
    Concurrency, DeleteFunctionConcurrencyRequest, GetFunctionConcurrencyRequest, GetFunctionConcurrencyResponse,
    PutFunctionConcurrencyRequest,
};
use strongroom_wire::record;

use super::{Functions, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

/// Invocations of an account that may run at one time, as AWS's default quota has it.
pub(super) const ACCOUNT_MAX: u32 = 1000;

impl Functions {
    /// Bounds how many invocations of a function may run at one time.
    ///
    /// # Errors
    /// ResourceNotFoundException, InvalidParameterValueException for more than the account's.
    pub async fn put_function_concurrency(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: PutFunctionConcurrencyRequest,
    ) -> Result<Concurrency, Error> {
        let reserved = u32::try_from(input.reserved_concurrent_executions).unwrap_or_default();
        if reserved > ACCOUNT_MAX {
            return Err(refusals::invalid(format!(
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution \
                 below its minimum value of [{ACCOUNT_MAX}]."
            )));
        }
        let answer = Concurrency { reserved_concurrent_executions: Some(input.reserved_concurrent_executions) };
        self.change(
            cx,
            permit,
            "put_function_concurrency",
            |function, _| {
                function.concurrency = Some(reserved);
                Ok(answer.clone())
            },
            |answer| Some(record::encode(answer)),
        )
        .await
    }

    /// Takes the bound away.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn delete_function_concurrency(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: DeleteFunctionConcurrencyRequest,
    ) -> Result<(), Error> {
        let change = |function: &mut super::Function, _: &mut _| {
            function.concurrency = None;
            Ok(())
        };
        self.change(cx, permit, "delete_function_concurrency", change, |()| None).await
    }

    /// The bound, if there is one.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn get_function_concurrency(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        _input: GetFunctionConcurrencyRequest,
    ) -> Result<GetFunctionConcurrencyResponse, Error> {
        let reserved = permit.function()?.found()?.concurrency.and_then(|reserved| i32::try_from(reserved).ok());
        Ok(GetFunctionConcurrencyResponse { reserved_concurrent_executions: reserved })
    }
}
