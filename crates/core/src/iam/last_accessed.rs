//! GenerateServiceLastAccessedDetails and GetServiceLastAccessedDetails: the services that the permissions policies of a
//! user, group, role or managed policy allow, and when they were last used.
//!
//! Uses are known of long-term access keys and of sessions of roles. Sessions of users are not followed.

use std::sync::Arc;

use strongroom_wire::iam::{
    AccessAdvisorUsageGranularityType as Granularity, GenerateServiceLastAccessedDetailsRequest,
    GenerateServiceLastAccessedDetailsResponse, GetServiceLastAccessedDetailsRequest,
    GetServiceLastAccessedDetailsResponse, JobStatusType, ServiceLastAccessed, errors,
};
use strongroom_wire::record;

use super::holders::{AnyHolder, Holder};
use super::policies::no_such_policy;
use super::policies::service_access::grants;
use super::target::{GROUP_KIND, POLICY_KIND, ROLE_KIND, Target, Targeted, USER_KIND, holder_in};
use super::{Iam, counted, instant};
use crate::access::Permit;
use crate::caller::{NamedPolicy, Principal};
use crate::ctx::{Ctx, Done};
use crate::documents::retry;
use crate::error::Error;
use crate::identities::entity::{Entity, key_of_id};
use crate::identities::group::Group;
use crate::identities::last_accessed_job::{AccessedService, LastAccessedJob};
use crate::identities::role::Role;
use crate::identities::service_uses::ServiceUses;
use crate::identities::user::{USERS_BY_GROUP, User};
use crate::{page, random_uuid};

/// The services of this server by namespace, with the names that AWS's reports have.
const SERVICES: [(&str, &str); 3] = [
    ("iam", "AWS Identity and Access Management"),
    ("secretsmanager", "AWS Secrets Manager"),
    ("sts", "AWS Security Token Service"),
];
/// How long a report can be asked for, in ms.
const REPORT_MS_MAX: i64 = 24 * 60 * 60 * 1000;
/// Old reports that one request forgets, at most.
const FORGOTTEN_MAX: usize = 100;
/// How exactly times are told, in ms.
const GRAIN_MS: i64 = 60_000;

/// What a report is about: policies, and who has them.
struct Subject {
    policies: Vec<NamedPolicy>,
    users: Vec<Arc<User>>,
    roles: Vec<Arc<Role>>,
}

impl Iam {
    /// Makes a report of the services that a user, group, role or managed policy may use. It is done at once.
    ///
    /// # Errors
    /// NoSuchEntity; InvalidInput for an ARN of something else.
    pub async fn generate_service_last_accessed_details(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: GenerateServiceLastAccessedDetailsRequest,
    ) -> Result<GenerateServiceLastAccessedDetailsResponse, Error> {
        let subject = self.subject(cx, &input.arn).await?;
        let services = self.accessed_services(&subject).await?;
        let account = cx.caller.account.to_string();
        let id = random_uuid(self.documents.random())?;
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "generate_service_last_accessed_details").await?;
            for old in self.documents.scan::<LastAccessedJob>(&key_of_id(&account, ""), None, FORGOTTEN_MAX).await? {
                if is_old(&old.value, cx) {
                    change.delete(&old);
                }
            }
            let job = LastAccessedJob {
                account: account.clone(),
                id: id.clone(),
                asked_by: asker(cx).to_owned(),
                done_ms: cx.now.millis(),
                by_action: input.granularity == Some(Granularity::ActionLevel),
                services: services.clone(),
            };
            change.put(None, job)?;
            let response = GenerateServiceLastAccessedDetailsResponse { job_id: Some(id.clone()) };
            let (arn, response_elements) = (Some(input.arn.clone()), Some(record::encode(&response)));
            change.commit(cx, Done { response_elements, arn, resource_kind: kind_of(&input.arn) }).await?;
            Ok(response)
        })
        .await
    }

    /// A report that the same user or role had made: its services by namespace. Single actions are not followed here,
    /// so none is told of, as AWS does for services whose actions it does not follow.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn get_service_last_accessed_details(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: GetServiceLastAccessedDetailsRequest,
    ) -> Result<GetServiceLastAccessedDetailsResponse, Error> {
        let id = &input.job_id;
        let found = self.documents.load::<LastAccessedJob>(key_of_id(cx.caller.account.as_str(), id)).await?;
        let job = found.filter(|job| job.value.asked_by == asker(cx) && !is_old(&job.value, cx)).ok_or_else(|| {
            // The code is AWS's; its text is unconfirmed.
            Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, format!("Job with id {id} cannot be found."))
        })?;
        let job = &job.value;
        let query = page::Query::new("GetServiceLastAccessedDetails").part(&job.id);
        let place = |service: &AccessedService| service.namespace.clone();
        let page = self.page_of(&query, job.services.clone(), place, input.max_items, input.marker.as_deref())?;
        let is_truncated = page.is_truncated();
        let page = page.map(shown);
        Ok(GetServiceLastAccessedDetailsResponse {
            job_status: JobStatusType::Completed,
            job_type: Some(if job.by_action { Granularity::ActionLevel } else { Granularity::ServiceLevel }),
            job_creation_date: instant(job.done_ms),
            job_completion_date: instant(job.done_ms),
            services_last_accessed: page.items,
            is_truncated,
            marker: page.marker,
            error: None,
        })
    }

    /// The policies that an ARN names or whose holder it names, and the users and roles that have them.
    async fn subject(&self, cx: &Ctx, arn: &str) -> Result<Subject, Error> {
        let account = cx.caller.account.as_str();
        if is_policy(arn) {
            let policy = self.identities.offered_policy(cx.region.partition(), account, arn).await?;
            let policies = vec![policy.ok_or_else(|| no_such_policy(arn))?];
            let mut users = self.holders_of::<User>(account, arn).await?;
            for group in self.holders_of::<Group>(account, arn).await? {
                users.extend(self.members(account, &group).await?);
            }
            users.sort_by(|one, other| one.id.cmp(&other.id));
            users.dedup_by(|one, other| one.id == other.id);
            return Ok(Subject { policies, users, roles: self.holders_of::<Role>(account, arn).await? });
        }
        let policies = self.policies_of_holder(cx, arn).await?;
        let (users, roles) = match self.holder_with_arn(cx, arn).await? {
            AnyHolder::User(user) => (vec![user], Vec::new()),
            AnyHolder::Group(group) => (self.members(account, &group).await?, Vec::new()),
            AnyHolder::Role(role) => (Vec::new(), vec![role]),
        };
        Ok(Subject { policies, users, roles })
    }

    async fn holders_of<H: Holder>(&self, account: &str, policy: &str) -> Result<Vec<Arc<H>>, Error> {
        let entries = self.held_under(account, H::BY_POLICY, policy).await?;
        let loaded = self.documents.load_entries::<H>(H::BY_POLICY, &entries).await?;
        Ok(loaded.into_iter().map(|loaded| loaded.value).collect())
    }

    async fn members(&self, account: &str, group: &Group) -> Result<Vec<Arc<User>>, Error> {
        let entries = self.held_under(account, USERS_BY_GROUP, &group.id).await?;
        let loaded = self.documents.load_entries::<User>(USERS_BY_GROUP, &entries).await?;
        Ok(loaded.into_iter().map(|loaded| loaded.value).collect())
    }

    /// The services that the policies allow anything of, with who used them.
    async fn accessed_services(&self, subject: &Subject) -> Result<Vec<AccessedService>, Error> {
        let mut uses: Vec<(String, ServiceUses)> = Vec::new();
        for user in &subject.users {
            let mut of_user = ServiceUses::default();
            for key in &user.access_keys {
                if let Some(used) = self.identities.last_use(&user.account, key).await? {
                    of_user.merge(&used.services());
                }
            }
            uses.push((user.arn(), of_user));
        }
        for role in &subject.roles {
            let used = self.identities.role_use(role).await?;
            uses.push((role.arn(), used.map(|used| used.services).unwrap_or_default()));
        }
        let allowed =
            SERVICES.iter().filter(|(namespace, _)| subject.policies.iter().any(|one| grants(one, namespace)));
        Ok(allowed.map(|(namespace, _)| accessed(namespace, &uses)).collect())
    }
}

/// Who used a service, and who was the last.
fn accessed(namespace: &str, uses: &[(String, ServiceUses)]) -> AccessedService {
    let of_service = || uses.iter().filter_map(|(arn, uses)| Some((arn, uses.get(namespace)?)));
    let last = of_service().max_by_key(|(_, used)| used.used_ms).map(|(arn, used)| (arn.clone(), used.clone()));
    AccessedService { namespace: namespace.to_owned(), entities: of_service().count(), last }
}

fn shown(service: AccessedService) -> ServiceLastAccessed {
    let name = SERVICES.iter().find(|(namespace, _)| *namespace == service.namespace).map(|(_, name)| *name);
    let (entity, used) = service.last.unzip();
    ServiceLastAccessed {
        service_name: name.unwrap_or(&service.namespace).to_owned(),
        last_authenticated: used.as_ref().map(|used| instant(used.used_ms - used.used_ms.rem_euclid(GRAIN_MS))),
        service_namespace: service.namespace,
        last_authenticated_entity: entity,
        last_authenticated_region: used.map(|used| used.region),
        total_authenticated_entities: Some(counted(service.entities)),
        tracked_actions_last_accessed: None,
    }
}

/// The unique id of the user or role that asks: of a role any session may fetch the report.
fn asker(cx: &Ctx) -> &str {
    let id = &*cx.caller.user_id;
    match &cx.caller.principal {
        Principal::RoleSession { role_id, .. } => role_id,
        _ => id,
    }
}

fn is_old(job: &LastAccessedJob, cx: &Ctx) -> bool {
    cx.now.millis() - job.done_ms > REPORT_MS_MAX
}

fn is_policy(arn: &str) -> bool {
    holder_in(arn).is_some_and(|(kind, _)| kind == "policy")
}

/// How records name the type of what an ARN names.
fn kind_of(arn: &str) -> &'static str {
    match holder_in(arn).map(|(kind, _)| kind) {
        Some("policy") => POLICY_KIND,
        Some("group") => GROUP_KIND,
        Some("role") => ROLE_KIND,
        _ => USER_KIND,
    }
}

impl Targeted for GenerateServiceLastAccessedDetailsRequest {
    fn target(&self) -> Target<'_> {
        if is_policy(&self.arn) { Target::Policy(&self.arn) } else { Target::Holder(&self.arn) }
    }
}

impl Targeted for GetServiceLastAccessedDetailsRequest {
    fn target(&self) -> Target<'_> {
        Target::Account
    }
}

crate::access::without_keys!(GenerateServiceLastAccessedDetailsRequest, GetServiceLastAccessedDetailsRequest);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_is_named() {
        let uses = [
            ("one".to_owned(), ServiceUses::of("iam", 61_000, "us-east-1")),
            ("two".to_owned(), ServiceUses::of("iam", 125_000, "eu-west-1")),
            ("three".to_owned(), ServiceUses::of("sts", 7, "us-east-1")),
        ];
        let told = shown(accessed("iam", &uses));
        assert_eq!(told.service_name, "AWS Identity and Access Management");
        assert_eq!(told.last_authenticated, Some(instant(120_000)), "exact to the minute");
        assert_eq!(told.last_authenticated_entity.as_deref(), Some("two"));
        assert_eq!(told.last_authenticated_region.as_deref(), Some("eu-west-1"));
        assert_eq!(told.total_authenticated_entities, Some(2));
        let unused = shown(accessed("secretsmanager", &uses));
        assert_eq!((unused.last_authenticated, unused.total_authenticated_entities), (None, Some(0)));
    }

    #[test]
    fn services_are_in_the_order_of_their_namespaces() {
        assert!(SERVICES.is_sorted());
    }
}
