//! A JSON parser that borrows from the body, bounds depth and number of values, and wipes what it had to copy.
//!
//! It is written here rather than taken from a library because libraries unescape strings through buffers of their own,
//! which would leave secret values behind in freed memory.

use memchr::memchr2;
use zeroize::Zeroizing;

use crate::node::{Node, Text};
use crate::scan::plain_prefix;

/// Lists and objects inside each other, at most. The deepest shape of any service model has about ten.
pub const DEPTH_MAX: usize = 64;

/// Parses a whole body. `None` when it is not UTF-8, not JSON, or exceeds the bounds.
#[must_use]
pub fn parse(body: &[u8], nodes_max: usize) -> Option<Node<'_>> {
    let text = std::str::from_utf8(body).ok()?;
    let mut parser = Parser { text, at: 0, nodes_left: nodes_max };
    let node = parser.value(DEPTH_MAX)?;
    parser.skip_space();
    (parser.at == text.len()).then_some(node)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    nodes_left: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over `byte` if it comes next.
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Option<Node<'a>> {
        self.nodes_left = self.nodes_left.checked_sub(1)?;
        self.skip_space();
        match self.peek()? {
            b'"' => self.string().map(Node::Text),
            b'{' => self.object(depth.checked_sub(1)?),
            b'[' => self.list(depth.checked_sub(1)?),
            b't' => self.word("true", Node::Bool(true)),
            b'f' => self.word("false", Node::Bool(false)),
            b'n' => self.word("null", Node::Null),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str, node: Node<'a>) -> Option<Node<'a>> {
        self.rest().starts_with(word.as_bytes()).then(|| {
            self.at += word.len();
            node
        })
    }

    fn object(&mut self, depth: usize) -> Option<Node<'a>> {
        self.at += 1;
        let mut entries = Vec::new();
        self.skip_space();
        if self.eat(b'}') {
            return Some(Node::Map(entries));
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            self.skip_space();
            if !self.eat(b':') {
                return None;
            }
            entries.push((name, self.value(depth)?));
            self.skip_space();
            if self.eat(b'}') {
                return Some(Node::Map(entries));
            }
            if !self.eat(b',') {
                return None;
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Node<'a>> {
        self.at += 1;
        let mut elements = Vec::new();
        self.skip_space();
        if self.eat(b']') {
            return Some(Node::List(elements));
        }
        loop {
            elements.push(self.value(depth)?);
            self.skip_space();
            if self.eat(b']') {
                return Some(Node::List(elements));
            }
            if !self.eat(b',') {
                return None;
            }
        }
    }

    fn number(&mut self) -> Option<Node<'a>> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        self.text.get(start..self.at).map(|text| Node::Number(text.into()))
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    fn string(&mut self) -> Option<Text<'a>> {
        if !self.eat(b'"') {
            return None;
        }
        let start = self.at;
        self.at += plain_prefix(self.rest());
        if self.peek()? == b'"' {
            let text = self.text.get(start..self.at)?;
            self.at += 1;
            return Some(Text::Borrowed(text));
        }
        let end = self.closing_quote()?;
        let raw = self.text.as_bytes().get(start..end)?;
        self.at = end + 1;
        unescape(raw).map(Text::Owned)
    }

    /// Where the quote stands that ends the string whose first escape is at the present place.
    fn closing_quote(&self) -> Option<usize> {
        let mut at = self.at;
        loop {
            at += memchr2(b'"', b'\\', self.text.as_bytes().get(at..)?)?;
            if self.text.as_bytes().get(at) == Some(&b'"') {
                return Some(at);
            }
            // The byte after a backslash never ends the string.
            at += 2;
        }
    }
}

/// The text without its escapes. Escapes only ever shrink, so the buffer never grows and leaves nothing behind.
fn unescape(raw: &[u8]) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(Vec::with_capacity(raw.len()));
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_at_checked(plain_prefix(rest)) {
        out.extend_from_slice(plain);
        let Some((b'\\', escape)) = escape.split_first() else {
            // At the end nothing is left; a control character may not stand in a string.
            return if escape.is_empty() { text(&mut out) } else { None };
        };
        let (letter, after) = escape.split_first()?;
        rest = after;
        out.push(match letter {
            b'"' | b'\\' | b'/' => *letter,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (character, after) = code_point(after)?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after;
                continue;
            }
            _ => return None,
        });
    }
    None
}

fn text(bytes: &mut Vec<u8>) -> Option<Zeroizing<String>> {
    match String::from_utf8(std::mem::take(bytes)) {
        Ok(text) => Some(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            None
        }
    }
}

/// The character after `\u`, which may be a surrogate pair, and what follows it.
fn code_point(text: &[u8]) -> Option<(char, &[u8])> {
    let (high, rest) = hex4(text)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, rest));
    }
    let (low, rest) = hex4(rest.strip_prefix(b"\\u")?)?;
    if !(0xdc00..0xe000).contains(&low) {
        return None;
    }
    Some((char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, rest))
}

fn hex4(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<4>()?;
    let digit = |value, byte: &u8| Some(value << 4 | char::from(*byte).to_digit(16)?);
    Some((digits.iter().try_fold(0, digit)?, rest))
}
