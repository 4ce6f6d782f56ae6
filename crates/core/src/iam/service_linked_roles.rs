//! Service-linked roles: made and removed for a service, which alone may use them.

use strongroom_wire::iam::{
    CreateServiceLinkedRoleRequest, CreateServiceLinkedRoleResponse, DeleteServiceLinkedRoleRequest,
    DeleteServiceLinkedRoleResponse, DeletionTaskStatusType, GetServiceLinkedRoleDeletionStatusRequest,
    GetServiceLinkedRoleDeletionStatusResponse, errors,
};
use strongroom_wire::record;

use super::roles::{SESSION_SECONDS_DEFAULT, done, shown};
use super::{Iam, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::retry;
use crate::error::Error;
use crate::identities::deletion_task::DeletionTask;
use crate::identities::entity::{Entity, Policies, key_of_id, new_id};
use crate::identities::policy_text::PolicyText;
use crate::identities::role::{Role, SERVICE_PATH};
use crate::random_uuid;

/// What ids of deletions begin with (IAM's API, `DeletionTaskId`).
const TASK_PREFIX: &str = "task";
/// How long the outcome of a deletion can be asked for, in ms.
const TASK_MS_MAX: i64 = 24 * 60 * 60 * 1000;
/// Old deletions that one request forgets, at most.
const FORGOTTEN_MAX: usize = 100;

/// A service that has a role of its own.
#[derive(Debug)]
pub(super) struct LinkedRole {
    /// The service's name, such as `secretsmanager.amazonaws.com`.
    service: &'static str,
    /// The role's path.
    pub(super) path: &'static str,
    /// The role's name, after AWS's pattern `AWSServiceRoleFor…`.
    pub(super) name: &'static str,
}

/// The services of this server that may act in an account: rotation and replication are duties of Secrets Manager.
const LINKED_ROLES: [LinkedRole; 1] = [LinkedRole {
    service: "secretsmanager.amazonaws.com",
    path: "/aws-service-role/secretsmanager.amazonaws.com/",
    name: "AWSServiceRoleForSecretsManager",
}];

/// The role of a service.
pub(super) fn linked_role(service: &str) -> Option<&'static LinkedRole> {
    LINKED_ROLES.iter().find(|linked| linked.service == service)
}

/// Path and name of the role that a deletion is of. An id is `task/aws-service-role/SERVICE/ROLE/UUID`.
pub(super) fn role_of_task(id: &str) -> Option<(&str, &str)> {
    let (rest, _) = id.strip_prefix(TASK_PREFIX)?.rsplit_once('/')?;
    let at = rest.rfind('/')? + 1;
    let (path, name) = rest.split_at_checked(at)?;
    (path.starts_with(SERVICE_PATH) && !name.is_empty()).then_some((path, name))
}

impl Iam {
    /// Makes the role of a service.
    ///
    /// # Errors
    /// InvalidInput for a service that has none, for a suffix, and when the role is there already; LimitExceeded.
    pub async fn create_service_linked_role(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: CreateServiceLinkedRoleRequest,
    ) -> Result<CreateServiceLinkedRoleResponse, Error> {
        let service = &input.aws_service_name;
        // AWS's text is unconfirmed.
        let linked = linked_role(service).ok_or_else(|| invalid(format!("Invalid service name: {service}")))?;
        if input.custom_suffix.is_some() {
            return Err(invalid(format!("Custom suffix is not allowed for {service}")));
        }
        let account = cx.caller.account.as_str();
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let change = self.begin(cx, "create_service_linked_role").await?;
            if self.identities.named::<Role>(account, linked.name).await?.is_some() {
                let name = linked.name;
                return Err(invalid(format!(
                    "Service role name {name} has been taken in this account, please try a different suffix."
                )));
            }
            let role = Role {
                account: account.to_owned(),
                partition: cx.region.partition().to_owned(),
                name: linked.name.to_owned(),
                path: linked.path.to_owned(),
                id: new_id(self.documents.random(), Role::ID_PREFIX)?,
                created_ms: cx.now.millis(),
                description: input.description.clone(),
                trust: PolicyText::new(trust(linked.service)),
                session_seconds_max: SESSION_SECONDS_DEFAULT,
                signin_seconds_max: None,
                tags: Vec::new(),
                policies: Policies::default(),
            };
            let response = CreateServiceLinkedRoleResponse { role: Some(shown(&role)) };
            self.commit_new_role(cx, change, role, &response).await?;
            Ok(response)
        })
        .await
    }

    /// Removes the role of a service. It goes at once; the id that comes back tells so when it is asked for.
    ///
    /// # Errors
    /// NoSuchEntity, also for a role that is no service's.
    pub async fn delete_service_linked_role(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DeleteServiceLinkedRoleRequest,
    ) -> Result<DeleteServiceLinkedRoleResponse, Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "delete_service_linked_role").await?;
            let role = self.role(cx, &input.role_name).await?;
            if !role.value.is_service_linked() {
                return Err(refusals::no_such("service-linked role", &input.role_name));
            }
            self.remove_role(&mut change, &role).await?;
            let uuid = random_uuid(self.documents.random())?;
            let id = [TASK_PREFIX, &role.value.path, &role.value.name, "/", &uuid].concat();
            let account = role.value.account.clone();
            for old in self.documents.scan::<DeletionTask>(&key_of_id(&account, ""), None, FORGOTTEN_MAX).await? {
                if cx.now.millis() - old.value.done_ms > TASK_MS_MAX {
                    change.delete(&old);
                }
            }
            change.put(None, DeletionTask { account, id: id.clone(), done_ms: cx.now.millis() })?;
            let response = DeleteServiceLinkedRoleResponse { deletion_task_id: id };
            change.commit(cx, done(&role.value, Some(record::encode(&response)))).await?;
            Ok(response)
        })
        .await
    }

    /// What became of the deletion of a service-linked role.
    ///
    /// # Errors
    /// InvalidInput for what is no id of a deletion, NoSuchEntity for one that is not known.
    pub async fn get_service_linked_role_deletion_status(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: GetServiceLinkedRoleDeletionStatusRequest,
    ) -> Result<GetServiceLinkedRoleDeletionStatusResponse, Error> {
        let id = &input.deletion_task_id;
        // AWS's texts are unconfirmed.
        if role_of_task(id).is_none() {
            return Err(invalid(format!("Invalid deletion task ID: {id}")));
        }
        let key = key_of_id(cx.caller.account.as_str(), id);
        if self.documents.load::<DeletionTask>(key).await?.is_none() {
            return Err(Error::refused(
                errors::NO_SUCH_ENTITY_EXCEPTION,
                format!("Deletion task {id} cannot be found."),
            ));
        }
        let status = DeletionTaskStatusType::Succeeded;
        Ok(GetServiceLinkedRoleDeletionStatusResponse { status, reason: None })
    }
}

fn invalid(text: String) -> Error {
    Error::refused(errors::INVALID_INPUT_EXCEPTION, text)
}

/// The trust policy of a service's role.
fn trust(service: &str) -> String {
    [
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":""#,
        service,
        r#""},"Action":"sts:AssumeRole"}]}"#,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use strongroom_policy::DocumentKind;

    use super::*;

    #[test]
    fn the_trust_policies_of_services_read() {
        for LinkedRole { service, path, .. } in &LINKED_ROLES {
            assert!(PolicyText::new(trust(service)).compiled(DocumentKind::Trust).is_ok());
            assert_eq!(*path, format!("{SERVICE_PATH}{service}/"));
        }
    }

    #[test]
    fn the_id_of_a_deletion_tells_the_role() {
        let id = "task/aws-service-role/a.amazonaws.com/AWSServiceRoleForA/1b2c";
        assert_eq!(role_of_task(id), Some(("/aws-service-role/a.amazonaws.com/", "AWSServiceRoleForA")));
        for id in ["", "task", "task/", "task/a/b", "task/aws-service-role/", "task/aws-service-role//1", "x/y/z"] {
            assert_eq!(role_of_task(id), None, "{id}");
        }
    }
}
