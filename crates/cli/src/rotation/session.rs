//! Calls of the public API by a command: where the server is, with which key, for which region.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::Value;
use strongroom_client::{Call, CallError, Client, Credentials, Endpoint, Options, Trust, profiles};
use strongroom_crypto::SystemRandom;
use strongroom_server::credentials::{CREDENTIALS_FILE, DEFAULT_PROFILE, ENDPOINT_FILE};
use strongroom_types::{Arn, Clock as _, Region, SecretText, SystemClock};
use zeroize::Zeroizing;

use crate::offline::DataArgs;

/// Where the server is, and which key signs.
#[derive(Args)]
pub struct ServerArgs {
    /// The data directory of the running server, whose root access key (DIR/credentials) and endpoint (DIR/endpoint) are
    /// used. Without it, AWS's environment is: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile of the shared
    /// credentials file, AWS_REGION, AWS_ENDPOINT_URL_… and AWS_ENDPOINT_URL, AWS_CA_BUNDLE.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The server's configuration file, if its region is named in one.
    #[arg(long, value_name = "FILE", requires = "data")]
    config: Option<PathBuf>,
    /// The profile: of DIR/credentials, or without --data of AWS's shared credentials file.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The server's URL, in place of the one that was found.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The region, in place of the one that was found.
    #[arg(long, value_name = "REGION", value_parser = |text: &str| Region::parse(text))]
    region: Option<Region>,
    /// Certificates in PEM form that the server's must lead to, in place of the system's.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl ServerArgs {
    /// The command that shows the history of `secret`, as it is to be typed; `DIR` where no flag names the directory.
    pub fn history_command(&self, secret: &str) -> String {
        let data = self.data.as_deref().map_or("DIR".into(), Path::to_string_lossy);
        format!("strongroom rotation history {secret} --data {data}")
    }
}

/// The services that commands call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Secrets Manager.
    SecretsManager,
    /// KMS.
    Kms,
    /// IAM.
    Iam,
    /// Lambda.
    Lambda,
    /// Strongroom's own.
    Strongroom,
}

impl Service {
    /// The name to sign for.
    pub const fn signing_name(self) -> &'static str {
        match self {
            Self::SecretsManager => "secretsmanager",
            Self::Kms => "kms",
            Self::Iam => "iam",
            Self::Lambda => "lambda",
            Self::Strongroom => "strongroom",
        }
    }

    /// The variable that names its endpoint.
    const fn variable(self) -> &'static str {
        match self {
            Self::SecretsManager => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            Self::Kms => "AWS_ENDPOINT_URL_KMS",
            Self::Iam => "AWS_ENDPOINT_URL_IAM",
            Self::Lambda => "AWS_ENDPOINT_URL_LAMBDA",
            Self::Strongroom => "AWS_ENDPOINT_URL_STRONGROOM",
        }
    }
}

/// What a command calls the server with.
pub struct Session {
    clients: BTreeMap<Service, Client>,
}

impl Session {
    /// The session that the flags, and without a data directory the environment, ask for. `secret` is the one that the
    /// command is about: its ARN tells the region when no flag does.
    ///
    /// # Errors
    /// When there is no key or no endpoint, or a file cannot be read.
    #[expect(clippy::disallowed_methods, reason = "the command reads the environment, so that no other room has to")]
    pub fn open(args: &ServerArgs, secret: &str, services: &[Service]) -> Result<Self, Box<dyn Error>> {
        let region = args.region.as_ref().map(|region| region.as_str().to_owned());
        let region = match region.or_else(|| region_of(secret)) {
            Some(region) => region,
            None => args.found_region()?,
        };
        let credentials = args.credentials()?;
        let bundle = || env::var_os("AWS_CA_BUNDLE").filter(|_| args.data.is_none()).map(PathBuf::from);
        let trust = match args.ca_file.clone().or_else(bundle) {
            Some(path) => Trust::pem(fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?),
            None => Trust::system(),
        };
        // Most of what commands send and get holds no secret's value, and signatures cannot be used for anything else. What
        // the service of Strongroom's own is sent may be a password.
        let plain_http_anywhere = !services.contains(&Service::Strongroom);
        let options = Options { trust, plain_http_anywhere, ..Options::default() };
        let mut clients = BTreeMap::new();
        for service in services {
            let endpoint = Arc::new(Endpoint::open(&args.url(*service)?, options.clone())?);
            clients.insert(*service, Client::new(endpoint, credentials.clone(), &region));
        }
        Ok(Self { clients })
    }

    /// Calls an operation of Secrets Manager.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn secrets(&self, operation: &str, input: &Value) -> Result<Value, CallError> {
        let service = Service::SecretsManager;
        let target = format!("secretsmanager.{operation}");
        self.call(service, Call::json(service.signing_name(), &target, input)).await?.json()
    }

    /// Carries out a call of `service`.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn call(&self, service: Service, call: Call) -> Result<strongroom_client::Answer, CallError> {
        let client = self
            .clients
            .get(&service)
            .ok_or_else(|| CallError::Endpoint(format!("{} is not called by this command", service.signing_name())))?;
        client.call(call, SystemClock.now()).await
    }
}

impl ServerArgs {
    fn credentials(&self) -> Result<Credentials, Box<dyn Error>> {
        if let Some(data) = &self.data {
            let profile = self.profile.as_deref().unwrap_or(DEFAULT_PROFILE);
            return of_file(&data.join(CREDENTIALS_FILE), profile);
        }
        let of_environment = || {
            Some(Credentials {
                access_key_id: variable("AWS_ACCESS_KEY_ID")?,
                secret_access_key: SecretText::new(variable("AWS_SECRET_ACCESS_KEY")?),
                session_token: variable("AWS_SESSION_TOKEN").map(SecretText::new),
            })
        };
        // A profile that was asked for goes before the environment, as with AWS's own tools.
        match of_environment().filter(|_| self.profile.is_none()) {
            Some(credentials) => Ok(credentials),
            None => of_file(&aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?, &self.aws_profile()),
        }
    }

    fn url(&self, service: Service) -> Result<String, Box<dyn Error>> {
        if let Some(url) = &self.endpoint {
            return Ok(url.clone());
        }
        let Some(data) = &self.data else {
            let found = variable(service.variable()).or_else(|| variable("AWS_ENDPOINT_URL"));
            let name = service.variable();
            return found.ok_or_else(|| {
                format!("where the server is, is not known: name its --data directory or its --endpoint, or set {name}")
                    .into()
            });
        };
        let path = data.join(ENDPOINT_FILE);
        match fs::read_to_string(&path) {
            Ok(url) => Ok(url.trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let data = data.display();
                Err(format!("no server runs on {data}: start it, or name the --endpoint of one that does").into())
            }
            Err(error) => Err(format!("{}: {error}", path.display()).into()),
        }
    }

    /// The region that the server or the environment has.
    fn found_region(&self) -> Result<String, Box<dyn Error>> {
        if let Some(data) = &self.data {
            let settings = DataArgs::new(data.clone(), self.config.clone()).settings()?;
            return Ok(settings.account.region.as_str().to_owned());
        }
        if let Some(region) = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")) {
            return Ok(region);
        }
        let section = profiles::config_section(&self.aws_profile());
        let text = fs::read_to_string(aws_file("AWS_CONFIG_FILE", "config")?).unwrap_or_default();
        let region = profiles::value(&text, &section, "region").map(str::to_owned);
        region.ok_or_else(|| "the region is not known: name it with --region, or set AWS_REGION".into())
    }

    fn aws_profile(&self) -> String {
        let asked = self.profile.clone().or_else(|| variable("AWS_PROFILE"));
        asked.unwrap_or_else(|| DEFAULT_PROFILE.to_owned())
    }
}

/// The region in the ARN of a secret.
fn region_of(secret: &str) -> Option<String> {
    Arn::parse(secret).ok().map(|arn| arn.region).filter(|region| !region.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "the command reads the environment, so that no other room has to")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// One of AWS's files: where the variable says, or in the home directory.
fn aws_file(name: &str, file: &str) -> Result<PathBuf, Box<dyn Error>> {
    if let Some(path) = variable(name) {
        return Ok(PathBuf::from(path));
    }
    let home =
        variable("HOME").ok_or("no credentials: name the server's --data directory, or set AWS_ACCESS_KEY_ID")?;
    Ok(Path::new(&home).join(".aws").join(file))
}

fn of_file(path: &Path, profile: &str) -> Result<Credentials, Box<dyn Error>> {
    let shown = path.display();
    let text = fs::read_to_string(path).map(Zeroizing::new).map_err(|error| format!("{shown}: {error}"))?;
    let found = Credentials::of_profile(&text, profile);
    found.ok_or_else(|| format!("{shown} has no access key in the profile {profile}").into())
}

/// Runs the calls of a command.
///
/// # Errors
/// Those of `work`.
pub fn block_on<T>(work: impl Future<Output = Result<T, Box<dyn Error>>>) -> Result<T, Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// A token for a request that makes a version.
///
/// # Errors
/// When there is no randomness.
pub fn fresh_token() -> Result<String, Box<dyn Error>> {
    Ok(strongroom_core::random_uuid(&SystemRandom)?)
}
