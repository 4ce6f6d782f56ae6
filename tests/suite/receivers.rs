//! What the trail's sinks send to: rsyslog, the OpenTelemetry collector, and a small web server. Each is a process or thread
//! that ends with its value.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

const RSYSLOG: &str = "/usr/sbin/rsyslogd";
const COLLECTOR: &str = "target/tools/bin/collector";
/// Waits of 50 ms for a process.
const WAITS_MAX: u32 = 400;

/// A process that is killed with its value.
pub struct Running(Child);

impl Running {
    fn of(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().expect("it starts"))
    }

    /// Stops it in the midst of what it does.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a port").port()
}

fn free_udp_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a port").port()
}

fn wait_for_port(port: u16, log: &Path) {
    for _ in 0..WAITS_MAX {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nobody listens: {}", fs::read_to_string(log).unwrap_or_default());
}

/// rsyslog with a stream over TCP or TLS, datagrams over UDP, and a Unix socket. Each way has a file of its messages.
pub struct Syslog {
    pub process: Running,
    pub tcp: u16,
    pub udp: u16,
    folder: PathBuf,
}

impl Syslog {
    /// Starts it in `folder`, which is made. `tls` are the files of a CA, a certificate and its key.
    pub fn start(folder: &Path, tls: Option<[&Path; 3]>) -> Self {
        assert!(Path::new(RSYSLOG).exists(), "{RSYSLOG} is missing: run scripts/install-syslog");
        fs::create_dir_all(folder).expect("made");
        let (tcp, udp, at) = (free_port(), free_udp_port(), folder.display());
        let (driver, mode) = match tls {
            None => (String::new(), ""),
            Some([ca, certificate, key]) => (
                format!(
                    "defaultNetstreamDriverCAFile=\"{}\" defaultNetstreamDriverCertFile=\"{}\" defaultNetstreamDriverKeyFile=\"{}\"",
                    ca.display(),
                    certificate.display(),
                    key.display()
                ),
                " StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"x509/certvalid\"",
            ),
        };
        let mut settings = format!(
            "global(workDirectory=\"{at}\" maxMessageSize=\"128k\" {driver})\n\
             module(load=\"imtcp\"{mode})\nmodule(load=\"imudp\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n\
             template(name=\"whole\" type=\"string\" string=\"%rawmsg%\\n\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{tcp}\" ruleset=\"tcp\")\n\
             input(type=\"imudp\" address=\"127.0.0.1\" port=\"{udp}\" rcvbufSize=\"8m\" ruleset=\"udp\")\n\
             input(type=\"imuxsock\" Socket=\"{at}/log\" RateLimit.Interval=\"0\" ruleset=\"unix\")\n"
        );
        for way in ["tcp", "udp", "unix"] {
            settings += &format!(
                "ruleset(name=\"{way}\") {{ action(type=\"omfile\" file=\"{at}/{way}.messages\" template=\"whole\") }}\n"
            );
        }
        let (file, log) = (folder.join("rsyslog.conf"), folder.join("log.txt"));
        fs::write(&file, settings).expect("written");
        let said = fs::File::create(&log).expect("made");
        let mut command = Command::new(RSYSLOG);
        command.arg("-n").arg("-f").arg(&file).arg("-i").arg(folder.join("pid"));
        let process = Running::of(command.stdout(Stdio::null()).stderr(said));
        wait_for_port(tcp, &log);
        Self { process, tcp, udp, folder: folder.to_owned() }
    }

    pub fn unix(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The records that came by a way: `tcp`, `udp` or `unix`.
    pub fn records(&self, way: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join(format!("{way}.messages"))).unwrap_or_default();
        let record = |line: &str| {
            let (head, record) = line.split_at(line.find("] ").expect("structured data") + 2);
            let severity = head.starts_with("<110>1 20") || head.starts_with("<108>1 20");
            assert!(severity && head.contains(" strongroom "), "{head}");
            serde_json::from_str(record).expect("a record")
        };
        text.lines().map(record).collect()
    }
}

/// The OpenTelemetry collector, which writes what comes to a file.
pub struct Collector {
    pub process: Running,
    pub port: u16,
    file: PathBuf,
}

impl Collector {
    /// Starts it in `folder`, which is made.
    pub fn start(folder: &Path) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(COLLECTOR);
        assert!(program.exists(), "{COLLECTOR} is missing: run scripts/install-collector");
        fs::create_dir_all(folder).expect("made");
        let (port, file, log) = (free_port(), folder.join("logs.json"), folder.join("log.txt"));
        let settings = format!(
            "receivers:\n  otlp:\n    protocols:\n      http:\n        endpoint: 127.0.0.1:{port}\n\
             exporters:\n  file:\n    path: {}\n    flush_interval: 100ms\n\
             service:\n  telemetry:\n    metrics:\n      level: none\n  pipelines:\n    logs:\n      receivers: [otlp]\n      exporters: [file]\n",
            file.display()
        );
        let settings_file = folder.join("collector.yaml");
        fs::write(&settings_file, settings).expect("written");
        let said = fs::File::create(&log).expect("made");
        let mut command = Command::new(program);
        command.arg("--config").arg(&settings_file).stdout(said.try_clone().expect("another")).stderr(said);
        let process = Running::of(&mut command);
        wait_for_port(port, &log);
        Self { process, port, file }
    }

    /// The log records that came, each as OTLP's JSON has it.
    pub fn logs(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        let whole = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
        whole
            .flat_map(|line| list(&line, "resourceLogs"))
            .flat_map(|resource| list(&resource, "scopeLogs"))
            .flat_map(|scope| list(&scope, "logRecords"))
            .collect()
    }

    /// The records in them.
    pub fn records(&self) -> Vec<Value> {
        let body = |log: &Value| log["body"]["stringValue"].as_str().map(str::to_owned).expect("a body of text");
        self.logs().iter().map(|log| serde_json::from_str(&body(log)).expect("a record")).collect()
    }
}

/// A web server that takes whatever is posted with the right token.
pub struct Hook {
    pub port: u16,
    posted: Arc<Mutex<Vec<Value>>>,
}

impl Hook {
    /// Starts it; it lives as long as the tests.
    pub fn start(token: &'static str) -> Self {
        Self::start_at(0, token)
    }

    /// Starts it at a port; 0 is a free one.
    pub fn start_at(port: u16, token: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let posted: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = Arc::clone(&posted);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (good, records) = receive(&stream, token);
                kept.lock().expect("not poisoned").extend(records);
                let status = if good { "200 OK" } else { "401 Unauthorized" };
                let _ = (&stream).write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes());
            }
        });
        Self { port, posted }
    }

    pub fn records(&self) -> Vec<Value> {
        self.posted.lock().expect("not poisoned").clone()
    }
}

fn receive(stream: &TcpStream, token: &str) -> (bool, Vec<Value>) {
    let (mut reader, mut length, mut good) = (BufReader::new(stream), 0, false);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
        let (name, value) = line.trim().split_once(": ").unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "authorization" => good = value == token,
            _ => {}
        }
        line.clear();
    }
    let mut body = vec![0; length];
    if !good || reader.read_exact(&mut body).is_err() {
        return (false, Vec::new());
    }
    let posted: Value = serde_json::from_slice(&body).expect("json");
    (true, posted["Records"].as_array().cloned().expect("records"))
}
