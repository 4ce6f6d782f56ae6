//! A TPM in software, with a PKCS#11 token of two AES keys in it, for the tests of roots of trust.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The tools that leave objects in the TPM, which has room for three: a resource manager would clear them away.
const LEAVING: [&str; 4] = ["createprimary", "create", "load", "unseal"];
/// Attempts at two free ports in a row.
const ATTEMPTS_MAX: usize = 100;

/// A running TPM. It ends when it is dropped.
pub struct Tpm {
    child: Child,
    folder: PathBuf,
    variables: Vec<(String, String)>,
}

impl Tpm {
    /// A new TPM that keeps what it has in `folder`, with a token `strongroom` whose user's PIN is 1234, and the keys
    /// `root` and `other`.
    pub fn start(folder: &Path) -> Self {
        let (state, store) = (folder.join("tpm"), folder.join("tpm-store"));
        fs::create_dir(&state).expect("directory");
        fs::create_dir(&store).expect("directory");
        let port = two_ports();
        let child = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "startup-clear", "--tpmstate"])
            .arg(format!("dir={}", state.display()))
            .arg("--server")
            .arg(format!("type=tcp,port={port},bindaddr=127.0.0.1"))
            .arg("--ctrl")
            .arg(format!("type=tcp,port={},bindaddr=127.0.0.1", port + 1))
            .stdout(Stdio::null())
            .spawn()
            .expect("swtpm: run scripts/install-tokens");
        let reached = format!("swtpm:host=127.0.0.1,port={port}");
        let store = store.to_str().expect("text").to_owned();
        let variables = [("TPM2TOOLS_TCTI", &reached), ("TPM2_PKCS11_TCTI", &reached), ("TPM2_PKCS11_STORE", &store)];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.clone())).to_vec();
        let tpm = Self { child, folder: folder.to_owned(), variables };
        tpm.provision(&store);
        tpm
    }

    /// Variables by which the module finds the TPM and the token.
    pub fn variables(&self) -> Vec<(String, String)> {
        // The module's own words about what it misses are not of interest.
        let quiet = [("TSS2_LOG", "all+none"), ("TPM2_PKCS11_LOG_LEVEL", "0")];
        let quiet = quiet.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.variables.iter().cloned().chain(quiet).collect()
    }

    /// The module, where its package puts it.
    pub fn module() -> &'static str {
        let places =
            ["/usr/lib/x86_64-linux-gnu/libtpm2_pkcs11.so.1", "/usr/lib/aarch64-linux-gnu/libtpm2_pkcs11.so.1"];
        places.into_iter().find(|path| Path::new(path).exists()).expect("the module: run scripts/install-tokens")
    }

    fn provision(&self, store: &str) {
        let wrappers = self.folder.join("tpm-tools");
        fs::create_dir(&wrappers).expect("directory");
        for tool in LEAVING {
            let path = wrappers.join(format!("tpm2_{tool}"));
            // What they need of one another they keep in files.
            let clear = "/usr/bin/tpm2_flushcontext -t >&2";
            let text = format!("#!/bin/sh\n{clear}\n/usr/bin/tpm2_{tool} \"$@\"\nstatus=$?\n{clear}\nexit $status\n");
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, Permissions::from_mode(0o700)).expect("mode");
        }
        let run = |arguments: &[&str]| {
            let path = format!("{}:/usr/bin:/bin", wrappers.display());
            let mut command = Command::new("tpm2_ptool");
            command.args(arguments).args(["--path", store]).env("PATH", path).envs(self.variables());
            command.output().expect("tpm2_ptool: run scripts/install-tokens")
        };
        // The TPM takes a moment to listen; what has failed before it did has made nothing.
        for attempt in 1.. {
            let done = run(&["init"]);
            if done.status.success() {
                break;
            }
            assert!(attempt < ATTEMPTS_MAX, "{}", String::from_utf8_lossy(&done.stderr));
        }
        let token = "--label=strongroom";
        for arguments in [
            ["addtoken", "--pid=1", token, "--userpin=1234", "--sopin=5678"],
            ["addkey", "--algorithm=aes256", token, "--userpin=1234", "--key-label=root"],
            ["addkey", "--algorithm=aes256", token, "--userpin=1234", "--key-label=other"],
        ] {
            let done = run(&arguments);
            assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        }
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A free port that another one follows.
fn two_ports() -> u16 {
    let pair = || {
        let first = TcpListener::bind("127.0.0.1:0").ok()?;
        let port = first.local_addr().ok()?.port();
        TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok()?;
        Some(port)
    };
    (0..ATTEMPTS_MAX).find_map(|_| pair()).expect("two free ports")
}
