//! Patterns with `*`, `?` and policy variables, over whole texts and over the parts of an ARN.

use std::borrow::Cow;

use crate::keys::{Keys, Values};

/// What stands in a compiled pattern for `*` and `?`: bytes that no UTF-8 text has.
const RUN: u8 = 0xff;
const ONE: u8 = 0xfe;

/// Bytes of a pattern with variables that need no memory of their own.
const INLINE_BYTES: usize = 256;

/// The parts of an ARN.
const PARTS: usize = 6;

/// Whether a compiled pattern matches a text as a whole.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // After the last `*`, and how far it reaches so far.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match pattern.get(p) {
            Some(&RUN) => {
                p += 1;
                if p == pattern.len() {
                    return true;
                }
                retry = Some((p, t));
                continue;
            }
            Some(&ONE) if t < text.len() => {
                p += 1;
                t += char_bytes(text, t);
                continue;
            }
            Some(byte) if text.get(t) == Some(byte) => {
                p += 1;
                t += 1;
                continue;
            }
            None if t == text.len() => return true,
            _ => {}
        }
        match retry {
            Some((after, reach)) if reach < text.len() => {
                let reach = reach + char_bytes(text, reach);
                retry = Some((after, reach));
                (p, t) = (after, reach);
            }
            _ => return false,
        }
    }
}

/// Bytes of the character that begins at `at`.
fn char_bytes(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(0xf0..) => 4,
        Some(0xe0..) => 3,
        Some(0xc0..) => 2,
        _ => 1,
    }
}

/// A pattern of literal bytes in which `*` and `?` are wildcards.
pub(crate) fn compile(text: &str) -> Box<[u8]> {
    text.bytes()
        .map(|byte| match byte {
            b'*' => RUN,
            b'?' => ONE,
            byte => byte,
        })
        .collect()
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
    Fixed(Box<[u8]>),
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
                && let Some((inner, after)) = rest.strip_prefix("${").and_then(|rest| rest.split_once('}'))
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
            return Self::Fixed(bytes.into());
        }
        pieces.push(Piece::Fixed(bytes.into()));
        Self::Varied(Varied(pieces.into()))
    }

    /// Hands the pattern, with the values of its variables, to `use_it`. Nothing when a variable has no value: there is
    /// then nothing that the pattern is equal to or like.
    pub(crate) fn with<R>(&self, keys: &dyn Keys, use_it: impl FnOnce(&[u8]) -> R) -> Option<R> {
        match self {
            Self::Fixed(bytes) => Some(use_it(bytes)),
            Self::Varied(varied) => varied.with(keys, use_it),
        }
    }

    pub(crate) fn matches(&self, keys: &dyn Keys, text: &str) -> bool {
        self.with(keys, |pattern| matches(pattern, text.as_bytes())).unwrap_or_default()
    }

    /// The variables in it.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &Variable> {
        let pieces: &[Piece] = match self {
            Self::Fixed(_) => &[],
            Self::Varied(varied) => &varied.0,
        };
        pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(variable),
            Piece::Fixed(_) => None,
        })
    }

    /// The bytes, when nothing in them depends on anything.
    fn literal(&self) -> Option<&[u8]> {
        match self {
            Self::Fixed(bytes) if !bytes.contains(&RUN) && !bytes.contains(&ONE) => Some(bytes),
            _ => None,
        }
    }

    /// The bytes before the first wildcard or variable.
    fn prefix(&self) -> &[u8] {
        let bytes: &[u8] = match self {
            Self::Fixed(bytes) => bytes,
            Self::Varied(varied) => match varied.0.first() {
                Some(Piece::Fixed(bytes)) => bytes,
                _ => &[],
            },
        };
        bytes.split(|byte| matches!(*byte, RUN | ONE)).next().unwrap_or_default()
    }
}

impl Varied {
    fn with<R>(&self, keys: &dyn Keys, use_it: impl FnOnce(&[u8]) -> R) -> Option<R> {
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
enum Found {
    Char(u8),
    Variable(Variable),
}

impl Found {
    fn parse(inner: &str) -> Option<Self> {
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
        let shaped = !key.is_empty() && !key.chars().any(|c| c.is_control() || matches!(c, '$' | '{' | '\''));
        let variable = Variable { key: key.to_ascii_lowercase().into(), written: key.into(), default };
        shaped.then_some(Self::Variable(variable))
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

/// A text that may be an ARN, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArnText<'a> {
    pub(crate) text: &'a str,
    parts: Option<[&'a str; PARTS]>,
}

impl<'a> ArnText<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, parts: parts_of(text) }
    }
}

/// The six parts of an ARN; the last has all further colons.
fn parts_of(text: &str) -> Option<[&str; PARTS]> {
    let mut parts = [""; PARTS];
    let mut found = text.splitn(PARTS, ':');
    for part in &mut parts {
        *part = found.next()?;
    }
    Some(parts)
}

/// A pattern of an ARN. Each of the six parts is compared by itself, so that a wildcard does not reach over a colon;
/// but the last part is whatever follows the fifth.
#[derive(Clone, Debug)]
pub(crate) struct ArnPattern(Form);

#[derive(Clone, Debug)]
enum Form {
    /// `*`: also what is no ARN.
    Any,
    /// Nothing but literal text.
    Whole(Box<[u8]>),
    /// Six parts; the literal beginning of the whole, and how many parts lie wholly in it.
    Parts { parts: Box<[Template; PARTS]>, prefix: Box<[u8]>, in_prefix: usize },
    /// Variables whose values make it an ARN.
    Varied(Varied),
    /// No ARN at all: it matches nothing.
    Nothing,
}

impl ArnPattern {
    /// A pattern of `Resource`: an ARN with too few parts is completed with `*`.
    pub(crate) fn of_resource(text: &str, variables: bool) -> Self {
        let missing = PARTS.saturating_sub(split(text, variables).len());
        if missing > 0 && text.starts_with("arn:") && !text.contains("${") {
            return Self::new(&format!("{text}{}", ":*".repeat(missing)), variables);
        }
        Self::new(text, variables)
    }

    /// A pattern of a condition on an ARN.
    pub(crate) fn new(text: &str, variables: bool) -> Self {
        if !text.is_empty() && text.bytes().all(|byte| byte == b'*') {
            return Self(Form::Any);
        }
        let reading = Reading { wildcards: true, variables };
        let texts = split(text, variables);
        let parts: Vec<Template> = texts.iter().map(|part| Template::parse(part, reading)).collect();
        let Ok(parts) = <Box<[Template; PARTS]>>::try_from(parts.into_boxed_slice()) else {
            return Self(match Template::parse(text, reading) {
                Template::Varied(varied) => Form::Varied(varied),
                Template::Fixed(_) => Form::Nothing,
            });
        };
        let mut prefix = Vec::new();
        let mut in_prefix = 0;
        for part in parts.iter() {
            let Some(literal) = part.literal() else {
                prefix.extend_from_slice(part.prefix());
                return Self(Form::Parts { parts, prefix: prefix.into(), in_prefix });
            };
            prefix.extend_from_slice(literal);
            in_prefix += 1;
            if in_prefix < PARTS {
                prefix.push(b':');
            }
        }
        Self(Form::Whole(prefix.into()))
    }

    pub(crate) fn matches(&self, keys: &dyn Keys, arn: &ArnText<'_>) -> bool {
        match &self.0 {
            Form::Any => true,
            Form::Whole(whole) => **whole == *arn.text.as_bytes(),
            Form::Parts { parts, prefix, in_prefix } => {
                arn.text.as_bytes().starts_with(prefix)
                    && arn.parts.is_some_and(|texts| {
                        parts.iter().zip(texts).skip(*in_prefix).all(|(part, text)| part.matches(keys, text))
                    })
            }
            Form::Varied(varied) => varied
                .with(keys, |pattern| {
                    let mut parts = pattern.splitn(PARTS, |byte| *byte == b':');
                    arn.parts.is_some_and(|texts| {
                        texts.into_iter().all(|text| parts.next().is_some_and(|part| matches(part, text.as_bytes())))
                    })
                })
                .unwrap_or_default(),
            Form::Nothing => false,
        }
    }

    /// The variables in it.
    pub(crate) fn variables(&self) -> Vec<&Variable> {
        match &self.0 {
            Form::Parts { parts, .. } => parts.iter().flat_map(Template::variables).collect(),
            Form::Varied(varied) => varied
                .0
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Variable(variable) => Some(variable),
                    Piece::Fixed(_) => None,
                })
                .collect(),
            Form::Any | Form::Whole(_) | Form::Nothing => Vec::new(),
        }
    }
}

/// Cuts at the first five colons that are not inside a variable.
fn split(text: &str, variables: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    let bytes = text.as_bytes();
    while parts.len() < PARTS - 1 && at < bytes.len() {
        let here = text.get(at..).unwrap_or_default();
        if variables
            && let Some((inner, _)) = here.strip_prefix("${").and_then(|rest| rest.split_once('}'))
            && Found::parse(inner).is_some()
        {
            at += inner.len() + 3;
            continue;
        }
        if bytes.get(at) == Some(&b':') {
            parts.push(text.get(start..at).unwrap_or_default());
            start = at + 1;
        }
        at += char_bytes(bytes, at);
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(pattern: &str, text: &str) -> bool {
        matches(&compile(pattern), text.as_bytes())
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
        ] {
            assert!(like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("?", ""), ("??", "é"), ("*??", "€"), ("a*b", "abc"), ("*a", "ab"), ("a", "A"), ("?*?", "é")]
        {
            assert!(!like(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_of_many_wildcards_ends_soon() {
        assert!(!like(&"*a".repeat(200), &"a".repeat(199)));
        assert!(!like(&format!("{}b", "*a".repeat(1000)), &"a".repeat(5000)));
    }

    fn resource(pattern: &str, arn: &str) -> bool {
        let keys = [("aws:username", crate::Values::text("a:b/c"))];
        ArnPattern::of_resource(pattern, true).matches(&keys, &ArnText::new(arn))
    }

    #[test]
    fn wildcards_stay_within_the_parts_of_an_arn() {
        let arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-AbCdEf";
        for pattern in [
            "*",
            arn,
            "arn:aws:secretsmanager:*:*:secret:app/*",
            "arn:aws:secretsmanager:us-*-1:111122223333:*",
            "arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-??????",
            "arn:aws:secretsmanager",
            "arn:aws:secretsmanager:us-east-1",
            "arn:*:secretsmanager:*:*:*:*",
        ] {
            assert!(resource(pattern, arn), "{pattern}");
        }
        for pattern in [
            "arn:aws:secretsmanager:*:secret:app/db-AbCdEf",
            "arn:*:secret:app/db-AbCdEf:*:*:*",
            "arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-?????",
            "arn:aws:secretsmanager:us-east-1:111122223333:SECRET:*",
            "arn:aws:secretsmanager:us-east-1:1111*:other:*",
            "arn:aws:kms",
        ] {
            assert!(!resource(pattern, arn), "{pattern}");
        }
        assert!(!resource("arn:aws:secretsmanager:*:*:*", "*"), "an action without a resource is allowed by * alone");
    }

    #[test]
    fn values_of_variables_are_literal_and_stay_in_their_part() {
        assert!(resource("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/a:b/c/d"));
        assert!(!resource("arn:aws:s3:${aws:username}::b", "arn:aws:s3:a:b/c::b"));
        assert!(!resource("arn:aws:s3:::b/${aws:nobody}", "arn:aws:s3:::b/"));
        assert!(resource("arn:aws:s3:::b/${aws:nobody, ''}", "arn:aws:s3:::b/"));
        assert!(
            ArnPattern::of_resource("arn:aws:s3:::b/${aws:username}", false)
                .matches(&(), &ArnText::new("arn:aws:s3:::b/${aws:username}"))
        );
    }
}
