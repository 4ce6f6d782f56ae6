//! The project's own chores: `cargo xtask CHORE`.

mod generate;
mod models;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

/// What a chore ends with; the text is for whoever ran it.
type Outcome<T> = Result<T, String>;

const USAGE: &str = "usage: cargo xtask CHORE
  models refresh   download the newest published API models and rewrite the facts under models/
  models check     list what the newest published API models have that the facts under models/ have not, and the reverse
  gen              write the shapes of crates/wire from the facts under models/
  gen --check      fail when the shapes of crates/wire are not those that gen would write
  tidy             check the rules of the house that no compiler knows";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match *arguments {
        ["models", "refresh"] => models::refresh(&root()),
        ["models", "check"] => models::check(&root()),
        ["gen"] => generate::write(&root()),
        ["gen", "--check"] => generate::check(&root()),
        ["tidy"] => tidy::check(&root()),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}
