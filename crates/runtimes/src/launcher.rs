//! The first moments of a function's process, in the process itself: limits, its own session, another user, the end with
//! the server, and an environment that comes by standard input.
//!
//! The launcher runs up to twice: first outside the sandbox, where it sets limits, and then inside, where it takes the
//! environment. So no variable that a function's author chose reaches the program that builds the sandbox, and no secret
//! stands in a command line, which all users of a machine may read.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, Signal, setrlimit};

use crate::settings::User;

/// Open files of one process.
const FILES_MAX: u64 = 1024;
/// Bytes of an environment.
const ENVIRONMENT_BYTES_MAX: u64 = 1024 * 1024;

/// What one run of the launcher does before it becomes the program.
#[derive(Default)]
pub(crate) struct Plan {
    /// The process that started it: when it ends, this one does.
    pub(crate) parent: Option<u32>,
    /// Bytes of private memory of one process.
    pub(crate) data_bytes: Option<u64>,
    /// Bytes of one file.
    pub(crate) file_bytes: Option<u64>,
    /// Processes and threads of the function's user.
    pub(crate) processes: Option<u64>,
    /// The user that it becomes.
    pub(crate) user: Option<User>,
    /// Whether the environment comes by standard input; otherwise it is empty.
    pub(crate) environment: bool,
    /// The program with its arguments.
    pub(crate) command: Vec<OsString>,
}

impl Plan {
    /// The arguments that [`launch`] understands.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let numbers = [
            ("--parent", self.parent.map(u64::from)),
            ("--data-bytes", self.data_bytes),
            ("--file-bytes", self.file_bytes),
            ("--processes", self.processes),
            ("--uid", self.user.map(|user| user.uid.into())),
            ("--gid", self.user.map(|user| user.gid.into())),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                arguments.extend([name.into(), number.to_string().into()]);
            }
        }
        if self.environment {
            arguments.push("--environment".into());
        }
        arguments.push("--".into());
        arguments.extend(self.command.iter().cloned());
        arguments
    }

    fn parse(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut plan = Self::default();
        let (mut uid, mut gid) = (None, None);
        while let Some(name) = arguments.next() {
            if name == "--" {
                plan.command = arguments.collect();
                break;
            }
            if name == "--environment" {
                plan.environment = true;
                continue;
            }
            let number: u64 = arguments.next()?.to_str()?.parse().ok()?;
            match name.to_str()? {
                "--parent" => plan.parent = Some(u32::try_from(number).ok()?),
                "--data-bytes" => plan.data_bytes = Some(number),
                "--file-bytes" => plan.file_bytes = Some(number),
                "--processes" => plan.processes = Some(number),
                "--uid" => uid = Some(u32::try_from(number).ok()?),
                "--gid" => gid = Some(u32::try_from(number).ok()?),
                _ => return None,
            }
        }
        plan.user = match (uid, gid) {
            (Some(uid), Some(gid)) => Some(User { uid, gid }),
            (None, None) => None,
            _ => return None,
        };
        (!plan.command.is_empty()).then_some(plan)
    }
}

/// Becomes the program that the arguments name, with the limits that they name. For a program's hidden subcommand: it
/// must be called before any thread is started, and never returns when all goes well.
///
/// # Errors
/// When the arguments are not those of this release, or the system refuses something: the program has then not started.
pub fn launch(arguments: impl Iterator<Item = OsString>) -> io::Result<Infallible> {
    let plan = Plan::parse(arguments).ok_or_else(|| io::Error::other("not the arguments of a function's launcher"))?;
    let environment = if plan.environment { environment(io::stdin().lock())? } else { Vec::new() };
    restrict(&plan)?;
    let (program, arguments) =
        plan.command.split_first().ok_or_else(|| io::Error::other("no program for the function"))?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment);
    if plan.environment {
        command.stdin(Stdio::null());
    }
    let error = command.exec();
    Err(io::Error::new(error.kind(), format!("{}: {error}", program.display())))
}

fn restrict(plan: &Plan) -> io::Result<()> {
    if plan.parent.is_some() {
        rustix::process::setsid()?;
    }
    let limit = |resource, value| setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) });
    limit(Resource::Core, 0)?;
    if plan.parent.is_some() {
        limit(Resource::Nofile, FILES_MAX)?;
    }
    if let Some(bytes) = plan.data_bytes {
        limit(Resource::Data, bytes)?;
    }
    if let Some(bytes) = plan.file_bytes {
        limit(Resource::Fsize, bytes)?;
    }
    if let Some(processes) = plan.processes {
        limit(Resource::Nproc, processes)?;
    }
    if let Some(user) = plan.user {
        become_user(user)?;
    }
    keep_files_from_the_program()?;
    bind_to_parent(plan.parent)
}

/// Whatever is open besides standard input and output closes when the launcher becomes the program: files that the server
/// inherited from whoever started it, since its own close by themselves.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no safe call takes the number of a file that one has not opened")]
fn keep_files_from_the_program() -> io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        if number > 2 {
            // SAFETY: F_SETFD takes no pointer and closes nothing now; a number that is not open is an error, and left so.
            let _closed_before = unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn keep_files_from_the_program() -> io::Result<()> {
    Ok(())
}

/// Takes on the user for good. The process has one thread, so the thread's identity is the process's.
#[cfg(target_os = "linux")]
fn become_user(user: User) -> io::Result<()> {
    let (uid, gid) = (rustix::process::Uid::from_raw(user.uid), rustix::process::Gid::from_raw(user.gid));
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn become_user(_: User) -> io::Result<()> {
    Err(io::Error::other("another user for functions is possible on Linux alone"))
}

/// Asks the kernel to end this process with its parent, which also holds for the program that it becomes.
#[cfg(target_os = "linux")]
fn bind_to_parent(parent: Option<u32>) -> io::Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    let Some(parent) = parent else { return Ok(()) };
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have ended before the kernel was asked.
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now == Some(parent) { Ok(()) } else { Err(io::Error::other("the server has ended")) }
}

#[cfg(not(target_os = "linux"))]
fn bind_to_parent(_: Option<u32>) -> io::Result<()> {
    Ok(())
}

fn environment(input: impl Read) -> io::Result<Vec<(OsString, OsString)>> {
    let mut bytes = Vec::new();
    input.take(ENVIRONMENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > ENVIRONMENT_BYTES_MAX) {
        return Err(io::Error::other(format!("the environment has more than {ENVIRONMENT_BYTES_MAX} bytes")));
    }
    let pairs = bytes.split(|byte| *byte == 0).filter(|pair| !pair.is_empty()).map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = pair.split_at_checked(at)?;
        Some((OsStr::from_bytes(name).to_owned(), OsString::from_vec(value.get(1..)?.to_vec())))
    });
    pairs.collect::<Option<Vec<_>>>().ok_or_else(|| io::Error::other("not an environment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_as_they_are_written() {
        let plan = Plan {
            parent: Some(7),
            data_bytes: Some(1 << 40),
            file_bytes: None,
            processes: Some(10),
            user: Some(User { uid: 9, gid: 8 }),
            environment: true,
            command: vec!["a".into(), "--".into(), "--uid".into()],
        };
        let read = Plan::parse(plan.arguments().into_iter()).unwrap();
        assert_eq!(read.arguments(), plan.arguments());
        assert_eq!(read.command.len(), 3);
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for wrong in [&["--uid", "1", "--", "x"][..], &["--parent", "x", "--", "x"], &["--"], &[], &["--other", "1"]] {
            assert!(Plan::parse(wrong.iter().map(OsString::from)).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn an_environment_ends_each_pair_with_zero() {
        let read = environment(&b"A=1\0B=x=y\0C=\0"[..]).unwrap();
        let names: Vec<_> =
            read.iter().map(|(name, value)| (name.to_str().unwrap(), value.to_str().unwrap())).collect();
        assert_eq!(names, [("A", "1"), ("B", "x=y"), ("C", "")]);
        assert!(environment(&b"nothing\0"[..]).is_err());
    }
}
