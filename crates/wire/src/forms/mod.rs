//! Forms: how a shape of the model is read, checked and written. The generated shapes are put together from these.

mod aggregates;
mod numbers;
mod strings;

use crate::error::ServiceError;
use crate::node::Node;
use crate::reading::{Notation, Reading};
use crate::writer::Writer;

pub use aggregates::{List, Map, Nothing, SecretStructure, Shape, Structure};
pub use numbers::{Boolean, Double, Integer, Long, Timestamp};
pub use strings::{Blob, Choice, Enumeration, SecretBlob, SecretString, Text};

/// A form of value: a shape of the model with its constraints.
pub trait Form {
    /// What a value of the form is in Rust.
    type Value;

    /// Reads a value. `Ok(None)` means that the value breaks a constraint, which `reading` has noted.
    ///
    /// # Errors
    /// `SerializationException` when the node is of the wrong kind.
    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<Self::Value>, ServiceError>;

    /// Writes a value.
    fn write(&self, value: &Self::Value, writer: &mut dyn Writer);

    /// For scalar forms, the phrases of all constraints, in the order in which AWS lists them for the elements of a
    /// list; nothing for structures, lists and maps, whose faults are reported where they stand.
    fn constraints(&self) -> Vec<String> {
        Vec::new()
    }

    /// For scalar forms, whether a node of the right kind satisfies the constraints.
    fn accepts(&self, _node: &Node<'_>, _notation: Notation) -> bool {
        true
    }

    /// Whether no message repeats values, because they may hold secret material or because AWS does not.
    fn is_sensitive(&self) -> bool {
        false
    }
}

/// Bounds of a length or a number, with the phrases AWS uses when one does not hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// The least that is allowed.
    pub min: Option<i64>,
    /// The most that is allowed.
    pub max: Option<i64>,
}

impl Bounds {
    /// No bounds.
    pub const NONE: Self = Self { min: None, max: None };

    /// Bounds of which either may be absent.
    #[must_use]
    pub const fn new(min: Option<i64>, max: Option<i64>) -> Self {
        Self { min, max }
    }

    fn holds(&self, measure: i64) -> bool {
        self.min.is_none_or(|min| measure >= min) && self.max.is_none_or(|max| measure <= max)
    }

    /// The phrase of the bound that `measure` breaks; `of` is `length` or `value`.
    fn broken(&self, measure: i64, of: &str) -> Option<String> {
        match *self {
            Self { max: Some(max), .. } if measure > max => Some(at_most(of, max)),
            Self { min: Some(min), .. } if measure < min => Some(at_least(of, min)),
            _ => None,
        }
    }

    fn phrases(&self, of: &str) -> impl Iterator<Item = String> {
        let max = self.max.map(|max| at_most(of, max));
        max.into_iter().chain(self.min.map(|min| at_least(of, min)))
    }
}

fn at_most(of: &str, max: i64) -> String {
    format!("Member must have {of} less than or equal to {max}")
}

fn at_least(of: &str, min: i64) -> String {
    format!("Member must have {of} greater than or equal to {min}")
}

/// A length as bounds measure it.
fn measure(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
