//! Filling a store from outside: one connection, each step a transaction under the head's lock, and the number that keeps
//! the store shut meanwhile.

use std::sync::Arc;
use std::time::Duration;

use strongroom_crypto::digest::sha256;
use strongroom_crypto::ledger::Ledger;
use strongroom_crypto::{Random, Sealed, Witness};
use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;

use super::config::PostgresConfig;
use super::export::{export, no_head};
use super::failure::{Remedy, Trouble, closed, column};
use super::filling::Columns;
use super::ledger;
use super::schema::{self, SCHEMA_VERSION};
use super::session::{Database, Session, System};
use crate::api::{StoreError, StoreFuture};
use crate::transfer::{Detail, Exporter, Importer, Piece, Standing, Step};

/// Attempts at a step that the database refuses for reasons that may pass, and the pause that grows between them.
const ATTEMPTS_MAX: u32 = 8;
const PAUSE: Duration = Duration::from_millis(100);

/// A store in a database that is being filled.
pub struct PostgresImporter {
    database: Arc<Database>,
    session: Mutex<Option<Session>>,
}

impl PostgresImporter {
    /// Takes the store in a database, where its tables are made when they are not there yet.
    ///
    /// # Errors
    /// When the database cannot be reached, or has tables that this release does not know.
    pub async fn open(config: PostgresConfig, random: Arc<dyn Random>) -> Result<Self, StoreError> {
        let database = Database::of(&config, random.as_ref())?;
        schema::open(&database, &config).await.map_err(|trouble| trouble.error)?;
        Ok(Self { database: Arc::new(database), session: Mutex::new(None) })
    }

    /// Carries `work` out in a transaction that holds the head, again where that failed for a reason that passes: all
    /// work comes to the same when it was carried out before.
    async fn carry_out(&self, work: Work<'_>) -> Result<Done, StoreError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.attempt(&work).await {
                Ok(done) => return Ok(done),
                Err(trouble) if trouble.remedy == Remedy::None || attempts == ATTEMPTS_MAX => return Err(trouble.error),
                Err(_) => sleep(PAUSE * attempts).await,
            }
        }
    }

    /// A connection that no other import of this store has beside it.
    async fn connect(&self) -> Result<Session, Trouble> {
        let session = self.database.connect(&[]).await?;
        if session.system == System::Postgres && !self.database.plain {
            let digest = sha256(format!("strongroom import {}", self.database.schema).as_bytes());
            let key = digest.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
            let rows = session.ask("SELECT pg_try_advisory_lock($1)", vec![&key]).await?;
            if !rows.first().map_or(Ok(false), |row| column(row, 0))? {
                return Err(StoreError::Unavailable("another copy into it is under way".to_owned()).into());
            }
        }
        Ok(session)
    }

    async fn attempt(&self, work: &Work<'_>) -> Result<Done, Trouble> {
        let mut place = self.session.lock().await;
        if place.as_ref().is_none_or(Session::is_closed) {
            *place = Some(self.connect().await?);
        }
        let session = place.as_ref().ok_or_else(closed)?;
        let done = self.transact(session, work).await;
        if done.is_err() {
            // The transaction ends with its connection.
            *place = None;
        }
        done
    }

    async fn transact(&self, session: &Session, work: &Work<'_>) -> Result<Done, Trouble> {
        let schema = self.database.schema.as_str();
        session.run(self.database.begin()).await?;
        let sql = format!("SELECT floor, ledger IS NOT NULL FROM {schema}.head WHERE id = 1 FOR UPDATE");
        let rows = session.ask(&sql, vec![]).await?;
        let head = rows.first().ok_or_else(no_head)?;
        let (standing, _) = Standing::of(column(head, 0)?);
        let done = match work {
            Work::Standing => Done::Standing(standing),
            Work::Documents(kind) => Done::Documents(documents(session, schema, kind).await?),
            Work::Begin => {
                let holds = column(head, 1)? || !ledger::is_empty(session, schema).await?;
                if holds && !matches!(standing, Standing::Moved | Standing::Unfinished) {
                    let what = "there is a store already, which is not an earlier copy; nothing was changed";
                    return Err(StoreError::Unavailable(what.to_owned()).into());
                }
                set_standing(session, schema, Standing::Unfinished).await?;
                Done::Nothing
            }
            // An attempt before whose outcome was lost.
            Work::Publish | Work::Clear if standing == Standing::Open => Done::Nothing,
            _ if standing != Standing::Unfinished => {
                return Err(StoreError::Unavailable("no copy into it was begun".to_owned()).into());
            }
            Work::Apply(columns) => {
                columns.write(session, schema).await?;
                Done::Nothing
            }
            Work::Keep(witness, kept) => {
                let sealed = witness.seal(kept)?;
                let body = sealed.as_bytes();
                let sql = format!("UPDATE {schema}.head SET ledger = $1, turn = turn + 1 WHERE id = 1");
                session.ask(&sql, vec![&body]).await?;
                Done::Faults(ledger::differences(session, schema, witness).await?)
            }
            Work::Publish => {
                set_standing(session, schema, Standing::Open).await?;
                Done::Nothing
            }
            Work::Clear => {
                for table in ["document", "term", "long_term", "unique_key", "topic", "entry"] {
                    session.run(&format!("DELETE FROM {schema}.{table}")).await?;
                }
                session.run(&format!("UPDATE {schema}.head SET ledger = NULL WHERE id = 1")).await?;
                set_standing(session, schema, Standing::Open).await?;
                Done::Nothing
            }
        };
        session.run("COMMIT").await?;
        Ok(done)
    }
}

async fn documents(session: &Session, schema: &str, kind: &str) -> Result<Vec<(String, Sealed)>, Trouble> {
    let sql = format!("SELECT key, body FROM {schema}.document WHERE kind = $1 ORDER BY key");
    let mut found = Vec::new();
    for row in &session.ask(&sql, vec![&kind]).await? {
        found.push((column(row, 0)?, Sealed::from_storage(column(row, 1)?)?));
    }
    Ok(found)
}

/// What is to be done in one transaction.
enum Work<'a> {
    Standing,
    Begin,
    Apply(&'a Columns),
    Documents(&'a str),
    Keep(&'a Witness, &'a Ledger),
    Publish,
    Clear,
}

/// What came of it.
enum Done {
    Nothing,
    Standing(Standing),
    Documents(Vec<(String, Sealed)>),
    Faults(Vec<String>),
}

/// Sets the standing within the transaction that holds the head, and has other nodes forget what they know.
pub(super) async fn set_standing(session: &Session, schema: &str, standing: Standing) -> Result<(), Trouble> {
    let rows = session.ask(&format!("SELECT floor, sequence FROM {schema}.head WHERE id = 1"), vec![]).await?;
    let row = rows.first().ok_or_else(no_head)?;
    let (floor, sequence): (i64, i64) = (column(row, 0)?, column(row, 1)?);
    let (_, floor) = Standing::of(floor);
    let (floor, sequence) = (standing.with(floor), sequence.saturating_add(1));
    // No node's own: none may take it for a commit that it made.
    let node = [0_u8; 16].as_slice();
    let change = format!("INSERT INTO {schema}.change (sequence, node, keys) VALUES ($1, $2, NULL)");
    session.ask(&change, vec![&sequence, &node]).await?;
    let head = format!("UPDATE {schema}.head SET floor = $1, sequence = $2, turn = turn + 1 WHERE id = 1");
    session.ask(&head, vec![&floor, &sequence]).await.map(drop)
}

impl Exporter for PostgresImporter {
    fn export(&self, detail: Detail, to: mpsc::Sender<Piece>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let session = self.database.connect(&[]).await.map_err(|trouble| trouble.error)?;
            export(&session, &self.database.schema, detail, &to).await.map_err(|trouble| trouble.error)
        })
    }
}

impl Importer for PostgresImporter {
    fn standing(&self) -> StoreFuture<'_, Standing> {
        Box::pin(async move {
            Ok(match self.carry_out(Work::Standing).await? {
                Done::Standing(standing) => standing,
                _ => Standing::default(),
            })
        })
    }

    fn begin(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.carry_out(Work::Begin).await.map(drop) })
    }

    fn apply(&self, steps: Vec<Step>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let columns = Columns::of(steps)?;
            self.carry_out(Work::Apply(&columns)).await.map(drop)
        })
    }

    fn documents<'a>(&'a self, kind: &'a str) -> StoreFuture<'a, Vec<(String, Sealed)>> {
        Box::pin(async move {
            Ok(match self.carry_out(Work::Documents(kind)).await? {
                Done::Documents(found) => found,
                _ => Vec::new(),
            })
        })
    }

    fn keep<'a>(&'a self, witness: &'a Witness, ledger: &'a Ledger) -> StoreFuture<'a, Vec<String>> {
        Box::pin(async move {
            Ok(match self.carry_out(Work::Keep(witness, ledger)).await? {
                Done::Faults(faults) => faults,
                _ => Vec::new(),
            })
        })
    }

    fn publish(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.carry_out(Work::Publish).await.map(drop) })
    }

    fn clear(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.carry_out(Work::Clear).await.map(drop) })
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            *self.session.lock().await = None;
            Ok(())
        })
    }
}

/// Changes the standing of a store that is in use.
pub(super) async fn change_standing(database: &Database, standing: Standing) -> Result<(), Trouble> {
    let session = database.connect(&[]).await?;
    let schema = database.schema.as_str();
    session.run(database.begin()).await?;
    let rows = session.ask(&format!("SELECT floor FROM {schema}.head WHERE id = 1 FOR UPDATE"), vec![]).await?;
    let floor: i64 = column(rows.first().ok_or_else(no_head)?, 0)?;
    let (before, floor) = Standing::of(floor);
    if floor > SCHEMA_VERSION {
        return Err(super::session::newer(floor, SCHEMA_VERSION).into());
    }
    if before == Standing::Unfinished {
        return Err(unfinished().into());
    }
    set_standing(&session, schema, standing).await?;
    session.run("COMMIT").await
}

/// The error for a store that a copy was not finished into.
pub(super) fn unfinished() -> StoreError {
    StoreError::Unavailable("a copy into it was begun and not finished: carry it out again".to_owned())
}
