//! What a certificate says of itself: how long it is good for, and for which names. For people who look a machine over.

use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use strongroom_types::Timestamp;
use strongroom_wire::timestamps;

use super::tls::{CertificateError, Certificates};
use crate::config::TlsConfig;

const SEQUENCE: u8 = 0x30;
const EXPLICIT_VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The certificate that a configuration names.
#[derive(Debug)]
pub struct CertificateFacts {
    leaf: CertificateDer<'static>,
    /// The first instant that it is good for.
    pub not_before: Timestamp,
    /// The last one.
    pub not_after: Timestamp,
}

impl CertificateFacts {
    /// Reads the certificate that `config` names, as the server does at its start; none when it names none.
    ///
    /// # Errors
    /// As [`Certificates::load`], and when its dates do not read.
    pub fn read(config: &TlsConfig) -> Result<Option<Self>, CertificateError> {
        let Some(path) = &config.certificate_file else { return Ok(None) };
        if Certificates::load(config)?.is_none() {
            return Ok(None);
        }
        let no_chain = || CertificateError::Chain { path: path.clone() };
        let text = std::fs::read(path).map_err(|source| CertificateError::Read { path: path.clone(), source })?;
        let leaf = CertificateDer::pem_slice_iter(&text).next().and_then(Result::ok).ok_or_else(no_chain)?;
        let (not_before, not_after) = validity(&leaf).ok_or_else(no_chain)?;
        Ok(Some(Self { leaf, not_before, not_after }))
    }

    /// Whether clients that call `host`, a name or an address, take it for the server's.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let Ok(name) = ServerName::try_from(host) else { return false };
        ParsedCertificate::try_from(&self.leaf).is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
    }
}

/// The two dates of a certificate: those behind version, number, algorithm and issuer.
fn validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&EXPLICIT_VERSION) {
        (_, rest) = element(rest, EXPLICIT_VERSION)?;
    }
    for _ in 0..3 {
        (_, rest) = element(rest, *rest.first()?)?;
    }
    let (dates, _) = element(rest, SEQUENCE)?;
    let (not_before, rest) = date(dates)?;
    Some((not_before, date(rest)?.0))
}

/// The content of the element of that tag that the bytes begin with, and what is behind it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*first) {
        short @ 0..=0x7f => (short, rest),
        long @ 0x81..=0x83 => {
            let (octets, rest) = rest.split_at_checked(long & 0x7f)?;
            (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    (*found == tag).then(|| rest.split_at_checked(length)).flatten()
}

/// The date that the bytes begin with, and what is behind it.
fn date(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (text, rest, century) = match *bytes.first()? {
        UTC_TIME => {
            let (text, rest) = element(bytes, UTC_TIME)?;
            // Years of two digits are those from 1950 to 2049.
            (text, rest, if *text.first()? < b'5' { "20" } else { "19" })
        }
        _ => {
            let (text, rest) = element(bytes, GENERALIZED_TIME)?;
            (text, rest, "")
        }
    };
    let digits = format!("{century}{}", std::str::from_utf8(text).ok()?.strip_suffix('Z')?);
    let part = |from, to| digits.get(from..to);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let iso = format!("{year}-{month}-{day}T{}:{}:{}Z", part(8, 10)?, part(10, 12)?, part(12, 14)?);
    Some((timestamps::parse_iso(&iso)?, rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn written(params: &CertificateParams) -> (tempfile::TempDir, TlsConfig) {
        let (key, home) = (KeyPair::generate().expect("a key"), tempfile::tempdir().expect("directory"));
        let (certificate_file, key_file) = (home.path().join("cert.pem"), home.path().join("key.pem"));
        let certificate = params.self_signed(&key).expect("a certificate");
        std::fs::write(&certificate_file, certificate.pem()).expect("written");
        std::fs::write(&key_file, key.serialize_pem()).expect("written");
        let config =
            TlsConfig { certificate_file: Some(certificate_file), key_file: Some(key_file), ..TlsConfig::default() };
        (home, config)
    }

    #[test]
    fn dates_and_names_are_read() {
        let mut params = CertificateParams::new(vec!["a.example".to_owned(), "127.0.0.1".to_owned()]).expect("params");
        params.not_before = date_time_ymd(2020, 2, 29);
        params.not_after = date_time_ymd(2051, 1, 2);
        let (_home, config) = written(&params);
        let facts = CertificateFacts::read(&config).expect("read").expect("one");
        assert_eq!(timestamps::iso(facts.not_before), "2020-02-29T00:00:00Z");
        assert_eq!(timestamps::iso(facts.not_after), "2051-01-02T00:00:00Z");
        assert!(facts.covers("a.example") && facts.covers("127.0.0.1"));
        assert!(!facts.covers("b.example") && !facts.covers("127.0.0.2") && !facts.covers(""));
        assert!(CertificateFacts::read(&TlsConfig::default()).expect("read").is_none());
    }

    #[test]
    fn what_is_cut_off_has_no_dates() {
        let (_home, config) = written(&CertificateParams::new(Vec::new()).expect("params"));
        let facts = CertificateFacts::read(&config).expect("read").expect("one");
        let whole = facts.leaf.as_ref();
        assert!(validity(whole).is_some());
        assert!((0..whole.len().min(60)).all(|length| validity(&whole[..length]).is_none()));
    }
}
