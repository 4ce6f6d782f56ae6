//! The failing disk of `disk.c`: how it is built, and how what it remembers is read.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The library to load before the C library. Built once, by the C compiler that builds the database engine too.
pub fn library() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| compiled("disk")).clone()
}

/// Compiles the C file `name` of this folder into a library.
pub fn compiled(name: &str) -> PathBuf {
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.so", std::process::id()));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/engine/{name}.c"));
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .arg(&library)
        .arg(source)
        .status();
    assert!(status.expect("a C compiler").success(), "{name}.c does not compile");
    library
}

/// A file of the store that the trace tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// The database.
    Database,
    /// Its log.
    Log,
}

/// What was done, in its order.
#[derive(Clone, Debug)]
pub enum Step {
    /// Bytes were written, not yet durably.
    Write(File, u64, Vec<u8>),
    /// A length was set, not yet durably.
    Truncate(File, u64),
    /// All before on this file is durable from here on.
    Sync(File),
    /// The process printed this.
    Said(String),
}

/// Reads a trace. A record that the process did not finish ends it.
pub fn read_trace(path: &Path) -> Vec<Step> {
    let bytes = std::fs::read(path).expect("the trace");
    let mut rest = bytes.as_slice();
    let mut steps = Vec::new();
    while let Some((step, behind)) = step(rest) {
        steps.push(step);
        rest = behind;
    }
    steps
}

fn step(bytes: &[u8]) -> Option<(Step, &[u8])> {
    let ([what, file], rest) = bytes.split_first_chunk()?;
    let (offset, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (offset, length) = (u64::from_ne_bytes(*offset), u64::from_ne_bytes(*length));
    let file = if *file == b'd' { File::Database } else { File::Log };
    let stored = || rest.split_at_checked(usize::try_from(length).expect("a length"));
    Some(match what {
        b't' => (Step::Truncate(file, length), rest),
        b's' => (Step::Sync(file), rest),
        b'w' => {
            let (bytes, rest) = stored()?;
            (Step::Write(file, offset, bytes.to_vec()), rest)
        }
        b'a' => {
            let (text, rest) = stored()?;
            (Step::Said(String::from_utf8_lossy(text).into_owned()), rest)
        }
        other => panic!("a trace has no step {other}"),
    })
}
