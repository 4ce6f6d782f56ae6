//! Into namespaces of our own: nothing of the cluster is seen from outside, and all of it ends with the test.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{getegid, geteuid};
use strongroom_testkit::instance::binary;

/// Set for the process that runs inside, to the clients' program.
const MARK: &str = "STRONGROOM_FAILOVER_INSIDE";

/// What the process outside tells the one inside: where the clients' program is. None outside.
#[expect(clippy::disallowed_methods, reason = "that is how it tells")]
pub fn told() -> Option<PathBuf> {
    std::env::var_os(MARK).map(PathBuf::from)
}

/// Runs the test `name` of this program inside, as the first processes of a PID namespace, with a network of its own and
/// `/run` in memory. When this process ends, however it ends, the system ends all that is inside.
pub fn run(name: &str, clients: &Path) {
    let program = std::env::current_exe().expect("this program");
    let (user, group) = (geteuid(), getegid());
    let mut inside = Command::new("setpriv");
    inside.args(["--pdeathsig", "KILL", "--", "unshare"]);
    inside.args(["--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]);
    if !user.is_root() {
        // The same user, who may do anything to the namespaces that are made here.
        let (user, group) = (format!("--map-user={}", user.as_raw()), format!("--map-group={}", group.as_raw()));
        inside.args(["--user", "--keep-caps"]).args([user, group]);
    }
    // The shell is the first process: it collects those whose parents have ended, as databases' guardians expect.
    let shell = r#"mount -t tmpfs -o mode=755 tmpfs /run && "$0" --exact "$1" --nocapture; exit $?"#;
    inside.args(["bash", "-c", shell]).arg(program).arg(name).env(MARK, clients).env("STRONGROOM_BIN", binary());
    let status = inside.status().expect("unshare, of the package util-linux");
    assert!(status.success(), "the proof failed inside: {status}");
}
