//! Patterns of the API models. A value satisfies a pattern when the whole of it matches, as in Java's `matches`.

use std::sync::OnceLock;

use regex_lite::Regex;

/// A pattern of a model, compiled when it is first needed. Matching takes linear time.
#[derive(Debug)]
pub struct Pattern {
    source: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The pattern `source`. The generator of the shapes has checked that it compiles.
    #[must_use]
    pub const fn new(source: &'static str) -> Self {
        Self { source, compiled: OnceLock::new() }
    }

    /// The pattern as the model writes it.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// Whether the pattern can be compiled at all.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.regex().is_some()
    }

    /// Whether the whole of `text` matches. Nothing matches an invalid pattern.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| Regex::new(&format!(r"\A(?:{})\z", self.source)).ok()).as_ref()
    }
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
        let broken = Pattern::new("(");
        assert!(!broken.is_valid());
        assert!(!broken.matches("("));
    }
}
