//! Shares of the root key, given by hand: whoever needs them waits at a socket in the data directory, and
//! `strongroom keys unseal` brings them there.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use strongroom_crypto::SystemRandom;
use strongroom_crypto::root::KeyRoot;
use strongroom_roots::shares::{self, Collection, Progress};
use strongroom_types::{SecretBytes, SecretText};
use zeroize::Zeroizing;

use crate::offline::DataArgs;
use crate::output::out;
use crate::process;

/// The socket's name in the data directory.
const SOCKET: &str = "unseal.sock";
/// Bytes of a share or of an answer to one, at most.
const LINE_BYTES_MAX: usize = 512;
/// Time within which a share must have come whole, and its answer must have been taken.
const TALK: Duration = Duration::from_secs(5);

/// Flags of `strongroom keys split`.
#[derive(Args)]
pub struct SplitArgs {
    /// How many shares are made.
    #[arg(long, value_name = "N")]
    shares: u8,
    /// How many of them are needed.
    #[arg(long, value_name = "K")]
    threshold: u8,
}

/// Prints the shares of a new root key, a line each. The key itself is forgotten.
///
/// # Errors
/// When the numbers do not fit.
pub fn split(args: &SplitArgs) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    for share in shares::create(&SystemRandom, args.threshold, args.shares)? {
        out!("{}", share.expose());
    }
    Ok(())
}

/// Reads a share from the terminal, without showing it, or from the standard input, and brings it to whoever waits.
///
/// # Errors
/// When nobody waits, or the share is not taken.
pub fn unseal(args: &DataArgs) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let path = socket(args.directory());
    let mut stream = UnixStream::connect(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            format!("nobody waits for shares at {}: start what needs them first", path.display())
        }
        _ => format!("{}: {error}", path.display()),
    })?;
    let share = asked("share")?;
    stream.set_read_timeout(Some(TALK))?;
    stream.set_write_timeout(Some(TALK))?;
    stream.write_all(share.expose().trim().as_bytes())?;
    stream.write_all(b"\n")?;
    let answer = line(&mut stream)?;
    match answer.expose().trim().split_once(": ") {
        Some(("taken", told)) => {
            out!("{told}");
            Ok(())
        }
        Some(("refused", told)) => Err(told.into()),
        _ => Err("whoever waits for shares gave no answer".into()),
    }
}

/// Waits until enough shares have been brought for the data in `directory`.
///
/// # Errors
/// When the socket cannot be made, or somebody waits at it already.
pub fn wait(directory: &Path) -> io::Result<KeyRoot> {
    let path = socket(directory);
    let listener = listen(&path)?;
    eprintln!("sealed: give the shares of the root key by `strongroom keys unseal --data {}`", directory.display());
    let mut collection = Collection::default();
    let opened = loop {
        let (mut stream, _) = listener.accept()?;
        // Whoever brings nothing whole in time is no reason to stop waiting.
        let Ok(share) = stream.set_read_timeout(Some(TALK)).and_then(|()| line(&mut stream)) else { continue };
        let (answer, opened) = match collection.add(&share) {
            Ok(Progress::Given { given, threshold }) => (format!("taken: {given} of {threshold} shares"), None),
            Ok(Progress::Complete(root)) => ("taken: these are enough".to_owned(), Some(root)),
            Err(error) => (format!("refused: {error}"), None),
        };
        eprintln!("a share was brought: {}", answer.trim_start_matches("taken: "));
        let _ = stream.set_write_timeout(Some(TALK)).and_then(|()| writeln!(stream, "{answer}"));
        if let Some(root) = opened {
            break root;
        }
    };
    fs::remove_file(&path)?;
    Ok(*opened)
}

/// Clears the socket away when waiting is given up.
pub fn give_up(directory: &Path) {
    // It may not be there.
    let _ = fs::remove_file(socket(directory));
}

fn socket(directory: &Path) -> PathBuf {
    directory.join(SOCKET)
}

/// Listens at `path`, where a process that was killed may have left its socket.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    if UnixStream::connect(path).is_ok() {
        return Err(io::Error::other(format!("{}: another process waits for shares there", path.display())));
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(named(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(named)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(named)?;
    Ok(listener)
}

/// One line of at most [`LINE_BYTES_MAX`] bytes.
fn line(stream: &mut UnixStream) -> io::Result<SecretText> {
    let mut bytes = Zeroizing::new([0; LINE_BYTES_MAX]);
    let mut len = 0;
    while !bytes.iter().take(len).any(|byte| *byte == b'\n') {
        match stream.read(bytes.get_mut(len..).unwrap_or_default())? {
            0 => break,
            more => len += more,
        }
    }
    let line = SecretBytes::new(bytes.get(..len).unwrap_or_default().to_vec());
    SecretText::from_utf8(line).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The secret line that is typed or piped in; `what` it is, is shown to who types.
///
/// # Errors
/// When there is nothing to be read.
pub fn asked(what: &str) -> io::Result<SecretText> {
    let stdin = io::stdin();
    let hidden = stdin.is_terminal().then(Hidden::begin).transpose()?;
    if hidden.is_some() {
        eprint!("{what} (not shown): ");
    }
    let mut text = Zeroizing::new(String::with_capacity(LINE_BYTES_MAX));
    let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    BufReader::new(stdin.lock()).take(most).read_line(&mut text)?;
    if hidden.is_some() {
        eprintln!();
    }
    Ok(SecretText::new(std::mem::take(&mut text)))
}

/// The terminal does not show what is typed while this is there.
struct Hidden(rustix::termios::Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing either.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
