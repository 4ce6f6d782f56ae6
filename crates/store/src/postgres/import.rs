//! Filling a store from outside: one connection, each step a transaction under the head's lock, and the number that keeps
//! the store shut meanwhile.

use std::sync::Arc;

use strongroom_crypto::ledger::Ledger;
use strongroom_crypto::{Random, Sealed, Witness};
use tokio::sync::{Mutex, mpsc};

use super::config::PostgresConfig;
use super::export::{export, no_head};
use super::failure::{Trouble, closed, column};
use super::filling::Columns;
use super::ledger;
use super::schema::{self, SCHEMA_VERSION};
use super::session::{Database, Session};
use crate::api::{StoreError, StoreFuture};
use crate::transfer::{Detail, Exporter, Importer, Piece, Standing, Step};

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

    async fn attempt<T>(
        &self,
        standings: &[Standing],
        work: impl AsyncFnOnce(&Session, &str, Standing) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        let mut place = self.session.lock().await;
        if place.as_ref().is_none_or(Session::is_closed) {
            *place = Some(self.database.connect(&[]).await.map_err(|trouble| trouble.error)?);
        }
        let session = place.as_ref().ok_or_else(closed)?;
        let schema = self.database.schema.as_str();
        let done = async {
            session.run(self.database.begin()).await?;
            let sql = format!("SELECT floor FROM {schema}.head WHERE id = 1 FOR UPDATE");
            let rows = session.ask(&sql, vec![]).await?;
            let floor: i64 = column(rows.first().ok_or_else(no_head)?, 0)?;
            let (standing, _) = Standing::of(floor);
            if !standings.contains(&standing) {
                return Err(StoreError::Unavailable("no copy into it was begun".to_owned()).into());
            }
            let done = work(session, schema, standing).await?;
            session.run("COMMIT").await?;
            Ok::<T, Trouble>(done)
        };
        let done = done.await;
        if done.is_err() {
            // The transaction ends with its connection.
            *place = None;
        }
        done.map_err(|trouble| trouble.error)
    }
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

const BEGUN: &[Standing] = &[Standing::Unfinished];
const ALL: &[Standing] = &[Standing::Open, Standing::Frozen, Standing::Moved, Standing::Unfinished];

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
        Box::pin(self.attempt(ALL, async |_, _, standing| Ok(standing)))
    }

    fn begin(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.attempt(ALL, async |session, schema, standing| {
            if !matches!(standing, Standing::Moved | Standing::Unfinished) {
                let sql = format!("SELECT ledger IS NOT NULL FROM {schema}.head WHERE id = 1");
                let rows = session.ask(&sql, vec![]).await?;
                let has_ledger: bool = column(rows.first().ok_or_else(no_head)?, 0)?;
                if has_ledger || !ledger::is_empty(session, schema).await? {
                    let what = "there is a store already, which is not an earlier copy; nothing was changed";
                    return Err(StoreError::Unavailable(what.to_owned()).into());
                }
            }
            set_standing(session, schema, Standing::Unfinished).await
        }))
    }

    fn apply(&self, steps: Vec<Step>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let columns = Columns::of(steps)?;
            self.attempt(BEGUN, async |session, schema, _| columns.write(session, schema).await).await
        })
    }

    fn documents<'a>(&'a self, kind: &'a str) -> StoreFuture<'a, Vec<(String, Sealed)>> {
        Box::pin(self.attempt(ALL, async move |session, schema, _| {
            let sql = format!("SELECT key, body FROM {schema}.document WHERE kind = $1 ORDER BY key");
            let mut found = Vec::new();
            for row in &session.ask(&sql, vec![&kind]).await? {
                found.push((column(row, 0)?, Sealed::from_storage(column(row, 1)?)?));
            }
            Ok(found)
        }))
    }

    fn keep<'a>(&'a self, witness: &'a Witness, ledger: &'a Ledger) -> StoreFuture<'a, Vec<String>> {
        Box::pin(self.attempt(BEGUN, async move |session, schema, _| {
            let sealed = witness.seal(ledger)?;
            let body = sealed.as_bytes();
            let sql = format!("UPDATE {schema}.head SET ledger = $1, turn = turn + 1 WHERE id = 1");
            session.ask(&sql, vec![&body]).await?;
            ledger::differences(session, schema, witness).await
        }))
    }

    fn publish(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.attempt(BEGUN, async |session, schema, _| set_standing(session, schema, Standing::Open).await))
    }

    fn clear(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.attempt(BEGUN, async |session, schema, _| {
            for table in ["document", "term", "long_term", "unique_key", "topic", "entry"] {
                session.run(&format!("DELETE FROM {schema}.{table}")).await?;
            }
            session.run(&format!("UPDATE {schema}.head SET ledger = NULL WHERE id = 1")).await?;
            set_standing(session, schema, Standing::Open).await
        }))
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
