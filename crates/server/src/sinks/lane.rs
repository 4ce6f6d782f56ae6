//! What sinks run on: one thread, which yields to requests as long as no sink is far behind.
//!
//! The system lets nobody raise a thread's priority again, so there are two threads, of which one or the other drives the
//! same tasks: a calm one of low priority, and a hurried one of the usual priority.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use rustix::process::setpriority_process;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;
use tracing::{debug, warn};

/// The calm thread's nice value: of a core that others want as well it gets about a tenth.
const CALM_NICE: i32 = 10;

/// A runtime of its own. Its threads end when this is dropped.
#[derive(Debug)]
pub(super) struct Lane {
    handle: Handle,
    hurries: watch::Sender<bool>,
}

impl Lane {
    /// Starts the two threads, the calm one at work.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Arc::new(Builder::new_current_thread().enable_all().build()?);
        let handle = runtime.handle().clone();
        let (hurries, wanted) = watch::channel(false);
        let (to_calm, calm) = mpsc::channel();
        let (to_hurried, hurried) = mpsc::channel();
        // Its receiver is right here.
        let _ = to_calm.send(());
        let of_hurried = Driver { runtime: Arc::clone(&runtime), is: true, wanted: wanted.clone(), turn: hurried };
        let of_calm = Driver { runtime, is: false, wanted, turn: calm };
        thread::Builder::new().name("sinks-hurried".to_owned()).spawn(move || of_hurried.drive(&to_calm))?;
        thread::Builder::new().name("sinks".to_owned()).spawn(move || {
            // On Linux it is the priority of the calling thread alone.
            if let Err(error) = setpriority_process(None, CALM_NICE) {
                warn!(%error, "the trail's sinks have no lower priority than requests");
            }
            of_calm.drive(&to_hurried);
        })?;
        Ok(Self { handle, hurries })
    }

    /// Where tasks are spawned.
    pub(super) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether it does not yield.
    pub(super) fn hurries(&self) -> bool {
        *self.hurries.borrow()
    }

    /// Has it yield no more, or again.
    pub(super) fn hurry(&self, hurries: bool) {
        let changed = self.hurries.send_if_modified(|now| std::mem::replace(now, hurries) != hurries);
        if changed && hurries {
            debug!("the trail's sinks are behind: they do not yield to requests until they have caught up");
        }
    }
}

/// One of the threads.
struct Driver {
    runtime: Arc<Runtime>,
    /// Whether it is the hurried one.
    is: bool,
    wanted: watch::Receiver<bool>,
    turn: mpsc::Receiver<()>,
}

impl Driver {
    /// Drives all tasks whenever it has its turn, until nobody wants any more.
    fn drive(mut self, other: &mpsc::Sender<()>) {
        let is = self.is;
        while self.turn.recv().is_ok() {
            if self.runtime.block_on(self.wanted.wait_for(|wanted| *wanted != is)).is_err() || other.send(()).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::process::getpriority_process;

    use super::*;

    #[tokio::test]
    async fn tasks_go_on_at_the_wanted_priority_and_end_with_the_lane() {
        let lane = Lane::start().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let task = lane.handle().spawn(async move {
            loop {
                let _ = tell.send(getpriority_process(None).unwrap());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let usual = getpriority_process(None).unwrap();
        for (hurries, expected) in [(false, CALM_NICE), (true, usual), (false, CALM_NICE), (true, usual)] {
            lane.hurry(hurries);
            assert_eq!(lane.hurries(), hurries);
            let mut seen = (0..5000).map(|_| told.recv_timeout(Duration::from_secs(30)).unwrap());
            assert!(seen.any(|nice| nice == expected), "{hurries}");
        }
        drop(lane);
        assert!(task.await.unwrap_err().is_cancelled());
    }
}
