//! How rotators reach databases: the limits of waiting, and the certificates that TLS trusts.

use std::{sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::Failure;

/// How databases are reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Longest wait for a connection with its login, in milliseconds.
    pub connect_timeout_ms: u64,
    /// Longest wait for a statement, in milliseconds.
    pub statement_timeout_ms: u64,
    /// The certificates that TLS trusts, in PEM; the system's when there are none.
    pub ca_bundle: Option<Vec<u8>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { connect_timeout_ms: 5_000, statement_timeout_ms: 20_000, ca_bundle: None }
    }
}

impl Settings {
    /// Longest wait for a connection with its login.
    pub(crate) const fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    /// Longest wait for a statement.
    pub(crate) const fn statement(&self) -> Duration {
        Duration::from_millis(self.statement_timeout_ms)
    }

    /// What TLS needs.
    ///
    /// # Errors
    /// A `ValueError` when the bundle is not PEM or there is no certificate at all.
    pub(crate) fn trust(&self) -> Result<Trust, Failure> {
        let roots = match &self.ca_bundle {
            Some(pem) => CertificateDer::pem_slice_iter(pem)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| Failure::value("The CA bundle for TLS to databases is not PEM"))?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        let mut store = RootCertStore::empty();
        let (added, _) = store.add_parsable_certificates(roots.iter().cloned());
        if added == 0 {
            return Err(Failure::value("There is no CA certificate that TLS to databases could trust"));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| Failure::new("RuntimeError", "TLS cannot be set up"))?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Trust { config: Arc::new(config), roots, bundled: self.ca_bundle.is_some() })
    }
}

/// The certificates that TLS trusts, in the forms that drivers want.
pub struct Trust {
    /// A configuration that trusts them.
    pub config: Arc<ClientConfig>,
    /// The certificates themselves.
    pub roots: Vec<CertificateDer<'static>>,
    /// Whether they are those of a bundle, and not the system's.
    #[cfg_attr(not(feature = "sqlserver"), allow(dead_code, reason = "for drivers that know the system's themselves"))]
    pub bundled: bool,
}

#[cfg(any(feature = "mongodb", feature = "oracle", feature = "sqlserver"))]
impl Trust {
    /// The certificates as one text of PEM.
    pub fn pem(&self) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let one = |root: &CertificateDer<'_>| {
            format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(root))
        };
        self.roots.iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(feature = "mongodb", feature = "oracle", feature = "sqlserver"))]
    #[test]
    fn certificates_are_the_same_as_pem() {
        let made = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).expect("certificate");
        let settings = Settings { ca_bundle: Some(made.cert.pem().into_bytes()), ..Settings::default() };
        let trust = settings.trust().expect("trust");
        assert!(trust.bundled);
        let again = Settings { ca_bundle: Some(trust.pem().into_bytes()), ..Settings::default() };
        assert_eq!(again.trust().expect("trust").roots, [made.cert.der().clone()]);
    }

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        let of = |pem: &str| Settings { ca_bundle: Some(pem.as_bytes().to_vec()), ..Settings::default() };
        assert!(of("").trust().is_err());
        assert!(of("-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n").trust().is_err());
    }
}
