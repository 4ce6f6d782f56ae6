//! The network of identity providers: what is configured is read at the start, the rest is fetched when it is needed.

mod fetcher;
#[cfg(test)]
mod tests;
mod trust;

pub use fetcher::HttpsFetcher;
pub(crate) use fetcher::may_be_asked;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use strongroom_core::oidc::{KeySources, WebIdentities};
use strongroom_crypto::jwt::{KeySet, KeySetError};
use strongroom_types::Clock;
use thiserror::Error;

use crate::config::IdentityProvidersConfig;

/// Why the configured files cannot be used.
#[derive(Debug, Error)]
pub enum IdentityProvidersError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file of root certificates holds none, or something that is none.
    #[error("{path} holds no root certificates in PEM form")]
    Certificates {
        /// The file.
        path: PathBuf,
    },
    /// A file of keys cannot be used.
    #[error("{path}: {source}")]
    Keys {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeySetError,
    },
}

/// Who verifies web identities, with what `config` names.
///
/// # Errors
/// When a configured file cannot be used.
pub fn open(config: &IdentityProvidersConfig, clock: Arc<dyn Clock>) -> Result<WebIdentities, IdentityProvidersError> {
    let roots = match &config.ca_file {
        Some(path) => certificates(path)?,
        None => Vec::new(),
    };
    let mut key_sets = HashMap::new();
    for (issuer, path) in &config.key_sets {
        let keys = KeySet::parse(&read(path)?)
            .map_err(|source| IdentityProvidersError::Keys { path: path.clone(), source })?;
        key_sets.insert(issuer.clone(), keys);
    }
    let plain_http_on_loopback = config.allow_plain_http_on_loopback;
    let fetcher = HttpsFetcher::new(roots, plain_http_on_loopback);
    Ok(WebIdentities::new(KeySources { key_sets, plain_http_on_loopback }, Arc::new(fetcher), clock))
}

fn read(path: &Path) -> Result<Vec<u8>, IdentityProvidersError> {
    std::fs::read(path).map_err(|source| IdentityProvidersError::Read { path: path.to_owned(), source })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityProvidersError> {
    let text = read(path)?;
    let none = || IdentityProvidersError::Certificates { path: path.to_owned() };
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|_| none())?;
    // What the TLS library does not take as a root would otherwise be missed at the first token.
    let mut store = rustls::RootCertStore::empty();
    let usable = found.iter().all(|certificate| store.add(certificate.clone()).is_ok());
    if found.is_empty() || !usable { Err(none()) } else { Ok(found) }
}
