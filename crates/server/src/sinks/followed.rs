//! The server's own trail, as sinks follow it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_core::trail::cursor::{self, Cursor};
use strongroom_core::trail::follow::{Follower, Found, Position};
use strongroom_core::trail::segments::Segments;
use strongroom_sinks::{Batch, Lag, Record, Saved, Trail};
use tracing::{error, warn};

/// The trail of this server.
pub(crate) struct Followed {
    folder: PathBuf,
    segments: Arc<Segments>,
    /// The newest cursors that were written: one that was let go before it was written must not come after them.
    saved: Mutex<BTreeMap<String, Position>>,
    /// Segments that were gone before a sink had them.
    gaps: AtomicU64,
}

impl Followed {
    pub(super) fn new(folder: &Path, segments: &Arc<Segments>) -> Self {
        Self {
            folder: folder.to_owned(),
            segments: Arc::clone(segments),
            saved: Mutex::default(),
            gaps: AtomicU64::new(0),
        }
    }

    /// How often segments were gone before a sink had them.
    pub(super) fn gaps(&self) -> u64 {
        self.gaps.load(Ordering::Relaxed)
    }
}

impl Trail for Followed {
    type Position = Position;

    fn lag(&self, from: &Position) -> io::Result<Lag> {
        let (bytes, oldest) = cursor::behind(self.segments.files(), *from)?;
        Ok(Lag { bytes, oldest })
    }

    fn read(
        &self,
        from: &Position,
        until: Option<&Position>,
        bytes_max: usize,
    ) -> io::Result<Option<(Batch, Position)>> {
        let mut follower = Follower::of(&self.segments, *from);
        let found = follower.next(u64::try_from(bytes_max).unwrap_or(u64::MAX))?;
        let mut end = follower.position();
        let mut batch = Batch::default();
        for found in found {
            if until.is_some_and(|until| found.behind() > *until) {
                break;
            }
            if until.is_some() {
                end = found.behind();
            }
            match found {
                Found::Record(record) => batch.push(Record::new(record.text)),
                Found::Damaged { at, behind } => {
                    warn!(%at, %behind, "what is no record in the trail goes to no sink");
                }
                Found::Gap { from, behind } => {
                    self.gaps.fetch_add(1, Ordering::Relaxed);
                    error!(%from, %behind, "segments of the trail were removed before a sink had them");
                }
            }
        }
        Ok((end != *from).then_some((batch, end)))
    }

    fn save(&self, sink: &str, saved: &Saved<Position>) -> io::Result<()> {
        let mut newest = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.get(sink).is_some_and(|newest| *newest > saved.through) {
            return Ok(());
        }
        Cursor { through: saved.through, trying: saved.trying }.save(&self.folder, sink)?;
        newest.insert(sink.to_owned(), saved.through);
        Ok(())
    }
}
