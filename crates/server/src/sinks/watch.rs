//! How far sinks are behind, and what follows from it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use strongroom_sinks::{Lag, Trail as _};
use strongroom_types::Timestamp;
use tokio::sync::watch;
use tracing::{error, info};

use super::figures::{name, up_to};
use super::lane::Lane;
use super::{Entry, Sinks};
use crate::app::App;
use crate::config::WhenFull;
use crate::standing::Refusing;

/// Between two looks, in ms. What is recorded meanwhile is far less than any bound.
const LOOK_MS: u64 = 500;
/// What failed for longer is warned of, in ms.
const FAILING_MS: i64 = 10_000;
/// A sink that has this part of what it may be behind hurries, until it has no more than a quarter of that.
const HURRIES_FROM: u64 = 2;
/// Or one whose oldest record has waited for so long, beyond what it gathers for, in ms.
const WAITED_MS: i64 = 15_000;
/// Whose warnings these are.
const WARNINGS: &str = "sinks";

pub(super) async fn until_stopped(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    if *stopped.borrow_and_update() {
        return;
    }
    let mut fails = false;
    loop {
        let seen = look(&app).await;
        if let Err(error) = &seen
            && !fails
        {
            error!(%error, "how far the trail's sinks are behind cannot be seen");
        }
        fails = seen.is_err();
        tokio::select! {
            biased;
            _ = stopped.changed() => return,
            () = tokio::time::sleep(Duration::from_millis(LOOK_MS)) => {}
        }
    }
}

/// Looks at all sinks, and tells figures and standing of them.
pub(super) async fn look(app: &App) -> io::Result<()> {
    let lags = lags(&app.sinks).await?;
    let now = app.clock.now();
    let (mut refusing, mut warnings) = (Refusing::Nothing, Vec::new());
    let hurried = app.sinks.lane.as_ref().is_some_and(Lane::hurries);
    let mut hurries = false;
    for (entry, lag) in app.sinks.entries.iter().zip(lags) {
        let age_ms = lag.oldest.map_or(0, |oldest| now.millis_since(oldest).max(0));
        let full = lag.bytes > entry.lag_bytes_max || entry.lag_ms_max.is_some_and(|most| age_ms > most);
        match (entry.is_full.swap(full, Ordering::Relaxed), full) {
            (false, true) => error!(sink = entry.name, bytes = lag.bytes, age_ms, "a sink is too far behind"),
            (true, false) => info!(sink = entry.name, "the sink is within its bounds again"),
            _ => {}
        }
        hurries |= must_hurry(entry, lag, age_ms, hurried);
        tell_figures(app, entry, lag, age_ms);
        if full && entry.when_full == WhenFull::Refuse {
            refusing = refusing.max(if entry.refuse_reads { Refusing::All } else { Refusing::Changes });
        }
        warnings.extend(warning(entry, lag, age_ms, full, now));
    }
    if let Some(lane) = &app.sinks.lane {
        lane.hurry(hurries);
    }
    if app.standing.set_sinks(refusing) != refusing {
        match refusing {
            Refusing::Nothing => info!("requests are carried out again"),
            Refusing::Changes => error!("no change is carried out until the trail's sinks have caught up"),
            Refusing::All => error!("no request is carried out until the trail's sinks have caught up"),
        }
    }
    app.standing.warn(WARNINGS, warnings);
    up_to(&app.figures.sinks.gaps, app.sinks.trail.gaps());
    Ok(())
}

/// Whether a sink must not yield to requests: it comes near to what it may be behind, or makes records wait for long. One that
/// fails is not helped by it.
fn must_hurry(entry: &Entry, lag: Lag, age_ms: i64, hurried: bool) -> bool {
    let part = if hurried { HURRIES_FROM * 4 } else { HURRIES_FROM };
    let waited_ms = i64::try_from(part).unwrap_or(i64::MAX).saturating_mul(age_ms.saturating_sub(entry.gather_ms));
    let room_ms = entry.lag_ms_max.map_or(i64::MAX, |most| most.saturating_sub(entry.gather_ms));
    let behind = lag.bytes > entry.lag_bytes_max / part || waited_ms > room_ms.min(WAITED_MS * 2);
    behind && entry.progress.now().failing.is_none()
}

async fn lags(sinks: &Sinks) -> io::Result<Vec<Lag>> {
    let positions: Vec<_> = sinks.entries.iter().map(|entry| entry.progress.now().position).collect();
    let trail = Arc::clone(&sinks.trail);
    let lags = move || positions.iter().map(|position| trail.lag(position)).collect();
    tokio::task::spawn_blocking(lags).await.map_err(io::Error::other)?
}

#[expect(clippy::cast_precision_loss, reason = "figures are told as floating numbers")]
fn tell_figures(app: &App, entry: &Entry, lag: Lag, age_ms: i64) {
    let (figures, state, name) = (&app.figures.sinks, entry.progress.now(), name(&entry.name));
    figures.lag_bytes.get_or_create(&name).set(i64::try_from(lag.bytes).unwrap_or(i64::MAX));
    figures.lag_seconds.get_or_create(&name).set(age_ms as f64 / 1000.0);
    let success = state.last_success.map_or(0.0, |at| at.millis() as f64 / 1000.0);
    figures.last_success.get_or_create(&name).set(success);
    up_to(&figures.failures.get_or_create(&name), state.failures);
    up_to(&figures.delivered.get_or_create(&name), state.delivered);
    up_to(&figures.refused.get_or_create(&name), state.refused);
    up_to(&figures.shortened.get_or_create(&name), state.shortened);
    figures.full.get_or_create(&name).set(i64::from(entry.is_full.load(Ordering::Relaxed)));
}

/// What somebody should know of a sink. Whoever asks whether the server is ready is told it: where the sink is and what it
/// says is in the log.
fn warning(entry: &Entry, lag: Lag, age_ms: i64, full: bool, now: Timestamp) -> Option<String> {
    let fails_long = |since: Timestamp| full || now.millis_since(since) >= FAILING_MS;
    let fails = entry.progress.now().failing.is_some_and(|(since, _)| fails_long(since));
    if !full && !fails {
        return None;
    }
    let (name, seconds) = (&entry.name, age_ms / 1000);
    let beyond = if full { ", more than it may be" } else { "" };
    let why = if fails { ": it takes nothing, see the log" } else { "" };
    Some(format!("the trail's sink {name} is {} bytes and {seconds} s behind{beyond}{why}", lag.bytes))
}
