//! The policies and the context of a simulation, gathered.

use std::sync::Arc;

use strongroom_policy::{Document, DocumentKind, Principal, analyse};

use super::Cost;
use super::context::Context;
use super::inputs::{Asked, Caller, no_resource, refused};
use crate::caller::{Grants, NamedPolicy, PolicySource};
use crate::error::Error;
use crate::iam::attachments::name_of;
use crate::iam::target::holder_in;

/// Bytes that a matched statement and a missing key beside its name take in an answer, about.
const STATEMENT_BYTES: usize = 256;
const ELEMENT_BYTES: usize = 32;
/// For how many characters of a key's values the policies' characters count once more.
const WEIGHED_CHARS: usize = 64;

/// What bounds the user, group or role whose policies are simulated. None of it, when only given policies are.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Its ARN.
    pub(super) arn: Option<String>,
    /// Its policies.
    pub(super) identity: Vec<NamedPolicy>,
    /// Its boundary.
    pub(super) boundary: Option<NamedPolicy>,
    /// Service control policies by level; none when its account is in no organization.
    pub(super) levels: Option<Vec<Vec<NamedPolicy>>>,
}

impl Held {
    /// What was granted to the holder of that ARN.
    pub(super) fn of(arn: String, grants: Grants) -> Self {
        let levels = grants.organization.map(|place| place.levels.clone());
        Self { arn: Some(arn), identity: grants.identity, boundary: grants.boundary, levels }
    }
}

/// A policy of a simulation.
#[derive(Debug)]
pub(super) struct Source {
    /// What matched statements call it.
    pub(super) id: String,
    /// The policy.
    pub(super) document: Arc<Document>,
}

/// All that decides about the requests of a simulation but the actions.
#[derive(Debug)]
pub(super) struct Scene {
    /// Who makes the requests.
    pub(super) principal: Principal,
    /// Policies of the principal.
    pub(super) identity: Vec<Source>,
    /// Its boundary.
    pub(super) boundary: Option<Source>,
    /// Service control policies by level; none when there is no organization.
    pub(super) levels: Option<Vec<Vec<Arc<Document>>>>,
    /// The policy of the resources.
    pub(super) resource: Option<Source>,
    /// The account that owns the resources, if it is given.
    pub(super) owner: Option<String>,
    /// The resources, or `*` alone.
    pub(super) resources: Vec<String>,
    /// Whether resources are named.
    pub(super) names_resources: bool,
    /// What conditions may ask.
    pub(super) context: Context,
    /// The keys that any of the policies asks for, the organization's left aside, and that are not given.
    pub(super) missing: Vec<String>,
}

impl Scene {
    /// Gathers what is held and what is given. `account` is that of whoever simulates.
    ///
    /// # Errors
    /// InvalidInput.
    pub(super) fn new(account: &str, asked: &Asked, held: Held) -> Result<Self, Error> {
        asked.check()?;
        let own = held.arn.as_deref().and_then(Caller::read);
        let caller = asked.caller_in_form()?.or(own);
        let context = Context::read(&asked.context, caller, account)?;
        let mut identity = held_sources(held.identity);
        for (at, text) in asked.policies.iter().enumerate() {
            identity.push(given(text, "PolicyInputList", "Policy input", at)?);
        }
        // A given boundary stands in the place of the attached one.
        let mut boundary = held.boundary.map(|policy| Source { id: id_of(&policy.source), document: policy.document });
        for (at, text) in asked.boundaries.iter().enumerate() {
            let source = given(text, "PermissionsBoundaryPolicyInputList", "Permissions boundary policy input", at)?;
            boundary = Some(source);
        }
        let levels = match &asked.levels {
            Some(levels) => Some(given_levels(levels)?),
            None => held.levels.map(|levels| levels.into_iter().map(documents).collect()),
        };
        let owner = asked.owner_account()?;
        let resource = match &asked.resource_policy {
            Some(text) => Some(resource_policy(text, asked, caller)?),
            None => None,
        };
        let sources = identity.iter().chain(&boundary).chain(&resource);
        let documents: Vec<&Document> = sources.map(|source| source.document.as_ref()).collect();
        let missing = analyse::missing_keys(&documents, &context.given);
        // Whoever is named is a user here: a role and a group are matched by their ARN like one.
        let (account, arn) = caller.map_or((account, ""), |caller| (caller.account, caller.arn));
        Ok(Self {
            principal: Principal::user(account, arn, ""),
            identity,
            boundary,
            levels,
            resource,
            owner,
            resources: asked.resources.clone(),
            names_resources: asked.names_resources(),
            context,
            missing,
        })
    }

    /// What one action takes, on all resources together.
    pub(super) fn cost_per_action(&self) -> Cost {
        let sources = self.identity.iter().chain(&self.boundary).chain(&self.resource);
        let levels = self.levels.iter().flatten().flatten();
        let all = sources.map(|source| &source.document).chain(levels);
        let (mut statements, mut chars) = (0, 0);
        for document in all {
            statements += document.statements().len();
            chars += document.minified_chars();
        }
        let missing_bytes: usize = self.missing.iter().map(|key| key.len() + ELEMENT_BYTES).sum();
        let on_one = Cost {
            checks: statements + self.missing.len(),
            chars: chars.saturating_mul(1 + self.context.given.chars_max() / WEIGHED_CHARS),
            answer_bytes: missing_bytes + statements * STATEMENT_BYTES + STATEMENT_BYTES,
        };
        on_one.times(self.resources.len())
    }
}

/// A policy that all resources have. It can only be asked by somebody, about named resources, and has to name some.
fn resource_policy(text: &str, asked: &Asked, caller: Option<Caller<'_>>) -> Result<Source, Error> {
    if caller.is_none() {
        return Err(refused("Invalid caller - Caller cannot be null or empty."));
    }
    if !asked.names_resources() {
        return Err(refused("Invalid Entity Arn: * does not clearly define entity type and name."));
    }
    // Unconfirmed, by the texts for lists of policies.
    let document =
        Document::parse(text, DocumentKind::Resource).map_err(|_| refused("Resource policy has invalid content"))?;
    let mut named = document.statements().iter().filter_map(|statement| statement.resources());
    if named.any(|(resources, _)| resources.iter().any(|resource| resource == "*")) {
        return Err(no_resource("*"));
    }
    Ok(Source { id: "ResourcePolicy".to_owned(), document: Arc::new(document) })
}

/// The policies of a holder, each once, though a user and its group may have the same.
fn held_sources(policies: Vec<NamedPolicy>) -> Vec<Source> {
    let mut sources: Vec<(PolicySource, Source)> = Vec::with_capacity(policies.len());
    for policy in policies {
        if sources.iter().all(|(known, _)| *known != policy.source) {
            let source = Source { id: id_of(&policy.source), document: policy.document };
            sources.push((policy.source, source));
        }
    }
    sources.into_iter().map(|(_, source)| source).collect()
}

/// What AWS calls a policy: a managed one by its name, an inline one as `user_ann_policy`.
fn id_of(source: &PolicySource) -> String {
    match source {
        PolicySource::Inline { holder, name } => {
            let (kind, holder) = holder_in(holder).unwrap_or_default();
            format!("{kind}_{holder}_{name}")
        }
        PolicySource::Managed { arn } | PolicySource::Endpoint { id: arn } => name_of(arn).to_owned(),
        PolicySource::Session => String::new(),
    }
}

/// A policy of a list in the request. Only the text for `PolicyInputList` is seen on the real service.
fn given(text: &str, list: &str, noun: &str, at: usize) -> Result<Source, Error> {
    let at = at + 1;
    let document = Document::parse(text, DocumentKind::Identity)
        .map_err(|_| refused(&format!("{noun} list item {at} has invalid content")))?;
    Ok(Source { id: format!("{list}.{at}"), document: Arc::new(document) })
}

fn given_levels(levels: &[Vec<String>]) -> Result<Vec<Vec<Arc<Document>>>, Error> {
    let read = |text: &String, at: usize| Ok(given(text, "", "Service control policy input", at)?.document);
    let level = |texts: &Vec<String>| texts.iter().enumerate().map(|(at, text)| read(text, at)).collect();
    levels.iter().map(level).collect()
}

fn documents(level: Vec<NamedPolicy>) -> Vec<Arc<Document>> {
    level.into_iter().map(|policy| policy.document).collect()
}
