//! One process of a function: its start through the launcher, its output, its memory and its end.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use strongroom_types::SecretBytes;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{Duration, timeout};

use crate::code::Code;
use crate::launcher::Plan;
use crate::log::Log;
use crate::processes;
use crate::settings::Settings;

/// How long the launcher may take to read its environment.
const ENVIRONMENT_TIME: Duration = Duration::from_secs(10);
/// How long the end of all that a process started is waited for.
const END_TIME: Duration = Duration::from_secs(5);
/// Private memory of one process beyond the function's limit: programs reserve more than they use. The function's limit
/// itself is held by watching.
const DATA_SLACK_BYTES: u64 = 512 * 1024 * 1024;

/// A process with all that it started.
pub struct Process {
    child: Child,
    pid: u32,
    log: Arc<Log>,
    follower: JoinHandle<()>,
    is_killed: bool,
    /// Held as long as the process may use them.
    _code: Arc<Code>,
    _tmp: Option<TempDir>,
}

impl Process {
    /// Starts what `plan` says, with limits. Must be called on a thread that outlives the process.
    ///
    /// # Errors
    /// When the system cannot start it.
    pub async fn start(
        settings: &Settings,
        mut plan: Plan,
        memory_mb: u32,
        environment: &SecretBytes,
        code: Arc<Code>,
        tmp: Option<TempDir>,
    ) -> io::Result<Self> {
        plan.parent = Some(std::process::id());
        plan.data_bytes = Some(u64::from(memory_mb) * 1024 * 1024 + DATA_SLACK_BYTES);
        plan.file_bytes = Some(settings.tmp_bytes_max);
        plan.user = settings.user;
        let (launcher, first) =
            settings.launcher.split_first().ok_or_else(|| io::Error::other("no launcher is set"))?;
        let (log, pipe) = Log::open(settings.log_bytes_max)?;
        let mut command = Command::new(launcher);
        command.args(first).args(plan.arguments()).env_clear().current_dir(code.path());
        command.stdin(Stdio::piped()).stdout(Stdio::from(pipe.try_clone()?)).stderr(Stdio::from(pipe));
        let mut child = command.kill_on_drop(true).spawn()?;
        // The command holds the pipe's end; without it the end of the process is the end of the pipe.
        drop(command);
        let pid = child.id().ok_or_else(|| io::Error::other("the process has no number"))?;
        let followed = Arc::clone(&log);
        let follower = tokio::spawn(async move { followed.follow().await });
        let stdin = child.stdin.take();
        let mut process = Self { child, pid, log, follower, is_killed: false, _code: code, _tmp: tmp };
        if let Some(mut stdin) = stdin {
            // A launcher that has ended already says why in the log, and its end is noticed.
            let written = timeout(ENVIRONMENT_TIME, stdin.write_all(environment.expose())).await;
            if written.is_err() {
                process.kill();
            }
        }
        Ok(process)
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it prints.
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// How it has ended, in Lambda's words; none while it runs.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(told)
    }

    /// Waits for its end and says how it was. May be given up and called again.
    pub async fn end(&mut self) -> String {
        self.child.wait().await.map_or_else(|error| error.to_string(), told)
    }

    /// Bytes of memory of the process and all below it.
    pub fn memory_bytes(&self) -> u64 {
        processes::memory_bytes(&processes::tree(self.pid))
    }

    fn kill(&mut self) {
        if std::mem::replace(&mut self.is_killed, true) {
            return;
        }
        if self.child.id().is_none() {
            // It has ended by itself, and may have left others of its group behind.
            if let Some(group) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
                let _none_left = kill_process_group(group, Signal::KILL);
            }
            return;
        }
        let below = processes::tree(self.pid);
        for pid in below.iter().filter_map(|pid| Pid::from_raw(i32::try_from(*pid).ok()?)) {
            if pid.as_raw_nonzero().get().unsigned_abs() == self.pid {
                // Fails before the launcher has made the group, and the process itself gets the signal then.
                let _gone = kill_process_group(pid, Signal::KILL);
            }
            let _gone = kill_process(pid, Signal::KILL);
        }
    }

    /// Ends it with all that it started, and waits until nobody is left who could write to its log.
    pub async fn stop(mut self) {
        self.kill();
        let _status = self.child.wait().await;
        if timeout(END_TIME, &mut self.follower).await.is_err() {
            tracing::warn!(pid = self.pid, "something that a function started has not ended with it");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.follower.abort();
        self.kill();
    }
}

fn told(status: ExitStatus) -> String {
    let code = status.code();
    // Bubblewrap and shells tell a signal as a code above 128.
    let signal = status.signal().or_else(|| code.filter(|code| (129..=159).contains(code)).map(|code| code - 128));
    match (signal, code) {
        (Some(signal), _) => format!("signal: {}", name(signal)),
        (None, code) => format!("exit status {}", code.unwrap_or(-1)),
    }
}

fn name(signal: i32) -> String {
    match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        25 => "file size limit exceeded",
        other => return other.to_string(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_as_lambda_tells_them() {
        assert_eq!(told(ExitStatus::from_raw(1 << 8)), "exit status 1");
        assert_eq!(told(ExitStatus::from_raw(9)), "signal: killed");
        assert_eq!(told(ExitStatus::from_raw(139 << 8)), "signal: segmentation fault");
    }
}
