//! Why a text is no policy: where, what is wrong there, and AWS's text for the client.

use std::borrow::Cow;
use std::fmt;

/// Longest piece of a policy that a reason repeats, in bytes.
const SHOWN_BYTES_MAX: usize = 80;

/// A text that is no policy of its kind. `Display` tells where and why, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The place, such as `Statement[1].Condition.StringLike`; empty for the whole document.
    pub at: String,
    /// What is wrong there.
    pub why: String,
    /// What sort of fault it is.
    pub problem: Problem,
    text: Cow<'static, str>,
}

/// The sorts of faults that services tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The grammar, or a rule of the kind of policy.
    Syntax,
    /// A principal that does not have the form of one.
    Principal,
    /// A service principal that is none.
    ServicePrincipal,
}

impl Malformed {
    /// IAM's text for `MalformedPolicyDocument`. Other services have their own texts: see [`Malformed::problem`].
    #[must_use]
    pub fn client_text(&self) -> &str {
        &self.text
    }

    /// IAM's answer to a principal of a trust policy that does not exist, by its kind (`AWS`, `Service`, `Federated`)
    /// and its text. Whether it exists is for the caller to know.
    #[must_use]
    pub fn unknown_principal(kind: &str, text: &str) -> Self {
        let kind = kind.to_ascii_uppercase();
        Self {
            at: format!("Principal.{kind}"),
            why: format!("{} does not exist", shown(text)),
            problem: Problem::Principal,
            text: format!("Invalid principal in policy: \"{kind}\":\"{text}\"").into(),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() { "the document" } else { &self.at };
        write!(f, "{at}: {}", self.why)
    }
}

impl std::error::Error for Malformed {}

/// A piece of the policy, cut short for a reason.
pub(crate) fn shown(text: &str) -> String {
    let cut = text.get(..text.floor_char_boundary(SHOWN_BYTES_MAX)).unwrap_or_default();
    let cut: String = cut.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if cut.len() < text.len() { cut + "…" } else { cut }
}

/// A place in a policy, for reasons.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place(String);

impl Place {
    pub(crate) fn member(&self, name: &str) -> Self {
        let dot = if self.0.is_empty() { "" } else { "." };
        Self(format!("{}{dot}{}", self.0, shown(name)))
    }

    pub(crate) fn element(&self, at: usize) -> Self {
        Self(format!("{}[{at}]", self.0))
    }
}

/// The order in which IAM checks: of several faults it answers the one of the first stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Grammar,
    Version,
    Dates,
    Principal,
    Sids,
    Actions,
    Vendors,
    Resources,
    Kind,
}

/// The faults found so far: the first one of the earliest stage.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    first: Option<(Stage, Malformed)>,
}

impl Faults {
    pub(crate) fn add(
        &mut self,
        stage: Stage,
        place: &Place,
        why: impl Into<String>,
        text: impl Into<Cow<'static, str>>,
    ) {
        self.add_problem(stage, place, why, text, Problem::Syntax);
    }

    pub(crate) fn add_problem(
        &mut self,
        stage: Stage,
        place: &Place,
        why: impl Into<String>,
        text: impl Into<Cow<'static, str>>,
        problem: Problem,
    ) {
        if self.first.as_ref().is_none_or(|(before, _)| stage < *before) {
            let fault = Malformed { at: place.0.clone(), why: why.into(), problem, text: text.into() };
            self.first = Some((stage, fault));
        }
    }

    /// The fault to answer, if there is any.
    pub(crate) fn into_result(self) -> Result<(), Malformed> {
        self.first.map_or(Ok(()), |(_, fault)| Err(fault))
    }
}
