//! Promise: an old copy of the store is noticed where an anchor outside knows better, and the operator has the last word.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use strongroom_testkit::{Instance, instance};
use tempfile::TempDir;

/// A data directory with a configuration that names an anchor elsewhere.
struct Place {
    home: TempDir,
}

impl Place {
    fn new() -> Self {
        let home = TempDir::new().expect("directory");
        fs::create_dir(home.path().join("elsewhere")).expect("directory");
        let anchor = home.path().join("elsewhere/anchor");
        let text = format!("[data]\nanchor = \"{}\"\n", anchor.display());
        fs::write(home.path().join("strongroom.toml"), text).expect("written");
        Self { home }
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().expect("a path in UTF-8").to_owned()
    }

    fn run(&self, command: &[&str]) -> Output {
        let place = ["--data", &self.path("data"), "--config", &self.path("strongroom.toml")];
        Command::new(instance::binary()).args(command).args(place).output().expect("it runs")
    }

    fn serve(&self) -> Instance {
        Instance::start_in(Path::new(&self.path("data")), &["--config", &self.path("strongroom.toml")])
    }

    fn refused(&self) -> String {
        let Output { status, stderr, .. } = self.run(&["serve", "--listen", "127.0.0.1:0"]);
        assert!(!status.success());
        String::from_utf8(stderr).expect("text")
    }
}

fn told(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].concat().iter().map(|byte| char::from(*byte)).collect()
}

async fn put(server: &Instance, value: &str, n: usize) {
    let (operation, name) = if n == 0 { ("CreateSecret", "Name") } else { ("PutSecretValue", "SecretId") };
    let input = json!({name: "s", "SecretString": value, "ClientRequestToken": format!("{n:032}")});
    assert_eq!(server.raw().call(operation, input).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_store_is_refused_until_the_operator_says_that_it_is_the_right_one() {
    let place = Place::new();
    let (data, saved) = (place.path("data"), place.path("saved"));
    let mut server = place.serve();
    put(&server, "old", 0).await;
    assert!(server.stop());
    assert!(place.run(&["anchor", "status"]).status.success());
    fs::create_dir(&saved).expect("directory");
    let file = Path::new(&data).join("store/strongroom.db");
    let old = Path::new(&saved).join("strongroom.db");
    fs::copy(&file, &old).expect("copied");
    let mut server = place.serve();
    put(&server, "new", 1).await;
    assert!(place.run(&["anchor", "status"]).status.success(), "also while a server runs");
    assert!(!place.run(&["anchor", "renew"]).status.success(), "not while a server runs");
    assert!(server.stop());

    fs::copy(&old, &file).expect("put back");
    let refused = place.refused();
    assert!(refused.contains("the store is older than it was"), "{refused}");
    let status = place.run(&["anchor", "status"]);
    assert!(!status.status.success() && told(&status).contains("the store is older than it was"), "{}", told(&status));
    let verified = Command::new(instance::binary()).args(["verify", "--data", &data]).output().expect("it runs");
    assert!(verified.status.success(), "the old store agrees with itself: {}", told(&verified));
    let renewed = place.run(&["anchor", "renew"]);
    assert!(renewed.status.success(), "{}", told(&renewed));
    let mut server = place.serve();
    let got = server.raw().call("GetSecretValue", json!({"SecretId": "s"})).await;
    assert_eq!(got.text("SecretString"), "old");
    assert!(server.stop());

    fs::remove_file(place.path("elsewhere/anchor")).expect("removed");
    assert!(place.refused().contains("the anchor is gone"));
    assert!(place.run(&["anchor", "forget"]).status.success());
    let mut bare = Instance::start_in(Path::new(&data), &[]);
    assert!(bare.stop());
    let mut server = place.serve();
    assert!(Path::new(&place.path("elsewhere/anchor")).exists(), "made when it is first named");
    assert!(server.stop());
}

#[test]
fn an_anchor_beside_the_data_is_no_anchor() {
    let place = Place::new();
    let text = format!("[data]\nanchor = \"{}/anchor\"\n", place.path("data"));
    fs::write(place.path("strongroom.toml"), text).expect("written");
    assert!(place.refused().contains("must not be in the data directory"));
}
