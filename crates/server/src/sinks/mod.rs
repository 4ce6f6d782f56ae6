//! The trail's sinks: opened from the configuration, each followed by a task of its own, all watched for how far they are
//! behind. Nothing else of the server knows them: what it may do is told to `Standing`.

mod figures;
mod followed;
mod lane;
mod opening;
mod shared;
mod watch;

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use strongroom_core::trail::NodeName;
use strongroom_core::trail::cursor::{self, Cursor};
use strongroom_core::trail::files::{DiskFiles, SegmentFiles};
use strongroom_core::trail::follow::Position;
use strongroom_core::trail::keeping::Reader;
use strongroom_core::trail::owner::owner;
use strongroom_core::trail::segments::Segments;
use strongroom_sinks::{Next, Progress, Pump, Saved};
use strongroom_types::{AccountId, Clock, Timestamp};
use tokio::sync::{Mutex, watch as stop};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::app::{App, trail_directory};
use crate::config::{Begin, Config, SinkConfig, WhenFull};
pub(crate) use figures::SinkFigures;
use followed::Followed;
use lane::Lane;
pub use opening::{Probe, probes};

/// Before a task that panicked is started again, in ms.
const PANICKED_MS: u64 = 1000;
/// Between two looks whether a trail that was left to another process is ours again, in ms.
const DISPLACED_MS: u64 = 1000;
/// Time at the end for what is left, in ms.
const FINISH_MS: u64 = 5000;

/// The same when the disk hangs, which their thread waits for.
const HUNG_MS: u64 = 4 * FINISH_MS;

/// All sinks of a server.
pub(crate) struct Sinks {
    entries: Vec<Arc<Entry>>,
    trail: Arc<Followed>,
    /// What they run on, if there are any.
    lane: Option<Lane>,
    /// Nobody else moves their cursors, if there are any.
    _hold: Option<cursor::Hold>,
}

/// A sink, and what it is measured by.
struct Entry {
    name: String,
    lag_bytes_max: u64,
    /// None for no bound.
    lag_ms_max: Option<i64>,
    gather_ms: i64,
    when_full: WhenFull,
    refuse_reads: bool,
    pump: Mutex<Pump<Followed>>,
    progress: Arc<Progress<Position>>,
    /// Whether it is too far behind.
    is_full: AtomicBool,
}

impl Sinks {
    /// Those that `config` names, of the trail in `folder`, which `segments` writes. Nobody is asked for anything yet.
    ///
    /// # Errors
    /// When a file that one is known by cannot be read, or the trail's folder cannot be.
    pub(crate) fn open(
        config: &Config,
        folder: &Path,
        node: &str,
        segments: &Arc<Segments>,
        account: &AccountId,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let trail = Arc::new(Followed::new(folder, segments, config.audit.sinks.len()));
        let hold = (!config.audit.sinks.is_empty()).then(|| cursor::hold(folder)).transpose();
        let hold = hold.map_err(|error| error.to_string())?;
        let lane = (!config.audit.sinks.is_empty()).then(Lane::start).transpose();
        let lane = lane.map_err(|error| error.to_string())?;
        let mut entries = Vec::new();
        for wanted in &config.audit.sinks {
            let wrong = |text: String| format!("{}: {text}", wanted.name);
            let sink = opening::sink(config, wanted, node, account, clock).map_err(wrong)?;
            let saved = begin(folder, &wanted.name, wanted.begin, segments.files().as_ref())
                .map_err(|error| wrong(format!("its cursor in the trail's folder: {error}")))?;
            let pump =
                Pump::new(&wanted.name, Arc::clone(&trail), sink, opening::pace(wanted), Arc::clone(clock), saved);
            entries.push(Arc::new(Entry {
                name: wanted.name.clone(),
                lag_bytes_max: wanted.lag_bytes_max,
                lag_ms_max: (wanted.lag_seconds_max > 0).then(|| i64::from(wanted.lag_seconds_max) * 1000),
                gather_ms: i64::from(wanted.gathers_seconds()) * 1000,
                when_full: wanted.when_full,
                refuse_reads: wanted.refuse_reads,
                progress: Arc::clone(pump.progress()),
                pump: Mutex::new(pump),
                is_full: AtomicBool::new(false),
            }));
        }
        Ok(Self { entries, trail, lane, _hold: hold })
    }
}

/// How far a sink is behind, by what it has written down.
#[derive(Clone, Debug)]
pub struct Behind {
    /// The sink's name.
    pub name: String,
    /// Bytes that it has not got, and when the first event of them happened; none when it has not begun yet.
    pub lag: Option<(u64, Option<Timestamp>)>,
}

/// How far the sinks of `config` are behind, whether a server runs or not.
///
/// # Errors
/// When the trail or a cursor cannot be read.
pub fn behind(config: &Config) -> io::Result<Vec<Behind>> {
    let folder = trail_directory(config);
    if !folder.is_dir() {
        // Opening it would make it.
        let none = |wanted: &SinkConfig| Behind { name: wanted.name.clone(), lag: None };
        return Ok(config.audit.sinks.iter().map(none).collect());
    }
    let files: Arc<dyn SegmentFiles> = Arc::new(DiskFiles::open(&folder)?);
    let behind = |wanted: &SinkConfig| {
        let cursor = Cursor::load(&folder, &wanted.name)?;
        let lag = cursor.map(|cursor| cursor::behind(&files, cursor.through)).transpose()?;
        Ok(Behind { name: wanted.name.clone(), lag })
    };
    config.audit.sinks.iter().map(behind).collect()
}

/// What became of a sink's delivery by hand.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The sink's name.
    pub name: String,
    /// Records that it got.
    pub records: u64,
    /// Why there are more that it did not get.
    pub failed: Option<String>,
}

/// Delivers what is left in the trail of `config`, which no server writes, to its sinks. One that has never begun gets
/// nothing, unless it is to begin with the oldest record.
///
/// # Errors
/// When a server runs there, or the trail or the settings of a sink cannot be read.
pub async fn deliver(config: &Config, clock: &Arc<dyn Clock>) -> Result<Vec<Delivered>, String> {
    let folder = trail_directory(config);
    let told = |error: io::Error| format!("{}: {error}", folder.display());
    let _hold = cursor::hold(&folder).map_err(told)?;
    let files: Arc<dyn SegmentFiles> = Arc::new(DiskFiles::open(&folder).map_err(told)?);
    let node = owner(&folder).map_err(told)?.unwrap_or_else(NodeName::only);
    let trail = Arc::new(Followed::of_files(&folder, Arc::clone(&files), config.audit.sinks.len()));
    let account = opening::account_of(config);
    let mut all = Vec::new();
    for wanted in &config.audit.sinks {
        let sink = opening::sink(config, wanted, node.as_str(), &account, clock)?;
        let saved = begin(&folder, &wanted.name, wanted.begin, files.as_ref()).map_err(told)?;
        let (trail, clock) = (Arc::clone(&trail), Arc::clone(clock));
        let mut pump = Pump::new(&wanted.name, trail, sink, opening::pace(wanted), clock, saved);
        pump.finish().await;
        let state = pump.progress().now();
        let failed = state.failing.map(|(_, why)| why);
        all.push(Delivered { name: wanted.name.clone(), records: state.delivered, failed });
    }
    Ok(all)
}

/// Where a sink goes on, or begins. A new one has its cursor before anything is recorded that it must have.
fn begin(folder: &Path, name: &str, begin: Begin, files: &dyn SegmentFiles) -> io::Result<Saved<Position>> {
    let through = match Cursor::load(folder, name) {
        Ok(Some(cursor)) => {
            let end = Position::end_of(files)?;
            if cursor.through <= end {
                return Ok(Saved { through: cursor.through, trying: cursor.trying });
            }
            // Left there, it would pass over what is written from now on.
            if cursor.through.segment == end.segment {
                warn!(
                    sink = name,
                    "the trail has lost its end, which the sink has: it goes on at the end that there is"
                );
                end
            } else {
                error!(sink = name, "its cursor is behind the trail's end: it gets all that the trail has once more");
                Position::START
            }
        }
        Ok(None) => {
            info!(sink = name, "a new sink of the trail begins");
            match begin {
                Begin::Now => Position::end_of(files)?,
                Begin::Start => Position::START,
            }
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            error!(sink = name, "its cursor is damaged: it gets all that the trail has once more");
            Position::START
        }
        Err(error) => return Err(error),
    };
    Cursor { through, trying: None }.save(folder, name)?;
    Ok(Saved { through, trying: None })
}

/// Has nothing of the trail removed that a sink has not got, from now on; brings records to all sinks, and watches them,
/// until it is told to stop.
pub(crate) fn until_stopped(app: Arc<App>, stopped: stop::Receiver<bool>) -> impl Future<Output = ()> + Send {
    app.trails.keeper.wait_for(Arc::new(Reading(app.sinks.entries.clone())));
    bring(app, stopped)
}

/// The sinks, as whoever removes segments knows them.
struct Reading(Vec<Arc<Entry>>);

impl Reader for Reading {
    fn oldest_needed(&self) -> Option<Position> {
        self.0.iter().map(|entry| entry.progress.now().saved).min()
    }
}

async fn bring(app: Arc<App>, stopped: stop::Receiver<bool>) {
    let Some(lane) = &app.sinks.lane else { return };
    let mut tasks = JoinSet::new();
    for entry in &app.sinks.entries {
        tasks.spawn_on(supervised(Arc::clone(&app), Arc::clone(entry), stopped.clone()), lane.handle());
    }
    tasks.spawn(watch::until_stopped(Arc::clone(&app), stopped));
    while tasks.join_next().await.is_some() {}
}

/// Delivers what is left, as far as that goes in a few seconds. The rest is found at the next start.
pub(crate) async fn finish(app: &App) {
    if app.node.nodes.is_displaced() {
        return;
    }
    let Some(lane) = &app.sinks.lane else { return };
    lane.hurry(true);
    let mut tasks = JoinSet::new();
    for entry in app.sinks.entries.iter().map(Arc::clone) {
        let finish = async move {
            let finish = async { entry.pump.lock().await.finish().await };
            let time = Duration::from_millis(FINISH_MS);
            if !tokio::time::timeout(time, finish).await.unwrap_or(false) {
                warn!(sink = entry.name, "not all records of the trail were delivered; that goes on at the next start");
            }
        };
        tasks.spawn_on(finish, lane.handle());
    }
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_millis(HUNG_MS), all).await.is_err() {
        error!("the disk does not answer: not all records of the trail were delivered");
    }
}

/// Runs a sink's task, and once more whenever it panics.
async fn supervised(app: Arc<App>, entry: Arc<Entry>, stopped: stop::Receiver<bool>) {
    loop {
        let running = tokio::spawn(run(Arc::clone(&app), Arc::clone(&entry), stopped.clone()));
        if running.await.is_ok() {
            return;
        }
        error!(sink = entry.name, "a sink's task panicked");
        tokio::time::sleep(Duration::from_millis(PANICKED_MS)).await;
    }
}

async fn run(app: Arc<App>, entry: Arc<Entry>, mut stopped: stop::Receiver<bool>) {
    // Changes of the sender count from here on alone.
    if *stopped.borrow_and_update() {
        return;
    }
    let mut pump = entry.pump.lock().await;
    loop {
        let pause_ms = if app.node.nodes.is_displaced() {
            DISPLACED_MS
        } else {
            let mut step = pin!(pump.step(false));
            let next = tokio::select! {
                biased;
                next = &mut step => next,
                _ = stopped.changed() => {
                    // What was let go in the midst would be sent again.
                    let _ = tokio::time::timeout(Duration::from_millis(FINISH_MS), step).await;
                    return;
                }
            };
            match next {
                Next::Step => 0,
                Next::Idle(ms) | Next::Retry(ms) => ms,
            }
        };
        if pause_ms > 0 {
            tokio::select! {
                biased;
                _ = stopped.changed() => return,
                () = tokio::time::sleep(Duration::from_millis(pause_ms)) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
