//! Tests of the parser: beside another one, on hand-picked bodies and on made-up ones, and of its bounds.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::proptest;
use serde_json::Value;

use super::super::{DEPTH_MAX, fuzz_decode, parse};
use crate::node::{Node, Text};

/// JSON and what is nearly JSON.
const BODIES: &[&str] = &[
    "",
    " ",
    "{}",
    " { } ",
    "[]",
    "null",
    "nul",
    "nulll",
    "true",
    "false",
    "tru",
    "\"\"",
    "\"a",
    "\"a\" b",
    "{\"a\":1}",
    "{\"a\":1,}",
    "{\"a\" 1}",
    "{a:1}",
    "{'a':1}",
    "{\"a\":1,\"a\":2}",
    "[1,2,]",
    "[1 2]",
    "[,]",
    "[1",
    "{",
    "0",
    "-0",
    "01",
    "-",
    "-1",
    "1.",
    "1.5",
    ".5",
    "1e5",
    "1E+5",
    "1e-5",
    "1e",
    "+1",
    "1.5e+",
    "0x10",
    "NaN",
    "123456789012345678901",
    r#""\"\\\/\b\f\n\r\t""#,
    r#""\u0041\u00e9\u20ac""#,
    r#""\ud83d\ude00""#,
    r#""\ud83d""#,
    r#""\ude00""#,
    r#""\ud83dx""#,
    r#""\ud83d\u0041""#,
    r#""\u12""#,
    r#""\u12g4""#,
    r#""\u+123""#,
    r#""\x""#,
    "\"\\",
    "\"\\\"",
    "\"\u{1f}\"",
    "\"\u{7f}\"",
    "\"a\nb\"",
    "\"plain é €\"",
    "\u{feff}{}",
    "{}//",
    "[[[[]]]]",
    "\"\\u0000\"",
    "{\"\\u0061\":1,\"a\":2}",
];

fn as_value(node: &Node<'_>) -> Value {
    match node {
        Node::Null => Value::Null,
        Node::Bool(value) => Value::Bool(*value),
        Node::Number(text) => text.parse().expect("a number"),
        Node::Text(text) => Value::String(text.to_string()),
        Node::List(elements) => elements.iter().map(as_value).collect(),
        Node::Bytes(_) => panic!("no JSON has bytes"),
        Node::Map(entries) => entries.iter().map(|(key, node)| (key.to_string(), as_value(node))).collect(),
    }
}

/// Asserts that the parser takes what `serde_json` takes and makes the same of it.
fn compare(body: &[u8]) {
    let ours = parse(body, 10_000).map(|node| as_value(&node));
    let theirs: Result<Value, _> = serde_json::from_slice(body);
    // The other parser refuses numbers that a double cannot hold; here they are kept as text.
    let too_large = theirs.as_ref().is_err_and(|error| error.to_string().contains("number out of range"));
    if !too_large {
        assert_eq!(ours, theirs.ok(), "{:?}", String::from_utf8_lossy(body));
    }
}

#[test]
fn the_parser_agrees_with_another_on_hand_picked_bodies() {
    for body in BODIES {
        compare(body.as_bytes());
    }
    compare(b"\"\xff\"");
    compare(b"{\"a\":\"\xc3\"}");
}

#[test]
fn depth_and_number_of_values_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(DEPTH_MAX).as_bytes(), 1000).is_some());
    assert!(parse(nested(DEPTH_MAX + 1).as_bytes(), 1000).is_none());
    assert!(parse("[".repeat(1_000_000).as_bytes(), usize::MAX).is_none());
    assert!(parse(b"[1,2]", 3).is_some());
    assert!(parse(b"[1,2,3]", 3).is_none());
}

#[test]
fn only_text_with_escapes_is_copied() {
    let Some(Node::List(elements)) = parse(br#"["plain","esc\naped"]"#, 10) else { panic!("a list") };
    assert!(matches!(&elements[0], Node::Text(Text::Borrowed("plain"))));
    assert!(matches!(&elements[1], Node::Text(Text::Owned(text)) if text.as_str() == "esc\naped"));
}

/// Pieces of JSON, whole and broken.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\",
            "\\u00e9",
            "\\ud83d\\ude00",
            "null",
            "true",
            "false",
            "1",
            "-",
            ".",
            "e5",
            " ",
            "\n",
            "\"a\"",
            "\"Name\":",
            "\"Tags\":[",
            "{\"Key\":\"",
            "\"SecretString\":\"",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        any::<u8>().prop_map(|byte| vec![byte]),
        any::<char>().prop_map(|character| character.to_string().into_bytes()),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// Any JSON value, and the text another library makes of it.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    });
    (value, any::<bool>()).prop_map(|(value, pretty)| if pretty { format!("{value:#}") } else { value.to_string() })
}

proptest! {
    #[test]
    fn the_parser_agrees_with_another_on_pieces(body in pieces()) {
        compare(&body);
        fuzz_decode(&body);
    }

    #[test]
    fn the_parser_agrees_with_another_on_json(body in json_text()) {
        compare(body.as_bytes());
    }
}
