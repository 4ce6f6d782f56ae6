//! Every operation once but those that list, through the SDK for Rust.

use std::collections::HashMap;

use aws_sdk_secretsmanager::operation::RequestId as _;
use aws_sdk_secretsmanager::primitives::Blob;
use regex_lite::Regex;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::instance::{DAY_SECONDS, MARKED, NOT_FOUND, client, new_name, new_secret, now, put, refused, tag, value_of};

const TOKEN: &str = "11111111-2222-4333-8444-555555555555";

#[tokio::test]
async fn create_and_get() {
    let (client, name, value) = (client().await, new_name(), "Grüße \"🔑\"\n\u{2028}");
    let request = client.create_secret().name(&name).secret_string(value).client_request_token(TOKEN);
    let request = request.description("words").tags(tag("k", ""));
    let made = request.clone().send().await.expect("CreateSecret");
    let arn = made.arn().expect("ARN");
    let pattern = format!("^arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{{12}}:secret:{name}-[A-Za-z0-9]{{6}}$");
    assert!(Regex::new(&pattern).expect("pattern").is_match(arn), "{arn}");
    assert_eq!((made.name(), made.version_id()), (Some(&*name), Some(TOKEN)));
    assert_eq!(made.replication_status, None);
    assert!(made.request_id().is_some());
    let again = request.send().await.expect("the same CreateSecret");
    assert_eq!((again.arn(), again.version_id()), (Some(arn), Some(TOKEN)));

    let got = client.get_secret_value().secret_id(arn).send().await.expect("GetSecretValue");
    assert_eq!((got.arn(), got.name(), got.version_id()), (Some(arn), Some(&*name), Some(TOKEN)));
    assert_eq!((got.secret_string(), got.secret_binary()), (Some(value), None));
    assert_eq!(got.version_stages(), ["AWSCURRENT"]);
    assert!((got.created_date().expect("CreatedDate").secs() - now().secs()).abs() < 3600);
    let shown = client.describe_secret().secret_id(arn).send().await.expect("DescribeSecret");
    assert_eq!((shown.description(), shown.tags()), (Some("words"), &[tag("k", "")][..]));
}

#[tokio::test]
async fn a_secret_without_a_value() {
    let (client, name) = (client().await, new_name());
    let made = client.create_secret().name(&name).send().await.expect("CreateSecret");
    assert_eq!(made.version_id, None);
    let shown = client.describe_secret().secret_id(&name).send().await.expect("DescribeSecret");
    assert!(shown.version_ids_to_stages.is_none_or(|versions| versions.is_empty()));
    let error = refused(
        client.get_secret_value().secret_id(&name).send().await,
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    );
    assert!(error.is_resource_not_found_exception());
}

#[tokio::test]
async fn binaries() {
    let (client, name) = (client().await, new_name());
    let bytes = |start: u8| Blob::new((0..4096_u16).map(|at| start ^ at.to_le_bytes()[0]).collect::<Vec<u8>>());
    let current = async || {
        let got = client.get_secret_value().secret_id(&name).send().await.expect("GetSecretValue");
        assert_eq!(got.secret_string, None);
        got.secret_binary.expect("SecretBinary")
    };
    client.create_secret().name(&name).secret_binary(bytes(0)).send().await.expect("CreateSecret");
    assert_eq!(current().await, bytes(0));
    client.put_secret_value().secret_id(&name).secret_binary(bytes(1)).send().await.expect("PutSecretValue");
    assert_eq!(current().await, bytes(1));
    client.update_secret().secret_id(&name).secret_binary(bytes(2)).send().await.expect("UpdateSecret");
    assert_eq!(current().await, bytes(2));
}

#[tokio::test]
async fn a_token_makes_a_put_repeatable() {
    let client = client().await;
    let made = new_secret(&client).await;
    let request = client.put_secret_value().secret_id(&made.name).secret_string("second").client_request_token(TOKEN);
    for _ in 0..2 {
        let put = request.clone().send().await.expect("PutSecretValue");
        assert_eq!((put.arn(), put.name()), (Some(&*made.arn), Some(&*made.name)));
        assert_eq!((put.version_id(), put.version_stages()), (Some(TOKEN), &["AWSCURRENT".to_owned()][..]));
    }
    let text = format!(
        "You can't use ClientRequestToken {TOKEN} because that value is already in use for a version of secret {}.",
        made.arn
    );
    let error = refused(request.secret_string("other").send().await, "ResourceExistsException", &text);
    assert!(error.is_resource_exists_exception());
    let shown = client.describe_secret().secret_id(&made.name).send().await.expect("DescribeSecret");
    assert_eq!(shown.version_ids_to_stages.expect("versions").len(), 2);
    assert_eq!(value_of(&client, &made.name).await, "second");
}

#[tokio::test]
async fn versions_and_stages() {
    let client = client().await;
    let made = new_secret(&client).await;
    let second = put(&client, &made.arn, "second", &[]).await;
    let blue = put(&client, &made.arn, "blue", &["BLUE", "GREEN"]).await;
    assert_eq!(value_of(&client, &made.name).await, "second");
    let get = client.get_secret_value().secret_id(&made.name);
    for (request, version, value) in [
        (get.clone().version_stage("AWSPREVIOUS"), &made.version, "first"),
        (get.clone().version_stage("GREEN"), &blue, "blue"),
        (get.clone().version_id(&made.version), &made.version, "first"),
        (get.clone().version_id(&blue).version_stage("BLUE"), &blue, "blue"),
    ] {
        let got = request.send().await.expect("GetSecretValue");
        assert_eq!((got.version_id(), got.secret_string()), (Some(&**version), Some(value)));
    }

    let step = client.update_secret_version_stage().secret_id(&made.name);
    let back =
        step.clone().version_stage("AWSCURRENT").move_to_version_id(&made.version).remove_from_version_id(&second);
    let moved = back.send().await.expect("UpdateSecretVersionStage");
    assert_eq!((moved.arn(), moved.name()), (Some(&*made.arn), Some(&*made.name)));
    assert_eq!(value_of(&client, &made.name).await, "first");
    step.version_stage("GREEN").remove_from_version_id(&blue).send().await.expect("the label is taken off");
    let shown = client.describe_secret().secret_id(&made.arn).send().await.expect("DescribeSecret");
    let wanted = [(made.version, "AWSCURRENT"), (second, "AWSPREVIOUS"), (blue, "BLUE")];
    let wanted: HashMap<_, _> = wanted.into_iter().map(|(version, label)| (version, vec![label.to_owned()])).collect();
    assert_eq!(shown.version_ids_to_stages, Some(wanted));
}

#[tokio::test]
async fn update_and_describe() {
    let client = client().await;
    let made = new_secret(&client).await;
    let before = client.describe_secret().secret_id(&made.name).send().await.expect("DescribeSecret");
    assert_eq!((before.arn(), before.name()), (Some(&*made.arn), Some(&*made.name)));
    assert_eq!((before.description(), before.kms_key_id(), before.r#type()), (None, None, None));
    assert_eq!((before.rotation_enabled, before.rotation_lambda_arn(), before.rotation_rules()), (None, None, None));
    assert_eq!((before.last_rotated_date, before.next_rotation_date), (None, None));
    assert_eq!((before.last_accessed_date, before.deleted_date), (None, None));
    assert_eq!((&before.tags, before.owning_service(), before.primary_region()), (&None, None, None));
    assert_eq!((&before.replication_status, &before.external_secret_rotation_metadata), (&None, &None));

    let update = client.update_secret().secret_id(&made.arn);
    let words = update.clone().description("d").send().await.expect("UpdateSecret");
    assert_eq!((words.arn(), words.name(), words.version_id()), (Some(&*made.arn), Some(&*made.name), None));
    let second = update.secret_string("second").client_request_token(TOKEN).send().await.expect("UpdateSecret");
    assert_eq!(second.version_id(), Some(TOKEN));
    assert_eq!(value_of(&client, &made.name).await, "second");
    let after = client.describe_secret().secret_id(&made.arn).send().await.expect("DescribeSecret");
    assert_eq!(after.description(), Some("d"));
    assert_eq!(after.created_date, before.created_date);
    assert!(after.last_changed_date.expect("LastChangedDate") >= before.last_changed_date.expect("LastChangedDate"));
    // The day alone is told.
    assert_eq!(after.last_accessed_date.expect("LastAccessedDate").as_secs_f64() % 86_400.0, 0.0);
    let labels = |version: &str| after.version_ids_to_stages()?.get(version).map(Vec::as_slice);
    assert_eq!(labels(TOKEN), Some(&["AWSCURRENT".to_owned()][..]));
    assert_eq!(labels(&made.version), Some(&["AWSPREVIOUS".to_owned()][..]));
}

#[tokio::test]
async fn tags() {
    let client = client().await;
    let made = new_secret(&client).await;
    let tags = vec![tag("a", "1"), tag("b", "2")];
    client.tag_resource().secret_id(&made.arn).set_tags(Some(tags)).send().await.expect("TagResource");
    client.tag_resource().secret_id(&made.name).tags(tag("b", "3")).send().await.expect("TagResource");
    let untag = client.untag_resource().secret_id(&made.name).tag_keys("a").tag_keys("absent");
    assert!(untag.send().await.expect("UntagResource").request_id().is_some());
    let shown = client.describe_secret().secret_id(&made.name).send().await.expect("DescribeSecret");
    assert_eq!(shown.tags(), [tag("b", "3")]);
}

#[tokio::test]
async fn policies() {
    let client = client().await;
    let made = new_secret(&client).await;
    let document = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:RotateSecret", "Resource": "*"}]});
    let current = async || {
        let got = client.get_resource_policy().secret_id(&made.arn).send().await.expect("GetResourcePolicy");
        assert_eq!((got.arn(), got.name()), (Some(&*made.arn), Some(&*made.name)));
        got.resource_policy.map(|text| serde_json::from_str::<Value>(&text).expect("JSON"))
    };
    assert_eq!(current().await, None);
    let put = client.put_resource_policy().secret_id(&made.name).block_public_policy(true);
    let put = put.resource_policy(document.to_string()).send().await.expect("PutResourcePolicy");
    assert_eq!((put.arn(), put.name()), (Some(&*made.arn), Some(&*made.name)));
    assert_eq!(current().await, Some(document));
    let gone = client.delete_resource_policy().secret_id(&made.arn).send().await.expect("DeleteResourcePolicy");
    assert_eq!((gone.arn(), gone.name()), (Some(&*made.arn), Some(&*made.name)));
    assert_eq!(current().await, None);
}

#[tokio::test]
async fn delete_and_restore() {
    let client = client().await;
    let made = new_secret(&client).await;
    let gone = client.delete_secret().secret_id(&made.name).recovery_window_in_days(7).send().await;
    let gone = gone.expect("DeleteSecret");
    assert_eq!((gone.arn(), gone.name()), (Some(&*made.arn), Some(&*made.name)));
    let left = gone.deletion_date().expect("DeletionDate").secs() - now().secs();
    assert!((6 * DAY_SECONDS..=8 * DAY_SECONDS).contains(&left), "{left} seconds are left");
    let error = refused(client.get_secret_value().secret_id(&made.arn).send().await, "InvalidRequestException", MARKED);
    assert!(error.is_invalid_request_exception());
    let shown = client.describe_secret().secret_id(&made.name).send().await.expect("DescribeSecret");
    assert!(shown.deleted_date.is_some());
    let restored = client.restore_secret().secret_id(&made.name).send().await.expect("RestoreSecret");
    assert_eq!((restored.arn(), restored.name()), (Some(&*made.arn), Some(&*made.name)));
    assert_eq!(value_of(&client, &made.name).await, "first");
    let delete = client.delete_secret().secret_id(&made.name).force_delete_without_recovery(true);
    delete.send().await.expect("DeleteSecret at once");
    let answer = client.describe_secret().secret_id(&made.name).send().await;
    assert!(refused(answer, "ResourceNotFoundException", NOT_FOUND).is_resource_not_found_exception());
}

#[tokio::test]
async fn random_passwords() {
    let client = client().await;
    let mut made = Vec::new();
    for (request, pattern) in [
        (client.get_random_password(), "^[!-~]{32}$"),
        (client.get_random_password().password_length(20).exclude_punctuation(true), "^[A-Za-z0-9]{20}$"),
        (
            client
                .get_random_password()
                .password_length(40)
                .exclude_lowercase(true)
                .exclude_uppercase(true)
                .exclude_punctuation(true)
                .exclude_characters("0123")
                .include_space(true),
            "^[4-9 ]{40}$",
        ),
    ] {
        let password = request.send().await.expect("GetRandomPassword").random_password.expect("RandomPassword");
        assert!(Regex::new(pattern).expect("pattern").is_match(&password), "no match of {pattern}");
        made.push(password);
    }
    let another = client.get_random_password().send().await.expect("GetRandomPassword").random_password;
    assert!(another.is_some_and(|another| !made.contains(&another)));
}

#[tokio::test]
async fn two_hundred_gets_at_once() {
    let client = client().await;
    let made = new_secret(&client).await;
    let mut asked = JoinSet::new();
    for _ in 0..200 {
        let (client, arn) = (client.clone(), made.arn.clone());
        asked.spawn(async move { value_of(&client, &arn).await });
    }
    assert_eq!(asked.join_all().await, vec!["first"; 200]);
}

#[tokio::test]
async fn many_puts_at_once() {
    let client = client().await;
    let made = new_secret(&client).await;
    let mut asked = JoinSet::new();
    for number in 0..40 {
        let (client, arn) = (client.clone(), made.arn.clone());
        asked.spawn(async move { put(&client, &arn, &format!("v{number}"), &[]).await });
    }
    let mut versions = asked.join_all().await;
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), 40);
    let shown = client.describe_secret().secret_id(&made.arn).send().await.expect("DescribeSecret");
    let mut labels: Vec<_> = shown.version_ids_to_stages.expect("versions").into_values().flatten().collect();
    labels.sort();
    assert_eq!(labels, ["AWSCURRENT", "AWSPREVIOUS"]);
}
