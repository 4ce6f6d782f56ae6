//! Whether a store takes changes, and whether it is whole: a number that each engine reads with every commit anyway.
//!
//! It stands in front of the number of the schema (`standing × 1 000 000 + schema`), so that a release which does not know
//! of it takes the store for one of a later release and leaves it alone.

use std::fmt;

/// Schema numbers are below this.
const STEP: i64 = 1_000_000;

/// What may be done with a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Everything.
    #[default]
    Open,
    /// It is read, and takes no changes until it is thawed.
    Frozen,
    /// It is read, and takes no changes, as its copy does now.
    Moved,
    /// A copy into it was begun and not finished: it is not opened.
    Unfinished,
}

impl Standing {
    /// Its number.
    fn number(self) -> i64 {
        match self {
            Self::Open => 0,
            Self::Frozen => 1,
            Self::Moved => 2,
            Self::Unfinished => 3,
        }
    }

    /// The stored number of a store with `schema`.
    pub(crate) fn with(self, schema: i64) -> i64 {
        self.number() * STEP + schema
    }

    /// Reads a stored number: the standing and the schema. What no release of this kind has written is a schema as a whole.
    pub(crate) fn of(stored: i64) -> (Self, i64) {
        let standing = match stored.div_euclid(STEP) {
            1 => Self::Frozen,
            2 => Self::Moved,
            3 => Self::Unfinished,
            _ => return (Self::Open, stored),
        };
        (standing, stored.rem_euclid(STEP))
    }

    /// Whether commits are refused.
    #[must_use]
    pub fn refuses_changes(self) -> bool {
        self != Self::Open
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Frozen => "frozen",
            Self::Moved => "moved",
            Self::Unfinished => "unfinished",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_both() {
        for standing in [Standing::Open, Standing::Frozen, Standing::Moved, Standing::Unfinished] {
            assert_eq!(Standing::of(standing.with(3)), (standing, 3));
        }
        assert_eq!(Standing::of(7_000_001), (Standing::Open, 7_000_001));
        assert_eq!(Standing::of(-1), (Standing::Open, -1));
    }
}
