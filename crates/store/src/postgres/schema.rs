//! The tables, their numbered steps, and how one node takes them while others look on.

use std::time::Duration;

use strongroom_crypto::digest::sha256;
use tokio::time::sleep;

use super::config::PostgresConfig;
use super::failure::{Trouble, column};
use super::session::{Database, Session, System, newer};
use crate::api::StoreError;
use crate::transfer::Standing;

/// The schema this release writes: as many as there are steps.
pub(super) const SCHEMA_VERSION: i64 = 1;

/// A step from one schema to the next.
struct Step {
    /// The least schema that a release must know to work beside nodes that have taken this step.
    floor: i64,
    /// Each can be carried out again when it was carried out before. `{text}` is the type of texts in the order of bytes.
    statements: &'static [&'static str],
    /// What only PostgreSQL itself has: how long values are stored.
    postgres: &'static [&'static str],
}

/// Step n leads from schema n to schema n + 1. What a released step makes of a store is never changed.
const STEPS: [Step; 1] = [Step {
    floor: 1,
    // The head is the row that all commits go through, one after the other: the schema's number, counters, the ledger.
    // A document keeps the list of its own terms and unique keys. Keys of documents and values of indexes begin with the
    // account wherever what they name belongs to one.
    statements: &[
        "CREATE TABLE IF NOT EXISTS {s}.document (
            kind {text} NOT NULL, key {text} NOT NULL, version BIGINT NOT NULL, terms BYTEA NOT NULL,
            body BYTEA NOT NULL, PRIMARY KEY (kind, key))",
        "CREATE TABLE IF NOT EXISTS {s}.term (
            ix {text} NOT NULL, value {text} NOT NULL, key {text} NOT NULL, PRIMARY KEY (ix, value, key))",
        "CREATE TABLE IF NOT EXISTS {s}.long_term (
            ix {text} NOT NULL, digest BYTEA NOT NULL, value {text} NOT NULL, key {text} NOT NULL,
            PRIMARY KEY (ix, digest))",
        "CREATE TABLE IF NOT EXISTS {s}.unique_key (
            ix {text} NOT NULL, value {text} NOT NULL, kind {text} NOT NULL, key {text} NOT NULL,
            PRIMARY KEY (ix, value))",
        "CREATE TABLE IF NOT EXISTS {s}.topic (name {text} PRIMARY KEY, last_sequence BIGINT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS {s}.entry (
            topic {text} NOT NULL, sequence BIGINT NOT NULL, id {text} NOT NULL, body BYTEA NOT NULL,
            PRIMARY KEY (topic, sequence))",
        "CREATE TABLE IF NOT EXISTS {s}.change (sequence BIGINT PRIMARY KEY, node BYTEA NOT NULL, keys BYTEA)",
        "CREATE TABLE IF NOT EXISTS {s}.head (
            id BIGINT PRIMARY KEY, version BIGINT NOT NULL, floor BIGINT NOT NULL, turn BIGINT NOT NULL,
            sequence BIGINT NOT NULL, ledger BYTEA)",
        "INSERT INTO {s}.head (id, version, floor, turn, sequence, ledger) VALUES (1, 0, 0, 0, 0, NULL)
         ON CONFLICT (id) DO NOTHING",
    ],
    postgres: &[
        "ALTER TABLE {s}.document ALTER COLUMN body SET STORAGE EXTERNAL",
        "ALTER TABLE {s}.entry ALTER COLUMN body SET STORAGE EXTERNAL",
        "ALTER TABLE {s}.head ALTER COLUMN ledger SET STORAGE PLAIN",
    ],
}];

/// Columns that this release uses, as table, column, type.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("change", "keys", "bytea"),
    ("change", "node", "bytea"),
    ("change", "sequence", "bigint"),
    ("document", "body", "bytea"),
    ("document", "key", "text"),
    ("document", "kind", "text"),
    ("document", "terms", "bytea"),
    ("document", "version", "bigint"),
    ("entry", "body", "bytea"),
    ("entry", "id", "text"),
    ("entry", "sequence", "bigint"),
    ("entry", "topic", "text"),
    ("head", "floor", "bigint"),
    ("head", "ledger", "bytea"),
    ("head", "sequence", "bigint"),
    ("head", "turn", "bigint"),
    ("head", "version", "bigint"),
    ("long_term", "digest", "bytea"),
    ("long_term", "value", "text"),
    ("term", "ix", "text"),
    ("term", "key", "text"),
    ("term", "value", "text"),
    ("topic", "last_sequence", "bigint"),
    ("unique_key", "value", "text"),
];

/// How long the holder of the row lock may be silent.
const LEASE_MS: i64 = 60_000;
/// Looks at the row lock while another holds it, and the pause between two.
const LOOKS_MAX: u32 = 600;
const LOOK_PAUSE: Duration = Duration::from_millis(200);

/// What a store's head says when it is opened.
pub(super) struct Opened {
    pub(super) sequence: u64,
    pub(super) floor: i64,
}

/// Makes the tables, or takes the steps that they lack, and looks whether they are what this release uses.
pub(super) async fn open(database: &Database, config: &PostgresConfig) -> Result<Opened, Trouble> {
    let session = database.connect(&[]).await?;
    let schema = &database.schema;
    check_server(&session).await?;
    check_head(&session, schema).await?;
    if stored(&session, schema).await?.is_none_or(|(version, _)| version < SCHEMA_VERSION) {
        if config.plain || session.system != System::Postgres {
            under_row_lock(&session, database).await?;
        } else {
            under_advisory_lock(&session, schema).await?;
        }
    }
    let (_, stored) = stored(&session, schema).await?.ok_or_else(|| Trouble::damaged("its head is gone"))?;
    let (_, floor) = Standing::of(stored);
    if floor > SCHEMA_VERSION {
        return Err(newer(floor, SCHEMA_VERSION).into());
    }
    check(&session, schema).await?;
    let rows = session.ask(&format!("SELECT sequence FROM {schema}.head WHERE id = 1"), vec![]).await?;
    let sequence: i64 = rows.first().map_or(Ok(0), |row| column(row, 0))?;
    Ok(Opened { sequence: crate::reading::number(sequence)?, floor: stored })
}

/// The store's standing.
pub(super) async fn standing(session: &Session, schema: &str) -> Result<Standing, Trouble> {
    let stored = stored(session, schema).await?.ok_or_else(|| Trouble::damaged("its head is gone"))?;
    Ok(Standing::of(stored.1).0)
}

/// Version and floor of the tables; nothing when there are none.
pub(super) async fn stored(session: &Session, schema: &str) -> Result<Option<(i64, i64)>, Trouble> {
    let found = "SELECT 1 FROM information_schema.tables WHERE table_schema = $1 AND table_name = 'head'";
    if session.ask(found, vec![&schema]).await?.is_empty() {
        return Ok(None);
    }
    let rows = session.ask(&format!("SELECT version, floor FROM {schema}.head WHERE id = 1"), vec![]).await?;
    rows.first().map(|row| Ok((column(row, 0)?, column(row, 1)?))).transpose()
}

/// A head is made last: where it is missing, there are no documents yet.
async fn check_head(session: &Session, schema: &str) -> Result<(), Trouble> {
    if stored(session, schema).await?.is_some() {
        return Ok(());
    }
    let found = "SELECT 1 FROM information_schema.tables WHERE table_schema = $1 AND table_name = 'document'";
    if session.ask(found, vec![&schema]).await?.is_empty() {
        return Ok(());
    }
    let any = session.ask(&format!("SELECT 1 FROM {schema}.document LIMIT 1"), vec![]).await?;
    // Another node may have made it meanwhile.
    if any.is_empty() || stored(session, schema).await?.is_some() {
        return Ok(());
    }
    Err(Trouble::damaged("its head is gone"))
}

/// What the database must be.
async fn check_server(session: &Session) -> Result<(), Trouble> {
    let rows = session.ask("SHOW server_encoding", vec![]).await?;
    let encoding: String = rows.first().map_or(Ok(String::new()), |row| column(row, 0))?;
    if !encoding.eq_ignore_ascii_case("UTF8") {
        return Err(StoreError::Unavailable(format!("the database's encoding is {encoding}, and must be UTF8")).into());
    }
    if session.system == System::Postgres {
        let rows = session.ask("SHOW fsync", vec![]).await?;
        let fsync: String = rows.first().map_or(Ok(String::new()), |row| column(row, 0))?;
        if fsync != "on" {
            tracing::error!(
                "the database runs with fsync = {fsync}: what is acknowledged does not survive a crash of it"
            );
        }
    }
    Ok(())
}

async fn make_schema(session: &Session, schema: &str) -> Result<(), Trouble> {
    let found = session.ask("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1", vec![&schema]).await?;
    if found.is_empty() {
        session.run(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await?;
    }
    Ok(())
}

/// The statements of all steps behind `before`, in this system's words, and the floor that they lead to.
fn statements(before: i64, schema: &str, system: System) -> (Vec<String>, i64) {
    let text = if system == System::Cockroach { "STRING" } else { "TEXT COLLATE \"C\"" };
    let mut floor = 0;
    let mut all = Vec::new();
    for (number, step) in (0_i64..).zip(&STEPS) {
        if number < before {
            continue;
        }
        floor = floor.max(step.floor);
        let own = if system == System::Postgres { step.postgres } else { &[] };
        let words = step.statements.iter().chain(own);
        all.extend(words.map(|words| words.replace("{s}", schema).replace("{text}", text)));
    }
    (all, floor)
}

fn version_statement(schema: &str, floor: i64) -> String {
    // The standing in front of the floor stays.
    format!(
        "UPDATE {schema}.head SET version = {SCHEMA_VERSION}, floor = {floor} + floor / 1000000 * 1000000 WHERE id = 1"
    )
}

/// All steps in one transaction, which one node at a time has.
async fn under_advisory_lock(session: &Session, schema: &str) -> Result<(), Trouble> {
    let digest = sha256(format!("strongroom schema {schema}").as_bytes());
    let key = digest.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
    session.run("BEGIN").await?;
    session.ask("SELECT pg_advisory_xact_lock($1)", vec![&key]).await?;
    make_schema(session, schema).await?;
    let before = stored(session, schema).await?.map_or(0, |(version, _)| version);
    if before < SCHEMA_VERSION {
        let (steps, floor) = statements(before, schema, session.system);
        for step in &steps {
            session.run(step).await?;
        }
        session.run(&version_statement(schema, floor)).await?;
    }
    session.run("COMMIT").await
}

/// The steps one by one, each by itself, while a row says who takes them: for systems that have no advisory locks, or
/// none that change tables within transactions. Whoever takes them up after another was cut off begins again.
async fn under_row_lock(session: &Session, database: &Database) -> Result<(), Trouble> {
    let schema = &database.schema;
    if session.system == System::Yugabyte {
        session.run("SET yb_use_hash_splitting_by_default = off").await?;
    }
    make_lock(session, schema).await?;
    let node = database.node.to_vec();
    let mut looks = 0;
    while !take_lock(session, schema, &node).await? {
        if stored(session, schema).await?.is_some_and(|(version, _)| version >= SCHEMA_VERSION) {
            return Ok(());
        }
        looks += 1;
        if looks > LOOKS_MAX {
            return Err(
                StoreError::Unavailable("another node does not finish its work on the schema".to_owned()).into()
            );
        }
        sleep(LOOK_PAUSE).await;
    }
    let before = stored(session, schema).await?.map_or(0, |(version, _)| version);
    if before < SCHEMA_VERSION {
        let (steps, floor) = statements(before, schema, session.system);
        for step in &steps {
            if !take_lock(session, schema, &node).await? {
                return Err(StoreError::Unavailable("another node took over the work on the schema".to_owned()).into());
            }
            session.run(step).await?;
        }
        session.run(&version_statement(schema, floor)).await?;
    }
    let free = format!("UPDATE {schema}.migration SET until_ms = 0 WHERE id = 1 AND holder = $1");
    session.ask(&free, vec![&node]).await.map(drop)
}

/// Makes the row that says who works on the schema.
async fn make_lock(session: &Session, schema: &str) -> Result<(), Trouble> {
    let steps = [
        format!(
            "CREATE TABLE IF NOT EXISTS {schema}.migration (
             id BIGINT PRIMARY KEY, holder BYTEA NOT NULL, until_ms BIGINT NOT NULL)"
        ),
        format!("INSERT INTO {schema}.migration (id, holder, until_ms) VALUES (1, '', 0) ON CONFLICT (id) DO NOTHING"),
    ];
    let mut tries = 0;
    loop {
        let made = async {
            make_schema(session, schema).await?;
            for step in &steps {
                session.run(step).await?;
            }
            Ok::<(), Trouble>(())
        };
        match made.await {
            Ok(()) => return Ok(()),
            // Two that make the same thing at once meet in the catalogue, whatever `IF NOT EXISTS` says.
            Err(_) if tries < 5 => {
                tries += 1;
                sleep(LOOK_PAUSE).await;
            }
            Err(trouble) => return Err(trouble),
        }
    }
}

/// Takes the row or keeps it; whether it is this node's now.
async fn take_lock(session: &Session, schema: &str, node: &Vec<u8>) -> Result<bool, Trouble> {
    const NOW: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
    let take = format!(
        "UPDATE {schema}.migration SET holder = $1, until_ms = {NOW} + {LEASE_MS}
         WHERE id = 1 AND (holder = $1 OR until_ms < {NOW}) RETURNING id"
    );
    Ok(!session.ask(&take, vec![node]).await?.is_empty())
}

/// Looks whether the tables have the columns that this release uses, and nothing of theirs acts by itself.
async fn check(session: &Session, schema: &str) -> Result<(), Trouble> {
    let columns = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = $1";
    let mut found = Vec::new();
    for row in &session.ask(columns, vec![&schema]).await? {
        found.push((column::<String>(row, 0)?, column::<String>(row, 1)?, column::<String>(row, 2)?));
    }
    for (table, name, kind) in COLUMNS {
        if !found.iter().any(|(in_table, column, of)| in_table == table && column == name && of == kind) {
            return Err(Trouble::damaged(format!("its table {table} lacks the column {name} of type {kind}")));
        }
    }
    if session.system == System::Cockroach {
        return Ok(());
    }
    let acting = "SELECT 1 FROM pg_catalog.pg_trigger AS t
        JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND NOT t.tgisinternal
        UNION ALL SELECT 1 FROM pg_catalog.pg_rules WHERE schemaname = $1";
    if session.ask(acting, vec![&schema]).await?.is_empty() {
        return Ok(());
    }
    Err(Trouble::damaged("its tables have triggers or rules, which this release does not make"))
}
