//! A CBOR parser (RFC 8949) that borrows from the body and bounds depth and number of values.
//!
//! It makes the tree that all protocols share, so that constraints and texts of errors are the same in each of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::node::{Node, Text};

/// Lists and maps inside each other, at most.
pub const DEPTH_MAX: usize = 64;

/// Instants: seconds since the epoch.
const TAG_SECONDS: u64 = 1;
/// Ends what has no length of its own.
const BREAK: u8 = 0xff;

/// Parses a whole body. `None` when it is not CBOR, has what no model has, or exceeds the bounds.
#[must_use]
pub fn parse(body: &[u8], nodes_max: usize) -> Option<Node<'_>> {
    let mut parser = Parser { rest: body, nodes_left: nodes_max };
    let node = parser.value(DEPTH_MAX)?;
    parser.rest.is_empty().then_some(node)
}

struct Parser<'a> {
    rest: &'a [u8],
    nodes_left: usize,
}

/// The beginning of an item.
struct Head {
    /// 0 to 7.
    major: u8,
    /// The five bits beside it.
    short: u8,
    /// What they stand for; none where the end is marked by a break.
    argument: Option<u64>,
}

impl<'a> Parser<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    fn head(&mut self) -> Option<Head> {
        let first = *self.take(1)?.first()?;
        let (major, short) = (first >> 5, first & 0x1f);
        let argument = match short {
            0..=23 => Some(u64::from(short)),
            24 => Some(self.number(1)?),
            25 => Some(self.number(2)?),
            26 => Some(self.number(4)?),
            27 => Some(self.number(8)?),
            31 => None,
            _ => return None,
        };
        Some(Head { major, short, argument })
    }

    /// Steps over a break if it comes next.
    fn eat_break(&mut self) -> bool {
        let found = self.rest.first() == Some(&BREAK);
        if found {
            self.take(1);
        }
        found
    }

    fn value(&mut self, depth: usize) -> Option<Node<'a>> {
        self.nodes_left = self.nodes_left.checked_sub(1)?;
        let head = self.head()?;
        match head.major {
            0 => Some(Node::Number(head.argument?.to_string().into())),
            1 => Some(Node::Number((-1 - i128::from(head.argument?)).to_string().into())),
            2 => self.bytes(&head),
            3 => self.text(&head).map(Node::Text),
            4 => self.list(&head, depth.checked_sub(1)?),
            5 => self.map(&head, depth.checked_sub(1)?),
            6 if head.argument == Some(TAG_SECONDS) => {
                let node = self.value(depth.checked_sub(1)?)?;
                matches!(node, Node::Number(_)).then_some(node)
            }
            7 => Self::simple(&head),
            _ => None,
        }
    }

    fn simple(head: &Head) -> Option<Node<'a>> {
        let argument = head.argument?;
        match head.short {
            20 => Some(Node::Bool(false)),
            21 => Some(Node::Bool(true)),
            22 | 23 => Some(Node::Null),
            25 => u16::try_from(argument).ok().map(|bits| double(half(bits))),
            26 => u32::try_from(argument).ok().map(|bits| double(f64::from(f32::from_bits(bits)))),
            27 => Some(double(f64::from_bits(argument))),
            _ => None,
        }
    }

    fn span(&mut self, length: u64) -> Option<&'a [u8]> {
        self.take(usize::try_from(length).ok()?)
    }

    fn bytes(&mut self, head: &Head) -> Option<Node<'a>> {
        if let Some(length) = head.argument {
            return self.span(length).map(Node::Bytes);
        }
        // Bytes in pieces cannot be borrowed; text stands for them as in JSON.
        let mut whole = Zeroizing::new(Vec::new());
        while !self.eat_break() {
            whole.extend_from_slice(self.piece(2)?);
        }
        Some(Node::Text(Text::Owned(Zeroizing::new(STANDARD.encode(&*whole)))))
    }

    fn text(&mut self, head: &Head) -> Option<Text<'a>> {
        if let Some(length) = head.argument {
            return std::str::from_utf8(self.span(length)?).ok().map(Text::Borrowed);
        }
        let mut whole = Zeroizing::new(String::new());
        while !self.eat_break() {
            whole.push_str(std::str::from_utf8(self.piece(3)?).ok()?);
        }
        Some(Text::Owned(whole))
    }

    /// A piece of text or bytes that come in pieces.
    fn piece(&mut self, major: u8) -> Option<&'a [u8]> {
        self.nodes_left = self.nodes_left.checked_sub(1)?;
        let head = self.head().filter(|head| head.major == major)?;
        self.span(head.argument?)
    }

    /// Does `one` for each item of something that has as many as its head says, or ends with a break.
    fn each(&mut self, head: &Head, mut one: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        match head.argument {
            // Each takes one byte at least, so that a false number ends with the body.
            Some(count) => (0..count).try_for_each(|_| one(self)),
            None => {
                while !self.eat_break() {
                    one(self)?;
                }
                Some(())
            }
        }
    }

    fn list(&mut self, head: &Head, depth: usize) -> Option<Node<'a>> {
        let mut elements = Vec::new();
        self.each(head, |parser| {
            elements.push(parser.value(depth)?);
            Some(())
        })?;
        Some(Node::List(elements))
    }

    fn map(&mut self, head: &Head, depth: usize) -> Option<Node<'a>> {
        let mut entries = Vec::new();
        self.each(head, |parser| {
            let key = parser.head().filter(|head| head.major == 3)?;
            let key = parser.text(&key)?;
            entries.push((key, parser.value(depth)?));
            Some(())
        })?;
        Some(Node::Map(entries))
    }
}

/// A number as the tree has it, or the word for what is none.
fn double<'a>(value: f64) -> Node<'a> {
    let text = crate::forms::Double::print(value);
    if value.is_finite() { Node::Number(text.into()) } else { Node::Text(Text::Owned(Zeroizing::new(text))) }
}

/// A number of 16 bits.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from((bits >> 10) & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction > 0.0 => f64::NAN,
        31 => f64::INFINITY,
        _ => (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}
