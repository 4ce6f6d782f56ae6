//! The launcher as a program of its own, for tests of this crate: what the binary `strongroom` has as a hidden subcommand.

use std::process::ExitCode;

fn main() -> ExitCode {
    match strongroom_runtimes::launch(std::env::args_os().skip(1)) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(127)
        }
    }
}
