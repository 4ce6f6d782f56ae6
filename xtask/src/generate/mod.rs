//! Writes the shapes of `crates/wire` from the facts under `models/`.

mod names;
mod operations;
mod plan;
mod shapes;
mod values;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::models::{self, SERVICES, Service, facts::Facts};
use plan::Plan;

/// Writes the generated modules.
pub fn write(root: &Path) -> Outcome<()> {
    for service in SERVICES {
        let folder = folder(root, service);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for stale in stale(root, service)? {
            let text = stale.text;
            match text {
                Some(text) => fs::write(&stale.path, text),
                None => fs::remove_file(&stale.path),
            }
            .map_err(|error| format!("{}: {error}", stale.path.display()))?;
            println!("{}", stale.path.display());
        }
    }
    Ok(())
}

/// Fails when a generated module is not what [`write`] would write.
pub fn check(root: &Path) -> Outcome<()> {
    let mut names = Vec::new();
    for service in SERVICES {
        names.extend(stale(root, service)?.into_iter().map(|stale| stale.path.display().to_string()));
    }
    if names.is_empty() {
        return Ok(());
    }
    Err(format!("not as `cargo xtask gen` writes it: {}", names.join(", ")))
}

/// A file that is not as it should be.
struct Stale {
    path: PathBuf,
    /// What should be in it; nothing when there should be no such file.
    text: Option<String>,
}

fn folder(root: &Path, service: &Service) -> PathBuf {
    root.join("crates/wire/src").join(service.name)
}

fn stale(root: &Path, service: &Service) -> Outcome<Vec<Stale>> {
    let folder = folder(root, service);
    let mut wanted = BTreeMap::new();
    for (name, text) in modules(service.name, &models::read(root, service)?)? {
        wanted.insert(folder.join(name), format_code(root, &text)?);
    }
    let mut out = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if !wanted.contains_key(&path) {
            out.push(Stale { path, text: None });
        }
    }
    let changed = wanted.into_iter().filter(|(path, text)| fs::read_to_string(path).ok().as_ref() != Some(text));
    out.extend(changed.map(|(path, text)| Stale { path, text: Some(text) }));
    Ok(out)
}

/// The unformatted text of each module of a service, by file name.
fn modules(service: &str, facts: &Facts) -> Outcome<BTreeMap<String, String>> {
    let plan = Plan::new(facts).map_err(|error| format!("{service}: {error}"))?;
    let parts = [
        ("mod", operations::root(service, &plan)?),
        ("operations", operations::operations(&plan)),
        ("errors", operations::errors(&plan)),
        ("forms", values::forms(&plan)?),
        ("enums", values::enums(&plan)?),
        ("requests", shapes::structures(&plan, &plan.requests)?),
        ("responses", shapes::structures(&plan, &plan.responses)?),
        ("shapes", shapes::structures(&plan, &plan.others)?),
    ];
    let about = [
        ("mod", "API"),
        ("operations", "operations"),
        ("errors", "modelled errors"),
        ("forms", "forms of values, with their constraints"),
        ("enums", "enumerations"),
        ("requests", "inputs of operations"),
        ("responses", "outputs of operations"),
        ("shapes", "structures inside inputs and outputs"),
    ];
    let id = facts.metadata("serviceId");
    Ok(parts
        .into_iter()
        .zip(about)
        .map(|((name, text), (_, about))| {
            let header = format!(
                "//! The {about} of AWS {id}, generated from `models/{service}.json` by `cargo xtask gen`: do not edit.\n\n"
            );
            (format!("{name}.rs"), header + &text)
        })
        .collect())
}

fn format_code(root: &Path, text: &str) -> Outcome<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("rustfmt: {error}"))?;
    // Taking the pipe closes it after writing. rustfmt reads all of its input before it prints.
    let mut input = child.stdin.take().ok_or("rustfmt has no input")?;
    input.write_all(text.as_bytes()).map_err(|error| format!("rustfmt: {error}"))?;
    drop(input);
    let output = child.wait_with_output().map_err(|error| format!("rustfmt: {error}"))?;
    if !output.status.success() {
        return Err(format!("rustfmt does not take the generated code:\n{text}"));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("rustfmt: {error}"))
}
