//! A server of S3's protocol on loopback, for tests: Versity's gateway over a folder. It ends with its value.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

/// Where the project's scripts put it.
const PROGRAM: &str = "target/tools/bin/versitygw-v1.8.0";
/// Waits of 50 ms for its port.
const WAITS_MAX: u32 = 400;

/// A running server with one bucket, `backups`.
pub struct Gateway {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    /// The folder of the bucket: an object is a file in it.
    pub bucket: PathBuf,
    _process: Child,
}

impl Gateway {
    /// The access key that it knows.
    pub const ACCESS_KEY_ID: &str = "backup-tests";
    /// That key's secret.
    pub const SECRET_ACCESS_KEY: &str = "of-backup-tests";
    /// Its region.
    pub const REGION: &str = "us-east-1";
    /// Its bucket.
    pub const BUCKET: &str = "backups";

    /// Starts it on a free port, with its objects in `folder`.
    ///
    /// # Errors
    /// When it is not there or does not start.
    pub async fn start(folder: &Path) -> Result<Self, String> {
        let told = |error: std::io::Error| error.to_string();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PROGRAM);
        if !program.exists() {
            return Err(format!("{PROGRAM} is missing: run scripts/install-object-store"));
        }
        let objects = folder.join("objects");
        let bucket = objects.join(Self::BUCKET);
        fs::create_dir_all(&bucket).map_err(told)?;
        // Free when it is asked for: the gateway takes it at once.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).map_err(told)?.port();
        let mut serve = Command::new(program);
        serve.args(["--port", &format!("127.0.0.1:{port}"), "--region", Self::REGION, "--quiet"]);
        serve.args(["--access", Self::ACCESS_KEY_ID, "--secret", Self::SECRET_ACCESS_KEY]);
        // Beside the objects, as not every file system has attributes.
        let beside = folder.join("attributes");
        fs::create_dir_all(&beside).map_err(told)?;
        serve.arg("posix").arg("--sidecar").arg(&beside).arg(&objects);
        let log = fs::File::create(folder.join("log")).map_err(told)?;
        serve.stdin(Stdio::null()).stdout(log.try_clone().map_err(told)?).stderr(log).kill_on_drop(true);
        let process = serve.spawn().map_err(told)?;
        for _ in 0..WAITS_MAX {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(Self { port, bucket, _process: process });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("the gateway does not listen: {}", fs::read_to_string(folder.join("log")).unwrap_or_default()))
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
