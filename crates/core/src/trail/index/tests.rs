//! Tests of the index: whatever is looked up is what a walk over all records finds, also after restarts and losses.

use strongroom_types::{Clock as _, MockClock};

use super::*;
use crate::trail::digests::Head as Digest;
use crate::trail::keeping::{Keeper, Keeping};
use crate::trail::memory::MemoryFiles;
use crate::trail::segments::SegmentsConfig;

const START: Timestamp = Timestamp::from_seconds(1_525_369_862);
const ALL: u64 = u64::MAX;
const A: &str = "111111111111";

struct House {
    files: MemoryFiles,
    clock: MockClock,
    segments: Arc<Segments>,
    index: Index,
}

impl House {
    fn new() -> Self {
        Self::over(MemoryFiles::default(), MockClock::at(START))
    }

    fn over(files: MemoryFiles, clock: MockClock) -> Self {
        let config = SegmentsConfig { bytes_max: 5000, ..SegmentsConfig::default() };
        let segments = Segments::with_files(Arc::new(files.clone()), config, Arc::new(clock.clone())).unwrap();
        let segments = Arc::new(segments);
        Self { files, clock, index: Index::new(Arc::clone(&segments)), segments }
    }

    /// As after a restart.
    fn again(&self) -> Self {
        Self::over(self.files.clone(), self.clock.clone())
    }

    fn write(&self, account: &str, id: &str, name: &str, user: &str) {
        let mut time = String::new();
        crate::trail::calendar::push_iso(&mut time, self.clock.now());
        self.segments
            .append(&format!(
                r#"{{"eventID":"{id}","eventTime":"{time}","eventName":"{name}","eventSource":"s","readOnly":true,"userIdentity":{{"type":"IAMUser","userName":"{user}"}},"recipientAccountId":"{account}"}}"#
            ))
            .unwrap();
    }

    fn ids(&self, lookup: &Lookup) -> Vec<String> {
        assert!(self.index.catch_up(self.clock.now(), ALL).unwrap());
        let hits = self.index.lookup(lookup).unwrap();
        assert!(hits.is_sorted_by_key(|hit| Reverse(hit.place)));
        hits.iter().map(|hit| Facts::of(&hit.text).unwrap().event_id.into_owned()).collect()
    }

    fn fill(&self) {
        for n in 0..300 {
            self.write(
                if n % 5 == 0 { "222222222222" } else { A },
                &format!("id{n}"),
                ["Get", "Put"][n % 2],
                ["u", "v", "w"][n % 3],
            );
            self.clock.advance_millis(if n % 4 == 0 { 60_000 } else { 300 });
        }
    }
}

fn lookup(attribute: Option<(Attribute, &str)>) -> Lookup {
    let attribute = attribute.map(|(attribute, value)| (attribute, value.to_owned()));
    Lookup { account: A.to_owned(), attribute, from: 0, until: i64::MAX - 1, behind: None, limit: 1000 }
}

fn expected(is: impl Fn(usize) -> bool) -> Vec<String> {
    (0..300).rev().filter(|n| n % 5 != 0 && is(*n)).map(|n| format!("id{n}")).collect()
}

fn check(house: &House) {
    assert_eq!(house.ids(&lookup(None)), expected(|_| true));
    assert_eq!(house.ids(&lookup(Some((Attribute::EventName, "Put")))), expected(|n| n % 2 == 1));
    assert_eq!(house.ids(&lookup(Some((Attribute::Username, "w")))), expected(|n| n % 3 == 2));
    assert_eq!(house.ids(&lookup(Some((Attribute::EventId, "id77")))), ["id77"]);
    // Of another account.
    assert!(house.ids(&lookup(Some((Attribute::EventId, "id75")))).is_empty());
    assert!(house.ids(&lookup(Some((Attribute::EventName, "Del")))).is_empty());
    // Page by page.
    let mut page = Lookup { limit: 7, ..lookup(Some((Attribute::EventName, "Get"))) };
    let mut all = Vec::new();
    loop {
        let hits = house.index.lookup(&page).unwrap();
        let Some(last) = hits.last() else { break };
        page.behind = Some(last.place);
        all.extend(hits.iter().map(|hit| Facts::of(&hit.text).unwrap().event_id.into_owned()));
    }
    assert_eq!(all, expected(|n| n % 2 == 0));
    // Within a time.
    let hits = house.index.lookup(&lookup(None)).unwrap();
    let (newest, oldest) = (&hits[40], &hits[120]);
    let within = Lookup { from: oldest.place.time, until: newest.place.time, ..lookup(None) };
    let inside = hits.iter().filter(|hit| (oldest.place.time..=newest.place.time).contains(&hit.place.time)).count();
    assert_eq!(house.ids(&within).len(), inside);
}

#[test]
fn lookups_find_what_there_is_also_after_a_restart_or_when_the_index_is_lost() {
    let house = House::new();
    house.fill();
    check(&house);
    let files =
        |house: &House| house.files.names().into_iter().filter(|name| name.ends_with(".index")).collect::<Vec<_>>();
    assert!(files(&house).len() > 5);
    check(&house.again());
    // A file of it is lost, one is damaged, one is from before.
    let names = files(&house);
    house.files.remove(&names[2]);
    check(&house.again());
    house.files.put(&names[4], b"SRINDEX2");
    check(&house.again());
    for name in &names {
        house.files.remove(name);
    }
    check(&house.again());
    // What is left of another index is in nobody's way.
    let stale = names[1].replace("0.index", "1.index");
    house.files.put(&stale, b"SRINDEX2");
    check(&house.again());
    assert!(!house.files.names().contains(&stale));
    // In small steps.
    let stepped = house.again();
    while !stepped.index.catch_up(house.clock.now(), 2000).unwrap() {}
    check(&stepped);
}

#[test]
fn records_are_found_when_segments_were_compressed_and_not_when_they_were_removed() {
    let house = House::new();
    house.fill();
    check(&house);
    let keeper = Keeper::new(Arc::new(house.files.clone()), Keeping { compress: true, retention_days: 1 });
    let segment = house.index.position().unwrap().segment;
    let newest = SegmentId { hour: segment.hour.previous(), part: 9999 };
    let head = Digest { number: 1, sha256: String::new(), segment: newest };
    while keeper.compress_next(&head).unwrap().is_some() {}
    assert!(house.files.names().iter().any(|name| name.ends_with(".gz")));
    check(&house);
    check(&house.again());
    assert!(keeper.remove_through(newest).unwrap() > 0);
    let left = house.ids(&lookup(None));
    assert!(!left.is_empty() && left.len() < 240 && left[0] == "id299");
    assert_eq!(house.again().ids(&lookup(None)), left);
}

#[test]
fn the_end_that_a_loss_of_power_took_is_not_known_either_and_what_is_old_is_forgotten() {
    let house = House::new();
    house.fill();
    check(&house);
    house.files.lose_power();
    let after = house.again();
    let ids = after.ids(&lookup(None));
    assert!(!ids.is_empty() && ids.len() < 240);
    after.write(A, "after", "Get", "u");
    assert_eq!(after.ids(&lookup(None))[0], "after");
    house.clock.advance_millis(92 * DAY_MS);
    house.index.forget_old(house.clock.now()).unwrap();
    assert!(!house.files.names().iter().any(|name| name.ends_with(".index")));
    let later = house.again();
    later.write(A, "later", "Get", "u");
    assert_eq!(later.ids(&lookup(None)), ["later"]);
}

/// Changes bytes of a file.
fn change(files: &MemoryFiles, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut files.read(name, 0).unwrap(), &mut bytes).unwrap();
    change(&mut bytes);
    files.put(name, &bytes);
}

#[test]
fn a_file_that_somebody_changed_makes_no_lookup_endless_and_is_made_anew() {
    let house = House::new();
    house.fill();
    check(&house);
    let names: Vec<String> = house.files.names().into_iter().filter(|name| name.ends_with(".index")).collect();
    let all = |house: &House, limit| house.index.lookup(&Lookup { limit, ..lookup(None) });
    for (name, from, until, byte, is_noticed) in [
        // The newest event is said to be of 1970, so that everything seems to lie within what is asked for.
        (&names[3], 32, 40, 0_u8, true),
        // More records than the file has.
        (&names[4], 40, 43, 0xff, true),
        // Its records are said to be the first one, again and again.
        (&names[5], usize::MAX, usize::MAX, 0, true),
        // Its places are places of no record: those are not found, and nothing else happens.
        (&names[6], 48, usize::MAX, 0x01, false),
    ] {
        change(&house.files, name, |bytes| {
            let from = from.min(bytes.len() - 40);
            let until = until.min(bytes.len());
            bytes[from..until].fill(byte);
        });
        let after = house.again();
        let (done, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // It may fail, and is mended then.
            for _ in 0..3 {
                after.index.catch_up(after.clock.now(), ALL).unwrap();
                let _ = all(&after, 7);
                let _ = all(&after, 300);
            }
            if is_noticed {
                check(&after);
            }
            let _ = done.send(all(&after, 7).map(|hits| hits.len()));
        });
        let found = told.recv_timeout(std::time::Duration::from_secs(20)).expect("the lookup ends");
        assert_eq!(found.unwrap(), 7, "{name}");
    }
}
