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
const ROOT_KEY_FILE: &str = "root.key";

/// Why a root cannot be opened.
#[derive(Debug)]
pub enum OpenRootError {
    /// The key file cannot be used.
    File(file::FileError),
    /// The store is there and its root is not.
    Lost(PathBuf),
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
                "root of trust: there is data, but its root key file {} is gone. Put the file back from where you keep \
                 its copy; nothing can be read without it",
                path.display()
            ),
            Self::Unset(variable) => write!(f, "root of trust: the environment variable {variable} is not set"),
            Self::Root(error) => write!(f, "root of trust: {error}"),
            Self::None => f.write_str("root of trust: none is configured"),
        }
    }
}

impl std::error::Error for OpenRootError {}

/// Opens every configured root, in order. `create` allows to make a key file that is not there.
///
/// # Errors
/// When a key file is missing and may not be made, is open to others, or does not read; when a variable is not set.
pub fn open(config: &Config, create: bool, random: &dyn Random) -> Result<Arc<dyn RootOfTrust>, OpenRootError> {
    let mut roots: Vec<Box<dyn RootOfTrust>> = Vec::new();
    for root in &config.roots {
        let opened = match root {
            RootConfig::File { path } => {
                let path = path.clone().unwrap_or_else(|| config.data.directory.join(ROOT_KEY_FILE));
                open_file(&path, create, random)?
            }
            RootConfig::Environment { variable } => open_variable(variable)?,
        };
        roots.push(Box::new(opened));
    }
    let mut roots = roots.into_iter();
    let first = roots.next().ok_or(OpenRootError::None)?;
    Ok(Arc::new(Roots::new(first, roots.collect())))
}

fn open_file(path: &Path, create: bool, random: &dyn Random) -> Result<KeyRoot, OpenRootError> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if create {
                file::create(path, random).map_err(OpenRootError::File)
            } else {
                Err(OpenRootError::Lost(path.to_owned()))
            }
        }
        _ => file::open(path).map_err(OpenRootError::File),
    }
}

#[expect(clippy::disallowed_methods, reason = "the command reads the environment, so that no other room has to")]
fn open_variable(variable: &str) -> Result<KeyRoot, OpenRootError> {
    let value = std::env::var(variable).map_err(|_| OpenRootError::Unset(variable.to_owned()))?;
    environment::open(variable, &SecretText::new(value)).map_err(OpenRootError::Root)
}
