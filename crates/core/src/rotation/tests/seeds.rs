//! Five years of a secret on each kind of schedule, with failing steps, deaths, lost servers and clock jumps: every window
//! has exactly one rotation or a recorded failure. `STRONGROOM_ROTATION_SEEDS` says how many seeds, when
//! the tests are built.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use strongroom_crypto::Random as _;
use strongroom_crypto::random::SeededRandom;
use strongroom_schedule::Schedule;
use strongroom_store::Range;
use strongroom_types::time::DAY_MS;
use strongroom_types::{Clock as _, Timestamp};
use strongroom_wire::secretsmanager::RotationRulesType;

use super::house::{Fate, House, by, describe, every_days};
use crate::documents::Document as _;
use crate::secrets::rotation::NextWindow;
use crate::secrets::rotation::history::{Happened, HistoryEntry};
use crate::secrets::rotation::job::BY_DUE;

const YEARS_MS: i64 = 5 * 365 * DAY_MS + DAY_MS;
const HOUR_MS: i64 = DAY_MS / 24;
const SEEDS: u64 = 12;

/// Dice of a seed.
struct Dice(SeededRandom);

impl Dice {
    fn below(&self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes).unwrap();
        u64::from_be_bytes(bytes) % end
    }

    fn one_in(&self, chance: u64) -> bool {
        self.below(chance) == 0
    }
}

fn rules(dice: &Dice) -> RotationRulesType {
    let with_duration = |expression: &str, duration: &str| {
        Some(RotationRulesType { duration: Some(duration.to_owned()), ..by(expression).unwrap() })
    };
    let rules = match dice.below(12) {
        0 => every_days(1 + i64::try_from(dice.below(60)).unwrap()),
        1 => by("rate(10 days)"),
        2 => with_duration("rate(30 days)", "3h"),
        3 => by("rate(23 hours)"),
        4 => by("cron(0 8 1 * ? *)"),
        5 => by("cron(0 18 ? * SAT *)"),
        6 => by("cron(0 17 L * ? *)"),
        7 => by("cron(0 1 ? 1/3 SUN#1 *)"),
        8 => with_duration("cron(0 16 1,15 * ? *)", "2h"),
        9 => by("cron(0 8 ? * MON-FRI *)"),
        10 => by("rate(999 days)"),
        _ => by("cron(0 0 29 2 ? *)"),
    };
    rules.unwrap()
}

/// Follows the windows as the schedule has them, and what happened in each.
struct Ledger {
    schedule: Schedule,
    anchor: Timestamp,
    /// The window that is to come, or that is tried.
    window: Option<NextWindow>,
    /// Whether something was recorded in it.
    failed: bool,
    rotations: u32,
}

impl Ledger {
    fn next(&self, after_ms: i64) -> Option<NextWindow> {
        self.schedule.next_window(self.anchor, Timestamp::from_millis(after_ms)).map(NextWindow::from)
    }

    fn note(&mut self, entry: &HistoryEntry, seed: u64) {
        let Some(window) = entry.window else {
            // Of the rotation that was asked for.
            if entry.happened == Happened::Succeeded {
                self.anchor = Timestamp::from_millis(entry.at_ms);
                self.window = self.next(entry.at_ms);
            }
            return;
        };
        while self.window != Some(window) {
            let passed = self.window.unwrap_or_else(|| panic!("seed {seed}: a window that is none: {entry:?}"));
            assert!(self.failed, "seed {seed}: nothing was recorded for {passed:?}, then came {entry:?}");
            self.window = self.next(passed.start_ms);
            self.failed = false;
            assert!(self.window.is_some_and(|next| next.start_ms <= window.start_ms), "seed {seed}: {entry:?}");
        }
        match &entry.happened {
            Happened::Missed { windows } => {
                for _ in 1..*windows {
                    self.window = self.next(self.window.unwrap().start_ms);
                }
                assert!(self.window.unwrap().end_ms <= entry.at_ms, "seed {seed}: not missed: {entry:?}");
                self.failed = true;
            }
            Happened::StepFailed { .. } | Happened::Refused { .. } => self.failed = true,
            Happened::Succeeded => {
                assert!(entry.at_ms >= window.start_ms, "seed {seed}: before its window: {entry:?}");
                self.rotations += 1;
                self.anchor = Timestamp::from_millis(entry.at_ms);
                self.window = self.next(entry.at_ms);
                self.failed = false;
            }
            Happened::Began | Happened::StepSucceeded { .. } => {}
        }
    }
}

/// What befalls the steps: mostly nothing, at times a row of failures.
fn fates(house: &House, seed: u64) {
    let dice = Dice(SeededRandom::new(seed ^ 0x5eed));
    let bad = Arc::new(Mutex::new(0_u64));
    house.fates(move |_| {
        let mut bad = bad.lock().unwrap();
        if *bad > 0 {
            *bad -= 1;
            return if dice.one_in(2) { Fate::Fails } else { Fate::FailsBehind };
        }
        if dice.one_in(150) {
            *bad = 1 + dice.below(40);
        }
        match dice.below(40) {
            0 => Fate::Dies,
            1 => Fate::DiesBehind,
            2 => Fate::Fails,
            _ => Fate::Works,
        }
    });
}

async fn due_ms(house: &House) -> Option<i64> {
    let range = Range { index: BY_DUE, prefix: String::new(), after: None, descending: false, limit: 1 };
    let entries = house.service.documents.range(&range).await.unwrap();
    let value = entries.first()?.value.rsplit_once(':')?.1.to_owned();
    Some(i64::from_str_radix(&value, 16).unwrap())
}

async fn live(seed: u64) -> u32 {
    let dice = Dice(SeededRandom::new(seed));
    let house = House::new(seed);
    house.clock.set(Timestamp::from_millis(1_700_000_000_000 + i64::try_from(dice.below(400)).unwrap() * HOUR_MS * 7));
    fates(&house, seed);
    house.service.create("db", Some("first")).await.unwrap();
    let rules = rules(&dice);
    let began = house.clock.now();
    house.rotate_by("db", Some(rules.clone()), true).await.unwrap();
    let schedule =
        Schedule::new(rules.automatically_after_days, rules.schedule_expression.as_deref(), rules.duration.as_deref());
    let schedule = schedule.unwrap();
    let window = schedule.next_window(began, began).map(NextWindow::from);
    let mut ledger = Ledger { schedule, anchor: began, window, failed: false, rotations: 0 };
    let (mut last, end_ms) = (None, began.millis() + YEARS_MS);
    let mut turns = 0;
    while house.clock.now().millis() < end_ms {
        turns += 1;
        assert!(turns < 200_000, "seed {seed} does not come to an end");
        let Some(due) = due_ms(&house).await else { break };
        let now = house.clock.now().millis();
        let mut to = due.max(now);
        if dice.one_in(60) {
            // No server runs for a while.
            to += i64::try_from(dice.below(40)).unwrap() * DAY_MS;
        }
        if dice.one_in(80) {
            to -= i64::try_from(dice.below(6)).unwrap() * HOUR_MS;
        }
        house.clock.set(Timestamp::from_millis(to));
        house.work().await;
        if house.clock.now().millis() < due {
            house.clock.set(Timestamp::from_millis(due));
        }
        let history = house.history_behind("db", last.as_deref()).await;
        for entry in &history {
            ledger.note(entry, seed);
        }
        last = history.last().map(HistoryEntry::key).or(last);
        one_current(&house, seed).await;
    }
    ledger.rotations
}

/// There is one AWSCURRENT, and what the database takes is it, or the pending value of a rotation under way.
async fn one_current(house: &House, seed: u64) {
    let described = describe(&house.service, "db").await;
    let stages = described.version_ids_to_stages.unwrap();
    let current = stages.values().filter(|stages| stages.iter().any(|stage| stage == "AWSCURRENT")).count();
    assert_eq!(current, 1, "seed {seed}: {stages:?}");
    let pending = stages.iter().find(|(_, stages)| stages.iter().any(|stage| stage == "AWSPENDING"));
    let password = house.password();
    let is_current = password == house.current("db").await;
    let is_pending = pending.is_some_and(|(id, _)| password == format!("password of {id}"));
    assert!(is_current || is_pending, "seed {seed}: the database takes {password:?}; {stages:?}");
}

/// The seeds are shared out among the processors.
#[test]
fn every_window_of_five_years_has_one_rotation_or_a_recorded_failure() {
    let asked = option_env!("STRONGROOM_ROTATION_SEEDS").and_then(|text| text.parse().ok());
    let (next, end) = (AtomicU64::new(0), asked.unwrap_or(SEEDS));
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut rotations = 0;
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return rotations;
            }
            rotations += runtime.block_on(live(seed));
        }
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let rotations: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(rotations > 100, "{rotations}");
}
