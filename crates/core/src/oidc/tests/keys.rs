//! When providers are asked, and what holds while they do not answer.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;
use strongroom_crypto::jwt::KeySet;
use tokio::sync::Semaphore;

use super::{
    DISCOVERY, ISSUER, KEYS, Network, Setting, Signer, claims, key_set, now, provider, setting, setting_with, told,
};
use crate::oidc::{FRESH_MS, FetchError, KeySources, PROVIDERS_MAX, Provider, REFRESH_MS, RETRY_MS, STALE_MS, read};

fn down() -> Result<String, FetchError> {
    Err(FetchError::Unreachable("nobody listens".to_owned()))
}

const UNREACHABLE: &str = "IDPCommunicationError: The identity provider could not be reached";
const SIGNATURE: &str = "InvalidIdentityToken: The signature of the ID Token provided is not valid";

fn no_key() -> String {
    told::<()>(Err(crate::oidc::refusals::no_key()))
}

impl Setting {
    async fn is_good(&self) -> bool {
        self.verify(&self.good()).await.is_ok()
    }
}

#[tokio::test]
async fn keys_are_kept_for_their_time() {
    let setting = setting();
    assert!(setting.is_good().await && setting.is_good().await);
    assert_eq!(*setting.network.asked.lock().unwrap(), [DISCOVERY, KEYS]);
    setting.clock.advance_millis(FRESH_MS - 1);
    assert!(setting.is_good().await);
    assert_eq!(setting.network.asked(), 2);
    setting.clock.advance_millis(1);
    assert!(setting.is_good().await);
    assert_eq!(setting.network.asked(), 4);
    setting.clock.advance_millis(-1);
    assert!(setting.is_good().await);
    assert_eq!(setting.network.asked(), 6, "keys from the future are asked for anew");
}

#[tokio::test]
async fn a_new_key_is_found_and_an_unknown_one_asked_for_once_a_minute() {
    let setting = setting();
    assert!(setting.is_good().await);
    let second = Signer::new("2");
    setting.network.answer(KEYS, Ok(key_set(&[&second])));
    let token = second.token(&claims(json!({})));
    assert_eq!(setting.refusal(&token).await, "no refusal", "rotated");
    assert_eq!(setting.network.asked(), 4);
    assert_eq!(setting.refusal(&setting.good()).await, no_key(), "the old key is gone");
    let third = Signer::new("3").token(&claims(json!({})));
    for _ in 0..3 {
        assert_eq!(setting.refusal(&third).await, no_key());
    }
    assert_eq!(setting.network.asked(), 4);
    setting.clock.advance_millis(REFRESH_MS);
    assert_eq!(setting.refusal(&third).await, no_key());
    assert_eq!(setting.refusal(&third).await, no_key());
    assert_eq!(setting.network.asked(), 6);
    assert_eq!(setting.refusal(&token).await, "no refusal");
}

#[tokio::test]
async fn a_key_exchanged_under_the_same_id_is_found() {
    let setting = setting();
    assert!(setting.is_good().await);
    let second = Signer::new("1");
    let token = second.token(&claims(json!({})));
    assert_eq!(setting.refusal(&token).await, SIGNATURE);
    setting.network.answer(KEYS, Ok(key_set(&[&second])));
    setting.clock.advance_millis(REFRESH_MS);
    assert_eq!(setting.refusal(&token).await, "no refusal");
}

#[tokio::test]
async fn old_keys_bridge_an_outage_for_a_day() {
    let setting = setting();
    assert!(setting.is_good().await);
    setting.network.answer(DISCOVERY, down());
    setting.clock.advance_millis(FRESH_MS);
    assert!(setting.is_good().await && setting.is_good().await);
    assert_eq!(setting.network.asked(), 3, "a provider that fails is left alone for a while");
    setting.clock.advance_millis(RETRY_MS);
    assert!(setting.is_good().await);
    assert_eq!(setting.network.asked(), 4);
    assert_eq!(setting.refusal(&Signer::new("2").token(&claims(json!({})))).await, no_key());
    setting.clock.advance_millis(STALE_MS - FRESH_MS - RETRY_MS);
    assert_eq!(setting.refusal(&setting.good()).await, UNREACHABLE);
    setting.network.answer(DISCOVERY, Ok(json!({"issuer": ISSUER, "jwks_uri": KEYS}).to_string()));
    assert_eq!(setting.refusal(&setting.good()).await, UNREACHABLE);
    setting.clock.advance_millis(RETRY_MS);
    assert!(setting.is_good().await);
}

#[tokio::test]
async fn what_a_provider_cannot_do_is_told_as_aws_tells_it() {
    let certificate = "InvalidIdentityToken: OpenIDConnect provider's HTTPS certificate doesn't match configured \
                       thumbprint";
    let discovery = |issuer: &str, keys: &str| Ok(json!({"issuer": issuer, "jwks_uri": keys}).to_string());
    for (url, answer, expected, asked) in [
        (DISCOVERY, down(), UNREACHABLE.to_owned(), 1),
        (DISCOVERY, Err(FetchError::Certificate("of another".to_owned())), certificate.to_owned(), 1),
        (DISCOVERY, Err(FetchError::Status(302)), no_key(), 1),
        (DISCOVERY, Err(FetchError::Time(5000)), no_key(), 1),
        (DISCOVERY, Ok("no json".to_owned()), no_key(), 1),
        (DISCOVERY, Ok("{}".to_owned()), no_key(), 1),
        (DISCOVERY, discovery("https://idp.example.com/realms/a/", KEYS), no_key(), 1),
        (DISCOVERY, discovery("https://idp.example.com", KEYS), no_key(), 1),
        (DISCOVERY, discovery(ISSUER, "http://keys.example.com/jwks"), no_key(), 1),
        (DISCOVERY, discovery(ISSUER, "http://127.0.0.1/jwks"), no_key(), 1),
        (DISCOVERY, discovery(ISSUER, "file:///etc/passwd"), no_key(), 1),
        (KEYS, Err(FetchError::Size(1)), no_key(), 2),
        (KEYS, Ok(r#"{"keys":[]}"#.to_owned()), no_key(), 2),
        (KEYS, Ok("[]".to_owned()), no_key(), 2),
    ] {
        let setting = setting();
        setting.network.answer(url, answer.clone());
        assert_eq!(setting.refusal(&setting.good()).await, expected, "{answer:?}");
        assert_eq!(setting.refusal(&setting.good()).await, expected, "{answer:?}");
        assert_eq!(setting.network.asked(), asked, "{answer:?}");
    }
}

#[tokio::test]
async fn many_who_come_at_once_ask_once() {
    let network = Network { gate: Some(Semaphore::new(0)), ..Network::default() };
    let setting = Arc::new(setting_with(network, KeySources::default()));
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let setting = Arc::clone(&setting);
            tokio::spawn(async move { setting.is_good().await })
        })
        .collect();
    while setting.network.asked() == 0 {
        tokio::task::yield_now().await;
    }
    // Someone who gives up in the middle does not leave the others without an answer.
    tasks[0].abort();
    setting.network.gate.as_ref().unwrap().add_permits(1000);
    let mut good = 0;
    for task in tasks {
        good += usize::from(task.await.unwrap_or(false));
    }
    assert!(good >= 19, "{good}");
    assert!(setting.network.asked() <= 4, "once, and once more after the first gave up");
}

#[tokio::test]
async fn configured_keys_need_no_network() {
    let signer = Signer::new("1");
    let keys = KeySet::parse(key_set(&[&signer]).as_bytes()).unwrap();
    let key_sets = HashMap::from([(ISSUER.to_owned(), keys)]);
    let setting = setting_with(Network::default(), KeySources { key_sets, plain_http_on_loopback: false });
    assert_eq!(setting.refusal(&signer.token(&claims(json!({})))).await, "no refusal");
    assert_eq!(setting.refusal(&Signer::new("2").token(&claims(json!({})))).await, no_key());
    assert_eq!(setting.network.asked(), 0);
}

#[tokio::test]
async fn plain_http_is_for_loopback_and_only_when_configured() {
    let issuer = "http://127.0.0.1:8080";
    let provider = Provider::new(issuer, vec!["client".to_owned()], vec![]);
    for allowed in [true, false] {
        let sources = KeySources { plain_http_on_loopback: allowed, ..KeySources::default() };
        let setting = setting_with(Network::default(), sources);
        let url = format!("{issuer}/.well-known/openid-configuration");
        setting.network.answer(&url, Ok(json!({"issuer": issuer, "jwks_uri": KEYS}).to_string()));
        let token = setting.signer.token(&claims(json!({ "iss": issuer })));
        let answer = setting.identities.verify(&read(&token).unwrap(), &provider, now()).await;
        assert_eq!(answer.is_ok(), allowed);
        assert_eq!(setting.identities.issuer_is_allowed(issuer), allowed);
    }
}

#[tokio::test]
async fn the_keys_of_only_so_many_providers_are_kept() {
    let setting = setting();
    let ask = async |at: usize| {
        let issuer = format!("https://{at}.example.com");
        let url = format!("{issuer}/.well-known/openid-configuration");
        setting.network.answer(&url, Ok(json!({"issuer": issuer, "jwks_uri": KEYS}).to_string()));
        let provider = Provider::new(&issuer, vec!["client".to_owned()], vec![]);
        let token = read(&setting.signer.token(&claims(json!({ "iss": issuer })))).unwrap();
        setting.identities.verify(&token, &provider, now()).await.unwrap();
    };
    for at in 0..PROVIDERS_MAX {
        ask(at).await;
    }
    ask(0).await;
    assert_eq!(setting.network.asked(), 2 * PROVIDERS_MAX);
    ask(PROVIDERS_MAX).await;
    ask(0).await;
    assert_eq!(setting.network.asked(), 2 * PROVIDERS_MAX + 2, "the first was used lately");
    ask(1).await;
    assert_eq!(setting.network.asked(), 2 * PROVIDERS_MAX + 4, "the second made room");
}

#[tokio::test]
async fn what_one_account_trusts_by_thumbprint_another_does_not_get() {
    let setting = setting();
    assert!(setting.is_good().await);
    let trusting = Provider::new(ISSUER, provider().client_ids().to_vec(), vec![[1; 20]]);
    let token = read(&setting.good()).unwrap();
    setting.identities.verify(&token, &trusting, now()).await.unwrap();
    assert_eq!(setting.network.asked(), 4);
}
