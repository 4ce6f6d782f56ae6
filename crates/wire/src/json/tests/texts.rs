//! Tests of AWS's texts for values of the wrong kind and for broken constraints.

use super::super::decode;
use crate::Shape;
use crate::error::{SERIALIZATION, VALIDATION};
use crate::reading::VIOLATIONS_MAX;
use crate::sample::Sample;
use crate::secretsmanager::{FilterNameStringType, GetSecretValueRequest, ListSecretsRequest, PutSecretValueRequest};

/// Bodies with a value of the wrong kind, and the text of the error.
const WRONG_KINDS: &[(&str, &str)] = &[
    (r#"{"Name":1}"#, "NUMBER_VALUE can not be converted to a String"),
    (r#"{"Name":1.5}"#, "NUMBER_VALUE can not be converted to a String"),
    (r#"{"Name":true}"#, "TRUE_VALUE can not be converted to a String"),
    (r#"{"Name":false}"#, "FALSE_VALUE can not be converted to a String"),
    (r#"{"Name":[]}"#, "Start of list found where not expected"),
    (r#"{"Name":{}}"#, "Start of structure or map found where not expected."),
    (r#"{"Count":"1"}"#, "STRING_VALUE can not be converted to an Integer"),
    (r#"{"Count":true}"#, "TRUE_VALUE can not be converted to an Integer"),
    (r#"{"Total":"1"}"#, "STRING_VALUE can not be converted to a Long"),
    (r#"{"Total":1e300}"#, ""),
    (r#"{"Share":"1"}"#, "STRING_VALUE can not be converted to a Double"),
    (r#"{"Ready":"maybe"}"#, "STRING_VALUE can not be converted to an Boolean"),
    (r#"{"Ready":1}"#, "NUMBER_VALUE can not be converted to a Boolean"),
    (r#"{"Made":"2018-05-03T17:51:02Z"}"#, "STRING_VALUE can not be converted to milliseconds since epoch"),
    (r#"{"Data":1}"#, "NUMBER_VALUE can not be converted to a Blob"),
    (r#"{"Data":"abc"}"#, "Base64 encoded length is expected a multiple of 4 bytes but found: 3"),
    (r#"{"Data":"ab_d"}"#, "Invalid Base64 encoding"),
    (r#"{"Colour":1}"#, "NUMBER_VALUE can not be converted to a String"),
    (r#"{"Names":"x"}"#, "Expected list or null"),
    (r#"{"Names":1}"#, "Expected list or null"),
    (r#"{"Names":{}}"#, "Start of structure or map found where not expected."),
    (r#"{"Names":[1]}"#, "NUMBER_VALUE can not be converted to a String"),
    (r#"{"Parts":["x"]}"#, "Expected null"),
    (r#"{"Parts":[[]]}"#, "Start of list found where not expected"),
    (r#"{"Labels":"x"}"#, "Expected map or null"),
    (r#"{"Labels":[]}"#, "Start of list found where not expected"),
    (r#"{"Labels":{"a":1}}"#, "NUMBER_VALUE can not be converted to a String"),
];

/// Bodies that break one constraint, and the text of the violation.
const BROKEN: &[(&str, &str)] = &[
    (
        r#"{"Name":""}"#,
        "Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ),
    (
        r#"{"Name":"abcde"}"#,
        "Value 'abcde' at 'name' failed to satisfy constraint: Member must have length less than or equal to 4",
    ),
    (
        r#"{"Name":"A"}"#,
        "Value 'A' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]*",
    ),
    (
        r#"{"Count":11}"#,
        "Value '11' at 'count' failed to satisfy constraint: Member must have value less than or equal to 10",
    ),
    (
        r#"{"Count":5000000000}"#,
        "Value '5000000000' at 'count' failed to satisfy constraint: Member must have value less than or equal to 10",
    ),
    (
        r#"{"Count":0}"#,
        "Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ),
    (
        r#"{"Colour":"blue"}"#,
        "Value 'blue' at 'colour' failed to satisfy constraint: Member must satisfy enum value set: [red, dark-blue]",
    ),
    (
        r#"{"Names":[]}"#,
        "Value '[]' at 'names' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ),
    (
        r#"{"Names":["a","B"]}"#,
        "Value '[a, B]' at 'names' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less \
             than or equal to 4, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-z]*]",
    ),
    (
        r#"{"Numbers":[1,11]}"#,
        "Value '[1, 11]' at 'numbers' failed to satisfy constraint: Member must satisfy constraint: [Member must have value less \
             than or equal to 10, Member must have value greater than or equal to 1]",
    ),
    (
        r#"{"Parts":[null]}"#,
        "Value '[null]' at 'parts' failed to satisfy constraint: Member must satisfy constraint: [Member must not be null]",
    ),
    (
        r#"{"Parts":[{"Id":"a"},{}]}"#,
        "Value null at 'parts.2.member.id' failed to satisfy constraint: Member must not be null",
    ),
    (
        r#"{"Parts":[{"Id":"a"},{"Id":"b"},{"Id":"c"}]}"#,
        "Value '[{...}, {...}, {...}]' at 'parts' failed to satisfy constraint: Member must have length less than or equal to 2",
    ),
    (
        r#"{"Labels":{"A":"b"}}"#,
        "Value at 'labels' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or \
             equal to 4, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-z]*]",
    ),
    (
        r#"{"Labels":{"a":"B"}}"#,
        "Value at 'labels' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or \
             equal to 4, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-z]*]",
    ),
    (
        r#"{"Data":"AAAAAAAAAAAA"}"#,
        "Value at 'data' failed to satisfy constraint: Member must have length less than or equal to 8",
    ),
];

#[test]
fn values_of_the_wrong_kind_get_the_texts_of_aws() {
    for (body, message) in WRONG_KINDS {
        assert_eq!(decode::<Sample>(body.as_bytes()), Err(SERIALIZATION.with(*message)), "{body}");
    }
}

#[test]
fn a_wrong_kind_comes_before_any_broken_constraint() {
    let error = decode::<Sample>(br#"{"Name":"too long","Names":["TOO LONG",1]}"#).expect_err("invalid");
    assert_eq!(error, SERIALIZATION.with("NUMBER_VALUE can not be converted to a String"));
}

fn violations<T: Shape + std::fmt::Debug>(body: &str) -> String {
    let error = decode::<T>(body.as_bytes()).expect_err("invalid");
    assert_eq!(error.code, VALIDATION);
    error.message
}

#[test]
fn broken_constraints_get_the_texts_of_aws() {
    for (body, message) in BROKEN {
        assert_eq!(violations::<Sample>(body), format!("1 validation error detected: {message}"), "{body}");
    }
}

#[test]
fn violations_are_counted_and_listed_in_the_order_of_the_model() {
    assert_eq!(
        violations::<Sample>(r#"{"Count":0,"Name":"ABCDE"}"#),
        "3 validation errors detected: Value 'ABCDE' at 'name' failed to satisfy constraint: Member must have length less than or equal \
         to 4; Value 'ABCDE' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]*; \
         Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1"
    );
    let many = format!(r#"{{"Parts":[{}]}}"#, vec!["{}"; 100].join(","));
    let message = violations::<Sample>(&many);
    assert!(message.starts_with("101 validation errors detected: Value '[{}, {}"), "{message}");
    assert_eq!(message.matches("failed to satisfy").count(), VIOLATIONS_MAX);
}

#[test]
fn the_pattern_of_a_text_that_is_far_too_long_is_not_looked_at() {
    let long = "A".repeat(5000);
    let message = violations::<Sample>(&format!(r#"{{"Name":"{long}"}}"#));
    assert!(message.starts_with("1 validation error detected: Value 'AAA"), "{message}");
    assert!(
        message
            .ends_with("...' at 'name' failed to satisfy constraint: Member must have length less than or equal to 4")
    );
}

#[test]
fn lengths_count_characters() {
    assert!(decode::<GetSecretValueRequest>(format!(r#"{{"SecretId":"{}"}}"#, "é".repeat(2048)).as_bytes()).is_ok());
    assert!(decode::<GetSecretValueRequest>(format!(r#"{{"SecretId":"{}"}}"#, "é".repeat(2049)).as_bytes()).is_err());
}

#[test]
fn sensitive_values_are_never_repeated() {
    let bodies = [
        r#"{"Password":"HUNTER2"}"#,
        r#"{"Password":"H"}"#,
        r#"{"Passwords":["HUNTER2"]}"#,
        r#"{"Passwords":["hunter","hunter","hunter"]}"#,
        r#"{"KeyFile":"HUNTER2="}"#,
        r#"{"KeyFile":"HUNTER2!"}"#,
        r#"{"KeyFile":"HUNTER2"}"#,
        r#"{"KeyFile":""}"#,
        r#"{"Parts":[{"Id":"x","Inner":{"Token":"HUNTER2"}}]}"#,
        r#"{"Parts":[{"Password":"HUNTER2"},{"Token":"HUNTER2"},{"Id":"a"}]}"#,
        r#"{"Password":["HUNTER2"]}"#,
        r#"{"Password":{"HUNTER2":"HUNTER2"}}"#,
    ];
    for body in bodies {
        let error = decode::<Sample>(body.as_bytes()).expect_err(body);
        assert!(!error.to_string().to_ascii_uppercase().contains("HUNTER"), "{error}");
    }
    assert_eq!(
        violations::<Sample>(r#"{"Password":"H"}"#),
        "2 validation errors detected: Value at 'password' failed to satisfy constraint: Member must have length greater than or equal to \
         2; Value at 'password' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]*"
    );
}

#[test]
fn the_constraints_of_secrets_manager_hold() {
    assert_eq!(
        violations::<GetSecretValueRequest>("{}"),
        "1 validation error detected: Value null at 'secretId' failed to satisfy constraint: Member must not be null"
    );
    assert_eq!(
        violations::<ListSecretsRequest>(r#"{"Filters":[{"Key":"nam","Values":["x"]}],"MaxResults":101}"#),
        "2 validation errors detected: Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal \
         to 100; Value 'nam' at 'filters.1.member.key' failed to satisfy constraint: Member must satisfy enum value set: \
         [description, name, tag-key, tag-value, primary-region, owning-service, all]"
    );
    let put = violations::<PutSecretValueRequest>(r#"{"SecretId":"x","SecretBinary":"","RotationToken":"short!"}"#);
    assert_eq!(
        put,
        "3 validation errors detected: Value at 'secretBinary' failed to satisfy constraint: Member must have length greater than or equal \
         to 1; Value at 'rotationToken' failed to satisfy constraint: Member must have length greater than or equal to 36; \
         Value at 'rotationToken' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9\\-]+$"
    );
    let listed: ListSecretsRequest =
        decode(br#"{"Filters":[{"Key":"tag-key","Values":["!a b","c"]}],"SortOrder":"asc"}"#).expect("valid");
    let filters = listed.filters.expect("filters");
    assert_eq!(filters[0].key, Some(FilterNameStringType::TagKey));
}
