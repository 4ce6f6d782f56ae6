//! What SQLite itself commits on this disk: a bare loop of one writer with group commit (WAL, synchronous=FULL) over
//! rows shaped like what one PutSecretValue writes: a document of 700 bytes updated, one of 1.3 KiB inserted.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, params};

use crate::failure::Failure;
use crate::keys::Prng;
use crate::latency::Latencies;

const SECRET_BYTES: usize = 700;
const VERSION_BYTES: usize = 1300;

/// What one put writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The secret's document updated and the version's inserted.
    Put,
    /// The version's document inserted, nothing else.
    OneRow,
}

/// A database with documents of secrets in it.
pub struct Baseline {
    connection: Connection,
    secrets: u64,
    random: Prng,
    body: Vec<u8>,
}

/// What a loop of commits achieved.
pub struct Commits {
    /// Puts a second.
    pub puts_per_second: f64,
    /// Of whole commits.
    pub latencies: Latencies,
}

impl Baseline {
    /// A new database at `path` with `secrets` documents.
    pub fn create(path: &Path, secrets: u64, seed: u64) -> Result<Self, Failure> {
        let mut connection = Connection::open(path)?;
        connection.pragma_update(None, "page_size", 4096)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // As generous as the store is to itself: the same cache, and pages moved as seldom.
        connection.pragma_update(None, "cache_size", -16_384)?;
        connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
        connection.execute_batch(
            "CREATE TABLE document (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, \
             version INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (kind, key)) STRICT",
        )?;
        let mut random = Prng::new(seed, 0);
        let body: Vec<u8> = (0..VERSION_BYTES).map(|_| random.next().to_le_bytes()[0]).collect();
        let transaction = connection.transaction()?;
        for number in 0..secrets {
            let document = body.get(..SECRET_BYTES).unwrap_or_default();
            insert(&transaction, "secret", &secret_key(number), document)?;
        }
        transaction.commit()?;
        Ok(Self { connection, secrets, random, body })
    }

    /// Commits `batch` puts at a time for `duration`.
    pub fn run(&mut self, shape: Shape, batch: u32, duration: Duration) -> Result<Commits, Failure> {
        let mut latencies = Latencies::new()?;
        let begun = Instant::now();
        while begun.elapsed() < duration {
            let one = Instant::now();
            let transaction = self.connection.transaction()?;
            for _ in 0..batch {
                put(&transaction, shape, self.secrets, &mut self.random, &self.body)?;
            }
            transaction.commit()?;
            latencies.record(one.elapsed());
        }
        let commits = u32::try_from(latencies.count()).unwrap_or(u32::MAX);
        let puts_per_second = f64::from(commits) * f64::from(batch) / begun.elapsed().as_secs_f64();
        Ok(Commits { puts_per_second, latencies })
    }
}

fn put(
    transaction: &Transaction<'_>,
    shape: Shape,
    secrets: u64,
    random: &mut Prng,
    body: &[u8],
) -> Result<(), Failure> {
    let secret = secret_key(random.below(secrets));
    if shape == Shape::Put {
        let mut update = transaction.prepare_cached(
            "UPDATE document SET version = version + 1, body = ?1 WHERE kind = 'secret' AND key = ?2",
        )?;
        update.execute(params![body.get(..SECRET_BYTES).unwrap_or_default(), secret])?;
    }
    insert(transaction, "version", &format!("{secret}/{:016x}{:016x}", random.next(), random.next()), body)
}

fn insert(transaction: &Transaction<'_>, kind: &str, key: &str, body: &[u8]) -> Result<(), Failure> {
    let mut insert =
        transaction.prepare_cached("INSERT INTO document (kind, key, version, body) VALUES (?1, ?2, 1, ?3)")?;
    insert.execute(params![kind, key, body])?;
    Ok(())
}

fn secret_key(number: u64) -> String {
    format!("123456789012/us-east-1/g{:06}/key{number:08}-AbCdEf", number / 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_put_leaves_its_rows() {
        let folder = tempfile::tempdir().unwrap();
        let mut baseline = Baseline::create(&folder.path().join("db"), 10, 1).unwrap();
        let commits = baseline.run(Shape::Put, 4, Duration::from_millis(20)).unwrap();
        assert!(commits.puts_per_second > 0.0);
        let count =
            |sql: &str| baseline.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs();
        let puts = commits.latencies.count() * 4;
        assert_eq!(count("SELECT count(*) FROM document WHERE kind = 'version'"), puts);
        assert_eq!(count("SELECT sum(version - 1) FROM document WHERE kind = 'secret'"), puts);
    }
}
