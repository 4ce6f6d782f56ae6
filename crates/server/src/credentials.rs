//! The files by which clients and scripts find a server: `credentials` (AWS shared-credentials format) and `endpoint`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use strongroom_core::identities::NewKey;
use strongroom_types::SecretText;
use zeroize::Zeroizing;

/// The file with the access keys, in the data directory.
pub const CREDENTIALS_FILE: &str = "credentials";
/// The file with the URL, in the data directory, there while the server runs.
pub const ENDPOINT_FILE: &str = "endpoint";

/// Saves `key` as profile `default`, readable by the owner alone, in place of what was there.
///
/// # Errors
/// When the file cannot be written.
pub fn save_credentials(directory: &Path, key: &NewKey) -> io::Result<()> {
    let NewKey { key_id, secret } = key;
    let text = Zeroizing::new(format!(
        "[default]\naws_access_key_id = {key_id}\naws_secret_access_key = {}\n",
        SecretText::expose(secret)
    ));
    replace(&directory.join(CREDENTIALS_FILE), text.as_bytes())
}

/// Tells where the server is ready: one line, the URL.
///
/// # Errors
/// When the file cannot be written.
pub fn save_endpoint(directory: &Path, url: &str) -> io::Result<()> {
    replace(&directory.join(ENDPOINT_FILE), format!("{url}\n").as_bytes())
}

/// Takes the URL away; that it is not there is no error.
///
/// # Errors
/// When the file cannot be removed.
pub fn remove_endpoint(directory: &Path) -> io::Result<()> {
    match fs::remove_file(directory.join(ENDPOINT_FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file whole: whoever reads it sees the old content or the new one, also after a crash.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn credentials_are_for_their_owner_and_replaced_whole() {
        let directory = tempfile::tempdir().expect("directory");
        for secret in ["one", "two"] {
            let key = NewKey { key_id: "AKIAEXAMPLE".into(), secret: SecretText::new(secret.into()) };
            save_credentials(directory.path(), &key).expect("saved");
        }
        let path = directory.path().join(CREDENTIALS_FILE);
        let text = fs::read_to_string(&path).expect("read");
        assert_eq!(text, "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = two\n");
        assert_eq!(fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_endpoint_comes_and_goes() {
        let directory = tempfile::tempdir().expect("directory");
        save_endpoint(directory.path(), "http://127.0.0.1:1").expect("saved");
        assert_eq!(fs::read_to_string(directory.path().join(ENDPOINT_FILE)).expect("read"), "http://127.0.0.1:1\n");
        remove_endpoint(directory.path()).expect("removed");
        remove_endpoint(directory.path()).expect("not there is fine");
    }
}
