//! Known answers of the stored formats, computed by another implementation (Python's `hmac` and `cryptography`) from the
//! formats' descriptions: later releases must read what earlier ones wrote.

#![expect(clippy::expect_used, reason = "helpers of tests fail as the tests themselves do")]

use std::sync::Arc;

use strongroom_crypto::ledger::{Version, tail};
use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::root::KeyRoot;
use strongroom_crypto::{Context, Keyring, RootOfTrust as _, Sealed, Witness};
use strongroom_types::SecretBytes;

/// A document under the key 00 01 … 1f, with salt 40 … 4f and nonce 60 … 6b.
const DOCUMENT: &str = "01374ad0ab17da7fa3404142434445464748494a4b4c4d4e4f606162636465666768696a6bed5c973dcca99c80d5d4533522\
                        3a49c9f13ce4781aafa8fe08ec";
/// A sealing key, 20 21 … 3f, under the root key 00 01 … 1f.
const SEALING_KEY: &str = "020466696c65404142434445464748494a4b4c4d4e4f606162636465666768696a6bac5dd1718bf9d7c2938986d914706\
                           73c5b121edb693ad0ef23918e87b734af325973aed94ab9acdac8c1c4fb5731fdb6";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("hexadecimal"))
        .collect()
}

fn key(range: std::ops::Range<u8>) -> SecretBytes {
    SecretBytes::new(range.collect())
}

#[test]
fn a_document_is_read() {
    let ring = Keyring::new(&[key(0..32)]).expect("a ring");
    let sealed = Sealed::from_storage(bytes(DOCUMENT)).expect("a known form");
    let context = Context::new("document").field("secret").field("123456789012:us-east-1:a").number(7);
    assert_eq!(ring.open(&context, &sealed).expect("opened").expose(), b"a document");
}

#[test]
fn a_wrapped_key_is_read() {
    let root = KeyRoot::new("file", "test", &key(0..32)).expect("a root");
    let sealed = Sealed::from_storage(bytes(SEALING_KEY)).expect("a known form");
    let context = Context::new("sealing key").field("1+ledger");
    assert_eq!(root.unwrap(&context, &sealed).expect("unwrapped"), key(32..64));
}

#[test]
fn a_mark_of_the_ledger_is_the_same_for_ever() {
    let ring = Keyring::new(&[key(0..32)]).expect("a ring");
    let witness = Witness::new(Arc::new(ring), Arc::new(SeededRandom::new(1)));
    let place = witness.place("document", "secret", "123456789012:us-east-1:a");
    let document = bytes(DOCUMENT);
    let mark = witness.mark(&place, &Version { number: 7, tail: tail(&document), beside: b"tsecret-name\0x\0" });
    assert_eq!(mark.place, 0x32c2_7fc2_8035_6eb8);
    assert_eq!(mark.digest, 0x6eec_735a_c057_1875_a494_01aa_7c83_5902);
}
