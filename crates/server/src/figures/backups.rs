//! Figures of backups and drills.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Figures of backups. Instants are in seconds since 1970; 0 for never.
#[derive(Debug, Default)]
pub(crate) struct BackupFigures {
    /// When the newest backup was taken.
    pub(crate) last_success: Gauge<f64, AtomicU64>,
    /// When a backup was last restored for proof.
    pub(crate) last_proven: Gauge<f64, AtomicU64>,
    /// Backups that could not be taken.
    pub(crate) failures: Counter,
    /// Drills that proved nothing.
    pub(crate) drill_failures: Counter,
    /// Length of the newest backup.
    pub(crate) newest_bytes: Gauge,
    /// How long taking it took.
    pub(crate) newest_seconds: Gauge<f64, AtomicU64>,
    /// How long the last proven restore took.
    pub(crate) drill_seconds: Gauge<f64, AtomicU64>,
    /// Backups at the place.
    pub(crate) kept: Gauge,
    /// Their length together.
    pub(crate) kept_bytes: Gauge,
}

impl BackupFigures {
    /// Registers them.
    pub(super) fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("backup");
        let seconds = || Unit::Seconds;
        let told = "When the newest backup was taken";
        registry.register_with_unit("last_success_timestamp", told, seconds(), self.last_success.clone());
        let told = "When a backup was last restored and held against what it should be";
        registry.register_with_unit("last_proven_restore_timestamp", told, seconds(), self.last_proven.clone());
        registry.register("failures", "Backups that could not be taken", self.failures.clone());
        registry.register("drill_failures", "Drills that proved nothing", self.drill_failures.clone());
        registry.register_with_unit("newest", "Length of the newest backup", Unit::Bytes, self.newest_bytes.clone());
        let told = "How long taking the newest backup took";
        registry.register_with_unit("duration", told, seconds(), self.newest_seconds.clone());
        let told = "How long the last proven restore took";
        registry.register_with_unit("drill", told, seconds(), self.drill_seconds.clone());
        registry.register("kept", "Backups that are kept", self.kept.clone());
        registry.register_with_unit(
            "kept",
            "Length of all backups that are kept",
            Unit::Bytes,
            self.kept_bytes.clone(),
        );
    }
}
