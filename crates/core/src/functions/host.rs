//! What runs functions: the contract that the server's runtimes keep.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use strongroom_types::{SecretBytes, SecretText, Timestamp};
use strongroom_wire::sts::Credentials;

use super::NATIVE;
use super::code::Code;
use super::model::Configuration;

/// A host's work under way.
pub type Hosting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What runs functions.
pub trait Host: Send + Sync {
    /// Runs one invocation to its end. A function that fails is no failure of the host: its error is the payload then.
    fn invoke(&self, invocation: Invocation) -> Hosting<'_, Result<Invoked, HostFailure>>;

    /// Ends what was kept ready of a function, by its ARN without qualifier: it was changed or deleted.
    fn retire<'a>(&'a self, function_arn: &'a str) -> Hosting<'a, ()>;

    /// Whether a native package of that name, without `strongroom/`, is built in.
    fn knows_native(&self, name: &str) -> bool;

    /// What clients are told of a name that is not built in.
    fn why_no_native(&self, name: &str) -> String {
        format!("Strongroom has no native package {NATIVE}{name}.")
    }
}

/// One invocation of a version of a function.
#[derive(Debug)]
pub struct Invocation {
    /// The function's ARN without qualifier.
    pub function_arn: String,
    /// The function's name.
    pub function_name: String,
    /// The ARN by which it was invoked, with the qualifier if there was one.
    pub invoked_arn: String,
    /// The version that runs: a number or `$LATEST`.
    pub version: String,
    /// How the version runs.
    pub configuration: Arc<Configuration>,
    /// Its code.
    pub code: Code,
    /// The event.
    pub payload: SecretBytes,
    /// The client context, in base64, if one was given.
    pub client_context: Option<String>,
    /// The id of the invocation, a UUID.
    pub request_id: String,
    /// When it must have ended.
    pub deadline: Timestamp,
    /// Credentials of the execution role, made for this invocation.
    pub credentials: RoleCredentials,
}

/// Credentials of a session of the execution role.
#[derive(Clone, Debug)]
pub struct RoleCredentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretText,
    /// The session token.
    pub session_token: SecretText,
    /// When they end.
    pub expires: Timestamp,
}

impl From<Credentials> for RoleCredentials {
    fn from(made: Credentials) -> Self {
        Self {
            access_key_id: made.access_key_id,
            secret_access_key: made.secret_access_key,
            session_token: made.session_token,
            expires: made.expiration,
        }
    }
}

/// What an invocation ended with.
#[derive(Debug, Default)]
pub struct Invoked {
    /// What the function returned, or its error as JSON.
    pub payload: SecretBytes,
    /// `Unhandled` or `Handled` when the function failed.
    pub function_error: Option<String>,
    /// The last 4 KiB of its log.
    pub log_tail: Option<SecretBytes>,
}

/// Why a host could not run a function at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostFailure {
    /// Nothing here runs functions, or none of this runtime. The text says so to the client.
    NotOffered(String),
    /// Too many run already.
    Busy,
    /// The package cannot be used, for this reason.
    BadPackage(String),
    /// Something else failed; the text is for the log.
    Fault(String),
}

/// A host where nothing runs: before runtimes are there, or when functions are switched off.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHost {
    /// Whether functions are switched on: it decides what clients are told.
    pub enabled: bool,
}

/// What clients are told where functions are switched off.
const SWITCHED_OFF: &str = "This server runs no functions: functions.enabled is off in its configuration.";
/// What clients are told where there are no runtimes.
const NO_RUNTIME: &str = "This server has no runtime for functions.";

impl Host for NoHost {
    fn invoke(&self, _invocation: Invocation) -> Hosting<'_, Result<Invoked, HostFailure>> {
        let text = if self.enabled { NO_RUNTIME } else { SWITCHED_OFF };
        Box::pin(async move { Err(HostFailure::NotOffered(text.to_owned())) })
    }

    fn retire<'a>(&'a self, _function_arn: &'a str) -> Hosting<'a, ()> {
        Box::pin(async {})
    }

    fn knows_native(&self, _name: &str) -> bool {
        true
    }
}
