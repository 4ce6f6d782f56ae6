//! The operations: from what was read to what is answered, one file a service.

mod cloudtrail;
mod cloudwatch;
mod config;
mod events;
mod form;
mod iam;
mod kms;
mod lambda;
mod logs;
pub mod secretsmanager;
mod strongroom;
mod sts;

use http::{HeaderName, HeaderValue};
use strongroom_core::sts::iam_calls;
use strongroom_core::{Ctx, Error, Principal};
use strongroom_types::{AccountId, SecretBytes};
use strongroom_wire::ops::AnyOperation;

use crate::app::App;
use crate::front::Call;

/// What an operation leaves besides its answer.
#[derive(Debug, Default)]
pub struct Answered {
    /// The body.
    pub body: SecretBytes,
    /// The resource that was acted on, for the record.
    pub acted: Option<Acted>,
    /// A second one that was acted on with it.
    pub also: Option<Acted>,
    /// What the record shows of the answer, when it is not committed with a change.
    pub response_elements: Option<String>,
    /// The status, where it is not 200.
    pub status: Option<u16>,
    /// Headers beside the content type.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// A resource that was acted on, as records show it.
#[derive(Clone, Debug)]
pub struct Acted {
    /// Its ARN.
    pub arn: String,
    /// The account that owns it.
    pub account: AccountId,
    /// Its type, such as `AWS::SecretsManager::Secret`.
    pub kind: &'static str,
}

/// Whether the caller's credentials are good for IAM: those of a federated user never are, those of GetSessionToken only
/// with MFA (IAM's user guide, "Compare AWS STS credentials").
fn may_call_iam(cx: &Ctx) -> bool {
    match (&cx.caller.principal, &cx.caller.session) {
        (Principal::Federated { .. }, _) => false,
        (Principal::User { .. } | Principal::Root, Some(session)) => session.mfa.is_some(),
        _ => true,
    }
}

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub async fn run(app: &App, cx: &Ctx, operation: AnyOperation, call: &Call) -> Result<Answered, Error> {
    match operation {
        AnyOperation::SecretsManager(operation) => {
            secretsmanager::run(&app.secrets, cx, operation, call.body.expose()).await
        }
        AnyOperation::Iam(_) if !may_call_iam(cx) => Err(iam_calls()),
        AnyOperation::Iam(operation) => Box::pin(iam::run(&app.iam, cx, operation, call)).await,
        AnyOperation::Sts(operation) => Box::pin(sts::run(app, cx, operation, call)).await,
        AnyOperation::Lambda(operation) => Box::pin(lambda::run(app, cx, operation, call)).await,
        AnyOperation::Config(operation) => Box::pin(config::run(&app.judge, cx, operation, call.body.expose())).await,
        AnyOperation::Events(operation) => Box::pin(events::run(app, cx, operation, call.body.expose())).await,
        AnyOperation::Strongroom(operation) => Box::pin(strongroom::run(app, cx, operation, call.body.expose())).await,
        AnyOperation::CloudTrail(operation) => {
            let of = cloudtrail::Trails {
                trail: &app.trails.cloudtrail,
                notary: &app.notary,
                peers: app.trails.peers.as_ref(),
            };
            Box::pin(cloudtrail::run(of, cx, operation, call.body.expose())).await
        }
        AnyOperation::CloudWatch(operation) => Box::pin(cloudwatch::run(app, cx, operation, call)).await,
        AnyOperation::Logs(operation) => Box::pin(logs::run(app, cx, operation, call.body.expose())).await,
        AnyOperation::Kms(operation) => Box::pin(kms::run(&app.kms, cx, operation, call.body.expose())).await,
    }
}
