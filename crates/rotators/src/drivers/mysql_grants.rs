//! A line of SHOW GRANTS: whose it is, and the same for another account.

/// A statement that gives an account something, or takes a part of it back.
#[derive(Debug, PartialEq, Eq)]
pub struct Grant<'a> {
    /// Up to the account, with the word before it.
    before: &'a str,
    user: String,
    host: String,
    /// What follows and belongs to the rights; how the account logs in does not.
    options: &'a str,
}

/// A word or quoted text of a line, with its place.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Piece<'a> {
    start: usize,
    end: usize,
    text: &'a str,
}

impl<'a> Grant<'a> {
    /// Reads a line; none when it is of no account.
    pub fn read(line: &'a str) -> Option<Self> {
        let pieces = pieces(line);
        let first = pieces.first()?.text;
        let word = match first {
            "GRANT" => "TO",
            "REVOKE" => "FROM",
            "SET" => "FOR",
            _ => return None,
        };
        let at = pieces.iter().position(|piece| piece.text == word)?;
        let before = line.get(..pieces.get(at)?.end)?;
        let user = unquoted(pieces.get(at + 1)?.text);
        let mut rest = at + 2;
        let mut host = String::new();
        if pieces.get(rest).is_some_and(|piece| piece.text == "@") {
            host = unquoted(pieces.get(rest + 1)?.text);
            rest += 2;
        }
        let with = pieces.iter().skip(rest).find(|piece| piece.text == "WITH");
        let options = with.and_then(|piece| line.get(piece.start..)).unwrap_or_default();
        Some(Self { before, user, host, options })
    }

    /// Whether it is of an account.
    pub fn is_of(&self, user: &str, host: &str) -> bool {
        self.user == user && self.host == host
    }

    /// The same for an account, which is quoted.
    pub fn to(&self, account: &str) -> String {
        format!("{} {account} {}", self.before, self.options).trim_end().to_owned()
    }
}

/// Splits a line into words, quoted texts, and `@` and other signs by themselves.
fn pieces(line: &str) -> Vec<Piece<'_>> {
    let bytes = line.as_bytes();
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'\'' | b'"' | b'`' => at = end_of_quoted(bytes, at, byte),
            _ if is_word(byte) => {
                while bytes.get(at).is_some_and(|next| is_word(*next)) {
                    at += 1;
                }
            }
            _ if byte.is_ascii_whitespace() => continue,
            _ => {}
        }
        if let Some(text) = line.get(start..at) {
            pieces.push(Piece { start, end: at, text });
        }
    }
    pieces
}

/// Bytes of words; those beyond ASCII stay together with what surrounds them.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'%' | b'.' | b'-') || !byte.is_ascii()
}

/// Behind the quote that ends a text; doubled ones belong to it. Backslashes mean nothing, as the session's mode says.
fn end_of_quoted(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if byte == quote {
            if bytes.get(at) != Some(&quote) {
                break;
            }
            at += 1;
        }
    }
    at
}

fn unquoted(text: &str) -> String {
    let Some(quote) = text.chars().next().filter(|first| matches!(first, '\'' | '"' | '`')) else {
        return text.to_owned();
    };
    let inner = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).unwrap_or_default();
    inner.replace(&format!("{quote}{quote}"), &quote.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_go_over_and_passwords_do_not() {
        for (line, user, host, copy) in [
            (
                "GRANT USAGE ON *.* TO `a``p TO x`@`%` IDENTIFIED BY PASSWORD '*AB' REQUIRE SSL WITH MAX_USER_CONNECTIONS 3",
                "a`p TO x",
                "%",
                "GRANT USAGE ON *.* TO `b`@`h` WITH MAX_USER_CONNECTIONS 3",
            ),
            (
                "GRANT SELECT (`TO`), INSERT ON `x TO y`.`FROM` TO 'app'@'10.0.%' WITH GRANT OPTION",
                "app",
                "10.0.%",
                "GRANT SELECT (`TO`), INSERT ON `x TO y`.`FROM` TO `b`@`h` WITH GRANT OPTION",
            ),
            ("GRANT `TO` TO `app`@`%`", "app", "%", "GRANT `TO` TO `b`@`h`"),
            (
                "GRANT PROXY ON ''@'%' TO 'app'@'%' WITH GRANT OPTION",
                "app",
                "%",
                "GRANT PROXY ON ''@'%' TO `b`@`h` WITH GRANT OPTION",
            ),
            ("REVOKE SELECT ON `m`.* FROM `app`@`%`", "app", "%", "REVOKE SELECT ON `m`.* FROM `b`@`h`"),
            ("SET DEFAULT ROLE `r` FOR `app`@`%`", "app", "%", "SET DEFAULT ROLE `r` FOR `b`@`h`"),
        ] {
            let grant = Grant::read(line).expect("grant");
            assert!(grant.is_of(user, host), "{grant:?}");
            assert_eq!(grant.to("`b`@`h`"), copy);
        }
    }

    #[test]
    fn what_is_of_no_account_is_left() {
        for line in ["", "GRANT", "SHOW x", "GRANT SELECT ON x.y TO", "GRANT SELECT ON `x TO `y`@`%`"] {
            assert_eq!(Grant::read(line).filter(|grant| grant.is_of("y", "%")), None, "{line}");
        }
        assert!(!Grant::read("GRANT USAGE ON *.* TO `role`").expect("grant").is_of("app", "%"));
    }
}
