//! TLS: only a server whose certificate leads to a trusted one and names the host is talked to.

use std::fs;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use strongroom_crypto::SystemRandom;
use strongroom_store::contract::database::{DatabaseServer, own};
use strongroom_store::contract::fixture::{put, puts, take};
use strongroom_store::{ClientIdentity, PostgresConfig, PostgresStore, StoreError};
use strongroom_types::secret::SecretText;

use super::{config, open};

fn issuer() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("a certificate");
    params.distinguished_name.push(DnType::CommonName, "CA of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a certificate")).expect("a certificate")
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
    let key = KeyPair::generate().expect("a certificate");
    let names = vec!["127.0.0.1".to_owned()];
    let certificate =
        CertificateParams::new(names).expect("a certificate").signed_by(&key, &ca).expect("a certificate");
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        own(&path).expect("the server's own");
        path.display().to_string()
    };
    let files = [write("server.pem", certificate.pem()), write("server.key", key.serialize_pem())];
    own(folder.path()).expect("the server's own");
    let [chain, key] = files;
    let authority = write("ca.pem", ca.pem());
    let settings = [
        "ssl=on".to_owned(),
        format!("ssl_ca_file={authority}"),
        format!("ssl_cert_file={chain}"),
        format!("ssl_key_file={key}"),
    ];
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
    // A password, and a certificate of the client's own.
    let lines = "hostssl all app 127.0.0.1/32 scram-sha-256\nhostssl all shown 127.0.0.1/32 cert\n\
        host all postgres 127.0.0.1/32 trust\n";
    fs::write(server.folder.join("data/pg_hba.conf"), lines).expect("a file");
    let roles = "CREATE ROLE app LOGIN SUPERUSER PASSWORD 'right'; CREATE ROLE shown LOGIN SUPERUSER;
        SELECT pg_reload_conf()";
    server.sql("postgres", roles).await.expect("two users");
    let as_user = |name: &str| encrypted.replace("postgres@", &format!("{name}@"));
    let with = |password: &str| PostgresConfig {
        password: Some(SecretText::new(password.to_owned())),
        ..trusting(&as_user("app"), &ca.pem())
    };
    assert!(refused(&with("wrong")).await.contains("SQLSTATE 28P01"));
    open(&with("right")).await;
    assert!(refused(&trusting(&as_user("shown"), &ca.pem())).await.contains("28000"));
    let own_key = KeyPair::generate().expect("a certificate");
    let mut params = CertificateParams::new(Vec::new()).expect("a certificate");
    params.distinguished_name.push(DnType::CommonName, "shown");
    let own = params.signed_by(&own_key, &ca).expect("a certificate").pem().into_bytes();
    let client = Some(ClientIdentity { chain: own, key: SecretText::new(own_key.serialize_pem()) });
    open(&PostgresConfig { client, ..trusting(&as_user("shown"), &ca.pem()) }).await;
    let verified = format!("{encrypted}?sslmode=verify-full");
    open(&trusting(&verified, &ca.pem())).await;
    assert!(refused(&trusting(&format!("{encrypted}?sslmode=require"), &ca.pem())).await.contains("verify-full"));
}
