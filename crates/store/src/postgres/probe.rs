//! A look at a database that changes nothing in it: what it is, and how the store in it stands.

use std::sync::Arc;

use strongroom_crypto::Random;

use super::PostgresStore;
use super::config::PostgresConfig;
use super::failure::{Trouble, column};
use super::schema::{self, SCHEMA_VERSION};
use super::session::{Database, Session, System};
use crate::api::StoreError;
use crate::transfer::Standing;

/// What a look at a database found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What it says of its version.
    pub version: String,
    /// Whether what it acknowledges survives a crash of it; nothing where that cannot be switched off.
    pub fsync: Option<bool>,
    /// Its clock, in milliseconds since 1970.
    pub clock_ms: i64,
    /// The store in it, when there is one.
    pub store: Option<ProbedStore>,
}

/// What a look at a database found of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbedStore {
    /// Whether it takes changes.
    pub standing: Standing,
    /// Whether this release can open its tables without a step that brings them up to it.
    pub is_of_this_release: bool,
}

impl PostgresStore {
    /// Looks at the database of `config` and leaves everything in it as it is.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be reached or used.
    pub async fn probe(config: &PostgresConfig, random: Arc<dyn Random>) -> Result<Probe, StoreError> {
        let database = Database::of(config, random.as_ref())?;
        look(&database).await.map_err(|trouble| trouble.error)
    }
}

async fn look(database: &Database) -> Result<Probe, Trouble> {
    let session = database.connect(&[]).await?;
    let version = text(&session, "SELECT version()").await?;
    let fsync = match session.system {
        System::Postgres => Some(text(&session, "SHOW fsync").await? == "on"),
        _ => None,
    };
    let clock = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
    let rows = session.ask(clock, vec![]).await?;
    let clock_ms = rows.first().map_or(Ok(0), |row| column(row, 0))?;
    let store = schema::stored(&session, &database.schema).await?.map(|(version, floor)| {
        let (standing, floor) = Standing::of(floor);
        ProbedStore { standing, is_of_this_release: version >= SCHEMA_VERSION && floor <= SCHEMA_VERSION }
    });
    Ok(Probe { version, fsync, clock_ms, store })
}

async fn text(session: &Session, question: &str) -> Result<String, Trouble> {
    session.ask(question, vec![]).await?.first().map_or(Ok(String::new()), |row| column(row, 0))
}
