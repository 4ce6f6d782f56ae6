//! What commands print. An output that ends early makes nobody panic, and what could not be printed fails the command.

use std::error::Error;
use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::OnceLock;

/// Why something could not be printed. Nothing is printed after it.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Prints a line to standard output, as `println!` does.
macro_rules! out {
    ($($text:tt)*) => {
        $crate::output::print(format_args!("{}\n", format_args!($($text)*)))
    };
}

pub(crate) use out;

/// Prints a text to standard output.
pub fn print(text: fmt::Arguments<'_>) {
    if FAILED.get().is_none()
        && let Err(error) = io::stdout().write_fmt(text)
    {
        // The first failure is told.
        let _ = FAILED.set(error);
    }
}

/// How a command ends that would end with `code`: with a failure when something that it said could not be printed. A reader
/// who has gone away wanted no more.
pub fn finish(code: ExitCode) -> ExitCode {
    if FAILED.get().is_none()
        && let Err(error) = io::stdout().flush()
    {
        let _ = FAILED.set(error);
    }
    match FAILED.get() {
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("strongroom: standard output: {error}");
            ExitCode::FAILURE
        }
        _ => code,
    }
}

/// Whether the reader has gone away, such as `head`, which wanted no more.
pub fn is_gone(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
