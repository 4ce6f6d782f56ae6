//! The roots of trust that the configuration names, opened; a key file is made on the first start.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom_crypto::root::KeyRoot;
use strongroom_crypto::{Random, RootError, RootOfTrust};
use strongroom_roots::{Roots, environment, file};
use strongroom_server::config::{Config, RootConfig};
use strongroom_types::SecretText;

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
            Self::Unset(variable) => write!(f, "root of trust: the environment variable {variable} is not set"),
            Self::Root(error) => write!(f, "root of trust: {error}"),
            Self::None => f.write_str("root of trust: none is configured"),
        }
    }
}

impl std::error::Error for OpenRootError {}

/// Opens every configured root. `create` allows to make the first one's key file when it is not there: another root
/// is there to open what hangs on it, which a new key could not.
///
/// # Errors
/// When a key file is missing and may not be made, is open to others, or does not read; when a variable is not set.
pub fn open(config: &Config, create: bool, random: &dyn Random) -> Result<Arc<dyn RootOfTrust>, OpenRootError> {
    let (first, others) = config.roots.split_first().ok_or(OpenRootError::None)?;
    // Those that are never made come before the one that may be: when one of them is missing, nothing was made.
    let mut opened: Vec<Box<dyn RootOfTrust>> = Vec::new();
    for root in others {
        let absent = |path: &Path| Err(OpenRootError::Missing(path.to_owned()));
        opened.push(Box::new(open_one(root, config, absent)?));
    }
    let first = open_one(first, config, |path| {
        if create {
            file::create(path, random).map_err(OpenRootError::File)
        } else {
            Err(OpenRootError::Lost(path.to_owned()))
        }
    })?;
    Ok(Arc::new(Roots::new(Box::new(first), opened)))
}

/// Opens a root; `absent` says what becomes of a key file that is not there.
fn open_one(
    root: &RootConfig,
    config: &Config,
    absent: impl FnOnce(&Path) -> Result<KeyRoot, OpenRootError>,
) -> Result<KeyRoot, OpenRootError> {
    match root {
        RootConfig::Environment { variable } => open_variable(variable),
        RootConfig::File { path } => {
            let path = path.clone().unwrap_or_else(|| config.data.directory.join(ROOT_KEY_FILE));
            match path.symlink_metadata() {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => absent(&path),
                _ => file::open(&path).map_err(OpenRootError::File),
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the command reads the environment, so that no other room has to")]
fn open_variable(variable: &str) -> Result<KeyRoot, OpenRootError> {
    let value = std::env::var(variable).map_err(|_| OpenRootError::Unset(variable.to_owned()))?;
    environment::open(variable, &SecretText::new(value)).map_err(OpenRootError::Root)
}
