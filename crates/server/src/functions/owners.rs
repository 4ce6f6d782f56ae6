//! Rotation of secrets that services own: the steps run inside this process, and ask Secrets Manager as the service.

use std::sync::Arc;

use strongroom_core::databases::database::Database;
use strongroom_core::secrets::owned::Owner;
use strongroom_core::secrets::rotation::rotator::{RotationCall, StepEnd};
use strongroom_core::{Databases, random_uuid};
use strongroom_crypto::Random;
use strongroom_rotators::{Connection, Event, Log, Settings, run_managed};
use strongroom_types::AccountId;

use super::host::ServerHost;
use super::native::tail;
use super::role::Role;
use crate::gate::fault_text;

/// The services that own secrets.
pub struct Owners {
    databases: Arc<Databases>,
    random: Arc<dyn Random>,
}

impl Owners {
    /// The services that rotate the users of `databases`.
    pub const fn new(databases: Arc<Databases>, random: Arc<dyn Random>) -> Self {
        Self { databases, random }
    }

    /// Carries out a step.
    pub async fn rotate(&self, owner: &Owner, call: &RotationCall<'_>, host: &ServerHost) -> StepEnd {
        let failed = |text: String| StepEnd { outcome: Err(text), log_tail: None };
        let database = match self.databases.of_secret(call.secret).await {
            Ok(Some(database)) => database,
            Ok(None) => return failed("The database of the secret is not registered.".to_owned()),
            Err(failure) => return failed(fault_text(&failure)),
        };
        let (Some(principal), Ok(account)) = (owner.principal(), AccountId::parse(&call.secret.account)) else {
            return failed("The service that owns the secret is not served here.".to_owned());
        };
        let service = Role::of_service(host.inside(), principal, account);
        let settings = settings_of(&database, host.rotators());
        let mut log = Log::new();
        let done = match Event::parse(call.payload.expose()) {
            Ok(event) => run_managed(&connection(&database), &event, &settings, &service, &mut log).await,
            Err(failure) => Err(failure),
        };
        let request_id = random_uuid(self.random.as_ref()).unwrap_or_default();
        let log_tail = String::from_utf8_lossy(tail(&log, &request_id).expose()).into_owned();
        StepEnd { outcome: done.map_err(|failure| failure.to_string()), log_tail: Some(log_tail) }
    }
}

/// How rotators reach a database: with its own certificates of authorities, where it has any.
fn settings_of(database: &Database, server: &Settings) -> Settings {
    let own = database.ca.as_ref().map(|pem| pem.clone().into_bytes());
    Settings { ca_bundle: own.or_else(|| server.ca_bundle.clone()), ..server.clone() }
}

/// How a database is reached.
pub fn connection(database: &Database) -> Connection {
    Connection {
        engine: database.engine.clone(),
        host: database.host.clone(),
        port: database.port,
        dbname: database.dbname.clone(),
        ssl: database.ssl,
    }
}
