//! The newest published botocore, fetched with pip into a folder that is removed afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;

/// An unpacked botocore.
pub struct Download {
    /// Its version.
    pub version: String,
    folder: PathBuf,
}

impl Download {
    /// Downloads and unpacks the newest botocore.
    pub fn newest() -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("strongroom-models-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut download = Self { version: String::new(), folder };
        let into = download.folder.as_os_str();
        let quiet = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "botocore", "-d"];
        run(Command::new("python3").args(quiet).arg(into))?;
        let wheel = entries(&download.folder)?.into_iter().find(|name| name.ends_with(".whl"));
        let wheel = wheel.ok_or("pip downloaded no wheel")?;
        download.version = wheel.split('-').nth(1).ok_or("a wheel's name without version")?.to_owned();
        run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(download.folder.join(&wheel)).arg(into))?;
        Ok(download)
    }

    /// The folder of the newest API version of a service.
    pub fn newest_api(&self, model: &str) -> Outcome<PathBuf> {
        let folder = self.folder.join("botocore").join("data").join(model);
        let version = entries(&folder)?.into_iter().max().ok_or(format!("botocore has no {model}"))?;
        Ok(folder.join(version))
    }

    /// The text of the JSON file `name`, which botocore packs or does not; nothing when there is none.
    pub fn json(&self, folder: &Path, name: &str) -> Outcome<Option<String>> {
        let packed = folder.join(format!("{name}.gz"));
        if packed.exists() {
            let unpack = "import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())";
            return run(Command::new("python3").args(["-c", unpack]).arg(&packed)).map(Some);
        }
        let plain = folder.join(name);
        if !plain.exists() {
            return Ok(None);
        }
        fs::read_to_string(&plain).map(Some).map_err(|error| format!("{}: {error}", plain.display()))
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} stays behind: {error}", self.folder.display());
        }
    }
}

fn entries(folder: &Path) -> Outcome<Vec<String>> {
    let read = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    read.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()).map_err(|e| e.to_string()))
        .collect()
}

/// Runs a command and gives what it printed.
fn run(command: &mut Command) -> Outcome<String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{command:?}: {error}"))
}
