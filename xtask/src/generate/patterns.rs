//! Code for patterns: most are one class of characters repeated and become a table; the rest is a regular expression or a
//! function written by hand.

use crate::Outcome;

/// Patterns that regular expressions without look-ahead cannot say, with the function of `wire::pattern` that does.
const BY_HAND: [(&str, &str); 4] = [
    ("^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", "account_alias"),
    ("(?!^[0-9]+$)([a-zA-Z0-9-_]+)", "function_alias"),
    ("[0-9A-Za-z\\.\\-_]*(?<!\\.)", "bucket_name"),
    ("^(?!\\s*$).+", "not_blank"),
];

/// The code points up to which a table is held against the regular expression that it stands for.
const COMPARED_MAX: u32 = 0x1_1000;

/// The expression that makes the pattern.
pub fn pattern(pattern: &str) -> Outcome<String> {
    if let Some((_, function)) = BY_HAND.iter().find(|(by_hand, _)| *by_hand == pattern) {
        return Ok(format!("Pattern::by_hand({pattern:?}, pattern::{function})"));
    }
    if let Some(class) = Class::parse(pattern) {
        class.compare(pattern)?;
        return Ok(class.code(pattern));
    }
    compile(pattern).map(|_| format!("Pattern::new({pattern:?})"))
}

/// The same form as `wire::pattern` compiles.
fn compile(pattern: &str) -> Outcome<regex_lite::Regex> {
    regex_lite::Regex::new(&format!(r"\A(?:{pattern})\z"))
        .map_err(|error| format!("the pattern {pattern} cannot be translated: {error}"))
}

/// A class of characters that a text has any number of, or at least one.
struct Class {
    spans: Vec<(char, char)>,
    categories: Vec<&'static str>,
    empty: bool,
}

impl Class {
    /// Reads `[…]+` or `[…]*`, with or without anchors; nothing when the pattern is anything else.
    fn parse(pattern: &str) -> Option<Self> {
        let bare = pattern.strip_prefix('^').unwrap_or(pattern);
        let bare = bare.strip_suffix('$').unwrap_or(bare);
        let (inside, empty) = match bare.strip_prefix('[')?.strip_suffix("]+") {
            Some(inside) => (inside, false),
            None => (bare.strip_prefix('[')?.strip_suffix("]*")?, true),
        };
        if inside.starts_with('^') || inside.contains("[:") || inside.contains("&&") {
            return None;
        }
        let mut class = Self { spans: Vec::new(), categories: Vec::new(), empty };
        let mut rest = inside;
        while !rest.is_empty() {
            rest = class.take_item(rest)?;
        }
        Some(class)
    }

    /// Takes a category, a shorthand, a range or a character, and gives what is left.
    fn take_item<'p>(&mut self, text: &'p str) -> Option<&'p str> {
        let shorthands: [(&str, &[(char, char)]); 2] =
            [("\\w", &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]), ("\\d", &[('0', '9')])];
        for (name, spans) in shorthands {
            if let Some(rest) = text.strip_prefix(name) {
                self.spans.extend(spans);
                return Some(rest);
            }
        }
        for (name, category) in [("\\p{L}", "Letter"), ("\\p{N}", "Number"), ("\\p{Z}", "Separator")] {
            if let Some(rest) = text.strip_prefix(name) {
                self.categories.push(category);
                return Some(rest);
            }
        }
        let (first, rest) = character(text)?;
        let ranged = rest.strip_prefix('-').filter(|rest| !rest.is_empty()).and_then(character);
        let (last, rest) = ranged.unwrap_or((first, rest));
        self.spans.push((first, last));
        (first <= last).then_some(rest)
    }

    fn has(&self, character: char) -> bool {
        self.spans.iter().any(|(first, last)| (*first..=*last).contains(&character))
    }

    /// Fails when the table has other characters than the regular expression, as far as that has no categories.
    fn compare(&self, pattern: &str) -> Outcome<()> {
        if !self.categories.is_empty() {
            return Ok(());
        }
        let regex = compile(pattern)?;
        let differs = |character: &char| regex.is_match(character.encode_utf8(&mut [0; 4])) != self.has(*character);
        match (0..COMPARED_MAX).filter_map(char::from_u32).find(differs) {
            Some(character) => Err(format!("the pattern {pattern} is misread at {character:?}")),
            None => Ok(()),
        }
    }

    fn code(&self, pattern: &str) -> String {
        let mut spans = self.spans.clone();
        spans.sort_unstable();
        let spans: Vec<_> = spans.iter().map(|(first, last)| format!("({first:?}, {last:?})")).collect();
        let categories: Vec<_> = self.categories.iter().map(|category| format!("Category::{category}")).collect();
        let (spans, categories) = (spans.join(", "), categories.join(", "));
        format!("Pattern::class({pattern:?}, &[{spans}], &[{categories}], {})", self.empty)
    }
}

/// The character at the start of `text`, escaped or not, and what follows.
fn character(text: &str) -> Option<(char, &str)> {
    let mut characters = text.chars();
    let first = characters.next()?;
    if first != '\\' {
        return (first != '[' && first != ']').then_some((first, characters.as_str()));
    }
    let kind = characters.next()?;
    let rest = characters.as_str();
    let digits = match kind {
        'u' => 4,
        'x' => 2,
        _ => return kind.is_ascii_punctuation().then_some((kind, rest)),
    };
    let (code, rest) = rest.split_at_checked(digits)?;
    Some((u32::from_str_radix(code, 16).ok().and_then(char::from_u32)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_become_tables() {
        let cases = [
            (
                "[\\w+=,.@-]+",
                "&[('+', '+'), (',', ','), ('-', '-'), ('.', '.'), ('0', '9'), ('=', '='), ('@', '@'), ('A', 'Z'), ('_', '_'), ('a', 'z')], &[], false",
            ),
            ("^[\\u0020-\\u00FF\\t]*$", ""),
            ("[\\x21\\x23-\\x2B]*", "&[('!', '!'), ('#', '+')], &[], true"),
            (
                "[\\p{L}\\p{Z}\\p{N}_\\-]+",
                "&[('-', '-'), ('_', '_')], &[Category::Letter, Category::Separator, Category::Number], false",
            ),
        ];
        for (source, inside) in cases {
            let code = pattern(source).expect(source);
            let expected = format!("Pattern::class({source:?}, {inside})");
            assert!(if inside.is_empty() { code.starts_with("Pattern::new") } else { code == expected }, "{code}");
        }
    }

    #[test]
    fn the_rest_is_a_regular_expression_or_by_hand() {
        for source in ["[a-z]+-[0-9]*", "[^a]+", "([a]+)", "[a]+[b]+", "[a]{2}"] {
            assert_eq!(pattern(source), Ok(format!("Pattern::new({source:?})")));
        }
        let (source, function) = BY_HAND[0];
        assert_eq!(pattern(source), Ok(format!("Pattern::by_hand({source:?}, pattern::{function})")));
        assert!(pattern("(?!x)a").is_err());
        assert!(pattern("[z-a]+").is_err());
    }
}
