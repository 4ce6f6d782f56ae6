//! moto's server from PyPI, the peer of the reports: installed into a virtual environment of its own when missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// The release that figures are compared with.
pub const MOTO_VERSION: &str = "5.2.1";

/// The Python that has moto, under `folder`; made when it is not there.
pub fn python(folder: &Path) -> Result<PathBuf, Failure> {
    let environment = folder.join(format!("moto-{MOTO_VERSION}"));
    let (python, complete) = (environment.join("bin/python3"), environment.join("complete"));
    if complete.exists() {
        return Ok(python);
    }
    eprintln!("installing moto {MOTO_VERSION} into {}", environment.display());
    call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let package = format!("moto[server]=={MOTO_VERSION}");
    call(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &package]))?;
    fs::write(&complete, "").map_err(Failure::io(complete.display().to_string()))?;
    Ok(python)
}

fn call(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(Failure::io("run python3"))?;
    if status.success() { Ok(()) } else { Err(Failure::void(format!("{command:?} ended with {status}"))) }
}
