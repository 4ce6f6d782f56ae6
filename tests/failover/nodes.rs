//! Strongroom's nodes, one on each machine, and the balancer before them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom_testkit::Raw;
use strongroom_testkit::instance::binary;
use strongroom_types::SecretText;

use crate::ask;
use crate::machines::{self, CLIENTS, address};
use crate::programs::Program;

/// Where nodes and the balancer listen.
const PORT: u16 = 7600;

/// A node.
pub struct Node {
    /// Its machine.
    pub machine: usize,
    /// The server.
    pub server: Program,
    folder: PathBuf,
    /// Whether it has been ready since it was started.
    was_ready: bool,
}

impl Node {
    /// The node that will be on a machine.
    pub fn new(machine: usize, folder: &Path, logs: &Path, store: &str, stale_ms: u64) -> Self {
        let folder = folder.join(format!("node{machine}"));
        fs::create_dir_all(folder.join("data")).expect("a folder");
        fs::set_permissions(folder.join("data"), fs::Permissions::from_mode(0o700)).expect("a mode");
        let listen = format!("addresses = [\"{}:{PORT}\"]\nplain_http_anywhere = true", address(machine));
        let text = format!("[store]\nurl = \"{store}\"\n\n[listen]\n{listen}\n\n[cache]\nstale_ms_max = {stale_ms}\n");
        fs::write(folder.join("strongroom.toml"), text).expect("a file");
        let own = folder.clone();
        let server = Program::new(logs, &format!("node{machine}"), move || {
            let mut command = machines::command(machine, &binary().display().to_string());
            command.args(["serve", "--no-throttle"]).args(Self::flags(&own));
            command
        });
        Self { machine, server, folder, was_ready: false }
    }

    fn flags(folder: &Path) -> [String; 4] {
        let path = |name: &str| folder.join(name).display().to_string();
        ["--data".to_owned(), path("data"), "--config".to_owned(), path("strongroom.toml")]
    }

    /// Gives it the root key and the credentials of another one.
    pub fn take_after(&self, other: &Self) {
        for file in ["root.key", "credentials"] {
            fs::copy(other.folder.join("data").join(file), self.folder.join("data").join(file)).expect("a copy");
        }
    }

    /// Starts it unless it runs, as its guardian would: a start that finds no database fails, and is repeated. A server
    /// that was ready once does not end by itself.
    pub fn start(&mut self) {
        if !self.server.runs() {
            assert!(!self.was_ready, "node {} has ended by itself", self.machine);
            self.server.start();
        }
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.was_ready = false;
        self.server.kill();
    }

    /// Whether it says that it can serve.
    pub fn is_ready(&mut self) -> bool {
        let asked = ask::get(&format!("{}:{PORT}", address(self.machine)), "/health/ready");
        let ready = asked.is_some_and(|(status, _)| status == 200);
        self.was_ready |= ready;
        ready
    }

    /// The access key of the root user.
    pub fn key(&self) -> (String, String) {
        let text = fs::read_to_string(self.folder.join("data/credentials")).expect("credentials");
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a credential");
            line.trim_start_matches([' ', '=']).to_owned()
        };
        (value("aws_access_key_id"), value("aws_secret_access_key"))
    }

    /// A client of this node alone.
    pub fn raw(&self) -> Raw {
        let (id, secret) = self.key();
        Raw::new(&format!("http://{}:{PORT}", address(self.machine)), &id, SecretText::new(secret))
    }

    /// `strongroom verify` of the store, with this node's root key.
    pub fn verify(&self) -> Result<String, String> {
        let mut command = machines::command(self.machine, &binary().display().to_string());
        machines::run(command.arg("verify").args(Self::flags(&self.folder)))
    }
}

/// Where clients connect to.
pub fn endpoint() -> String {
    format!("http://{}:{PORT}", address(CLIENTS))
}

/// The balancer. Requests on their way to a node that it takes for dead are cut, so that clients need not wait for them.
pub fn balancer(folder: &Path, logs: &Path) -> Program {
    let path = folder.join("haproxy.cfg");
    let servers: Vec<String> = machines::all()
        .map(|machine| {
            format!("  server node{machine} {}:{PORT} check on-marked-down shutdown-sessions", address(machine))
        })
        .collect();
    let text = format!(
        "global
  maxconn 500
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  timeout check 1s
  option redispatch
  retries 2
frontend clients
  bind {}:{PORT}
  default_backend nodes
backend nodes
  balance roundrobin
  option httpchk GET /health/ready
  http-check expect status 200
  default-server inter 500ms fall 2 rise 2
{}
",
        address(CLIENTS),
        servers.join("\n")
    );
    fs::write(&path, text).expect("a file");
    Program::new(logs, "haproxy", move || {
        let mut command = Command::new("/usr/sbin/haproxy");
        command.args(["-db", "-f"]).arg(&path);
        command
    })
}
