//! A ledger of all rows of a store: sums that only who holds the sealing keys can make. Held against what is stored they
//! tell whether any row is another than the last one written, is gone, or was put in; and, of a few such rows, which.
//!
//! The sums form an invertible Bloom lookup table (Goodrich and Mitzenmacher, 2011) of keyed digests: each row is added to
//! three cells, and the difference of two tables is taken apart from the cells that hold one row alone.

use std::sync::Arc;

use crate::CryptoError;
use crate::keyring::Keyring;
use crate::random::Random;
use crate::sealed::{Context, Sealed};

/// Cells in each of the three parts of the table. A row has one cell in each.
const PART: usize = 21;
const PARTS: usize = 3;
/// A sealed ledger fits on a page of 4 KiB.
const CELLS: usize = PART * PARTS;
const CELL_BYTES: usize = 48;
/// Version of the stored form.
const FORMAT: u8 = 1;
const HEAD_BYTES: usize = 1 + 8 + ANCHOR_BYTES;
/// Length of an anchor's id, in bytes.
pub const ANCHOR_BYTES: usize = 16;
/// Bytes at the end of a stored body that tell it from all others: the cipher's tag.
pub const TAIL_BYTES: usize = 16;

/// What stands for one row in a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// Where it stands: a keyed digest of kind and key.
    pub place: u64,
    /// Its version.
    pub version: u64,
    /// A keyed digest of place, version and body.
    pub digest: u128,
}

impl Mark {
    /// Tells a mark from what several of them give when they are put together. Not linear, and the digest in it is
    /// known to nobody who cannot read the ledger.
    fn check(&self) -> u64 {
        let [low, high] = halves(self.digest);
        mixed(mixed(self.place ^ low).wrapping_add(self.version) ^ high)
    }

    /// Its cells, one in each part.
    fn cells(&self) -> [usize; PARTS] {
        let [low, high] = halves(self.digest);
        let cell = |part: usize, digest: u64| part * PART + usize::try_from(digest % PART as u64).unwrap_or(0);
        [cell(0, low & 0xffff_ffff), cell(1, low >> 32), cell(2, high & 0xffff_ffff)]
    }
}

fn halves(digest: u128) -> [u64; 2] {
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
    [half(digest), half(digest >> 64)]
}

/// The finishing step of SplitMix64.
fn mixed(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cell {
    count: i64,
    /// The marks of the cell, put together bit by bit.
    mark: Mark,
    check: u64,
}

impl Cell {
    fn put(&mut self, mark: &Mark, count: i64) {
        self.count = self.count.wrapping_add(count);
        self.mark.place ^= mark.place;
        self.mark.version ^= mark.version;
        self.mark.digest ^= mark.digest;
        self.check ^= mark.check();
    }

    /// The one mark in it, when there is only one.
    fn only(&self) -> Option<Mark> {
        (matches!(self.count, 1 | -1) && self.check == self.mark.check()).then_some(self.mark)
    }
}

/// Sums over all rows, with a count of the commits that led to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    commits: u64,
    anchor: [u8; ANCHOR_BYTES],
    cells: [Cell; CELLS],
}

impl Default for Ledger {
    fn default() -> Self {
        Self { commits: 0, anchor: [0; ANCHOR_BYTES], cells: [Cell::default(); CELLS] }
    }
}

/// What tells two ledgers apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Rows of the first ledger that the second lacks.
    pub missing: Vec<Mark>,
    /// Rows of the second ledger that the first lacks.
    pub extra: Vec<Mark>,
    /// There are more than could be taken apart.
    pub more: bool,
}

impl Difference {
    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && !self.more
    }
}

impl Ledger {
    /// Adds a row.
    pub fn add(&mut self, mark: &Mark) {
        self.put(mark, 1);
    }

    /// Takes a row out.
    pub fn remove(&mut self, mark: &Mark) {
        self.put(mark, -1);
    }

    fn put(&mut self, mark: &Mark, count: i64) {
        for at in mark.cells() {
            if let Some(cell) = self.cells.get_mut(at) {
                cell.put(mark, count);
            }
        }
    }

    /// Commits that were counted.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// Counts one commit.
    pub fn count_commit(&mut self) {
        self.commits = self.commits.wrapping_add(1);
    }

    /// Goes on counting where another stopped, with its anchor.
    pub fn go_on_from(&mut self, before: &Self) {
        (self.commits, self.anchor) = (before.commits, before.anchor);
    }

    /// The anchor outside the store that knows of it, if there is one.
    #[must_use]
    pub fn anchor(&self) -> Option<[u8; ANCHOR_BYTES]> {
        (self.anchor != [0; ANCHOR_BYTES]).then_some(self.anchor)
    }

    /// Names the anchor from now on; all zero for none.
    pub fn set_anchor(&mut self, anchor: [u8; ANCHOR_BYTES]) {
        self.anchor = anchor;
    }

    /// How `actual` differs from this ledger, in its rows alone.
    #[must_use]
    pub fn difference(&self, actual: &Self) -> Difference {
        let mut rest = self.clone();
        for (cell, other) in rest.cells.iter_mut().zip(&actual.cells) {
            cell.count = cell.count.wrapping_sub(other.count);
            cell.mark.place ^= other.mark.place;
            cell.mark.version ^= other.mark.version;
            cell.mark.digest ^= other.mark.digest;
            cell.check ^= other.check;
        }
        let mut found = Difference::default();
        // Each round takes one mark out of three cells; a table of this size cannot hold more of them than it has cells.
        for _ in 0..CELLS {
            let single = rest.cells.iter().find_map(|cell| Some((cell.only()?, cell.count)));
            let Some((mark, count)) = single else { break };
            rest.put(&mark, -count);
            if count > 0 { found.missing.push(mark) } else { found.extra.push(mark) }
        }
        found.more = rest.cells.iter().any(|cell| *cell != Cell::default());
        found
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + CELLS * CELL_BYTES);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.commits.to_be_bytes());
        bytes.extend_from_slice(&self.anchor);
        for Cell { count, mark, check } in &self.cells {
            bytes.extend_from_slice(&count.to_be_bytes());
            bytes.extend_from_slice(&mark.place.to_be_bytes());
            bytes.extend_from_slice(&mark.version.to_be_bytes());
            bytes.extend_from_slice(&mark.digest.to_be_bytes());
            bytes.extend_from_slice(&check.to_be_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&[FORMAT])?;
        let (commits, rest) = rest.split_first_chunk::<8>()?;
        let (anchor, rest) = rest.split_first_chunk::<ANCHOR_BYTES>()?;
        let (cells, rest) = rest.as_chunks::<CELL_BYTES>();
        if cells.len() != CELLS || !rest.is_empty() {
            return None;
        }
        let mut ledger = Self { commits: u64::from_be_bytes(*commits), anchor: *anchor, ..Self::default() };
        for (cell, bytes) in ledger.cells.iter_mut().zip(cells) {
            let (count, rest) = bytes.split_first_chunk::<8>()?;
            let (place, rest) = rest.split_first_chunk::<8>()?;
            let (version, rest) = rest.split_first_chunk::<8>()?;
            let (digest, rest) = rest.split_first_chunk::<16>()?;
            let mark = Mark {
                place: u64::from_be_bytes(*place),
                version: u64::from_be_bytes(*version),
                digest: u128::from_be_bytes(*digest),
            };
            let check = u64::from_be_bytes(*rest.first_chunk::<8>()?);
            *cell = Cell { count: i64::from_be_bytes(*count), mark, check };
        }
        Some(ledger)
    }
}

/// Who makes marks and seals ledgers: holds the keys of a store.
#[derive(Clone)]
pub struct Witness {
    keyring: Arc<Keyring>,
    random: Arc<dyn Random>,
}

/// A place whose marks are to be made.
#[derive(Clone, Copy)]
pub struct Place([u8; 32]);

/// What tells a row from all others that ever stood in its place.
#[derive(Clone, Copy, Debug, Default)]
pub struct Version<'a> {
    /// Its version number.
    pub number: u64,
    /// The end of its sealed body, which the cipher's tag is; see [`tail`].
    pub tail: &'a [u8],
    /// What stands beside the body and is not sealed, such as the row's list of index terms.
    pub beside: &'a [u8],
}

impl Witness {
    /// A witness with the keys of `keyring`.
    #[must_use]
    pub fn new(keyring: Arc<Keyring>, random: Arc<dyn Random>) -> Self {
        Self { keyring, random }
    }

    /// The place of the row `key` of `kind` in `table`. None of them may hold a NUL character.
    #[must_use]
    pub fn place(&self, table: &str, kind: &str, key: &str) -> Place {
        let mut text = Vec::with_capacity(table.len() + kind.len() + key.len() + 8);
        text.extend_from_slice(b"place");
        for part in [table, kind, key] {
            text.push(0);
            text.extend_from_slice(part.as_bytes());
        }
        Place(self.keyring.ledger_key().tag(&text))
    }

    /// The mark of the row at `place` that has `version`.
    #[must_use]
    pub fn mark(&self, place: &Place, version: &Version<'_>) -> Mark {
        let mut text = Vec::with_capacity(5 + 32 + 8 + 1 + TAIL_BYTES + version.beside.len());
        text.extend_from_slice(b"mark\0");
        text.extend_from_slice(&place.0);
        text.extend_from_slice(&version.number.to_be_bytes());
        // A tail is never longer than its length says in one byte.
        text.push(u8::try_from(version.tail.len()).unwrap_or(u8::MAX));
        text.extend_from_slice(version.tail);
        text.extend_from_slice(version.beside);
        let digest = self.keyring.ledger_key().tag(&text);
        let place = place.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        let digest = digest.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes));
        Mark { place, version: version.number, digest }
    }

    /// The number by which marks name `place`.
    #[must_use]
    pub fn number(&self, place: &Place) -> u64 {
        self.mark(place, &Version::default()).place
    }

    /// Seals a ledger.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn seal(&self, ledger: &Ledger) -> Result<Sealed, CryptoError> {
        self.keyring.seal(self.random.as_ref(), &context(), &ledger.to_bytes())
    }

    /// Opens a ledger.
    ///
    /// # Errors
    /// When it is not authentic, or of a later release.
    pub fn open(&self, sealed: &Sealed) -> Result<Ledger, CryptoError> {
        let plain = self.keyring.open(&context(), sealed)?;
        Ledger::from_bytes(plain.expose()).ok_or(CryptoError::Format)
    }

    /// Seals a note that is kept outside the store, such as an anchor's.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn seal_note(&self, purpose: &str, note: &[u8]) -> Result<Sealed, CryptoError> {
        self.keyring.seal(self.random.as_ref(), &Context::new(purpose), note)
    }

    /// Opens such a note.
    ///
    /// # Errors
    /// When it is not authentic, or of another purpose.
    pub fn open_note(&self, purpose: &str, sealed: &Sealed) -> Result<Vec<u8>, CryptoError> {
        Ok(self.keyring.open(&Context::new(purpose), sealed)?.expose().to_vec())
    }

    /// The source of randomness.
    #[must_use]
    pub fn random(&self) -> &dyn Random {
        self.random.as_ref()
    }
}

fn context() -> Context {
    Context::new("ledger")
}

/// The end of a stored body, as marks take it.
#[must_use]
pub fn tail(body: &[u8]) -> &[u8] {
    body.get(body.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aead::generate_key;
    use crate::random::SeededRandom;

    fn witness() -> Witness {
        let random = SeededRandom::new(11);
        let key = generate_key(&random).expect("key");
        Witness::new(Arc::new(Keyring::new(&[key]).expect("ring")), Arc::new(random))
    }

    fn mark(witness: &Witness, key: usize, version: u64) -> Mark {
        let place = witness.place("document", "box", &key.to_string());
        witness.mark(&place, &Version { number: version, tail: &version.to_be_bytes(), beside: &[] })
    }

    #[test]
    fn equal_rows_give_equal_ledgers_in_whatever_order_they_came() {
        let witness = witness();
        let (mut one, mut other) = (Ledger::default(), Ledger::default());
        for key in 0..500 {
            one.add(&mark(&witness, key, 1));
            other.add(&mark(&witness, 499 - key, 1));
        }
        one.remove(&mark(&witness, 7, 1));
        one.add(&mark(&witness, 7, 2));
        assert!(!one.difference(&other).is_none());
        one.remove(&mark(&witness, 7, 2));
        one.add(&mark(&witness, 7, 1));
        assert!(one.difference(&other).is_none());
        assert_eq!(one, other);
    }

    #[test]
    fn a_few_rows_that_differ_are_named() {
        let witness = witness();
        let mut expected = Ledger::default();
        (0..1000).for_each(|key| expected.add(&mark(&witness, key, 3)));
        // Up to so many differences of a table of 63 cells; beyond, the table says only that there are more.
        for replaced in [1, 2, 5, 10, 15] {
            let mut actual = expected.clone();
            for key in 0..replaced {
                actual.remove(&mark(&witness, key, 3));
                actual.add(&mark(&witness, key, 2));
            }
            let mut found = expected.difference(&actual);
            assert!(!found.more, "{replaced}");
            found.missing.sort_unstable();
            let mut missing: Vec<Mark> = (0..replaced).map(|key| mark(&witness, key, 3)).collect();
            missing.sort_unstable();
            assert_eq!(found.missing, missing);
            assert_eq!(found.extra.len(), replaced);
        }
        let mut actual = Ledger::default();
        (0..900).for_each(|key| actual.add(&mark(&witness, key, 3)));
        assert!(expected.difference(&actual).more);
    }

    #[test]
    fn a_row_that_stands_twice_is_a_difference() {
        let witness = witness();
        let mut expected = Ledger::default();
        expected.add(&mark(&witness, 1, 1));
        let mut actual = expected.clone();
        (0..2).for_each(|_| actual.add(&mark(&witness, 1, 1)));
        assert!(!expected.difference(&actual).is_none());
    }

    #[test]
    fn a_sealed_ledger_is_read_back_and_fits_a_page() {
        let witness = witness();
        let mut ledger = Ledger::default();
        (0..100).for_each(|key| ledger.add(&mark(&witness, key, 9)));
        ledger.count_commit();
        ledger.set_anchor([7; 16]);
        let sealed = witness.seal(&ledger).expect("sealed");
        assert!(sealed.as_bytes().len() < 3900, "{}", sealed.as_bytes().len());
        assert_eq!(witness.open(&sealed).expect("opened"), ledger);
        assert!(witness.open_note("ledger of others", &sealed).is_err());
    }

    #[test]
    fn marks_tell_place_version_and_body_apart() {
        let witness = witness();
        let of = |place: [&str; 3], number, body: &[u8], beside: &[u8]| {
            let place = witness.place(place[0], place[1], place[2]);
            witness.mark(&place, &Version { number, tail: tail(body), beside }).digest
        };
        let (here, body) = (["document", "box", "1/a"], b"a body that is longer than a tail");
        let one = of(here, 1, body, b"t");
        assert_eq!(one, of(here, 1, b"another that is longer than a tail", b"t"), "the cipher's tag is the tail");
        for other in [
            of(here, 2, body, b"t"),
            of(["document", "box", "1/b"], 1, body, b"t"),
            of(["document", "bo", "x1/a"], 1, body, b"t"),
            of(["entry", "box", "1/a"], 1, body, b"t"),
            of(here, 1, b"a body that is longer than a Tail", b"t"),
            of(here, 1, body, b"u"),
            of(here, 1, &body[1..10], b"t"),
        ] {
            assert_ne!(one, other);
        }
    }
}
