//! Patterns of the API models. A value satisfies a pattern when the whole of it matches, as in Java's `matches`.

use std::sync::OnceLock;

use regex_lite::Regex;

use crate::letters;

/// A pattern of a model. Matching takes linear time.
#[derive(Debug)]
pub struct Pattern {
    source: &'static str,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    /// Any number of characters of one class, or at least one; most patterns are that.
    Class { spans: &'static [(char, char)], categories: &'static [Category], empty: bool },
    /// What no regular expression without look-ahead can say.
    ByHand(fn(&str) -> bool),
    /// Compiled when it is first needed.
    Expression(OnceLock<Option<Regex>>),
}

/// A general category of Unicode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// `\p{L}`.
    Letter,
    /// `\p{N}`.
    Number,
    /// `\p{Z}`.
    Separator,
}

impl Category {
    /// Whether the character is of the category.
    #[must_use]
    pub fn has(self, character: char) -> bool {
        match self {
            Self::Letter => letters::is_letter(character),
            Self::Number => character.is_numeric(),
            Self::Separator => matches!(
                character,
                ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
                    ..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
            ),
        }
    }
}

impl Pattern {
    /// The pattern `source` as a regular expression. The generator of the shapes has checked that it compiles.
    #[must_use]
    pub const fn new(source: &'static str) -> Self {
        Self { source, rule: Rule::Expression(OnceLock::new()) }
    }

    /// The pattern `source`, which is one class of characters repeated: those in `spans`, and those of `categories`.
    /// `empty` says whether no character at all will do.
    #[must_use]
    pub const fn class(
        source: &'static str,
        spans: &'static [(char, char)],
        categories: &'static [Category],
        empty: bool,
    ) -> Self {
        Self { source, rule: Rule::Class { spans, categories, empty } }
    }

    /// The pattern `source`, which `matches` tells.
    #[must_use]
    pub const fn by_hand(source: &'static str, matches: fn(&str) -> bool) -> Self {
        Self { source, rule: Rule::ByHand(matches) }
    }

    /// The pattern as the model writes it.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// Whether the whole of `text` matches. Nothing matches an invalid pattern.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match &self.rule {
            Rule::Class { spans, categories, empty } => {
                (*empty || !text.is_empty()) && text.chars().all(|character| is_of(character, spans, categories))
            }
            Rule::ByHand(matches) => matches(text),
            Rule::Expression(compiled) => {
                let compile = || Regex::new(&format!(r"\A(?:{})\z", self.source)).ok();
                compiled.get_or_init(compile).as_ref().is_some_and(|regex| regex.is_match(text))
            }
        }
    }
}

fn is_of(character: char, spans: &[(char, char)], categories: &[Category]) -> bool {
    spans.iter().any(|(first, last)| (*first..=*last).contains(&character))
        || categories.iter().any(|category| category.has(character))
}

/// `^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`: 3 to 63 small letters, digits and hyphens, no hyphen at either end or after
/// another.
pub(crate) fn account_alias(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| plain(*byte) || *byte == b'-')
        && bytes.first().is_some_and(|byte| plain(*byte))
        && bytes.last().is_some_and(|byte| plain(*byte))
        && !text.contains("--")
}

/// `(?!^[0-9]+$)([a-zA-Z0-9-_]+)`: letters, digits, hyphens and underscores, but not digits alone.
pub(crate) fn function_alias(text: &str) -> bool {
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.bytes().all(named) && !text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `[0-9A-Za-z\.\-_]*(?<!\.)`: letters, digits, dots, hyphens and underscores, no dot at the end.
pub(crate) fn bucket_name(text: &str) -> bool {
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    text.bytes().all(named) && !text.ends_with('.')
}

/// `^(?!\s*$).+`: one line that is not blank.
pub(crate) fn not_blank(text: &str) -> bool {
    let ends_line = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    !text.contains(ends_line) && !text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}').is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_text_must_match() {
        let duration = Pattern::new("[0-9]+h");
        assert!(duration.matches("12h"));
        for bad in ["", "h", "12", "12h ", " 12h", "12hh", "12h\n", "x12h"] {
            assert!(!duration.matches(bad), "{bad:?}");
        }
    }

    #[test]
    fn anchors_in_the_model_do_no_harm() {
        let region = Pattern::new(r"^([a-z]+-)+\d+$");
        assert!(region.matches("us-gov-west-1"));
        for bad in ["us-east-1\n", "us-east-", "US-east-1", "us-east-1 us-east-1", "us-east-١"] {
            assert!(!region.matches(bad), "{bad:?}");
        }
    }

    #[test]
    fn an_invalid_pattern_matches_nothing() {
        assert!(!Pattern::new("(").matches("("));
    }

    #[test]
    fn a_class_holds_for_every_character() {
        let some = Pattern::class("[a-c.]+", &[('.', '.'), ('a', 'c')], &[], false);
        assert!(some.matches("a.c"));
        for bad in ["", "d", "a\n", "abcd", "A"] {
            assert!(!some.matches(bad), "{bad:?}");
        }
        assert!(Pattern::class("[a]*", &[('a', 'a')], &[], true).matches(""));
        let words =
            Pattern::class("", &[('_', '_')], &[Category::Letter, Category::Number, Category::Separator], false);
        assert!(words.matches("Äpfel_٣ Ⅷ½\u{2028}日本ªʰ"));
        // Marks, symbols and controls are in none of the three, though some of them count as alphabetic.
        for bad in ["e\u{301}", "ⓐ", "a\u{345}", "€", "\t", "\u{200b}", "\u{85}", "😀"] {
            assert!(!words.matches(bad), "{bad:?}");
        }
    }

    #[test]
    fn categories_agree_with_each_other() {
        for character in '\0'..=char::MAX {
            let of = [Category::Letter, Category::Number, Category::Separator].map(|category| category.has(character));
            assert!(of.iter().filter(|has| **has).count() <= 1, "{character:?}");
            assert!(!of[0] || character.is_alphabetic(), "{character:?}");
            assert!(!of[2] || character.is_whitespace(), "{character:?}");
        }
    }

    /// The pattern of account aliases read step by step, as a matcher with look-ahead does.
    fn read_step_by_step(text: &str) -> bool {
        let plain = |at: usize| {
            text.as_bytes().get(at).is_some_and(|byte| b"abcdefghijklmnopqrstuvwxyz0123456789".contains(byte))
        };
        let is_hyphen = |at: usize| text.as_bytes().get(at) == Some(&b'-');
        let middle = |at: usize| plain(at) || (is_hyphen(at) && !is_hyphen(at + 1));
        let fits = |length: usize| (1..=length).all(middle) && plain(length + 1) && text.len() == length + 2;
        plain(0) && (1..=61).any(fits)
    }

    #[test]
    fn account_aliases_are_as_the_pattern_says() {
        let mut texts = vec![String::new()];
        for at in 0.. {
            let Some(text) = texts.get(at).cloned() else { break };
            assert_eq!(account_alias(&text), read_step_by_step(&text), "{text:?}");
            if text.len() < 6 {
                texts.extend(["a", "0", "-", "A"].map(|end| text.clone() + end));
            }
        }
        for (length, fits) in [(2, false), (3, true), (63, true), (64, false)] {
            assert_eq!(account_alias(&"a".repeat(length)), fits);
            assert_eq!(read_step_by_step(&"a".repeat(length)), fits);
        }
    }
}
