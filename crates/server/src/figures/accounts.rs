//! The accounts that figures tell apart: up to a number of them, the rest together.
//!
//! A table of account numbers with open places, read without a lock: an account that is found is one load or two.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use strongroom_types::AccountId;

/// How it is told when nobody is known.
const NONE: &str = "none";
/// How all beyond the bound are told.
const OTHER: &str = "other";
/// Rows before those of accounts.
const BEFORE: usize = 2;

/// Where an account counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Row(usize);

impl Row {
    /// Of requests of which nobody knows whose they are.
    pub(crate) const NONE: Self = Self(0);
    /// Of all accounts beyond the bound.
    const OTHER: Self = Self(1);

    /// Its place in a table with a row for each.
    pub(crate) const fn number(self) -> usize {
        self.0
    }
}

/// The accounts.
#[derive(Debug)]
pub(crate) struct Accounts {
    /// Numbers of accounts, 0 where there is none; twice as many places as may be taken.
    places: Box<[AtomicU64]>,
    taken: AtomicUsize,
    most: usize,
}

impl Accounts {
    /// For up to `most` accounts.
    pub(crate) fn new(most: u32) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let places = most.saturating_mul(2).next_power_of_two().max(2);
        Self { places: (0..places).map(|_| AtomicU64::new(0)).collect(), taken: AtomicUsize::new(0), most }
    }

    /// Rows of a table that has one for each.
    pub(crate) fn rows(&self) -> usize {
        self.places.len() + BEFORE
    }

    /// Where `account` counts.
    pub(crate) fn row(&self, account: &AccountId) -> Row {
        let number = account.as_str().bytes().fold(0, |number, digit| number * 10 + u64::from(digit & 0x0f));
        let mask = self.places.len() - 1;
        // Multiplied by 2^64 over the golden ratio, so that numbers that follow one another are spread.
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let first = usize::try_from(spread).unwrap_or(0);
        for step in 0..self.places.len() {
            let at = first.wrapping_add(step) & mask;
            let Some(place) = self.places.get(at) else { break };
            let there = place.load(Ordering::Relaxed);
            if there == number || (there == 0 && self.take(place, number)) {
                return Row(at + BEFORE);
            }
            if there == 0 && self.taken.load(Ordering::Relaxed) >= self.most {
                break;
            }
        }
        Row::OTHER
    }

    /// Takes a free place for `number`; true when it has it, be it by another thread.
    fn take(&self, place: &AtomicU64, number: u64) -> bool {
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        match place.compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => true,
            Err(there) => {
                self.taken.fetch_sub(1, Ordering::Relaxed);
                there == number
            }
        }
    }

    /// The rows that something may have been counted in.
    pub(crate) fn used(&self) -> impl Iterator<Item = Row> {
        let taken = self.places.iter().enumerate().filter(|(_, place)| place.load(Ordering::Relaxed) != 0);
        [Row::NONE, Row::OTHER].into_iter().chain(taken.map(|(at, _)| Row(at + BEFORE)))
    }

    /// How a row is told.
    pub(crate) fn told(&self, row: Row) -> String {
        match row {
            Row::NONE => NONE.to_owned(),
            Row::OTHER => OTHER.to_owned(),
            Row(at) => {
                let number = self.places.get(at - BEFORE).map_or(0, |place| place.load(Ordering::Relaxed));
                format!("{number:012}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn accounts_have_rows_of_their_own_up_to_the_bound() {
        let accounts = Accounts::new(3);
        let account = |number: u64| AccountId::parse(&format!("{number:012}")).unwrap();
        let rows: Vec<Row> = (1..=5).map(|number| accounts.row(&account(number * 111))).collect();
        assert_eq!(rows[..3].iter().collect::<BTreeSet<_>>().len(), 3);
        assert_eq!((rows[3], rows[4]), (Row::OTHER, Row::OTHER));
        for (at, row) in rows[..3].iter().enumerate() {
            assert_eq!(accounts.row(&account((at as u64 + 1) * 111)), *row, "found again");
            assert_eq!(accounts.told(*row), format!("{:012}", (at + 1) * 111));
            assert!(row.number() < accounts.rows());
        }
        assert_eq!(accounts.used().count(), 5);
        assert_eq!(Accounts::new(0).row(&account(1)), Row::OTHER);
    }

    #[test]
    fn many_threads_agree_on_the_rows() {
        let accounts = Accounts::new(100);
        let account = |number: usize| AccountId::parse(&format!("{number:012}")).unwrap();
        let rows = || (1..=100).map(|number| accounts.row(&account(number))).collect::<Vec<_>>();
        std::thread::scope(|scope| {
            let others: Vec<_> = (0..4).map(|_| scope.spawn(rows)).collect();
            let others: Vec<_> = others.into_iter().map(|other| other.join().unwrap()).collect();
            let again = rows();
            assert_eq!(again.iter().collect::<BTreeSet<_>>().len(), 100);
            assert!(again.iter().all(|row| *row != Row::OTHER) || others.iter().any(|other| *other != again));
        });
    }
}
