//! Which certificates of identity providers are believed: those under a trusted root, and those that IAM has the
//! thumbprint of.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use strongroom_core::oidc::Thumbprint;
use strongroom_crypto::digest;

/// The roots that are trusted for every provider; none when there are no roots at all.
pub(super) type Roots = Option<Arc<WebPkiServerVerifier>>;

/// A verifier with `roots`; none without any.
pub(super) fn verifier(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Roots {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build().ok()
}

/// Verifies one provider's certificate.
///
/// As in AWS, thumbprints count only when the chain leads to no trusted root. Then the certificate at the top of the
/// chain that the server presents may have one of them, and is a root for this connection; host name, validity and
/// signatures below it are checked all the same.
#[derive(Debug)]
pub(super) struct Trust {
    pub(super) roots: Roots,
    pub(super) thumbprints: Vec<Thumbprint>,
    pub(super) provider: Arc<CryptoProvider>,
}

impl Trust {
    /// A verifier whose only root is the top of the presented chain, if its thumbprint is listed.
    fn by_thumbprint(&self, end_entity: &CertificateDer<'_>, above: &[CertificateDer<'_>]) -> Roots {
        let top = above.last().unwrap_or(end_entity);
        if !self.thumbprints.contains(&digest::thumbprint(top)) {
            return None;
        }
        let mut roots = RootCertStore::empty();
        roots.add(top.clone().into_owned()).ok()?;
        verifier(roots, &self.provider)
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let by = |verifier: &WebPkiServerVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let unknown = Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        let answer = self.roots.as_ref().map_or(unknown, |roots| by(roots));
        match (answer, self.by_thumbprint(end_entity, intermediates)) {
            (Err(_), Some(verifier)) => by(&verifier),
            (answer, _) => answer,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
