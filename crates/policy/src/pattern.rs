//! Patterns with `*`, `?` and policy variables, over whole texts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::keys::{Keys, Values};

/// Longest variable, its default included, in bytes: longer than any key of a condition and its value.
const VARIABLE_BYTES_MAX: usize = 1024;

/// What stands in a compiled pattern for `*` and `?`: bytes that no UTF-8 text has.
const RUN: u8 = 0xff;
const ONE: u8 = 0xfe;

/// Up to how many steps a piece with `?` is tried at each place.
const TRIED_MAX: usize = 1024;
/// Longest piece with `?`, in bytes, that is looked for by bits, which take memory by its square. A longer one is tried at
/// each place.
const PLACES_MAX: usize = 8192;

/// Bytes of a pattern with variables that need no memory of their own.
const INLINE_BYTES: usize = 256;

/// Whether a compiled pattern matches a text as a whole. What stands between two `*` is looked for from left to right:
/// its characters are as many wherever it is found, so that the first place leaves the most for the rest.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let mut pieces = pattern.split(|byte| *byte == RUN);
    let Some(start) = end_at_beginning(pieces.next().unwrap_or_default(), text) else { return false };
    let Some(last) = pieces.next_back() else { return start == text.len() };
    let middle = beginning_at_end(last, text).and_then(|end| text.get(start..end));
    let Some(mut rest) = middle else { return false };
    for piece in pieces {
        match end_of_first(piece, rest).and_then(|end| rest.get(end..)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

/// Where the piece ends with which a text begins.
fn end_at_beginning(piece: &[u8], text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for byte in piece {
        match text.get(at) {
            Some(_) if *byte == ONE => at += char_bytes(text, at),
            Some(found) if found == byte => at += 1,
            _ => return None,
        }
    }
    Some(at)
}

/// Where the piece begins with which a text ends.
fn beginning_at_end(piece: &[u8], text: &[u8]) -> Option<usize> {
    let mut at = text.len();
    for byte in piece.iter().rev() {
        at = at.checked_sub(1)?;
        if *byte == ONE {
            while at > 0 && text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80) {
                at -= 1;
            }
        } else if text.get(at) != Some(byte) {
            return None;
        }
    }
    Some(at)
}

/// Where the first place ends at which a text has a piece. Linear in the text, save for pieces with `?`.
fn end_of_first(piece: &[u8], text: &[u8]) -> Option<usize> {
    if !piece.contains(&ONE) {
        return memchr::memmem::find(text, piece).map(|start| start + piece.len());
    }
    if piece.len().saturating_mul(text.len()) > TRIED_MAX && piece.len() <= PLACES_MAX {
        return end_of_first_by_bits(piece, text);
    }
    let mut start = 0;
    loop {
        let found = text.get(start..).and_then(|text| end_at_beginning(piece, text));
        if let Some(end) = found {
            return Some(start + end);
        }
        if start >= text.len() {
            return None;
        }
        start += char_bytes(text, start);
    }
}

/// The same for a piece with `?`, in a 64th of the steps: which beginnings of the piece end here is kept in bits, and each
/// character of the text moves all of them on at once.
fn end_of_first_by_bits(piece: &[u8], text: &[u8]) -> Option<usize> {
    let mut any = vec![0_u64; piece.len().div_ceil(64)];
    let mut fitting: BTreeMap<&[u8], Vec<u64>> = BTreeMap::new();
    let (mut at, mut places) = (0, 0);
    while let Some(byte) = piece.get(at) {
        let bytes = if *byte == ONE { 1 } else { char_bytes(piece, at) };
        let bits = match piece.get(at..at + bytes)? {
            [ONE] => &mut any,
            letter => fitting.entry(letter).or_insert_with(|| vec![0; any.len()]),
        };
        *bits.get_mut(places / 64)? |= 1 << (places % 64);
        (at, places) = (at + bytes, places + 1);
    }
    let last = places.checked_sub(1)?;
    let mut reached = vec![0_u64; any.len()];
    let mut end = 0;
    while end < text.len() {
        let letter = text.get(end..end + char_bytes(text, end))?;
        let fits = fitting.get(letter);
        // A beginning of no characters ends everywhere.
        let mut carried = 1;
        for (word, (bits, any)) in reached.iter_mut().zip(&any).enumerate() {
            let fits = fits.and_then(|fits| fits.get(word)).copied().unwrap_or_default();
            let moved = *bits << 1 | carried;
            carried = *bits >> 63;
            *bits = moved & (fits | any);
        }
        end += letter.len();
        if reached.get(last / 64)? >> (last % 64) & 1 == 1 {
            return Some(end);
        }
    }
    None
}

/// Bytes of the character that begins at `at`.
pub(crate) fn char_bytes(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(0xf0..) => 4,
        Some(0xe0..) => 3,
        Some(0xc0..) => 2,
        _ => 1,
    }
}

/// A compiled pattern, and how many bytes come before its first wildcard: most patterns fail or succeed there.
#[derive(Clone, Debug)]
pub(crate) struct Glob {
    bytes: Box<[u8]>,
    literal: usize,
}

impl Glob {
    /// A text in which `*` and `?` are wildcards.
    pub(crate) fn new(text: &str) -> Self {
        let compiled = text.bytes().map(|byte| match byte {
            b'*' => RUN,
            b'?' => ONE,
            byte => byte,
        });
        Self::of(compiled.collect())
    }

    fn of(bytes: Vec<u8>) -> Self {
        let literal = bytes.iter().position(|byte| matches!(*byte, RUN | ONE)).unwrap_or(bytes.len());
        Self { bytes: bytes.into(), literal }
    }

    /// Whether it matches the text as a whole.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        let (literal, rest) = self.bytes.split_at_checked(self.literal).unwrap_or_default();
        text.strip_prefix(literal).is_some_and(|text| match rest {
            [] => text.is_empty(),
            [RUN] => true,
            rest => matches(rest, text),
        })
    }

    fn prefix(&self) -> &[u8] {
        self.bytes.get(..self.literal).unwrap_or_default()
    }
}

/// How a text is to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Whether `*` and `?` are wildcards.
    pub(crate) wildcards: bool,
    /// Whether `${…}` is a variable: policies of version 2012-10-17.
    pub(crate) variables: bool,
}

/// A policy variable.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    /// The key in lower case.
    pub(crate) key: Box<str>,
    /// The key as it is written.
    pub(crate) written: Box<str>,
    default: Option<Box<str>>,
}

#[derive(Clone, Debug)]
enum Piece {
    Fixed(Box<[u8]>),
    Variable(Variable),
}

/// A compiled text, perhaps with variables in it.
#[derive(Clone, Debug)]
pub(crate) enum Template {
    /// Nothing that depends on the request.
    Fixed(Glob),
    /// With variables.
    Varied(Varied),
}

/// The pieces of a text with variables.
#[derive(Clone, Debug)]
pub(crate) struct Varied(Box<[Piece]>);

impl Template {
    pub(crate) fn parse(text: &str, reading: Reading) -> Self {
        let mut pieces = Vec::new();
        let mut bytes = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if reading.variables
                && let Some((inner, after)) = variable_at(rest)
                && let Some(found) = Found::parse(inner)
            {
                rest = after;
                match found {
                    Found::Char(byte) => bytes.push(byte),
                    Found::Variable(variable) => {
                        pieces.push(Piece::Fixed(std::mem::take(&mut bytes).into()));
                        pieces.push(Piece::Variable(variable));
                    }
                }
                continue;
            }
            let mut chars = rest.chars();
            match chars.next() {
                Some('*') if reading.wildcards => bytes.push(RUN),
                Some('?') if reading.wildcards => bytes.push(ONE),
                Some(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => {}
            }
            rest = chars.as_str();
        }
        if pieces.is_empty() {
            return Self::Fixed(Glob::of(bytes));
        }
        pieces.push(Piece::Fixed(bytes.into()));
        Self::Varied(Varied(pieces.into()))
    }

    /// Hands the pattern, with the values of its variables, to `use_it`. Nothing when a variable has no value: there is
    /// then nothing that the pattern is equal to or like.
    pub(crate) fn with<R>(&self, keys: &dyn Keys, use_it: impl FnOnce(&[u8]) -> R) -> Option<R> {
        match self {
            Self::Fixed(glob) => Some(use_it(&glob.bytes)),
            Self::Varied(varied) => varied.with(keys, use_it),
        }
    }

    pub(crate) fn matches(&self, keys: &dyn Keys, text: &str) -> bool {
        match self {
            Self::Fixed(glob) => glob.matches(text.as_bytes()),
            Self::Varied(varied) => varied.with(keys, |pattern| matches(pattern, text.as_bytes())).unwrap_or_default(),
        }
    }

    /// The variables in it.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &Variable> {
        let varied = match self {
            Self::Fixed(_) => None,
            Self::Varied(varied) => Some(varied),
        };
        varied.into_iter().flat_map(Varied::variables)
    }

    /// The bytes, when nothing in them depends on anything.
    pub(crate) fn literal(&self) -> Option<&[u8]> {
        match self {
            Self::Fixed(glob) if glob.literal == glob.bytes.len() => Some(&glob.bytes),
            _ => None,
        }
    }

    /// The bytes before the first wildcard or variable.
    pub(crate) fn prefix(&self) -> &[u8] {
        match self {
            Self::Fixed(glob) => glob.prefix(),
            Self::Varied(varied) => match varied.0.first() {
                Some(Piece::Fixed(bytes)) => bytes.split(|byte| matches!(*byte, RUN | ONE)).next().unwrap_or_default(),
                _ => &[],
            },
        }
    }
}

impl Varied {
    /// The variables in it.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(variable),
            Piece::Fixed(_) => None,
        })
    }

    pub(crate) fn with<R>(&self, keys: &dyn Keys, use_it: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let mut buffer = Buffer { inline: [0; INLINE_BYTES], used: 0, spilled: Vec::new() };
        for piece in &self.0 {
            match piece {
                Piece::Fixed(bytes) => buffer.push(bytes),
                Piece::Variable(variable) => variable.value(keys, |text| buffer.push(text.as_bytes()))?,
            }
        }
        Some(use_it(buffer.bytes()))
    }
}

impl Variable {
    /// The value of a key that has one value; else the default.
    fn value(&self, keys: &dyn Keys, use_it: impl FnOnce(&str)) -> Option<()> {
        let values = keys.get(&self.key);
        let text = match &values {
            Some(Values::One(value)) => value.as_text(),
            _ => None,
        };
        match text.or(self.default.as_deref().map(Cow::Borrowed)) {
            Some(text) => {
                use_it(&text);
                Some(())
            }
            None => None,
        }
    }
}

/// What stands between `${` and `}`.
pub(crate) enum Found {
    Char(u8),
    Variable(Variable),
}

/// What stands between the braces of a variable that a text begins with, and what follows. Longer ones are none: else
/// a text full of beginnings would be gone through to its end for each.
pub(crate) fn variable_at(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("${")?;
    let near = rest.get(..rest.floor_char_boundary(VARIABLE_BYTES_MAX))?;
    let (inner, _) = near.split_once('}')?;
    Some((inner, rest.get(inner.len() + 1..)?))
}

impl Found {
    pub(crate) fn parse(inner: &str) -> Option<Self> {
        let inner = inner.trim();
        if let "*" | "?" | "$" = inner {
            return inner.bytes().next().map(Self::Char);
        }
        let (key, default) = match inner.split_once(',') {
            None => (inner, None),
            Some((key, default)) => {
                let default = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
                (key.trim_end(), Some(default.into()))
            }
        };
        if key.is_empty() || key.chars().any(|c| c.is_control() || matches!(c, '$' | '{' | '\'')) {
            return None;
        }
        Some(Self::Variable(Variable { key: key.to_ascii_lowercase().into(), written: key.into(), default }))
    }
}

/// Bytes on the stack as long as they fit.
struct Buffer {
    inline: [u8; INLINE_BYTES],
    used: usize,
    spilled: Vec<u8>,
}

impl Buffer {
    fn push(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        if self.spilled.is_empty()
            && let Some(place) = self.inline.get_mut(self.used..end)
        {
            place.copy_from_slice(bytes);
            self.used = end;
            return;
        }
        if self.spilled.is_empty() {
            self.spilled.extend_from_slice(self.inline.get(..self.used).unwrap_or_default());
        }
        self.spilled.extend_from_slice(bytes);
    }

    fn bytes(&self) -> &[u8] {
        if self.spilled.is_empty() { self.inline.get(..self.used).unwrap_or_default() } else { &self.spilled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(pattern: &str, text: &str) -> bool {
        let glob = Glob::new(pattern);
        let found = glob.matches(text.as_bytes());
        assert_eq!(found, matches(&glob.bytes, text.as_bytes()));
        found
    }

    #[test]
    fn wildcards_stand_for_characters() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("**", "x"),
            ("a*b*c", "aXbYbZc"),
            ("?", "é"),
            ("*?", "é"),
            ("?*?", "ab"),
            ("*ab", "aab"),
            ("*ab*ab", "abab"),
            ("a*a", "aa"),
            ("*a?c*?", "xabcaécd"),
            ("*?é", "aéé"),
            ("é*?", "éa"),
        ] {
            assert!(like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("?", ""),
            ("??", "é"),
            ("*??", "€"),
            ("a*b", "abc"),
            ("*a", "ab"),
            ("a", "A"),
            ("?*?", "é"),
            ("ab*bc", "abc"),
            ("*ab*ab", "ab"),
            ("a?*?c", "abc"),
            ("*a?c*?", "xaéc"),
        ] {
            assert!(!like(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_of_many_wildcards_ends_soon() {
        assert!(!like(&"*a".repeat(200), &"a".repeat(199)));
        assert!(!like(&format!("{}b", "*a".repeat(1000)), &"a".repeat(5000)));
        // Character by character it would be a matter of hours.
        let (most, all) = ("a".repeat(1 << 20), "a".repeat(1 << 21));
        assert!(!like(&format!("*{most}b*"), &all));
        assert!(!like(&format!("*b{most}*"), &all));
        assert!(like(&format!("*{most}*"), &all));
        let (half, all) = ("a?".repeat(4000), "a".repeat(1 << 16));
        assert!(!like(&format!("*{half}b*"), &all));
        assert!(like(&format!("*{half}*"), &all));
    }

    /// The same by trying everything.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            (['*', rest @ ..], text) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            (['?', rest @ ..], [_, text @ ..]) => naive(rest, text),
            ([c, rest @ ..], [found, text @ ..]) => c == found && naive(rest, text),
            (_, []) => false,
        }
    }

    proptest::proptest! {
        #[test]
        fn patterns_match_what_they_match_by_trying_everything(pattern in "[abé*?]{0,9}", text in "[abé]{0,9}") {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            proptest::prop_assert_eq!(like(&pattern, &text), naive(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn pieces_are_found_by_bits_where_trying_finds_them(
            piece in "[abé?]{1,4}(x{60}[ab?]{1,9})?",
            before in "[abéx]{0,9}",
            after in "[abé]{0,3}",
        ) {
            let text = [before.as_str(), &piece.replace('?', "é"), &after].concat();
            for text in [&text, &text.replacen('b', "a", 1), &before] {
                let bytes = Glob::new(&piece).bytes;
                let tried = (0..=text.len())
                    .filter(|at| text.is_char_boundary(*at))
                    .find_map(|at| end_at_beginning(&bytes, &text.as_bytes()[at..]).map(|end| at + end));
                proptest::prop_assert_eq!(end_of_first_by_bits(&bytes, text.as_bytes()), tried);
                proptest::prop_assert_eq!(end_of_first(&bytes, text.as_bytes()), tried);
            }
        }
    }
}
