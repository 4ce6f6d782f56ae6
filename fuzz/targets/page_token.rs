//! Any text as a page token: only a token that was given out, for the same query, is taken back.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use strongroom_core::Documents;
use strongroom_core::page::{self, Query};
use strongroom_crypto::{Keyring, SystemRandom};
use strongroom_store::MemoryStore;
use strongroom_types::SecretBytes;

const PLACE: &str = "a place in a list";

/// Documents, and a token that they gave out.
static GIVEN: LazyLock<(Documents, String)> = LazyLock::new(|| {
    let keyring = Keyring::new(&[SecretBytes::new(vec![7; 32])]).expect("a key");
    let documents = Documents::new(Arc::new(MemoryStore::new()), Arc::new(keyring), Arc::new(SystemRandom), 1 << 20);
    let token = page::seal(&documents, &query(), PLACE).expect("randomness");
    (documents, token)
});

fn query() -> Query {
    Query::new("ListSecrets").part("filter").flag(true)
}

fuzz_target!(|data: &[u8]| {
    let (documents, token) = &*GIVEN;
    let taken = |text: &str| match page::open(documents, &query(), text) {
        Ok(place) => assert!(text == token && place == PLACE, "a forged token was taken"),
        Err(_) => assert!(text != token, "a genuine token was refused"),
    };
    taken(&String::from_utf8_lossy(data));
    // The data says which characters of a genuine token to replace, and how it is cut.
    let mut altered = token.clone().into_bytes();
    for change in data.chunks_exact(2) {
        let [at, to] = change else { continue };
        if let Some(byte) = altered.get_mut(usize::from(*at)) {
            *byte = *to;
        }
    }
    if data.len() % 2 == 1 {
        altered.truncate(data.len());
    }
    taken(&String::from_utf8_lossy(&altered));
    let other = Query::new("ListSecrets").part("other").flag(true);
    assert!(page::open(documents, &other, token).is_err(), "a token was taken for another query");
});
