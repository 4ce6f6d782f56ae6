//! Where functions are: on this server, or at places outside of it that are handed in. Decided here alone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use strongroom_policy::{Document, DocumentKind};
use strongroom_types::SecretBytes;

use super::Functions;
use super::host::{Hosting, Invoked};
use super::model::{Function, FunctionPolicy};
use super::resolve::FunctionRef;
use crate::documents::Loaded;
use crate::identities::policy_text::PolicyText;

/// A place outside of this server where functions are. What it says went wrong is shown to who looks after rotations, and
/// holds no secret material.
pub trait Site: Send + Sync {
    /// What the place tells of a function.
    fn look_up<'a>(&'a self, function: Named<'a>) -> Hosting<'a, Result<Told, String>>;

    /// Runs a function there to its end. One that fails is no failure of the place: its error is the payload then.
    fn invoke<'a>(&'a self, function: Named<'a>, payload: SecretBytes) -> Hosting<'a, Result<Invoked, String>>;
}

/// A function as places are asked for it.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The ARN without qualifier.
    pub arn: &'a str,
    /// The name.
    pub name: &'a str,
    /// The version or alias, if one is meant.
    pub qualifier: Option<&'a str>,
}

/// What a place tells of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is not there.
    Absent,
    /// This server may not ask, for this reason.
    Closed(String),
    /// It is there.
    Found {
        /// Its policy in JSON, if it has one.
        policy: Option<String>,
    },
}

/// The places outside of this server.
#[derive(Clone, Default)]
pub struct Sites {
    /// Places of single functions, by the ARN that stands in secrets. They come before functions that are hosted here, so
    /// that nobody takes over such a function by creating one of its name.
    pub named: BTreeMap<String, Arc<dyn Site>>,
    /// The place of all functions that are neither named nor hosted here.
    pub others: Option<Arc<dyn Site>>,
}

impl fmt::Debug for Sites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sites").field("named", &self.named.keys()).field("others", &self.others.is_some()).finish()
    }
}

/// Where a function is.
pub(super) enum Place {
    /// On this server.
    Here(Loaded<Function>),
    /// Elsewhere.
    At(Arc<dyn Site>),
}

impl Functions {
    /// Where a function is, if anywhere.
    pub(super) fn place(&self, function: &FunctionRef) -> Option<Place> {
        if let Some(site) = self.sites.named.get(&function.qualified()) {
            return Some(Place::At(Arc::clone(site)));
        }
        match &function.found {
            Some(found) => Some(Place::Here(found.clone())),
            None => self.sites.others.clone().map(Place::At),
        }
    }
}

impl FunctionRef {
    /// As places are asked for it.
    pub(super) fn named(&self) -> Named<'_> {
        Named { arn: &self.arn, name: &self.name, qualifier: self.qualifier.as_deref() }
    }

    /// The same function as the place tells of it where it is.
    ///
    /// # Errors
    /// When its policy does not read: it must not turn into one that denies nothing.
    pub(super) fn elsewhere(&self, policy: Option<String>) -> Result<Self, String> {
        let compiled = |text: String| match Document::parse(&text, DocumentKind::Resource) {
            Ok(document) => Ok(PolicyText::parsed(text, document)),
            Err(_) => Err(format!("the policy of {} does not read", self.qualified())),
        };
        let policy = policy.map(compiled).transpose()?;
        let told = policy.map(|text| FunctionPolicy { text, revision_id: String::new() });
        Ok(Self { found: None, tags: Vec::new(), told, ..self.clone() })
    }
}
