//! Providers on loopback: what is trusted, what is read of their answers, and a token from one end to the other.

mod idp;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData, SigningKey};
use serde_json::{Value, json};
use strongroom_core::oidc::{Fetch, FetchError, FetchRequest, Provider, Thumbprint, WebIdentities, read};
use strongroom_crypto::digest;
use strongroom_types::{Clock, SystemClock};

use super::{HttpsFetcher, IdentityProvidersError, open};
use crate::config::IdentityProvidersConfig;
use idp::{Answer, Authority, Idp, encode};

const TIME_MS: u64 = 20_000;

/// Fetches with roots and thumbprints.
struct Asking {
    fetcher: HttpsFetcher,
    thumbprints: Vec<Thumbprint>,
}

impl Asking {
    fn trusting(roots: &[&Authority]) -> Self {
        let roots = roots.iter().map(|authority| authority.certificate()).collect();
        Self { fetcher: HttpsFetcher::new(roots, true), thumbprints: Vec::new() }
    }

    fn with_thumbprint(certificate: &[u8]) -> Self {
        Self { thumbprints: vec![[0; 20], digest::thumbprint(certificate)], ..Self::trusting(&[]) }
    }

    async fn get(&self, url: &str) -> Result<String, FetchError> {
        self.get_within(url, TIME_MS).await
    }

    async fn get_within(&self, url: &str, time_ms_max: u64) -> Result<String, FetchError> {
        let request = FetchRequest { url, thumbprints: &self.thumbprints, bytes_max: 1000, time_ms_max };
        self.fetcher.get(request).await.map(|body| String::from_utf8(body).unwrap())
    }
}

fn is_untrusted(answer: &Result<String, FetchError>) -> bool {
    matches!(answer, Err(FetchError::Certificate(_)))
}

fn good() -> Vec<(&'static str, Answer)> {
    vec![("/a", Answer::Body("here".to_owned()))]
}

#[tokio::test]
async fn a_certificate_under_a_configured_root_is_trusted() {
    let (own, other) = (Authority::new(), Authority::new());
    let idp = Idp::start(Some(own.server(&["localhost", "127.0.0.1"])), good()).await;
    for host in ["localhost", "127.0.0.1"] {
        let url = idp.url_at(host, "/a");
        assert_eq!(Asking::trusting(&[&own]).get(&url).await, Ok("here".to_owned()));
        assert_eq!(Asking::trusting(&[&other, &own]).get(&url).await, Ok("here".to_owned()));
        assert!(is_untrusted(&Asking::trusting(&[&other]).get(&url).await));
        assert!(is_untrusted(&Asking::trusting(&[]).get(&url).await));
    }
    let elsewhere = Idp::start(Some(own.server(&["idp.example.com"])), good()).await;
    assert!(is_untrusted(&Asking::trusting(&[&own]).get(&elsewhere.url("/a")).await), "of another host");
}

#[tokio::test]
async fn a_thumbprint_makes_the_top_of_the_chain_a_root() {
    let (own, other) = (Authority::new(), Authority::new());
    let top = own.certificate();
    let idp = Idp::start(Some(own.server(&["localhost"])), good()).await;
    assert_eq!(Asking::with_thumbprint(&top).get(&idp.url("/a")).await, Ok("here".to_owned()));
    assert!(is_untrusted(&Asking::with_thumbprint(&other.certificate()).get(&idp.url("/a")).await));

    let elsewhere = Idp::start(Some(own.server(&["idp.example.com"])), good()).await;
    assert!(is_untrusted(&Asking::with_thumbprint(&top).get(&elsewhere.url("/a")).await), "of another host");
    let expired = Idp::start(Some(own.expired_server(&["localhost"])), good()).await;
    assert!(is_untrusted(&Asking::with_thumbprint(&top).get(&expired.url("/a")).await), "expired");
    assert!(is_untrusted(&Asking::trusting(&[&own]).get(&expired.url("/a")).await), "expired under a root too");

    // The listed certificate stands at the top, and has not signed what is below it.
    let forged = Idp::start(Some(other.server_presenting(&["localhost"], &top)), good()).await;
    assert!(is_untrusted(&Asking::with_thumbprint(&top).get(&forged.url("/a")).await));

    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let alone = pair.cert.der().clone();
    let idp = Idp::start(Some(idp::server_config(vec![alone.clone()], &pair.signing_key)), good()).await;
    assert_eq!(Asking::with_thumbprint(&alone).get(&idp.url("/a")).await, Ok("here".to_owned()));
    assert!(is_untrusted(&Asking::with_thumbprint(&top).get(&idp.url("/a")).await));
}

#[tokio::test]
async fn only_a_whole_document_within_its_bounds_is_taken() {
    let own = Authority::new();
    let idp = Idp::start(
        Some(own.server(&["localhost"])),
        vec![
            ("/full", Answer::Body("x".repeat(1000))),
            ("/large", Answer::Body("x".repeat(1001))),
            ("/endless", Answer::Endless),
            ("/moved", Answer::Moved("/full")),
            ("/cut", Answer::Cut),
            ("/silent", Answer::Silence),
            ("/heads", Answer::Heads),
        ],
    )
    .await;
    let asking = Asking::trusting(&[&own]);
    assert_eq!(asking.get(&idp.url("/full")).await.map(|body| body.len()), Ok(1000));
    assert_eq!(asking.get(&idp.url("/large")).await, Err(FetchError::Size(1000)));
    assert_eq!(asking.get(&idp.url("/endless")).await, Err(FetchError::Size(1000)));
    assert_eq!(asking.get(&idp.url("/moved")).await, Err(FetchError::Status(302)));
    assert_eq!(asking.get(&idp.url("/none")).await, Err(FetchError::Status(404)));
    for path in ["/cut", "/heads"] {
        let answer = asking.get(&idp.url(path)).await;
        assert!(matches!(answer, Err(FetchError::Unreachable(_))), "{path}: {answer:?}");
    }
    assert_eq!(asking.get_within(&idp.url("/silent"), 300).await, Err(FetchError::Time(300)));
}

#[tokio::test]
async fn what_must_not_be_asked_is_not() {
    let plain = Idp::start(None, good()).await;
    let asking = Asking::trusting(&[]);
    assert_eq!(asking.get(&plain.url("/a")).await, Ok("here".to_owned()));
    let strict = Asking { fetcher: HttpsFetcher::new(Vec::new(), false), thumbprints: Vec::new() };
    for (asking, url) in [
        (&strict, plain.url("/a")),
        (&asking, "http://169.254.169.254/latest/meta-data".to_owned()),
        (&asking, "https://169.254.169.254/latest/meta-data".to_owned()),
        (&asking, "https://[fe80::1]/".to_owned()),
        (&asking, "https://[::ffff:169.254.169.254]/".to_owned()),
        (&asking, "file:///etc/hostname".to_owned()),
    ] {
        let answer = asking.get(&url).await;
        assert!(matches!(answer, Err(FetchError::Refused(_))), "{url}: {answer:?}");
    }
    let gone = plain.url("/a");
    drop(plain);
    let answer = asking.get(&gone).await;
    assert!(matches!(answer, Err(FetchError::Unreachable(_))), "{answer:?}");
}

/// A provider's documents and a token of it.
fn documents(issuer: &str, pair: &KeyPair) -> (Vec<(&'static str, Answer)>, String) {
    let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": encode(pair.der_bytes())}]});
    let discovery = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")});
    let now = SystemClock.now().seconds();
    let claims = json!({"iss": issuer, "sub": "someone", "aud": "client", "exp": now + 600});
    let answers = vec![
        ("/.well-known/openid-configuration", Answer::Body(discovery.to_string())),
        ("/keys", Answer::Body(keys.to_string())),
    ];
    (answers, token(pair, &claims))
}

fn token(pair: &KeyPair, claims: &Value) -> String {
    let header = json!({"alg": "EdDSA", "kid": "1"});
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    format!("{signed}.{}", encode(pair.sign(signed.as_bytes()).unwrap()))
}

async fn subject(identities: &WebIdentities, issuer: &str, token: &str) -> Option<String> {
    let provider = Provider::new(issuer, vec!["client".to_owned()], vec![]);
    let answer = identities.verify(&read(token).unwrap(), &provider, SystemClock.now()).await;
    answer.ok().map(|claims| claims.subject().to_owned())
}

fn opened(config: &IdentityProvidersConfig) -> Result<WebIdentities, IdentityProvidersError> {
    open(config, Arc::new(SystemClock))
}

#[tokio::test]
async fn a_token_is_verified_with_keys_from_the_network() {
    let (own, pair) = (Authority::new(), KeyPair::generate_for(&PKCS_ED25519).unwrap());
    let idp = Idp::start(Some(own.server(&["localhost"])), Vec::new()).await;
    let issuer = idp.url("");
    let (answers, token) = documents(&issuer, &pair);
    idp.answer(answers);
    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("ca.pem");
    fs::write(&ca_file, own.pem()).unwrap();
    let trusting = IdentityProvidersConfig { ca_file: Some(ca_file), ..IdentityProvidersConfig::default() };
    assert_eq!(subject(&opened(&trusting).unwrap(), &issuer, &token).await.as_deref(), Some("someone"));
    assert_eq!(subject(&opened(&IdentityProvidersConfig::default()).unwrap(), &issuer, &token).await, None);
}

#[tokio::test]
async fn a_token_is_verified_with_keys_from_a_file() {
    let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let issuer = "https://idp.invalid";
    let (answers, token) = documents(issuer, &pair);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys.json");
    let keys = answers.into_iter().find_map(|(_, answer)| match answer {
        Answer::Body(body) if body.contains("\"keys\"") => Some(body),
        _ => None,
    });
    fs::write(&file, keys.unwrap()).unwrap();
    let config = IdentityProvidersConfig {
        key_sets: [(issuer.to_owned(), file)].into_iter().collect(),
        ..IdentityProvidersConfig::default()
    };
    assert_eq!(subject(&opened(&config).unwrap(), issuer, &token).await.as_deref(), Some("someone"));
}

#[test]
fn files_that_cannot_be_used_stop_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| -> PathBuf {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let ca =
        |path| opened(&IdentityProvidersConfig { ca_file: Some(path), ..IdentityProvidersConfig::default() }).err();
    let keys = |path| {
        let key_sets = [("https://idp.example.com".to_owned(), path)].into_iter().collect();
        opened(&IdentityProvidersConfig { key_sets, ..IdentityProvidersConfig::default() }).err()
    };
    let missing = directory.path().join("missing");
    assert!(matches!(ca(missing.clone()), Some(IdentityProvidersError::Read { .. })));
    assert!(matches!(keys(missing), Some(IdentityProvidersError::Read { .. })));
    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(ca(file("ca.pem", text)), Some(IdentityProvidersError::Certificates { .. })), "{text}");
    }
    for text in ["", "{}", r#"{"keys":[]}"#] {
        assert!(matches!(keys(file("keys.json", text)), Some(IdentityProvidersError::Keys { .. })), "{text}");
    }
    assert!(ca(file("ca.pem", &Authority::new().pem())).is_none());
}
