//! What the runtimes are told at the start, and how they fail.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use strongroom_types::Clock;

/// Whether functions run in namespaces of their own, made by bubblewrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// With bubblewrap where it works, otherwise as another user; not at all where there is neither.
    #[default]
    Auto,
    /// With bubblewrap, or not at all.
    Required,
    /// Without bubblewrap: as another user, or as the server's own, who may read all that is the server's.
    Off,
}

/// A user of the machine that functions run as. Only a server that runs as root can take on another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's number; not 0.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
}

/// Settings of the runtimes.
#[derive(Clone)]
pub struct Settings {
    /// Where clients of the Runtime API are installed, by `scripts/install-runtimes`: `python` and, for one version of
    /// Python alone, `python3.12` and the like, each a virtual environment; `node` with its `node_modules`.
    pub runtimes: Option<PathBuf>,
    /// A folder for unpacked code; a new private one is made inside and removed in the end. None: the system's.
    pub scratch: Option<PathBuf>,
    /// The program, with its first arguments, that runs [`crate::launch`] with the arguments that follow. Absolute.
    pub launcher: Vec<OsString>,
    /// Whether bubblewrap is used.
    pub isolation: Isolation,
    /// The program bubblewrap: a path, or a name that is looked up in the folders of programs.
    pub bubblewrap: PathBuf,
    /// The program Node.js.
    pub node: PathBuf,
    /// Who functions run as when the server runs as root. Without bubblewrap, root needs one; with it, `nobody` is taken
    /// where that user reaches what functions need.
    pub user: Option<User>,
    /// Files beside the runtimes that functions have to reach, such as the certificates of the endpoint.
    pub reached: Vec<PathBuf>,
    /// Processes at one time, of all functions together.
    pub instances_max: usize,
    /// How long an invocation waits for a free place among them, in milliseconds.
    pub queue_ms: u64,
    /// How long a process without work is kept, in milliseconds.
    pub idle_ms: u64,
    /// How long a process may take until it asks for its first invocation, in milliseconds. Beyond it the function's own
    /// time-out counts.
    pub init_ms: u64,
    /// Bytes of a process's output that are kept for one invocation.
    pub log_bytes_max: usize,
    /// Bytes of unpacked code of one function.
    pub code_bytes_max: u64,
    /// Bytes of the unpacked code of all functions. There has to be room for the most that one may have when it is unpacked.
    pub all_code_bytes_max: u64,
    /// Files and folders of one function's code.
    pub code_files_max: usize,
    /// Bytes that a function may keep in `/tmp`, which is memory, where bubblewrap is used.
    pub tmp_bytes_max: u64,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Settings {
    /// Settings with Lambda's limits and modest numbers of processes.
    #[must_use]
    pub fn new(launcher: Vec<OsString>, clock: Arc<dyn Clock>) -> Self {
        Self {
            runtimes: None,
            scratch: None,
            launcher,
            isolation: Isolation::Auto,
            bubblewrap: PathBuf::from("bwrap"),
            node: PathBuf::from("node"),
            user: None,
            reached: Vec::new(),
            instances_max: 32,
            queue_ms: 10_000,
            idle_ms: 300_000,
            init_ms: 10_000,
            log_bytes_max: 64 * 1024,
            code_bytes_max: 250 * 1024 * 1024,
            all_code_bytes_max: 4 * 1024 * 1024 * 1024,
            code_files_max: 100_000,
            tmp_bytes_max: 512 * 1024 * 1024,
            clock,
        }
    }
}

/// Why the runtimes could not do what they were asked. What goes wrong inside a function is not here: it is the answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The settings, or the machine, do not allow functions to run.
    #[error("functions cannot run here: {0}")]
    Settings(String),
    /// The runtime is none that can run here.
    #[error("the runtime {runtime} cannot run here: {reason}")]
    Unsupported {
        /// The runtime's name.
        runtime: String,
        /// Why, and what would help.
        reason: String,
    },
    /// The code cannot be unpacked.
    #[error("the function's code cannot be used: {0}")]
    Code(String),
    /// No place became free in time. Lambda says TooManyRequestsException.
    #[error("all places for functions are taken")]
    Busy,
    /// No process could be started.
    #[error("no process for the function could be started: {0}")]
    Start(String),
    /// The runtimes have been stopped.
    #[error("functions no longer run: the server is stopping")]
    Stopped,
}
