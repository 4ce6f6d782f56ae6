//! Errors as Rust values: their variants, codes and texts, and the operations of later releases.

use std::error::Error;
use std::fmt::Debug;

use aws_credential_types::Credentials;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{Builder, ProvideCredentials as _, Region};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::list_secrets::{ListSecretsError, ListSecretsOutput};
use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, ReplicaRegionType};
use serde_json::json;

use crate::instance::{NOT_FOUND, client, new_name, new_secret, put, refused, settings, value_of};

#[tokio::test]
async fn not_found() {
    let client = client().await;
    let get = client.get_secret_value();
    let error = refused(get.clone().secret_id(new_name()).send().await, "ResourceNotFoundException", NOT_FOUND);
    assert!(error.is_resource_not_found_exception());
    let made = new_secret(&client).await;
    let error = refused(
        get.secret_id(&made.arn).version_stage("BLUE").send().await,
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: BLUE",
    );
    assert!(error.is_resource_not_found_exception());
}

#[tokio::test]
async fn exists() {
    let client = client().await;
    let name = new_secret(&client).await.name;
    let error = refused(
        client.create_secret().name(&name).secret_string("x").send().await,
        "ResourceExistsException",
        &format!("The operation failed because the secret {name} already exists."),
    );
    assert!(error.is_resource_exists_exception());
    assert_eq!(value_of(&client, &name).await, "first");
}

#[tokio::test]
async fn invalid_requests() {
    let client = client().await;
    let made = new_secret(&client).await;
    let error = refused(
        client.put_secret_value().secret_id(&made.name).send().await,
        "InvalidRequestException",
        "You must provide either SecretString or SecretBinary.",
    );
    assert!(error.is_invalid_request_exception());
    let request = client.get_secret_value().secret_id(&made.arn).version_id(&made.version).version_stage("BLUE");
    let error = refused(
        request.send().await,
        "InvalidRequestException",
        "You provided a VersionStage that is not associated to the provided VersionId.",
    );
    assert!(error.is_invalid_request_exception());
}

#[tokio::test]
async fn invalid_parameters() {
    let client = client().await;
    let made = new_secret(&client).await;
    let put = client.put_secret_value().secret_id(&made.name).secret_string("a").secret_binary(Blob::new([1]));
    let error = refused(
        put.send().await,
        "InvalidParameterException",
        "You can't specify both a binary secret value and a string secret value in the same secret.",
    );
    assert!(error.is_invalid_parameter_exception());
    let error = refused(
        client.delete_secret().secret_id(&made.name).recovery_window_in_days(3).send().await,
        "InvalidParameterException",
        "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
    );
    assert!(error.is_invalid_parameter_exception());
    let step = client.update_secret_version_stage().secret_id(&made.name).version_stage("AWSCURRENT");
    let error = refused(
        step.remove_from_version_id(&made.version).send().await,
        "InvalidParameterException",
        "You can only move staging label AWSCURRENT to a different secret version. It can\u{2019}t be completely removed.",
    );
    assert!(error.is_invalid_parameter_exception());
    let answer = client.list_secrets().next_token("bm90LW91cnM=").send().await;
    assert!(refused(answer, "InvalidNextTokenException", "").is_invalid_next_token_exception());
}

#[tokio::test]
async fn policies() {
    let client = client().await;
    let made = new_secret(&client).await;
    let put = client.put_resource_policy().secret_id(&made.name);
    let error = refused(
        put.clone().resource_policy("{").send().await,
        "MalformedPolicyDocumentException",
        "This resource policy contains a syntax error.",
    );
    assert!(error.is_malformed_policy_document_exception());
    let open = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*"}]});
    let error = refused(
        put.resource_policy(open.to_string()).block_public_policy(true).send().await,
        "PublicPolicyException",
        "You can't attach a resource-based policy that allows broad access to the secret.",
    );
    assert!(error.is_public_policy_exception());
}

#[tokio::test]
async fn limits() {
    let client = client().await;
    let made = new_secret(&client).await;
    let labels: Vec<String> = (0..20).map(|number| format!("L{number}")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    put(&client, &made.name, "v", &labels[..10]).await;
    put(&client, &made.name, "v", &labels[10..19]).await;
    let one_more = client.put_secret_value().secret_id(&made.name).secret_string("v").version_stages(labels[19]);
    assert!(refused(one_more.send().await, "LimitExceededException", "").is_limit_exceeded_exception());
}

#[tokio::test]
async fn validation_is_an_error_that_the_model_does_not_name() {
    let client = client().await;
    refused(
        client.get_random_password().password_length(5000).send().await,
        "ValidationException",
        "1 validation error detected: Value '5000' at 'passwordLength' failed to satisfy constraint: Member must have \
         value less than or equal to 4096",
    );
    refused(
        client.get_secret_value().send().await,
        "ValidationException",
        "1 validation error detected: Value null at 'secretId' failed to satisfy constraint: Member must not be null",
    );
    let filter = Filter::builder().key(FilterNameStringType::from("colour")).values("blue").build();
    refused(client.list_secrets().filters(filter).send().await, "ValidationException", "");
}

/// Lists through a client of its own, with other settings.
async fn ask(change: impl FnOnce(Builder) -> Builder) -> Result<ListSecretsOutput, SdkError<ListSecretsError>> {
    let builder = change(Builder::from(&settings().await));
    Client::from_conf(builder.build()).list_secrets().send().await
}

#[tokio::test]
async fn other_credentials() {
    let provider = settings().await.credentials_provider().expect("a provider");
    let own = provider.provide_credentials().await.expect("the root key");
    let stranger = Credentials::new(format!("AKIA{}", "Z".repeat(16)), "x", None, None, "suite");
    refused(
        ask(|builder| builder.credentials_provider(stranger)).await,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    );
    let forged = Credentials::new(own.access_key_id(), "x", None, None, "suite");
    refused(
        ask(|builder| builder.credentials_provider(forged)).await,
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details.",
    );
    refused(ask(|builder| builder.region(Region::new("eu-west-1"))).await, "InvalidSignatureException", "");
}

/// The call must be refused with a code and a text.
fn refused_clearly<T: Debug, E: ProvideErrorMetadata + Error>(what: &str, answer: Result<T, SdkError<E>>) {
    let error = answer.expect_err(what);
    let status = error.raw_response().map(|raw| raw.status().as_u16());
    assert!(status.is_some_and(|status| (400..500).contains(&status)), "{what}: {error:?}");
    assert!(error.code().is_some_and(|code| !code.is_empty()), "{what}: {error:?}");
    assert!(error.message().is_some_and(|text| text.len() > 10), "{what}: {error:?}");
}

#[tokio::test]
async fn later_operations() {
    let client = client().await;
    let name = new_secret(&client).await.name;
    refused_clearly("RotateSecret", client.rotate_secret().secret_id(&name).send().await);
    refused_clearly("CancelRotateSecret", client.cancel_rotate_secret().secret_id(&name).send().await);
    let replica = ReplicaRegionType::builder().region("eu-west-1").build();
    let replicate = client.replicate_secret_to_regions().secret_id(&name).add_replica_regions(replica);
    refused_clearly("ReplicateSecretToRegions", replicate.send().await);
    let remove = client.remove_regions_from_replication().secret_id(&name).remove_replica_regions("eu-west-1");
    refused_clearly("RemoveRegionsFromReplication", remove.send().await);
    refused_clearly("StopReplicationToReplica", client.stop_replication_to_replica().secret_id(&name).send().await);
    let policy = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    let validate = client.validate_resource_policy().resource_policy(policy);
    refused_clearly("ValidateResourcePolicy", validate.send().await);
    assert_eq!(value_of(&client, &name).await, "first");
}
