//! What is generated of a model: the shapes that inputs and outputs reach, and how each is represented in Rust.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::marks;
use super::names;
use crate::Outcome;
use crate::models::facts::{Facts, Member, Shape};

/// Traits that change nothing in what is generated.
const PASSED_OVER: [&str; 14] = [
    "box",
    "deprecated",
    "error",
    "exception",
    "fault",
    "contextParam",
    "idempotencyToken",
    "location",
    "retryable",
    "synthetic",
    "union",
    "wrapper",
    "document",
    "xmlOrder",
];

/// Traits of protocols with paths, which the table of routes is made of.
const OF_PATHS: [&str; 2] = ["payload", "streaming"];

/// Names that the generated modules use for other types.
const TAKEN_TYPES: [&str; 12] = [
    "BTreeMap",
    "Err",
    "None",
    "Ok",
    "Option",
    "Result",
    "SecretBytes",
    "SecretText",
    "Shape",
    "Some",
    "String",
    "Vec",
];

/// The shapes of one service in the files they go to.
pub struct Plan<'f> {
    /// The facts.
    pub facts: &'f Facts,
    /// All shapes that inputs and outputs reach.
    pub reached: BTreeSet<&'f str>,
    /// Structures that are inputs.
    pub requests: BTreeSet<&'f str>,
    /// Structures that are outputs.
    pub responses: BTreeSet<&'f str>,
    /// Structures inside others.
    pub others: BTreeSet<&'f str>,
    /// Enumerations.
    pub enums: BTreeSet<&'f str>,
    /// The names of the forms.
    forms: BTreeMap<&'f str, String>,
}

impl<'f> Plan<'f> {
    /// Finds what is to be generated, and refuses what the generator does not understand.
    pub fn new(facts: &'f Facts) -> Outcome<Self> {
        let operations = facts.operations.values();
        let requests: BTreeSet<_> = operations.clone().filter_map(|it| it.input.as_deref()).collect();
        let responses: BTreeSet<_> = operations.filter_map(|it| it.output.as_deref()).collect();
        let responses: BTreeSet<_> = responses.difference(&requests).copied().collect();
        let (reached, others, enums) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut plan = Self { facts, reached, requests, responses, others, enums, forms: BTreeMap::new() };
        let mut waiting: Vec<&str> = plan.requests.union(&plan.responses).copied().collect();
        while let Some(name) = waiting.pop() {
            if plan.reached.insert(name) {
                let shape = plan.shape(name)?;
                understood(name, shape, facts.metadata("protocol") == "rest-json")?;
                waiting.extend(references(shape).map(|member| member.shape.as_str()));
                let inside = !plan.requests.contains(name) && !plan.responses.contains(name);
                if shape.kind == "structure" && inside {
                    plan.others.insert(name);
                }
                if !shape.values.is_empty() {
                    plan.enums.insert(name);
                }
            }
        }
        plan.move_inner_responses()?;
        plan.refuse_endless()?;
        plan.name_forms();
        Ok(plan)
    }

    /// Puts outputs that other shapes hold as well to the inner structures.
    fn move_inner_responses(&mut self) -> Outcome<()> {
        for name in &self.reached {
            for member in references(self.shape(name)?) {
                if let Some(inner) = self.responses.take(member.shape.as_str()) {
                    self.others.insert(inner);
                }
            }
        }
        Ok(())
    }

    /// Names the form of every shape. Where two shapes differ only in the case of letters, the later gets a number.
    fn name_forms(&mut self) {
        let mut taken = BTreeSet::new();
        for shape in &self.reached {
            let name = names::constant(shape);
            let numbered = (2..).map(|number| format!("{name}_{number}"));
            let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
            let free = free.unwrap_or(name);
            taken.insert(free.clone());
            self.forms.insert(shape, free);
        }
    }

    /// The name of the static that holds the form of a shape.
    pub fn form_name(&self, name: &str) -> Outcome<&str> {
        self.forms.get(name).map(String::as_str).ok_or_else(|| format!("no shape {name}"))
    }

    /// The shapes and library types that the Rust type of a shape names.
    pub fn named_types(&self, name: &'f str) -> Outcome<BTreeSet<&'f str>> {
        let shape = self.shape(name)?;
        Ok(match (shape.kind.as_str(), shape.sensitive) {
            ("structure", _) => [name].into(),
            ("string", _) if !shape.values.is_empty() => [name].into(),
            ("string", true) => ["SecretText"].into(),
            ("blob", true) => ["SecretBytes"].into(),
            ("timestamp", _) => ["Timestamp"].into(),
            ("list", _) => self.named_types(inner(&shape.member)?)?,
            ("map", _) => {
                let mut names = self.named_types(inner(&shape.key)?)?;
                names.extend(self.named_types(inner(&shape.value)?)?);
                names.insert("BTreeMap");
                names
            }
            _ => BTreeSet::new(),
        })
    }

    /// The shape called `name`.
    pub fn shape(&self, name: &str) -> Outcome<&'f Shape> {
        self.facts.shapes.get(name).ok_or_else(|| format!("no shape {name}"))
    }

    /// The type of a shape's values in Rust.
    pub fn rust_type(&self, name: &str) -> Outcome<String> {
        let shape = self.shape(name)?;
        Ok(match shape.kind.as_str() {
            "structure" => names::type_name(name),
            "string" if !shape.values.is_empty() => names::type_name(name),
            "string" if shape.sensitive => "SecretText".to_owned(),
            "string" | "character" => "String".to_owned(),
            "blob" if shape.sensitive => "SecretBytes".to_owned(),
            "blob" => "Vec<u8>".to_owned(),
            "integer" => "i32".to_owned(),
            "long" => "i64".to_owned(),
            "float" | "double" => "f64".to_owned(),
            "boolean" => "bool".to_owned(),
            "timestamp" => "Timestamp".to_owned(),
            "list" => format!("Vec<{}>", self.rust_type(inner(&shape.member)?)?),
            "map" => {
                format!("BTreeMap<{}, {}>", self.rust_type(inner(&shape.key)?)?, self.rust_type(inner(&shape.value)?)?)
            }
            other => return Err(format!("shape {name}: type {other} is not understood")),
        })
    }

    /// The type of a shape's form in Rust.
    pub fn form_type(&self, name: &str) -> Outcome<String> {
        let shape = self.shape(name)?;
        Ok(match shape.kind.as_str() {
            "structure" if shape.sensitive => format!("SecretStructure<{}>", names::type_name(name)),
            "structure" => format!("Structure<{}>", names::type_name(name)),
            "string" if !shape.values.is_empty() => format!("Choice<{}>", names::type_name(name)),
            "string" if shape.sensitive => "SecretString".to_owned(),
            "string" | "character" => "Text".to_owned(),
            "blob" if shape.sensitive => "SecretBlob".to_owned(),
            "blob" => "Blob".to_owned(),
            "integer" => "Integer".to_owned(),
            "long" => "Long".to_owned(),
            "float" | "double" => "Double".to_owned(),
            "boolean" => "Boolean".to_owned(),
            "timestamp" => "Timestamp".to_owned(),
            "list" => format!("List<{}>", self.form_type(inner(&shape.member)?)?),
            "map" => {
                format!("Map<{}, {}>", self.form_type(inner(&shape.key)?)?, self.form_type(inner(&shape.value)?)?)
            }
            other => return Err(format!("shape {name}: type {other} is not understood")),
        })
    }

    /// Whether a value of the shape can be made without knowing anything: no enumeration is required in it.
    pub fn has_default(&self, name: &str) -> Outcome<bool> {
        let shape = self.shape(name)?;
        if shape.kind != "structure" {
            return Ok(shape.values.is_empty());
        }
        for member in shape.members.iter().filter(|member| shape.required.contains(&member.name)) {
            if !self.has_default(&member.shape)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The name of a member on the wire. A flattened list takes the name of its elements, if they have one.
    pub fn wire_name(&self, member: &'f Member) -> Outcome<&'f str> {
        let shape = self.shape(&member.shape)?;
        let flat = shape.member.as_ref().filter(|_| shape.flattened).and_then(|inner| inner.location_name.as_deref());
        Ok(flat.or(member.location_name.as_deref()).unwrap_or(&member.name))
    }

    /// Refuses structures that hold themselves without a list or map between: they would need a box.
    fn refuse_endless(&self) -> Outcome<()> {
        for name in &self.reached {
            let mut waiting = vec![*name];
            let mut seen = BTreeSet::new();
            while let Some(at) = waiting.pop() {
                let shape = self.shape(at)?;
                if shape.kind != "structure" || !seen.insert(at) {
                    continue;
                }
                for member in &shape.members {
                    if member.shape == **name {
                        return Err(format!("shape {name} holds itself"));
                    }
                    waiting.push(&member.shape);
                }
            }
        }
        Ok(())
    }
}

/// The shape that a list or map refers to.
pub fn inner(member: &Option<Member>) -> Outcome<&str> {
    member.as_ref().map(|member| member.shape.as_str()).ok_or_else(|| "a list or map of nothing".to_owned())
}

fn references(shape: &Shape) -> impl Iterator<Item = &Member> {
    shape.members.iter().chain(&shape.member).chain(&shape.key).chain(&shape.value)
}

/// Refuses a shape with a trait that is not understood, rather than leave it out.
fn understood(name: &str, shape: &Shape, by_path: bool) -> Outcome<()> {
    let known = |key: &str| PASSED_OVER.contains(&key) || (by_path && OF_PATHS.contains(&key)) || marks::is_mark(key);
    let refuse = |place: String, traits: &BTreeMap<String, Value>| match traits.keys().find(|key| !known(key)) {
        Some(key) => Err(format!("{place}: trait `{key}` is not understood")),
        None => Ok(()),
    };
    refuse(format!("shape {name}"), &shape.traits)?;
    for member in references(shape) {
        refuse(format!("shape {name}, member {}", member.name), &member.traits)?;
    }
    let named = shape.kind == "structure" || !shape.values.is_empty();
    if named && TAKEN_TYPES.contains(&names::type_name(name).as_str()) {
        return Err(format!("shape {name} has a name that is taken"));
    }
    let map = shape.sensitive && shape.kind == "map";
    let number = shape.sensitive && matches!(shape.kind.as_str(), "integer" | "long" | "boolean" | "timestamp");
    let secret_enum = shape.sensitive && !shape.values.is_empty();
    if map || number || secret_enum {
        return Err(format!("shape {name}: a sensitive {} is not understood", shape.kind));
    }
    Ok(())
}
