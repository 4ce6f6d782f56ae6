//! Lanes: single-threaded runtimes, one for each processor, that connections are spread over.
//!
//! A connection stays on its lane, so what it wakes is woken without a word to another thread: under a shared runtime
//! every event may rouse a second thread that looks for work, which costs more than most requests do. The price is
//! that a request that computes for long holds up its lane, so whatever does must let others in between.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tokio::time::{Duration, timeout};

/// Longest sleep of a lane. A timer that is set to ring before the lane's next one rouses the lane by a write to
/// itself and an empty look for events, even when it is the lane that sets it. Limits of requests are longer than this,
/// so a lane that sleeps no longer is spared that for each request that has to wait.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// The lanes. They end, with all that runs on them, when this is dropped.
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    /// Closed when the lanes are to end.
    _open: watch::Sender<()>,
}

struct Lane {
    runtime: Handle,
    /// How many connections it has.
    load: Arc<AtomicUsize>,
}

/// A connection's place on its lane.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lanes {
    /// As many lanes as there are processors for this process.
    ///
    /// # Errors
    /// When a runtime or its thread cannot be made.
    pub(super) fn start() -> io::Result<Self> {
        let (open, closed) = watch::channel(());
        let count = thread::available_parallelism().map_or(1, usize::from);
        let lanes = (0..count).map(|number| Lane::start(number, closed.clone())).collect::<io::Result<_>>()?;
        Ok(Self { lanes, _open: open })
    }

    /// Runs `connection` on the lane that has the fewest.
    pub(super) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let Some(lane) = self.lanes.iter().min_by_key(|lane| lane.load.load(Ordering::Relaxed)) else { return };
        lane.load.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(&lane.load));
        lane.runtime.spawn(async move {
            let _place = place;
            connection.await;
        });
    }
}

impl Lane {
    fn start(number: usize, mut closed: watch::Receiver<()>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        thread::Builder::new().name(format!("lane-{number}")).spawn(move || {
            // An error says that the sender is gone: the end.
            runtime.block_on(async move { while !matches!(timeout(SLEEP_MAX, closed.changed()).await, Ok(Err(_))) {} });
            // Blocking work of what ran here goes on by itself.
            runtime.shutdown_background();
        })?;
        Ok(Self { runtime: handle, load: Arc::default() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use tokio::sync::Barrier;

    use super::*;

    #[tokio::test]
    async fn connections_are_spread_evenly_and_end_with_the_lanes() {
        let lanes = Lanes::start().unwrap();
        let count = lanes.lanes.len();
        let seen: Arc<Mutex<HashMap<thread::ThreadId, usize>>> = Arc::default();
        let all = Arc::new(Barrier::new(4 * count + 1));
        let (held, ended) = watch::channel(());
        for _ in 0..4 * count {
            let (seen, all, ended) = (Arc::clone(&seen), Arc::clone(&all), ended.clone());
            lanes.spawn(async move {
                *seen.lock().unwrap().entry(thread::current().id()).or_default() += 1;
                all.wait().await;
                let _ended = ended;
                std::future::pending::<()>().await;
            });
        }
        all.wait().await;
        assert_eq!(seen.lock().unwrap().values().copied().collect::<Vec<_>>(), vec![4; count]);
        drop(ended);
        drop(lanes);
        // Resolves when the last connection has been dropped.
        held.closed().await;
    }
}
