//! The real binary as a child process, with its own data directory, on a free port.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use strongroom_types::SecretText;
use tempfile::TempDir;

use crate::raw::Raw;

/// How long a server may take to be ready or to stop, in steps of [`STEP_MS`].
const STEPS_MAX: u32 = 1500;
/// Between two looks, in ms.
const STEP_MS: u64 = 20;

/// The binary: the one that the variable `STRONGROOM_BIN` names, else the workspace's own, built if it is not fresh.
///
/// # Panics
/// When it cannot be built.
#[must_use]
#[expect(clippy::disallowed_methods, clippy::panic, reason = "tests take the binary from the environment, and fail")]
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("STRONGROOM_BIN") {
            return PathBuf::from(path);
        }
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built =
            Command::new(cargo).args(["build", "--quiet", "-p", "strongroom-cli"]).current_dir(&workspace).status();
        if !built.is_ok_and(|status| status.success()) {
            panic!("the binary under test cannot be built");
        }
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
        target.join("debug/strongroom")
    })
}

/// A running server. Dropping it kills it, and removes its data unless the directory was handed in.
pub struct Instance {
    child: Child,
    directory: PathBuf,
    url: String,
    _own: Option<TempDir>,
}

impl Instance {
    /// A server with a data directory of its own.
    ///
    /// # Panics
    /// When it does not become ready.
    #[must_use]
    #[expect(clippy::expect_used, reason = "tests fail")]
    pub fn start() -> Self {
        let own = TempDir::new().expect("a temporary directory");
        let mut instance = Self::start_in(own.path(), &[]);
        instance._own = Some(own);
        instance
    }

    /// A server on `directory`, with further flags.
    ///
    /// # Panics
    /// When it does not become ready; tells what it printed.
    #[must_use]
    pub fn start_in(directory: &Path, flags: &[&str]) -> Self {
        Self::start_with(directory, flags, &[])
    }

    /// A server on `directory`, with further flags and variables of its environment.
    ///
    /// # Panics
    /// When it does not become ready; tells what it printed.
    #[must_use]
    pub fn start_with(directory: &Path, flags: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_to(directory, flags, variables, Stdio::null())
    }

    /// As [`Instance::start_with`], with another standard output.
    ///
    /// # Panics
    /// As [`Instance::start_with`].
    #[must_use]
    #[expect(clippy::expect_used, clippy::panic, reason = "tests fail")]
    pub fn start_to(directory: &Path, flags: &[&str], variables: &[(&str, &str)], output: impl Into<Stdio>) -> Self {
        let endpoint = directory.join("endpoint");
        let _ = fs::remove_file(&endpoint);
        let mut child = Command::new(binary())
            .args(["serve", "--no-throttle", "--listen", "127.0.0.1:0", "--data"])
            .arg(directory)
            .args(flags)
            .envs(variables.iter().copied())
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        for _ in 0..STEPS_MAX {
            if let Ok(url) = fs::read_to_string(&endpoint) {
                let url = url.trim().to_owned();
                return Self { child, directory: directory.to_owned(), url, _own: None };
            }
            if child.try_wait().expect("its state").is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(STEP_MS));
        }
        let _ = child.kill();
        let mut said = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        let _ = child.wait();
        panic!("the server did not become ready: {said}");
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The data directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The root access key: its id and secret.
    ///
    /// # Panics
    /// When the credentials file does not hold one.
    #[must_use]
    #[expect(clippy::expect_used, reason = "tests fail")]
    pub fn key(&self) -> (String, SecretText) {
        let text = fs::read_to_string(self.directory.join("credentials")).expect("the credentials file");
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.expect("a credential").trim_start_matches([' ', '=']).to_owned()
        };
        (value("aws_access_key_id"), SecretText::new(value("aws_secret_access_key")))
    }

    /// A client that signs with the root access key.
    #[must_use]
    pub fn raw(&self) -> Raw {
        let (key_id, secret) = self.key();
        Raw::new(&self.url, &key_id, secret)
    }

    /// What it wrote to standard error so far; to be asked once, after it has ended.
    pub fn said(&mut self) -> String {
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        said
    }

    /// Kills it at once, as a power cut would, and hands the directory back.
    #[expect(clippy::expect_used, reason = "tests fail")]
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Asks it to stop and waits until it has. Returns whether it ended well.
    ///
    /// # Panics
    /// When it does not stop.
    #[expect(clippy::expect_used, clippy::panic, reason = "tests fail")]
    pub fn stop(&mut self) -> bool {
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().expect("kill runs");
        assert!(asked.success());
        for _ in 0..STEPS_MAX {
            if let Some(status) = self.child.try_wait().expect("its state") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(STEP_MS));
        }
        panic!("the server did not stop");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
