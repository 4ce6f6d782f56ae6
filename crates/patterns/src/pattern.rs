//! A compiled pattern, held against events.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::Value;

use crate::compile;
use crate::fault::Fault;
use crate::matcher::Matcher;

/// A pattern that events are held against.
///
/// Each field of it must match; a field with a list matches when one of the list's matchers matches the event's value, or
/// an element of it where that is an array. Fields below an array must match within one element of it.
#[derive(Clone, Debug)]
pub struct Pattern {
    root: Fields,
}

/// The fields of one object of a pattern, all of which must match.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) fields: Vec<(String, Node)>,
    /// Lists of which one each must match: `$or`.
    pub(crate) any: Vec<Vec<Fields>>,
}

/// What one field asks for.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// An object.
    Object(Fields),
    /// A value.
    Leaf {
        /// The field's names from the root on.
        path: Vec<String>,
        /// Of which one must match.
        matchers: Vec<Matcher>,
    },
}

impl Pattern {
    /// Compiles a pattern from its JSON.
    ///
    /// # Errors
    /// Why it is no pattern.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        Ok(Self { root: compile::root(text)? })
    }

    /// Whether an event matches.
    #[must_use]
    pub fn matches(&self, event: &Value) -> bool {
        self.root.match_one(Some(event), &Whole { event, known: RefCell::default() })
    }
}

/// The whole event, and what of it is known to be there: that is asked for each element of an array, and is always the
/// same.
struct Whole<'e, 'p> {
    event: &'e Value,
    known: RefCell<HashMap<&'p [String], bool>>,
}

impl<'p> Whole<'_, 'p> {
    fn has(&self, path: &'p [String]) -> bool {
        *self.known.borrow_mut().entry(path).or_insert_with(|| has_leaf(self.event, path))
    }
}

impl Fields {
    /// Whether `value`, or an element of it, matches; nothing is there without one.
    fn match_any<'p>(&'p self, value: Option<&Value>, event: &Whole<'_, 'p>) -> bool {
        match value {
            Some(Value::Array(elements)) if !elements.is_empty() => {
                elements.iter().any(|element| self.match_any(Some(element), event))
            }
            value => self.match_one(value, event),
        }
    }

    fn match_one<'p>(&'p self, value: Option<&Value>, event: &Whole<'_, 'p>) -> bool {
        let object = value.and_then(Value::as_object);
        let matches = |(name, node): &'p (String, Node)| {
            let value = object.and_then(|object| object.get(name));
            match node {
                Node::Object(fields) => fields.match_any(value, event),
                Node::Leaf { path, matchers } => matchers.iter().any(|matcher| match matcher {
                    // Asked of the event as a whole: another element of an array may have the field.
                    Matcher::Absent => !event.has(path),
                    matcher => value.is_some_and(|value| leaf(value, matcher)),
                }),
            }
        };
        self.fields.iter().all(matches)
            && self.any.iter().all(|alternatives| alternatives.iter().any(|fields| fields.match_one(value, event)))
    }
}

/// Whether a value that is no object, or one in an array, matches.
fn leaf(value: &Value, matcher: &Matcher) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| leaf(element, matcher)),
        Value::Object(_) => false,
        value => matcher.matches(value),
    }
}

/// Whether an event has a value that is no object at `path`, in any element of the arrays on the way.
fn has_leaf(value: &Value, path: &[String]) -> bool {
    match (value, path.split_first()) {
        (Value::Array(elements), _) => elements.iter().any(|element| has_leaf(element, path)),
        (Value::Object(object), Some((name, rest))) => object.get(name).is_some_and(|value| has_leaf(value, rest)),
        (Value::Object(_), None) | (_, Some(_)) => false,
        (_, None) => true,
    }
}
