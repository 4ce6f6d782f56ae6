//! Promise: the unit of systemd is one that systemd takes, is hardened, and starts a server that tells it when it is ready.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use strongroom_testkit::{Instance, instance};
use tempfile::TempDir;

/// What systemd-analyze may find at most, of 100: for the unit, and with what functions need.
const EXPOSURE_MAX: [(&str, u32); 2] = [("", 15), ("functions.conf", 35)];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn deployed(name: &str) -> String {
    fs::read_to_string(workspace().join("deploy/systemd").join(name)).expect("it is there")
}

/// The unit in a file of `folder`, with what `more` adds to it, for the binary under test.
fn unit(folder: &Path, more: &str) -> PathBuf {
    let path = folder.join("strongroom.service");
    let more = if more.is_empty() { String::new() } else { deployed(more) };
    let text = deployed("strongroom.service").replace("/usr/bin/strongroom", &instance::binary().display().to_string());
    fs::write(&path, text + &more).expect("written");
    path
}

fn analyze(arguments: &[&str], unit: &Path) -> Output {
    let installed = Command::new(workspace().join("scripts/install-systemd")).status().expect("bash");
    assert!(installed.success(), "scripts/install-systemd");
    Command::new("systemd-analyze").args(arguments).arg(unit).output().expect("it runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn systemd_takes_the_unit_and_finds_it_hardened() {
    for (more, exposure_max) in EXPOSURE_MAX {
        let home = TempDir::new().expect("directory");
        let unit = unit(home.path(), more);
        let verified = analyze(&["verify", "--man=no"], &unit);
        let told = said(&verified);
        // The machine's own units are looked at as well.
        assert!(verified.status.success() && !told.contains("strongroom.service:"), "{more}: {told}");
        let threshold = format!("--threshold={exposure_max}");
        let scored = analyze(&["security", "--offline=true", "--no-pager", &threshold], &unit);
        assert!(scored.status.success(), "{more}: {}", said(&scored));
    }
}

#[test]
fn the_unit_s_command_starts_a_server_that_says_when_it_is_ready() {
    let text = deployed("strongroom.service");
    let command = text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/strongroom ")).expect("a command");
    let home = TempDir::new().expect("directory");
    let (data, config) = (home.path().join("data"), home.path().join("strongroom.toml"));
    fs::write(&config, "[listen]\naddresses = ['127.0.0.1:0']\n").expect("written");
    let words = command.split(' ').map(|word| match word {
        "/var/lib/strongroom" => data.as_path(),
        "/etc/strongroom/strongroom.toml" => config.as_path(),
        other => Path::new(other),
    });
    let socket = home.path().join("notify");
    let manager = UnixDatagram::bind(&socket).expect("bound");
    manager.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
    let mut server = Command::new(instance::binary())
        .args(words)
        .env("NOTIFY_SOCKET", &socket)
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let heard = |wanted: &str| {
        let mut buffer = [0; 1024];
        loop {
            let length = manager.recv(&mut buffer).expect("it tells");
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.contains(wanted) {
                return text;
            }
        }
    };
    let ready = heard("READY=1");
    assert!(ready.contains("STATUS=serving at http://127.0.0.1:"), "{ready}");
    let pid = server.id().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().expect("kill runs").success());
    // What ExecReload does leaves it running.
    assert!(text.contains("ExecReload=/bin/kill -HUP $MAINPID"));
    signal("-HUP");
    let status = Command::new(instance::binary()).args(["status", "--data"]).arg(&data).output().expect("it runs");
    assert!(status.status.success(), "{}", said(&status));
    signal("-TERM");
    heard("STOPPING=1");
    assert!(server.wait().expect("it ends").success());
}

#[test]
fn status_tells_of_a_server_on_one_screen() {
    let mut server = Instance::start();
    let status = |server: &Instance| {
        Command::new(instance::binary()).args(["status", "--data"]).arg(server.directory()).output().expect("it runs")
    };
    let running = status(&server);
    let told = said(&running);
    assert!(running.status.success(), "{told}");
    for wanted in [
        &format!("endpoint     {}", server.url()),
        "state        ready",
        "region       us-east-1",
        "root         key file",
        "engine       embedded, open",
        "account      ",
        "backups      none are configured",
    ] {
        assert!(told.contains(wanted), "{wanted} in {told}");
    }
    assert!(server.stop());
    let stopped = status(&server);
    assert!(!stopped.status.success() && said(&stopped).contains("state        not running"), "{}", said(&stopped));
}
