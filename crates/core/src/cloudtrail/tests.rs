//! Tests of looking up over several servers: one order, and each page goes on where the one before ended.

use std::cmp::Reverse;

use super::lookup::{Found, of_node};
use super::{Behind, Question, Told};
use crate::trail::follow::Position;
use crate::trail::index::{Lookup, Place};

fn question(behind: Option<Behind>, limit: usize) -> Question {
    Question { account: "1".to_owned(), attribute: None, from: 0, until: 1000, behind, limit }
}

/// What a server with events of these times answers, written in that order.
fn answer(node: &str, times: &[i64], question: &Question) -> Told {
    let mut events = Vec::new();
    if let Some(Lookup { from, until, behind, limit, .. }) = of_node(question, node) {
        let mut places: Vec<Place> = times
            .iter()
            .zip(0..)
            .map(|(time, offset)| Place { time: *time, at: Position { offset, ..Position::START } })
            .filter(|place| (from..=until).contains(&place.time) && behind.is_none_or(|behind| *place < behind))
            .collect();
        places.sort_by_key(|place| Reverse(*place));
        places.truncate(limit);
        let found = |place: Place| Found {
            time: place.time,
            at: place.at.to_string(),
            text: format!("{node}:{}:{}", place.time, place.at.offset),
        };
        events.extend(places.into_iter().map(found));
    }
    Told { node: node.to_owned(), events }
}

#[test]
fn pages_over_several_servers_hold_every_event_once_in_one_order() {
    let servers: [(&str, &[i64]); 3] =
        [("aa", &[5, 5, 7, 3, 9, 9]), ("bb", &[9, 5, 5, 5, 1]), ("1", &[9, 7, 7, 5, 5, 2, 2])];
    let ask = |question: &Question| servers.map(|(node, times)| answer(node, times, question)).to_vec();
    let whole = super::lookup::merged(ask(&question(None, 100)), 100);
    assert_eq!(whole.len(), 18);
    assert!(whole.is_sorted_by_key(|(node, found)| (Reverse(found.time), node.clone())));
    for limit in 1..8 {
        let (mut all, mut behind) = (Vec::new(), None);
        loop {
            let page = super::lookup::merged(ask(&question(behind, limit)), limit);
            let Some((node, last)) = page.last() else { break };
            behind = Some(Behind { time: last.time, node: node.clone(), at: last.at.clone() });
            all.extend(page);
        }
        assert_eq!(all, whole, "pages of {limit}");
    }
}
