//! Processes of the run: started, watched through /proc, ended by their own id. And the state of the machine.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// Microseconds in a tick of /proc/PID/stat: Linux shows user space 100 ticks a second on every architecture that
/// Rust's tier-one targets have.
const TICK_US: u64 = 10_000;

const PAUSE: Duration = Duration::from_millis(2);

/// A process that was started here. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// When it was started.
    pub started: Instant,
}

impl Running {
    /// Starts `program` with `arguments`, its output thrown away save for standard error into the file `log`. With
    /// `cpus`, such as `0`, it may run on these alone.
    pub fn start<A: AsRef<OsStr>>(
        program: &Path,
        arguments: &[A],
        cpus: Option<&str>,
        log: &Path,
    ) -> Result<Self, Failure> {
        let log_file = fs::File::create(log).map_err(Failure::io(log.display().to_string()))?;
        let mut command = match cpus {
            None => Command::new(program),
            Some(cpus) => {
                let mut taskset = Command::new("taskset");
                taskset.args(["-c", cpus]).arg(program);
                taskset
            }
        };
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log_file);
        let started = Instant::now();
        let child = command.spawn().map_err(Failure::io(format!("start {}", program.display())))?;
        Ok(Self { child, started })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` gives something, for at most `patience`; fails early when the process ends.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        patience: Duration,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        loop {
            if let Some(found) = ready() {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait().map_err(Failure::io("wait for a process"))? {
                return Err(Failure::void(format!("{what}: the process ended with {status}")));
            }
            if begun.elapsed() > patience {
                return Err(Failure::void(format!("{what}: not ready after {} s", patience.as_secs())));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Asks it to end, waits up to `patience`, then kills it.
    pub fn stop(mut self, patience: Duration) -> Result<(), Failure> {
        self.end(patience)
    }

    /// The same, of a process that something else is put in the place of.
    pub fn end(&mut self, patience: Duration) -> Result<(), Failure> {
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        asked.map_err(Failure::io("run kill"))?;
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if self.child.try_wait().map_err(Failure::io("wait for a process"))?.is_some() {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time that a process has used so far, user and system, in microseconds. In steps of 10 ms.
pub fn cpu_us(pid: u32) -> Result<u64, Failure> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).map_err(Failure::io(path.clone()))?;
    parse_cpu_us(&text).ok_or_else(|| Failure::void(format!("{path} is not understood")))
}

/// CPU time of a process and of all that it started, those that have ended included.
pub fn tree_cpu_us(pid: u32) -> Result<u64, Failure> {
    let mut sum = 0;
    for entry in fs::read_dir("/proc").map_err(Failure::io("/proc"))?.flatten() {
        let name = entry.file_name();
        let Some(found) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // It may have ended meanwhile.
        let Ok(text) = fs::read_to_string(format!("/proc/{found}/stat")) else { continue };
        if found == pid {
            sum += parse_cpu_us(&text).unwrap_or(0) + parse_children_cpu_us(&text).unwrap_or(0);
        } else if parse_parent(&text) == Some(pid) {
            sum += parse_cpu_us(&text).unwrap_or(0);
        }
    }
    Ok(sum)
}

/// Of processes that it waited for: cutime and cstime.
fn parse_children_cpu_us(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(13);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * TICK_US)
}

fn parse_parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The command's name stands in brackets and may hold blanks, so fields are counted behind it: utime and stime are
/// the 14th and 15th of the line (proc_pid_stat(5)).
fn parse_cpu_us(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * TICK_US)
}

/// Memory of a process, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Resident now.
    pub resident_kib: u64,
    /// Of it, pages of anonymous memory: what the process itself needs, without files that are mapped.
    pub anonymous_kib: u64,
    /// The most that was ever resident.
    pub peak_kib: u64,
}

/// Memory of the process `pid`.
pub fn memory(pid: u32) -> Result<Memory, Failure> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).map_err(Failure::io(path.clone()))?;
    parse_memory(&text).ok_or_else(|| Failure::void(format!("{path} is not understood")))
}

fn parse_memory(status: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    };
    Some(Memory { resident_kib: field("VmRSS")?, anonymous_kib: field("RssAnon")?, peak_kib: field("VmHWM")? })
}

/// The load average of the last minute.
pub fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_ascii_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_a_name_with_blanks_and_brackets() {
        let stat = "42 (a ) (b) R 1 42 42 0 -1 4194304 100 0 0 0 250 150 0 0 20 0 1 0 100 1000 10";
        assert_eq!(parse_cpu_us(stat), Some(4_000_000));
        assert_eq!(parse_cpu_us("42 (a"), None);
        let stat = "42 (a ) (b) R 7 42 42 0 -1 4194304 100 0 0 0 250 150 30 70 20 0 1 0 100 1000 10";
        assert_eq!((parse_parent(stat), parse_children_cpu_us(stat)), (Some(7), Some(1_000_000)));
    }

    #[test]
    fn memory_is_read_by_name() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nRssAnon:\t     512 kB\n";
        let expected = Memory { resident_kib: 1024, anonymous_kib: 512, peak_kib: 2048 };
        assert_eq!(parse_memory(status), Some(expected));
        assert_eq!(parse_memory("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_can_be_watched() {
        let pid = std::process::id();
        assert!(memory(pid).unwrap().resident_kib > 0);
        assert!(cpu_us(pid).is_ok());
    }
}
