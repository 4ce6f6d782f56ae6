//! Programs that run on machines, and what is done to them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A program that can be started again and again.
pub struct Program {
    name: String,
    log: PathBuf,
    make: Box<dyn Fn() -> Command + Send>,
    child: Option<Child>,
}

impl Program {
    /// A program that does not run yet; `name` names its log in `folder` as well.
    pub fn new(folder: &Path, name: &str, make: impl Fn() -> Command + Send + 'static) -> Self {
        Self { name: name.to_owned(), log: folder.join(format!("{name}.log")), make: Box::new(make), child: None }
    }

    /// Starts it, unless it runs.
    pub fn start(&mut self) {
        if self.runs() {
            return;
        }
        let log = File::options().append(true).create(true).open(&self.log).expect("a log");
        let mut command = (self.make)();
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        self.child = Some(command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.name)));
    }

    /// Whether it runs, also when it is frozen.
    pub fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().expect("its state").is_none())
    }

    /// Kills it at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            child.wait().expect("it ends");
        }
    }

    /// Asks it to stop and waits; whether it ended well.
    pub fn stop(&mut self) -> bool {
        self.signal(Signal::TERM);
        self.child.take().is_some_and(|mut child| child.wait().is_ok_and(|status| status.success()))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            send(child.id(), signal);
        }
    }

    /// Its process and all that come from it.
    pub fn family(&self) -> Vec<u32> {
        let Some(child) = &self.child else { return Vec::new() };
        family(child.id())
    }
}

/// A process and all that come from it.
pub fn family(first: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").expect("processes").flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // It may have ended meanwhile.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // Behind the name, which may hold anything: state, parent.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (process, parent)));
    }
    let mut found = vec![first];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| *process));
        next += 1;
    }
    found
}

/// Sends a signal to a process, which may be gone.
pub fn send(process: u32, signal: Signal) {
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(process, signal);
    }
}
