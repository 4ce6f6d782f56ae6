//! What a function's process sees of the machine: with bubblewrap the system to read, its code, a `/tmp` of its own, no
//! other process; without, everything that its user may see.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::kind::{self, Program, find};
use crate::launcher::Plan;
use crate::settings::{Failure, Isolation, Settings, User};

/// Where a function finds its code, as on Lambda.
pub const TASK: &str = "/var/task";
/// Where it finds the certificates of the endpoint.
pub const CA_BUNDLE: &str = "/var/strongroom/ca.pem";
/// Where the launcher is inside.
const LAUNCHER: &str = "/var/strongroom/launcher";
/// Who the function is inside: Lambda's numbers.
const INSIDE: (&str, &str) = ("993", "990");
/// Who functions are outside when root has named nobody for them: the user that owns nothing.
const NOBODY: User = User { uid: 65_534, gid: 65_534 };
/// Processes and threads of one function, as on Lambda.
const PROCESSES_MAX: u64 = 1024;
/// Folders of the system that may be links to those below `/usr`.
const MERGED: [&str; 4] = ["/bin", "/sbin", "/lib", "/lib64"];
/// Arguments that come last: where the sandbox was built in memory, nothing more is written. `/tmp` alone has a size.
const SEALED: [&str; 4] = ["--remount-ro", "/dev", "--remount-ro", "/"];
/// Of the system's settings, what a function needs for names of hosts, certificates and its linker.
const ETC: [&str; 14] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
];

/// How processes are kept apart.
#[derive(Debug)]
pub struct Sandbox {
    bubblewrap: Option<PathBuf>,
    /// Why bubblewrap is not used though it was wanted.
    pub missing: Option<String>,
}

impl Sandbox {
    /// Finds out whether bubblewrap works, by running it. Where the server is root and has named no user for functions,
    /// sets one that is nobody else, if functions then reach what they need.
    ///
    /// # Errors
    /// [`Failure::Settings`] when it is required and does not work, or when functions would run as root without it.
    pub fn find(settings: &mut Settings) -> Result<Self, Failure> {
        if settings.user.is_some_and(|user| user.uid == 0) {
            return Err(Failure::Settings("the user of functions must not be root".to_owned()));
        }
        let is_root = rustix::process::getuid().is_root();
        if settings.user.is_some() && !is_root {
            return Err(Failure::Settings("only root can run functions as another user".to_owned()));
        }
        if is_root && settings.user.is_none() && settings.isolation != Isolation::Off {
            let as_nobody = Settings { user: Some(NOBODY), ..settings.clone() };
            match probe(&as_nobody, &needed(&as_nobody)) {
                Ok(bubblewrap) => {
                    settings.user = Some(NOBODY);
                    return Ok(Self { bubblewrap: Some(bubblewrap), missing: None });
                }
                Err(reason) => {
                    tracing::warn!(%reason, "functions have no user but root: functions.user should name one")
                }
            }
        }
        let found = match settings.isolation {
            Isolation::Off => Self { bubblewrap: None, missing: None },
            Isolation::Auto | Isolation::Required => match probe(settings, &[]) {
                Ok(bubblewrap) => Self { bubblewrap: Some(bubblewrap), missing: None },
                Err(reason) if settings.isolation == Isolation::Required => return Err(Failure::Settings(reason)),
                Err(reason) => Self { bubblewrap: None, missing: Some(reason) },
            },
        };
        if found.bubblewrap.is_none() && is_root && settings.user.is_none() {
            let why = found.missing.as_deref().unwrap_or("bubblewrap is switched off");
            let text = format!("without bubblewrap ({why}), root needs another user for functions");
            return Err(Failure::Settings(text));
        }
        // As the server's own user they would read its data and its memory.
        if let (Isolation::Auto, None, Some(why)) = (settings.isolation, settings.user, &found.missing) {
            let text = format!("nothing would keep them from the server's own files without bubblewrap ({why})");
            return Err(Failure::Settings(text));
        }
        Ok(found)
    }

    /// Whether functions have namespaces of their own.
    pub fn is_closed(&self) -> bool {
        self.bubblewrap.is_some()
    }

    /// The plan of a process whose code is in `code`; `ca_bundle` is outside. Its environment comes by standard input.
    pub fn plan(&self, settings: &Settings, program: &Program, code: &Path, ca_bundle: Option<&Path>) -> Plan {
        let mut command = program.command.clone();
        if let Some(first) = command.first_mut()
            && Path::new(first).is_relative()
        {
            let task = if self.is_closed() { Path::new(TASK) } else { code };
            *first = task.join(&first).into();
        }
        // In a namespace of its own, or as a user of its own, the function's processes are counted by themselves.
        let is_counted = self.is_closed() || settings.user.is_some();
        let processes = is_counted.then_some(PROCESSES_MAX);
        let inner = Plan { environment: true, processes, command, ..Plan::default() };
        let Some(bubblewrap) = &self.bubblewrap else { return inner };
        let mut outer = vec![bubblewrap.clone().into()];
        outer.extend(system(settings, &program.folders));
        outer.extend(["--ro-bind".into(), code.into(), TASK.into(), "--chdir".into(), TASK.into()]);
        if let Some(bundle) = ca_bundle {
            outer.extend(["--ro-bind".into(), bundle.into(), CA_BUNDLE.into()]);
        }
        outer.extend(SEALED.map(OsString::from));
        outer.push("--".into());
        outer.push(LAUNCHER.into());
        outer.extend(settings.launcher.iter().skip(1).cloned());
        outer.extend(inner.arguments());
        Plan { command: outer, ..Plan::default() }
    }
}

/// Arguments of bubblewrap for namespaces and the system. The network stays: databases have to be reached.
fn system(settings: &Settings, folders: &[PathBuf]) -> Vec<OsString> {
    let fixed = [
        "--unshare-user",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--die-with-parent",
        "--cap-drop",
        "ALL",
        "--hostname",
        "function",
        "--uid",
        INSIDE.0,
        "--gid",
        INSIDE.1,
        "--ro-bind",
        "/usr",
        "/usr",
        "--proc",
        "/proc",
        // The machine's settings, which are root's to change whatever has been taken from it, and so are a function's
        // where the server is root.
        "--ro-bind",
        "/proc/sys",
        "/proc/sys",
        "--dev",
        "/dev",
    ];
    let mut arguments: Vec<OsString> = fixed.iter().map(OsString::from).collect();
    arguments.extend(["--size".into(), settings.tmp_bytes_max.to_string().into(), "--tmpfs".into(), "/tmp".into()]);
    for folder in MERGED {
        match fs::read_link(folder) {
            Ok(target) => arguments.extend(["--symlink".into(), target.into(), folder.into()]),
            Err(_) => arguments.extend(["--ro-bind-try", folder, folder].map(OsString::from)),
        }
    }
    for path in ETC {
        arguments.extend(["--ro-bind-try", path, path].map(OsString::from));
    }
    for folder in folders {
        arguments.extend(["--ro-bind".into(), folder.into(), folder.into()]);
    }
    if let Some(launcher) = settings.launcher.first() {
        arguments.extend(["--ro-bind".into(), launcher.into(), LAUNCHER.into()]);
    }
    arguments
}

/// What functions have to reach outside the system, as far as it is known before there are any.
fn needed(settings: &Settings) -> Vec<PathBuf> {
    let mut folders = settings.reached.clone();
    folders.push(settings.scratch.clone().unwrap_or_else(std::env::temp_dir));
    for entry in settings.runtimes.iter().filter_map(|home| fs::read_dir(home).ok()).flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let runtime = match name.as_str() {
            "python" => "python3.0",
            "node" => "nodejs0.x",
            other => other,
        };
        folders.extend(kind::program(settings, runtime, "").into_iter().flat_map(|program| program.folders));
    }
    folders
}

fn probe(settings: &Settings, folders: &[PathBuf]) -> Result<PathBuf, String> {
    let name = settings.bubblewrap.display();
    let bubblewrap = find(&settings.bubblewrap).ok_or_else(|| format!("{name} is not installed"))?;
    let mut inner = vec![bubblewrap.clone().into()];
    inner.extend(system(settings, folders));
    inner.extend(SEALED.map(OsString::from));
    inner.extend(["--", "/usr/bin/env", "true"].map(OsString::from));
    // By the launcher and as the user of functions, since that is how it will run.
    let plan = Plan { user: settings.user, command: inner, ..Plan::default() };
    let (launcher, first) = settings.launcher.split_first().ok_or("no launcher is set")?;
    let mut command = Command::new(launcher);
    command.args(first).args(plan.arguments()).env_clear().stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(bubblewrap);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} does not work here: {}", said.lines().next().unwrap_or("it said nothing")))
}
