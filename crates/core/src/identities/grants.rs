//! Gathers the policies that bound a principal.

use std::sync::Arc;

use strongroom_policy::DocumentKind;

use super::Identities;
use super::aws_policies;
use super::entity::{Entity, Policies};
use super::group::Group;
use super::managed_policy::ManagedPolicy;
use super::organization::Organization;
use super::policy_text::PolicyText;
use super::role::Role;
use super::user::User;
use crate::caller::{Grants, NamedPolicy, OrganizationPlace, PolicySource};
use crate::documents::Loaded;
use crate::error::Error;

impl Identities {
    /// What a user was granted: by its own policies and by those of its groups, within its boundary.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn grants_of_user(&self, user: &User) -> Result<Grants, Error> {
        let mut identity = self.policies(&user.arn(), &user.account, &user.policies).await?;
        for id in &user.groups {
            if let Some(group) = self.with_id::<Group>(&user.account, id).await? {
                let group = group.value;
                identity.extend(self.policies(&group.arn(), &group.account, &group.policies).await?);
            }
        }
        self.grants(&user.account, identity, user.policies.boundary.as_deref()).await
    }

    /// What a role was granted, within its boundary.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn grants_of_role(&self, role: &Role) -> Result<Grants, Error> {
        let identity = self.policies(&role.arn(), &role.account, &role.policies).await?;
        let mut grants = self.grants(&role.account, identity, role.policies.boundary.as_deref()).await?;
        if role.is_service_linked() {
            // Service control policies do not bound the roles of services.
            grants.organization = grants.organization.map(|place| {
                let (id, path) = (Arc::clone(&place.id), Arc::clone(&place.path));
                Arc::new(OrganizationPlace { id, path, levels: Vec::new() })
            });
        }
        Ok(grants)
    }

    /// The policies of a group.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn policies_of_group(&self, group: &Group) -> Result<Vec<NamedPolicy>, Error> {
        self.policies(&group.arn(), &group.account, &group.policies).await
    }

    /// What the root of an account was granted: everything that the organization leaves it.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn grants_of_root(&self, account: &str) -> Result<Grants, Error> {
        self.grants(account, Vec::new(), None).await
    }

    /// The managed policy of the account or of AWS that a request names, to a server of `partition`.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn offered_policy(
        &self,
        partition: &str,
        account: &str,
        arn: &str,
    ) -> Result<Option<NamedPolicy>, Error> {
        if aws_policies::is_of_aws(arn) && aws_policies::find(partition, arn).is_none() {
            return Ok(None);
        }
        self.managed_policy(account, arn).await
    }

    /// A managed policy of the account or of AWS, by the ARN under which it is stored.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn managed_policy(&self, account: &str, arn: &str) -> Result<Option<NamedPolicy>, Error> {
        if let Some(policy) = aws_policies::find_stored(arn) {
            let source = PolicySource::Managed { arn: arn.into() };
            return Ok(Some(NamedPolicy { source, document: Arc::clone(policy.document()?) }));
        }
        let Some(loaded) = self.with_arn::<ManagedPolicy>(arn).await? else { return Ok(None) };
        let Some(version) = loaded.value.in_force().filter(|_| loaded.value.account == account) else {
            return Ok(None);
        };
        Ok(Some(named(PolicySource::Managed { arn: arn.into() }, &version.document)?))
    }

    /// Where an account stands in the organization, if there is one.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn organization_place(&self, account: &str) -> Result<Option<OrganizationPlace>, Error> {
        match self.organization().await? {
            Some(organization) => organization.value.place(account),
            None => Ok(None),
        }
    }

    /// The organization, if there is one.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn organization(&self) -> Result<Option<Loaded<Organization>>, Error> {
        Ok(self.documents.scan::<Organization>("", None, 1).await?.into_iter().next())
    }

    async fn grants(&self, account: &str, identity: Vec<NamedPolicy>, boundary: Option<&str>) -> Result<Grants, Error> {
        let boundary = match boundary {
            None => None,
            // A boundary that is gone would otherwise bound nothing.
            Some(arn) => {
                let policy = self.managed_policy(account, arn).await?;
                Some(policy.ok_or_else(|| Error::internal("a permissions boundary is not there"))?)
            }
        };
        let organization = self.organization_place(account).await?.map(Arc::new);
        Ok(Grants { identity, boundary, session: None, organization })
    }

    /// Inline and attached policies of a holder.
    async fn policies(&self, holder: &str, account: &str, policies: &Policies) -> Result<Vec<NamedPolicy>, Error> {
        let mut all = Vec::with_capacity(policies.inline.len() + policies.attached.len());
        for (name, text) in &policies.inline {
            let source = PolicySource::Inline { holder: holder.into(), name: name.as_str().into() };
            all.push(named(source, text)?);
        }
        for arn in &policies.attached {
            // A managed policy cannot be deleted while it is attached. One that is gone all the same might have
            // denied something.
            let policy = self.managed_policy(account, arn).await?;
            all.push(policy.ok_or_else(|| Error::internal("an attached policy is not there"))?);
        }
        Ok(all)
    }
}

/// A stored policy under the name that explanations use.
///
/// # Errors
/// A fault when the stored text does not read.
fn named(source: PolicySource, text: &PolicyText) -> Result<NamedPolicy, Error> {
    Ok(NamedPolicy { source, document: Arc::clone(text.compiled(DocumentKind::Identity)?) })
}
