//! Texts with parts left open: `*` stands for any characters, `\*` and `\\` for themselves.

use crate::fault::Fault;

/// A text with parts left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wildcard {
    /// What stands between the open parts; one part more than there are.
    parts: Vec<String>,
}

impl Wildcard {
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let (mut parts, mut part, mut open) = (Vec::new(), String::new(), false);
        let mut characters = text.chars().enumerate();
        while let Some((at, character)) = characters.next() {
            match character {
                '*' if open => return Err(Fault::new(format!("Consecutive wildcard characters at pos {}", at - 1))),
                '*' => {
                    parts.push(std::mem::take(&mut part));
                    open = true;
                    continue;
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('*' | '\\'))) => part.push(escaped),
                    _ => return Err(Fault::new(format!("Invalid escape character at pos {at}"))),
                },
                other => part.push(other),
            }
            open = false;
        }
        parts.push(part);
        Ok(Self { parts })
    }

    /// Whether a text is like this. Each part is taken where it comes first, which leaves the most for the others.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.parts.split_first() else { return text.is_empty() };
        let Some(mut left) = text.strip_prefix(first.as_str()) else { return false };
        let Some((last, between)) = rest.split_last() else { return left.is_empty() };
        for part in between {
            let Some((_, behind)) = left.split_once(part.as_str()) else { return false };
            left = behind;
        }
        left.ends_with(last.as_str())
    }
}
