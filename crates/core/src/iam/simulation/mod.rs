//! SimulateCustomPolicy and SimulatePrincipalPolicy: what policies would decide about requests that nobody makes.

mod context;
mod evaluation;
mod exclusions;
mod inputs;
mod scene;
#[cfg(test)]
mod tests;

use strongroom_wire::iam::{
    EvaluationResult, SimulateCustomPolicyRequest, SimulatePolicyResponse, SimulatePrincipalPolicyRequest, errors,
};

use self::inputs::Asked;
use self::scene::{Held, Scene};
use super::Iam;
use super::holders::AnyHolder;
use super::pages::limit;
use super::target::{Target, Targeted, holder_in};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::identities::entity::Entity;
use crate::identities::group::Group;
use crate::identities::role::Role;
use crate::identities::user::User;
use crate::page;

/// Statements that are held against resources on one page, at most: each may stand in the answer. IAM tells no number,
/// but that a page may end before `MaxItems`.
const CHECKS_MAX: usize = 100_000;
/// Characters of policies that are held against resources on one page, at most, weighed by how long the values of the
/// context are that they are compared with.
const CHARS_MAX: usize = 1 << 26;
/// Bytes of an answer, at most, as far as they grow with resources and policies.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// What a simulation takes, about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    /// Statements and missing keys.
    checks: usize,
    /// Weighed characters of policies.
    chars: usize,
    /// Bytes of the answer.
    answer_bytes: usize,
}

impl Cost {
    /// The same several times.
    const fn times(self, times: usize) -> Self {
        Self {
            checks: self.checks.saturating_mul(times),
            chars: self.chars.saturating_mul(times),
            answer_bytes: self.answer_bytes.saturating_mul(times),
        }
    }

    /// Whether it is more than one page may take.
    const fn is_too_much(self) -> bool {
        self.checks > CHECKS_MAX || self.chars > CHARS_MAX || self.answer_bytes > ANSWER_BYTES_MAX
    }
}

impl Targeted for SimulateCustomPolicyRequest {
    fn target(&self) -> Target<'_> {
        Target::Account
    }
}

impl Targeted for SimulatePrincipalPolicyRequest {
    fn target(&self) -> Target<'_> {
        Target::PolicySource(&self.policy_source_arn)
    }
}

crate::access::without_keys!(SimulateCustomPolicyRequest, SimulatePrincipalPolicyRequest);

impl Iam {
    /// What policies that are given would decide about each action on each resource.
    ///
    /// # Errors
    /// InvalidInput for what does not read.
    pub async fn simulate_custom_policy(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: SimulateCustomPolicyRequest,
    ) -> Result<SimulatePolicyResponse, Error> {
        let asked = Asked::from(input);
        let scene = Scene::new(cx.caller.account.as_str(), &asked, Held::default())?;
        self.simulated("SimulateCustomPolicy", cx, &asked, &scene).await
    }

    /// What the policies of a user with its groups, of a group or of a role would decide about each action on each
    /// resource, with some left out and others added.
    ///
    /// # Errors
    /// NoSuchEntity; InvalidInput for an ARN of something else, and for what does not read.
    pub async fn simulate_principal_policy(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: SimulatePrincipalPolicyRequest,
    ) -> Result<SimulatePolicyResponse, Error> {
        let excluded = exclusions::read(input.policy_exclusion_list.as_deref().unwrap_or_default())?;
        let mut held = self.held(cx, &input.policy_source_arn).await?;
        exclusions::apply(&excluded, &mut held);
        let asked = Asked::from(input);
        let scene = Scene::new(cx.caller.account.as_str(), &asked, held)?;
        self.simulated("SimulatePrincipalPolicy", cx, &asked, &scene).await
    }

    /// A page of results. As on AWS the marker is a place among the actions, whatever else the next request asks.
    async fn simulated(
        &self,
        operation: &str,
        cx: &Ctx,
        asked: &Asked,
        scene: &Scene,
    ) -> Result<SimulatePolicyResponse, Error> {
        let query = page::Query::new(operation).part(cx.caller.account.as_str());
        let mut at = match &asked.marker {
            None => 0,
            Some(marker) => {
                let place = page::open(&self.documents, &query, marker).ok();
                place.and_then(|place| place.parse().ok()).ok_or_else(invalid_marker)?
            }
        };
        let cost = scene.cost_per_action();
        if cost.is_too_much() {
            return Err(inputs::refused("The simulation has too many resources for its number of statements."));
        }
        let mut results: Vec<EvaluationResult> = Vec::new();
        while let Some(action) = asked.actions.get(at) {
            if results.len() >= limit(asked.max_items) || cost.times(results.len() + 1).is_too_much() {
                break;
            }
            results.push(scene.result(action).await);
            at += 1;
        }
        let more = at < asked.actions.len();
        let marker = more.then(|| page::seal(&self.documents, &query, &at.to_string())).transpose()?;
        Ok(SimulatePolicyResponse { evaluation_results: Some(results), is_truncated: Some(more), marker })
    }

    /// What bounds the user, group or role of an ARN. As on AWS its path does not count.
    async fn held(&self, cx: &Ctx, arn: &str) -> Result<Held, Error> {
        let account = cx.caller.account.as_str();
        let holder = holder_in(arn).filter(|(kind, _)| matches!(*kind, "user" | "group" | "role"));
        let Some((kind, name)) = holder else {
            return Err(inputs::refused(&format!("Invalid ARN provided in the request: {arn}")));
        };
        let other = arn.split(':').nth(4).unwrap_or_default();
        if other != account {
            let text = "does not have access to policies in account";
            let text = format!("Invalid Policy Source Arn: caller's account {account} {text} {other}.");
            return Err(inputs::refused(&text));
        }
        let found = match kind {
            "user" => self.identities.named::<User>(account, name).await?.map(|found| AnyHolder::User(found.value)),
            "group" => self.identities.named::<Group>(account, name).await?.map(|found| AnyHolder::Group(found.value)),
            _ => self.identities.named::<Role>(account, name).await?.map(|found| AnyHolder::Role(found.value)),
        };
        let absent = || Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, "Unable to retrieve specified IAM entity.");
        Ok(match found.ok_or_else(absent)? {
            AnyHolder::User(user) => Held::of(user.arn(), self.identities.grants_of_user(&user).await?),
            AnyHolder::Role(role) => Held::of(role.arn(), self.identities.grants_of_role(&role).await?),
            AnyHolder::Group(group) => {
                // A group has no boundary, but its members are bound by the organization.
                let mut grants = self.identities.grants_of_root(account).await?;
                grants.identity = self.identities.policies_of_group(&group).await?;
                Held::of(group.arn(), grants)
            }
        })
    }
}

fn invalid_marker() -> Error {
    inputs::refused("Invalid marker for pagination.")
}
