//! Servers of databases on loopback, each with its own directory and port, ended with the test.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

/// Waits of 50 ms for a server's port.
const WAITS_MAX: u32 = 1200;

/// A running server.
pub struct Server {
    child: Child,
    pub port: u16,
    pub folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // An orderly end first: a killed server leaves shared memory behind.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        for _ in 0..200 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nothing listens on.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap().stdout;
    id.trim_ascii() == b"0"
}

/// A command that runs as `user` when we are root, since servers refuse that; it ends when the test's thread does.
pub fn command(user: &str, program: &Path) -> Command {
    assert!(program.exists(), "{} is missing: run scripts/install-databases", program.display());
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let as_user = [format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".to_owned()];
    command.args(as_user).args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// A folder of `user`.
pub fn folder(user: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    own(user, folder.path());
    folder
}

/// Gives a file to `user`, who alone may read it.
pub fn own(user: &str, path: &Path) {
    let run = |program: &str, args: &[&str]| {
        assert!(Command::new(program).args(args).arg(path).status().unwrap().success());
    };
    if is_root() {
        run("chown", &[&format!("{user}:{user}")]);
    }
    run("chmod", &[if path.is_dir() { "700" } else { "600" }]);
}

/// Starts a server and waits until it listens. What it prints goes to `log` in its folder.
pub fn start(mut command: Command, port: u16, folder: TempDir) -> Server {
    let log = fs::File::create(folder.path().join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    let mut server = Server { child: command.spawn().unwrap(), port, folder };
    for _ in 0..WAITS_MAX {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return server;
        }
        if let Ok(Some(status)) = server.child.try_wait() {
            panic!("the server ended with {status}: {}", server.log());
        }
        sleep(Duration::from_millis(50));
    }
    panic!("the server does not listen: {}", server.log());
}

impl Server {
    /// What it printed.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("log")).unwrap()).into_owned()
    }
}

/// A certificate for 127.0.0.1 with its key, and the CA's, all in PEM.
pub struct Certificate {
    pub ca: String,
    pub certificate: String,
    pub key: String,
}

impl Certificate {
    /// A new CA with a new certificate.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap();
        Self { ca: ca.pem(), certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Writes it into a folder of `user`: `ca.pem`, `server.pem`, `server.key`.
    pub fn write(&self, user: &str, folder: &Path) -> (PathBuf, PathBuf, PathBuf) {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            own(user, &path);
            path
        };
        (write("ca.pem", &self.ca), write("server.pem", &self.certificate), write("server.key", &self.key))
    }
}
