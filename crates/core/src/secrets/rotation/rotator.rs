//! What rotation asks of whoever carries it out, which is not known here.

use std::future::Future;
use std::pin::Pin;

use strongroom_types::{SecretBytes, SecretText, Timestamp};

use super::RotatedBy;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::secrets::model::Secret;

/// A future of a rotator, boxed so that it can be used as `dyn Rotator`.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A step that is to be carried out.
#[derive(Debug)]
pub struct RotationCall<'a> {
    /// By whom.
    pub by: &'a RotatedBy,
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

/// Carries out rotations: by functions, over the APIs of partners, or as the service that owns a secret.
pub trait Rotator: Send + Sync {
    /// Whether a secret can be rotated so. A function is there, its policy lets Secrets Manager in (specification
    /// §3.12), and the caller may invoke it; a partner's type is one that is rotated, has its metadata, and the caller
    /// may pass the role, which lets Secrets Manager assume it (§5.8).
    fn check<'a>(&'a self, cx: &'a Ctx, by: &'a RotatedBy, secret: &'a Secret) -> Asking<'a, Result<(), Error>>;

    /// Whether there is a type of managed external secrets, and a value has what secrets of it must have.
    ///
    /// # Errors
    /// What is wrong, without anything of the value.
    fn check_kind(&self, kind: &str, value: Option<&SecretText>) -> Result<(), String>;

    /// Carries out a step, as Secrets Manager.
    fn carry_out<'a>(&'a self, call: RotationCall<'a>) -> Asking<'a, StepEnd>;
}
