//! Credentials of sessions that the SDK gets by itself: a role by a profile, and by the token of an identity provider.

use std::path::PathBuf;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_secretsmanager::Client;

use crate::instance::{client, new_secret, refused, value_of};

/// The settings of a profile. Credentials count as used up when they last less than two hours more, which those of
/// roles never do: so each request gets others.
async fn refreshing(profile: &str) -> SdkConfig {
    let cache = IdentityCache::lazy().buffer_time(Duration::from_secs(2 * 60 * 60)).build();
    let settings = aws_config::defaults(BehaviorVersion::latest()).profile_name(profile).identity_cache(cache);
    settings.retry_config(RetryConfig::disabled()).load().await
}

async fn credentials(settings: &SdkConfig) -> Credentials {
    let provider = settings.credentials_provider().expect("a provider");
    let got = provider.provide_credentials().await.expect("credentials");
    assert!(got.access_key_id().starts_with("ASIA") && got.session_token().is_some() && got.expiry().is_some());
    got
}

/// The client may read the secrets that its role may, and do nothing else.
async fn may_read_only(limited: &Client) {
    let all = client().await;
    let made = new_secret(&all).await;
    assert_eq!(value_of(limited, &made.arn).await, "first");
    let putting = limited.put_secret_value().secret_id(&made.name).secret_string("second").send().await;
    refused(putting, "AccessDeniedException", "");
    let other = made.name + "-other";
    all.create_secret().name(&other).secret_string("hidden").send().await.expect("CreateSecret");
    refused(limited.get_secret_value().secret_id(&other).send().await, "AccessDeniedException", "");
}

#[tokio::test]
async fn a_role_is_assumed_by_a_profile() {
    let settings = refreshing("assumed").await;
    may_read_only(&Client::new(&settings)).await;
    let (first, second) = (credentials(&settings).await, credentials(&settings).await);
    assert_ne!(first.access_key_id(), second.access_key_id());
}

#[tokio::test]
async fn a_token_file_is_read_anew() {
    #[expect(clippy::disallowed_methods, reason = "the harness says where the tokens are")]
    let tokens = PathBuf::from(std::env::var_os("STRONGROOM_TOKENS").expect("where the tokens are"));
    let show = |name: &str| std::fs::copy(tokens.join(name), tokens.join("token")).expect("a token in its place");
    show("token-1");
    let settings = refreshing("web").await;
    let limited = Client::new(&settings);
    may_read_only(&limited).await;
    let first = credentials(&settings).await;

    // What is no token is not taken; the next one is.
    std::fs::write(tokens.join("token"), "nothing").expect("written");
    let made = new_secret(&client().await).await;
    let error = limited.get_secret_value().secret_id(&made.name).send().await.expect_err("it has no credentials");
    assert!(format!("{error:?}").contains("InvalidIdentityToken"), "{error:?}");
    show("token-2");
    may_read_only(&limited).await;
    assert_ne!(credentials(&settings).await.access_key_id(), first.access_key_id());
}
