//! What runs functions: those that are built in run inside this process, all others in processes of their own.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::json;
use strongroom_core::Databases;
use strongroom_core::functions::{Code, Host, HostFailure, Hosting, Invocation, Invoked, NATIVE};
use strongroom_crypto::Random;
use strongroom_rotators::Package;
use strongroom_runtimes::{CodeSource, Credentials, Failure, Isolation, Job, Runtimes, User};
use strongroom_types::{Clock, Region, SecretBytes};
use tracing::warn;

use super::inside::Inside;
use super::native;
use crate::config::{Config, IsolationConfig};
use crate::gate::Gate;

/// What is said where functions are switched off.
const SWITCHED_OFF: &str = "This server runs no functions. See functions.enabled in its configuration.";
/// The command of the binary that becomes a function's process.
pub const LAUNCHER: &str = "function-process";

/// The host of a server.
pub struct ServerHost {
    inside: Inside,
    rotators: strongroom_rotators::Settings,
    databases: Arc<Databases>,
    /// The runtimes; otherwise what is said of that.
    runtimes: Result<Runtimes, String>,
    /// Where this server is reached: known once it listens.
    url: OnceLock<String>,
    ca_bundle: Option<PathBuf>,
    region: Region,
}

impl ServerHost {
    /// The host as `config` has it. What keeps functions from running is told in the log, and when one is invoked.
    #[must_use]
    pub fn new(
        config: &Config,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
        databases: Arc<Databases>,
        databases_ca: Option<Vec<u8>>,
    ) -> Self {
        let region = config.account.region.clone();
        let runtimes = if config.functions_are_on() { runtimes(config, clock) } else { Err(SWITCHED_OFF.to_owned()) };
        if let Err(reason) = &runtimes
            && config.functions_are_on()
        {
            warn!(%reason, "functions with code of their own do not run");
        }
        Self {
            inside: Inside::new(Arc::clone(clock), Arc::clone(random), region.clone()),
            rotators: strongroom_rotators::Settings {
                ca_bundle: databases_ca,
                ..strongroom_rotators::Settings::default()
            },
            databases,
            runtimes,
            url: OnceLock::new(),
            ca_bundle: config.tls.certificate_file.clone(),
            region,
        }
    }

    /// Tells where this server's services are: by the gate for what is built in, at `url` for everything else.
    pub fn lead_to(&self, gate: &Arc<Gate>, url: &str) {
        self.inside.lead_to(gate);
        // Only the first one counts.
        let _ = self.url.set(url.to_owned());
    }

    /// How databases are reached.
    pub const fn rotators(&self) -> &strongroom_rotators::Settings {
        &self.rotators
    }

    /// The way to this server's own services.
    pub const fn inside(&self) -> &Inside {
        &self.inside
    }

    /// Ends all processes of functions.
    pub async fn stop(&self) {
        if let Ok(runtimes) = &self.runtimes {
            runtimes.stop().await;
        }
    }

    async fn invoke_native(&self, package: &Package, invocation: &Invocation) -> Invoked {
        let within = Duration::from_secs(invocation.configuration.timeout_s.into());
        let running = native::invoke(package, invocation, &self.inside, &self.rotators, &self.databases);
        match tokio::time::timeout(within, running).await {
            Ok(invoked) => invoked,
            Err(_) => timed_out(invocation),
        }
    }

    async fn invoke_process(&self, invocation: Invocation) -> Result<Invoked, HostFailure> {
        let runtimes = self.runtimes.as_ref().map_err(|reason| HostFailure::NotOffered(reason.clone()))?;
        let url = self.url.get().ok_or_else(|| HostFailure::Fault("the server does not listen yet".to_owned()))?;
        let configuration = &invocation.configuration;
        let variables = configuration.environment.iter();
        let job = Job {
            function_arn: invocation.function_arn.clone(),
            function_name: invocation.function_name.clone(),
            version: invocation.version.clone(),
            runtime: configuration.runtime.clone().unwrap_or_default(),
            handler: configuration.handler.clone().unwrap_or_default(),
            environment: variables.map(|variable| (variable.name.clone(), variable.value.clone())).collect(),
            memory_mb: configuration.memory_mib,
            timeout_seconds: configuration.timeout_s,
            region: self.region.to_string(),
            code_sha256: invocation.code.sha256().to_owned(),
            credentials: Credentials {
                access_key_id: invocation.credentials.access_key_id.clone(),
                secret_access_key: invocation.credentials.secret_access_key.clone(),
                session_token: invocation.credentials.session_token.clone(),
                expires: invocation.credentials.expires,
            },
            role_arn: configuration.role.clone(),
            endpoint_url: url.clone(),
            ca_bundle: self.ca_bundle.clone(),
            payload: invocation.payload.clone(),
            request_id: invocation.request_id.clone(),
            client_context: invocation.client_context.clone(),
        };
        let invoked = runtimes.invoke(job, Zipped(&invocation.code)).await.map_err(host_failure)?;
        if let Some(note) = &invoked.note {
            warn!(function = %invocation.function_arn, %note, "a function's process");
        }
        Ok(Invoked {
            payload: invoked.payload,
            function_error: invoked.function_error.map(str::to_owned),
            log_tail: Some(invoked.log_tail),
        })
    }
}

/// The package of a function, loaded when it is not unpacked yet.
struct Zipped<'a>(&'a Code);

impl CodeSource for Zipped<'_> {
    async fn zip(&self) -> Result<Vec<u8>, Failure> {
        match self.0.load().await {
            Ok(zip) => Ok(zip.expose().to_vec()),
            Err(fault) => Err(Failure::Code(crate::gate::fault_text(&fault))),
        }
    }
}

impl Host for ServerHost {
    fn invoke(&self, invocation: Invocation) -> Hosting<'_, Result<Invoked, HostFailure>> {
        Box::pin(async move {
            let handler = invocation.configuration.handler.as_deref().unwrap_or_default();
            if !handler.starts_with(NATIVE) {
                return self.invoke_process(invocation).await;
            }
            match strongroom_rotators::find(handler) {
                Some(package) => Ok(self.invoke_native(package, &invocation).await),
                None => Err(HostFailure::BadPackage(strongroom_rotators::why_not(handler))),
            }
        })
    }

    fn retire<'a>(&'a self, function_arn: &'a str) -> Hosting<'a, ()> {
        Box::pin(async move {
            if let Ok(runtimes) = &self.runtimes {
                runtimes.retire(function_arn).await;
            }
        })
    }

    fn knows_native(&self, name: &str) -> bool {
        strongroom_rotators::find(&[NATIVE, name].concat()).is_some()
    }

    fn why_no_native(&self, name: &str) -> String {
        strongroom_rotators::why_not(&[NATIVE, name].concat())
    }
}

fn runtimes(config: &Config, clock: &Arc<dyn Clock>) -> Result<Runtimes, String> {
    let own = std::env::current_exe().map_err(|error| format!("the server's own program is not known: {error}"))?;
    let launcher: Vec<OsString> = vec![own.into_os_string(), LAUNCHER.into()];
    let settings = &config.functions;
    let wanted = strongroom_runtimes::Settings {
        runtimes: settings.runtimes.clone(),
        isolation: match settings.isolation {
            IsolationConfig::Auto => Isolation::Auto,
            IsolationConfig::Require => Isolation::Required,
            IsolationConfig::Never => Isolation::Off,
        },
        user: settings.user.map(|[uid, gid]| User { uid, gid }),
        reached: config.tls.certificate_file.iter().cloned().collect(),
        instances_max: usize::try_from(settings.processes_max).unwrap_or(1),
        ..strongroom_runtimes::Settings::new(launcher, Arc::clone(clock))
    };
    Runtimes::new(wanted).map_err(|failure| failure.to_string())
}

/// Lambda's answer for a function that takes longer than it may.
fn timed_out(invocation: &Invocation) -> Invoked {
    let seconds = invocation.configuration.timeout_s;
    let text = format!("RequestId: {} Error: Task timed out after {seconds}.00 seconds", invocation.request_id);
    let error = json!({ "errorType": "Sandbox.Timedout", "errorMessage": text });
    Invoked {
        payload: SecretBytes::new(error.to_string().into_bytes()),
        function_error: Some("Unhandled".to_owned()),
        log_tail: None,
    }
}

fn host_failure(failure: Failure) -> HostFailure {
    match failure {
        Failure::Settings(_) | Failure::Unsupported { .. } => HostFailure::NotOffered(failure.to_string()),
        Failure::Code(_) => HostFailure::BadPackage(failure.to_string()),
        Failure::Busy => HostFailure::Busy,
        Failure::Start(_) | Failure::Stopped => HostFailure::Fault(failure.to_string()),
    }
}
