//! Whether a text is a resource policy for a secret: JSON, IAM's elements, principals of the right form. A syntax check
//! and a rule of thumb for broad access; nothing here decides whether a request is allowed.

mod breadth;
mod condition;
mod json;
mod principal;
mod ranges;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use json::Node;
use principal::Principals;

/// Deepest nesting of a policy. IAM's grammar needs six levels.
const DEPTH_MAX: usize = 10;
/// Longest piece of a policy that a message repeats, in bytes.
const SHOWN_BYTES_MAX: usize = 80;

/// A policy whose syntax is right.
#[derive(Clone, Debug)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// What the check for broad access needs to know of a statement.
#[derive(Clone, Debug)]
struct Statement {
    allows: bool,
    principals: Principals,
    conditions: Vec<Condition>,
}

/// One key of a condition block.
#[derive(Clone, Debug)]
struct Condition {
    operator: String,
    key: String,
    /// The values as text; numbers and booleans too.
    values: Vec<String>,
}

/// Why a text is no resource policy: MalformedPolicyDocumentException. `Display` tells where and why, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// The syntax is wrong.
    Syntax(Fault),
    /// A principal that no secret can be shared with, or that does not have the form of one.
    UnsupportedPrincipal(Fault),
    /// A service principal that is none.
    InvalidServicePrincipal(Fault),
}

/// Where a policy is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The place, such as `Statement[0].Principal.AWS`; empty for the whole document.
    pub at: String,
    /// What is wrong there.
    pub why: String,
}

impl PolicyError {
    /// The text that the client gets (specification §3.16).
    #[must_use]
    pub const fn client_text(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "This resource policy contains a syntax error.",
            Self::UnsupportedPrincipal(_) => "This resource policy contains an unsupported principal.",
            Self::InvalidServicePrincipal(_) => "This resource policy contains an invalid service principal.",
        }
    }

    /// Where and why.
    #[must_use]
    pub const fn fault(&self) -> &Fault {
        match self {
            Self::Syntax(fault) | Self::UnsupportedPrincipal(fault) | Self::InvalidServicePrincipal(fault) => fault,
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { at, why } = self.fault();
        let at = if at.is_empty() { "the document" } else { at };
        write!(f, "{at}: {why}")
    }
}

impl std::error::Error for PolicyError {}

/// A place in a policy, for messages.
#[derive(Clone, Debug, Default)]
struct Place(String);

impl Place {
    fn member(&self, name: &str) -> Self {
        let dot = if self.0.is_empty() { "" } else { "." };
        Self(format!("{}{dot}{}", self.0, shown(name)))
    }

    fn element(&self, at: usize) -> Self {
        Self(format!("{}[{at}]", self.0))
    }

    fn fault(&self, why: impl Into<String>) -> Fault {
        Fault { at: self.0.clone(), why: why.into() }
    }

    fn syntax(&self, why: impl Into<String>) -> PolicyError {
        PolicyError::Syntax(self.fault(why))
    }
}

/// A piece of the policy, cut short for a message.
fn shown(text: &str) -> String {
    let cut = text.get(..text.floor_char_boundary(SHOWN_BYTES_MAX)).unwrap_or_default();
    let cut: String = cut.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if cut.len() < text.len() { cut + "…" } else { cut }
}

/// Checks the syntax of a resource policy. Its length is limited before.
///
/// # Errors
/// The first fault that is found.
pub fn check(text: &str) -> Result<Policy, PolicyError> {
    let place = Place::default();
    let document = json::parse(text, DEPTH_MAX).map_err(|why| place.syntax(why))?;
    let Node::Object(members) = &document else { return Err(place.syntax("is no JSON object")) };
    let mut statements = None;
    for (name, value) in members {
        let inner = place.member(name);
        match name.as_str() {
            "Version" => check_version(&inner, value)?,
            "Id" => drop(text_of(&inner, value)?),
            "Statement" => statements = Some(check_statements(&inner, value)?),
            _ => return Err(inner.syntax("is no element of a policy")),
        }
    }
    let statements = statements.ok_or_else(|| place.syntax("has no Statement"))?;
    Ok(Policy { statements })
}

fn check_version(place: &Place, value: &Node) -> Result<(), PolicyError> {
    match text_of(place, value)? {
        "2012-10-17" | "2008-10-17" => Ok(()),
        other => Err(place.syntax(format!("{} is no version of the policy language", shown(other)))),
    }
}

fn check_statements(place: &Place, value: &Node) -> Result<Vec<Statement>, PolicyError> {
    let statements = match value {
        Node::Object(members) => vec![check_statement(place, members)?],
        Node::List(list) => {
            let mut statements = Vec::with_capacity(list.len());
            for (at, value) in list.iter().enumerate() {
                let place = place.element(at);
                let Node::Object(members) = value else { return Err(place.syntax("is no JSON object")) };
                statements.push(check_statement(&place, members)?);
            }
            statements
        }
        _ => return Err(place.syntax("is neither a statement nor a list of statements")),
    };
    if statements.is_empty() {
        return Err(place.syntax("is empty"));
    }
    check_sids(place, value)?;
    Ok(statements)
}

/// IAM: a Sid is unique within its policy. Which characters it may have is not checked: AWS's own examples for secrets
/// use more than IAM's letters and digits.
fn check_sids(place: &Place, value: &Node) -> Result<(), PolicyError> {
    let Node::List(list) = value else { return Ok(()) };
    let mut seen = BTreeSet::new();
    for (at, statement) in list.iter().enumerate() {
        if let Some(Node::Text(sid)) = statement.member("Sid")
            && !sid.is_empty()
            && !seen.insert(sid)
        {
            return Err(place.element(at).member("Sid").syntax("another statement has the same"));
        }
    }
    Ok(())
}

fn check_statement(place: &Place, members: &[(String, Node)]) -> Result<Statement, PolicyError> {
    let mut allows = None;
    let mut conditions = Vec::new();
    let mut principals = Pair::new("Principal", "NotPrincipal");
    let mut actions = Pair::new("Action", "NotAction");
    let mut resources = Pair::new("Resource", "NotResource");
    for (name, value) in members {
        let inner = place.member(name);
        match name.as_str() {
            "Sid" => drop(text_of(&inner, value)?),
            "Effect" => allows = Some(check_effect(&inner, value)?),
            "Principal" => principals.found(place, principal::check(&inner, value)?)?,
            "NotPrincipal" => principals.found(place, principal::check(&inner, value)?.inverted())?,
            "Action" | "NotAction" => actions.found(place, check_texts(&inner, value, is_action, "no action")?)?,
            "Resource" | "NotResource" => {
                resources.found(place, check_texts(&inner, value, is_resource, "no ARN of a resource")?)?;
            }
            "Condition" => conditions = condition::check(&inner, value)?,
            _ => return Err(inner.syntax("is no element of a statement")),
        }
    }
    let allows = allows.ok_or_else(|| place.syntax("has no Effect"))?;
    actions.required(place)?;
    resources.required(place)?;
    Ok(Statement { allows, principals: principals.required(place)?, conditions })
}

/// Two elements of which a statement has exactly one.
struct Pair<T> {
    names: (&'static str, &'static str),
    value: Option<T>,
}

impl<T> Pair<T> {
    const fn new(name: &'static str, negated: &'static str) -> Self {
        Self { names: (name, negated), value: None }
    }

    fn found(&mut self, place: &Place, value: T) -> Result<(), PolicyError> {
        let (name, negated) = self.names;
        match self.value.replace(value) {
            None => Ok(()),
            Some(_) => Err(place.syntax(format!("has both {name} and {negated}"))),
        }
    }

    fn required(self, place: &Place) -> Result<T, PolicyError> {
        let (name, negated) = self.names;
        self.value.ok_or_else(|| place.syntax(format!("has neither {name} nor {negated}")))
    }
}

fn check_effect(place: &Place, value: &Node) -> Result<bool, PolicyError> {
    match text_of(place, value)? {
        "Allow" => Ok(true),
        "Deny" => Ok(false),
        other => Err(place.syntax(format!("{} is neither Allow nor Deny", shown(other)))),
    }
}

/// A text or a list of texts, each of which `is` right.
fn check_texts(place: &Place, value: &Node, is: fn(&str) -> bool, wrong: &str) -> Result<(), PolicyError> {
    for (place, text) in texts_of(place, value)? {
        if !is(text) {
            return Err(place.syntax(format!("{} is {wrong}", shown(text))));
        }
    }
    Ok(())
}

/// `*`, or a service and a pattern of its operations: `secretsmanager:Get*`.
fn is_action(text: &str) -> bool {
    let Some((service, operation)) = text.split_once(':') else { return text == "*" };
    let named = !service.is_empty() && service.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let letters = operation.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'?'));
    (named || service == "*") && !operation.is_empty() && letters
}

/// `*`, or a pattern of an ARN with all its six parts. Policy variables have colons of their own.
fn is_resource(text: &str) -> bool {
    text == "*" || (text.split(':').count() >= 6 && text.starts_with("arn:") && !text.chars().any(char::is_control))
}

fn text_of<'a>(place: &Place, value: &'a Node) -> Result<&'a str, PolicyError> {
    match value {
        Node::Text(text) => Ok(text),
        _ => Err(place.syntax("is no string")),
    }
}

/// A text or each of a list of texts, with its place. An empty list is right: IAM takes it for matching nothing.
fn texts_of<'a>(place: &Place, value: &'a Node) -> Result<Vec<(Place, &'a str)>, PolicyError> {
    match value {
        Node::Text(text) => Ok(vec![(place.clone(), text)]),
        Node::List(list) => list
            .iter()
            .enumerate()
            .map(|(at, value)| {
                let place = place.element(at);
                let text = text_of(&place, value)?;
                Ok((place, text))
            })
            .collect(),
        _ => Err(place.syntax("is neither a string nor a list of strings")),
    }
}
