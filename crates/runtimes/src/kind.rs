//! Kinds of runtimes: which names can run, and the program that runs a function of each.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::settings::{Failure, Settings};

/// A kind of runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `python3.N`, by AWS's `awslambdaric`.
    Python,
    /// `nodejsN.x`, by AWS's `aws-lambda-ric`.
    Node,
    /// `provided.al2` and `provided.al2023`: the code's own `bootstrap`.
    Provided,
}

/// The kind of a runtime by its name in Lambda; none when Strongroom has no way to run it. Whether what it needs is
/// installed is another matter.
#[must_use]
pub fn supported(runtime: &str) -> Option<Kind> {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if runtime.strip_prefix("python3.").is_some_and(number) {
        Some(Kind::Python)
    } else if runtime.strip_prefix("nodejs").and_then(|rest| rest.strip_suffix(".x")).is_some_and(number) {
        Some(Kind::Node)
    } else if matches!(runtime, "provided.al2" | "provided.al2023") {
        Some(Kind::Provided)
    } else {
        None
    }
}

/// How the process of a function is run.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments. A relative program is one in the function's code.
    pub command: Vec<OsString>,
    /// Folders and files outside `/usr` that it needs, to read.
    pub folders: Vec<PathBuf>,
    /// Folders of programs, before the system's.
    pub path: Vec<PathBuf>,
}

/// The program of a function.
///
/// # Errors
/// [`Failure::Unsupported`] when there is none on this machine.
pub fn program(settings: &Settings, runtime: &str, handler: &str) -> Result<Program, Failure> {
    let unsupported = |reason: &str| Failure::Unsupported { runtime: runtime.to_owned(), reason: reason.to_owned() };
    let missing = |what: &str, command: &str| {
        unsupported(&format!("{what}; {command} installs it, and the setting functions.runtimes names that folder"))
    };
    match supported(runtime) {
        None => Err(unsupported("python3.N, nodejsN.x, provided.al2 and provided.al2023 can")),
        Some(Kind::Provided) => {
            Ok(Program { command: vec!["bootstrap".into()], folders: Vec::new(), path: Vec::new() })
        }
        Some(Kind::Python) => python(settings, runtime, handler)
            .ok_or_else(|| missing("there is no Python with awslambdaric", "scripts/install-runtimes FOLDER")),
        Some(Kind::Node) => node(settings, handler).ok_or_else(|| {
            missing("there is no Node.js with aws-lambda-ric", "scripts/install-runtimes FOLDER python node")
        }),
    }
}

fn python(settings: &Settings, runtime: &str, handler: &str) -> Option<Program> {
    let home = settings.runtimes.as_ref()?;
    let (environment, config) = [runtime, "python"].iter().find_map(|name| {
        let environment = home.join(name);
        let config = fs::read_to_string(environment.join("pyvenv.cfg")).ok()?;
        has_client(&environment).then_some((environment, config))
    })?;
    let program = environment.join("bin/python3");
    let base = config.lines().find_map(|line| line.split_once('=').filter(|(key, _)| key.trim() == "home"))?.1.trim();
    let base = Path::new(base);
    let prefix = if base.ends_with("bin") { base.parent()? } else { base };
    Some(Program {
        command: vec![program.into(), "-m".into(), "awslambdaric".into(), handler.into()],
        path: vec![environment.join("bin")],
        // Not the whole folder that Python is in, which may be somebody's own.
        folders: outside([prefix.join("bin"), prefix.join("lib"), prefix.join("lib64"), environment]),
    })
}

/// Whether the client of the Runtime API is in a virtual environment.
fn has_client(environment: &Path) -> bool {
    let Ok(versions) = fs::read_dir(environment.join("lib")) else { return false };
    versions.flatten().any(|version| version.path().join("site-packages/awslambdaric/__main__.py").is_file())
}

fn node(settings: &Settings, handler: &str) -> Option<Program> {
    let home = settings.runtimes.as_ref()?.join("node");
    let client = home.join("node_modules/aws-lambda-ric/bin/index.mjs");
    if !client.is_file() {
        return None;
    }
    let node = find(&settings.node)?;
    let bin = node.parent()?.to_path_buf();
    Some(Program {
        folders: outside([node.clone(), home]),
        command: vec![node.into(), client.into(), handler.into()],
        path: vec![bin],
    })
}

/// A program by its path, or by its name in the usual folders; links are followed.
pub fn find(program: &Path) -> Option<PathBuf> {
    if program.is_absolute() {
        return program.canonicalize().ok();
    }
    let folders = ["/usr/local/bin", "/usr/bin", "/bin"];
    folders.iter().find_map(|folder| Path::new(folder).join(program).canonicalize().ok())
}

/// Those that are there, and no part of the system, which is there anyway.
fn outside<const N: usize>(folders: [PathBuf; N]) -> Vec<PathBuf> {
    folders
        .into_iter()
        .filter(|folder| !folder.starts_with("/usr") && folder.parent().is_some() && folder.exists())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_known_by_name() {
        assert_eq!(supported("python3.13"), Some(Kind::Python));
        assert_eq!(supported("nodejs22.x"), Some(Kind::Node));
        assert_eq!(supported("provided.al2023"), Some(Kind::Provided));
        for other in ["python2.7", "python3.", "python3.x", "nodejs20", "nodejs.x", "java21", "provided", ""] {
            assert_eq!(supported(other), None, "{other}");
        }
    }

    #[test]
    fn the_systems_folders_need_no_bind() {
        let folders = outside(["/usr/local".into(), "/etc".into(), "/".into(), "/etc/none".into()]);
        assert_eq!(folders, [PathBuf::from("/etc")]);
    }
}
