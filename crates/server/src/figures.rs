//! The server's figures, and how they are told: `GET /metrics`, in the text form that Prometheus reads.
//!
//! Each part of the server has a struct of its own figures, which are registered here by name. They have no labels that
//! tell of secrets, accounts or callers: whoever may fetch them is known by address alone.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::front::Answer;
use crate::sinks::SinkFigures;

/// The content type of the text form.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// What all names begin with.
const PREFIX: &str = "strongroom";

/// All figures.
#[derive(Debug)]
pub(crate) struct Figures {
    registry: Registry,
    pub(crate) backups: BackupFigures,
    pub(crate) sinks: SinkFigures,
}

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

impl Default for Figures {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let backups = BackupFigures::default();
        backups.register(&mut registry);
        let sinks = SinkFigures::default();
        sinks.register(&mut registry);
        Self { registry, backups, sinks }
    }
}

impl BackupFigures {
    fn register(&self, registry: &mut Registry) {
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

impl Figures {
    /// What is answered to whoever may fetch them.
    pub(crate) fn answer(&self) -> Answer {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => Answer::of(200, CONTENT_TYPE, text.into_bytes()),
            Err(_) => Answer::of(500, "text/plain", Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_by_name() {
        let figures = Figures::default();
        figures.backups.last_success.set(1_795_955_135.5);
        figures.backups.failures.inc();
        figures.backups.newest_bytes.set(4096);
        let text = String::from_utf8(figures.answer().body.expose().to_vec()).unwrap();
        for line in [
            "strongroom_backup_last_success_timestamp_seconds 1795955135.5",
            "strongroom_backup_last_proven_restore_timestamp_seconds 0",
            "strongroom_backup_failures_total 1",
            "strongroom_backup_drill_failures_total 0",
            "strongroom_backup_newest_bytes 4096",
            "strongroom_backup_drill_seconds 0",
            "strongroom_backup_kept 0",
            "strongroom_backup_kept_bytes 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|told| told.trim_end_matches(".0") == line), "{line} in\n{text}");
        }
    }
}
