//! Splits text at ASCII separators with vector instructions; lists of signed headers are read several times a request.

/// The pieces of `text` between `separator`s, empty ones too; like [`str::split`]. `separator` must be ASCII.
pub(super) fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let at = memchr::memchr(separator, text.as_bytes());
        let split = at.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
        rest = split.map(|(_, after)| after);
        Some(split.map_or(text, |(piece, _)| piece))
    })
}

/// What stands between commas and white space.
pub(super) fn words(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        text = text.trim_start_matches([',', ' ', '\t']);
        let end = memchr::memchr3(b',', b' ', b'\t', text.as_bytes()).unwrap_or(text.len());
        let (piece, rest) = text.split_at_checked(end)?;
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_the_standard_library_does() {
        for text in ["", ";", "a", "a;b", ";a;;b;", "é;è;", "host;x-amz-date;x-amz-security-token;x-amz-target"] {
            let expected: Vec<&str> = text.split(';').collect();
            assert_eq!(split(text, b';').collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn words_stand_between_commas_spaces_and_tabs() {
        assert_eq!(words(" , a,b\t c  ,,").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(words(" ,\t").count() + words("").count(), 0);
    }
}
