//! The list of terms and unique keys that a document holds, as it stands beside the document.

use crate::api::{Put, StoreError, Term};

/// One term or unique key of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Mark<'a> {
    /// Whether it is a unique key.
    pub(crate) unique: bool,
    /// The index.
    pub(crate) index: &'a str,
    /// The value.
    pub(crate) value: &'a str,
}

/// Stored form of each mark: one of these bytes, the index, NUL, the value, NUL.
const TERM: u8 = b't';
const UNIQUE: u8 = b'u';

/// Reads a stored list. It is in order, without doubles.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Mark<'_>>, StoreError> {
    let damaged = || StoreError::Damaged("a document's list of terms".to_owned());
    let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
    let mut marks: Vec<Mark<'_>> = Vec::new();
    let mut rest = text;
    while let Some(kind) = rest.as_bytes().first() {
        let (index, behind) = rest.get(1..).and_then(|rest| rest.split_once('\0')).ok_or_else(damaged)?;
        let (value, behind) = behind.split_once('\0').ok_or_else(damaged)?;
        let unique = match *kind {
            TERM => false,
            UNIQUE => true,
            _ => return Err(damaged()),
        };
        let mark = Mark { unique, index, value };
        if marks.last().is_some_and(|last| *last >= mark) {
            return Err(damaged());
        }
        marks.push(mark);
        rest = behind;
    }
    Ok(marks)
}

/// The stored form of a list that is in order.
pub(crate) fn encode(marks: &[Mark<'_>]) -> Vec<u8> {
    let length = marks.iter().map(|mark| mark.index.len() + mark.value.len() + 3).sum();
    let mut bytes = Vec::with_capacity(length);
    for mark in marks {
        bytes.push(if mark.unique { UNIQUE } else { TERM });
        bytes.extend_from_slice(mark.index.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(mark.value.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// What a change does to a list. Both parts are in order, without doubles.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect<'a> {
    /// On the list before and not after.
    pub(crate) gone: Vec<Mark<'a>>,
    /// On the list after and not before.
    pub(crate) added: Vec<Mark<'a>>,
}

impl<'a> Effect<'a> {
    /// What `put` does to the list `before`: what is removed goes first, what is added comes then. Looks up no more than
    /// what the put names, which is little beside the list.
    pub(crate) fn of(before: &[Mark<'a>], put: &'a Put) -> Self {
        let wanted = sorted(listed(false, &put.terms_added).chain(listed(true, &put.unique_added)));
        let mut gone = sorted(listed(false, &put.terms_removed).chain(listed(true, &put.unique_removed)));
        gone.retain(|mark| before.binary_search(mark).is_ok() && wanted.binary_search(mark).is_err());
        let mut added = wanted;
        added.retain(|mark| before.binary_search(mark).is_err());
        Self { gone, added }
    }

    /// Whether the list stays as it is.
    pub(crate) fn is_nothing(&self) -> bool {
        self.gone.is_empty() && self.added.is_empty()
    }

    /// The stored form of the list `before` after this.
    pub(crate) fn encode(&self, before: &[Mark<'a>]) -> Vec<u8> {
        let mut marks: Vec<Mark<'a>> = Vec::with_capacity(before.len() + self.added.len());
        marks.extend(before.iter().filter(|mark| self.gone.binary_search(mark).is_err()));
        // Two stretches that are in order each: sorting them is merging them.
        marks.extend(&self.added);
        marks.sort();
        encode(&marks)
    }
}

fn sorted<'a>(marks: impl Iterator<Item = Mark<'a>>) -> Vec<Mark<'a>> {
    let mut marks: Vec<Mark<'a>> = marks.collect();
    marks.sort_unstable();
    marks.dedup();
    marks
}

fn listed(unique: bool, terms: &[Term]) -> impl Iterator<Item = Mark<'_>> {
    terms.iter().map(move |term| Mark { unique, index: term.index.0, value: &term.value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_back_as_it_was_written() {
        let marks = vec![
            Mark { unique: false, index: "secret-name", value: "111122223333/a" },
            Mark { unique: false, index: "secret-name", value: "111122223333/\u{10ffff}é" },
            Mark { unique: true, index: "secret-name", value: "111122223333/a" },
        ];
        assert_eq!(decode(&encode(&marks)), Ok(marks));
        assert_eq!(decode(b""), Ok(vec![]));
    }

    #[test]
    fn a_put_removes_first_and_adds_then() {
        let term = |value: &str| Term::new(crate::Index("colour"), value);
        let mark = |value: &'static str| Mark { unique: false, index: "colour", value };
        let body = crate::contract::fixture::body(1).expect("a body");
        let mut put = Put::new(crate::contract::fixture::boxed("a"), 1, body);
        put.terms_removed = vec![term("b"), term("c"), term("b"), term("absent")];
        put.terms_added = vec![term("c"), term("d"), term("a"), term("d")];
        let before = [mark("a"), mark("b"), mark("c"), mark("e")];
        let effect = Effect::of(&before, &put);
        assert_eq!(effect, Effect { gone: vec![mark("b")], added: vec![mark("d")] });
        assert_eq!(decode(&effect.encode(&before)), Ok(vec![mark("a"), mark("c"), mark("d"), mark("e")]));
        put.terms_removed.clear();
        put.terms_added = vec![term("a")];
        assert!(Effect::of(&before, &put).is_nothing());
    }

    #[test]
    fn a_damaged_list_is_an_error() {
        for bytes in [&b"t"[..], b"ta", b"ta\0b", b"xa\0b\0", b"ta\0b\0ta\0b\0", b"tb\0b\0ta\0b\0", b"t\xff\0b\0"] {
            assert!(matches!(decode(bytes), Err(StoreError::Damaged(_))), "{bytes:?}");
        }
    }
}
