//! ListPolicies: the managed policies of the account, then those of AWS.

use strongroom_store::{Entry, Range};
use strongroom_wire::iam::{
    ListPoliciesRequest, ListPoliciesResponse, Policy as ShownPolicy, PolicyScopeType, PolicyUsageType,
};

use super::{shown, shown_aws};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::stands_at;
use crate::error::Error;
use crate::iam::holders::Usage;
use crate::iam::pages::{JOINT, limit, place_in_index};
use crate::iam::{Iam, refusals};
use crate::identities::aws_policies::{self, AwsPolicy};
use crate::identities::entity::{Entity, path_value};
use crate::identities::managed_policy::ManagedPolicy;
use crate::page;

/// Policies read at a time.
const STRETCH: usize = 100;

impl Iam {
    /// The managed policies of the account by path and name, then those of AWS.
    ///
    /// # Errors
    /// ValidationError for a marker that is none.
    pub async fn list_policies(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: ListPoliciesRequest,
    ) -> Result<ListPoliciesResponse, Error> {
        let scope = input.scope.unwrap_or(PolicyScopeType::All);
        let prefix = input.path_prefix.as_deref().unwrap_or("/");
        let query = page::Query::new("ListPolicies").part(cx.caller.account.as_str()).part(prefix);
        let query = query.part(scope.as_ref()).flag(input.only_attached == Some(true));
        let query = query.part(input.policy_usage_filter.as_ref().map_or("", AsRef::as_ref));
        let place = input.marker.as_deref().map(|marker| page::open(&self.documents, &query, marker));
        let place = place.transpose().map_err(|_| refusals::invalid_marker())?;
        // Places of policies of AWS begin with two joints, which no other place does.
        let (own_after, aws_after) = match place.as_deref() {
            Some(place) => match place.strip_prefix(JOINT).and_then(|place| place.strip_prefix(JOINT)) {
                Some(name) => (None, Some(name.to_owned())),
                None => (Some(self.own_entry(cx, place).await?), None),
            },
            None => (None, None),
        };
        let limit = limit(input.max_items);
        let mut found: Vec<(String, ShownPolicy)> = Vec::new();
        if scope != PolicyScopeType::Aws && aws_after.is_none() {
            self.own_policies(cx, &input, own_after, limit + 1, &mut found).await?;
        }
        if scope != PolicyScopeType::Local && found.len() <= limit {
            self.aws_policies(cx, &input, aws_after.as_deref(), limit + 1, &mut found).await?;
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let marker = match found.last().filter(|_| more) {
            Some((place, _)) => Some(page::seal(&self.documents, &query, place)?),
            None => None,
        };
        let policies = found.into_iter().map(|(_, policy)| policy).collect();
        Ok(ListPoliciesResponse { policies: Some(policies), is_truncated: Some(more), marker })
    }

    async fn own_entry(&self, cx: &Ctx, place: &str) -> Result<Entry, Error> {
        let prefix = path_value(cx.caller.account.as_str(), "/");
        let entry = self.entry_of::<ManagedPolicy>(ManagedPolicy::PATHS, &prefix, place).await?;
        entry.ok_or_else(refusals::invalid_marker)
    }

    async fn own_policies(
        &self,
        cx: &Ctx,
        input: &ListPoliciesRequest,
        after: Option<Entry>,
        enough: usize,
        found: &mut Vec<(String, ShownPolicy)>,
    ) -> Result<(), Error> {
        let account = cx.caller.account.as_str();
        let prefix = path_value(account, input.path_prefix.as_deref().unwrap_or("/"));
        let mut after = after;
        loop {
            let index = ManagedPolicy::PATHS;
            let range = Range { index, prefix: prefix.clone(), after, descending: false, limit: STRETCH };
            let entries = self.documents.range(&range).await?;
            let count = entries.len();
            after = entries.last().cloned();
            for entry in entries {
                let policy = self.documents.load::<ManagedPolicy>(std::sync::Arc::clone(&entry.key)).await?;
                // The index is not sealed.
                let policy = policy.filter(|policy| stands_at(policy.value.as_ref(), index, &entry.value));
                let Some(policy) = policy else { continue };
                let usage = self.usage(account, &policy.value.arn()).await?;
                if is_asked_for(input, usage) {
                    found.push((place_in_index(&entry.value, &entry.key), shown(&policy.value, usage)));
                }
                if found.len() >= enough {
                    return Ok(());
                }
            }
            if count < STRETCH {
                return Ok(());
            }
        }
    }

    async fn aws_policies(
        &self,
        cx: &Ctx,
        input: &ListPoliciesRequest,
        after: Option<&str>,
        enough: usize,
        found: &mut Vec<(String, ShownPolicy)>,
    ) -> Result<(), Error> {
        let prefix = input.path_prefix.as_deref().unwrap_or("/");
        let mut policies: Vec<&AwsPolicy> =
            aws_policies::ALL.iter().filter(|policy| policy.path().starts_with(prefix)).collect();
        policies.sort_by_key(|policy| policy.name());
        let partition = cx.region.partition();
        for policy in policies.into_iter().filter(|policy| after.is_none_or(|after| policy.name() > after)) {
            let usage = self.usage(cx.caller.account.as_str(), &policy.arn(partition)).await?;
            if is_asked_for(input, usage) {
                found.push((format!("{JOINT}{JOINT}{}", policy.name()), shown_aws(policy, partition, usage)));
            }
            if found.len() >= enough {
                break;
            }
        }
        Ok(())
    }
}

fn is_asked_for(input: &ListPoliciesRequest, usage: Usage) -> bool {
    let by_usage = match input.policy_usage_filter {
        None => true,
        Some(PolicyUsageType::PermissionsPolicy) => usage.attached > 0,
        Some(PolicyUsageType::PermissionsBoundary) => usage.bounded > 0,
    };
    by_usage && (input.only_attached != Some(true) || usage.attached > 0)
}
