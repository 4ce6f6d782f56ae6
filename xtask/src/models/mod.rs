//! The facts of the AWS API models under `models/`: which services, how they are refreshed and compared.

mod botocore;
mod comparison;
mod download;
pub mod facts;
mod layout;

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use download::Download;
use facts::Facts;

/// A service whose facts are kept.
pub struct Service {
    /// The name of its facts and of its module in `crates/wire`.
    pub name: &'static str,
    /// The folder of its models in botocore.
    pub model: &'static str,
}

/// The services whose facts are kept. A new one is a line here, `models refresh` and `gen`.
pub const SERVICES: &[Service] = &[Service { name: "secretsmanager", model: "secretsmanager" }];

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

/// Rewrites the facts of all services from the newest published models.
pub fn refresh(root: &Path) -> Outcome<()> {
    let download = Download::newest()?;
    for service in SERVICES {
        let facts = botocore::facts(&download, service)?;
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
    for service in SERVICES {
        let (old, new) = (read(root, service)?, botocore::facts(&download, service)?);
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
