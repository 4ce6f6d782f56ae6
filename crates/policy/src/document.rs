//! A whole policy: read, checked by the rules of its kind, compiled for decisions.

use std::collections::BTreeSet;

use crate::index::Index;
use crate::json::{self, Node, What};
use crate::malformed::{Faults, Malformed, Place, Stage, shown};
use crate::principal::Principal;
use crate::principals::Directness;
use crate::request::Request;
use crate::statement::{self, Effect, Statement};

/// The longest text that is read at all, in bytes: the longest that IAM's API takes. The quotas of policies, which are
/// lower, are for whoever stores them: see [`Document::minified_chars`].
pub const DOCUMENT_BYTES_MAX: usize = 131_072;

/// The kinds of policies, which differ in the elements that they may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// Of an identity, inline; also session policies, SCPs. Names no principal.
    Identity,
    /// A managed policy, boundaries too: as [`DocumentKind::Identity`], of version 2012-10-17.
    Managed,
    /// Of a resource. Names principals; its resource may be `*`.
    Resource,
    /// Of a role: who may assume it. Names principals and no resource.
    Trust,
    /// Of a VPC endpoint. As [`DocumentKind::Resource`].
    Endpoint,
}

/// A policy, compiled. It never changes, and is meant to be shared and kept.
#[derive(Clone, Debug)]
pub struct Document {
    kind: DocumentKind,
    id: Option<Box<str>>,
    statements: Box<[Statement]>,
    index: Index,
    minified_chars: usize,
    size_bytes: usize,
}

impl Document {
    /// Reads a policy.
    ///
    /// # Errors
    /// The fault that IAM would answer: of several the one of the check that comes first.
    pub fn parse(text: &str, kind: DocumentKind) -> Result<Self, Malformed> {
        let mut faults = Faults::default();
        let document = Self::read(text, kind, &mut faults);
        faults.into_result()?;
        Ok(document)
    }

    fn read(text: &str, kind: DocumentKind, faults: &mut Faults) -> Self {
        let place = Place::default();
        let mut document = Self {
            kind,
            id: None,
            statements: Box::default(),
            index: Index::default(),
            minified_chars: 0,
            size_bytes: 0,
        };
        if text.len() > DOCUMENT_BYTES_MAX {
            faults.add(Stage::Grammar, &place, "is too long", kind.syntax_text());
            return document;
        }
        let node = match json::parse(text) {
            Ok(node) => node,
            Err(why) => {
                faults.add(Stage::Grammar, &place, why, kind.json_text());
                return document;
            }
        };
        let What::Object(members) = &node.what else {
            faults.add(Stage::Grammar, &place, "is no JSON object", kind.json_text());
            return document;
        };
        // Whether variables are variables is to be known before the statements are read.
        let variables = members.iter().any(|(name, value)| {
            name == "Version" && matches!(&value.what, What::Text(version) if version == "2012-10-17")
        });
        let mut statements = None;
        for (name, value) in members {
            let inner = place.member(name);
            match name.as_str() {
                "Version" => check_version(&inner, value, kind, faults),
                "Id" => document.id = statement::text(&inner, value, kind.syntax_text(), faults).map(Into::into),
                "Statement" => statements = Some(read_statements(text, &inner, value, (kind, variables), faults)),
                _ => faults.add(Stage::Grammar, &inner, "is no element of a policy", kind.syntax_text()),
            }
        }
        if kind == DocumentKind::Managed && !variables {
            let text = "Policy document must be version 2012-10-17 or greater.";
            faults.add(Stage::Version, &place, "is not of version 2012-10-17", text);
        }
        match statements {
            None => faults.add(Stage::Grammar, &place, "has no Statement", kind.no_statement_text()),
            Some(statements) => document.statements = statements.into(),
        }
        document.index = Index::new(&document.statements);
        document.minified_chars = json::minified_chars(text);
        document.size_bytes = size_of::<Self>()
            + document.statements.iter().map(Statement::size_bytes).sum::<usize>()
            + document.index.size_bytes();
        document
    }

    /// The kind that it was read as.
    #[must_use]
    pub const fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// The Id of the policy, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Its statements, in their order.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// How many characters count against IAM's quotas: all but the space between values.
    #[must_use]
    pub const fn minified_chars(&self) -> usize {
        self.minified_chars
    }

    /// Bytes of memory, about; for caches.
    #[must_use]
    pub const fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// The kind (`AWS`, `Service`, `Federated`, `CanonicalUser`) and text of each principal that is named, so that whoever
    /// stores the policy can see whether they exist.
    pub fn principals(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.statements.iter().flat_map(Statement::principals)
    }

    /// The first statement that denies the request.
    #[must_use]
    pub fn denying(&self, principal: &Principal, request: &Request<'_>) -> Option<usize> {
        self.matching(Effect::Deny, principal, request).map(|(at, _)| at).next()
    }

    /// A statement that allows the request: the one that names the principal most directly, the first of them.
    pub(crate) fn allowing(&self, principal: &Principal, request: &Request<'_>) -> Option<(usize, Directness)> {
        let mut best: Option<(usize, Directness)> = None;
        for (at, directness) in self.matching(Effect::Allow, principal, request) {
            if best.is_none_or(|(_, before)| before < directness) {
                best = Some((at, directness));
            }
            if directness == Directness::Itself {
                break;
            }
        }
        best
    }

    /// All statements of one effect that apply to the request, with how directly they name the principal: those with
    /// exact actions first.
    fn matching<'a>(
        &'a self,
        effect: Effect,
        principal: &'a Principal,
        request: &'a Request<'a>,
    ) -> impl Iterator<Item = (usize, Directness)> {
        self.index.candidates(effect, request.action).filter_map(move |(at, is_exact)| {
            let statement = self.statements.get(at)?;
            let covers = (is_exact || statement.covers_action(request)) && statement.covers_resource(request);
            let directness = if covers { statement.covers(principal)? } else { return None };
            statement.conditions_hold(request).then_some((at, directness))
        })
    }
}

fn check_version(place: &Place, value: &Node, kind: DocumentKind, faults: &mut Faults) {
    match statement::text(place, value, kind.syntax_text(), faults) {
        Some("2012-10-17" | "2008-10-17") | None => {}
        Some(other) => {
            let why = format!("{} is no version of the policy language", shown(other));
            faults.add(Stage::Grammar, place, why, kind.version_text());
        }
    }
}

fn read_statements(
    text: &str,
    place: &Place,
    value: &Node,
    (kind, variables): (DocumentKind, bool),
    faults: &mut Faults,
) -> Vec<Statement> {
    let (list, is_list) = match &value.what {
        What::Object(_) => (std::slice::from_ref(value), false),
        What::List(list) => (list.as_slice(), true),
        _ => {
            faults.add(Stage::Grammar, place, "is neither a statement nor a list of statements", kind.syntax_text());
            return Vec::new();
        }
    };
    if list.is_empty() {
        faults.add(Stage::Grammar, place, "is empty", kind.no_statement_text());
    }
    let mut statements = Vec::with_capacity(list.len());
    let mut sids = BTreeSet::new();
    let mut positions = json::Positions::new(text);
    // For IAM a statement begins where the bracket or the statement before it ends; a single one behind its brace.
    let mut begins = value.start + 1;
    for (at, node) in list.iter().enumerate() {
        let start = std::mem::replace(&mut begins, node.end);
        let place = if is_list { place.element(at) } else { place.clone() };
        let What::Object(members) = &node.what else {
            faults.add(Stage::Grammar, &place, "is no JSON object", kind.syntax_text());
            continue;
        };
        let statement = statement::parse(&place, members, kind, variables, faults);
        if let Some(sid) = statement.sid()
            && !sids.insert(sid.to_owned())
        {
            faults.add(Stage::Sids, &place.member("Sid"), "another statement has the same", kind.sids_text());
        }
        statements.push(statement.placed(positions.of(start), positions.of(node.end)));
    }
    statements
}
