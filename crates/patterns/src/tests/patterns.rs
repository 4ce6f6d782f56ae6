//! Patterns by example.

use serde_json::{Value, json};

use crate::Pattern;

fn matches(pattern: &Value, event: &Value) -> bool {
    Pattern::parse(&pattern.to_string()).unwrap_or_else(|fault| panic!("{pattern}: {fault}")).matches(event)
}

#[test]
fn each_matcher() {
    // (matchers of the field "a", values that match, values that do not)
    let cases: &[(Value, &[Value], &[Value])] = &[
        (
            json!(["x"]),
            &[json!("x"), json!(["y", "x"])],
            &[json!("X"), json!("xx"), json!(null), json!(["y"]), json!({})],
        ),
        (json!(["x", "y"]), &[json!("x"), json!("y"), json!(["z", "y"])], &[json!("z"), json!([])]),
        (json!([5]), &[json!(5), json!(5.0), json!(50e-1)], &[json!("5"), json!(6), json!(5.5)]),
        (json!([9_007_199_254_740_993_i64]), &[json!(9_007_199_254_740_993_i64)], &[json!(9_007_199_254_740_992_i64)]),
        (json!([true]), &[json!(true)], &[json!("true"), json!(false)]),
        (json!([null]), &[json!(null), json!([1, null])], &[json!("null"), json!(""), json!([])]),
        (json!([""]), &[json!("")], &[json!(null), json!(" ")]),
        (json!([{"prefix": "ab"}]), &[json!("ab"), json!("abc")], &[json!("Abc"), json!("a"), json!(1)]),
        (json!([{"prefix": {"equals-ignore-case": "aB"}}]), &[json!("ABc"), json!("ab")], &[json!("a"), json!("ba")]),
        (json!([{"suffix": ".png"}]), &[json!("a.png")], &[json!("a.PNG"), json!("png")]),
        (json!([{"suffix": {"equals-ignore-case": ".PnG"}}]), &[json!("a.png")], &[json!("a.pn")]),
        (json!([{"equals-ignore-case": "Äb"}]), &[json!("äB")], &[json!("äbc"), json!(null)]),
        (
            json!([{"anything-but": "x"}]),
            &[json!("y"), json!(1), json!(null), json!(["x", "y"])],
            &[json!("x"), json!(["x"]), json!([])],
        ),
        (json!([{"anything-but": ["x", "y"]}]), &[json!("z")], &[json!("x"), json!("y")]),
        (json!([{"anything-but": 5}]), &[json!(6), json!("5")], &[json!(5), json!(5.0)]),
        (json!([{"anything-but": [1, 2]}]), &[json!(3)], &[json!(1), json!(2)]),
        (json!([{"anything-but": {"prefix": "x"}}]), &[json!("y"), json!(3)], &[json!("xy")]),
        (json!([{"anything-but": {"prefix": ["x", "y"]}}]), &[json!("z")], &[json!("xz"), json!("yz")]),
        (json!([{"anything-but": {"suffix": "x"}}]), &[json!("xy")], &[json!("yx")]),
        (json!([{"anything-but": {"equals-ignore-case": ["X", "y"]}}]), &[json!("xx")], &[json!("x"), json!("Y")]),
        (json!([{"anything-but": {"wildcard": "*/lib/*"}}]), &[json!("a/bin/c")], &[json!("a/lib/c")]),
        (json!([{"numeric": ["=", 5]}]), &[json!(5), json!(5.0)], &[json!(5.1), json!("5")]),
        (json!([{"numeric": ["<", 10]}]), &[json!(9.9), json!(-1)], &[json!(10)]),
        (json!([{"numeric": [">", 0, "<=", 5]}]), &[json!(5), json!(0.1)], &[json!(0), json!(5.1), json!(null)]),
        (json!([{"numeric": [">=", 0]}]), &[json!(0)], &[json!(-0.5)]),
        (json!([{"exists": true}]), &[json!(1), json!(null), json!(["x"]), json!("")], &[json!({"b": 1}), json!([])]),
        (json!([{"exists": false}]), &[json!({"b": 1}), json!([])], &[json!(1), json!(null)]),
        (
            json!([{"cidr": "10.0.0.0/24"}]),
            &[json!("10.0.0.255")],
            &[json!("10.0.1.0"), json!("::1"), json!("x"), json!(10)],
        ),
        (json!([{"cidr": "0.0.0.0/0"}]), &[json!("255.1.2.3")], &[json!("::1")]),
        (json!([{"cidr": "2001:db8::/32"}]), &[json!("2001:db8:1::1")], &[json!("2001:db9::1"), json!("10.0.0.1")]),
        (json!([{"wildcard": "a*c"}]), &[json!("ac"), json!("abc"), json!("abcbc")], &[json!("abcd"), json!("bac")]),
        (json!([{"wildcard": "*x*y*"}]), &[json!("xy"), json!("axbyc")], &[json!("yx")]),
        (json!([{"wildcard": "a\\*b\\\\"}]), &[json!("a*b\\")], &[json!("axb\\")]),
        (json!([{"wildcard": "ab*ba"}]), &[json!("abba"), json!("abxba")], &[json!("aba")]),
        (json!(["x", {"exists": false}]), &[json!("x")], &[json!("y")]),
        (json!([{"prefix": "x"}, 3, null]), &[json!("xy"), json!(3), json!(null)], &[json!("y"), json!(4)]),
    ];
    for (matchers, good, bad) in cases {
        for value in *good {
            assert!(matches(&json!({ "a": matchers }), &json!({ "a": value })), "{matchers} does not match {value}");
        }
        for value in *bad {
            assert!(!matches(&json!({ "a": matchers }), &json!({ "a": value })), "{matchers} matches {value}");
        }
    }
}

#[test]
fn fields_nest_and_all_must_match() {
    let pattern =
        json!({ "source": ["aws.secretsmanager"], "detail": { "eventName": ["PutSecretValue", "UpdateSecret"] } });
    assert!(matches(
        &pattern,
        &json!({ "source": "aws.secretsmanager", "detail": { "eventName": "UpdateSecret", "x": 1 } })
    ));
    for event in [
        json!({ "source": "aws.s3", "detail": { "eventName": "UpdateSecret" } }),
        json!({ "source": "aws.secretsmanager", "detail": { "eventName": "DeleteSecret" } }),
        json!({ "source": "aws.secretsmanager", "detail": "UpdateSecret" }),
        json!({ "source": "aws.secretsmanager" }),
        json!([]),
    ] {
        assert!(!matches(&pattern, &event), "{event}");
    }
}

#[test]
fn fields_below_an_array_match_within_one_element() {
    let pattern = json!({ "a": { "x": [1], "y": [1] } });
    assert!(matches(&pattern, &json!({ "a": [{ "x": 2 }, { "x": 1, "y": 1 }] })));
    assert!(!matches(&pattern, &json!({ "a": [{ "x": 1, "y": 2 }, { "x": 2, "y": 1 }] })));
}

#[test]
fn what_is_absent_is_absent_everywhere() {
    let pattern = json!({ "a": { "b": [{ "exists": false }] } });
    for (event, wanted) in [
        (json!({}), true),
        (json!({ "a": 1 }), true),
        (json!({ "a": {} }), true),
        (json!({ "a": { "b": { "c": 1 } } }), true),
        (json!({ "a": { "b": 1 } }), false),
        (json!({ "a": [{ "b": 1 }, { "c": 1 }] }), false),
        (json!({ "a": [{ "c": 1 }] }), true),
    ] {
        assert_eq!(matches(&pattern, &event), wanted, "{event}");
    }
}

#[test]
fn one_of_several_patterns() {
    let pattern = json!({
        "source": ["s"],
        "$or": [{ "detail": { "n": [{ "numeric": [">", 5] }] } }, { "detail-type": ["t"] }],
        "detail": { "$or": [{ "c": ["c"] }, { "d": ["d"] }] },
    });
    for (event, wanted) in [
        (json!({ "source": "s", "detail-type": "t", "detail": { "d": "d" } }), true),
        (json!({ "source": "s", "detail": { "n": 6, "c": "c" } }), true),
        (json!({ "source": "s", "detail": { "n": 6 } }), false),
        (json!({ "source": "s", "detail": { "n": 5, "c": "c" } }), false),
        (json!({ "detail-type": "t", "detail": { "d": "d" } }), false),
    ] {
        assert_eq!(matches(&pattern, &event), wanted, "{event}");
    }
    // Fewer than two patterns, or matchers: a field of that name.
    assert!(matches(&json!({ "$or": ["x"] }), &json!({ "$or": "x" })));
    assert!(matches(&json!({ "$or": [{ "prefix": "x" }, { "prefix": "y" }] }), &json!({ "$or": "yz" })));
}

#[test]
fn what_is_no_pattern_is_refused() {
    for (text, reason) in [
        ("", "EOF"),
        ("[]", "Filter is not an object"),
        ("\"x\"", "Filter is not an object"),
        ("{}", "Empty objects are not allowed"),
        (r#"{"a": {}}"#, "Empty objects are not allowed"),
        (r#"{"a": []}"#, "Empty arrays are not allowed"),
        (r#"{"a": "x"}"#, "\"a\" must be an object or an array"),
        (r#"{"a": 1}"#, "\"a\" must be an object or an array"),
        (r#"{"a": [["x"]]}"#, "Match value must be String, number, true, false, or null"),
        (r#"{"a": [{}]}"#, "Empty objects are not allowed"),
        (r#"{"a": [{"b": 1}]}"#, "Unrecognized match type b"),
        (r#"{"a": [{"prefix": "x", "suffix": "y"}]}"#, "Only one key allowed in match expression"),
        (r#"{"a": [{"prefix": 1}]}"#, "prefix match pattern must be a string"),
        (r#"{"a": [{"prefix": {"suffix": "x"}}]}"#, "Unsupported prefix pattern"),
        (r#"{"a": [{"exists": "true"}]}"#, "exists match pattern must be either true or false."),
        (r#"{"a": [{"anything-but": []}]}"#, "Empty arrays are not allowed"),
        (r#"{"a": [{"anything-but": ["x", 1]}]}"#, "mixed type is not supported"),
        (r#"{"a": [{"anything-but": {"exists": true}}]}"#, "Unsupported anything-but pattern: exists"),
        (r#"{"a": [{"anything-but": {"prefix": "x", "suffix": "x"}}]}"#, "exactly one member"),
        (r#"{"a": [{"numeric": 5}]}"#, "Value of numeric must be an array."),
        (r#"{"a": [{"numeric": []}]}"#, "it is empty"),
        (r#"{"a": [{"numeric": ["<"]}]}"#, "Value of numeric match must be numeric."),
        (r#"{"a": [{"numeric": ["<", "5"]}]}"#, "Value of numeric match must be numeric."),
        (r#"{"a": [{"numeric": ["!", 5]}]}"#, "Unrecognized numeric range operator: !"),
        (r#"{"a": [{"numeric": [5, 5]}]}"#, "an operator must be a string"),
        (r#"{"a": [{"numeric": [">", 5, "<", 5]}]}"#, "Bottom must be less than top"),
        (r#"{"a": [{"numeric": ["<", 5, ">", 1]}]}"#, "Too many elements in numeric expression"),
        (r#"{"a": [{"numeric": ["=", 6e9]}]}"#, "Value must be between -5.0E9 and 5.0E9, inclusive"),
        (r#"{"a": [{"cidr": "10.0.0.0"}]}"#, "Malformed CIDR, one '/' required"),
        (r#"{"a": [{"cidr": "10.0.0/8"}]}"#, "Malformed CIDR"),
        (r#"{"a": [{"cidr": "10.0.0.0/33"}]}"#, "at most 32"),
        (r#"{"a": [{"cidr": "10.0.0.0/+8"}]}"#, "Malformed CIDR"),
        (r#"{"a": [{"wildcard": "a**b"}]}"#, "Consecutive wildcard characters at pos 1"),
        (r#"{"a": [{"wildcard": "a\\b"}]}"#, "Invalid escape character at pos 1"),
        (r#"{"a": [{"wildcard": 1}]}"#, "wildcard match pattern must be a string"),
        (r#"{"$or": [{"a": ["x"]}, {}]}"#, "Empty objects are not allowed"),
    ] {
        let fault = Pattern::parse(text).expect_err(text).to_string();
        assert!(fault.contains(reason), "{text}: {fault}");
    }
}

#[test]
fn combinations_are_bounded() {
    let alternatives = |n: usize| (0..n).map(|i| json!({ format!("f{i}"): ["x"] })).collect::<Vec<_>>();
    let pattern = |n: usize| json!({ "$or": alternatives(10), "a": { "$or": alternatives(10), "b": { "$or": alternatives(n) } } });
    Pattern::parse(&pattern(10).to_string()).expect("1000");
    Pattern::parse(&pattern(11).to_string()).expect_err("1100");
}

#[test]
fn a_long_array_is_not_looked_through_for_each_of_its_elements() {
    let pattern = Pattern::parse(r#"{"detail":{"a":{"x":[{"exists":false}]}}}"#).expect("pattern");
    let many = vec!["{}"; 200_000].join(",");
    let event = format!(r#"{{"detail":{{"a":[{many},{{"x":1}}]}}}}"#);
    let event: serde_json::Value = serde_json::from_str(&event).expect("event");
    let begun = std::time::Instant::now();
    assert!(!pattern.matches(&event));
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn texts_are_compared_regardless_of_case_letter_by_letter() {
    let matches = |pattern: &str, value: &str| {
        let pattern = Pattern::parse(&format!(r#"{{"a":[{pattern}]}}"#)).expect("pattern");
        pattern.matches(&serde_json::json!({ "a": value }))
    };
    assert!(
        matches(r#"{"prefix":{"equals-ignore-case":"ÄB"}}"#, "äbc")
            && !matches(r#"{"prefix":{"equals-ignore-case":"ÄB"}}"#, "ä")
    );
    assert!(
        matches(r#"{"suffix":{"equals-ignore-case":"İc"}}"#, "xi̇C")
            && !matches(r#"{"suffix":{"equals-ignore-case":"xyc"}}"#, "yc")
    );
    assert!(matches(r#"{"equals-ignore-case":"ΣΑΣ"}"#, "σασ") && !matches(r#"{"equals-ignore-case":"ab"}"#, "abc"));
}
