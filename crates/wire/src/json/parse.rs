//! A JSON parser that borrows from the body, bounds depth and number of values, and wipes what it had to copy.
//!
//! It is written here rather than taken from a library because libraries unescape strings through buffers of their own,
//! which would leave secret values behind in freed memory.

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
        self.text.get(start..self.at).map(Node::Number)
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
        let text = unescape(self.text.get(start..end)?, self.at - start)?;
        self.at = end + 1;
        Some(Text::Owned(text))
    }

    /// Where the quote stands that ends the string whose first escape is at the present place.
    fn closing_quote(&self) -> Option<usize> {
        let mut at = self.at;
        loop {
            let rest = self.text.as_bytes().get(at..)?;
            at += plain_prefix(rest);
            match self.text.as_bytes().get(at)? {
                b'"' => return Some(at),
                // The byte after a backslash never ends the string.
                b'\\' => at += 2,
                _ => return None,
            }
        }
    }
}

/// The text without its escapes, of which the first stands at `first`. Escapes only ever shrink, so the buffer never
/// grows and leaves nothing behind.
fn unescape(raw: &str, first: usize) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(String::with_capacity(raw.len()));
    let (plain, mut rest) = raw.split_at_checked(first)?;
    out.push_str(plain);
    while let Some(escape) = rest.strip_prefix('\\') {
        let mut characters = escape.chars();
        let character = match characters.next()? {
            character @ ('"' | '\\' | '/') => character,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (character, after) = code_point(characters.as_str())?;
                characters = after.chars();
                character
            }
            _ => return None,
        };
        out.push(character);
        let after = characters.as_str();
        let (plain, next) = after.split_at_checked(plain_prefix(after.as_bytes()))?;
        out.push_str(plain);
        rest = next;
    }
    rest.is_empty().then_some(out)
}

/// The character after `\u`, which may be a surrogate pair, and what follows it.
fn code_point(text: &str) -> Option<(char, &str)> {
    let (high, rest) = hex4(text)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, rest));
    }
    let (low, rest) = hex4(rest.strip_prefix("\\u")?)?;
    if !(0xdc00..0xe000).contains(&low) {
        return None;
    }
    Some((char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, rest))
}

fn hex4(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((u32::from_str_radix(digits, 16).ok().filter(|_| all_hex)?, rest))
}
