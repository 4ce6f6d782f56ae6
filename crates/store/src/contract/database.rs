//! A PostgreSQL server of the machine's own packages, on loopback, for tests. One for each process, ended with it.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::fixture::told;

/// Waits of 50 ms for a server's port.
const WAITS_MAX: u32 = 1200;
/// How the names of the servers' folders begin; the process's number follows.
const FOLDER: &str = "strongroom-postgres-";
/// Who runs the server where the tests run as root, which it refuses.
const USER: &str = "postgres";

/// A running server. It ends with the process.
pub struct DatabaseServer {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    /// Its files.
    pub folder: PathBuf,
    /// Process id of its first process.
    pub pid: u32,
    databases: AtomicU32,
}

/// The server that the tests of this process share; started when it is first asked for.
///
/// # Errors
/// When there is none on this machine, or it does not start.
pub fn shared() -> Result<&'static DatabaseServer, String> {
    static SERVER: OnceLock<Result<DatabaseServer, String>> = OnceLock::new();
    SERVER.get_or_init(|| DatabaseServer::start(&[])).as_ref().map_err(Clone::clone)
}

impl DatabaseServer {
    /// A server with further settings, such as `ssl=on`.
    ///
    /// # Errors
    /// When there is none on this machine, or it does not start.
    pub fn start(settings: &[String]) -> Result<Self, String> {
        let folder = Self::folder()?;
        let data = folder.join("data");
        let made = command("initdb")?
            .args(["--no-sync", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&data)
            .output()
            .map_err(told)?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned());
        }
        Self::start_in(folder, settings)
    }

    /// A folder for the files of a server, which are removed by a later process.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder() -> Result<PathBuf, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        remove_left_behind();
        let folder = std::env::temp_dir().join(format!("{FOLDER}{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).map_err(told)?;
        own(&folder)?;
        Ok(folder)
    }

    /// A server on the files in the folder `data` of `folder`.
    ///
    /// # Errors
    /// As [`DatabaseServer::start`].
    pub fn start_in(folder: PathBuf, settings: &[String]) -> Result<Self, String> {
        let data = folder.join("data");
        let port = free_port().map_err(told)?;
        let mut serve = command("postgres")?;
        serve.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        serve.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]);
        serve.args(["-c", "max_connections=300", "-c", "shared_buffers=64MB"]);
        for setting in settings {
            serve.args(["-c", setting]);
        }
        let log = fs::File::create(folder.join("log")).map_err(told)?;
        serve.stdin(Stdio::null()).stdout(log.try_clone().map_err(told)?).stderr(log);
        let pid = keep(serve)?;
        for _ in 0..WAITS_MAX {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(Self { port, folder, pid, databases: AtomicU32::new(0) });
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("the server does not listen: {}", fs::read_to_string(folder.join("log")).unwrap_or_default()))
    }

    /// The URL of a database, without TLS.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// A new, empty database; its URL.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn database(&self) -> Result<String, String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::SeqCst));
        self.sql("postgres", &format!("CREATE DATABASE {name}")).await?;
        Ok(self.url(&name))
    }

    /// Runs statements in a database, as soon as the server takes logins; the first column of the rows.
    ///
    /// # Errors
    /// When one of them fails.
    pub async fn sql(&self, database: &str, statements: &str) -> Result<Vec<String>, String> {
        for _ in 0..WAITS_MAX {
            match sql(&self.url(database), statements).await {
                Err(error) if error.contains("57P03") => tokio::time::sleep(Duration::from_millis(50)).await,
                outcome => return outcome,
            }
        }
        Err("the server takes no logins".to_owned())
    }
}

/// Runs statements in the database of a URL; the first column of the rows.
///
/// # Errors
/// When one of them fails.
pub async fn sql(url: &str, statements: &str) -> Result<Vec<String>, String> {
    let config: tokio_postgres::Config = url.parse().map_err(told)?;
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.map_err(|error| format!("{error:?}"))?;
    let asked = client.simple_query(statements);
    let rows = tokio::select! {
        biased;
        rows = asked => rows,
        _ = connection => return Err("the connection ended".to_owned()),
    };
    let rows = rows.map_err(|error| format!("{error:?}"))?;
    let first = |message: &tokio_postgres::SimpleQueryMessage| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    };
    Ok(rows.iter().filter_map(first).collect())
}

/// Removes the files of servers whose processes have ended: the system ends a server with its process, not its files.
fn remove_left_behind() {
    let found = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    for folder in found {
        let name = folder.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(FOLDER)) else { continue };
        let process = rest.split('-').next().unwrap_or_default();
        if !process.is_empty() && !Path::new("/proc").join(process).exists() {
            // Somebody else's, or just ending: it stays for the next run.
            let _ = fs::remove_dir_all(folder.path());
        }
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// One of the server's programs, run as a user that it takes, told to stop when the thread that started it ends.
///
/// # Errors
/// When there is none on this machine.
pub fn command(program: &str) -> Result<Command, String> {
    let versions = fs::read_dir("/usr/lib/postgresql").map_err(|_| missing())?;
    let mut versions: Vec<PathBuf> = versions.flatten().map(|version| version.path()).collect();
    versions.sort();
    let path = versions.pop().ok_or_else(missing)?.join("bin").join(program);
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups"]);
    }
    command.args(["--pdeathsig", "INT", "--"]).arg(path);
    Ok(command)
}

fn missing() -> String {
    "PostgreSQL is missing: run scripts/install-databases".to_owned()
}

/// Gives a file or folder to the server's user, who alone may read it.
///
/// # Errors
/// When the system refuses.
pub fn own(path: &Path) -> Result<(), String> {
    let run = |program: &str, args: &[&str]| match Command::new(program).args(args).arg(path).status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("{program} {}", path.display())),
    };
    if is_root() {
        run("chown", &[&format!("{USER}:{USER}")])?;
    }
    run("chmod", &[if path.is_dir() { "700" } else { "600" }])
}

/// Starts a program from a thread that lives as long as the process.
fn keep(mut program: Command) -> Result<u32, String> {
    let (tell, hear) = mpsc::channel();
    thread::spawn(move || {
        let child = program.spawn();
        let _ = tell.send(child.as_ref().map(std::process::Child::id).map_err(told));
        if let Ok(mut child) = child {
            let _ = child.wait();
        }
        loop {
            thread::park();
        }
    });
    hear.recv().map_err(told)?
}
