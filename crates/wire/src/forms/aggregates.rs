//! Forms that hold others: structures, lists, maps.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::{Bounds, Form, measure};
use crate::error::ServiceError;
use crate::node::{Node, Text, echo_list};
use crate::reading::Reading;
use crate::writer::Writer;

/// A structure of the model. The generator writes the implementations.
pub trait Shape: Sized {
    /// Reads the structure. `Ok(None)` means that a required member is absent or wrong, which `reading` has noted.
    ///
    /// # Errors
    /// `SerializationException` when a value is of the wrong kind.
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError>;

    /// Writes the structure; absent members are left out.
    fn encode(&self, writer: &mut dyn Writer);
}

/// A structure as a member, element or map value.
#[derive(Debug)]
pub struct Structure<T>(PhantomData<fn() -> T>);

impl<T: Shape> Structure<T> {
    /// The structure `T`.
    pub const NEW: Self = Self(PhantomData);
}

impl<T: Shape> Form for Structure<T> {
    type Value = T;

    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<T>, ServiceError> {
        T::decode(node, reading)
    }

    fn write(&self, value: &T, writer: &mut dyn Writer) {
        value.encode(writer);
    }
}

/// A structure that the model marks as sensitive: records leave it out as a whole.
#[derive(Debug)]
pub struct SecretStructure<T>(PhantomData<fn() -> T>);

impl<T: Shape> SecretStructure<T> {
    /// The structure `T`.
    pub const NEW: Self = Self(PhantomData);
}

impl<T: Shape> Form for SecretStructure<T> {
    type Value = T;

    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<T>, ServiceError> {
        T::decode(node, reading)
    }

    fn write(&self, value: &T, writer: &mut dyn Writer) {
        if writer.admits_secret() {
            value.encode(writer);
        }
    }

    fn is_sensitive(&self) -> bool {
        true
    }
}

/// The input or output of operations that have none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nothing;

impl Shape for Nothing {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        reading.structure(node).map(|_| Some(Self))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer.end_structure();
    }
}

/// A list with bounds on its length.
#[derive(Debug)]
pub struct List<F: 'static> {
    element: &'static F,
    length: Bounds,
    name: &'static str,
    flattened: bool,
    sensitive: bool,
}

impl<F> List<F> {
    /// A list of `length` elements of the form `element`.
    #[must_use]
    pub const fn new(element: &'static F, length: Bounds) -> Self {
        Self { element, length, name: "member", flattened: false, sensitive: false }
    }

    /// The same list with elements called `name` in the query protocol and in XML.
    #[must_use]
    pub const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The same list without a wrapper around its elements in the query protocol and in XML.
    #[must_use]
    pub const fn flattened(self) -> Self {
        Self { flattened: true, ..self }
    }

    /// The same list, but no message repeats it.
    #[must_use]
    pub const fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }
}

impl<F: Form> List<F> {
    /// Notes which constraints the list breaks: its own, and those of scalar elements, for which AWS has one text that
    /// speaks of all of them. Tells whether there was any, and whether it was of the elements.
    fn check(&self, nodes: &[Node<'_>], reading: &mut Reading) -> Faults {
        if !reading.is_strict() {
            return Faults { list: false, elements: false };
        }
        let notation = reading.notation();
        let null = nodes.iter().any(|node| matches!(node, Node::Null));
        let elements = null || nodes.iter().any(|node| !self.element.accepts(node, notation));
        let length = self.length.broken(measure(nodes.len()), "length");
        if length.is_none() && !elements {
            return Faults { list: false, elements: false };
        }
        let echo = (!self.is_sensitive()).then(|| echo_list(nodes));
        if let Some(phrase) = &length {
            reading.violation(echo.as_deref(), phrase);
        }
        if elements {
            let mut phrases = self.element.constraints();
            phrases.extend(null.then(|| "Member must not be null".to_owned()));
            let phrase = format!("Member must satisfy constraint: [{}]", phrases.join(", "));
            reading.violation(echo.as_deref(), &phrase);
        }
        Faults { list: true, elements }
    }
}

/// What is wrong with a list.
struct Faults {
    list: bool,
    /// The elements' faults are noted already.
    elements: bool,
}

impl<F: Form> Form for List<F> {
    type Value = Vec<F::Value>;

    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<Self::Value>, ServiceError> {
        let nodes = reading.list(node, self.name, self.flattened)?;
        let faults = self.check(&nodes, reading);
        let mut whole = !faults.list;
        let mut values = Vec::with_capacity(nodes.len());
        // After a fault the rest is still read: a value of the wrong kind comes before any broken constraint.
        for (at, node) in nodes.into_iter().enumerate() {
            let value = match node {
                Node::Null => None,
                node => reading.element(at + 1, |reading| {
                    if faults.elements {
                        reading.leniently(|reading| self.element.read(node, reading))
                    } else {
                        self.element.read(node, reading)
                    }
                })?,
            };
            whole &= value.is_some() || !reading.is_strict();
            values.extend(value);
        }
        Ok(whole.then_some(values))
    }

    fn write(&self, value: &Self::Value, writer: &mut dyn Writer) {
        writer.begin_list(self.name, self.flattened);
        for element in value {
            writer.element();
            self.element.write(element, writer);
        }
        writer.end_list();
    }

    fn is_sensitive(&self) -> bool {
        self.sensitive || self.element.is_sensitive()
    }
}

/// A map with bounds on its number of entries.
#[derive(Debug)]
pub struct Map<K: 'static, V: 'static> {
    key: &'static K,
    value: &'static V,
    length: Bounds,
    names: (&'static str, &'static str),
    flattened: bool,
}

impl<K, V> Map<K, V> {
    /// A map of `length` entries from `key` to `value`.
    #[must_use]
    pub const fn new(key: &'static K, value: &'static V, length: Bounds) -> Self {
        Self { key, value, length, names: ("key", "value"), flattened: false }
    }

    /// The same map with its keys and values called so in the query protocol and in XML.
    #[must_use]
    pub const fn named(self, key: &'static str, value: &'static str) -> Self {
        Self { names: (key, value), ..self }
    }

    /// The same map without a wrapper around its entries in the query protocol and in XML.
    #[must_use]
    pub const fn flattened(self) -> Self {
        Self { flattened: true, ..self }
    }
}

impl<K: Form, V: Form> Map<K, V> {
    /// Notes which constraints the map breaks; AWS does not repeat maps in its texts.
    fn check(&self, entries: &[(Text<'_>, Node<'_>)], reading: &mut Reading) -> bool {
        if !reading.is_strict() {
            return true;
        }
        let notation = reading.notation();
        let mut sound = true;
        let mut fault = |phrase: &str| {
            reading.violation(None, phrase);
            sound = false;
        };
        if let Some(phrase) = self.length.broken(measure(entries.len()), "length") {
            fault(&phrase);
        }
        if !entries.iter().all(|(key, _)| self.key.accepts(&Node::Text(Text::Borrowed(key)), notation)) {
            fault(&format!("Map keys must satisfy constraint: [{}]", self.key.constraints().join(", ")));
        }
        if !entries.iter().all(|(_, value)| self.value.accepts(value, notation)) {
            fault(&format!("Map value must satisfy constraint: [{}]", self.value.constraints().join(", ")));
        }
        sound
    }

    /// Reads an entry; tells whether it satisfies its constraints.
    fn read_entry(
        &self,
        key: Text<'_>,
        value: Node<'_>,
        into: &mut BTreeMap<K::Value, V::Value>,
        reading: &mut Reading,
    ) -> Result<bool, ServiceError>
    where
        K::Value: Ord,
    {
        let key = self.key.read(Node::Text(key), reading)?;
        let value = self.value.read(value, reading)?;
        let entry = key.zip(value);
        let sound = entry.is_some();
        into.extend(entry);
        Ok(sound)
    }
}

impl<K: Form<Value: Ord + AsRef<str>>, V: Form> Form for Map<K, V> {
    type Value = BTreeMap<K::Value, V::Value>;

    fn read(&self, node: Node<'_>, reading: &mut Reading) -> Result<Option<Self::Value>, ServiceError> {
        let (key_name, value_name) = self.names;
        let entries = reading.map(node, key_name, value_name, self.flattened)?;
        let mut whole = self.check(&entries, reading);
        let sound = whole;
        let mut values = BTreeMap::new();
        for (key, node) in entries.into_iter().filter(|(_, node)| !matches!(node, Node::Null)) {
            let name = key.to_string();
            let read = |reading: &mut Reading| self.read_entry(key, node, &mut values, reading);
            let entry = reading.entry(&name, |reading| if sound { read(reading) } else { reading.leniently(read) })?;
            whole &= entry || !reading.is_strict();
        }
        Ok(whole.then_some(values))
    }

    fn write(&self, value: &Self::Value, writer: &mut dyn Writer) {
        writer.begin_map(self.names.0, self.names.1, self.flattened);
        for (key, value) in value {
            writer.key(key.as_ref());
            self.value.write(value, writer);
        }
        writer.end_map();
    }

    fn is_sensitive(&self) -> bool {
        self.value.is_sensitive()
    }
}
