//! One statement of a policy: its elements, read and compiled.

use std::borrow::Cow;

use crate::arn::ArnPattern;
use crate::condition::{self, Condition};
use crate::document::DocumentKind;
use crate::json::{Node, What};
use crate::malformed::{Faults, Place, Stage, shown};
use crate::pattern::{Glob, Variable};
use crate::principal::Principal;
use crate::principals::{self, Directness, Principals};
use crate::request::Request;

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever else allows.
    Deny,
}

impl Effect {
    /// `Allow` or `Deny`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// A place in the text of a policy, as SimulateCustomPolicy tells it: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement {
    sid: Option<Box<str>>,
    effect: Effect,
    principals: Option<Principals>,
    pub(crate) actions: Actions,
    resources: Option<Resources>,
    conditions: Box<[Condition]>,
    start: Position,
    end: Position,
}

/// Action or NotAction.
#[derive(Clone, Debug)]
pub(crate) struct Actions {
    pub(crate) negated: bool,
    pub(crate) written: Box<[String]>,
    /// In lower case, wildcards compiled.
    patterns: Box<[Glob]>,
}

/// Resource or NotResource.
#[derive(Clone, Debug)]
struct Resources {
    negated: bool,
    written: Box<[String]>,
    patterns: Box<[ArnPattern]>,
}

impl Statement {
    /// Its Sid, if it has one that is not empty.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// Whether it allows or denies.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// The actions as they are written, and whether by NotAction.
    #[must_use]
    pub fn actions(&self) -> (&[String], bool) {
        (&self.actions.written, self.actions.negated)
    }

    /// The resources as they are written, and whether by NotResource; nothing in a trust policy.
    #[must_use]
    pub fn resources(&self) -> Option<(&[String], bool)> {
        self.resources.as_ref().map(|resources| (&*resources.written, resources.negated))
    }

    /// Kind (`AWS`, `Service`, `Federated`, `CanonicalUser`) and text of the principals that are named, by Principal or
    /// NotPrincipal.
    pub fn principals(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.principals.iter().flat_map(Principals::written)
    }

    /// Whether it has NotPrincipal.
    #[must_use]
    pub fn has_not_principal(&self) -> bool {
        self.principals.as_ref().is_some_and(|principals| principals.negated)
    }

    /// Its conditions; all are to hold.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Where it begins in the text, as IAM counts: in a list of statements just after the bracket or the statement before
    /// it; else just after its own brace.
    #[must_use]
    pub const fn start(&self) -> Position {
        self.start
    }

    /// Where it ends: just after its last character.
    #[must_use]
    pub const fn end(&self) -> Position {
        self.end
    }

    pub(crate) const fn named(&self) -> Option<&Principals> {
        self.principals.as_ref()
    }

    /// Whether principal, action and resource are those of the request: all but the conditions.
    pub(crate) fn concerns(&self, principal: &Principal, request: &Request<'_>) -> Option<Directness> {
        (self.covers_action(request) && self.covers_resource(request)).then(|| self.covers(principal))?
    }

    /// Whether it is about the principal, and how directly it names it. Policies of identities are about their holders.
    pub(crate) fn covers(&self, principal: &Principal) -> Option<Directness> {
        match &self.principals {
            None => Some(Directness::Itself),
            Some(principals) => principals.applies(principal, self.effect == Effect::Deny),
        }
    }

    pub(crate) fn covers_action(&self, request: &Request<'_>) -> bool {
        let action = request.action.folded().as_bytes();
        self.actions.patterns.iter().any(|pattern| pattern.matches(action)) != self.actions.negated
    }

    pub(crate) fn covers_resource(&self, request: &Request<'_>) -> bool {
        self.resources.as_ref().is_none_or(|resources| {
            resources.patterns.iter().any(|pattern| pattern.matches(request.keys, &request.resource))
                != resources.negated
        })
    }

    pub(crate) fn conditions_hold(&self, request: &Request<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.holds(self.effect, request.keys))
    }

    /// The variables of its resources and conditions.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &Variable> {
        let of_resources = self.resources.iter().flat_map(|resources| resources.patterns.iter());
        let of_conditions = self.conditions.iter().flat_map(Condition::variables);
        of_resources.flat_map(ArnPattern::variables).chain(of_conditions)
    }

    pub(crate) fn size_bytes(&self) -> usize {
        let texts = |texts: &[String]| -> usize { texts.iter().map(|text| 3 * text.len() + 96).sum() };
        size_of::<Self>()
            + self.principals.as_ref().map_or(0, Principals::size_bytes)
            + texts(&self.actions.written)
            + self.resources.as_ref().map_or(0, |resources| texts(&resources.written))
            + self.conditions.iter().map(Condition::size_bytes).sum::<usize>()
    }
}

/// Reads one statement. What is wrong goes to `faults`; the statement is then of no use.
pub(crate) fn parse(
    place: &Place,
    members: &[(String, Node)],
    kind: DocumentKind,
    variables: bool,
    faults: &mut Faults,
) -> Statement {
    let syntax = kind.syntax_text();
    let mut statement = Statement {
        sid: None,
        effect: Effect::Deny,
        principals: None,
        actions: Actions { negated: false, written: Box::default(), patterns: Box::default() },
        resources: None,
        conditions: Box::default(),
        start: Position { line: 1, column: 1 },
        end: Position { line: 1, column: 1 },
    };
    let mut seen = Seen::default();
    for (name, value) in members {
        let inner = place.member(name);
        match name.as_str() {
            "Sid" => statement.sid = read_sid(&inner, value, kind, faults),
            "Effect" => {
                seen.effect = true;
                statement.effect = read_effect(&inner, value, kind, faults);
            }
            "Principal" | "NotPrincipal" => {
                seen.note(place, &mut |seen| &mut seen.principal, name, syntax, faults);
                let negated = name == "NotPrincipal";
                statement.principals = Some(principals::parse(&inner, value, kind, negated, faults));
            }
            "Action" | "NotAction" => {
                seen.note(place, &mut |seen| &mut seen.action, name, syntax, faults);
                statement.actions = read_actions(&inner, value, name == "NotAction", kind, faults);
            }
            "Resource" | "NotResource" => {
                seen.note(place, &mut |seen| &mut seen.resource, name, syntax, faults);
                let negated = name == "NotResource";
                statement.resources = Some(read_resources(&inner, value, negated, kind, variables, faults));
            }
            "Condition" => {
                let rules = condition::Rules { variables, dates: kind.is_of_identity(), syntax };
                statement.conditions = condition::parse(&inner, value, rules, faults).into();
            }
            _ => faults.add(Stage::Grammar, &inner, "is no element of a statement", syntax),
        }
    }
    kind.check_elements(place, &statement, &seen, faults);
    statement
}

impl Statement {
    pub(crate) fn placed(self, start: (u32, u32), end: (u32, u32)) -> Self {
        let position = |(line, column)| Position { line, column };
        Self { start: position(start), end: position(end), ..self }
    }
}

/// Which elements a statement has.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) effect: bool,
    pub(crate) principal: bool,
    pub(crate) action: bool,
    pub(crate) resource: bool,
}

impl Seen {
    fn note(
        &mut self,
        place: &Place,
        pick: &mut dyn FnMut(&mut Self) -> &mut bool,
        name: &str,
        syntax: &'static str,
        faults: &mut Faults,
    ) {
        if std::mem::replace(pick(self), true) {
            let base = name.strip_prefix("Not").unwrap_or(name);
            faults.add(Stage::Grammar, place, format!("has both {base} and Not{base}"), syntax);
        }
    }
}

fn read_sid(place: &Place, value: &Node, kind: DocumentKind, faults: &mut Faults) -> Option<Box<str>> {
    let sid = text(place, value, kind.syntax_text(), faults)?;
    if kind.is_of_identity() && !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let text = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
                    [0-9A-Za-z]*";
        faults.add(Stage::Sids, place, format!("{} is not alphanumeric", shown(sid)), text);
    }
    (!sid.is_empty()).then(|| sid.into())
}

fn read_effect(place: &Place, value: &Node, kind: DocumentKind, faults: &mut Faults) -> Effect {
    match text(place, value, kind.syntax_text(), faults) {
        Some("Allow") => Effect::Allow,
        Some("Deny") | None => Effect::Deny,
        Some(other) => {
            let text = if kind == DocumentKind::Trust {
                format!("Invalid effect: {other}").into()
            } else {
                Cow::Borrowed(kind.syntax_text())
            };
            faults.add(Stage::Grammar, place, format!("{} is neither Allow nor Deny", shown(other)), text);
            Effect::Deny
        }
    }
}

fn read_actions(place: &Place, value: &Node, negated: bool, kind: DocumentKind, faults: &mut Faults) -> Actions {
    let mut written = Vec::new();
    for (place, text) in texts(place, value, kind.syntax_text(), faults) {
        kind.check_action(&place, text, faults);
        written.push(text.to_owned());
    }
    let patterns = written.iter().map(|text| Glob::new(&text.to_ascii_lowercase())).collect();
    Actions { negated, written: written.into(), patterns }
}

fn read_resources(
    place: &Place,
    value: &Node,
    negated: bool,
    kind: DocumentKind,
    variables: bool,
    faults: &mut Faults,
) -> Resources {
    let mut written = Vec::new();
    for (place, text) in texts(place, value, kind.syntax_text(), faults) {
        kind.check_resource(&place, text, faults);
        written.push(text.to_owned());
    }
    let patterns = written.iter().map(|text| ArnPattern::of_resource(text, variables)).collect();
    Resources { negated, written: written.into(), patterns }
}

pub(crate) fn text<'a>(place: &Place, value: &'a Node, syntax: &'static str, faults: &mut Faults) -> Option<&'a str> {
    if let What::Text(text) = &value.what {
        return Some(text);
    }
    faults.add(Stage::Grammar, place, "is no string", syntax);
    None
}

/// A text or each of a list of texts, with its place.
pub(crate) fn texts<'a>(
    place: &Place,
    value: &'a Node,
    syntax: &'static str,
    faults: &mut Faults,
) -> Vec<(Place, &'a str)> {
    match &value.what {
        What::Text(text) => vec![(place.clone(), text)],
        What::List(list) => {
            let mut found = Vec::with_capacity(list.len());
            for (at, value) in list.iter().enumerate() {
                let place = place.element(at);
                if let Some(text) = text(&place, value, syntax, faults) {
                    found.push((place, text));
                }
            }
            found
        }
        _ => {
            faults.add(Stage::Grammar, place, "is neither a string nor a list of strings", syntax);
            Vec::new()
        }
    }
}
