//! Who may read and write the files, and how much room there is.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use strongroom_server::app::trail_directory;
use strongroom_server::config::{Config, RootConfig};
use strongroom_server::credentials::CREDENTIALS_FILE;
use strongroom_server::free::free_bytes;

use super::finding::Findings;
use crate::data;
use crate::roots::key_file;

const CHECK: &str = "files";
const SPACE: &str = "space";

/// Where systemd puts credentials, which it lets the service read by other means than the mode.
const CREDENTIALS: &str = "/run/credentials";
/// Others than owner and group.
const OTHERS: u32 = 0o007;
/// All but the owner.
const NOT_OWNER: u32 = 0o077;

/// Looks at the data directory and at all files that hold something secret.
pub fn look(config: &Config, findings: &mut Findings) {
    let directory = &config.data.directory;
    let found = match fs::metadata(directory) {
        Ok(found) if found.is_dir() => found,
        Ok(_) => {
            return findings.problem(
                CHECK,
                format!("{} is no directory", directory.display()),
                "name another by --data",
            );
        }
        Err(error) => {
            let advice = "name the data directory by --data; the first `strongroom serve` makes it";
            return findings.problem(CHECK, format!("{}: {error}", directory.display()), advice);
        }
    };
    let mut good = directory_of_owner(directory, &found, findings);
    let owner = found.uid();
    let mut look = |path: PathBuf, forbidden: u32, needed: bool| {
        good &= file(&path, forbidden, needed, owner, findings);
    };
    look(directory.join(CREDENTIALS_FILE), NOT_OWNER, false);
    for root in &config.roots {
        match root {
            // A key file that is not there is told by whoever opens the roots.
            RootConfig::File { path } => look(key_file(path.as_deref(), config), NOT_OWNER, false),
            RootConfig::Transit { token_file, .. } => look(token_file.clone(), OTHERS, true),
            RootConfig::AwsKms { credentials_file, .. } => look(credentials_file.clone(), OTHERS, true),
            RootConfig::Pkcs11 { pin_file, .. } => look(pin_file.clone(), OTHERS, true),
            _ => {}
        }
    }
    let bucket_keys = config.backup.s3.as_ref().and_then(|bucket| bucket.credentials_file.clone());
    let secret = [config.tls.key_file.clone(), config.store.password_file.clone(), config.store.key_file.clone()];
    for path in secret.into_iter().chain([bucket_keys]).flatten() {
        look(path, OTHERS, true);
    }
    for sink in &config.audit.sinks {
        sink.secret_files().iter().for_each(|path| look(path.to_path_buf(), OTHERS, true));
        sink.open_files().iter().for_each(|path| look(path.to_path_buf(), 0, true));
    }
    let open = [&config.tls.certificate_file, &config.store.ca_file, &config.store.certificate_file];
    for path in open.into_iter().flatten() {
        look(path.clone(), 0, true);
    }
    if good {
        findings.ok(CHECK, format!("{} and what is secret beside it is for its user alone", directory.display()));
    }
    if data::is_dev(directory) && !config.dev {
        let advice = "never put real secrets there: anybody who reaches the port reads them";
        findings.warn(CHECK, "the data directory was made with --dev", advice);
    }
    space(config, findings);
}

/// Whether nobody else can put files into the data directory.
fn directory_of_owner(directory: &Path, found: &Metadata, findings: &mut Findings) -> bool {
    let (mode, shown) = (found.permissions().mode() & 0o7777, directory.display());
    let me = rustix::process::geteuid().as_raw();
    if mode & 0o022 != 0 {
        let advice = format!("run `chmod go-w {shown}`");
        findings.problem(CHECK, format!("{shown} can be written by others (mode {mode:04o})"), advice);
        return false;
    }
    if me != 0 && me != found.uid() {
        let text = format!("{shown} is of user {}, and the doctor runs as user {me}", found.uid());
        findings.warn(CHECK, text, "run it as the server's user, or as root");
        return false;
    }
    true
}

/// Whether a file has none of the `forbidden` bits and is of the data's owner, or root's.
fn file(path: &Path, forbidden: u32, needed: bool, owner: u32, findings: &mut Findings) -> bool {
    let shown = path.display();
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if !needed && error.kind() == std::io::ErrorKind::NotFound => return true,
        Err(error) => {
            findings.problem(CHECK, format!("{shown}: {error}"), "put it there, or take it out of the configuration");
            return false;
        }
    };
    let mode = found.permissions().mode() & 0o7777;
    if mode & forbidden != 0 {
        let advice = format!("run `chmod {} {shown}`", if forbidden == NOT_OWNER { "600" } else { "o=" });
        findings.problem(CHECK, format!("{shown} can be read or written by others (mode {mode:04o})"), advice);
        return false;
    }
    if found.uid() != owner && found.uid() != 0 {
        let text = format!("{shown} is of user {}, the data directory of user {owner}", found.uid());
        findings.warn(CHECK, text, format!("run `chown {owner} {shown}`, unless that user is trusted with it"));
        return false;
    }
    if is_closed(mode, found.uid(), owner) && !path.starts_with(CREDENTIALS) {
        let text =
            format!("{shown} is of user {} (mode {mode:04o}): the server's user {owner} cannot read it", found.uid());
        findings.problem(CHECK, text, format!("run `chown {owner} {shown}`"));
        return false;
    }
    true
}

/// Whether a file of `uid` is one that the user `owner` cannot read, whatever groups it is in.
fn is_closed(mode: u32, uid: u32, owner: u32) -> bool {
    let bits = if uid == owner { 0o400 } else { 0o044 };
    owner != 0 && mode & bits == 0
}

/// Whether the trail has the room that it must have.
fn space(config: &Config, findings: &mut Findings) {
    let (trail, least) = (trail_directory(config), config.audit.free_bytes_min);
    // It is made at the first start.
    let there = trail.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    let free = match free_bytes(there) {
        Ok(free) => free,
        Err(error) => return findings.warn(SPACE, format!("{}: {error}", there.display()), ""),
    };
    let text = format!("{free} bytes are free for the audit trail at {}", trail.display());
    if free < least {
        let advice = format!("make room: below audit.free_bytes_min ({least}) only DeleteSecret is carried out");
        findings.problem(SPACE, text, advice);
    } else if free / 2 < least {
        let advice = format!("make room before they are fewer than audit.free_bytes_min ({least})");
        findings.warn(SPACE, text, advice);
    } else {
        findings.ok(SPACE, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_s_user_cannot_read_is_known_by_mode_and_owner() {
        assert!(is_closed(0o600, 0, 999) && is_closed(0o000, 999, 999));
        assert!(!is_closed(0o640, 0, 999) && !is_closed(0o400, 999, 999) && !is_closed(0o000, 0, 0));
    }
}
