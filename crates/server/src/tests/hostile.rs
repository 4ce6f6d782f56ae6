//! A disk that alters, swaps, moves, brings back, cuts and drops what was written: it is detected and named, never a wrong
//! value, and never a silent loss.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use strongroom_crypto::Random as _;
use strongroom_crypto::random::SeededRandom;
use strongroom_store::contract::bare::{self, rows};
use strongroom_store::{DATABASE_FILE, Engine, SqliteConfig, SqliteStore};
use strongroom_types::AccountId;
use tempfile::TempDir;
use tokio::time::timeout;

use super::{House, NOW, root};
use crate::app::OpenError;
use crate::config::Config;
use crate::verification::{Beside, look_over};

/// Secrets of the store that is damaged.
const SECRETS: usize = 6;
/// Places of the file that are altered.
const FLIPS: usize = 1000;
/// Longest that a look at a store of this size may take: damage must not have it go round in circles.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store as it is after some writes, and as it was before the last of them.
struct Written {
    before: Vec<u8>,
    after: Vec<u8>,
    /// All rows of `after`, as text.
    rows: Vec<String>,
}

impl Written {
    /// The first row that is not as it was written, shortened; empty when all are.
    fn change(&self, home: &Path) -> String {
        let Ok(rows) = rows(&database(home)) else { return "the rows cannot be read".to_owned() };
        let other = rows.iter().zip(&self.rows).find(|(now, before)| now != before);
        let text = match other {
            Some((now, _)) => now,
            None if rows.len() == self.rows.len() => return String::new(),
            None => "another number of rows",
        };
        text.chars().take(200).collect()
    }
}

fn database(directory: &Path) -> PathBuf {
    directory.join("store").join(DATABASE_FILE)
}

fn value(n: usize) -> String {
    if n == 0 { "second value of s0".to_owned() } else { format!("value of s{n}") }
}

async fn write(house: &House, operation: &str, input: serde_json::Value) {
    let told = house.call(operation, &input.to_string(), true).await;
    assert_eq!(told.status, 200, "{told:?}");
}

/// Writes a store and returns it in both states.
async fn written() -> Written {
    let home = TempDir::new().unwrap();
    let house = House::open_in(home.path(), 1, |_| {}).await.unwrap();
    for n in 0..SECRETS {
        let value = if n == 0 { "first value of s0".to_owned() } else { value(n) };
        let input = json!({"Name": format!("s{n}"), "SecretString": value, "ClientRequestToken": format!("{n:032}"),
            "Description": "kept on a hostile disk", "Tags": [{"Key": "team", "Value": "blue"}]});
        write(&house, "CreateSecret", input).await;
    }
    house.app.outbox.drain().await.unwrap();
    house.app.close().await.unwrap();
    drop(house);
    let before = fs::read(database(home.path())).unwrap();
    let house = House::open_in(home.path(), 2, |_| {}).await.unwrap();
    let token = format!("{:032}", 99);
    let input = json!({"SecretId": "s0", "SecretString": value(0), "ClientRequestToken": token});
    write(&house, "PutSecretValue", input).await;
    write(&house, "DeleteSecret", json!({"SecretId": "s5"})).await;
    write(&house, "RestoreSecret", json!({"SecretId": "s5"})).await;
    house.app.close().await.unwrap();
    drop(house);
    let after = fs::read(database(home.path())).unwrap();
    Written { before, after, rows: rows(&database(home.path())).unwrap() }
}

/// What became of a store that was tampered with.
struct Found {
    /// Why it was not opened, or what a whole look at it told.
    faults: Vec<String>,
    /// Whether all values could be read.
    all_read: bool,
}

/// Opens what the disk holds now, reads every secret, and has the store looked over.
async fn look(home: &Path) -> Found {
    let mut all_read = true;
    // Without the look at the start, which would refuse most of it: reading must be safe on its own.
    match House::open_in(home, 3, |config| config.data.inspection_hours = 0).await {
        Err(error) => return Found { faults: vec![error.to_string()], all_read: false },
        Ok(house) => {
            for n in 0..SECRETS {
                let told = house.call("GetSecretValue", &json!({"SecretId": format!("s{n}")}).to_string(), true).await;
                if told.status == 200 {
                    let answer: serde_json::Value = serde_json::from_str(&told.text).unwrap();
                    let got = answer["SecretString"].as_str().unwrap();
                    let stale = n == 0 && got == "first value of s0";
                    assert!(got == value(n) || stale, "a wrong value of s{n}: {got}");
                    all_read &= !stale;
                } else {
                    all_read = false;
                }
            }
            // Reading leaves nothing behind in the store.
            drop(house);
        }
    }
    let faults = match SqliteStore::open(home.join("store"), SqliteConfig::default()) {
        Err(error) => vec![error.to_string()],
        Ok(store) => {
            let store: Arc<dyn Engine> = Arc::new(store);
            let looked = look_over(&store, root(), Arc::new(SeededRandom::new(4)), NOW, Beside::default()).await;
            looked.map_or_else(|error| vec![error.to_string()], |report| report.faults)
        }
    };
    Found { faults, all_read }
}

/// A directory that holds `content` as its store.
fn holding(content: &[u8]) -> TempDir {
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join("store")).unwrap();
    fs::write(database(home.path()), content).unwrap();
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_byte_is_found_or_means_nothing() {
    let written = written().await;
    let dice = SeededRandom::new(1);
    let mut harmless = 0;
    for _ in 0..FLIPS {
        let mut drawn = [0; 9];
        dice.fill(&mut drawn).unwrap();
        let at = usize::from_be_bytes(drawn[..8].try_into().unwrap()) % written.after.len();
        let mut content = written.after.clone();
        content[at] ^= 1 << (drawn[8] % 8);
        let home = holding(&content);
        let changed = written.change(home.path());
        let found = timeout(PATIENCE, look(home.path())).await.unwrap_or_else(|_| panic!("byte {at}: no end"));
        if found.faults.is_empty() {
            assert!(found.all_read && changed.is_empty(), "byte {at} was altered and nothing told of it: {changed}");
            harmless += 1;
        }
    }
    // Free space in pages, and fields of the file that say nothing about its content.
    assert!(harmless < FLIPS, "{harmless} of {FLIPS}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_file_is_found() {
    let written = written().await;
    let pages = written.after.len() / 4096;
    for cut in (0..pages).map(|page| page * 4096).chain([100, 4096 * 3 + 17, written.after.len() - 1]) {
        let home = holding(&written.after[..cut]);
        let changed = written.change(home.path());
        let found = look(home.path()).await;
        assert!(!found.faults.is_empty() || changed.is_empty(), "cut to {cut} bytes: {changed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_swapped_moved_dropped_or_brought_back_are_named() {
    let written = written().await;
    let saved = TempDir::new().unwrap();
    fs::write(saved.path().join("old"), &written.before).unwrap();
    let swap = |kind: &str, column: &str| {
        format!(
            "CREATE TEMP TABLE two AS SELECT key, {column} AS c FROM main.document WHERE kind = '{kind}' AND \
                (key LIKE '%:s1%' OR key LIKE '%:s2%') ORDER BY key;
             UPDATE main.document SET {column} = (SELECT c FROM two WHERE two.key <> document.key)
                WHERE kind = '{kind}' AND key IN (SELECT key FROM two);"
        )
    };
    let old = |condition: &str| {
        format!(
            "UPDATE main.document SET (version, terms, body) = (SELECT version, terms, body FROM old.document AS o WHERE
                o.kind = document.kind AND o.key = document.key) WHERE {condition}"
        )
    };
    let cases: &[(&str, String, &str)] = &[
        ("two secrets swapped", swap("secret", "body"), "not authentic"),
        ("two values swapped", swap("secret-version", "body"), "not authentic"),
        ("an old secret in its place", old("kind = 'secret' AND key LIKE '%:s0'"), "version 2 was written last"),
        ("an old account", old("kind = 'account'") + "; UPDATE main.document SET version = 7 WHERE kind = 'account'", "account"),
        (
            "a value moved to another secret",
            "UPDATE main.document SET key = replace(key, ':s3', ':s4x') WHERE kind = 'secret-version' AND key LIKE '%:s3%'".into(),
            "s3",
        ),
        ("a secret dropped", "DELETE FROM main.document WHERE kind = 'secret' AND key LIKE '%:s3'".into(), "s3"),
        ("a value dropped", "DELETE FROM main.document WHERE kind = 'secret-version' AND key LIKE '%:s3%'".into(), "s3"),
        ("an index entry dropped", "DELETE FROM main.term WHERE ix = 'secret-name' AND value LIKE '%s3%'".into(), "secret-name"),
        ("an index entry put in", "INSERT INTO main.term VALUES ('secret-name', '1', '1')".into(), "1"),
        ("a record dropped", "DELETE FROM main.entry WHERE place = (SELECT max(place) FROM main.entry)".into(), "feed "),
        (
            "a record among the documents",
            "INSERT INTO main.document (kind, key, version, terms, body) SELECT 'feed:trail', '', place & 1099511627775,
                x'', body FROM main.entry ORDER BY place DESC LIMIT 1;
             DELETE FROM main.entry WHERE place = (SELECT max(place) FROM main.entry)".into(),
            "unknown kind",
        ),
        (
            "a trigger",
            "CREATE TRIGGER main.t AFTER INSERT ON entry BEGIN DELETE FROM entry; END; DELETE FROM main.term".into(),
            "its tables are not those",
        ),
        ("a counter turned back", "UPDATE main.topic SET last_sequence = last_sequence - 1".into(), "the feed"),
        ("the ledger dropped", "DELETE FROM main.ledger".into(), "ledger is gone"),
        ("an old ledger", "UPDATE main.ledger SET body = (SELECT body FROM old.ledger)".into(), "secret"),
        ("no sealing key", "DELETE FROM main.document WHERE kind = 'sealing-key'".into(), "not what it hangs on"),
        (
            "an old schema without a ledger",
            "DROP TABLE main.ledger; PRAGMA main.user_version = 2".into(),
            "ledger is gone",
        ),
    ];
    for (name, damage, told) in cases {
        let home = holding(&written.after);
        let changed = bare::change(&database(home.path()), Some(&saved.path().join("old")), damage);
        changed.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!written.change(home.path()).is_empty(), "{name} does nothing");
        let found = look(home.path()).await;
        assert!(found.faults.iter().any(|fault| fault.contains(told)), "{name}: {:?}", found.faults);
        let started = House::open_in(home.path(), 5, |_| {}).await;
        assert!(started.is_err() || !name.contains("row") && name.contains("index"), "{name}: the start takes it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_which_something_was_taken_gets_no_new_account_and_no_new_key() {
    let written = written().await;
    for (name, damage) in [
        ("its account", "DELETE FROM document WHERE kind = 'account'"),
        ("what it hangs on", "DELETE FROM document WHERE kind = 'sealing-key'; DELETE FROM ledger"),
        (
            "everything",
            "DELETE FROM document; DELETE FROM term; DELETE FROM unique_key; DELETE FROM topic; DELETE FROM entry;
             DELETE FROM ledger",
        ),
    ] {
        // With and without what the first start left beside the store; the look at the start is switched off.
        for with_credentials in [true, false] {
            let home = holding(&written.after);
            if with_credentials {
                fs::write(home.path().join("credentials"), "[default]\n").unwrap();
            }
            bare::change(&database(home.path()), None, damage).unwrap();
            let before = rows(&database(home.path())).unwrap();
            let change = |config: &mut Config| {
                config.data.inspection_hours = 0;
                config.account.id = AccountId::parse("449001740546").ok();
            };
            let opened = House::open_in(home.path(), 6, change).await;
            if name == "everything" && !with_credentials {
                assert!(opened.is_ok(), "an empty store in an empty directory is a new one");
                continue;
            }
            assert!(opened.is_err(), "{name} was taken");
            assert_eq!(rows(&database(home.path())).unwrap(), before, "{name}: nothing was changed");
            if with_credentials {
                assert_eq!(fs::read_to_string(home.path().join("credentials")).unwrap(), "[default]\n");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_anchor_follows_what_was_written_and_not_what_the_disk_says() {
    let (home, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let anchor = other.path().join("anchor");
    let anchored = |seed| House::open_in(home.path(), seed, |config| config.data.anchor = Some(anchor.clone()));
    let house = anchored(1).await.unwrap();
    let (file, old) = (database(home.path()), other.path().join("old"));
    bare::change(&file, None, &format!("VACUUM INTO '{}'", old.display())).unwrap();
    let token = format!("{:032}", 1);
    let input = json!({"Name": "s0", "SecretString": "a", "ClientRequestToken": token});
    write(&house, "CreateSecret", input).await;
    house.app.anchor.as_ref().unwrap().keep_up().await.unwrap();
    let note = fs::read(&anchor).unwrap();
    bare::change(&file, Some(&old), "UPDATE main.ledger SET body = (SELECT body FROM old.ledger)").unwrap();
    house.app.anchor.as_ref().unwrap().keep_up().await.unwrap();
    assert_eq!(fs::read(&anchor).unwrap(), note, "it does not go back");
    drop(house);
    let told = anchored(2).await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(told.contains("changed behind the server's back"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_old_store_is_refused_where_an_anchor_knows_better() {
    let (home, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let anchor = other.path().join("anchor");
    let anchored = |seed| House::open_in(home.path(), seed, |config| config.data.anchor = Some(anchor.clone()));
    let store = database(home.path());
    let house = anchored(1).await.unwrap();
    write(
        &house,
        "CreateSecret",
        json!({"Name": "s0", "SecretString": "a", "ClientRequestToken": format!("{:032}", 1)}),
    )
    .await;
    house.app.anchor.as_ref().unwrap().keep_up().await.unwrap();
    house.app.close().await.unwrap();
    drop(house);
    let (old, old_anchor) = (fs::read(&store).unwrap(), fs::read(&anchor).unwrap());
    let house = anchored(2).await.unwrap();
    write(
        &house,
        "PutSecretValue",
        json!({"SecretId": "s0", "SecretString": "b", "ClientRequestToken": format!("{:032}", 2)}),
    )
    .await;
    house.app.anchor.as_ref().unwrap().keep_up().await.unwrap();
    house.app.close().await.unwrap();
    drop(house);
    let (new, new_anchor) = (fs::read(&store).unwrap(), fs::read(&anchor).unwrap());
    let told = |opened: Result<House, OpenError>| opened.err().map(|error| error.to_string()).unwrap_or_default();

    fs::write(&store, &old).unwrap();
    let refused = told(anchored(3).await);
    assert!(refused.contains("the store is older than it was: it counts"), "{refused}");
    assert!(refused.contains("strongroom anchor renew"), "{refused}");
    assert_eq!(fs::read(&store).unwrap(), old, "and nothing was changed");
    fs::remove_file(&anchor).unwrap();
    assert!(told(anchored(3).await).contains("the anchor is gone"));
    fs::write(&anchor, "AAAA").unwrap();
    assert!(told(anchored(3).await).contains("was altered"));
    assert!(told(House::open_in(home.path(), 3, |_| {}).await).contains("data.anchor names no file"));

    // A store that lags behind by nothing opens; one that is ahead, as after a crash between commit and anchor, too.
    for (content, note) in [(&new, &new_anchor), (&new, &old_anchor), (&old, &old_anchor)] {
        fs::write(&store, content).unwrap();
        fs::write(&anchor, note).unwrap();
        let house = anchored(4).await.unwrap();
        house.app.close().await.unwrap();
    }
    // Another store under the same root.
    fs::write(&store, &written().await.after).unwrap();
    fs::write(&anchor, &new_anchor).unwrap();
    assert!(told(anchored(5).await).contains("another store"));
}
