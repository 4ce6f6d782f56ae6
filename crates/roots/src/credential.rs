//! A root key in a credential that systemd hands to the service (`LoadCredential=`, `LoadCredentialEncrypted=`,
//! `SetCredentialEncrypted=`).

use std::path::Path;

use strongroom_crypto::RootError;
use strongroom_crypto::root::KeyRoot;

use crate::{secret_file, text};

/// The name under which keys wrapped by this root are stored.
pub const NAME: &str = "systemd_credential";
/// The variable in which systemd names the folder of the service's credentials.
pub const FOLDER_VARIABLE: &str = "CREDENTIALS_DIRECTORY";
/// A key is one short line; a longer credential is none.
const CREDENTIAL_BYTES_MAX: usize = 256;

/// The root whose key is in the credential called `credential` in `folder`: the line of a key file, or 32 bytes in
/// base64. Who may read the folder is systemd's care.
///
/// # Errors
/// `Unavailable` when there is no such credential, or it holds no key.
pub fn open(folder: &Path, credential: &str) -> Result<KeyRoot, RootError> {
    let origin = format!("systemd credential {credential}");
    let unavailable = |reason: String| RootError::Unavailable { name: NAME.to_owned(), reason };
    let bytes = secret_file::bytes(&folder.join(credential), CREDENTIAL_BYTES_MAX)
        .map_err(|error| unavailable(format!("{origin}: {error}")))?;
    let key = text::decode_lenient(bytes.expose())
        .map_err(|error| unavailable(format!("{origin} holds no root key: {error}, or the base64 alone")))?;
    KeyRoot::new(NAME, &origin, &key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use strongroom_crypto::random::SeededRandom;
    use strongroom_crypto::{Context, RootOfTrust};
    use strongroom_types::SecretBytes;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn both_written_forms_are_the_same_root() {
        let folder = tempfile::tempdir().expect("folder");
        let (random, context, key) = (SeededRandom::new(1), Context::new("test"), SecretBytes::new(vec![7; 32]));
        fs::write(folder.path().join("plain"), KEY).expect("written");
        fs::write(folder.path().join("line"), format!("{}{KEY}\n", crate::PREFIX)).expect("written");
        let wrapped = open(folder.path(), "plain").expect("root").wrap(&random, &context, &key).expect("wrap");
        let line = open(folder.path(), "line").expect("root");
        assert_eq!(line.unwrap(&context, &wrapped).expect("unwrap"), key);
        assert_eq!(line.describe(), "systemd credential line");
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let folder = tempfile::tempdir().expect("folder");
        fs::write(folder.path().join("word"), "hunter2").expect("written");
        let told = open(folder.path(), "word").expect_err("no key").to_string();
        assert!(told.contains("systemd credential word holds no root key") && !told.contains("hunter2"), "{told}");
        let told = open(folder.path(), "absent").expect_err("absent").to_string();
        assert!(told.contains("systemd credential absent: ") && told.contains("cannot be read"), "{told}");
    }
}
