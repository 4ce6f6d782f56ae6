//! Tests of the codec: RFC 8949's examples, bounds, round trips of every form of value.

use super::*;
use crate::sample::{self, Sample};

fn hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).expect("hex")).expect("a digit");
    text.as_bytes().chunks(2).map(|pair| 16 * digit(pair[0]) + digit(pair[1])).collect()
}

fn echo(text: &str) -> Option<String> {
    let body = hex(text);
    parse(&body, 100).map(|node| node.echo())
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    let table = [
        ("00", "0"),
        ("1818", "24"),
        ("1903e8", "1000"),
        ("1bffffffffffffffff", "18446744073709551615"),
        ("3bffffffffffffffff", "-18446744073709551616"),
        ("3903e7", "-1000"),
        ("f90000", "0.0"),
        ("f93e00", "1.5"),
        ("f97bff", "65504.0"),
        ("f90001", "5.960464477539063e-8"),
        ("f9c400", "-4.0"),
        ("fa47c35000", "100000.0"),
        ("fb3ff199999999999a", "1.1"),
        ("f97c00", "Infinity"),
        ("f97e00", "NaN"),
        ("f9fc00", "-Infinity"),
        ("f4", "false"),
        ("f5", "true"),
        ("f6", "null"),
        ("f7", "null"),
        ("c11a514b67b0", "1363896240"),
        ("c1fb41d452d9ec200000", "1363896240.5"),
        ("6449455446", "IETF"),
        ("62c3bc", "\u{fc}"),
        ("7f657374726561646d696e67ff", "streaming"),
        ("83010203", "[1, 2, 3]"),
        ("9f018202039f0405ffff", "[1, [2, 3], [4, 5]]"),
        ("5f42010243030405ff", "AQIDBAU="),
    ];
    for (text, expected) in table {
        assert_eq!(echo(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn what_is_not_well_formed_or_not_of_a_model_is_refused() {
    for text in [
        "",
        "18",
        "1c",
        "ff",
        "62c328",
        "64494554",
        "8201",
        "9f01",
        "a10102",
        "7f4101ff",
        "7f01ff",
        "c0f6",
        "f0",
        "0000",
        "c1f6",
        "9bffffffffffffffff",
    ] {
        assert_eq!(echo(text), None, "{text}");
    }
}

#[test]
fn depth_and_number_of_values_are_bounded() {
    let nested = |depth: usize| {
        let mut body = vec![0x81; depth];
        body.push(0);
        body
    };
    assert!(parse(&nested(DEPTH_MAX), 1000).is_some());
    assert!(parse(&nested(DEPTH_MAX + 1), 1000).is_none());
    assert!(parse(&vec![0xc1; 100_000], 1_000_000).is_none());
    let mut flat = vec![0x9f];
    flat.extend(vec![0; 100]);
    flat.push(0xff);
    assert!(parse(&flat, 101).is_some() && parse(&flat, 100).is_none());
}

#[test]
fn every_form_of_value_comes_back() {
    let full = sample::full();
    let body = encode(&full);
    assert_eq!(decode::<Sample>(body.expose()), Ok(full));
    assert_eq!(decode::<Sample>(b""), Ok(Sample::default()));
}

#[test]
fn errors_name_their_shape() {
    let body = body_error("InvalidNextToken", "no");
    let Some(Node::Map(entries)) = parse(&body, 10) else { panic!("a map") };
    let entries: Vec<_> = entries.iter().map(|(key, value)| (key.to_string(), value.echo())).collect();
    let told = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(entries, [told("__type", "InvalidNextToken"), told("message", "no"), told("Message", "no")]);
}

proptest::proptest! {
    #[test]
    fn no_body_makes_it_panic(body in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
        fuzz_decode(&body);
    }
}
