//! The official caching client over the SDK for Rust, unmodified.

use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Duration;

use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::primitives::{Blob, DateTime};
use aws_secretsmanager_caching::SecretsManagerCachingClient as Cache;
use aws_secretsmanager_caching::output::GetSecretValueOutputDef;

use crate::instance::{MARKED, NOT_FOUND, by_name, client, new_name, new_secret, now, put, refused, settings};

const HOUR: Duration = Duration::from_secs(60 * 60);
const MANY: usize = 1000;

/// A cache of `size` values that asks again after `ttl`.
async fn new_cache(size: usize, ttl: Duration) -> Cache {
    let size = NonZeroUsize::new(size).expect("a size");
    Cache::from_builder(Builder::from(&settings().await), size, ttl, false).await.expect("a cache")
}

/// The string under a name or ARN as the cache tells it, of AWSCURRENT.
async fn cached(cache: &Cache, id: &str) -> Option<String> {
    cache.get_secret_value(id, None, None, false).await.expect("a value").secret_string
}

/// The cache must hand on the service's refusal.
fn refused_through(
    answer: Result<GetSecretValueOutputDef, Box<dyn Error>>,
    code: &str,
    text: &str,
) -> GetSecretValueError {
    let error = answer.expect_err("it is refused");
    let error = error.downcast::<SdkError<GetSecretValueError>>().expect("an error of the SDK");
    refused(Err::<(), _>(*error), code, text)
}

#[tokio::test]
async fn a_value_is_kept_until_it_is_refreshed() {
    let client = client().await;
    let made = new_secret(&client).await;
    let cache = new_cache(MANY, HOUR).await;
    let first = cache.get_secret_value(&made.name, None, None, false).await.expect("a value");
    assert_eq!((first.arn.as_deref(), first.name.as_deref()), (Some(&*made.arn), Some(&*made.name)));
    assert_eq!((first.version_id.as_deref(), first.secret_string.as_deref()), (Some(&*made.version), Some("first")));
    assert_eq!((&first.version_stages, &first.secret_binary), (&Some(vec!["AWSCURRENT".to_owned()]), &None));
    assert!(first.created_date.is_some_and(|created| (now().secs() - DateTime::from(created).secs()).abs() < 3600));
    put(&client, &made.name, "second", &[]).await;
    assert_eq!(cache.get_secret_value(&made.name, None, None, false).await.expect("a value"), first);
    // Under its ARN it was not asked for yet.
    assert_eq!(cached(&cache, &made.arn).await.as_deref(), Some("second"));
    let refreshed = cache.get_secret_value(&made.name, None, None, true).await.expect("a value");
    assert_eq!(refreshed.secret_string.as_deref(), Some("second"));
    assert_eq!(cached(&cache, &made.name).await.as_deref(), Some("second"));
}

#[tokio::test]
async fn a_cache_with_a_client_of_its_own() {
    let client = client().await;
    let made = new_secret(&client).await;
    let cache = Cache::default(NonZeroUsize::MIN, HOUR).await.expect("a cache");
    assert_eq!(cached(&cache, &made.name).await.as_deref(), Some("first"));
}

#[tokio::test]
async fn versions_and_labels() {
    let client = client().await;
    let made = new_secret(&client).await;
    let second = put(&client, &made.name, "second", &[]).await;
    let blue = put(&client, &made.name, "blue", &["BLUE"]).await;
    let cache = new_cache(MANY, HOUR).await;
    for (version, label, wanted) in [
        (None, None, "second"),
        (None, Some("AWSCURRENT"), "second"),
        (None, Some("AWSPREVIOUS"), "first"),
        (None, Some("BLUE"), "blue"),
        (Some(&made.version), None, "first"),
        (Some(&second), Some("AWSCURRENT"), "second"),
        (Some(&blue), Some("BLUE"), "blue"),
    ] {
        for _ in 0..2 {
            let got = cache.get_secret_value(&made.name, version.map(String::as_str), label, false).await;
            assert_eq!(got.expect("a value").secret_string.as_deref(), Some(wanted), "{version:?} {label:?}");
        }
    }
    put(&client, &made.name, "green", &["BLUE"]).await;
    for (refresh, wanted) in [(false, "blue"), (true, "green"), (false, "green")] {
        let got = cache.get_secret_value(&made.name, None, Some("BLUE"), refresh).await;
        assert_eq!(got.expect("a value").secret_string.as_deref(), Some(wanted));
    }
}

#[tokio::test]
async fn after_its_time_a_value_is_asked_for_again() {
    let client = client().await;
    let made = new_secret(&client).await;
    let cache = new_cache(MANY, Duration::ZERO).await;
    assert_eq!(cached(&cache, &made.name).await.as_deref(), Some("first"));
    let second = put(&client, &made.name, "second", &[]).await;
    assert_eq!(cached(&cache, &made.name).await.as_deref(), Some("second"));
    let back = client.update_secret_version_stage().secret_id(&made.name).version_stage("AWSCURRENT");
    let back = back.move_to_version_id(&made.version).remove_from_version_id(second);
    back.send().await.expect("UpdateSecretVersionStage");
    assert_eq!(cached(&cache, &made.name).await.as_deref(), Some("first"));
}

/// What was kept too long is held to DescribeSecret, which answers for a secret marked for deletion too.
#[tokio::test]
async fn a_value_that_is_still_current_is_not_fetched_again() {
    let client = client().await;
    let made = new_secret(&client).await;
    let cache = new_cache(MANY, Duration::ZERO).await;
    assert_eq!(cached(&cache, &made.name).await.as_deref(), Some("first"));
    client.delete_secret().secret_id(&made.name).send().await.expect("DeleteSecret");
    assert_eq!(cached(&cache, &made.name).await.as_deref(), Some("first"));
    let refreshed = cache.get_secret_value(&made.name, None, None, true).await;
    assert!(refused_through(refreshed, "InvalidRequestException", MARKED).is_invalid_request_exception());
}

#[tokio::test]
async fn what_does_not_fit_is_asked_for_again() {
    let client = client().await;
    let (one, other) = (new_secret(&client).await, new_secret(&client).await);
    let cache = new_cache(1, HOUR).await;
    for made in [&one, &other] {
        assert_eq!(cached(&cache, &made.name).await.as_deref(), Some("first"));
        put(&client, &made.name, "second", &[]).await;
    }
    assert_eq!(cached(&cache, &other.name).await.as_deref(), Some("first"));
    assert_eq!(cached(&cache, &one.name).await.as_deref(), Some("second"));
}

#[tokio::test]
async fn binaries() {
    let (client, name, value) = (client().await, new_name(), [0, 255, 128, 127]);
    client.create_secret().name(&name).secret_binary(Blob::new(value)).send().await.expect("CreateSecret");
    let cache = new_cache(MANY, HOUR).await;
    for _ in 0..2 {
        let got = cache.get_secret_value(&name, None, None, false).await.expect("a value");
        assert_eq!(got.secret_string, None);
        assert_eq!(got.secret_binary.expect("SecretBinary").into_inner(), value);
    }
}

#[tokio::test]
async fn a_batch_fills_the_cache() {
    let client = client().await;
    let (one, other, absent) = (new_secret(&client).await, new_secret(&client).await, new_name());
    let cache = new_cache(MANY, HOUR).await;
    let asked = vec![one.name.clone(), absent.clone()];
    let batch = cache.batch_get_secret_value(Some(asked), None, None, None).await.expect("a batch").expect("an answer");
    assert_eq!((batch.secret_values().len(), batch.errors().len()), (1, 1));
    assert_eq!(batch.errors()[0].secret_id(), Some(&*absent));
    let filters = Some(vec![by_name(&other.name)]);
    let batch = cache.batch_get_secret_value(None, filters, Some(20), None).await.expect("a batch").expect("an answer");
    assert_eq!((batch.secret_values().len(), batch.next_token()), (1, None));
    for made in [one, other] {
        put(&client, &made.name, "second", &[]).await;
        assert_eq!(cached(&cache, &made.name).await.as_deref(), Some("first"));
    }
}

#[tokio::test]
async fn nothing() {
    let cache = new_cache(MANY, HOUR).await;
    let answer = cache.get_secret_value(&new_name(), None, None, false).await;
    assert!(refused_through(answer, "ResourceNotFoundException", NOT_FOUND).is_resource_not_found_exception());
}
