//! What engines that read by SQL have in common: the ends of stretches, numbers, the order of rows.

use crate::api::StoreError;

/// A number that cannot be negative.
pub(crate) fn number(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Damaged("a negative number".to_owned()))
}

/// A limit as databases take it.
pub(crate) fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Pages that contradict each other may give rows in any order: whoever reads page by page would never come to the end.
pub(crate) fn disorder() -> StoreError {
    StoreError::Damaged("rows that are not in order".to_owned())
}

/// The least text that is greater than all texts that begin with `prefix`; nothing when there is none. The order of
/// bytes of UTF-8 is the order of its characters.
pub(crate) fn end_of(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // The step from U+D7FF leads over the surrogates, which are no characters.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_next_text_that_lacks_it() {
        for (prefix, end) in [
            ("", None),
            ("a", Some("b")),
            ("a\u{7f}", Some("a\u{80}")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}\u{10ffff}", None),
        ] {
            assert_eq!(end_of(prefix).as_deref(), end, "{prefix:?}");
        }
    }
}
