//! A root key that a command prints, such as that of a password manager or of a cloud's own tool. No shell is involved.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use strongroom_crypto::RootError;
use strongroom_crypto::root::KeyRoot;
use strongroom_types::SecretBytes;
use zeroize::Zeroizing;

use crate::text;

/// The name under which keys wrapped by this root are stored.
pub const NAME: &str = "command";
/// A key is one short line; a command that prints more is stopped.
const OUTPUT_BYTES_MAX: usize = 256;
/// How often it is looked whether a command that has closed its output has ended.
const END_CHECK: Duration = Duration::from_millis(5);

/// The root whose key `command` prints within `time`: the line of a key file, or 32 bytes in base64. The first of
/// `command` is the program, the rest are its arguments; its standard input is empty, its errors go where this
/// process's go.
///
/// # Errors
/// `Unavailable` when it cannot be started, takes longer, prints something else, or ends with another status than 0.
pub fn open(command: &[String], time: Duration) -> Result<KeyRoot, RootError> {
    let program = command.first().map_or("", String::as_str);
    let origin = format!("the output of {program}");
    let unavailable = |reason: String| RootError::Unavailable { name: NAME.to_owned(), reason };
    let output = run(command, time).map_err(|error| unavailable(format!("{program} {error}")))?;
    let key = text::decode_lenient(output.expose())
        .map_err(|error| unavailable(format!("{origin} is no root key: {error}, or the base64 alone")))?;
    KeyRoot::new(NAME, &origin, &key)
}

fn run(command: &[String], time: Duration) -> Result<SecretBytes, String> {
    let (program, arguments) = command.split_first().ok_or("is no command")?;
    let deadline = Instant::now() + time;
    // A group of its own, so that what it has started ends with it.
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("cannot be started: {error}"))?;
    let too_long = || format!("did not end within {} ms", time.as_millis());
    let taken = output(&mut child, deadline).and_then(|output| {
        let output = output.ok_or_else(too_long)?;
        let status = ended(&mut child, deadline).map_err(|error| error.to_string())?;
        Ok((output, status.ok_or_else(too_long)?))
    });
    match taken {
        Ok((output, status)) if status.success() => Ok(output),
        Ok((_, status)) => Err(format!("ended with {status}; the key is not taken")),
        Err(error) => {
            // It has not been waited for, so its number is still its own.
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
            let _ = child.wait();
            Err(error)
        }
    }
}

/// What the command prints until it closes its output; none when the time was over first.
fn output(child: &mut Child, deadline: Instant) -> Result<Option<SecretBytes>, String> {
    let mut stdout = child.stdout.take().ok_or("has no output")?;
    let mut buffer = Zeroizing::new(vec![0; OUTPUT_BYTES_MAX + 1]);
    let mut len = 0;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|error| error.to_string())?;
        let ready = match poll(&mut [PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::IN)], Some(&left)) {
            Err(rustix::io::Errno::INTR) => continue,
            ready => ready.map_err(|error| error.to_string())?,
        };
        if ready == 0 {
            return Ok(None);
        }
        match stdout.read(buffer.get_mut(len..).unwrap_or_default()) {
            Ok(0) if len > OUTPUT_BYTES_MAX => {
                return Err(format!("prints more than the {OUTPUT_BYTES_MAX} bytes that a root key may take"));
            }
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    buffer.truncate(len);
    Ok(Some(SecretBytes::new(std::mem::take(&mut buffer))))
}

/// How the command ended; none when the time was over first.
fn ended(child: &mut Child, deadline: Instant) -> std::io::Result<Option<std::process::ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        let wait = Timespec::try_from(left.min(END_CHECK)).map_err(std::io::Error::other)?;
        poll(&mut [], Some(&wait))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_crypto::RootOfTrust;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Vec<String> {
        ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
    }

    fn refused(command: &[String], time: Duration) -> String {
        open(command, time).expect_err("refused").to_string()
    }

    #[test]
    fn the_key_is_what_the_command_prints_and_arguments_are_passed_as_they_are() {
        let root = open(&shell(&format!("echo {KEY}")), LONG).expect("root");
        assert_eq!(root.describe(), "the output of /bin/sh");
        let printed: Vec<String> = ["/bin/echo", "-n", &format!("{}{KEY}", crate::PREFIX)].map(str::to_owned).to_vec();
        open(&printed, LONG).expect("root");
        let told = refused(&["/bin/echo".to_owned(), format!("$(echo {KEY})")], LONG);
        assert!(told.contains("is no root key"), "{told}");
    }

    #[test]
    fn a_command_that_fails_is_not_believed() {
        let told = refused(&shell(&format!("echo {KEY}; exit 3")), LONG);
        assert!(told.contains("/bin/sh ended with exit status: 3"), "{told}");
        let told = refused(&shell(&format!("echo {KEY}; kill -KILL $$")), LONG);
        assert!(told.contains("ended with signal: 9"), "{told}");
        assert!(refused(&["/no/such/program".to_owned()], LONG).contains("/no/such/program cannot be started"));
        assert!(refused(&[], LONG).contains("is no command"));
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended_with_what_it_started() {
        for script in ["sleep 600", "sleep 600 & exit 0", "exec >&-; sleep 600"] {
            let told = refused(&shell(script), Duration::from_millis(50));
            assert!(told.contains("did not end within 50 ms"), "{script}: {told}");
        }
    }

    #[test]
    fn long_output_is_refused_and_never_repeated() {
        let told = refused(&shell("while echo hunter2hunter2; do :; done"), LONG);
        assert!(told.contains("prints more than the 256 bytes") && !told.contains("hunter2"), "{told}");
        let told = refused(&shell("echo hunter2"), LONG);
        assert!(told.contains("is no root key") && !told.contains("hunter2"), "{told}");
    }
}
