//! The requests of the query protocol: `Action=X&Tags.member.1.Key=a`, in a form body or a query string.

use percent_encoding::percent_decode;
use zeroize::Zeroizing;

use crate::error::{SERIALIZATION, ServiceError};
use crate::forms::Shape;
use crate::node::{Node, Text};
use crate::reading::{Notation, Reading};

/// Parameters of a request, at most.
pub const PARAMETERS_MAX: usize = 4096;
/// Parts of a parameter's name, at most.
pub const NAME_PARTS_MAX: usize = 32;

/// The parameters of a request.
#[derive(Debug)]
pub struct Query<'a> {
    parameters: Vec<(Text<'a>, Text<'a>)>,
}

impl<'a> Query<'a> {
    /// Takes a form body or a query string apart.
    ///
    /// # Errors
    /// `MalformedInput` when it is not UTF-8 after decoding or has more than [`PARAMETERS_MAX`] parameters.
    pub fn parse(form: &'a [u8]) -> Result<Self, ServiceError> {
        let mut parameters = Vec::new();
        for pair in form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if parameters.len() == PARAMETERS_MAX {
                return Err(malformed());
            }
            let mut sides = pair.splitn(2, |byte| *byte == b'=');
            let mut side = || plain(sides.next().unwrap_or_default()).ok_or_else(malformed);
            parameters.push((side()?, side()?));
        }
        Ok(Self { parameters })
    }

    /// The value of the parameter `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }

    /// The name of the operation.
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        self.get("Action")
    }

    /// Reads a request and checks the constraints of the model. Parameters that the shape does not know, such as
    /// `Action` and `Version`, are passed over.
    ///
    /// # Errors
    /// `MalformedInput` when a value is of the wrong kind, `ValidationException` when constraints do not hold.
    pub fn decode<T: Shape>(self) -> Result<T, ServiceError> {
        let mut reading = Reading::request(Notation::Query);
        let value = T::decode(self.tree()?, &mut reading)?;
        reading.finish(value)
    }

    fn tree(self) -> Result<Node<'a>, ServiceError> {
        let mut root = Vec::new();
        for (name, value) in self.parameters {
            match name {
                Text::Borrowed(name) => insert(&mut root, name.split('.').map(Text::Borrowed), value),
                Text::Owned(name) => {
                    let parts = name.split('.').map(|part| Text::Owned(Zeroizing::new(part.to_owned())));
                    insert(&mut root, parts, value)
                }
            }
            .ok_or_else(malformed)?;
        }
        Ok(Node::Map(root))
    }
}

/// Puts a value where its name says. A later value replaces an earlier one; a value where others have parts is dropped.
fn insert<'a>(
    root: &mut Vec<(Text<'a>, Node<'a>)>,
    name: impl Iterator<Item = Text<'a>>,
    value: Text<'a>,
) -> Option<()> {
    let mut entries = root;
    let mut parts = name.take(NAME_PARTS_MAX + 1).peekable();
    let mut depth = 0;
    while let Some(part) = parts.next() {
        depth += 1;
        if depth > NAME_PARTS_MAX {
            return None;
        }
        // Parameters mostly come in order, so the entry looked for is most often the last.
        let at = entries.iter().rposition(|(key, _)| **key == *part).unwrap_or_else(|| {
            entries.push((part, Node::Null));
            entries.len() - 1
        });
        let (_, node) = entries.get_mut(at)?;
        if parts.peek().is_none() {
            if !matches!(node, Node::Map(_)) {
                *node = Node::Text(value);
            }
            return Some(());
        }
        if !matches!(node, Node::Map(_)) {
            *node = Node::Map(Vec::new());
        }
        let Node::Map(inner) = node else { return None };
        entries = inner;
    }
    None
}

/// The text without form encoding; borrowed when nothing was encoded.
fn plain(encoded: &[u8]) -> Option<Text<'_>> {
    if !encoded.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return std::str::from_utf8(encoded).ok().map(Text::Borrowed);
    }
    let spaced: Zeroizing<Vec<u8>> =
        Zeroizing::new(encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect());
    // Decoding only ever shrinks, so the buffer never grows and leaves nothing behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(spaced.len()));
    bytes.extend(percent_decode(&spaced));
    let text = String::from_utf8(std::mem::take(&mut *bytes)).ok()?;
    Some(Text::Owned(Zeroizing::new(text)))
}

fn malformed() -> ServiceError {
    SERIALIZATION.for_query().bare()
}
