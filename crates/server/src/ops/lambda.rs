//! The operations of Lambda (restJson1).

use std::sync::Arc;

use strongroom_core::access::RequestKeys;
use strongroom_core::functions::resolve::FunctionRef;
use strongroom_core::functions::{Begun, FUNCTION_KIND, Functions, Prepared};
use strongroom_core::{Ctx, Error, Permit, Resource, authorize};
use strongroom_wire::error::UNKNOWN_OPERATION;
use strongroom_wire::forms::Nothing;
use strongroom_wire::lambda::{
    AddPermissionRequest, CreateAliasRequest, CreateFunctionRequest, DeleteAliasRequest,
    DeleteFunctionConcurrencyRequest, DeleteFunctionRequest, GetAliasRequest, GetFunctionCodeSigningConfigRequest,
    GetFunctionConcurrencyRequest, GetFunctionConfigurationRequest, GetFunctionRecursionConfigRequest,
    GetFunctionRequest, GetPolicyRequest, GetRuntimeManagementConfigRequest, InvocationRequest, InvokeAsyncRequest,
    ListAliasesRequest, ListTagsRequest, ListVersionsByFunctionRequest, Operation, PublishVersionRequest,
    PutFunctionConcurrencyRequest, RemovePermissionRequest, TagResourceRequest, UntagResourceRequest,
    UpdateAliasRequest, UpdateFunctionCodeRequest, UpdateFunctionConfigurationRequest,
};
use strongroom_wire::rest::{self, Route};
use strongroom_wire::{Shape, record};

use super::{Acted, Answered};
use crate::app::App;
use crate::front::Call;

/// A request about one function.
trait OfFunction: Shape + RequestKeys {
    /// The function as the request names it.
    fn function(&self) -> &str;
    /// The qualifier beside the name.
    fn qualifier(&self) -> Option<&str> {
        None
    }
}

macro_rules! of_function {
    ($member:ident: $($request:ty),+ $(,)?) => { $(impl OfFunction for $request {
        fn function(&self) -> &str {
            &self.$member
        }
    })+ };
}

macro_rules! of_qualified {
    ($($request:ty),+ $(,)?) => { $(impl OfFunction for $request {
        fn function(&self) -> &str {
            &self.function_name
        }

        fn qualifier(&self) -> Option<&str> {
            self.qualifier.as_deref()
        }
    })+ };
}

of_function!(
    function_name: CreateAliasRequest,
    CreateFunctionRequest,
    DeleteAliasRequest,
    DeleteFunctionConcurrencyRequest,
    GetAliasRequest,
    GetFunctionCodeSigningConfigRequest,
    GetFunctionConcurrencyRequest,
    GetFunctionRecursionConfigRequest,
    InvokeAsyncRequest,
    ListAliasesRequest,
    ListVersionsByFunctionRequest,
    PublishVersionRequest,
    PutFunctionConcurrencyRequest,
    UpdateAliasRequest,
    UpdateFunctionCodeRequest,
    UpdateFunctionConfigurationRequest,
);
of_function!(resource: ListTagsRequest, TagResourceRequest, UntagResourceRequest);
of_qualified!(
    AddPermissionRequest,
    DeleteFunctionRequest,
    GetFunctionConfigurationRequest,
    GetFunctionRequest,
    GetPolicyRequest,
    GetRuntimeManagementConfigRequest,
    InvocationRequest,
    RemovePermissionRequest,
);

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub(super) async fn run(app: &App, cx: &Ctx, operation: Operation, call: &Call) -> Result<Answered, Error> {
    let route = operation.route().ok_or_else(|| Error::Refused(UNKNOWN_OPERATION.bare()))?;
    let asked = Asked { app, functions: &app.functions, cx, route, call };
    match operation {
        Operation::CreateFunction => asked.on_function(Functions::create_function).await,
        Operation::GetFunction => asked.on_function(Functions::get_function).await,
        Operation::GetFunctionConfiguration => asked.on_function(Functions::get_function_configuration).await,
        Operation::ListFunctions => asked.on_account(Functions::list_functions).await,
        Operation::UpdateFunctionCode => asked.on_function(Functions::update_function_code).await,
        Operation::UpdateFunctionConfiguration => asked.on_function(Functions::update_function_configuration).await,
        Operation::DeleteFunction => asked.on_function(Functions::delete_function).await,
        Operation::AddPermission => asked.on_function(Functions::add_permission).await,
        Operation::RemovePermission => asked.on_function_silently(Functions::remove_permission).await,
        Operation::GetPolicy => asked.on_function(Functions::get_policy).await,
        Operation::Invoke => asked.invoke().await,
        Operation::InvokeAsync => asked.invoke_async().await,
        Operation::PublishVersion => asked.on_function(Functions::publish_version).await,
        Operation::ListVersionsByFunction => asked.on_function(Functions::list_versions_by_function).await,
        Operation::CreateAlias => asked.on_function(Functions::create_alias).await,
        Operation::UpdateAlias => asked.on_function(Functions::update_alias).await,
        Operation::GetAlias => asked.on_function(Functions::get_alias).await,
        Operation::ListAliases => asked.on_function(Functions::list_aliases).await,
        Operation::DeleteAlias => asked.on_function_silently(Functions::delete_alias).await,
        Operation::TagResource => asked.on_function_silently(Functions::tag_resource).await,
        Operation::UntagResource => asked.on_function_silently(Functions::untag_resource).await,
        Operation::ListTags => asked.on_function(Functions::list_tags).await,
        Operation::PutFunctionConcurrency => asked.on_function(Functions::put_function_concurrency).await,
        Operation::GetFunctionConcurrency => asked.on_function(Functions::get_function_concurrency).await,
        Operation::DeleteFunctionConcurrency => {
            asked.on_function_silently(Functions::delete_function_concurrency).await
        }
        Operation::GetAccountSettings => asked.on_account(Functions::get_account_settings).await,
        Operation::GetFunctionCodeSigningConfig => asked.on_function(Functions::get_function_code_signing_config).await,
        Operation::GetFunctionRecursionConfig => asked.on_function(Functions::get_function_recursion_config).await,
        Operation::GetRuntimeManagementConfig => asked.on_function(Functions::get_runtime_management_config).await,
    }
}

/// A call that is being answered.
struct Asked<'a> {
    app: &'a App,
    functions: &'a Functions,
    cx: &'a Ctx,
    route: &'static Route<Operation>,
    call: &'a Call,
}

impl Asked<'_> {
    /// Reads the input and puts its parameters into the record.
    fn input<I: Shape>(&self) -> Result<I, Error> {
        let request = rest::Request {
            path: self.call.uri.path(),
            query: self.call.uri.query().unwrap_or_default(),
            headers: &self.call.headers,
            body: self.call.body.expose(),
        };
        let input: I = rest::decode(self.route, request)?;
        let parameters = record::encode(&input);
        self.cx.amend_record(|record| record.request_parameters = Some(parameters));
        Ok(input)
    }

    /// Reads the input, finds the function that it names and asks for leave to act on it.
    async fn permitted<I: OfFunction>(&self) -> Result<(I, Permit, Arc<FunctionRef>), Error> {
        let input: I = self.input()?;
        let function = self.functions.resolve(self.cx, input.function(), input.qualifier()).await?;
        let permit = self.functions.permitted(self.cx, self.route.operation.action(), &function, &input)?;
        Ok((input, permit, function))
    }

    fn answered<O: Shape>(&self, output: &O, function: Option<&FunctionRef>) -> Answered {
        let written = rest::encode(self.route, output);
        let acted = function.filter(|function| function.found.is_some()).map(|function| Acted {
            arn: function.arn.clone(),
            account: function.account.clone(),
            kind: FUNCTION_KIND,
        });
        Answered {
            body: written.body,
            acted,
            status: Some(written.status),
            headers: written.headers,
            ..Answered::default()
        }
    }

    /// An operation on the function that the input names.
    async fn on_function<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: OfFunction,
        O: Shape,
        F: AsyncFnOnce(&Functions, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let (input, permit, function) = self.permitted::<I>().await?;
        let output = operation(self.functions, self.cx, &permit, input).await?;
        Ok(self.answered(&output, Some(&function)))
    }

    /// An operation without output on the function that the input names.
    async fn on_function_silently<I, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: OfFunction,
        F: AsyncFnOnce(&Functions, &Ctx, &Permit, I) -> Result<(), Error>,
    {
        let (input, permit, function) = self.permitted::<I>().await?;
        operation(self.functions, self.cx, &permit, input).await?;
        Ok(self.answered(&Nothing, Some(&function)))
    }

    /// An operation on the account as a whole.
    async fn on_account<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&Functions, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let permit = authorize(self.cx, self.route.operation.action(), Resource::Account, &input)?;
        let output = operation(self.functions, self.cx, &permit, input).await?;
        Ok(self.answered(&output, None))
    }

    async fn invoke(&self) -> Result<Answered, Error> {
        let (input, permit, function) = self.permitted::<InvocationRequest>().await?;
        let output = match self.functions.invoke(self.cx, &permit, input, &self.call.request_id).await? {
            Begun::Done(output) => output,
            Begun::Later(prepared, output) => {
                self.run_later(prepared);
                output
            }
        };
        Ok(self.answered(&output, Some(&function)))
    }

    async fn invoke_async(&self) -> Result<Answered, Error> {
        let (input, permit, function) = self.permitted::<InvokeAsyncRequest>().await?;
        let (prepared, output) = self.functions.invoke_async(self.cx, &permit, input, &self.call.request_id).await?;
        self.run_later(prepared);
        Ok(self.answered(&output, Some(&function)))
    }

    /// Runs an invocation that nobody waits for.
    fn run_later(&self, prepared: Prepared) {
        let functions = Arc::clone(&self.app.functions);
        drop(tokio::spawn(async move { functions.run_later(prepared).await }));
    }
}
