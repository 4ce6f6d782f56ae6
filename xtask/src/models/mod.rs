//! The facts of the AWS API models under `models/`: which services, how they are refreshed and compared.

mod botocore;
mod comparison;
mod download;
pub mod facts;
mod layout;
mod selection;

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use download::Download;
use facts::Facts;

/// A service whose facts are kept.
pub struct Service {
    /// The name of its facts and of its module in `crates/wire`.
    pub name: &'static str,
    /// The folder of its models in botocore; none for a service of Strongroom's own, whose facts are written by hand.
    pub model: Option<&'static str>,
    /// The operations that code is generated for; all of the model's when nothing is named.
    pub operations: Option<&'static [&'static str]>,
}

/// The services whose facts are kept. A new one is a line here, `models refresh` and `gen`; the last is Strongroom's own.
pub const SERVICES: &[Service] = &[
    Service { name: "secretsmanager", model: Some("secretsmanager"), operations: None },
    Service { name: "iam", model: Some("iam"), operations: Some(selection::IAM) },
    Service { name: "sts", model: Some("sts"), operations: None },
    Service { name: "kms", model: Some("kms"), operations: Some(selection::KMS) },
    Service { name: "lambda", model: Some("lambda"), operations: Some(selection::LAMBDA) },
    Service { name: "config", model: Some("config"), operations: Some(selection::CONFIG) },
    Service { name: "cloudtrail", model: Some("cloudtrail"), operations: Some(selection::CLOUDTRAIL) },
    Service { name: "cloudwatch", model: Some("cloudwatch"), operations: Some(selection::CLOUDWATCH) },
    Service { name: "logs", model: Some("logs"), operations: Some(selection::LOGS) },
    Service { name: "events", model: Some("events"), operations: Some(selection::EVENTS) },
    Service { name: "strongroom", model: None, operations: None },
];

/// Where the facts of a service are.
pub fn path(root: &Path, service: &Service) -> PathBuf {
    root.join("models").join(format!("{}.json", service.name))
}

/// Reads the facts of a service.
pub fn read(root: &Path, service: &Service) -> Outcome<Facts> {
    let path = path(root, service);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The facts of a service without the operations that no code is generated for.
pub fn selected(root: &Path, service: &Service) -> Outcome<Facts> {
    let mut facts = read(root, service)?;
    if let Some(wanted) = service.operations {
        if let Some(unknown) = wanted.iter().find(|name| !facts.operations.contains_key(**name)) {
            return Err(format!("{}: the model has no operation {unknown}", service.name));
        }
        facts.operations.retain(|name, _| wanted.contains(&name.as_str()));
    }
    Ok(facts)
}

/// The services of AWS, with their folders in botocore.
fn published() -> impl Iterator<Item = (&'static Service, &'static str)> {
    SERVICES.iter().filter_map(|service| Some((service, service.model?)))
}

/// Rewrites the facts of all services from the newest published models.
pub fn refresh(root: &Path) -> Outcome<()> {
    let download = Download::newest()?;
    for (service, model) in published() {
        let facts = botocore::facts(&download, service, model)?;
        let path = path(root, service);
        fs::write(&path, layout::print(&facts)?).map_err(|error| format!("{}: {error}", path.display()))?;
        println!(
            "{}: {} operations, {} shapes, from botocore {}",
            service.name,
            facts.operations.len(),
            facts.shapes.len(),
            facts.source.version
        );
    }
    Ok(())
}

/// Lists how the newest published models differ from the facts.
pub fn check(root: &Path) -> Outcome<()> {
    let download = Download::newest()?;
    for (service, model) in published() {
        let (old, new) = (read(root, service)?, botocore::facts(&download, service, model)?);
        let differences = comparison::differences(&old, &new);
        println!(
            "{}: {} differences between botocore {} (facts) and {} (newest)",
            service.name,
            differences.len(),
            old.source.version,
            new.source.version
        );
        for difference in differences {
            println!("  {difference}");
        }
    }
    Ok(())
}
