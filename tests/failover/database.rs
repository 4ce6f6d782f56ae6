//! PostgreSQL with synchronous standbys under Patroni and etcd, one of each on each machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;
use serde_json::Value;

use crate::ask;
use crate::machines::{self, address};
use crate::programs::Program;

/// What of the database is on one machine.
pub struct Member {
    /// The machine.
    pub machine: usize,
    /// The store of who leads.
    pub etcd: Program,
    /// The database's guardian, which starts the database.
    pub patroni: Program,
    /// The database's files.
    data: PathBuf,
}

/// Settings of Patroni for one machine. Its times are a third of the usual: a new primary within about ten seconds.
/// Etcd is spoken to by its older protocol: by the newer one Patroni 3.0 takes the leader's key without a condition, so a
/// primary that was cut off, and saw nothing meanwhile, deposes its successor and loses what that one acknowledged.
/// Strict: without a standby that has it nothing is acknowledged, so the loss of a machine with its disk loses nothing.
fn settings(machine: usize, folder: &Path, programs: &Path) -> String {
    let own = address(machine);
    let etcd: Vec<String> = machines::all().map(|machine| format!("{}:2379", address(machine))).collect();
    let (etcd, folder, programs) = (etcd.join(","), folder.display(), programs.display());
    format!(
        "scope: strongroom
name: m{machine}
restapi: {{ listen: '{own}:8008', connect_address: '{own}:8008' }}
etcd: {{ hosts: '{etcd}' }}
bootstrap:
  dcs:
    ttl: 10
    loop_wait: 1
    retry_timeout: 3
    synchronous_mode: true
    synchronous_mode_strict: true
    primary_start_timeout: 0
    master_start_timeout: 0
    postgresql:
      use_pg_rewind: true
      use_slots: true
      parameters:
        max_connections: 100
        shared_buffers: 32MB
        wal_log_hints: 'on'
        fsync: 'off'
        max_wal_size: 256MB
        wal_keep_size: 64MB
        wal_sender_timeout: 5s
        wal_receiver_timeout: 5s
        unix_socket_directories: ''
  initdb: [ encoding: UTF8, locale: C.UTF-8, no-sync ]
  pg_hba: [ 'host all all 10.77.0.0/24 trust', 'host replication all 10.77.0.0/24 trust' ]
postgresql:
  listen: '{own}:5432'
  connect_address: '{own}:5432'
  data_dir: {folder}/data
  bin_dir: {programs}
  pgpass: {folder}/pgpass
  authentication:
    superuser: {{ username: postgres }}
    replication: {{ username: replicator }}
    rewind: {{ username: rewinder }}
"
    )
}

/// Where the database's programs are: the newest that the machine has.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL: run scripts/install-databases");
    let newest = versions.flatten().map(|version| version.path()).max().expect("a version of PostgreSQL");
    newest.join("bin")
}

/// A program on a machine, run as a user whom PostgreSQL takes.
fn command(machine: usize, program: &str) -> Command {
    if !geteuid().is_root() {
        return machines::command(machine, program);
    }
    let mut command = machines::command(machine, "setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--", program]);
    command
}

impl Member {
    /// What of the database will be on a machine; `folder` keeps its files, `logs` what it says.
    pub fn new(machine: usize, folder: &Path, logs: &Path) -> Self {
        let (keys, files) = (folder.join(format!("etcd{machine}")), folder.join(format!("database{machine}")));
        fs::create_dir_all(&files).expect("a folder");
        let settings_file = files.join("patroni.yml");
        fs::write(&settings_file, settings(machine, &files, &programs())).expect("a file");
        if geteuid().is_root() {
            machines::run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(&files)).expect("an owner");
        }
        let etcd = Program::new(logs, &format!("etcd{machine}"), move || {
            let own = address(machine);
            let all: Vec<String> =
                machines::all().map(|other| format!("m{other}=http://{}:2380", address(other))).collect();
            let mut command = machines::command(machine, "etcd");
            command.args(["--name", &format!("m{machine}"), "--data-dir"]).arg(&keys);
            command.args(["--listen-client-urls", &format!("http://{own}:2379")]);
            command.args(["--advertise-client-urls", &format!("http://{own}:2379")]);
            command.args(["--listen-peer-urls", &format!("http://{own}:2380")]);
            command.args(["--initial-advertise-peer-urls", &format!("http://{own}:2380")]);
            command.args(["--initial-cluster", &all.join(","), "--initial-cluster-state", "new", "--enable-v2"]);
            command
        });
        let patroni = Program::new(logs, &format!("patroni{machine}"), move || {
            let mut command = command(machine, "patroni");
            command.arg(&settings_file);
            command
        });
        Self { machine, etcd, patroni, data: files.join("data") }
    }

    /// Starts what does not run.
    pub fn start(&mut self) {
        self.etcd.start();
        self.patroni.start();
    }

    /// The first process of the database, when it runs.
    pub fn postmaster(&self) -> Option<u32> {
        let file = fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        let process = file.lines().next()?.trim().parse().ok()?;
        Path::new("/proc").join(format!("{process}")).exists().then_some(process)
    }

    /// Removes the database's files, as when a disk is lost.
    pub fn lose_files(&self) {
        fs::remove_dir_all(&self.data).expect("the files can be removed");
    }

    /// Whether Patroni answers 200 to a question such as `/primary`, `/replica` or `/sync`.
    pub fn is(&self, role: &str) -> bool {
        ask::get(&format!("{}:8008", address(self.machine)), role).is_some_and(|(status, _)| status == 200)
    }

    /// Whether its etcd is the leader of them.
    pub fn leads_etcd(&self) -> bool {
        let asked = ask::post(&format!("{}:2379", address(self.machine)), "/v3/maintenance/status", "{}");
        let Some(told) = asked.and_then(|(_, body)| serde_json::from_str::<Value>(&body).ok()) else { return false };
        told["leader"].is_string() && told["leader"] == told["header"]["member_id"]
    }
}

/// Who leads, and the standby that may take over, as the etcds agree: `None` when nobody may, or they do not agree.
/// Patroni's own answers may be older than that.
pub fn agreed() -> Option<(usize, usize)> {
    // With a quorum: not what one of them remembers.
    let (_, body) = ask::get(&format!("{}:2379", address(1)), "/v2/keys/service/strongroom/sync?quorum=true")?;
    let told: Value = serde_json::from_str(&body).ok()?;
    let value: Value = serde_json::from_str(told["node"]["value"].as_str()?).ok()?;
    let machine = |role: &str| value[role].as_str()?.strip_prefix('m')?.parse().ok();
    Some((machine("leader")?, machine("sync_standby")?))
}

/// Makes the database on the primary.
pub fn create(primary: usize) -> Result<String, String> {
    let mut command = Command::new(programs().join("createdb"));
    machines::run(command.args([
        "-h",
        &address(primary),
        "-U",
        "postgres",
        "-T",
        "template0",
        "-E",
        "UTF8",
        "strongroom",
    ]))
}

/// The URL of the store: all machines, of which one takes writes.
pub fn url() -> String {
    let hosts: Vec<String> = machines::all().map(address).collect();
    format!("postgres://postgres@{}/strongroom?sslmode=disable", hosts.join(","))
}
