//! The operations of STS (query protocol). They ask for their permissions themselves: which ones depends on the request.

use strongroom_core::sts::ROLE_KIND;
use strongroom_core::{Ctx, Error};
use strongroom_types::AccountId;
use strongroom_wire::ops::AnyOperation;
use strongroom_wire::sts::{
    AssumeRoleRequest, AssumeRoleResponse, AssumeRoleWithWebIdentityRequest, GetCallerIdentityRequest, Operation,
    SERVICE,
};
use strongroom_wire::{Shape, record};

use super::form::Asked;
use super::{Acted, Answered};
use crate::app::App;
use crate::front::Call;

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub(super) async fn run(app: &App, cx: &Ctx, operation: Operation, call: &Call) -> Result<Answered, Error> {
    let asked = Asked { cx, operation: AnyOperation::Sts(operation), call };
    let sts = &app.sts;
    match operation {
        Operation::GetCallerIdentity => {
            asked.input::<GetCallerIdentityRequest>()?;
            // Needs no permission: whoever signed may know who they are.
            Ok(answered(&asked, &sts.get_caller_identity(cx)))
        }
        Operation::AssumeRole => {
            let input: AssumeRoleRequest = asked.input()?;
            let role = input.role_arn.clone();
            let output: AssumeRoleResponse = sts.assume_role(cx, input).await?;
            Ok(on_role(&role, given(&asked, &output)))
        }
        Operation::AssumeRoleWithWebIdentity => {
            let input: AssumeRoleWithWebIdentityRequest = asked.input()?;
            let role = input.role_arn.clone();
            let output = sts.assume_role_with_web_identity(cx, app.web_identities(), input).await?;
            Ok(on_role(&role, given(&asked, &output)))
        }
        Operation::GetSessionToken => Ok(given(&asked, &sts.get_session_token(cx, asked.input()?).await?)),
        Operation::GetFederationToken => Ok(given(&asked, &sts.get_federation_token(cx, asked.input()?).await?)),
        Operation::GetAccessKeyInfo => Ok(answered(&asked, &sts.get_access_key_info(cx, asked.input()?).await?)),
        Operation::DecodeAuthorizationMessage => {
            Ok(answered(&asked, &sts.decode_authorization_message(cx, &asked.input()?)?))
        }
        Operation::AssumeRoleWithSAML => Ok(answered(&asked, &sts.assume_role_with_saml(&asked.input()?).await?)),
        Operation::AssumeRoot => Ok(answered(&asked, &sts.assume_root(cx, &asked.input()?)?)),
        Operation::GetDelegatedAccessToken => {
            Ok(answered(&asked, &sts.get_delegated_access_token(cx, &asked.input()?)?))
        }
        Operation::GetWebIdentityToken => Ok(answered(&asked, &sts.get_web_identity_token(cx, &asked.input()?)?)),
        Operation::GetScopedCredentials => Ok(answered(&asked, &sts.get_scoped_credentials(cx, &asked.input()?)?)),
    }
}

/// An answer of which the record shows nothing.
fn answered<O: Shape>(asked: &Asked<'_>, output: &O) -> Answered {
    Answered { body: asked.answer(output), ..Answered::default() }
}

/// Credentials: the record shows the answer without what is secret in it.
fn given<O: Shape>(asked: &Asked<'_>, output: &O) -> Answered {
    let response_elements = Some(record::encode_answer(&SERVICE, output));
    Answered { response_elements, ..answered(asked, output) }
}

/// The record names the role.
fn on_role(arn: &str, answered: Answered) -> Answered {
    let account = arn.split(':').nth(4).and_then(|account| AccountId::parse(account).ok());
    let acted = account.map(|account| Acted { arn: arn.to_owned(), account, kind: ROLE_KIND });
    Answered { acted, ..answered }
}
