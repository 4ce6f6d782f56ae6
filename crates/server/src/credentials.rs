//! The files by which clients and scripts find a server: `credentials` (AWS shared-credentials format) and `endpoint`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use strongroom_core::identities::NewKey;
use strongroom_types::SecretText;
use zeroize::Zeroizing;

/// The file with the access keys, in the data directory.
pub const CREDENTIALS_FILE: &str = "credentials";
/// The file with the URL, in the data directory, there while the server runs.
pub const ENDPOINT_FILE: &str = "endpoint";

/// The profile of the first account's root.
pub const DEFAULT_PROFILE: &str = "default";

/// Saves `key` as profile `default`, readable by the owner alone, in place of what was there.
///
/// # Errors
/// When the file cannot be written.
pub fn save_credentials(directory: &Path, key: &NewKey) -> io::Result<()> {
    replace(&directory.join(CREDENTIALS_FILE), section(DEFAULT_PROFILE, key).as_bytes())
}

/// Removes the file.
///
/// # Errors
/// When it cannot be removed.
pub(crate) fn remove(directory: &Path) -> io::Result<()> {
    fs::remove_file(directory.join(CREDENTIALS_FILE))
}

/// Saves `key` as a profile beside those that are there, in place of one of that name.
///
/// # Errors
/// When the file cannot be read or written.
pub fn save_profile(directory: &Path, profile: &str, key: &NewKey) -> io::Result<()> {
    let path = directory.join(CREDENTIALS_FILE);
    let before = match fs::read_to_string(&path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Zeroizing::default(),
        Err(error) => return Err(error),
    };
    let fresh = section(profile, key);
    // Room for all of it, so that no half-written copy is left behind while it grows.
    let mut after = Zeroizing::new(String::with_capacity(before.len() + fresh.len() + 1));
    let head = format!("[{profile}]");
    let mut of_profile = false;
    for line in before.lines() {
        if line.trim_start().starts_with('[') {
            of_profile = line.trim() == head;
        }
        if !of_profile {
            after.push_str(line);
            after.push('\n');
        }
    }
    after.push_str(&fresh);
    replace(&path, after.as_bytes())
}

fn section(profile: &str, key: &NewKey) -> Zeroizing<String> {
    let NewKey { key_id, secret } = key;
    Zeroizing::new(format!(
        "[{profile}]\naws_access_key_id = {key_id}\naws_secret_access_key = {}\n",
        SecretText::expose(secret)
    ))
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
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // Behind the whole name: two files of one folder may differ in their extensions alone.
    let mut fresh = path.to_owned().into_os_string();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
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
    fn profiles_stand_beside_one_another_and_are_replaced_one_by_one() {
        let directory = tempfile::tempdir().expect("directory");
        let key = |secret: &str| NewKey { key_id: "AKIAEXAMPLE".into(), secret: SecretText::new(secret.into()) };
        save_credentials(directory.path(), &key("one")).expect("saved");
        save_profile(directory.path(), "222222222222", &key("two")).expect("saved");
        save_profile(directory.path(), DEFAULT_PROFILE, &key("three")).expect("saved");
        let text = fs::read_to_string(directory.path().join(CREDENTIALS_FILE)).expect("read");
        let section = |profile: &str, secret: &str| {
            format!("[{profile}]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = {secret}\n")
        };
        assert_eq!(text, section("222222222222", "two") + &section("default", "three"));
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
