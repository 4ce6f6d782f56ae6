//! Histories that must pass, histories that must not, and random ones judged beside every order there is.

use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};

use super::Act::{PerhapsWritten, Read, Refused, Written};
use super::{Act, Instant, Operation, Value, Violation, check};

const INITIAL: Value = 0;

fn op(start: Instant, end: Instant, act: Act) -> Operation {
    Operation { start, end, act }
}

fn strict(history: &[Operation]) -> Result<(), Violation> {
    check(INITIAL, history, 0)
}

#[track_caller]
fn refused(history: &[Operation]) {
    assert!(matches!(strict(history), Err(Violation::NoPlace { .. })), "{:?}", strict(history));
}

#[test]
fn nothing_and_one_after_the_other_pass() {
    assert_eq!(strict(&[]), Ok(()));
    assert_eq!(strict(&[op(0, 1, Read(0)), op(2, 3, Written(1)), op(4, 5, Read(1)), op(6, 7, Read(1))]), Ok(()));
}

#[test]
fn what_overlaps_may_come_in_either_order() {
    for found in [1, 2] {
        assert_eq!(strict(&[op(0, 10, Written(1)), op(5, 15, Written(2)), op(20, 21, Read(found))]), Ok(()));
    }
    assert_eq!(strict(&[op(0, 10, Written(1)), op(3, 4, Read(0)), op(5, 6, Read(1))]), Ok(()));
    // What touches overlaps.
    assert_eq!(strict(&[op(0, 10, Written(1)), op(10, 11, Read(0))]), Ok(()));
}

#[test]
fn a_lost_write_is_refused() {
    refused(&[op(0, 1, Written(1)), op(2, 3, Written(2)), op(4, 5, Read(1))]);
    refused(&[op(0, 1, Written(1)), op(2, 3, Read(0))]);
}

#[test]
fn a_stale_read_is_refused_and_a_bound_allows_it() {
    let history = [op(100, 110, Written(1)), op(150, 151, Read(0))];
    refused(&history);
    assert!(check(INITIAL, &history, 39).is_err());
    assert_eq!(check(INITIAL, &history, 40), Ok(()));
    // However old, what was never there at once is not found one after the other by the one who looks.
    let back = [op(100, 110, Written(1)), op(150, 151, Read(1)), op(300, 301, Read(0))];
    assert!(check(INITIAL, &back, 100).is_err());
}

#[test]
fn a_resurrected_value_is_refused() {
    refused(&[op(0, 1, Written(1)), op(2, 3, Written(2)), op(4, 5, Read(2)), op(6, 7, Read(1))]);
    // Two reads that disagree about the order of two writes.
    refused(&[op(0, 9, Written(1)), op(0, 9, Written(2)), op(10, 11, Read(1)), op(12, 13, Read(2))]);
}

#[test]
fn a_write_of_which_nobody_knows_may_happen_at_any_later_time_or_never() {
    let write = op(0, 5, PerhapsWritten(1));
    assert_eq!(strict(&[write, op(10, 11, Read(0))]), Ok(()));
    assert_eq!(strict(&[write, op(10, 11, Read(0)), op(12, 13, Read(1))]), Ok(()));
    assert_eq!(strict(&[write, op(6, 7, Written(2)), op(8, 9, Read(2)), op(10, 11, Read(1))]), Ok(()));
    // But once, and not before it was called.
    refused(&[write, op(6, 7, Read(1)), op(8, 9, Written(2)), op(10, 11, Read(1))]);
    assert!(matches!(strict(&[op(0, 1, Read(1)), op(5, 6, PerhapsWritten(1))]), Err(Violation::BeforeItsWrite(_))));
}

#[test]
fn what_was_refused_or_never_written_must_not_be_seen() {
    assert_eq!(strict(&[op(0, 1, Refused(1)), op(2, 3, Read(0))]), Ok(()));
    assert!(matches!(strict(&[op(0, 1, Refused(1)), op(2, 3, Read(1))]), Err(Violation::OutOfNowhere(_))));
    assert!(matches!(strict(&[op(0, 1, Read(7))]), Err(Violation::OutOfNowhere(_))));
}

#[test]
fn two_writes_of_one_value_cannot_be_judged() {
    assert_eq!(strict(&[op(0, 1, Written(1)), op(2, 3, Written(1))]), Err(Violation::SameValue(1)));
}

#[test]
fn a_long_history_with_a_fault_at_its_end_is_refused() {
    // Eight writers whose writes overlap, and readers that find the last of each round.
    let mut history = Vec::new();
    for round in 0..2_000_u64 {
        let at = round * 100;
        history.extend((0..8).map(|writer| op(at + writer, at + 50, Written(1 + round * 8 + writer))));
        history.push(op(at + 60, at + 70, Read(1 + round * 8 + (round % 8))));
    }
    assert_eq!(strict(&history), Ok(()));
    history.push(op(300_000, 300_001, Read(1)));
    refused(&history);
}

/// Every order that keeps the order of what does not overlap: slow, and plainly right. A write of which nobody knows has
/// no end, and may be left out.
fn some_order_exists(value: Value, history: &[Operation]) -> bool {
    let must = |operation: &Operation| !matches!(operation.act, PerhapsWritten(_) | Refused(_));
    if !history.iter().any(must) {
        return true;
    }
    let first_end = history.iter().filter(|operation| must(operation)).map(|operation| operation.end).min();
    history.iter().enumerate().any(|(place, operation)| {
        if first_end.is_some_and(|end| operation.start > end) {
            return false;
        }
        let mut rest = history.to_vec();
        rest.remove(place);
        match operation.act {
            Written(new) | PerhapsWritten(new) => some_order_exists(new, &rest),
            Read(found) => found == value && some_order_exists(value, &rest),
            Refused(_) => false,
        }
    })
}

/// Small histories: a write's value is its place, reads find any value.
fn histories() -> impl Strategy<Value = Vec<Operation>> {
    let one = (0..24_u64, 0..8_u64, 0..8_u8, any::<u8>());
    proptest::collection::vec(one, 0..8).prop_map(|drawn| {
        let count = drawn.len() as u64;
        let made = drawn.into_iter().enumerate().map(|(place, (start, time, kind, found))| {
            let own = place as u64 + 1;
            let act = match kind {
                0 | 1 => Written(own),
                2 => PerhapsWritten(own),
                3 => Refused(own),
                _ => Read(u64::from(found) % (count + 1)),
            };
            op(start, start + time, act)
        });
        made.collect()
    })
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 20_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_search_agrees_with_every_order(history in histories(), bound in 0..4_u64) {
        let earlier = |operation: &Operation| match operation.act {
            Read(_) => op(operation.start.saturating_sub(bound), operation.end, operation.act),
            _ => *operation,
        };
        let moved: Vec<Operation> = history.iter().map(earlier).collect();
        prop_assert_eq!(check(INITIAL, &history, bound).is_ok(), some_order_exists(INITIAL, &moved));
    }
}
