//! Tests of reading and writing JSON bodies.

mod parser;
mod texts;

use proptest::prelude::any;
use proptest::{prop_assert, prop_assert_eq, proptest};
use serde_json::Value;
use strongroom_types::{SecretBytes, SecretText, Timestamp};

use super::{decode, decode_answer, encode, fuzz_decode};
use crate::error::SERIALIZATION;
use crate::sample::{self, Sample};
use crate::secretsmanager::{
    CreateSecretRequest, CreateSecretResponse, GetSecretValueRequest, GetSecretValueResponse, ListSecretsRequest,
};

#[test]
fn a_request_is_read_into_its_shape() {
    let body = br#"{"SecretId":"db/main","VersionStage":"AWSCURRENT","Unknown":{"a":[1,{"b":null}]},"VersionId":null}"#;
    let expected = GetSecretValueRequest {
        secret_id: "db/main".to_owned(),
        version_id: None,
        version_stage: Some("AWSCURRENT".to_owned()),
    };
    assert_eq!(decode::<GetSecretValueRequest>(body), Ok(expected));
    let twice = decode::<GetSecretValueRequest>(br#"{"SecretId":"first","SecretId":"last"}"#).expect("valid");
    assert_eq!(twice.secret_id, "last");
    assert_eq!(decode::<ListSecretsRequest>(b""), Ok(ListSecretsRequest::default()));
}

#[test]
fn bodies_that_are_no_json_object_are_refused_without_text() {
    for body in ["{", "null", "\"x\"", "1", "{\"SecretId\":\"x\",}", "{\"SecretId\":\"x\"} {}", " "] {
        assert_eq!(decode::<GetSecretValueRequest>(body.as_bytes()), Err(SERIALIZATION.bare()), "{body}");
    }
    assert_eq!(decode::<GetSecretValueRequest>(b"{\"SecretId\":\"\xff\"}"), Err(SERIALIZATION.bare()));
    let list = decode::<GetSecretValueRequest>(b"[]");
    assert_eq!(list, Err(SERIALIZATION.with("Start of list found where not expected")));
}

#[test]
fn scalars_are_taken_in_the_forms_aws_takes() {
    let sample = decode::<Sample>(br#"{"Count":1.9,"Total":-1e3,"Ready":"TRUE","Made":1.5254e9}"#).expect("valid");
    assert_eq!((sample.count, sample.total, sample.ready), (Some(1), Some(-1000), Some(true)));
    assert_eq!(sample.made.map(|made| made.millis()), Some(1_525_400_000_000));
    let infinite = Sample { share: Some(f64::NEG_INFINITY), ..Sample::default() };
    assert_eq!(encode(&infinite).expose(), br#"{"Share":"-Infinity"}"#);
    assert_eq!(decode::<Sample>(encode(&infinite).expose()), Ok(infinite));
}

#[test]
fn answers_are_read_without_the_constraints() {
    let name = "n".repeat(512);
    let body = format!(r#"{{"Name":"{name}","ARN":"x","ReplicationStatus":[{{"Status":"Novel"}},null]}}"#);
    let answer: CreateSecretResponse = decode_answer(body.as_bytes()).expect("readable");
    assert_eq!(answer.name, Some(name));
    assert_eq!(answer.replication_status.map(|list| list.len()), Some(1));
}

#[test]
fn answers_are_compact_json() {
    let answer = GetSecretValueResponse {
        arn: Some("arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf".to_owned()),
        secret_string: Some(SecretText::new("{\"user\":\"\u{1}\\é\n\"}".to_owned())),
        secret_binary: Some(SecretBytes::new(vec![0xfb, 0xff])),
        version_stages: Some(vec!["AWSCURRENT".to_owned(), "x".to_owned()]),
        created_date: Some(Timestamp::from_millis(1_523_477_145_713)),
        ..GetSecretValueResponse::default()
    };
    assert_eq!(
        String::from_utf8(encode(&answer).expose().to_vec()).expect("text"),
        r#"{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf","SecretBinary":"+/8=","SecretString":"{\"user\":\"\u0001\\é\n\"}","VersionStages":["AWSCURRENT","x"],"CreatedDate":1523477145.713}"#
    );
    assert_eq!(encode(&GetSecretValueResponse::default()).expose(), b"{}");
}

#[test]
fn the_entry_for_the_fuzzer_takes_anything() {
    for body in ["", "{}", "{\"SecretId\":1}", "\u{0}", r#"{"Name":"a","SecretString":"\u00e9","Tags":[{"Key":"k"}]}"#]
    {
        fuzz_decode(body.as_bytes());
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back(sample in sample::any_sample()) {
        let body = encode(&sample).expose().to_vec();
        prop_assert_eq!(decode_answer::<Sample>(&body), Ok(sample));
        prop_assert!(serde_json::from_slice::<Value>(&body).is_ok());
    }

    #[test]
    fn requests_of_the_service_read_back(
        name in "[a-z/]{1,60}",
        token in proptest::option::of("[a-f0-9]{32}"),
        value in proptest::option::of("(?s).{1,200}"),
        bytes in proptest::option::of(proptest::collection::vec(any::<u8>(), 1..200)),
    ) {
        let request = CreateSecretRequest {
            name,
            client_request_token: token,
            secret_string: value.map(SecretText::new),
            secret_binary: bytes.map(SecretBytes::new),
            ..CreateSecretRequest::default()
        };
        prop_assert_eq!(decode::<CreateSecretRequest>(encode(&request).expose()), Ok(request));
    }
}
