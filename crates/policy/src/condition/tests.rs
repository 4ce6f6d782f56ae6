//! Tests of every operator, with one value, several and none.

use serde_json::{Value as Json, json};

use super::*;

/// Whether a condition block holds for requests with these keys.
fn holds(block: &Json, keys: &dyn Keys) -> bool {
    let node = crate::json::parse(&block.to_string()).expect("JSON");
    let rules = Rules { variables: true, dates: false, syntax: "x" };
    let mut faults = Faults::default();
    let conditions = parse(&Place::default(), &node, rules, &mut faults);
    faults.into_result().expect("a condition block");
    conditions.iter().all(|condition| condition.holds(Effect::Allow, keys))
}

/// Whether an operator holds over a key that has the first value, against the second.
fn compare(operator: &str, found: Value<'_>, expected: &Json) -> bool {
    holds(&json!({ operator: { "aws:k": expected } }), &[("aws:K", Values::One(found))])
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

#[test]
fn texts_are_compared_exactly_folded_or_as_patterns() {
    for (operator, found, expected, holds) in [
        ("StringEquals", "ann", "ann", true),
        ("StringEquals", "Ann", "ann", false),
        ("StringEquals", "ann", "a*", false),
        ("StringEquals", "a*", "a${*}", true),
        ("StringNotEquals", "Ann", "ann", true),
        ("StringEqualsIgnoreCase", "ÄNN", "änn", true),
        ("StringNotEqualsIgnoreCase", "ANN", "ann", false),
        ("StringEqualsIgnoreCase", "ΟΔΟΣ", "ΟΔΟΣ", true),
        ("StringEqualsIgnoreCase", "ΟΔΟΣ", "οδος", true),
        ("StringEqualsIgnoreCase", "οδοσ", "ΟΔΟς", true),
        ("StringLike", "ann", "a?n", true),
        ("StringLike", "aéz", "a?z", true),
        ("StringLike", "ann", "*", true),
        ("StringLike", "", "*", true),
        ("StringLike", "ann", "A*", false),
        ("StringLike", "a*", "a${*}", true),
        ("StringLike", "ab", "a${*}", false),
        ("StringLike", "$x?", "${$}x${?}", true),
        ("StringNotLike", "bob", "a*", true),
    ] {
        assert_eq!(compare(operator, text(found), &json!(expected)), holds, "{found} {operator} {expected}");
    }
}

#[test]
fn numbers_dates_truths_bytes_and_addresses_are_compared_as_such() {
    for (operator, found, expected, holds) in [
        ("NumericEquals", "7", json!("7.0"), true),
        ("NumericEquals", "7", json!(7), true),
        ("NumericNotEquals", "8", json!(7), true),
        ("NumericNotEquals", "x", json!(7), true),
        ("NumericLessThan", "6", json!(7), true),
        ("NumericLessThan", "7", json!(7), false),
        ("NumericLessThanEquals", "7", json!(7), true),
        ("NumericGreaterThan", "7.5", json!(7), true),
        ("NumericGreaterThanEquals", "6", json!(7), false),
        ("NumericLessThan", "x", json!(7), false),
        ("NumericLessThan", "6", json!("x"), false),
        ("DateEquals", "2026-01-01T00:00:00Z", json!("1767225600"), true),
        ("DateNotEquals", "2026-01-01T00:00:00Z", json!("2026-01-02"), true),
        ("DateLessThan", "2026-01-01T00:00:00Z", json!("2026-01-01T01:00:00+00:30"), true),
        ("DateLessThanEquals", "2026-01-01", json!("2026"), true),
        ("DateGreaterThan", "2026-01-01", json!("2026"), false),
        ("DateGreaterThanEquals", "1767225600", json!("2026-01-01"), true),
        ("Bool", "true", json!("TRUE"), true),
        ("Bool", "false", json!(true), false),
        ("Bool", "no", json!(false), false),
        ("BinaryEquals", "hello", json!("aGVsbG8="), true),
        ("BinaryEquals", "hello", json!("aGVsbG8"), true),
        ("BinaryEquals", "hello", json!("aGVsbG9v"), false),
        ("IpAddress", "192.0.2.7", json!("192.0.2.0/24"), true),
        ("IpAddress", "2001:db8::7", json!(["192.0.2.0/24", "2001:db8::/32"]), true),
        ("IpAddress", "nowhere", json!("0.0.0.0/0"), false),
        ("NotIpAddress", "198.51.100.1", json!("192.0.2.0/24"), true),
        ("NotIpAddress", "192.0.2.1", json!(["198.51.100.0/24", "192.0.2.1"]), false),
    ] {
        assert_eq!(compare(operator, text(found), &expected), holds, "{found} {operator} {expected}");
    }
    assert!(compare("Bool", Value::Bool(true), &json!("true")));
    assert!(compare("StringEquals", Value::Bool(true), &json!("true")));
    assert!(compare("NumericLessThan", Value::Number(5), &json!("6")));
    assert!(compare("DateLessThan", Value::Instant(1_700_000_000_000), &json!("1700000001")));
    assert!(compare("IpAddress", Value::Address("::ffff:192.0.2.1".parse().unwrap()), &json!("192.0.2.1/32")));
    assert!(compare("BinaryEquals", Value::Bytes((&[0xff, 0][..]).into()), &json!("/wA=")));
}

#[test]
fn arns_are_compared_part_by_part() {
    let arn = "arn:aws:iam::111122223333:role/a:b/c";
    for (expected, holds) in [
        ("arn:aws:iam::111122223333:role/a:b/c", true),
        ("arn:aws:iam::*:role/*", true),
        ("arn:aws:*:*:*:role/?:*", true),
        ("*", true),
        ("arn:aws:iam*:role/a:b/c", false),
        ("arn:*", false),
        ("arn:aws:iam::111122223333:role/a", false),
        ("arn:aws:iam:?:111122223333:*", false),
        ("arn:aws:iam::11112222????:*", true),
    ] {
        for operator in ["ArnLike", "ArnEquals"] {
            assert_eq!(compare(operator, text(arn), &json!(expected)), holds, "{operator} {expected}");
        }
        for operator in ["ArnNotLike", "ArnNotEquals"] {
            assert_eq!(compare(operator, text(arn), &json!(expected)), !holds, "{operator} {expected}");
        }
    }
    assert!(!compare("ArnLike", text("no arn"), &json!("arn:aws:iam::*:*")));
}

#[test]
fn a_missing_key_fails_unless_the_operator_is_negated_or_of_all_values() {
    for (operator, satisfied) in [
        ("StringEquals", false),
        ("StringNotEquals", true),
        ("StringEqualsIfExists", true),
        ("StringNotLikeIfExists", true),
        ("NumericLessThan", false),
        ("DateNotEquals", true),
        ("NotIpAddress", true),
        ("ArnNotLike", true),
        ("ForAllValues:StringEquals", true),
        ("ForAnyValue:StringEquals", false),
        ("ForAnyValue:StringNotEquals", false),
        ("ForAnyValue:StringLikeIfExists", true),
    ] {
        let block = json!({ operator: { "aws:k": "7" } });
        assert_eq!(holds(&block, &()), satisfied, "{operator}");
        assert_eq!(holds(&block, &[("aws:k", Values::Many(Vec::new()))]), satisfied, "{operator}");
    }
    for (expected, key, satisfied) in
        [("true", false, true), ("true", true, false), ("false", true, true), ("false", false, false)]
    {
        let block = json!({ "Null": { "aws:k": expected } });
        let keys = [(if key { "aws:k" } else { "aws:other" }, Values::text(""))];
        assert_eq!(holds(&block, &keys), satisfied, "{expected} {key}");
    }
}

#[test]
fn several_values_are_an_or_and_negated_ones_a_nor() {
    for (operator, found, satisfied) in [
        ("StringEquals", vec!["a"], true),
        ("StringEquals", vec!["c"], false),
        ("StringNotEquals", vec!["a"], false),
        ("StringNotEquals", vec!["c"], true),
        ("ForAnyValue:StringEquals", vec!["c", "b"], true),
        ("ForAnyValue:StringEquals", vec!["c", "d"], false),
        ("ForAllValues:StringEquals", vec!["a", "b", "a"], true),
        ("ForAllValues:StringEquals", vec!["a", "c"], false),
        ("ForAnyValue:StringNotEquals", vec!["a", "c"], true),
        ("ForAnyValue:StringNotEquals", vec!["a", "b"], false),
        ("ForAllValues:StringNotEquals", vec!["c", "d"], true),
        ("ForAllValues:StringNotEquals", vec!["c", "a"], false),
        ("ForAllValues:StringEquals", vec![""], true),
        ("ForAnyValue:StringNotEquals", vec![""], false),
    ] {
        let block = json!({ operator: { "aws:TagKeys": ["a", "b"] } });
        let keys = [("aws:tagkeys", Values::texts(found.iter().copied()))];
        assert_eq!(holds(&block, &keys), satisfied, "{operator} {found:?}");
    }
    let none = json!({ "StringEquals": { "aws:k": [] } });
    assert!(!holds(&none, &[("aws:k", Values::text("a"))]));
    let both = json!({ "StringEquals": { "aws:k": "a", "aws:l": "b" }, "Bool": { "aws:m": true } });
    let keys = [("aws:k", Values::text("a")), ("aws:l", Values::text("b")), ("aws:m", Values::text("true"))];
    assert!(holds(&both, &keys));
    let keys = [("aws:k", Values::text("a")), ("aws:l", Values::text("c")), ("aws:m", Values::text("true"))];
    assert!(!holds(&both, &keys));
}

#[test]
fn variables_stand_for_the_values_of_keys() {
    let keys = [
        ("aws:username", Values::text("ann")),
        ("aws:PrincipalTag/Team", Values::text("a*")),
        ("aws:k", Values::text("ann")),
        ("aws:TagKeys", Values::texts(["ann"])),
        ("aws:arn", Values::text("arn:aws:iam::111122223333:user/ann")),
        ("aws:PrincipalArn", Values::text("arn:aws:iam::111122223333:user/ann")),
    ];
    for (operator, key, expected, satisfied) in [
        ("StringEquals", "aws:k", "${aws:username}", true),
        ("StringEquals", "aws:k", "${ AWS:Username }", true),
        ("StringEquals", "aws:k", "${aws:nobody}", false),
        ("StringNotEquals", "aws:k", "${aws:nobody}", true),
        ("StringEquals", "aws:k", "${aws:nobody, 'ann'}", true),
        ("StringEquals", "aws:k", "${aws:username, 'bob'}", true),
        ("StringEquals", "aws:k", "${aws:TagKeys}", false),
        ("StringLike", "aws:k", "${aws:PrincipalTag/team}", false),
        ("StringLike", "aws:k", "a${aws:nobody,''}*", true),
        ("StringEqualsIgnoreCase", "aws:k", "${aws:nobody, 'ANN'}", true),
        ("ArnLike", "aws:arn", "${aws:PrincipalArn}", true),
        ("ArnEquals", "aws:arn", "arn:aws:iam::111122223333:user/${aws:username}", true),
        ("StringEquals", "aws:k", "${aws:username", false),
    ] {
        let block = json!({ operator: { key: expected } });
        assert_eq!(holds(&block, &keys), satisfied, "{operator} {expected}");
    }
    let long = "x".repeat(300);
    let keys = [("aws:a", Values::text(&long)), ("aws:k", Values::owned(format!("{long}-{long}")))];
    assert!(holds(&json!({ "StringEquals": { "aws:k": "${aws:a}-${aws:a}" } }), &keys));
}

#[test]
fn of_tags_whose_keys_differ_in_case_an_allow_asks_all_and_a_deny_any() {
    let of = |values: &[&'static str]| Values::of_tags(values.iter().map(|value| (*value).into())).expect("values");
    let holds = |effect, block: Json, values: &[&'static str]| {
        let node = crate::json::parse(&block.to_string()).expect("JSON");
        let rules = Rules { variables: true, dates: false, syntax: "x" };
        let conditions = parse(&Place::default(), &node, rules, &mut Faults::default());
        conditions.iter().all(|condition| condition.holds(effect, &[("aws:k", of(values))]))
    };
    for operator in ["StringEquals", "StringLike", "ForAllValues:StringEquals", "ForAnyValue:StringEquals"] {
        let block = || json!({ operator: { "aws:k": "prod" } });
        assert!(!holds(Effect::Allow, block(), &["dev", "prod"]), "{operator}");
        assert!(!holds(Effect::Allow, block(), &["prod", "dev"]), "{operator}");
        assert!(holds(Effect::Allow, block(), &["prod", "prod"]), "{operator}");
        assert!(holds(Effect::Deny, block(), &["dev", "prod"]), "{operator}");
        assert!(!holds(Effect::Deny, block(), &["dev", "test"]), "{operator}");
    }
    let other = || json!({ "StringNotEquals": { "aws:k": "prod" } });
    assert!(!holds(Effect::Allow, other(), &["dev", "prod"]));
    assert!(holds(Effect::Deny, other(), &["dev", "prod"]));
    assert!(matches!(of(&["one"]), Values::One(_)));
}
