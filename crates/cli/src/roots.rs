//! The roots of trust that the configuration names, opened; a key file is made on the first start.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use strongroom_crypto::root::KeyRoot;
use strongroom_crypto::{Random, RootError, RootOfTrust};
use strongroom_roots::aws_kms::AwsKms;
use strongroom_roots::pkcs11::Pkcs11;
use strongroom_roots::transit::Transit;
use strongroom_roots::{Roots, aws_kms, command, credential, environment, file, pkcs11, succession, transit};
use strongroom_server::config::{Config, RootConfig};
use strongroom_types::{SecretText, SystemClock};

use crate::unseal;

/// The key file's name in the data directory.
pub const ROOT_KEY_FILE: &str = "root.key";

/// Why a root cannot be opened.
#[derive(Debug)]
pub enum OpenRootError {
    /// The key file cannot be used.
    File(file::FileError),
    /// The first root's file is not there, and this is no first start.
    Lost(PathBuf),
    /// The file of a root that is not the first is not there.
    Missing(PathBuf),
    /// The variable is not set, or not readable as text.
    Unset(String),
    /// The key does not read.
    Root(RootError),
    /// Nobody can bring shares.
    Unseal(std::io::Error),
    /// No root is configured.
    None,
}

impl fmt::Display for OpenRootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "root of trust: {error}"),
            Self::Lost(path) => write!(
                f,
                "root of trust: the root key file {} is not there. Put it back from where you keep its copy; nothing \
                 can be read without it",
                path.display()
            ),
            Self::Missing(path) => write!(
                f,
                "root of trust: the root key file {} is not there. Only the first of [[roots]] is made, on the first \
                 start; put this one back, or take it out of [[roots]] when nothing hangs on it any more",
                path.display()
            ),
            Self::Unset(variable) if variable == credential::FOLDER_VARIABLE => write!(
                f,
                "root of trust: the environment variable {variable} is not set, in which systemd names the service's \
                 credentials: add LoadCredentialEncrypted= to its unit, and let systemd start it"
            ),
            Self::Unset(variable) => write!(f, "root of trust: the environment variable {variable} is not set"),
            Self::Root(error) => write!(f, "root of trust: {error}"),
            Self::Unseal(error) => write!(f, "root of trust: shares cannot be waited for: {error}"),
            Self::None => f.write_str("root of trust: none is configured"),
        }
    }
}

impl std::error::Error for OpenRootError {}

/// Opens every configured root. `create` says that this is a first start: the first root must wrap something then, and
/// its key file is made when it is not there. Later another root is there to open what hangs on it, which a new key
/// could not.
///
/// # Errors
/// When a key file is missing and may not be made, is open to others, or does not read; when a variable or credential
/// is not there, a command fails, or, on a first start, a service or device cannot be asked.
pub fn open(config: &Config, create: bool, random: &dyn Random) -> Result<Arc<Roots>, OpenRootError> {
    let (first, others) = config.roots.split_first().ok_or(OpenRootError::None)?;
    // Those that are never made come before the one that may be: when one of them is missing, nothing was made.
    let mut opened = open_others(others, config)?;
    opened.extend(open_successors(config)?);
    let first = open_one(first, config, |path| {
        if create {
            file::create(path, random).map_err(OpenRootError::File)
        } else {
            Err(OpenRootError::Lost(path.to_owned()))
        }
    })?;
    let roots = Roots::new(first, opened);
    if create {
        roots.check(random).map_err(OpenRootError::Root)?;
    }
    Ok(Arc::new(roots))
}

/// Opens every configured root, and before them the successor of the key file at `path`, which is made when there is
/// none.
///
/// # Errors
/// As [`open`].
pub fn open_rotated(config: &Config, path: &Path, random: &dyn Random) -> Result<Roots, OpenRootError> {
    let others = open_others(&config.roots, config)?;
    let first = succession::open_or_create(path, random).map_err(OpenRootError::File)?;
    Ok(Roots::new(Box::new(first), others))
}

/// The key file of a root of that kind.
pub fn key_file(path: Option<&Path>, config: &Config) -> PathBuf {
    path.map_or_else(|| config.data.directory.join(ROOT_KEY_FILE), Path::to_owned)
}

/// Opens roots whose key files are never made.
fn open_others(roots: &[RootConfig], config: &Config) -> Result<Vec<Box<dyn RootOfTrust>>, OpenRootError> {
    let absent = |path: &Path| Err(OpenRootError::Missing(path.to_owned()));
    roots.iter().map(|root| open_one(root, config, absent)).collect()
}

/// Opens the successors of key files that have not taken their places: `keys rotate-root` was cut short, and some keys
/// hang on them already.
fn open_successors(config: &Config) -> Result<Vec<Box<dyn RootOfTrust>>, OpenRootError> {
    let mut opened: Vec<Box<dyn RootOfTrust>> = Vec::new();
    for root in &config.roots {
        let RootConfig::File { path } = root else { continue };
        let next = succession::next_of(&key_file(path.as_deref(), config));
        if next.symlink_metadata().is_ok() {
            opened.push(Box::new(file::open(&next).map_err(OpenRootError::File)?));
        }
    }
    Ok(opened)
}

/// Opens a root; `absent` says what becomes of a key file that is not there.
fn open_one(
    root: &RootConfig,
    config: &Config,
    absent: impl FnOnce(&Path) -> Result<KeyRoot, OpenRootError>,
) -> Result<Box<dyn RootOfTrust>, OpenRootError> {
    fn boxed<R: RootOfTrust + 'static>(root: Result<R, RootError>) -> Result<Box<dyn RootOfTrust>, OpenRootError> {
        root.map(|root| Box::new(root) as _).map_err(OpenRootError::Root)
    }
    match root.clone() {
        RootConfig::File { path } => {
            let path = key_file(path.as_deref(), config);
            let root = match path.symlink_metadata() {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => absent(&path)?,
                _ => file::open(&path).map_err(OpenRootError::File)?,
            };
            Ok(Box::new(root))
        }
        RootConfig::Environment { variable } => {
            let value = read_variable(&variable)?;
            boxed(environment::open(&variable, &SecretText::new(value)))
        }
        RootConfig::SystemdCredential { name } => {
            let folder = read_variable(credential::FOLDER_VARIABLE)?;
            boxed(credential::open(Path::new(&folder), &name))
        }
        RootConfig::Command { command, time_ms_max } => {
            boxed(command::open(&command, Duration::from_millis(time_ms_max)))
        }
        RootConfig::Transit { url, mount, key, derived, namespace, token_file, ca_file, time_ms_max } => {
            let time = Duration::from_millis(time_ms_max);
            boxed(transit::open(Transit { url, mount, key, derived, namespace, token_file, ca_file, time }))
        }
        RootConfig::AwsKms { url, region, key, credentials_file, profile, ca_file, time_ms_max } => {
            let time = Duration::from_millis(time_ms_max);
            let kms = AwsKms { url, region, key, credentials_file, profile, ca_file, time };
            boxed(aws_kms::open(kms, Arc::new(SystemClock)))
        }
        RootConfig::Pkcs11 { module, token, key, pin_file } => {
            boxed(pkcs11::open(Pkcs11 { module, token, key, pin_file }))
        }
        RootConfig::Shares {} => {
            let root = unseal::wait(&config.data.directory).map_err(OpenRootError::Unseal)?;
            Ok(Box::new(root))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the command reads the environment, so that no other room has to")]
fn read_variable(variable: &str) -> Result<String, OpenRootError> {
    std::env::var(variable).map_err(|_| OpenRootError::Unset(variable.to_owned()))
}
