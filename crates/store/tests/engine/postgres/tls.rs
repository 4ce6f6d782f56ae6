//! TLS: only a server whose certificate leads to a trusted one and names the host is talked to.

use std::fs;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use strongroom_crypto::SystemRandom;
use strongroom_store::contract::database::{DatabaseServer, own};
use strongroom_store::contract::fixture::{put, puts, take};
use strongroom_store::{PostgresConfig, PostgresStore, StoreError};

use super::{config, open};

fn issuer() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "CA of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

async fn refused(config: &PostgresConfig) -> String {
    match PostgresStore::open(config.clone(), Arc::new(SystemRandom)).await {
        Ok(_) => panic!("it opens"),
        Err(StoreError::Unavailable(what)) => what,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_must_prove_who_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca = issuer();
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        own(&path).expect("the server's own");
        path.display().to_string()
    };
    let files = [write("server.pem", certificate.pem()), write("server.key", key.serialize_pem())];
    own(folder.path()).expect("the server's own");
    let [chain, key] = files;
    let settings = ["ssl=on".to_owned(), format!("ssl_cert_file={chain}"), format!("ssl_key_file={key}")];
    let server = DatabaseServer::start(&settings).expect("a server");
    let plain = server.database().await.expect("a database");
    let encrypted = plain.replace("?sslmode=disable", "");
    let trusting = |url: &str, ca: &str| PostgresConfig { ca: Some(ca.as_bytes().to_vec()), ..config(url) };
    let node = open(&trusting(&encrypted, &ca.pem())).await;
    take(&*node, puts([put("a", 0).expect("a put")])).await.expect("taken");
    let secured = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'strongroom' AND NOT ssl";
    assert_eq!(server.sql("postgres", secured).await, Ok(vec!["0".to_owned()]));
    // Another's CA, the system's, another name.
    assert!(refused(&trusting(&encrypted, &issuer().pem())).await.contains("certificate"));
    assert!(refused(&config(&encrypted)).await.contains("certificate"));
    let other_name = encrypted.replace("127.0.0.1", "localhost");
    assert!(refused(&trusting(&other_name, &ca.pem())).await.contains("certificate"));
    assert!(refused(&trusting(&encrypted, "no PEM")).await.contains("no certificate"));
    let verified = format!("{encrypted}?sslmode=verify-full");
    open(&trusting(&verified, &ca.pem())).await;
    assert!(refused(&trusting(&format!("{encrypted}?sslmode=require"), &ca.pem())).await.contains("verify-full"));
}
