//! Promise: whatever the trust hangs on, a start needs nobody, and without it nothing is touched.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;
use strongroom_testkit::{Instance, instance};
use tempfile::TempDir;

/// A root key as a variable, credential or command gives it, and another.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "//////////////////////////////////////////8=";

/// A folder with a data directory, a configuration file and what a root needs.
struct Place {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Place {
    fn new() -> Self {
        Self { folder: TempDir::new().expect("directory"), variables: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("text").to_owned()
    }

    /// Writes a file for its owner alone.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).expect("mode");
    }

    fn configure(&self, roots: &str) {
        self.write("strongroom.toml", roots);
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn start(&self) -> Instance {
        let config = self.text("strongroom.toml");
        Instance::start_with(&self.path("data"), &["--config", &config], &self.variables())
    }

    /// Starts, expecting that it does not, and returns what it said.
    fn refused(&self) -> String {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--config", &self.text("strongroom.toml"), "--data"];
        let Output { status, stderr, .. } = Command::new(instance::binary())
            .args(arguments)
            .arg(self.path("data"))
            .envs(self.variables())
            .output()
            .expect("it runs");
        assert!(!status.success());
        String::from_utf8(stderr).expect("text")
    }

    /// A first start that keeps a secret, and a second that finds it.
    async fn keeps_a_secret(&self) {
        let mut first = self.start();
        let input = json!({"Name": "a", "ClientRequestToken": "0".repeat(32), "SecretString": "v"});
        assert_eq!(first.raw().call("CreateSecret", input).await.status, 200);
        first.kill();
        self.has_the_secret().await;
    }

    async fn has_the_secret(&self) {
        let mut server = self.start();
        let got = server.raw().call("GetSecretValue", json!({"SecretId": "a"})).await;
        assert_eq!(got.text("SecretString"), "v");
        assert!(server.stop());
    }

    /// A refused first start has made nothing that a later one stumbles over.
    fn made_no_store(&self) {
        assert!(!self.path("data/store").exists(), "no store was made");
    }
}

fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(directory).expect("listed").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<_> =
        entries.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).expect("read"))).collect();
    found.sort();
    found
}

#[tokio::test]
async fn a_systemd_credential() {
    let mut place = Place::new();
    place.configure("[[roots]]\nkind = 'systemd_credential'\nname = 'root'\n");
    let said = place.refused();
    assert!(said.contains("CREDENTIALS_DIRECTORY is not set") && said.contains("LoadCredentialEncrypted="), "{said}");
    place.variables.push(("CREDENTIALS_DIRECTORY".to_owned(), place.text("")));
    let said = place.refused();
    assert!(said.contains("systemd credential root: ") && said.contains("cannot be read"), "{said}");
    place.made_no_store();
    place.write("root", KEY);
    place.keeps_a_secret().await;
    place.write("root", OTHER_KEY);
    let before = files(&place.path("data"));
    assert!(place.refused().contains("root `systemd_credential` cannot unwrap the key"));
    assert_eq!(files(&place.path("data")), before, "nothing was touched");
    place.write("root", KEY);
    place.has_the_secret().await;
}

#[tokio::test]
async fn the_output_of_a_command() {
    let place = Place::new();
    place.write("key", KEY);
    let command = |status: u8| {
        let script = format!("cat {}; exit {status}", place.text("key"));
        place.configure(&format!("[[roots]]\nkind = 'command'\ncommand = ['/bin/sh', '-c', \"{script}\"]\n"));
    };
    command(4);
    assert!(place.refused().contains("/bin/sh ended with exit status: 4"));
    place.made_no_store();
    command(0);
    place.keeps_a_secret().await;
    place.write("key", OTHER_KEY);
    assert!(place.refused().contains("root `command` cannot unwrap the key"));
}

/// The module of SoftHSM, where its package puts it.
fn softhsm() -> &'static str {
    let places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/lib/libsofthsm2.so"];
    places.into_iter().find(|path| Path::new(path).exists()).expect("SoftHSM: run scripts/install-softhsm")
}

/// Makes a token with two AES keys, `root` and `other`.
fn token(place: &mut Place) {
    let tokens = place.path("tokens");
    fs::create_dir(&tokens).expect("directory");
    place.write("softhsm2.conf", &format!("directories.tokendir = {}\n", tokens.display()));
    place.variables.push(("SOFTHSM2_CONF".to_owned(), place.text("softhsm2.conf")));
    place.write("pin", "1234\n");
    let run = |arguments: &[&str]| {
        let done = Command::new("softhsm2-util").args(arguments).envs(place.variables()).output().expect("it runs");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    run(&["--init-token", "--free", "--label", "strongroom", "--pin", "1234", "--so-pin", "5678"]);
    for (id, label, byte) in [("01", "root", 1), ("02", "other", 2)] {
        let key = place.path(label);
        fs::write(&key, [byte; 32]).expect("written");
        let file = place.text(label);
        run(&["--import", &file, "--aes", "--token", "strongroom", "--pin", "1234", "--label", label, "--id", id]);
        fs::remove_file(&key).expect("removed");
    }
}

#[tokio::test]
async fn a_key_in_a_pkcs11_token() {
    let mut place = Place::new();
    token(&mut place);
    let configure = |module: &str, token: &str, key: &str| {
        let pin = place.path("pin");
        place.configure(&format!(
            "[[roots]]\nkind = 'pkcs11'\nmodule = '{module}'\ntoken = '{token}'\nkey = '{key}'\npin_file = {pin:?}\n"
        ));
    };
    for (module, token, key, told) in [
        ("/no/such/module.so", "strongroom", "root", "/no/such/module.so"),
        (softhsm(), "elsewhere", "root", "no token of that label is there"),
        (softhsm(), "strongroom", "absent", "the token holds no AES key of that label"),
    ] {
        configure(module, token, key);
        let said = place.refused();
        assert!(said.contains(told), "{said}");
    }
    place.write("pin", "4321");
    configure(softhsm(), "strongroom", "root");
    let said = place.refused();
    assert!(said.contains("login: ") && !said.contains("4321"), "{said}");
    place.made_no_store();
    place.write("pin", "1234");
    place.keeps_a_secret().await;
    configure(softhsm(), "strongroom", "other");
    assert!(place.refused().contains("root `pkcs11` cannot unwrap the key"));
    configure(softhsm(), "strongroom", "root");
    place.has_the_secret().await;
}
