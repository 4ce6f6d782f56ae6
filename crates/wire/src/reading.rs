//! Reading a shape from a request's tree: where the reader is, which constraints failed, and the errors AWS gives.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::error::{Code, SERIALIZATION, ServiceError, VALIDATION};
use crate::forms::Form;
use crate::node::{Node, Text};

/// Violations whose text an error message gives at most; the count is of all of them.
pub const VIOLATIONS_MAX: usize = 32;

/// How the request was written, which decides how lists, maps and scalars appear in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// The JSON protocols: every value has its JSON type.
    Json,
    /// The query protocol: every scalar is text, lists and maps are numbered.
    Query,
}

impl Notation {
    /// The code for what cannot be read.
    fn unreadable(self) -> Code {
        match self {
            Self::Json => SERIALIZATION,
            Self::Query => SERIALIZATION.for_query(),
        }
    }
}

/// What a shape expected where another kind of value stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Text.
    Text,
    /// A 32-bit number.
    Integer,
    /// A 64-bit number.
    Long,
    /// A floating-point number.
    Double,
    /// `true` or `false`.
    Boolean,
    /// Base64 text.
    Blob,
    /// An instant.
    Timestamp,
    /// A list.
    List,
    /// A map.
    Map,
    /// A structure.
    Structure,
}

#[derive(Debug)]
enum Step {
    Member(&'static str),
    Element(usize),
    Key(String),
}

/// The state of reading one request.
#[derive(Debug)]
pub struct Reading {
    notation: Notation,
    /// Whether constraints of the model count. Answers are read without them: AWS's own answers break them.
    strict: bool,
    path: Vec<Step>,
    violations: Vec<String>,
    count: usize,
    /// What the service itself objects to first; it counts when no constraint of the model is broken.
    objection: Option<String>,
}

impl Reading {
    /// Reads a request: the model's constraints are checked.
    #[must_use]
    pub const fn request(notation: Notation) -> Self {
        Self { notation, strict: true, path: Vec::new(), violations: Vec::new(), count: 0, objection: None }
    }

    /// Reads an answer: only absent required members are faults.
    #[must_use]
    pub const fn answer(notation: Notation) -> Self {
        Self { notation, strict: false, path: Vec::new(), violations: Vec::new(), count: 0, objection: None }
    }

    /// How the request was written.
    #[must_use]
    pub const fn notation(&self) -> Notation {
        self.notation
    }

    /// Whether constraints of the model are checked.
    #[must_use]
    pub const fn is_strict(&self) -> bool {
        self.strict
    }

    /// The value, or the `ValidationException` of what was found on the way.
    ///
    /// # Errors
    /// `ValidationException` with AWS's text when a constraint does not hold or the service objects; `SerializationException` when an answer
    /// gives a required member a value that the model does not know.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, ServiceError> {
        if self.count > 0 {
            return Err(VALIDATION.with(self.message()));
        }
        match (value, self.objection) {
            (_, Some(objection)) => Err(VALIDATION.with(objection)),
            (Some(value), None) => Ok(value),
            (None, None) => Err(self.notation.unreadable().bare()),
        }
    }

    fn message(&self) -> String {
        let plural = if self.count == 1 { "" } else { "s" };
        format!("{} validation error{plural} detected: {}", self.count, self.violations.join("; "))
    }

    /// The members of a structure.
    ///
    /// # Errors
    /// `SerializationException` when the node is something else.
    pub fn structure<'a>(&mut self, node: Node<'a>) -> Result<Members<'a>, ServiceError> {
        match node {
            Node::Map(entries) => Ok(Members { entries }),
            Node::Text(text) if self.notation == Notation::Query && text.is_empty() => {
                Ok(Members { entries: Vec::new() })
            }
            other => Err(self.mismatch(&other, Expected::Structure)),
        }
    }

    /// The elements of a list; `element` is the name the query protocol puts between the list's name and the number,
    /// unless the list is `flattened`.
    ///
    /// # Errors
    /// `SerializationException` when the node is something else.
    pub fn list<'a>(&mut self, node: Node<'a>, element: &str, flattened: bool) -> Result<Vec<Node<'a>>, ServiceError> {
        match (self.notation, node) {
            (Notation::Json, Node::List(elements)) => Ok(elements),
            (Notation::Query, node) => self.numbered(node, element, flattened, Expected::List),
            (_, other) => Err(self.mismatch(&other, Expected::List)),
        }
    }

    /// The keys and values of a map, with the names the query protocol gives to its parts.
    ///
    /// # Errors
    /// `SerializationException` when the node is something else.
    pub fn map<'a>(
        &mut self,
        node: Node<'a>,
        key: &str,
        value: &str,
        flattened: bool,
    ) -> Result<Vec<(Text<'a>, Node<'a>)>, ServiceError> {
        match (self.notation, node) {
            (Notation::Json, Node::Map(entries)) => Ok(entries),
            (Notation::Query, node) => {
                let numbered = self.numbered(node, "entry", flattened, Expected::Map)?;
                let mut entries = Vec::with_capacity(numbered.len());
                for entry in numbered {
                    let mut members = self.structure(entry)?;
                    match (members.take(key), members.take(value)) {
                        (Node::Text(key), value) => entries.push((key, value)),
                        (other, _) => return Err(self.mismatch(&other, Expected::Text)),
                    }
                }
                Ok(entries)
            }
            (_, other) => Err(self.mismatch(&other, Expected::Map)),
        }
    }

    fn numbered<'a>(
        &mut self,
        node: Node<'a>,
        element: &str,
        flattened: bool,
        expected: Expected,
    ) -> Result<Vec<Node<'a>>, ServiceError> {
        let node = match node {
            Node::Map(entries) if !flattened => Members { entries }.take(element),
            other => other,
        };
        match node {
            Node::Map(entries) => {
                let mut numbered = Vec::with_capacity(entries.len());
                for (number, node) in entries {
                    let number: u32 =
                        number.parse().map_err(|_| self.refusal("Start of list found where not expected"))?;
                    numbered.push((number, node));
                }
                numbered.sort_by_key(|(number, _)| *number);
                Ok(numbered.into_iter().map(|(_, node)| node).collect())
            }
            // `List=` is how clients write an empty list.
            Node::Text(text) if text.is_empty() => Ok(Vec::new()),
            other => Err(self.mismatch(&other, expected)),
        }
    }

    /// The error for a value of the wrong kind, with the texts of AWS's front end (its spelling differs by kind).
    #[must_use]
    pub fn mismatch(&self, found: &Node<'_>, expected: Expected) -> ServiceError {
        let found = match (found, expected) {
            (Node::List(_), _) => return self.refusal("Start of list found where not expected"),
            (Node::Map(_), _) => return self.refusal("Start of structure or map found where not expected."),
            (_, Expected::List) => return self.refusal("Expected list or null"),
            (_, Expected::Map) => return self.refusal("Expected map or null"),
            (_, Expected::Structure) => return self.refusal("Expected null"),
            (Node::Null, _) => return self.refusal(""),
            (Node::Bool(true), _) => "TRUE_VALUE",
            (Node::Bool(false), _) => "FALSE_VALUE",
            (Node::Number(_), _) => "NUMBER_VALUE",
            (Node::Text(_), Expected::Boolean) => {
                return self.refusal("STRING_VALUE can not be converted to an Boolean");
            }
            (Node::Text(_) | Node::Bytes(_), _) => "STRING_VALUE",
        };
        let wanted = match expected {
            Expected::Integer => "an Integer",
            Expected::Long => "a Long",
            Expected::Double => "a Double",
            Expected::Boolean => "a Boolean",
            Expected::Blob => "a Blob",
            Expected::Timestamp => "milliseconds since epoch",
            Expected::Text | Expected::List | Expected::Map | Expected::Structure => "a String",
        };
        self.refusal(format!("{found} can not be converted to {wanted}"))
    }

    /// A body that cannot be read for the reason `message`, which may be empty.
    #[must_use]
    pub fn refusal(&self, message: impl Into<Cow<'static, str>>) -> ServiceError {
        self.notation.unreadable().with(message.into().into_owned())
    }

    /// Notes that the value where the reader stands breaks the constraint `phrase`. `value` is the value as the text
    /// repeats it; `None` hides it, as AWS does for sensitive members.
    pub fn violation(&mut self, value: Option<&str>, phrase: &str) {
        match value {
            Some(value) => self.note(&format!("Value '{value}' at"), phrase),
            None => self.note("Value at", phrase),
        }
    }

    /// Notes that the service objects to the value where the reader stands; `phrase` says what it must contain.
    pub fn objection(&mut self, phrase: &str) {
        if self.objection.is_none() {
            self.objection = Some(format!("The specified value for {} is invalid. {phrase}", self.place()));
        }
    }

    fn note(&mut self, subject: &str, phrase: &str) {
        self.count += 1;
        if self.violations.len() < VIOLATIONS_MAX {
            let text = format!("{subject} '{}' failed to satisfy constraint: {phrase}", self.place());
            self.violations.push(text);
        }
    }

    /// Reads an element of a list, `at` counting from 1.
    pub(crate) fn element<T>(&mut self, at: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        self.inside(Step::Element(at), read)
    }

    /// Reads a value of a map.
    pub(crate) fn entry<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.inside(Step::Key(key.to_owned()), read)
    }

    /// Reads on, forgetting the constraints that fail meanwhile.
    pub(crate) fn leniently<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let (count, kept, objection) = (self.count, self.violations.len(), self.objection.take());
        let out = read(self);
        self.count = count;
        self.objection = objection;
        self.violations.truncate(kept);
        out
    }

    fn inside<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let out = read(self);
        self.path.pop();
        out
    }

    /// Where the reader stands, as AWS writes it: `filters.1.member.key`.
    fn place(&self) -> String {
        let mut out = String::new();
        for step in &self.path {
            if !out.is_empty() {
                out.push('.');
            }
            // Writing to a string cannot fail.
            let _ = match step {
                Step::Member(name) => out.write_str(name),
                Step::Element(at) => write!(out, "{at}.member"),
                Step::Key(key) => write!(out, "{key}.member"),
            };
        }
        out
    }
}

/// The members of a structure that is being read.
#[derive(Debug)]
pub struct Members<'a> {
    entries: Vec<(Text<'a>, Node<'a>)>,
}

impl<'a> Members<'a> {
    /// Takes the member `name` out. Absent members and `null` are [`Node::Null`]; of equal names the last counts.
    pub fn take(&mut self, name: &str) -> Node<'a> {
        let entry = self.entries.iter_mut().rev().find(|(key, _)| &**key == name);
        entry.map_or(Node::Null, |(_, node)| std::mem::replace(node, Node::Null))
    }

    /// Reads a member that may be absent. `name` is its name on the wire, `place` its name in messages.
    ///
    /// # Errors
    /// `SerializationException` when the value is of the wrong kind.
    pub fn optional<F: Form>(
        &mut self,
        name: &str,
        place: &'static str,
        form: &F,
        reading: &mut Reading,
    ) -> Result<Option<F::Value>, ServiceError> {
        match self.take(name) {
            Node::Null => Ok(None),
            node => reading.inside(Step::Member(place), |reading| form.read(node, reading)),
        }
    }

    /// Reads a member that must be there; `None` means that a violation was noted.
    ///
    /// # Errors
    /// `SerializationException` when the value is of the wrong kind.
    pub fn required<F: Form>(
        &mut self,
        name: &str,
        place: &'static str,
        form: &F,
        reading: &mut Reading,
    ) -> Result<Option<F::Value>, ServiceError> {
        reading.inside(Step::Member(place), |reading| match self.take(name) {
            Node::Null => {
                reading.note("Value null at", "Member must not be null");
                Ok(None)
            }
            node => form.read(node, reading),
        })
    }
}
