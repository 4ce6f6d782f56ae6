//! Tests of the pump against a trail in memory and far sides that hang, refuse and die.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use strongroom_types::MockClock;

use super::*;
use crate::SinkFuture;
use crate::record::tests::{batch, line};

/// A trail of `records` records; what was saved stays when the rest is forgotten.
#[derive(Default)]
struct Book {
    records: AtomicU32,
    saved: Mutex<BTreeMap<String, Saved<u32>>>,
    /// Writings of cursors that still succeed; then the process is dead.
    saves_left: AtomicU32,
    disk_is_full: AtomicBool,
}

impl Book {
    fn of(records: u32) -> Arc<Self> {
        let book = Self::default();
        book.records.store(records, Ordering::SeqCst);
        book.saves_left.store(u32::MAX, Ordering::SeqCst);
        Arc::new(book)
    }

    fn saved(&self) -> Saved<u32> {
        self.saved.lock().unwrap().get("s").cloned().unwrap_or(Saved { through: 0, trying: None })
    }
}

impl Trail for Book {
    type Position = u32;

    fn lag(&self, from: &u32) -> io::Result<Lag> {
        let count = self.records.load(Ordering::SeqCst) - from;
        let oldest = (count > 0).then(|| batch(*from..from + 1).records().next().unwrap().marks().time());
        Ok(Lag { bytes: u64::from(count) * 100, oldest })
    }

    fn read(&self, from: &u32, until: Option<&u32>, bytes_max: usize) -> io::Result<Option<(Arc<Batch>, u32)>> {
        let last = until.copied().unwrap_or(u32::MAX).min(self.records.load(Ordering::SeqCst));
        let most = u32::try_from(bytes_max / 100).unwrap_or(u32::MAX).max(1);
        let end = last.min(from.saturating_add(most));
        Ok((end > *from).then(|| (Arc::new(batch(*from..end)), end)))
    }

    fn save(&self, sink: &str, saved: &Saved<u32>) -> io::Result<()> {
        if self.disk_is_full.load(Ordering::SeqCst) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        if self.saves_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err() {
            return Err(io::Error::other("the process is dead"));
        }
        self.saved.lock().unwrap().insert(sink.to_owned(), saved.clone());
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Takes,
    Refuses,
    Hangs,
}

/// A far side, which outlives the pumps that send to it.
#[derive(Default)]
struct Far {
    got: Mutex<Vec<Vec<String>>>,
    mood: Mutex<Option<Mood>>,
    names: bool,
}

impl Far {
    fn feels(&self, mood: Mood) {
        *self.mood.lock().unwrap() = Some(mood);
    }

    fn lines(&self) -> Vec<String> {
        self.got.lock().unwrap().concat()
    }
}

struct To(Arc<Far>);

impl Sink for To {
    fn describe(&self) -> String {
        "the far side".to_owned()
    }

    fn names_batches(&self) -> bool {
        self.0.names
    }

    fn send<'a>(&'a mut self, batch: &'a Batch) -> SinkFuture<'a, Taken> {
        Box::pin(async move {
            let mood = self.0.mood.lock().unwrap().unwrap_or(Mood::Takes);
            match mood {
                Mood::Takes => {
                    let lines = batch.records().map(|record| record.line().to_owned()).collect();
                    self.0.got.lock().unwrap().push(lines);
                    Ok(Taken::default())
                }
                Mood::Refuses => Err(SinkError::Unavailable("not now".to_owned())),
                Mood::Hangs => std::future::pending().await,
            }
        })
    }
}

const PACE: Pace =
    Pace { batch_bytes_max: 300, gather_ms: 0, time_ms_max: 20, idle_ms: 5, rest_ms: 0, pause_ms_max: 1000 };

fn pump(book: &Arc<Book>, far: &Arc<Far>, pace: Pace, clock: &MockClock) -> Pump<Book> {
    let sink = Box::new(To(Arc::clone(far)));
    Pump::new("s", Arc::clone(book), sink, pace, Arc::new(clock.clone()), book.saved())
}

fn lines(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(line).collect()
}

fn clock() -> MockClock {
    MockClock::at(Timestamp::from_seconds(1_795_967_827))
}

#[tokio::test]
async fn records_arrive_in_order_batch_by_batch() {
    let (book, far) = (Book::of(7), Arc::new(Far::default()));
    let mut pump = pump(&book, &far, PACE, &clock());
    for _ in 0..3 {
        assert_eq!(pump.step(false).await, Next::Step);
    }
    assert_eq!(pump.step(false).await, Next::Idle(5));
    assert_eq!(far.lines(), lines(0..7));
    assert_eq!(far.got.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    let state = pump.progress().now();
    assert_eq!((state.position, state.saved, state.delivered, state.failures), (7, 7, 7, 0));
    assert_eq!(book.saved(), Saved { through: 7, trying: None }, "written down when there is nothing to do");
}

#[tokio::test]
async fn after_a_batch_that_is_far_from_full_more_is_waited_for() {
    let (book, far) = (Book::of(1), Arc::new(Far::default()));
    let pace = Pace { batch_bytes_max: 2000, rest_ms: 7, ..PACE };
    let mut pump = pump(&book, &far, pace, &clock());
    assert_eq!(pump.step(false).await, Next::Idle(7));
    book.records.store(11, Ordering::SeqCst);
    assert_eq!(pump.step(false).await, Next::Step, "more may be there already");
    book.records.store(13, Ordering::SeqCst);
    assert!(pump.finish().await, "the end waits for nothing");
    assert_eq!(far.lines(), lines(0..13));
}

#[tokio::test]
async fn a_far_side_that_hangs_or_refuses_is_tried_again_with_growing_pauses_and_loses_nothing() {
    let (book, far) = (Book::of(4), Arc::new(Far::default()));
    let mut pump = pump(&book, &far, PACE, &clock());
    far.feels(Mood::Hangs);
    assert_eq!(pump.step(false).await, Next::Retry(250));
    let failing = pump.progress().now().failing.unwrap().1;
    assert_eq!(failing, "nothing was acknowledged within 20 ms");
    far.feels(Mood::Refuses);
    assert_eq!(pump.step(false).await, Next::Retry(500));
    assert_eq!(pump.step(false).await, Next::Retry(1000));
    assert_eq!(pump.step(false).await, Next::Retry(1000));
    assert_eq!(pump.progress().now().failing.unwrap().1, "not now");
    book.records.store(9, Ordering::SeqCst);
    far.feels(Mood::Takes);
    assert!(pump.finish().await);
    let state = pump.progress().now();
    assert!(state.failing.is_none() && state.failures == 4);
    assert_eq!(far.lines(), lines(0..9));
    far.feels(Mood::Refuses);
    book.records.store(10, Ordering::SeqCst);
    assert_eq!(pump.step(false).await, Next::Retry(250), "pauses begin anew");
    assert!(!pump.finish().await);
}

#[tokio::test]
async fn a_full_disk_stops_a_named_batch_and_repeats_none() {
    let (book, far) = (Book::of(4), Arc::new(Far { names: true, ..Far::default() }));
    let mut pump = pump(&book, &far, PACE, &clock());
    book.disk_is_full.store(true, Ordering::SeqCst);
    assert_eq!(pump.step(false).await, Next::Retry(250));
    assert_eq!(far.lines().len(), 0, "not sent before it is written down");
    book.disk_is_full.store(false, Ordering::SeqCst);
    assert!(pump.finish().await);
    assert_eq!(far.lines(), lines(0..4));
}

/// A process that dies after so many writings of how far it is, and after so many batches, at each of them.
#[tokio::test]
async fn a_kill_at_any_point_loses_no_record_and_repeats_no_more_than_was_not_written_down() {
    for names in [false, true] {
        for saves in 0..5 {
            for steps in 0..5 {
                let (book, far) = (Book::of(11), Arc::new(Far { names, ..Far::default() }));
                let clock = clock();
                book.saves_left.store(saves, Ordering::SeqCst);
                let mut dying = pump(&book, &far, PACE, &clock);
                for _ in 0..steps {
                    clock.advance_millis(SAVE_MS);
                    dying.step(false).await;
                }
                drop(dying);
                let sent_before = far.got.lock().unwrap().clone();
                let saved = book.saved();
                book.saves_left.store(u32::MAX, Ordering::SeqCst);
                // More has come meanwhile, and batches are larger now.
                book.records.store(14, Ordering::SeqCst);
                let wider = Pace { batch_bytes_max: 500, ..PACE };
                assert!(pump(&book, &far, wider, &clock).finish().await);
                let all = far.got.lock().unwrap().clone();
                let (before, after) = all.split_at(sent_before.len());
                let after = after.concat();
                assert_eq!(after, lines(saved.through..14), "what was not written down comes, in order");
                let known = before.concat();
                assert!(usize::try_from(saved.through).unwrap() <= known.len(), "{saves} {steps}");
                if names && let Some(repeated) = before.get(usize::try_from(saved.through / 3).unwrap()) {
                    // The batch that was under way comes again with the same records: it gets the same name.
                    assert_eq!(all.get(before.len()), Some(repeated), "{saves} {steps}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_batch_is_gathered_for_a_while_or_until_it_is_full() {
    let (book, far, clock) = (Book::of(1), Arc::new(Far::default()), clock());
    let pace = Pace { gather_ms: 60_000, ..PACE };
    let mut pump = pump(&book, &far, pace, &clock);
    assert_eq!(pump.step(false).await, Next::Idle(5));
    clock.advance_millis(59_999);
    assert_eq!(pump.step(false).await, Next::Idle(5));
    clock.advance_millis(1);
    assert_eq!(pump.step(false).await, Next::Step);
    book.records.store(4, Ordering::SeqCst);
    assert_eq!(pump.step(false).await, Next::Step, "it is full");
    book.records.store(5, Ordering::SeqCst);
    assert_eq!(pump.step(false).await, Next::Idle(5));
    assert!(pump.finish().await, "the end waits for nothing");
    assert_eq!(far.lines(), lines(0..5));
}
