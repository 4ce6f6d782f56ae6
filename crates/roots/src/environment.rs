//! A root key from an environment variable. The caller reads the variable; this crate reads no environment.

use strongroom_crypto::RootError;
use strongroom_crypto::root::KeyRoot;
use strongroom_types::SecretText;

use crate::text;

/// The name under which keys wrapped by this root are stored.
pub const NAME: &str = "environment";

/// The root whose key is `value`, read by the caller from the variable called `variable`: the line of a key file, or
/// 32 bytes in base64.
///
/// # Errors
/// `Unavailable` when the value is neither.
pub fn open(variable: &str, value: &SecretText) -> Result<KeyRoot, RootError> {
    let origin = format!("environment variable {variable}");
    let key = text::decode_lenient(value.expose().as_bytes()).map_err(|error| RootError::Unavailable {
        name: NAME.to_owned(),
        reason: format!("{origin} holds no root key: {error}, or the base64 alone"),
    })?;
    KeyRoot::new(NAME, &origin, &key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_crypto::random::SeededRandom;
    use strongroom_crypto::{Context, RootOfTrust};
    use strongroom_types::SecretBytes;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn both_written_forms_are_the_same_root() {
        let random = SeededRandom::new(1);
        let context = Context::new("test");
        let plain = open("ROOT_KEY", &SecretText::new(KEY.to_owned())).expect("root");
        let line = open("ROOT_KEY", &SecretText::new(format!("{}{KEY}\n", crate::PREFIX))).expect("root");
        let secret = SecretBytes::new(vec![7; 32]);
        let wrapped = plain.wrap(&random, &context, &secret).expect("wrap");
        assert_eq!(line.unwrap(&context, &wrapped).expect("unwrap"), secret);
        assert_eq!(plain.describe(), "environment variable ROOT_KEY");
    }

    #[test]
    fn a_value_that_is_no_key_is_refused_and_not_repeated() {
        let error = open("ROOT_KEY", &SecretText::new("hunter2".to_owned())).expect_err("no key").to_string();
        assert!(error.contains("environment variable ROOT_KEY holds no root key"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
