//! Promise: whatever the trust hangs on, a start needs nobody, and without it nothing is touched.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::json;
use strongroom_testkit::{Instance, instance};
use tempfile::TempDir;

use crate::tpm::Tpm;

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
    places.into_iter().find(|path| Path::new(path).exists()).expect("SoftHSM: run scripts/install-tokens")
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

/// Runs a command about keys on the place's data.
fn keys(place: &Place, arguments: &[&str]) -> Output {
    let (data, config) = (place.text("data"), place.text("strongroom.toml"));
    let paths = ["--data", &data, "--config", &config];
    Command::new(instance::binary())
        .arg("keys")
        .args(arguments)
        .args(paths)
        .envs(place.variables())
        .output()
        .expect("it runs")
}

fn said(done: &Output) -> String {
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout.clone()).expect("text")
}

#[tokio::test]
async fn what_hangs_on_an_old_root_comes_to_hang_on_a_new_one() {
    let place = Place::new();
    place.write("old", KEY);
    place.write("new", OTHER_KEY);
    let command = |name: &str| format!("[[roots]]\nkind = 'command'\ncommand = ['/bin/cat', {:?}]\n", place.text(name));
    place.configure(&command("old"));
    place.keeps_a_secret().await;
    let file = format!("[[roots]]\nkind = 'file'\npath = {:?}\n", place.text("root.key"));
    place.configure(&format!("{file}{}", command("old")));
    let told = String::from_utf8(keys(&place, &["status"]).stderr).expect("text");
    assert!(told.contains("root.key is not there"), "{told}");

    place.configure(&format!("{}{}", command("new"), command("old")));
    let before = said(&keys(&place, &["status"]));
    assert!(before.contains("1. the output of /bin/cat: wraps 0 keys; it wraps new ones"), "{before}");
    assert!(before.contains("2. the output of /bin/cat: wraps 2 keys; `strongroom keys rewrap`"), "{before}");
    let done = said(&keys(&place, &["rewrap"]));
    assert!(done.contains(": 2 keys wrapped anew, 0 left as they were"), "{done}");
    assert!(said(&keys(&place, &["rewrap"])).contains(": 0 keys wrapped anew, 2 left"));
    assert!(said(&keys(&place, &["rewrap", "--all"])).contains(": 2 keys wrapped anew, 0 left"));
    let after = said(&keys(&place, &["status"]));
    assert!(
        after.contains("wraps 2 keys; it wraps new ones") && after.contains("wraps 0 keys; nothing hangs"),
        "{after}"
    );
    let refused = keys(&place, &["rotate-root"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is no key file"));
    place.configure(&command("new"));
    place.has_the_secret().await;
    place.configure(&command("old"));
    assert!(place.refused().contains("root `command` cannot unwrap the key"));
}

#[tokio::test]
async fn a_server_with_several_roots_wraps_anew_in_the_background() {
    let place = Place::new();
    place.write("old", KEY);
    place.write("new", OTHER_KEY);
    let command = |name: &str| format!("[[roots]]\nkind = 'command'\ncommand = ['/bin/cat', {:?}]\n", place.text(name));
    place.configure(&command("old"));
    place.keeps_a_secret().await;
    place.configure(&format!("{}{}", command("new"), command("old")));
    let mut server = place.start();
    while !said(&keys(&place, &["status"])).contains("wraps 0 keys; nothing hangs") {
        tokio::task::yield_now().await;
    }
    assert!(!keys(&place, &["rewrap"]).status.success(), "by hand only while no server runs");
    let got = server.raw().call("GetSecretValue", json!({"SecretId": "a"})).await;
    assert_eq!(got.text("SecretString"), "v");
    assert!(server.stop());
    assert!(server.said().contains("wrapped 2 keys anew under the first root of trust"), "{}", server.said());
    place.configure(&command("new"));
    place.has_the_secret().await;
}

#[tokio::test]
async fn a_key_file_is_rotated_and_an_interruption_at_any_point_keeps_nobody_out() {
    let place = Place::new();
    place.configure("");
    place.keeps_a_secret().await;
    let [key, next, old] = ["root.key", "root.key.next", "root.key.old-1"].map(|name| place.path("data").join(name));
    let first = fs::read(&key).expect("the key");
    let server = place.start();
    assert!(!keys(&place, &["rotate-root"]).status.success(), "not while a server runs");
    assert!(!next.exists());
    drop(server);
    let done = said(&keys(&place, &["rotate-root"]));
    assert!(done.contains("root.key: a new key, 2 keys wrapped anew") && done.contains("root.key.old-1"), "{done}");
    let second = fs::read(&key).expect("the key");
    assert!(second != first && fs::read(&old).expect("kept") == first && !next.exists());
    place.has_the_secret().await;
    // As it is when it is cut short before the new key has taken its place: everything hangs on the one beside it.
    fs::rename(&key, &next).expect("back");
    fs::rename(&old, &key).expect("back");
    place.has_the_secret().await;
    let status = said(&keys(&place, &["status"]));
    assert!(status.contains("root.key.next: wraps 2 keys"), "{status}");
    assert!(said(&keys(&place, &["rotate-root"])).contains("a new key, 0 keys wrapped anew"));
    assert!(fs::read(&key).expect("the key") == second && !next.exists());
    place.has_the_secret().await;
    // And when it was cut short before anything was wrapped by the new key.
    let other = Place::new();
    other.configure("");
    assert!(other.start().stop());
    fs::copy(other.path("data/root.key"), &next).expect("copied");
    place.has_the_secret().await;
    assert!(said(&keys(&place, &["rotate-root"])).contains("a new key, 2 keys wrapped anew"));
    place.has_the_secret().await;
}

/// Gives a share, and returns what is told of it.
fn unseal(place: &Place, share: &str) -> Result<String, String> {
    let mut child = Command::new(instance::binary())
        .args(["keys", "unseal", "--data", &place.text("data")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    // Where nobody waits, it ends without having asked.
    let _ = child.stdin.take().expect("its input").write_all(share.as_bytes());
    let done = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    if done.status.success() { Ok(text(done.stdout)) } else { Err(text(done.stderr)) }
}

/// As [`unseal`], once somebody waits.
fn unseal_once_sealed(place: &Place, share: &str) -> Result<String, String> {
    loop {
        match unseal(place, share) {
            Err(told) if told.contains("nobody waits") || told.contains("does not exist") => std::thread::yield_now(),
            other => return other,
        }
    }
}

/// Starts a sealed server, has the shares given, and lets `work` use it.
async fn unsealed(place: &Place, shares: &[&String], work: impl AsyncFnOnce(&Instance)) {
    let mut server = std::thread::scope(|scope| {
        let start = scope.spawn(|| place.start());
        for share in shares {
            unseal_once_sealed(place, share).expect("taken");
        }
        start.join().expect("a server")
    });
    work(&server).await;
    assert!(server.stop());
}

#[tokio::test]
async fn shares_that_people_give_at_each_start() {
    let place = Place::new();
    place.configure("[[roots]]\nkind = 'shares'\n");
    let split = Command::new(instance::binary()).args(["keys", "split", "--shares", "3", "--threshold", "2"]).output();
    let printed = said(&split.expect("it runs"));
    let shares: Vec<String> = printed.lines().map(str::to_owned).collect();
    assert_eq!(shares.len(), 3);
    assert!(unseal(&place, &shares[0]).expect_err("nobody").contains("nobody waits for shares"));
    unsealed(&place, &[&shares[0], &shares[1]], async |server| {
        let input = json!({"Name": "a", "ClientRequestToken": "0".repeat(32), "SecretString": "v"});
        assert_eq!(server.raw().call("CreateSecret", input).await.status, 200);
    })
    .await;
    unsealed(&place, &[&shares[2], &shares[0]], async |server| {
        let got = server.raw().call("GetSecretValue", json!({"SecretId": "a"})).await;
        assert_eq!(got.text("SecretString"), "v");
    })
    .await;

    let mut sealed = Command::new(instance::binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--config", &place.text("strongroom.toml"), "--data"])
        .arg(place.path("data"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    assert_eq!(unseal_once_sealed(&place, &shares[1]).expect("taken").trim(), "1 of 2 shares");
    assert!(unseal(&place, &shares[1]).expect_err("twice").contains("share 2 was given already"));
    assert!(unseal(&place, "hunter2").expect_err("no share").contains("this is no share"));
    let stop = Command::new("kill").arg(sealed.id().to_string()).status().expect("it runs");
    assert!(stop.success() && sealed.wait().expect("it ends").success(), "a stop is heard while it waits");
    assert!(!place.path("data/unseal.sock").exists());
}

#[tokio::test]
async fn a_key_of_an_outside_kms() {
    let mut outside = Instance::start();
    let mut client = outside.raw();
    client.service = "kms".to_owned();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let made = client.call("TrentService.CreateKey", json!({})).await;
        keys.push(made.body["KeyMetadata"]["Arn"].as_str().expect("an ARN").to_owned());
    }
    let place = Place::new();
    place.write("credentials", &fs::read_to_string(outside.directory().join("credentials")).expect("the access key"));
    let configure = |key: &str| {
        let (url, credentials) = (outside.url(), place.path("credentials"));
        place.configure(&format!(
            "[[roots]]\nkind = 'aws_kms'\nurl = '{url}'\nregion = 'us-east-1'\nkey = '{key}'\n\
             credentials_file = {credentials:?}\n"
        ));
    };
    configure("alias/absent");
    let said = place.refused();
    assert!(said.contains("400 NotFoundException: ") && said.contains("alias/absent"), "{said}");
    place.made_no_store();
    configure(&keys[0]);
    place.keeps_a_secret().await;
    configure(&keys[1]);
    assert!(place.refused().contains("root `aws_kms` cannot unwrap the key"), "another key of the same service");
    configure(&keys[0]);
    place.has_the_secret().await;
    assert_eq!(client.call("TrentService.DisableKey", json!({"KeyId": keys[0]})).await.status, 200);
    let said = place.refused();
    assert!(said.contains("400 DisabledException: "), "{said}");
    assert_eq!(client.call("TrentService.EnableKey", json!({"KeyId": keys[0]})).await.status, 200);
    place.has_the_secret().await;
    outside.kill();
    assert!(place.refused().contains("Connection refused"));
}

#[tokio::test]
async fn a_key_in_a_tpm() {
    let mut place = Place::new();
    let tpm = Tpm::start(place.folder.path());
    place.variables = tpm.variables();
    place.write("pin", "1234");
    let configure = |key: &str| {
        let (module, pin) = (Tpm::module(), place.path("pin"));
        place.configure(&format!(
            "[[roots]]\nkind = 'pkcs11'\nmodule = '{module}'\ntoken = 'strongroom'\nkey = '{key}'\npin_file = {pin:?}\n"
        ));
    };
    configure("root");
    place.keeps_a_secret().await;
    configure("other");
    assert!(place.refused().contains("root `pkcs11` cannot unwrap the key"));
    configure("root");
    place.has_the_secret().await;
    drop(tpm);
    let before = files(&place.path("data"));
    assert!(place.refused().contains("root `pkcs11` is not available"));
    assert_eq!(files(&place.path("data")), before, "nothing was touched");
}
