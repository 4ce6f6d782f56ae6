//! The list of terms and unique keys that a document holds, as it stands beside the document.

use crate::api::{Put, StoreError, Term};

/// One term or unique key of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Mark<'a> {
    /// Whether it is a unique key.
    pub(super) unique: bool,
    /// The index.
    pub(super) index: &'a str,
    /// The value.
    pub(super) value: &'a str,
}

/// Stored form of each mark: one of these bytes, the index, NUL, the value, NUL.
const TERM: u8 = b't';
const UNIQUE: u8 = b'u';

/// Reads a stored list. It is in order, without doubles.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Mark<'_>>, StoreError> {
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
pub(super) fn encode(marks: &[Mark<'_>]) -> Vec<u8> {
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

/// The list as it will be after `put`: what is removed goes first, what is added comes then.
pub(super) fn amended<'a>(before: &[Mark<'a>], put: &'a Put) -> Vec<Mark<'a>> {
    let mut marks = before.to_vec();
    for mark in listed(false, &put.terms_removed).chain(listed(true, &put.unique_removed)) {
        if let Ok(at) = marks.binary_search(&mark) {
            marks.remove(at);
        }
    }
    for mark in listed(false, &put.terms_added).chain(listed(true, &put.unique_added)) {
        if let Err(at) = marks.binary_search(&mark) {
            marks.insert(at, mark);
        }
    }
    marks
}

fn listed(unique: bool, terms: &[Term]) -> impl Iterator<Item = Mark<'_>> {
    terms.iter().map(move |term| Mark { unique, index: term.index.0, value: &term.value })
}

/// What is in `these` and not in `those`; both are in order.
pub(super) fn difference<'l, 'a>(these: &'l [Mark<'a>], those: &'l [Mark<'a>]) -> impl Iterator<Item = Mark<'a>> + 'l {
    these.iter().filter(|mark| those.binary_search(mark).is_err()).copied()
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
    fn a_damaged_list_is_an_error() {
        for bytes in [&b"t"[..], b"ta", b"ta\0b", b"xa\0b\0", b"ta\0b\0ta\0b\0", b"tb\0b\0ta\0b\0", b"t\xff\0b\0"] {
            assert!(matches!(decode(bytes), Err(StoreError::Damaged(_))), "{bytes:?}");
        }
    }
}
