//! The encryption context: pairs that a ciphertext is bound to and that conditions may ask about.

use std::collections::BTreeMap;

use strongroom_crypto::Context;
use strongroom_policy::Values;

use super::refusals;
use crate::access::RequestKeys;
use crate::error::Error;

/// Characters of names and values together, at most. The model tells no number: as many as of a grant token.
const CHARS_MAX: usize = 8192;

/// What a ciphertext of a key is bound to: the key, and the pairs whose order does not matter.
#[must_use]
pub fn bound(account: &str, region: &str, key_id: &str, pairs: &BTreeMap<String, String>) -> Context {
    let key = Context::new("kms ciphertext").field(account).field(region).field(key_id);
    pairs.iter().fold(key, |context, (name, value)| context.field(name).field(value))
}

/// Refuses an encryption context that is longer than the service takes, before policies are held against it.
///
/// # Errors
/// ValidationException.
pub(crate) fn check(request: &dyn RequestKeys) -> Result<(), Error> {
    let Some(pairs) = request.encryption_context() else { return Ok(()) };
    let chars: usize = pairs.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    if chars <= CHARS_MAX { Ok(()) } else { Err(refusals::long_encryption_context(CHARS_MAX)) }
}

/// What conditions are told of the pairs: `kms:EncryptionContext:NAME` and `kms:EncryptionContextKeys`. Names of keys of
/// conditions do not distinguish case, so neither does the name of a pair here.
#[must_use]
pub fn condition<'a>(pairs: &'a BTreeMap<String, String>, key: &str) -> Option<Values<'a>> {
    match key.strip_prefix("kms:encryptioncontext")? {
        "keys" => (!pairs.is_empty()).then(|| Values::texts(pairs.keys().map(String::as_str))),
        of_pair => {
            let name = of_pair.strip_prefix(':')?;
            let found = pairs.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
            Values::of_tags(found.map(|(_, value)| value.as_str().into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What conditions are told of `key`.
    fn told(pairs: &[(&str, &str)], key: &str) -> Option<Vec<String>> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let values = condition(&pairs, key)?;
        let texts = values.as_slice().iter().filter_map(|value| Some(value.as_text()?.into_owned()));
        Some(texts.collect())
    }

    #[test]
    fn pairs_whose_names_differ_by_case_alone_are_all_shown_to_conditions() {
        let pairs = [("Project", "open"), ("project", "closed"), ("other", "x")];
        let key = "kms:encryptioncontext:project";
        assert_eq!(told(&pairs, key), Some(vec!["open".to_owned(), "closed".to_owned()]));
        assert_eq!(told(&pairs[1..], key), Some(vec!["closed".to_owned()]));
        assert_eq!(told(&pairs[2..], key), None);
        assert_eq!(told(&pairs, "kms:encryptioncontextkeys").map(|names| names.len()), Some(3));
    }
}
