//! What is to be done now: a pure decision.

use strongroom_types::Timestamp;

use super::{BackupKind, Progress};

/// How often things are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paces {
    /// Between two backups, in ms.
    pub every_ms: i64,
    /// Between two full backups, in ms: those between them are increments.
    pub full_every_ms: i64,
    /// Between two drills, in ms; none for none.
    pub drill_every_ms: Option<i64>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A backup. An increment only where the newest backup can be built on.
    Backup(BackupKind),
    /// The newest backup is to be restored and held against the store.
    Drill,
}

/// What is to be done at `now`, if anything.
#[must_use]
pub fn due(progress: &Progress, paces: Paces, now: Timestamp) -> Option<Due> {
    // A clock that was set back makes nothing wait longer than its pace.
    let since = |at_ms: i64| now.millis().saturating_sub(at_ms).saturating_abs();
    let is_over = |at_ms: Option<i64>, pace_ms: i64| at_ms.is_none_or(|at_ms| since(at_ms) >= pace_ms);
    let may_try = |again_ms: Option<i64>| again_ms.is_none_or(|again_ms| again_ms <= now.millis());
    if is_over(progress.newest_ms, paces.every_ms) && may_try(progress.backup_again_ms) {
        let full = is_over(progress.newest_full_ms, paces.full_every_ms);
        return Some(Due::Backup(if full { BackupKind::Full } else { BackupKind::Increment }));
    }
    let pace_ms = paces.drill_every_ms?;
    let drill = progress.newest_ms.is_some() && is_over(progress.drilled_ms, pace_ms);
    (drill && may_try(progress.drill_again_ms)).then_some(Due::Drill)
}
