//! The certificate: read from its files, exchanged while serving, and never for a worse one.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConnection};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, ProtocolVersion, ServerConfig};
use strongroom_crypto::digest::{DIGEST_LEN, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::config::TlsConfig;
use crate::front::TlsDetails;

/// Why a certificate cannot be used. Says nothing about the key.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The certificate file holds no certificate, or something that is none.
    #[error("{path} holds no certificate chain in PEM form")]
    Chain {
        /// The file.
        path: PathBuf,
    },
    /// The key file holds no private key of a known form.
    #[error("{path} holds no private key in PEM form")]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key cannot be used together: they do not belong to each other, or are of an unknown kind.
    #[error("the certificate in {certificate} cannot be used with the key in {key}: {reason}")]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the TLS library says.
        reason: String,
    },
}

/// The certificate in use, and the files it came from.
pub struct Certificates {
    certificate_file: PathBuf,
    key_file: PathBuf,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
    /// SHA-256 of the files' content that was last looked at, taken or refused.
    seen: Mutex<Option<[u8; DIGEST_LEN]>>,
}

/// The files' content and its digest.
struct Files {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    digest: [u8; DIGEST_LEN],
}

impl Certificates {
    /// Reads the certificate that `config` names; none when it names none.
    ///
    /// # Errors
    /// When the files cannot be read, are not PEM, or do not belong together.
    pub fn load(config: &TlsConfig) -> Result<Option<Arc<Self>>, CertificateError> {
        let (Some(certificate_file), Some(key_file)) = (&config.certificate_file, &config.key_file) else {
            return Ok(None);
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let files = Files::read(certificate_file, key_file)?;
        let pair = files.pair(certificate_file, key_file, &provider)?;
        Ok(Some(Arc::new(Self {
            certificate_file: certificate_file.clone(),
            key_file: key_file.clone(),
            provider,
            current: ArcSwap::from_pointee(pair),
            seen: Mutex::new(Some(files.digest)),
        })))
    }

    /// Looks at the files again and takes their certificate if it is new: connections made from now on get it.
    /// Returns whether it did. Content that was refused before is not tried again.
    ///
    /// # Errors
    /// As [`Certificates::load`]; the certificate in use then stays.
    pub fn reload(&self) -> Result<bool, CertificateError> {
        let files = Files::read(&self.certificate_file, &self.key_file);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let files = match files {
            Ok(files) => files,
            // Told once: files stay away while they are being exchanged, or for good.
            Err(error) => return if seen.take().is_some() { Err(error) } else { Ok(false) },
        };
        if seen.replace(files.digest) == Some(files.digest) {
            return Ok(false);
        }
        let pair = files.pair(&self.certificate_file, &self.key_file, &self.provider)?;
        if pair.cert == self.current.load().cert {
            return Ok(false);
        }
        self.current.store(Arc::new(pair));
        Ok(true)
    }

    /// TLS 1.2 and 1.3 with this certificate, HTTP/2 and HTTP/1.1.
    pub(super) fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("certificate_file", &self.certificate_file).finish_non_exhaustive()
    }
}

impl Files {
    fn read(certificate_file: &Path, key_file: &Path) -> Result<Self, CertificateError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| CertificateError::Read { path: path.to_owned(), source })
        };
        let certificate = read(certificate_file)?;
        let key = Zeroizing::new(read(key_file)?);
        let mut digest = Sha256::default();
        digest.update(&certificate);
        digest.update(&[0]);
        digest.update(&key);
        Ok(Self { certificate, key, digest: digest.finish() })
    }

    fn pair(
        &self,
        certificate_file: &Path,
        key_file: &Path,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, CertificateError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| CertificateError::Chain { path: certificate_file.to_owned() })?;
        if chain.is_empty() {
            return Err(CertificateError::Chain { path: certificate_file.to_owned() });
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| CertificateError::Key { path: key_file.to_owned() })?;
        CertifiedKey::from_der(chain, key, provider).map_err(|error| CertificateError::Pair {
            certificate: certificate_file.to_owned(),
            key: key_file.to_owned(),
            reason: error.to_string(),
        })
    }
}

/// Looks at the files every `interval`, and whenever `hang_up` yields; for ever.
pub(super) async fn keep_fresh(certificates: Arc<Certificates>, interval: Duration, mut hang_up: HangUp) {
    loop {
        // The time-out is one of the two reasons to look.
        let _ = tokio::time::timeout(interval, hang_up.next()).await;
        let certificates = Arc::clone(&certificates);
        match tokio::task::spawn_blocking(move || certificates.reload()).await {
            Ok(Ok(true)) => tracing::info!("the TLS certificate was exchanged"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the new TLS certificate is refused, the old one stays"),
            Err(error) => tracing::error!(%error, "looking for a new TLS certificate failed"),
        }
    }
}

/// The process's hang-up signals, by which an operator asks for a look at the files.
pub(super) struct HangUp(#[cfg(unix)] tokio::signal::unix::Signal);

impl HangUp {
    /// From now on a hang-up signal does not end the process.
    #[cfg(unix)]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?))
    }

    /// There is no such signal here.
    #[cfg(not(unix))]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self())
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if self.0.recv().await.is_some() {
            return;
        }
        std::future::pending().await
    }
}

/// What was agreed with the client, in the words of CloudTrail.
pub(super) fn details(connection: &ServerConnection) -> TlsDetails {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "unknown",
    };
    let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
    let cipher_suite = match suite {
        Some(CipherSuite::TLS13_AES_128_GCM_SHA256) => "TLS_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS13_AES_256_GCM_SHA384) => "TLS_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256) => "TLS_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) => "ECDHE-ECDSA-AES128-GCM-SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384) => "ECDHE-ECDSA-AES256-GCM-SHA384",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256) => "ECDHE-ECDSA-CHACHA20-POLY1305",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256) => "ECDHE-RSA-AES128-GCM-SHA256",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) => "ECDHE-RSA-AES256-GCM-SHA384",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256) => "ECDHE-RSA-CHACHA20-POLY1305",
        _ => "unknown",
    };
    TlsDetails { version, cipher_suite }
}
