//! What rotation asks of the functions that carry it out. Who runs them is not known here.

use std::future::Future;
use std::pin::Pin;

use strongroom_types::{SecretBytes, Timestamp};

use crate::ctx::Ctx;
use crate::error::Error;
use crate::secrets::model::Secret;

/// A future of the functions, boxed so that they can be used as `dyn RotationFunctions`.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A step that a function is to carry out.
#[derive(Debug)]
pub struct RotationCall<'a> {
    /// The function, possibly with a version or alias.
    pub function_arn: &'a str,
    /// The secret as it was when the step was decided on.
    pub secret: &'a Secret,
    /// The event: Step, SecretId, ClientRequestToken, RotationToken as JSON.
    pub payload: SecretBytes,
    /// When.
    pub now: Timestamp,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepEnd {
    /// Success, or what went wrong in the function's own words or those of who runs it.
    pub outcome: Result<(), String>,
    /// The last of what the function wrote, if that is known.
    pub log_tail: Option<String>,
}

/// The functions that rotate secrets.
pub trait RotationFunctions: Send + Sync {
    /// Whether a function can rotate a secret of the caller's: it is there, and its policy lets Secrets Manager in
    /// (specification §3.12).
    fn check<'a>(&'a self, cx: &'a Ctx, function_arn: &'a str, secret: &'a Secret) -> Asking<'a, Result<(), Error>>;

    /// Carries out a step, as Secrets Manager.
    fn invoke<'a>(&'a self, call: RotationCall<'a>) -> Asking<'a, StepEnd>;
}
