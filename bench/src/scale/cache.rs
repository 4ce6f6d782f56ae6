//! Which share of reads a node's cache answers, by number of secrets, size of the cache and spread of the reads: simulated
//! with the cache itself.

use std::fmt::Write as _;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::failure::Failure;
use crate::keys::{Keys, Prng, Spread};

/// Numbers of secrets.
const SECRETS: [u64; 4] = [10_000, 100_000, 1_000_000, 100_000_000];
/// `cache.documents_bytes_max`, in MiB.
const SIZES_MIB: [u64; 4] = [64, 256, 1024, 4096];
/// What the two documents of a secret of 1 KiB weigh: the secret itself with one version and two tags, and its value.
const SECRET_BYTES: u64 = 1500;
/// The value's.
const VALUE_BYTES: u64 = 1650;
/// What the cache takes as the usual weight of an entry, as the server does.
const ENTRY_BYTES: u64 = 1500;
/// Reads that fill the cache, and those that are counted.
const FILLING: u64 = 6_000_000;
/// Reads that fill it at least, for each entry that it has room for: the seldom ones of a spread come late.
const FILLING_BY_ENTRY: u64 = 20;
const COUNTED: u64 = 1_000_000;

/// One of a secret's two documents.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Secret(u64),
    Value(u64),
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Part, ()> for ByBytes {
    fn weight(&self, part: &Part, (): &()) -> u64 {
        match part {
            Part::Secret(_) => SECRET_BYTES,
            Part::Value(_) => VALUE_BYTES,
        }
    }
}

/// Simulates, and writes a table.
///
/// # Errors
/// None so far.
pub fn table() -> Result<String, Failure> {
    let mut text = String::from("\nShare of reads that need the database: zipf(0.99); evenly spread\n\n| secrets |");
    for size in SIZES_MIB {
        // Writing into a string does not fail.
        let _ = write!(text, " {size} MiB |");
    }
    text.push_str("\n|---|---|---|---|---|\n");
    for secrets in SECRETS {
        let _ = write!(text, "| {secrets} |");
        for size in SIZES_MIB {
            let bytes = size << 20;
            let filling = FILLING.max(bytes / ENTRY_BYTES * FILLING_BY_ENTRY);
            let share = |spread| missed(&Keys::spread(spread, secrets), bytes, filling, COUNTED) * 100.0;
            let _ = write!(text, " {:.1} %; {:.1} % |", share(Spread::Zipf), share(Spread::Uniform));
        }
        text.push('\n');
        eprintln!("cache: {secrets} secrets");
    }
    Ok(text)
}

/// Which share of `counted` reads finds not all in a cache of `bytes`, after `filling` reads.
fn missed(keys: &Keys, bytes: u64, filling: u64, counted: u64) -> f64 {
    let entries = usize::try_from(bytes / ENTRY_BYTES).unwrap_or(usize::MAX);
    let cache = Cache::with_weighter(entries, bytes, ByBytes);
    let mut random = Prng::new(7, bytes);
    let mut read = |count: u64| {
        let mut missed = 0_u64;
        for number in (0..count).filter_map(|_| keys.choose(&mut random)) {
            let mut all = true;
            for part in [Part::Secret(number), Part::Value(number)] {
                if cache.get(&part).is_none() {
                    cache.insert(part, ());
                    all = false;
                }
            }
            missed += u64::from(!all);
        }
        missed
    };
    read(filling);
    crate::nodes::float(read(counted)) / crate::nodes::float(counted)
}

#[cfg(test)]
mod tests {
    use strongroom_core::documents::Document;
    use strongroom_core::secrets::model::Secret;

    use super::*;

    #[test]
    fn a_secret_weighs_about_what_the_server_says() {
        let version = "0e6a1c1e-2d55-4f7b-9a3c-5b8e6f1d2c3a";
        let secret: Secret = serde_json::from_value(serde_json::json!({
            "account": "123456789012", "region": "us-east-1", "partition": "aws",
            "name": "g000021/key00004321", "suffix": "AbCdEf", "description": "Credentials of sharddb",
            "created_ms": 1, "changed_ms": 2, "accessed_ms": 0,
            "tags": [{ "key": "team", "value": "team-21" }, { "key": "stage", "value": "bench" }],
            "stages": { "AWSCURRENT": version },
            "versions": { version: { "created_ms": 1 } },
        }))
        .unwrap();
        // The entry itself takes 150 bytes.
        let weighs = secret.decoded_bytes(0) + u64::try_from(secret.key().len()).unwrap() + 150;
        assert!((SECRET_BYTES * 9 / 10..SECRET_BYTES * 11 / 10).contains(&weighs), "{weighs}");
    }

    #[test]
    fn what_fits_is_never_missed_and_an_even_spread_is_missed_by_what_does_not_fit() {
        let mib = 1 << 20;
        let all = missed(&Keys::spread(Spread::Zipf, 1000), 8 * mib, 50_000, 10_000);
        assert!(all < 0.01, "{all}");
        let even = missed(&Keys::spread(Spread::Uniform, 20_000), 8 * mib, 100_000, 50_000);
        let fits = 8.0 * 1_048_576.0 / 3150.0 / 20_000.0;
        assert!((even - (1.0 - fits)).abs() < 0.03, "{even} {fits}");
        let zipf = missed(&Keys::spread(Spread::Zipf, 20_000), 8 * mib, 100_000, 50_000);
        assert!(zipf < even / 2.0, "{zipf} {even}");
    }
}
