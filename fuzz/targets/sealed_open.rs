//! Any bytes as a sealed body: opening them never panics and never succeeds, and an altered body does not open.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use strongroom_crypto::{Context, Keyring, Sealed, SystemRandom};
use strongroom_types::SecretBytes;

const VALUE: &[u8] = b"a value of some length";

/// A keyring, and what it has sealed.
static SEALED: LazyLock<(Keyring, Vec<u8>)> = LazyLock::new(|| {
    let keyring = Keyring::new(&[SecretBytes::new(vec![7; 32])]).expect("a key");
    let sealed = keyring.seal(&SystemRandom, &context(), VALUE).expect("randomness");
    (keyring, sealed.as_bytes().to_vec())
});

fn context() -> Context {
    Context::new("fuzz").field("kind").number(3)
}

fuzz_target!(|data: &[u8]| {
    let (keyring, genuine) = &*SEALED;
    if let Ok(sealed) = Sealed::from_storage(data.to_vec()) {
        let opened = keyring.open(&context(), &sealed);
        assert!(opened.is_err() || data == genuine, "a forged body was opened");
    }
    // The data says which bytes of a genuine body to change, and how it is cut.
    let mut altered = genuine.clone();
    for change in data.chunks_exact(2) {
        let [at, bits] = change else { continue };
        if let Some(byte) = altered.get_mut(usize::from(*at)) {
            *byte ^= bits;
        }
    }
    if data.len() % 2 == 1 {
        altered.truncate(data.len());
    }
    if let Ok(sealed) = Sealed::from_storage(altered.clone()) {
        assert_eq!(keyring.open(&context(), &sealed).is_ok(), altered == *genuine, "an altered body was opened");
    }
});
