//! ListPoliciesGrantingServiceAccess: which policies of a user, group or role allow anything of a service.

use strongroom_policy::{Effect, Statement};
use strongroom_wire::iam::{
    ListPoliciesGrantingServiceAccessEntry, ListPoliciesGrantingServiceAccessRequest,
    ListPoliciesGrantingServiceAccessResponse, PolicyGrantingServiceAccess, PolicyOwnerEntityType, PolicyType,
};

use crate::access::Permit;
use crate::caller::{NamedPolicy, PolicySource};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::iam::Iam;
use crate::iam::attachments::name_of;
use crate::iam::target::holder_in;
use crate::page;

impl Iam {
    /// For each service the policies that allow something of it, conditions and resources left aside. Of a user also
    /// those of its groups.
    ///
    /// # Errors
    /// NoSuchEntity; InvalidInput for an ARN of something else; ValidationError for a marker that is none.
    pub async fn list_policies_granting_service_access(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: ListPoliciesGrantingServiceAccessRequest,
    ) -> Result<ListPoliciesGrantingServiceAccessResponse, Error> {
        let policies = self.policies_of_holder(cx, &input.arn).await?;
        let query = page::Query::new("ListPoliciesGrantingServiceAccess").part(&input.arn);
        // The request has no MaxItems.
        let place = |service: &String| service.clone();
        let page = self.page_of(&query, input.service_namespaces, place, None, input.marker.as_deref())?;
        let is_truncated = page.is_truncated();
        let page = page.map(|service| {
            let granting = policies.iter().filter(|policy| grants(policy, &service)).map(shown).collect();
            ListPoliciesGrantingServiceAccessEntry { service_namespace: Some(service), policies: Some(granting) }
        });
        let marker = page.marker;
        Ok(ListPoliciesGrantingServiceAccessResponse {
            policies_granting_service_access: page.items,
            is_truncated,
            marker,
        })
    }
}

/// Whether a policy allows any action of a service.
pub(in crate::iam) fn grants(policy: &NamedPolicy, service: &str) -> bool {
    policy.document.statements().iter().any(|statement| allows(statement, service))
}

fn allows(statement: &Statement, service: &str) -> bool {
    let (actions, negated) = statement.actions();
    let service_of = |action: &str| {
        action
            .split_once(':')
            .map_or(action == "*", |(vendor, _)| vendor == "*" || vendor.eq_ignore_ascii_case(service))
    };
    let covers_all = |action: &str| service_of(action) && (action == "*" || action.ends_with(":*"));
    let named = if negated {
        !actions.iter().any(|action| covers_all(action))
    } else {
        actions.iter().any(|action| service_of(action))
    };
    statement.effect() == Effect::Allow && named
}

fn shown(policy: &NamedPolicy) -> PolicyGrantingServiceAccess {
    match &policy.source {
        PolicySource::Inline { holder, name } => {
            let (kind, holder) = holder_in(holder).unwrap_or_default();
            let entity_type = match kind {
                "group" => PolicyOwnerEntityType::Group,
                "role" => PolicyOwnerEntityType::Role,
                _ => PolicyOwnerEntityType::User,
            };
            PolicyGrantingServiceAccess {
                policy_name: name.to_string(),
                policy_type: PolicyType::Inline,
                policy_arn: None,
                entity_type: Some(entity_type),
                entity_name: Some(holder.to_owned()),
            }
        }
        PolicySource::Managed { arn } | PolicySource::Endpoint { id: arn } => managed(arn),
        PolicySource::Session => managed(""),
    }
}

fn managed(arn: &str) -> PolicyGrantingServiceAccess {
    PolicyGrantingServiceAccess {
        policy_name: name_of(arn).to_owned(),
        policy_type: PolicyType::Managed,
        policy_arn: Some(arn.to_owned()),
        entity_type: None,
        entity_name: None,
    }
}
