//! Which backups are kept.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_types::Timestamp;

use super::{BackupKind, BackupName};

/// Backups of one chain at most: a longer one is not followed.
const CHAIN_MAX: usize = 10_000;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// What is kept at least. A backup is kept when any of these says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The newest backups of any kind.
    pub last: usize,
    /// Those of so many days.
    pub days: u32,
    /// The newest full ones.
    pub full: usize,
}

/// A backup as retention sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The one that it builds on.
    pub base: Option<BackupName>,
    /// When its last proven restore was.
    pub proven: Option<Timestamp>,
}

/// The backups that a restore of `name` needs, the full one first and `name` last; none when one of them is missing.
#[must_use]
pub fn chain(backups: &BTreeMap<BackupName, Kept>, name: &BackupName) -> Option<Vec<BackupName>> {
    let mut chain = vec![name.clone()];
    let mut top = name;
    // A base is older than what builds on it, so that no chain comes back to itself.
    while let Some(base) = &backups.get(top)?.base {
        if base >= top || chain.len() >= CHAIN_MAX {
            return None;
        }
        chain.push(base.clone());
        top = base;
    }
    chain.reverse();
    Some(chain)
}

/// The backups that need not be kept at `now`, the newest first, so that none loses what it builds on before it goes
/// itself. The newest one that can be restored is always kept, the newest one that was proven too, and whatever these and
/// all others that are kept build on.
#[must_use]
pub fn removable(backups: &BTreeMap<BackupName, Kept>, keep: Keep, now: Timestamp) -> Vec<BackupName> {
    let newest_first = || backups.keys().rev();
    let whole = |name: &&BackupName| chain(backups, name).is_some();
    let oldest = now.plus_millis(i64::from(keep.days).saturating_mul(DAY_MS).saturating_neg());
    let mut wanted: BTreeSet<&BackupName> = newest_first().take(keep.last).collect();
    wanted.extend(newest_first().filter(|name| name.taken() >= oldest && keep.days > 0));
    wanted.extend(newest_first().filter(|name| name.kind() == BackupKind::Full).take(keep.full));
    wanted.extend(newest_first().find(whole));
    wanted
        .extend(newest_first().filter(whole).find(|name| backups.get(*name).is_some_and(|kept| kept.proven.is_some())));
    let mut needed: BTreeSet<BackupName> = BTreeSet::new();
    for name in wanted {
        needed.insert(name.clone());
        needed.extend(chain(backups, name).into_iter().flatten());
    }
    newest_first().filter(|name| !needed.contains(*name)).cloned().collect()
}
