//! The tree every protocol's parser makes of a request, from which the generated shapes are read.

use std::borrow::Cow;
use std::ops::Deref;

use zeroize::Zeroizing;

/// Characters of a value that an error message repeats at most; the rest is cut off and shown as `...`.
pub const ECHO_CHARS_MAX: usize = 1024;

/// One value of a request. Text without escapes is borrowed from the body; text that had to be unescaped is owned and
/// wiped when the tree is dropped, because it may be a secret.
#[derive(Debug)]
pub enum Node<'a> {
    /// No value; the same as leaving the member out.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it was written.
    Number(Cow<'a, str>),
    /// Text.
    Text(Text<'a>),
    /// Bytes as they are: a body that is one member.
    Bytes(&'a [u8]),
    /// Values in order.
    List(Vec<Node<'a>>),
    /// Names and values in order of appearance; of equal names the last counts.
    Map(Vec<(Text<'a>, Node<'a>)>),
}

/// Text of a request.
pub enum Text<'a> {
    /// Part of the body.
    Borrowed(&'a str),
    /// A copy without its escapes, wiped on drop.
    Owned(Zeroizing<String>),
}

impl Text<'_> {
    /// The text as a string of its own. An owned text is handed over without a copy.
    #[must_use]
    pub fn into_string(self) -> String {
        match self {
            Self::Borrowed(text) => text.to_owned(),
            Self::Owned(mut text) => std::mem::take(&mut *text),
        }
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}

impl std::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Which text is secret is known only to the shape that is read from it.
        write!(f, "Text({} bytes)", self.len())
    }
}

impl Node<'_> {
    /// The value as error messages repeat it, in the manner of Java's `toString`: `[a, b]` for lists. Structures show
    /// as `{...}`, since members that the model does not know may hold anything.
    #[must_use]
    pub fn echo(&self) -> String {
        let mut out = Echo { text: String::new(), left: ECHO_CHARS_MAX };
        out.node(self);
        out.text
    }
}

/// A list as error messages repeat it.
#[must_use]
pub fn echo_list(elements: &[Node<'_>]) -> String {
    let mut out = Echo { text: String::new(), left: ECHO_CHARS_MAX };
    out.list(elements);
    out.text
}

struct Echo {
    text: String,
    left: usize,
}

impl Echo {
    fn node(&mut self, node: &Node<'_>) {
        match node {
            Node::Null => self.put("null"),
            Node::Bool(true) => self.put("true"),
            Node::Bool(false) => self.put("false"),
            Node::Number(text) => self.put(text),
            Node::Text(text) => self.put(text),
            Node::Bytes(_) => self.put("{...}"),
            Node::List(elements) => self.list(elements),
            Node::Map(entries) => self.put(if entries.is_empty() { "{}" } else { "{...}" }),
        }
    }

    fn list(&mut self, elements: &[Node<'_>]) {
        self.put("[");
        for (at, element) in elements.iter().enumerate() {
            if self.left == 0 {
                return;
            }
            if at > 0 {
                self.put(", ");
            }
            self.node(element);
        }
        self.put("]");
    }

    fn put(&mut self, text: &str) {
        if self.left == 0 {
            return;
        }
        match text.char_indices().nth(self.left) {
            None => {
                self.left -= text.chars().count();
                self.text.push_str(text);
            }
            Some((end, _)) => {
                self.left = 0;
                self.text.push_str(text.get(..end).unwrap_or_default());
                self.text.push_str("...");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node<'_> {
        Node::Text(Text::Borrowed(text))
    }

    #[test]
    fn lists_echo_like_java_and_structures_hide_their_content() {
        let structure = Node::Map(vec![(Text::Borrowed("SecretString"), text("hunter2"))]);
        let list = Node::List(vec![text("a"), Node::Number("1".into()), Node::Bool(false), Node::Null, structure]);
        assert_eq!(list.echo(), "[a, 1, false, null, {...}]");
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        let long = "é".repeat(ECHO_CHARS_MAX + 1);
        assert_eq!(text(&long).echo(), format!("{}...", "é".repeat(ECHO_CHARS_MAX)));
        let fits = "é".repeat(ECHO_CHARS_MAX);
        assert_eq!(text(&fits).echo(), fits);
    }

    #[test]
    fn debug_shows_no_text() {
        assert_eq!(format!("{:?}", text("hunter2")), "Text(Text(7 bytes))");
    }
}
