//! The environment of a function's process: what Lambda sets, what leads the SDK to this server, what the function adds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use strongroom_types::{SecretBuffer, SecretBytes, SecretText};

use crate::job::Job;
use crate::kind::{Kind, supported};

/// The places of a function's process, as the process sees them.
pub struct Places {
    /// Its code.
    pub task: PathBuf,
    /// Where it may write.
    pub tmp: PathBuf,
    /// The certificates of the endpoint.
    pub ca_bundle: Option<PathBuf>,
    /// Folders of programs, before the system's.
    pub path: Vec<PathBuf>,
}

/// The environment as the launcher reads it: pairs that each end with a zero byte.
pub fn environment(job: &Job, places: &Places, api: &str) -> SecretBytes {
    let mut pairs = defaults(job, places);
    pairs.extend(job.environment.iter().map(|(name, value)| (name.clone(), value.clone())));
    pairs.extend(reserved(job, places, api));
    let mut buffer = SecretBuffer::with_capacity(4096);
    for (name, value) in pairs {
        // A zero byte can be in no variable.
        if name.is_empty() || name.contains(['\0', '=']) || value.expose().contains('\0') {
            continue;
        }
        for part in [name.as_bytes(), b"=", value.expose().as_bytes(), b"\0"] {
            buffer.extend_from_slice(part);
        }
    }
    buffer.into_secret()
}

fn shown(path: &Path) -> SecretText {
    SecretText::new(path.to_string_lossy().into_owned())
}

fn pair(name: &str, value: &str) -> (String, SecretText) {
    (name.to_owned(), SecretText::new(value.to_owned()))
}

/// What the function may set otherwise.
fn defaults(job: &Job, places: &Places) -> BTreeMap<String, SecretText> {
    let own = places.path.iter().map(|folder| folder.to_string_lossy().into_owned());
    let path: Vec<String> = own.chain(["/usr/local/bin", "/usr/bin", "/bin"].map(str::to_owned)).collect();
    let mut pairs = BTreeMap::from([
        pair("PATH", &path.join(":")),
        pair("LANG", "C.UTF-8"),
        pair("TZ", ":UTC"),
        pair("AWS_ENDPOINT_URL", &job.endpoint_url),
        pair("AWS_ENDPOINT_URL_SECRETS_MANAGER", &job.endpoint_url),
        // AWS's templates for rotation read it.
        pair("SECRETS_MANAGER_ENDPOINT", &job.endpoint_url),
    ]);
    pairs.insert("TMPDIR".to_owned(), shown(&places.tmp));
    pairs.insert("HOME".to_owned(), shown(&places.tmp));
    if let Some(bundle) = &places.ca_bundle {
        pairs.insert("AWS_CA_BUNDLE".to_owned(), shown(bundle));
        pairs.insert("NODE_EXTRA_CA_CERTS".to_owned(), shown(bundle));
    }
    pairs
}

/// What Lambda sets whatever the function says.
fn reserved(job: &Job, places: &Places, api: &str) -> BTreeMap<String, SecretText> {
    let memory = job.memory_mb.to_string();
    let mut pairs = BTreeMap::from([
        pair("_HANDLER", &job.handler),
        pair("AWS_LAMBDA_RUNTIME_API", api),
        pair("AWS_LAMBDA_FUNCTION_NAME", &job.function_name),
        pair("AWS_LAMBDA_FUNCTION_VERSION", &job.version),
        pair("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        pair("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        pair("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", job.function_name)),
        pair("AWS_LAMBDA_LOG_STREAM_NAME", &format!("[{}]", job.version)),
        pair("AWS_REGION", &job.region),
        pair("AWS_DEFAULT_REGION", &job.region),
        pair("AWS_ACCESS_KEY_ID", &job.credentials.access_key_id),
    ]);
    pairs.insert("AWS_SECRET_ACCESS_KEY".to_owned(), job.credentials.secret_access_key.clone());
    pairs.insert("AWS_SESSION_TOKEN".to_owned(), job.credentials.session_token.clone());
    pairs.insert("LAMBDA_TASK_ROOT".to_owned(), shown(&places.task));
    pairs.insert("LAMBDA_RUNTIME_DIR".to_owned(), SecretText::new("/var/runtime".to_owned()));
    if supported(&job.runtime) != Some(Kind::Provided) {
        pairs.extend([pair("AWS_EXECUTION_ENV", &format!("AWS_Lambda_{}", job.runtime))]);
    }
    pairs
}
