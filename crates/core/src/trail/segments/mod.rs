//! The segment files: a new one each hour and when one is full, append-only, one record a line. An append returns after its line was written.
//!
//! Many threads append at once. Each puts its line into a shared buffer. Whoever finds nobody writing writes all that is
//! buffered with one write(2); who comes meanwhile waits for the next turn, and one of them writes for all. Requests
//! that share a thread put in their lines one after the other, and the first of them that has its turn again writes.

mod company;

use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;

use strongroom_types::{Clock, Timestamp};

use super::calendar::{EVER, Hour};
use super::compressed::write_all;
use super::files::{DiskFiles, SegmentFile, SegmentFiles, newest_first};
use super::follow::Position;
use super::segment_id::SegmentId;
use company::Company;

/// Longest line, in bytes. Bounded fields keep records far below it.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;
/// When nothing else is said, segments become no larger than about this, in bytes.
pub const BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Buffers above this are given back after they were written, in bytes.
const BUFFER_BYTES_KEPT: usize = 1024 * 1024;
/// Looks at the present writer before going to sleep: a few microseconds, in which nearly every write comes to its end.
/// Going to sleep and being woken costs more than the write.
const SPINS_MAX: u32 = 300;
/// Files of past hours that wait for [`Segments::sync`]. When nobody syncs for longer, the system has written the
/// oldest of them on its own.
const RETIRED_MAX: usize = 8;

/// When what was appended is made to survive a power failure. A kill of the process alone never loses a line that was
/// appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// When the system does it.
    Never,
    /// When somebody calls [`Segments::sync`], which a background job does now and then.
    #[default]
    Interval,
    /// Before an append returns. Appends that wait at the same time share one sync.
    Always,
}

/// Settings of the segment files.
#[derive(Clone, Copy, Debug)]
pub struct SegmentsConfig {
    /// When to sync.
    pub fsync: Fsync,
    /// A segment that has so many bytes gets no more: the hour goes on in its next part.
    pub bytes_max: u64,
}

impl Default for SegmentsConfig {
    fn default() -> Self {
        Self { fsync: Fsync::default(), bytes_max: BYTES_MAX }
    }
}

/// The segment files of a trail. One process at a time may have them open for writing.
pub struct Segments {
    files: Arc<dyn SegmentFiles>,
    clock: Arc<dyn Clock>,
    config: SegmentsConfig,
    queue: Mutex<Queue>,
    /// The queue's mark once more, for those who look without its lock.
    writing: AtomicBool,
    writer: Mutex<Writer>,
    /// Up to where all is written, and since when by this process: what is behind it may be taken back.
    end: Mutex<(Option<Position>, Option<Timestamp>)>,
    company: Company,
    retired: Mutex<Vec<Arc<Segment>>>,
}

/// Lines that wait to be written.
#[derive(Default)]
struct Queue {
    lines: Vec<u8>,
    count: u32,
    batch: Arc<Batch>,
    /// Whether a thread is writing. Only then does anybody wait.
    writing: bool,
}

/// Lines that are written together.
#[derive(Default)]
struct Batch {
    /// What became of them.
    result: OnceLock<Result<(), Arc<io::Error>>>,
    /// Told when there is a result, or when one of those who wait is to write. Goes with the queue's lock.
    told: Condvar,
    /// How many wait to be told. Changes under the queue's lock.
    waiting: AtomicUsize,
}

#[derive(Default)]
struct Writer {
    open: Option<Open>,
    /// No earlier segment is appended to: it is closed, whatever the clock says now.
    first: Option<SegmentId>,
    /// Changes places with the queue's buffer, so that neither is allocated anew.
    spare: Vec<u8>,
}

struct Open {
    id: SegmentId,
    segment: Arc<Segment>,
    /// Where the last whole line ends, in bytes.
    length: u64,
}

/// A thread's turn to write. However it ends, those who wait are told, and one of the next batch may write.
struct Turn<'a> {
    queue: &'a Mutex<Queue>,
    writing: &'a AtomicBool,
    batch: Arc<Batch>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.batch.result.get_or_init(|| Err(Arc::new(io::Error::other("the thread that wrote the line died"))));
        let mut queue = lock(self.queue);
        queue.writing = false;
        self.writing.store(false, Ordering::Relaxed);
        // Without anybody waiting, telling would be a system call for nothing.
        if self.batch.waiting.load(Ordering::Relaxed) > 0 {
            self.batch.told.notify_all();
        }
        if queue.batch.waiting.load(Ordering::Relaxed) > 0 {
            queue.batch.told.notify_one();
        }
    }
}

/// An open file, and what is known of its way to the disk.
struct Segment {
    file: Box<dyn SegmentFile>,
    /// Whether something was appended since the last sync began.
    unsynced: AtomicBool,
    /// Held while syncing.
    syncing: Mutex<()>,
    /// Whether a sync has failed.
    failed: AtomicBool,
}

impl Segments {
    /// The trail in the folder `folder`, which is created when it is not there. A line that a crash left half written
    /// is closed off, so that what follows it stays readable.
    ///
    /// # Errors
    /// When the folder cannot be created, or the newest segment cannot be read or mended.
    pub fn open(folder: &Path, config: SegmentsConfig, clock: Arc<dyn Clock>) -> io::Result<Self> {
        Self::with_files(Arc::new(DiskFiles::open(folder)?), config, clock)
    }

    /// As [`Segments::open`], over other files.
    ///
    /// # Errors
    /// As [`Segments::open`].
    pub fn with_files(files: Arc<dyn SegmentFiles>, config: SegmentsConfig, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let newest = newest_first(files.as_ref(), EVER, 1)?.first().copied();
        let (first, end) = match newest {
            None => (None, None),
            Some(id) => match files.length(&id.file()) {
                Ok(_) => {
                    let file = files.append(&id.file())?;
                    (Some(id), Some(Position { segment: id, offset: close_off(file.as_ref())? }))
                }
                // What is compressed is closed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    (Some(id.next()), Some(Position::before(id.next())))
                }
                Err(error) => return Err(error),
            },
        };
        Ok(Self {
            files,
            clock,
            config,
            queue: Mutex::default(),
            writing: AtomicBool::new(false),
            writer: Mutex::new(Writer { first, ..Writer::default() }),
            end: Mutex::new((end, None)),
            company: Company::default(),
            retired: Mutex::default(),
        })
    }

    /// Appends one record to the segment of the present hour. Blocks for about one write(2); with [`Fsync::Always`]
    /// for a sync too.
    ///
    /// # Errors
    /// When the line is not written: disk full, I/O error. What was written of it is cut off again; it may be found in
    /// the file all the same when even that fails, or when it was a sync that failed. `InvalidInput` for a line with a
    /// line's end inside or longer than [`LINE_BYTES_MAX`].
    pub fn append(&self, line: &str) -> io::Result<()> {
        self.put_in(line)?.written()
    }

    /// Puts a line into the buffer, to be written with what else is there.
    fn put_in(&self, line: &str) -> io::Result<Queued<'_>> {
        check(line)?;
        let mut queue = lock(&self.queue);
        queue.lines.extend_from_slice(line.as_bytes());
        queue.lines.push(b'\n');
        queue.count = queue.count.saturating_add(1);
        Ok(Queued { segments: self, batch: Arc::clone(&queue.batch) })
    }

    /// Sees to it that `batch` is written.
    fn complete(&self, batch: &Batch) {
        if batch.result.get().is_some() {
            return;
        }
        let mut queue = lock(&self.queue);
        if queue.writing {
            drop(queue);
            self.spin(batch);
            queue = lock(&self.queue);
        }
        while queue.writing && batch.result.get().is_none() {
            batch.waiting.fetch_add(1, Ordering::Relaxed);
            queue = batch.told.wait(queue).unwrap_or_else(PoisonError::into_inner);
            batch.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        if batch.result.get().is_none() {
            queue.writing = true;
            self.writing.store(true, Ordering::Relaxed);
            drop(queue);
            self.take_turn();
        }
    }

    /// Appends one record as [`Segments::append`] does. Does not block the thread for a sync: that takes as long as the
    /// disk does, and others must not wait behind it. Where there are others, it lets them put in their lines first: they
    /// share one write.
    ///
    /// # Errors
    /// As [`Segments::append`].
    pub async fn append_aside(self: &Arc<Self>, line: String) -> io::Result<()> {
        if self.config.fsync != Fsync::Always {
            let queued = self.put_in(&line)?;
            if self.company.is_likely() {
                yield_once().await;
            }
            return queued.written();
        }
        let segments = Arc::clone(self);
        let appended = tokio::task::spawn_blocking(move || segments.append(&line)).await;
        appended.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// Appends several records as [`Segments::append_aside`] does one: in their order, mostly with one write.
    ///
    /// # Errors
    /// As [`Segments::append`], for any of them.
    pub async fn append_all_aside(self: &Arc<Self>, lines: Vec<String>) -> io::Result<()> {
        if self.config.fsync == Fsync::Always {
            for line in lines {
                self.append_aside(line).await?;
            }
            return Ok(());
        }
        let queued = lines.iter().map(|line| self.put_in(line)).collect::<io::Result<Vec<_>>>()?;
        if self.company.is_likely() {
            yield_once().await;
        }
        queued.into_iter().try_for_each(Queued::written)
    }

    /// Appends lines in their order and syncs them, whatever the configuration says.
    ///
    /// # Errors
    /// As [`Segments::append`], for all of the lines together.
    pub fn append_synced<'a>(&self, lines: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for line in lines {
            check(line)?;
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        // Not while holding the writer: others append meanwhile.
        let segment = self.write(&mut lock(&self.writer), &bytes)?;
        segment.sync()
    }

    /// Makes all that was appended so far survive a power failure. Blocks for a sync, but not those who append.
    ///
    /// # Errors
    /// When some of it may not survive. The next append then goes on in the same file, opened anew.
    pub fn sync(&self) -> io::Result<()> {
        let open = lock(&self.writer).open.as_ref().map(|open| Arc::clone(&open.segment));
        let retired = std::mem::take(&mut *lock(&self.retired));
        let mut result = Ok(());
        for segment in retired.into_iter().chain(open) {
            if segment.unsynced.load(Ordering::Acquire) {
                result = result.and(segment.sync());
            }
        }
        result
    }

    /// Appends to no segment before `first` any more, also when the clock is set back.
    pub fn close_before(&self, first: SegmentId) {
        let mut writer = lock(&self.writer);
        if writer.open.as_ref().is_some_and(|open| open.id < first) {
            self.retire(&mut writer);
        }
        writer.first = writer.first.max(Some(first));
    }

    /// The first segment that may be appended to: those before it are closed. None while nothing was written.
    #[must_use]
    pub fn first_open(&self) -> Option<SegmentId> {
        lock(&self.writer).first
    }

    /// Up to where the trail is written for good; none while it holds nothing.
    #[must_use]
    pub fn end(&self) -> Option<Position> {
        lock(&self.end).0
    }

    /// When this process last wrote a record; none while it has written none.
    #[must_use]
    pub fn written_at(&self) -> Option<Timestamp> {
        lock(&self.end).1
    }

    /// The files, for reading.
    #[must_use]
    pub fn files(&self) -> &Arc<dyn SegmentFiles> {
        &self.files
    }

    /// Waits, without sleeping, about as long as a write takes.
    fn spin(&self, batch: &Batch) {
        for _ in 0..SPINS_MAX {
            if batch.result.get().is_some() || !self.writing.load(Ordering::Relaxed) {
                return;
            }
            std::hint::spin_loop();
        }
    }

    /// Writes what is queued. Only for the thread that set the queue's mark.
    fn take_turn(&self) {
        let mut writer = lock(&self.writer);
        let mut lines = std::mem::take(&mut writer.spare);
        let batch = {
            let mut queue = lock(&self.queue);
            std::mem::swap(&mut queue.lines, &mut lines);
            self.company.wrote(std::mem::take(&mut queue.count));
            std::mem::take(&mut queue.batch)
        };
        let turn = Turn { queue: &self.queue, writing: &self.writing, batch };
        let written = self.write(&mut writer, &lines).and_then(|segment| match self.config.fsync {
            Fsync::Always => segment.sync(),
            Fsync::Never | Fsync::Interval => Ok(()),
        });
        // Nobody else sets it: a batch is taken once.
        let _ = turn.batch.result.set(written.map_err(Arc::new));
        lines.clear();
        lines.shrink_to(BUFFER_BYTES_KEPT);
        writer.spare = lines;
    }

    /// Appends whole lines to the present segment, all or none.
    fn write(&self, writer: &mut Writer, lines: &[u8]) -> io::Result<Arc<Segment>> {
        let now = self.clock.now();
        let open = self.present(writer, now)?;
        let segment = Arc::clone(&open.segment);
        segment.unsynced.store(true, Ordering::Release);
        match write_all(segment.file.as_ref(), lines) {
            Ok(()) => {
                open.length = open.length.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
                *lock(&self.end) = (Some(Position { segment: open.id, offset: open.length }), Some(now));
                Ok(segment)
            }
            Err(error) => {
                if segment.file.truncate(open.length).is_err() {
                    // Opening it again closes off what is left of a line.
                    self.retire(writer);
                }
                Err(error)
            }
        }
    }

    /// The open segment of the present hour. Goes on to the next part when it is full, and never back.
    fn present<'a>(&self, writer: &'a mut Writer, now: Timestamp) -> io::Result<&'a mut Open> {
        let present = SegmentId::first(Hour::of(now));
        let mut id = writer.first.map_or(present, |first| first.max(present));
        let fits = |open: &Open| {
            open.id == id && open.length < self.config.bytes_max && !open.segment.failed.load(Ordering::Acquire)
        };
        if !writer.open.as_ref().is_some_and(fits) {
            self.retire(writer);
            let (file, length) = loop {
                let file = self.files.append(&id.file())?;
                let length = close_off(file.as_ref())?;
                if length < self.config.bytes_max {
                    break (file, length);
                }
                id = id.next();
            };
            writer.first = Some(id);
            writer.open = Some(Open { id, segment: Arc::new(Segment::new(file)), length });
        }
        writer.open.as_mut().ok_or_else(|| io::Error::other("no segment is open"))
    }

    /// Puts the open segment with those that only wait for a sync.
    fn retire(&self, writer: &mut Writer) {
        let Some(open) = writer.open.take() else { return };
        if self.config.fsync == Fsync::Interval && open.segment.unsynced.load(Ordering::Acquire) {
            let mut retired = lock(&self.retired);
            retired.push(open.segment);
            let surplus = retired.len().saturating_sub(RETIRED_MAX);
            retired.drain(..surplus);
        }
    }
}

/// A line that was put in. When it is let go before it was written, such as with its request's future, it is written
/// then: a line that nobody takes would stay where it is.
struct Queued<'a> {
    segments: &'a Segments,
    batch: Arc<Batch>,
}

impl Queued<'_> {
    /// Waits until the line is written.
    fn written(self) -> io::Result<()> {
        self.segments.complete(&self.batch);
        match self.batch.result.get() {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(io::Error::new(error.kind(), Arc::clone(error))),
            None => Err(io::Error::other("nobody wrote the line")),
        }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.segments.complete(&self.batch);
    }
}

/// Lets the other tasks of this thread that are ready have their turns first.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Segment {
    fn new(file: Box<dyn SegmentFile>) -> Self {
        Self { file, unsynced: AtomicBool::new(false), syncing: Mutex::new(()), failed: AtomicBool::new(false) }
    }

    /// Syncs. Once that has failed, it fails for good: the system tells of lost writes only once, and what was lost
    /// stays lost. One at a time, so that nobody takes another's failure for success.
    fn sync(&self) -> io::Result<()> {
        let _one = lock(&self.syncing);
        if self.failed.load(Ordering::Acquire) {
            return Err(io::Error::other("an earlier sync of this segment failed"));
        }
        self.unsynced.store(false, Ordering::Release);
        let result = self.file.sync();
        if result.is_err() {
            self.failed.store(true, Ordering::Release);
        }
        result
    }
}

fn check(line: &str) -> io::Result<()> {
    if line.len() > LINE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a record is longer than a line may be"));
    }
    if memchr::memchr(b'\n', line.as_bytes()).is_some() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a record has a line's end inside"));
    }
    Ok(())
}

/// Ends the last line if it has no end, and returns the length. Deletes nothing.
fn close_off(file: &dyn SegmentFile) -> io::Result<u64> {
    if file.last_byte()?.is_some_and(|byte| byte != b'\n') {
        write_all(file, b"\n")?;
    }
    file.length()
}

/// What the locks guard is whole between any two statements, so that a thread that died does no harm to others.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
