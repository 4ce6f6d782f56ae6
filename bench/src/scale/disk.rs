//! Bytes and rows of a secret in either engine, from what stores grow by; what a cached secret takes in memory, and a read's
//! record in the trail.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::Filling;
use crate::failure::Failure;
use crate::keys::Keys;
use crate::load::Pace;
use crate::nodes::{Load, Rig, float, fresh_folder, start};
use crate::operation::Operation;
use crate::process::memory;
use crate::subject::Subject;

/// As long as filling may take.
const LONG: Duration = Duration::from_secs(3600);
const FILLERS: usize = 64;
/// Further versions of the secrets that get some.
const MORE_VERSIONS: u32 = 4;
/// Secrets whose place in memory is measured: so many that all fit into the cache.
const REMEMBERED: u64 = 15_000;

/// By table: bytes of its rows and all that belongs to it, bytes of its indexes, rows.
type Sizes = BTreeMap<String, [u64; 3]>;

/// A store's sizes at some point of its filling.
struct Stage {
    what: String,
    secrets: u64,
    postgres: Sizes,
    sqlite: Sizes,
}

/// Of one engine.
type Engine = fn(&Stage) -> &Sizes;

/// Fills, measures, and writes tables.
///
/// # Errors
/// When something does not start, or a request fails.
pub async fn table(filling: &Filling) -> Result<String, Failure> {
    let mut rig = start(&filling.binary, &filling.folder, 0, 1, 1000).await?;
    let mut stages = Vec::new();
    let mut there = 0;
    for &secrets in &filling.sizes {
        each(&rig, Operation::Create, there, secrets).await?;
        there = secrets;
        count(&mut rig, there);
        stages.push(stage(&mut rig, filling, "a value, two tags, a description".to_owned(), there).await?);
    }
    let versioned = filling.versioned.min(there);
    each(&rig, Operation::PutPolicy, 0, versioned).await?;
    stages.push(stage(&mut rig, filling, "and a resource policy".to_owned(), versioned).await?);
    for _ in 0..MORE_VERSIONS {
        each(&rig, Operation::Put, 0, versioned).await?;
    }
    stages.push(stage(&mut rig, filling, format!("and {MORE_VERSIONS} further versions"), versioned).await?);
    let mut text = written(&stages);
    text.push_str(&remembered(&rig, there).await?);
    rig.stop()?;
    fresh_folder(&filling.folder)?;
    Ok(text)
}

fn count(rig: &mut Rig, secrets: u64) {
    rig.embedded.count = secrets;
    rig.nodes.iter_mut().for_each(|node| node.count = secrets);
}

/// One request for each of the secrets `from..to`, on both servers.
async fn each(rig: &Rig, operation: Operation, from: u64, to: u64) -> Result<(), Failure> {
    for on in [&rig.embedded, rig.node(0)?] {
        let keys = Arc::new(Keys::sequence(from, to));
        let load = Load { on, operation, connections: FILLERS, pace: Pace::Closed, keys };
        let figures = rig.run(&[load], LONG).await?;
        eprintln!("{}: {} of {from}..{to}: {:.0}/s", on.name, operation.title(), figures.per_second);
    }
    Ok(())
}

async fn stage(rig: &mut Rig, filling: &Filling, what: String, secrets: u64) -> Result<Stage, Failure> {
    let postgres = postgres(rig).await?;
    let file = filling.folder.join("embedded");
    // Its log is moved into the database when it ends.
    rig.restart_embedded()?;
    Ok(Stage { what, secrets, postgres, sqlite: sqlite(&file)? })
}

/// As the tables stand when they are as dense as they can be.
async fn postgres(rig: &Rig) -> Result<Sizes, Failure> {
    rig.database.sql(&rig.name, "VACUUM FULL").await.map_err(Failure::Void)?;
    let tables = "SELECT c.relname || ' ' || pg_table_size(c.oid) || ' ' || pg_indexes_size(c.oid) FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'strongroom' AND c.relkind = 'r'";
    let mut sizes = Sizes::new();
    for row in rig.database.sql(&rig.name, tables).await.map_err(Failure::Void)? {
        let mut parts = row.split(' ');
        let (Some(table), Some(bytes), Some(indexes)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let rows = rig.number(&format!("SELECT count(*) FROM strongroom.{table}")).await?;
        sizes.insert(table.to_owned(), [bytes.parse().unwrap_or(0), indexes.parse().unwrap_or(0), rows]);
    }
    Ok(sizes)
}

/// Of the database's file in a data directory: bytes of pages by table.
fn sqlite(data: &Path) -> Result<Sizes, Failure> {
    let database =
        Connection::open_with_flags(data.join("store").join("strongroom.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut sizes = Sizes::new();
    let mut tables = database.prepare(
        "SELECT m.tbl_name, sum(CASE m.type WHEN 'table' THEN s.pgsize ELSE 0 END),
         sum(CASE m.type WHEN 'index' THEN s.pgsize ELSE 0 END)
         FROM dbstat s JOIN sqlite_schema m ON m.name = s.name WHERE s.aggregate = TRUE GROUP BY m.tbl_name",
    )?;
    let mut rows = tables.query([])?;
    while let Some(row) = rows.next()? {
        let (table, bytes, indexes): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let count = database.query_row(&format!("SELECT count(*) FROM \"{table}\""), [], |row| row.get::<_, i64>(0))?;
        sizes.insert(table, [bytes, indexes, count].map(i64::unsigned_abs));
    }
    Ok(sizes)
}

fn written(stages: &[Stage]) -> String {
    let mut text = String::from(
        "\nGrowth for each secret\n\n| | PostgreSQL: tables, indexes | SQLite: tables, indexes | rows |\n|---|---|---|---|\n",
    );
    for (before, after) in stages.iter().zip(stages.iter().skip(1)) {
        // Later stages change secrets that are there.
        let is_more = after.what == before.what;
        let secrets = if is_more { after.secrets - before.secrets } else { after.secrets };
        let grown = |of: Engine, field: usize| {
            let sum = |stage| of(stage).values().filter_map(|sizes| sizes.get(field)).sum::<u64>();
            (float(sum(after)) - float(sum(before))) / float(secrets)
        };
        let (postgres, sqlite): (Engine, Engine) = (|stage| &stage.postgres, |stage| &stage.sqlite);
        let mut rows = String::new();
        for (table, sizes) in &after.postgres {
            let before = before.postgres.get(table).map_or(0, |sizes| sizes[2]);
            let grown = (float(sizes[2]) - float(before)) / float(secrets);
            if grown.abs() > 0.05 {
                // Writing into a string does not fail.
                let _ = write!(rows, "{table} {grown:.1} ");
            }
        }
        let _ = writeln!(
            text,
            "| {} | {:.0}, {:.0} B | {:.0}, {:.0} B | {rows}|",
            after.what,
            grown(postgres, 0),
            grown(postgres, 1),
            grown(sqlite, 0),
            grown(sqlite, 1)
        );
    }
    for stage in stages {
        let _ = writeln!(text, "\n{} ({} secrets)", stage.what, stage.secrets);
        for (engine, sizes) in [("PostgreSQL", &stage.postgres), ("SQLite", &stage.sqlite)] {
            for (table, [bytes, indexes, rows]) in sizes.iter().filter(|(_, sizes)| sizes[2] > 0) {
                let _ = writeln!(text, "{engine} {table}: {bytes} B, indexes {indexes} B, {rows} rows");
            }
        }
    }
    text
}

/// Memory by secret that was read, and bytes of the trail by read.
async fn remembered(rig: &Rig, secrets: u64) -> Result<String, Failure> {
    let server: &Subject = &rig.embedded;
    let trail = rig.launch.folder.join("embedded").join("trail");
    let read = async |from, to| {
        let keys = Arc::new(Keys::sequence(from, to));
        let load = Load { on: server, operation: Operation::Get, connections: 4, pace: Pace::Closed, keys };
        rig.run(&[load], LONG).await
    };
    // Buffers and the like come first.
    read(0, 1000).await?;
    let remembered = (secrets - 1000).min(REMEMBERED);
    let (before, files) = (memory(server.pid())?.anonymous_kib, folder_bytes(&trail));
    read(secrets - remembered, secrets).await?;
    let (after, files_after) = (memory(server.pid())?.anonymous_kib, folder_bytes(&trail));
    Ok(format!(
        "\nMemory by secret that was read: {:.0} B (from {before} to {after} KiB for {remembered}); the trail by read: {:.0} B\n",
        (float(after) - float(before)) * 1024.0 / float(remembered),
        float(files_after.saturating_sub(files)) / float(remembered),
    ))
}

fn folder_bytes(folder: &Path) -> u64 {
    let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
    found
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => folder_bytes(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}
