//! Metric filters at work: this server's trail is followed, and held against them.

use std::sync::{Arc, Mutex, PoisonError};

use strongroom_core::logs::Logs;
use strongroom_core::trail::follow::{Follower, Found, Position};
use strongroom_core::trail::segments::Segments;
use strongroom_core::{CloudWatch, Documents, Error};
use tracing::warn;

use crate::app::App;
use crate::config::Config;
use crate::frozen;

/// Between two looks for new records, in ms.
pub(crate) const LOOK_MS: u64 = 1000;
/// Bytes of records that are held against the filters in a row.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Such stretches of one look: a trail that grows faster is followed on with the next.
const STRETCHES_MAX: usize = 16;

/// CloudWatch Logs as the configuration has it.
pub(crate) fn open(config: &Config, documents: &Arc<Documents>) -> Arc<Logs> {
    let region = config.account.region.clone();
    Arc::new(Logs::new(Arc::clone(documents), region, &config.cloudwatch.log_group))
}

/// The follower of this server's trail, once there is one.
pub(crate) struct Following {
    /// Where the trail ended when the server was opened: the first look comes a moment after the first requests.
    opened_at: Position,
    follower: Mutex<Option<Follower>>,
    noted: Mutex<Option<(String, i64)>>,
}

impl Following {
    /// To follow what comes from now on.
    ///
    /// # Errors
    /// When the trail cannot be read.
    pub(crate) fn open(trail: &Segments) -> std::io::Result<Self> {
        let opened_at = Position::end_of(trail.files().as_ref())?;
        Ok(Self { opened_at, follower: Mutex::default(), noted: Mutex::default() })
    }

    fn take(&self) -> Option<Follower> {
        self.follower.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, follower: Follower) {
        *self.follower.lock().unwrap_or_else(PoisonError::into_inner) = Some(follower);
    }

    /// How far the trail was read.
    fn reached(&self) -> Option<String> {
        let follower = self.follower.lock().unwrap_or_else(PoisonError::into_inner);
        follower.as_ref().map(|follower| follower.position().to_string())
    }

    /// Takes note of a position that was reached at `slot_ms`. Gives one that was reached before the points of `flushed_ms`
    /// were written: whoever goes on from there loses none.
    fn note(&self, position: String, slot_ms: i64, flushed_ms: i64) -> Option<String> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_safe = noted.as_ref().is_some_and(|(_, reached_ms)| *reached_ms < flushed_ms);
        let safe = if is_safe { noted.take() } else { None };
        noted.get_or_insert((position, slot_ms));
        safe.map(|(position, _)| position)
    }
}

/// Holds what is new in the trail against the filters. Where it has come is noted once what was counted is written.
///
/// # Errors
/// Faults of the store and of the trail.
pub(crate) async fn follow(app: &App) -> Result<(), Error> {
    if app.node.nodes.is_displaced() {
        return Ok(());
    }
    let node = app.node.nodes.name().as_str();
    // Looked for first: what comes after a filter was put is behind it.
    let end = end(&app.trail).await?;
    let any = app.watch.logs.prepare(app.clock.now()).await?;
    let mut follower = match app.watch.following.take() {
        Some(follower) => follower,
        None => begun(app, node).await?,
    };
    let mut found = Ok(());
    for _ in 0..STRETCHES_MAX {
        let before = follower.position();
        if !any {
            follower.go_to(end);
            break;
        }
        let (behind, read) = read(follower, &app.watch.logs, &app.watch.metrics).await?;
        follower = behind;
        found = read;
        if found.is_err() || follower.position() == before {
            break;
        }
    }
    let now = app.clock.now();
    app.watch.logs.settle(now, &app.watch.metrics);
    let position = follower.position().to_string();
    app.watch.following.put(follower);
    found?;
    // Records are read a moment after they were written, and those of a minute's end after its points were.
    if app.watch.metrics.keeper().has_late(now) {
        app.watch.metrics.keeper().flush(now).await?;
    }
    let slot_ms = app.watch.metrics.keeper().slot(app.clock.now());
    if let Some(position) = app.watch.following.note(position, slot_ms, app.watch.metrics.flushed_ms()) {
        app.watch.logs.set_progress(node, position).await?;
    }
    Ok(())
}

/// Notes how far the trail was read, once all that was counted is written.
///
/// # Errors
/// Faults of the store.
pub(crate) async fn note_last(app: &App) -> Result<(), Error> {
    if app.node.nodes.is_displaced() {
        return Ok(());
    }
    let Some(position) = app.watch.following.reached() else { return Ok(()) };
    frozen::unless_frozen(app.watch.logs.set_progress(app.node.nodes.name().as_str(), position).await)
}

/// The follower of a server that was just started: from where the run before had come, or of what comes from now on.
async fn begun(app: &App, node: &str) -> Result<Follower, Error> {
    let known = app.watch.logs.progress(node).await?.and_then(|position| position.parse::<Position>().ok());
    Ok(Follower::of(&app.trail, known.unwrap_or(app.watch.following.opened_at)))
}

/// Where the trail ends now.
async fn end(trail: &Arc<Segments>) -> Result<Position, Error> {
    let files = Arc::clone(trail.files());
    let end = tokio::task::spawn_blocking(move || Position::end_of(files.as_ref()));
    end.await.map_err(|_| Error::internal("the trail's end was not found"))?.map_err(unreadable)
}

fn unreadable(error: std::io::Error) -> Error {
    Error::internal(format!("the trail cannot be followed: {error}"))
}

/// Reads on, on a thread that may block.
async fn read(
    mut follower: Follower,
    logs: &Arc<Logs>,
    metrics: &Arc<CloudWatch>,
) -> Result<(Follower, Result<(), Error>), Error> {
    let (logs, metrics) = (Arc::clone(logs), Arc::clone(metrics));
    let reading = tokio::task::spawn_blocking(move || {
        let found = follower.next(BYTES_MAX).map_err(unreadable).map(|found| {
            for found in found {
                match found {
                    Found::Record(record) => logs.hold(&record.text, record.event_time, &metrics),
                    Found::Damaged { .. } => {}
                    Found::Gap { from, behind } => {
                        warn!(%from, %behind, "a part of the trail is gone that metric filters have not seen");
                    }
                }
            }
        });
        (follower, found)
    });
    reading.await.map_err(|_| Error::internal("the trail's follower did not end well"))
}
