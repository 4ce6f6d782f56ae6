//! Filter patterns held against events, as the documentation has them.

use serde_json::{Value, json};

use super::pattern::{Pattern, Selector, fuzz};

fn event() -> Value {
    json!({
        "eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
        "objectList": [{ "name": "a", "id": 1 }, { "name": "b", "id": 2 }], "someObject": null, "flag": true, "off": false,
        "cluster.name": "c", "latency": 47.5, "big": 1e21, "text": "5",
        "errorMessage": "You can't perform this operation on the secret because it was marked for deletion."
    })
}

#[test]
fn patterns_for_json_match_as_documented() {
    let table = [
        (r#"{ $.eventType = "UpdateTrail" }"#, true),
        (r#"{$.eventType="UpdateTrail"}"#, true),
        ("{ $.eventType = UpdateTrail }", true),
        ("{ $.eventType = * }", true),
        ("{ $.nothing = * }", false),
        ("{ $.eventType = Update* }", true),
        ("{ $.eventType = \"*date*l\" }", true),
        ("{ $.eventType = \"update*\" }", false),
        ("{ $.eventType != \"UpdateTrail\" }", false),
        ("{ $.eventType != \"Delete*\" }", true),
        ("{ $.nothing != \"x\" }", false),
        ("{ $.sourceIPAddress != 123.123.* }", true),
        ("{ $.sourceIPAddress = 111.111.* }", true),
        (r#"{ $.arrayKey[0] = "value" }"#, true),
        (r#"{ $.arrayKey[2] = "value" }"#, false),
        (r#"{ $.arrayKey[*] = "another*" }"#, true),
        (r#"{ $.arrayKey = "value" }"#, false),
        ("{ $.objectList[1].id = 2 }", true),
        ("{ $.objectList[*].id >= 3 }", false),
        ("{ $.someObject IS NULL }", true),
        ("{ $.nothing IS NULL }", false),
        ("{ $.SomeOtherObject NOT EXISTS }", true),
        ("{ $.someObject NOT EXISTS }", false),
        ("{ $.flag IS TRUE }", true),
        ("{ $.flag is false }", false),
        ("{ $.off IS FALSE }", true),
        ("{ $.['cluster.name'] = \"c\" }", true),
        ("{ $.latency > 47 }", true),
        ("{ $.latency <= 47.5 }", true),
        ("{ $.latency < 4.75e1 }", false),
        ("{ $.big = 1e21 }", true),
        ("{ $.text > 4 }", false),
        ("{ ($.eventType = \"UpdateTrail\") && ($.latency > 100) }", false),
        ("{ ($.eventType = \"UpdateTrail\") || ($.latency > 100) }", true),
        ("{ $.latency > 100 && $.flag IS TRUE || $.off IS FALSE }", true),
        ("{ $.latency > 100 && ($.flag IS TRUE || $.off IS FALSE) }", false),
        (r#"{ $.errorMessage = "*secret because it was marked for deletion*" }"#, true),
        (r#"{ ($.eventType = *) && ($.errorMessage = "*secret because it was marked for deletion*") }"#, true),
    ];
    let event = event();
    for (text, expected) in table {
        let pattern = Pattern::parse(text).expect(text);
        assert_eq!(pattern.matches(&event.to_string(), Some(&event)), expected, "{text}");
    }
    assert!(!Pattern::parse("{ $.a NOT EXISTS }").unwrap().matches("plain", None));
}

#[test]
fn patterns_of_words_match_text() {
    let table = [
        ("", true),
        ("secret", true),
        ("Secret", false),
        ("\"marked for deletion\" secret", true),
        ("secret -deletion", false),
        ("secret -retry", true),
        ("?nothing ?secret", true),
        ("?nothing ?never", false),
    ];
    let event = event();
    for (text, expected) in table {
        assert_eq!(Pattern::parse(text).expect(text).matches(&event.to_string(), Some(&event)), expected, "{text}");
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(40), ")".repeat(40));
    let many = format!("{{ $.a = 1 {} }}", "&& $.a = 1 ".repeat(50));
    let bad = [
        "{",
        "{}",
        "{ $.a }",
        "{ $.a = }",
        "{ a = 1 }",
        "{ $ = 1 }",
        "{ $. = 1 }",
        "{ $.a = 1",
        "{ $.a = 1 } x",
        "{ $.a = 1 && }",
        "{ ($.a = 1 }",
        "{ $.a IS NOT }",
        "{ $.a NOT }",
        "{ $.a > x }",
        "{ $.a = %x% }",
        "{ $.a[x] = 1 }",
        "{ $.a = \"x }",
        "[ip, user]",
        "a.b",
        "\"x",
        "\"x\"y",
        "- a",
        &deep,
        &many,
        &"x".repeat(1025),
    ];
    for text in bad {
        assert!(Pattern::parse(text).is_err(), "{text}");
    }
}

#[test]
fn values_are_taken_from_where_selectors_point() {
    let event = event();
    let text = |selector: &str| Selector::parse(selector).unwrap().text(&event);
    assert_eq!(text("$.latency").as_deref(), Some("47.5"));
    assert_eq!(text("$.objectList[1].name").as_deref(), Some("b"));
    assert_eq!(text("$.objectList"), None);
    assert_eq!(Selector::parse("$.a['b.c'][0][*]").unwrap().shown(), "$.a.['b.c'][0][*]");
    let pattern = Pattern::parse("{ $.eventType = Up* && $.latency > 1 && $.nothing NOT EXISTS }").unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(pattern.extracted(&event), [pair("$.eventType", "UpdateTrail"), pair("$.latency", "47.5")]);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[{}$.a\\[\\]'\"*()&|=<>! 0-9ISNOTé%?-]{0,60}") {
        fuzz(&text);
        fuzz(&format!("{{ $.a {text} }}"));
    }
}
