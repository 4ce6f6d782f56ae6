//! Promise: each record of the trail arrives at each sink, in order; one that does not take them is told of or stops changes,
//! as it is configured, and gets all of them once it goes on.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use strongroom_places::gateway::Gateway;
use strongroom_testkit::{Instance, Raw, instance};
use tempfile::TempDir;

use crate::receivers::{Collector, Hook, Syslog, free_port};
use crate::web::get;

/// Waits of 100 ms for what a server does by itself.
const WAITS_MAX: u32 = 300;
const TOKEN: &str = "Bearer of-the-tests";

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..WAITS_MAX {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: not within half a minute");
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("made private");
}

/// All files under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut all: Vec<PathBuf> = paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    all.sort();
    all
}

/// The event ids of the trail's files, in their order.
fn written(data: &Path) -> Vec<String> {
    let segments = files(&data.join("trail")).into_iter().filter(|path| path.extension().is_some_and(|e| e == "jsonl"));
    let text: String = segments.map(|path| fs::read_to_string(path).expect("a segment")).collect();
    ids(&text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect::<Vec<Value>>())
}

fn ids(records: &[Value]) -> Vec<String> {
    records.iter().map(|record| record["eventID"].as_str().expect("an event id").to_owned()).collect()
}

/// Fails with what is first another one.
fn same(what: &str, got: &[String], expected: &[String]) {
    let differs = got.iter().zip(expected).position(|(got, expected)| got != expected);
    let told = format!("{what}: {} of {} came, the first other one at {differs:?}", got.len(), expected.len());
    assert!(got.len() == expected.len() && differs.is_none(), "{told}");
}

/// The records in a bucket's objects, which are where CloudTrail puts them.
fn archived(bucket: &Path) -> Vec<Value> {
    let mut records = Vec::new();
    for path in files(&bucket.join("AWSLogs")) {
        let name = path.strip_prefix(bucket).expect("in the bucket").to_str().expect("text").to_owned();
        let parts: Vec<&str> = name.split('/').collect();
        let [_, account, "CloudTrail", "us-east-1", year, month, day, file] = parts[..] else { panic!("{name}") };
        let rest = file.strip_prefix(&format!("{account}_CloudTrail_us-east-1_{year}{month}{day}T")).expect("its name");
        let (minute, unique) = rest.split_once("Z_").expect("a time");
        assert!(minute.len() == 4 && unique.len() == 16 + ".json.gz".len() && unique.ends_with(".json.gz"), "{name}");
        let unpacked = Command::new("gzip").arg("-dc").arg(&path).output().expect("gzip runs");
        assert!(unpacked.status.success(), "{name}");
        let object: Value = serde_json::from_slice(&unpacked.stdout).expect("json");
        let of: Vec<Value> = object["Records"].as_array().cloned().expect("records");
        assert!(of.iter().all(|record| record["recipientAccountId"] == account));
        records.extend(of);
    }
    records
}

async fn create(raw: &Raw, name: &str) -> u16 {
    let input = json!({"Name": name, "ClientRequestToken": format!("{name:0>36}"), "SecretString": "v"});
    raw.call("CreateSecret", input).await.status.as_u16()
}

struct Place {
    home: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { home: TempDir::new().expect("directory") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// A configuration file with these sinks.
    fn configured(&self, sinks: &str) -> String {
        let config = self.path("strongroom.toml");
        fs::write(&config, format!("[metrics]\nenabled = true\n{sinks}")).expect("written");
        config.to_str().expect("text").to_owned()
    }

    /// The setting of the bucket of `gateway`, whose access key is written to a file.
    fn bucket(&self, gateway: &Gateway) -> String {
        let keys = self.path("keys");
        let (id, secret) = (Gateway::ACCESS_KEY_ID, Gateway::SECRET_ACCESS_KEY);
        private(&keys, &format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"));
        let (url, bucket) = (gateway.url(), Gateway::BUCKET);
        format!("s3 = {{ url = '{url}', bucket = '{bucket}', credentials_file = '{}' }}", keys.display())
    }

    /// Certificates for 127.0.0.1: a CA, a server's and a client's, with their keys.
    fn certificates(&self) -> [PathBuf; 5] {
        let authority = {
            let mut parameters = rcgen::CertificateParams::default();
            parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            let key = rcgen::KeyPair::generate().expect("a key");
            rcgen::CertifiedIssuer::self_signed(parameters, key).expect("a certificate")
        };
        let make = |name: &str, host: &str| {
            let key = rcgen::KeyPair::generate().expect("a key");
            let parameters = rcgen::CertificateParams::new(vec![host.to_owned()]).expect("parameters");
            let certificate = parameters.signed_by(&key, &authority).expect("a certificate");
            let (at, of) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
            fs::write(&at, certificate.pem()).expect("written");
            private(&of, &key.serialize_pem());
            (at, of)
        };
        let ca = self.path("ca.pem");
        fs::write(&ca, authority.pem()).expect("written");
        let ((server, server_key), (client, client_key)) = (make("server", "127.0.0.1"), make("client", "client.test"));
        [ca, server, server_key, client, client_key]
    }
}

fn toml(name: &str, more: &str) -> String {
    format!("[[audit.sinks]]\nname = \"{name}\"\n{more}\n")
}

/// One far side of each kind.
struct FarSides {
    gateway: Gateway,
    syslog: Syslog,
    secure: Syslog,
    collector: Collector,
    hook: Hook,
}

impl FarSides {
    /// Starts all of them, and writes a configuration with a sink for each.
    async fn start(place: &Place) -> (Self, String) {
        let [ca, server, server_key, client, client_key] = place.certificates();
        let gateway = Gateway::start(&place.path("store")).await.expect("a server of S3's protocol");
        let syslog = Syslog::start(&place.path("syslog"), None);
        let secure = Syslog::start(&place.path("secure"), Some([&ca, &server, &server_key]));
        let collector = Collector::start(&place.path("collector"));
        let hook = Hook::start(TOKEN);
        let headers = place.path("headers");
        private(&headers, &format!("Authorization: {TOKEN}\n"));
        let (ca, client, client_key) = (ca.display(), client.display(), client_key.display());
        let shown = format!("ca_file = '{ca}', certificate_file = '{client}', key_file = '{client_key}'");
        let url = |port: u16| format!("url = 'http://127.0.0.1:{port}");
        let sinks = [
            toml("out", "stdout = {}"),
            toml("tcp", &format!("syslog = {{ address = 'tcp://127.0.0.1:{}' }}", syslog.tcp)),
            toml("udp", &format!("syslog = {{ address = 'udp://127.0.0.1:{}' }}", syslog.udp)),
            toml("unix", &format!("syslog = {{ address = 'unix:{}' }}", syslog.unix().display())),
            toml("tls", &format!("syslog = {{ address = 'tls://127.0.0.1:{}', {shown} }}", secure.tcp)),
            toml("otlp", &format!("otlp = {{ {}' }}", url(collector.port))),
            toml("archive", &format!("gather_seconds = 1\n{}", place.bucket(&gateway))),
            toml("hook", &format!("webhook = {{ {}/audit', headers_file = '{}' }}", url(hook.port), headers.display())),
        ];
        let config = place.configured(&sinks.concat());
        (Self { gateway, syslog, secure, collector, hook }, config)
    }

    /// Looks whether each has got `expected`, in order. What came to standard output is in `output`.
    async fn have(&self, expected: &[String], output: &str) {
        let archived = ids(&archived(&self.gateway.bucket));
        assert_eq!(archived.len(), expected.len(), "the bucket");
        assert_eq!(archived.iter().collect::<HashSet<_>>(), expected.iter().collect(), "the bucket");
        let records = output.lines().filter(|line| line.starts_with('{'));
        let records: Vec<Value> = records.map(|line| serde_json::from_str(line).expect("a record")).collect();
        same("standard output", &ids(&records), expected);
        same("webhook", &ids(&self.hook.records()), expected);
        until("the collector has all", || ids(&self.collector.records()) == expected).await;
        for way in ["tcp", "udp", "unix"] {
            until(&format!("syslog has all by {way}"), || ids(&self.syslog.records(way)) == expected).await;
        }
        until("syslog has all by TLS", || ids(&self.secure.records("tcp")) == expected).await;
        let log = self.collector.logs().into_iter().find(|log| log["eventName"] == "GetSecretValue").expect("a read");
        assert_eq!((&log["severityText"], &log["severityNumber"]), (&json!("INFO"), &json!(9)));
        let region = json!({"key": "cloud.region", "value": {"stringValue": "us-east-1"}});
        assert!(log["attributes"].as_array().expect("attributes").contains(&region), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_arrives_at_every_sink() {
    let place = Place::new();
    let (far, config) = FarSides::start(&place).await;
    let out = fs::File::create(place.path("out")).expect("made");
    let mut server = Instance::start_to(&place.data(), &["--config", &config], &[], out);
    let raw = server.raw();
    for n in 0..20 {
        assert_eq!(create(&raw, &format!("secret-{n}")).await, 200);
        for _ in 0..10 {
            let read = raw.call("GetSecretValue", json!({"SecretId": format!("secret-{n}")})).await;
            assert_eq!(read.status, 200);
        }
    }
    let asked = |command: &str| {
        let command = [command, "--config", &config, "--data"];
        let output = Command::new(instance::binary()).args(command).arg(place.data()).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let (checked, state) = (asked("doctor"), asked("status"));
    for name in ["tcp", "udp", "unix", "tls", "otlp", "archive", "hook"] {
        let is_there = |line: &str| line.contains(&format!("sink {name}: ")) && line.contains(" is there");
        assert!(checked.lines().any(is_there), "{name} in {checked}");
        assert!(state.lines().any(|line| line.contains(&format!("{name}: "))), "{name} in {state}");
    }
    let figures = get(&server, "/metrics", "");
    for figure in
        ["lag_bytes", "lag_seconds", "last_success_timestamp_seconds", "failures_total", "delivered_total", "full"]
    {
        assert!(figures.contains(&format!("strongroom_sink_{figure}{{sink=\"archive\"}}")), "{figure}: {figures}");
    }
    // The last of what is recorded goes out before it ends.
    assert!(server.stop());
    let expected = written(&place.data());
    assert!(expected.len() >= 220);
    far.have(&expected, &fs::read_to_string(place.path("out")).expect("its output")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_sink_stops_changes_or_is_told_of_and_gets_all_once_it_goes_on() {
    let place = Place::new();
    let syslog = Syslog::start(&place.path("syslog"), None);
    let collector = Collector::start(&place.path("collector"));
    let bounds = "time_ms_max = 500\nbatch_bytes_max = 16384\nlag_bytes_max = 65536\n";
    let config = place.configured(
        &[
            toml(
                "siem",
                &format!("when_full = 'refuse'\n{bounds}syslog = {{ address = 'tcp://127.0.0.1:{}' }}", syslog.tcp),
            ),
            toml("otlp", &format!("{bounds}otlp = {{ url = 'http://127.0.0.1:{}' }}", collector.port)),
        ]
        .concat(),
    );
    let mut server = Instance::start_in(&place.data(), &["--config", &config]);
    let raw = server.raw();
    assert_eq!(create(&raw, "one").await, 200);
    let read = || raw.call("GetSecretValue", json!({"SecretId": "one"}));

    collector.process.freeze();
    for _ in 0..120 {
        assert_eq!(read().await.status, 200);
    }
    until("it is warned of", || get(&server, "/health/ready", "").contains("the trail's sink otlp")).await;
    assert!(get(&server, "/health/ready", "").starts_with("HTTP/1.1 200"));
    assert_eq!(create(&raw, "two").await, 200, "nothing is refused for it");
    collector.process.thaw();
    until("it has caught up", || !get(&server, "/health/ready", "").contains("sink otlp")).await;

    syslog.process.freeze();
    for _ in 0..120 {
        assert_eq!(read().await.status, 200);
    }
    until("changes stop", || get(&server, "/health/ready", "").contains("do not reach a sink")).await;
    let ready = get(&server, "/health/ready", "");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("the trail's sink siem"), "{ready}");
    let refused = raw.call("DeleteSecret", json!({"SecretId": "two"})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "ServiceUnavailableException"));
    assert!(refused.message().starts_with("The audit trail's records do not reach a sink"), "{}", refused.message());
    assert_eq!(read().await.status, 200, "reads go on");
    syslog.process.thaw();
    until("changes are carried out again", || !get(&server, "/health/ready", "").contains("do not reach")).await;
    assert_eq!(raw.call("DeleteSecret", json!({"SecretId": "two"})).await.status, 200);
    assert!(server.stop());

    let expected = written(&place.data());
    let once = |records: Vec<Value>| {
        // What was under way when it froze came again.
        let mut seen = HashSet::new();
        ids(&records).into_iter().filter(|id| seen.insert(id.clone())).collect::<Vec<_>>()
    };
    until("the collector has all", || once(collector.records()) == expected).await;
    until("syslog has all", || once(syslog.records("tcp")) == expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_where_its_sinks_are() {
    let place = Place::new();
    let gateway = Gateway::start(&place.path("store")).await.expect("a server of S3's protocol");
    let collector = Collector::start(&place.path("collector"));
    let otlp = toml("otlp", &format!("otlp = {{ url = 'http://127.0.0.1:{}' }}", collector.port));
    let archive = format!("batch_bytes_max = 16384\ngather_seconds = 1\n{}", place.bucket(&gateway));
    let config = place.configured(&(otlp + &toml("archive", &archive)));
    for round in 0..3 {
        let mut server = Instance::start_in(&place.data(), &["--config", &config]);
        let raw = server.raw();
        for n in 0..40 {
            assert_eq!(create(&raw, &format!("secret-{round}-{n}")).await, 200);
        }
        if round == 2 {
            assert!(server.stop());
        } else {
            server.kill();
        }
    }
    let expected = written(&place.data());
    let mut archived = ids(&archived(&gateway.bucket));
    assert_eq!(archived.len(), expected.len(), "a batch that is sent again is the same object");
    archived.sort();
    let mut sorted = expected.clone();
    sorted.sort();
    assert_eq!(archived, sorted);
    until("the collector has all", || {
        let mut seen = HashSet::new();
        ids(&collector.records()).into_iter().filter(|id| seen.insert(id.clone())).collect::<Vec<_>>() == expected
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_server_has_left_is_delivered_by_hand() {
    let place = Place::new();
    let (port, headers) = (free_port(), place.path("headers"));
    private(&headers, &format!("Authorization: {TOKEN}\n"));
    let hook = format!("webhook = {{ url = 'http://127.0.0.1:{port}/', headers_file = '{}' }}", headers.display());
    let config = place.configured(&toml("hook", &hook));
    let mut server = Instance::start_in(&place.data(), &["--config", &config]);
    for n in 0..3 {
        assert_eq!(create(&server.raw(), &format!("secret-{n}")).await, 200);
    }
    assert_eq!(server.raw().call("ListSecrets", json!({})).await.status, 200);
    let deliver = || {
        let command = ["audit", "deliver", "--config", &config, "--data"];
        let output = Command::new(instance::binary()).args(command).arg(place.data()).output().expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (done, said) = deliver();
    assert!(!done && said.contains("another process delivers the trail's records"), "{said}");
    until("changes are in the trail", || written(&place.data()).len() >= 4).await;
    server.kill();
    let (done, said) = deliver();
    assert!(!done && said.contains("hook: got 0 records, and then no more"), "{said}");
    let receiver = Hook::start_at(port, TOKEN);
    let (done, said) = deliver();
    let expected = written(&place.data());
    assert!(done && said.contains(&format!("hook: has all, {} records of them now", expected.len())), "{said}");
    same("webhook", &ids(&receiver.records()), &expected);
    let (done, said) = deliver();
    assert!(done && said.contains("hook: has all, 0 records"), "{said}");
}
