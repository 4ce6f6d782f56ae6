//! Native rotation functions: what AWS's rotation templates do, step by step and with their JSON keys, environment
//! variables and texts, without Python. Knows neither the server nor the domain: it asks Secrets Manager through
//! [`Secrets`], and databases through one driver a file, each behind a cargo feature.

mod drivers;
mod entry;
mod environment;
mod event;
mod failure;
mod log;
mod managed;
mod package;
mod run;
mod secrets;
mod settings;
mod steps;

pub use environment::PasswordSettings;
pub use event::{Event, Step};
pub use failure::Failure;
pub use log::Log;
pub use managed::{Connection, run_managed};
pub use package::{Package, Strategy, find, packages, why_not};
pub use run::run;
pub use secrets::{Described, Fut, Secrets};
pub use settings::Settings;
