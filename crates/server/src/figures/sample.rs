//! Figures that are read from where they stand when they are asked for.

use prometheus_client::registry::{Registry, Unit};
use strongroom_core::cache_figures::CacheFigures;
use strongroom_core::rotation::Outcome;

use super::family::Families;
use super::{PREFIX, process};
use crate::app::App;
use crate::front::Readiness;
use crate::node;

/// The registries of what is read now: Strongroom's own, and the process's.
pub(super) fn registries(app: &App) -> (Registry, Registry) {
    let mut own = Families::default();
    about(app, &mut own);
    app.figures.connections.tell(&mut own);
    caches(app, &mut own);
    store(app, &mut own);
    app.figures.inspection.tell(&mut own);
    rotation(app, &mut own);
    app.figures.looks.tell(&mut own);
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(own));
    let mut families = Families::default();
    process::tell(&mut families);
    let mut of_process = Registry::with_prefix("process");
    of_process.register_collector(Box::new(families));
    (registry, of_process)
}

/// Seconds since 1970, or of a time.
#[expect(clippy::cast_precision_loss, reason = "figures are told as floating-point numbers")]
pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "figures are told as floating-point numbers")]
fn number(count: u64) -> f64 {
    count as f64
}

fn yes(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

fn about(app: &App, families: &mut Families) {
    let labels = vec![("version", env!("CARGO_PKG_VERSION").to_owned()), ("region", app.region.as_str().to_owned())];
    families.gauges("build", Some(Unit::Other("info".to_owned())), "The release that runs", [(labels, 1.0)]);
    let root = vec![("kind", app.figures.root_kind.to_owned())];
    let told = "The root of trust that wraps new keys";
    families.gauges("root_of_trust", Some(Unit::Other("info".to_owned())), told, [(root, 1.0)]);
    families.gauge("clock", Some(Unit::Seconds), "This machine's time, since 1970", seconds(app.clock.now().millis()));
    let readiness = node::readiness(app);
    let told = "Whether requests can be served, be they reads alone";
    families.gauge("ready", None, told, yes(!matches!(readiness, Readiness::NotReady(_))));
    families.gauge("ready_for_changes", None, "Whether changes can be served", yes(readiness == Readiness::Ready));
    let [backup, proven] = app.figures.ages_ms_max;
    let age = |age: Option<i64>| age.map(|age| (Vec::new(), seconds(age)));
    let told = "How old the newest backup may be, by the configuration; nothing where no backups are taken";
    families.gauges("backup_age_max", Some(Unit::Seconds), told, age(backup));
    let told = "How long ago the last proven restore may be, by the configuration; nothing where no backups are taken";
    families.gauges("backup_proven_age_max", Some(Unit::Seconds), told, age(proven));
    let told = "Spans of traced requests that were dropped";
    families.counter("spans_dropped", None, told, number(app.telemetry.tracer.dropped()));
    let failing = app.standing.failing().into_iter().map(|duty| (vec![("duty", duty.to_owned())], 1.0));
    families.gauges("duty_failing", None, "Background duties that fail again and again", failing);
}

fn caches(app: &App, families: &mut Families) {
    let documents = app.identities.documents().cache_figures();
    let keys = CacheFigures {
        hits: app.signing_keys.hits(),
        misses: app.signing_keys.misses(),
        entries: u64::try_from(app.signing_keys.len()).unwrap_or(u64::MAX),
        ..CacheFigures::default()
    };
    let caches = [
        ("documents", documents),
        ("signers", app.identities.signer_figures()),
        ("signing_keys", keys),
        ("data_keys", app.secrets.data_key_figures()),
    ];
    let labelled = |of: fn(&CacheFigures) -> u64| {
        caches.iter().map(|(name, cache)| (vec![("cache", (*name).to_owned())], number(of(cache)))).collect::<Vec<_>>()
    };
    families.counters("cache_hits", None, "Look-ups that found something", labelled(|cache| cache.hits));
    families.counters("cache_misses", None, "Look-ups that found nothing", labelled(|cache| cache.misses));
    families.gauges("cache_entries", None, "Entries that are kept", labelled(|cache| cache.entries));
    let told = "What decoded documents take in memory";
    families.gauge("cache_documents", Some(Unit::Bytes), told, number(documents.weight));
    let told = "What decoded documents may take in memory";
    families.gauge("cache_documents_max", Some(Unit::Bytes), told, number(documents.weight_max));
}

fn store(app: &App, families: &mut Families) {
    if let Some(done) = app.store.activity() {
        let told = "Commits that became durable, by this server";
        families.counter("store_commits", None, told, number(done.commits()));
        let told = "Groups of commits that became durable together";
        families.counter("store_commit_groups", None, told, number(done.groups()));
        let told = "Groups of commits that failed";
        families.counter("store_commit_failures", None, told, number(done.groups_failed()));
        let told = "How long groups of commits took to become durable";
        families.times("store_commit_duration", told, done.group_times());
        families.counter("store_reads", None, "Reads of the store that were answered", number(done.reads()));
        families.counter("store_read_failures", None, "Reads of the store that failed", number(done.reads_failed()));
    }
    let told = "For how long changes of other servers may not have been heard of";
    families.gauge("store_behind", Some(Unit::Seconds), told, app.store.behind().as_secs_f64());
    let lost = app.identities.documents().lost().is_some();
    families.gauge("store_lost", None, "Whether other servers' changes are not heard of", yes(lost));
    families.gauge("store_takes_changes", None, "Whether the store is open", yes(app.standing.takes_changes()));
    let told = "Whether another run under this server's name took its place";
    families.gauge("displaced", None, told, yes(app.node.nodes.is_displaced()));
}

fn rotation(app: &App, families: &mut Families) {
    let outcomes = app.rotations.outcomes();
    let told =
        "What happened to rotations, by this server: started by their schedule, succeeded, failed in a step, missed";
    let counts =
        Outcome::ALL.map(|outcome| (vec![("outcome", outcome.name().to_owned())], number(outcomes.count(outcome))));
    families.counters("rotations", None, told, counts);
}
