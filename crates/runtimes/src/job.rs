//! What is asked of a function and what it answers.

use std::collections::BTreeMap;
use std::future::Future;

use strongroom_types::{SecretBytes, SecretText, Timestamp};

use crate::settings::Failure;

/// Credentials of the function's execution role.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key's id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretText,
    /// The session token.
    pub session_token: SecretText,
    /// When they end. A process that was started with them takes no work that they might not outlast.
    pub expires: Timestamp,
}

/// One invocation of a function, with all that its process needs.
#[derive(Clone)]
pub struct Job {
    /// The function's ARN, as it is invoked. Processes are kept by it.
    pub function_arn: String,
    /// The function's name.
    pub function_name: String,
    /// Its version, such as `$LATEST`.
    pub version: String,
    /// The runtime's name, such as `python3.12`.
    pub runtime: String,
    /// The handler, such as `index.handler`.
    pub handler: String,
    /// The function's own environment variables.
    pub environment: BTreeMap<String, SecretText>,
    /// Memory in MiB.
    pub memory_mb: u32,
    /// Seconds that one invocation may take.
    pub timeout_seconds: u32,
    /// The region.
    pub region: String,
    /// The hash of the code by which it is known; any text that is the same for the same code alone.
    pub code_sha256: String,
    /// What the SDK inside signs with.
    pub credentials: Credentials,
    /// The role that they are of: a process keeps those that it was started with, and gets no invocation of another role.
    pub role_arn: String,
    /// Where the SDK inside finds its services.
    pub endpoint_url: String,
    /// A file with the certificates that the endpoint's one leads to, when it is none that the system trusts.
    pub ca_bundle: Option<std::path::PathBuf>,
    /// The event.
    pub payload: SecretBytes,
    /// The request's id, a UUID.
    pub request_id: String,
    /// The client context, JSON, when there is one.
    pub client_context: Option<String>,
}

/// What became of an invocation.
#[derive(Clone)]
pub struct Invoked {
    /// The answer, or the error's JSON when `function_error` is there. May be secret.
    pub payload: SecretBytes,
    /// Lambda's `X-Amz-Function-Error`. Its own runtimes say `Unhandled` for whatever went wrong inside a function.
    pub function_error: Option<&'static str>,
    /// The end of what the function printed, between Lambda's lines START, END and REPORT: 4 KiB at most. May hold
    /// secrets that the function printed.
    pub log_tail: SecretBytes,
    /// Milliseconds that it took, without the start of the process.
    pub duration_ms: u64,
    /// The same, rounded up, as Lambda bills it.
    pub billed_duration_ms: u64,
    /// Milliseconds from the start of the process to its first question for work; none when it was warm.
    pub init_duration_ms: Option<u64>,
    /// The most memory in MiB that the process and its children were seen to have.
    pub memory_used_mb: u32,
    /// What else the operator should know: for the log, without anything that the function said.
    pub note: Option<String>,
}

/// Where a function's code comes from.
pub trait CodeSource: Send + Sync {
    /// The zip archive. Asked for only when the code is not unpacked already.
    ///
    /// # Errors
    /// When there is none to be had.
    fn zip(&self) -> impl Future<Output = Result<Vec<u8>, Failure>> + Send;
}
