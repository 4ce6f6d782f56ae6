//! The roots of trust: what everything is sealed under.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use strongroom_core::oidc::url_is_allowed;
use strongroom_types::Region;

use super::{Problems, text};

/// A root of trust. The first configured one wraps new keys, all of them unwrap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RootConfig {
    /// A key file, readable by its owner alone; made on first start when it does not exist.
    File {
        /// The file. When absent: `root.key` in the data directory.
        #[serde(default)]
        path: Option<PathBuf>,
    },
    /// An environment variable that holds the key.
    Environment {
        /// The variable's name.
        #[serde(default = "variable_default")]
        variable: String,
    },
    /// A credential that systemd hands to the service.
    SystemdCredential {
        /// The credential's name.
        #[serde(default = "credential_default")]
        name: String,
    },
    /// A command that prints the key. No shell is involved.
    Command {
        /// The program, by its whole path, and its arguments.
        command: Vec<String>,
        /// Time within which it must have ended.
        #[serde(default = "time_default")]
        time_ms_max: u64,
    },
    /// A key of the transit engine of Vault or OpenBao.
    Transit {
        /// Where the server is: `https://HOST[:PORT]`, or `http` on loopback.
        url: String,
        /// Where the engine is mounted.
        #[serde(default = "mount_default")]
        mount: String,
        /// The key's name.
        key: String,
        /// Whether the key is one that derives a key for each context.
        #[serde(default)]
        derived: bool,
        /// The namespace, for servers that have them.
        #[serde(default)]
        namespace: Option<String>,
        /// File with the token. Read anew for each call.
        token_file: PathBuf,
        /// File with the root certificates to trust, PEM, instead of the system's.
        #[serde(default)]
        ca_file: Option<PathBuf>,
        /// Time for a call.
        #[serde(default = "time_default")]
        time_ms_max: u64,
    },
    /// A key of a service that speaks AWS's KMS protocol.
    AwsKms {
        /// Where the service is: `https://HOST[:PORT]`, or `http` on loopback.
        url: String,
        /// The region to sign for.
        #[serde(with = "text::region")]
        region: Region,
        /// The key: its id, its ARN, or an alias.
        key: String,
        /// File with the access key, as the AWS CLI has it. Read anew for each call.
        credentials_file: PathBuf,
        /// The profile in that file.
        #[serde(default = "profile_default")]
        profile: String,
        /// File with the root certificates to trust, PEM, instead of the system's.
        #[serde(default)]
        ca_file: Option<PathBuf>,
        /// Time for a call.
        #[serde(default = "time_default")]
        time_ms_max: u64,
    },
    /// An AES key in a PKCS#11 token, such as a hardware security module.
    Pkcs11 {
        /// The token maker's module, a shared library.
        module: PathBuf,
        /// The token's label.
        token: String,
        /// The key's label.
        key: String,
        /// File with the user's PIN. Read anew for each call.
        pin_file: PathBuf,
    },
    /// A key that is kept nowhere: people give shares of it at each start.
    Shares {},
}

fn variable_default() -> String {
    "STRONGROOM_ROOT_KEY".to_owned()
}

fn credential_default() -> String {
    "strongroom-root-key".to_owned()
}

fn mount_default() -> String {
    "transit".to_owned()
}

fn profile_default() -> String {
    "default".to_owned()
}

fn time_default() -> u64 {
    10_000
}

pub(super) fn check(roots: &[RootConfig], problems: &mut Problems) {
    if roots.is_empty() {
        problems.add("roots", "at least one root of trust is needed");
    }
    for (at, root) in roots.iter().enumerate() {
        for problem in root.problems() {
            problems.add(format!("roots[{at}]"), problem);
        }
        if roots.iter().take(at).any(|earlier| earlier == root) {
            problems.add(format!("roots[{at}]"), "is the same as an earlier one");
        }
    }
}

impl RootConfig {
    /// The name of its kind, as the configuration has it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Environment { .. } => "environment",
            Self::SystemdCredential { .. } => "systemd_credential",
            Self::Command { .. } => "command",
            Self::Transit { .. } => "transit",
            Self::AwsKms { .. } => "aws_kms",
            Self::Pkcs11 { .. } => "pkcs11",
            Self::Shares { .. } => "shares",
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut add = |problem: Option<String>| found.extend(problem);
        match self {
            Self::File { path } => add(path.as_deref().and_then(|path| empty("path", path))),
            Self::Environment { variable } => {
                let wrong = variable.is_empty() || variable.contains(['=', '\0']);
                add(wrong.then(|| format!("`{variable}` cannot be the name of an environment variable")));
            }
            Self::SystemdCredential { name } => {
                let wrong = name.is_empty() || name.contains(['/', ':', '\0']) || name == "." || name == "..";
                add(wrong.then(|| format!("`{name}` cannot be the name of a credential")));
            }
            Self::Command { command, time_ms_max } => {
                let whole = command.first().is_some_and(|program| program.starts_with('/'));
                add((!whole).then(|| "command must begin with the whole path of a program".to_owned()));
                let nul = command.iter().any(|word| word.contains('\0'));
                add(nul.then(|| "command must not hold a NUL character".to_owned()));
                add(time(*time_ms_max));
            }
            Self::Transit { url, mount, key, namespace, token_file, ca_file, time_ms_max, derived: _ } => {
                add(url_problem(url));
                add(path_problem("mount", mount));
                add(path_problem("key", key).or_else(|| key.contains('/').then(|| "key must not hold a /".to_owned())));
                add(namespace.as_deref().and_then(|namespace| path_problem("namespace", namespace)));
                add(empty("token_file", token_file));
                add(ca_file.as_deref().and_then(|path| empty("ca_file", path)));
                add(time(*time_ms_max));
            }
            Self::AwsKms { url, key, credentials_file, profile, ca_file, time_ms_max, region: _ } => {
                add(url_problem(url));
                let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_/:".contains(&b));
                add((!plain).then(|| format!("key: `{key}` is no key's id, ARN or alias")));
                add(profile.is_empty().then(|| "profile must not be empty".to_owned()));
                add(empty("credentials_file", credentials_file));
                add(ca_file.as_deref().and_then(|path| empty("ca_file", path)));
                add(time(*time_ms_max));
            }
            Self::Pkcs11 { module, token, key, pin_file } => {
                let whole = module.is_absolute();
                add((!whole).then(|| "module must be the whole path of a shared library".to_owned()));
                add(token.is_empty().then(|| "token must not be empty".to_owned()));
                add(key.is_empty().then(|| "key must not be empty".to_owned()));
                add(empty("pin_file", pin_file));
            }
            Self::Shares {} => {}
        }
        found
    }
}

fn empty(key: &str, path: &Path) -> Option<String> {
    path.as_os_str().is_empty().then(|| format!("{key} must not be empty"))
}

fn time(time_ms_max: u64) -> Option<String> {
    let (least, most) = (100, 300_000);
    (!(least..=most).contains(&time_ms_max))
        .then(|| format!("time_ms_max: {time_ms_max} is not from {least} to {most}"))
}

/// What is wrong with the URL of a service that is told keys.
fn url_problem(url: &str) -> Option<String> {
    let fits = url_is_allowed(url, true) && !url.contains('?');
    (!fits).then(|| format!("url: `{url}` is neither an https URL, nor an http URL of a loopback address"))
}

/// What is wrong with a name that becomes part of a path.
fn path_problem(key: &str, name: &str) -> Option<String> {
    let part = |part: &str| {
        let plain = part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        plain && !part.is_empty() && part != "." && part != ".."
    };
    (!name.split('/').all(part)).then(|| format!("{key}: `{name}` is not made of letters, digits and -_. alone"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::config::Config;

    /// A root of each kind, with only what it must have.
    const LEAST: &str = r#"
        [[roots]]
        kind = "file"
        [[roots]]
        kind = "environment"
        [[roots]]
        kind = "systemd_credential"
        [[roots]]
        kind = "command"
        command = ["/bin/echo"]
        [[roots]]
        kind = "transit"
        url = "https://vault.example.org:8200"
        key = "strongroom"
        token_file = "/run/token"
        [[roots]]
        kind = "aws_kms"
        url = "http://127.0.0.1:7600"
        region = "eu-central-1"
        key = "alias/strongroom"
        credentials_file = "/etc/strongroom/kms-credentials"
        [[roots]]
        kind = "pkcs11"
        module = "/usr/lib/softhsm/libsofthsm2.so"
        token = "strongroom"
        key = "root"
        pin_file = "/etc/strongroom/pin"
        [[roots]]
        kind = "shares"
    "#;

    #[test]
    fn the_documentation_lists_every_key_with_its_default_and_no_other() {
        let roots = Config::load(LEAST).unwrap().roots;
        let mut expected = BTreeSet::new();
        for (root, written) in roots.iter().zip(LEAST.split("[[roots]]").skip(1)) {
            let Value::Object(members) = serde_json::to_value(root).unwrap() else { panic!("not an object") };
            for (key, value) in members {
                let needed = written.contains(&format!("\n        {key} = "));
                let default = if value.is_null() { "none".to_owned() } else { format!("`{value}`") };
                expected.insert((format!("roots.{key}"), if needed { String::new() } else { default }));
            }
        }
        let text = include_str!("../../../../docs/configuration.md");
        let rows = text.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| `roots.")?.split('|');
            let key = cells.next()?.trim().trim_end_matches('`').to_owned();
            Some((format!("roots.{key}"), cells.next()?.trim().to_owned()))
        });
        assert_eq!(rows.collect::<BTreeSet<_>>(), expected);
        for kind in LEAST.lines().filter_map(|line| line.trim().strip_prefix("kind = ")) {
            assert!(text.contains(&format!("`{kind}`")), "{kind}");
        }
    }

    #[test]
    fn what_cannot_be_is_told() {
        for (wrong, told) in [
            ("kind = 'systemd_credential'\nname = '../key'", "`../key` cannot be the name of a credential"),
            ("kind = 'command'\ncommand = []", "command must begin with the whole path of a program"),
            ("kind = 'command'\ncommand = ['pass', 'show']", "command must begin with the whole path of a program"),
            ("kind = 'command'\ncommand = ['/bin/a']\ntime_ms_max = 1", "time_ms_max: 1 is not from 100 to 300000"),
            (
                "kind = 'transit'\nurl = 'http://vault:8200'\nkey = 'k'\ntoken_file = 't'",
                "url: `http://vault:8200` is neither an https URL, nor an http URL of a loopback address",
            ),
            ("kind = 'transit'\nurl = 'https://vault'\nkey = 'a/b'\ntoken_file = 't'", "key must not hold a /"),
            (
                "kind = 'transit'\nurl = 'https://vault'\nkey = 'k'\nmount = 'a/../b'\ntoken_file = 't'",
                "mount: `a/../b` is not made of letters, digits and -_. alone",
            ),
            (
                "kind = 'aws_kms'\nurl = 'https://kms'\nregion = 'us-east-1'\nkey = 'a\"b'\ncredentials_file = 'c'",
                "key: `a\"b` is no key's id, ARN or alias",
            ),
        ] {
            let problems = Config::load(&format!("[[roots]]\n{wrong}")).unwrap_err().to_string();
            assert_eq!(problems, format!("roots[0]: {told}"));
        }
    }
}
