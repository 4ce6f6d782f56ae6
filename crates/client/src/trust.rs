//! Whose certificates are trusted.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::WantsClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use strongroom_types::SecretText;

/// Whose certificates are trusted. They are read when the first endpoint needs them, and shared by all copies.
#[derive(Clone)]
pub struct Trust(Arc<Inner>);

struct Inner {
    system: bool,
    own: Own,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

/// Certificates that are handed in.
enum Own {
    None,
    /// In PEM form, all of which have to be certificates.
    Pem(Vec<u8>),
}

impl Trust {
    /// Those that lead to a root of the system.
    #[must_use]
    pub fn system() -> Self {
        Self::of(true, Own::None)
    }

    /// Those that lead to one of these certificates in PEM form alone.
    #[must_use]
    pub fn pem(text: Vec<u8>) -> Self {
        Self::of(false, Own::Pem(text))
    }

    /// Those that lead to a root of the system, or to one of these certificates in PEM form.
    #[must_use]
    pub fn system_and(text: Vec<u8>) -> Self {
        Self::of(true, Own::Pem(text))
    }

    fn of(system: bool, own: Own) -> Self {
        Self(Arc::new(Inner { system, own, config: OnceLock::new() }))
    }

    /// Looks whether there are certificates that can be trusted.
    ///
    /// # Errors
    /// When what was handed in has none.
    pub fn check(&self) -> Result<(), String> {
        self.config().map(drop)
    }

    /// What connections of another protocol than HTTP are made with: certificates of ours and their key, both in PEM form,
    /// are shown to who asks for them.
    ///
    /// # Errors
    /// When there are no certificates to trust, or what is to be shown is none.
    pub fn for_connections(&self, identity: Option<(&[u8], &SecretText)>) -> Result<Arc<ClientConfig>, String> {
        let builder = self.0.builder()?;
        let Some((certificates, key)) = identity else { return Ok(Arc::new(builder.with_no_client_auth())) };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|_| "what is to be shown is no certificates in PEM form".to_owned())?;
        let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
            .map_err(|_| "the certificate's key is none in PEM form".to_owned())?;
        let config = builder.with_client_auth_cert(chain, key);
        config.map(Arc::new).map_err(|error| format!("the certificate and its key cannot be used: {error}"))
    }

    /// What connections are made with.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.0.config.get_or_init(|| self.0.read()).clone()
    }
}

impl Inner {
    fn read(&self) -> Result<Arc<ClientConfig>, String> {
        let mut config = self.builder()?.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn builder(&self) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, String> {
        let mut roots = RootCertStore::empty();
        match &self.own {
            Own::None => {}
            Own::Pem(text) => {
                let none = || "what it is to be trusted by is no root certificates in PEM form".to_owned();
                for certificate in CertificateDer::pem_slice_iter(text) {
                    roots.add(certificate.map_err(|_| none())?).map_err(|_| none())?;
                }
                if roots.is_empty() {
                    return Err(none());
                }
            }
        }
        if self.system {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| error.to_string())?;
        Ok(builder.with_root_certificates(roots))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trust(system: {}, own: {})", self.0.system, !matches!(self.0.own, Own::None))
    }
}
