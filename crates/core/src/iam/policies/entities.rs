//! ListEntitiesForPolicy: who a managed policy is attached to, or bounds.

use strongroom_wire::iam::{
    EntityType, ListEntitiesForPolicyRequest, ListEntitiesForPolicyResponse, PolicyGroup, PolicyRole, PolicyUsageType,
    PolicyUser,
};

use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::iam::Iam;
use crate::iam::holders::Holder;
use crate::identities::group::Group;
use crate::identities::role::Role;
use crate::identities::user::User;
use crate::page;

/// A user, group or role that uses a policy.
struct Entry {
    /// Where it stands in the list: groups, users, roles, each by path and name.
    place: String,
    name: String,
    id: String,
}

impl Iam {
    /// The groups, users and roles that a managed policy is attached to or whose boundary it is.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_entities_for_policy(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: ListEntitiesForPolicyRequest,
    ) -> Result<ListEntitiesForPolicyResponse, Error> {
        self.managed(cx, &input.policy_arn).await?;
        let asked = |kind| input.entity_filter.is_none_or(|filter| filter == kind);
        let mut entries = Vec::new();
        if asked(EntityType::Group) {
            entries.extend(self.users_of_policy::<Group>(cx, &input, 'g').await?);
        }
        if asked(EntityType::User) {
            entries.extend(self.users_of_policy::<User>(cx, &input, 'u').await?);
        }
        if asked(EntityType::Role) {
            entries.extend(self.users_of_policy::<Role>(cx, &input, 'z').await?);
        }
        let query = page::Query::new("ListEntitiesForPolicy").part(&input.policy_arn);
        let query = query.part(input.path_prefix.as_deref().unwrap_or_default());
        let query = query.part(input.entity_filter.as_ref().map_or("", AsRef::as_ref));
        let query = query.part(input.policy_usage_filter.as_ref().map_or("", AsRef::as_ref));
        let place = |entry: &Entry| entry.place.clone();
        let page = self.page_of(&query, entries, place, input.max_items, input.marker.as_deref())?;
        let is_truncated = page.is_truncated();
        let (mut groups, mut users, mut roles) = (Vec::new(), Vec::new(), Vec::new());
        for Entry { place, name, id } in page.items {
            let (name, id) = (Some(name), Some(id));
            match place.chars().next() {
                Some('g') => groups.push(PolicyGroup { group_name: name, group_id: id }),
                Some('u') => users.push(PolicyUser { user_name: name, user_id: id }),
                _ => roles.push(PolicyRole { role_name: name, role_id: id }),
            }
        }
        Ok(ListEntitiesForPolicyResponse {
            policy_groups: Some(groups),
            policy_users: Some(users),
            policy_roles: Some(roles),
            is_truncated,
            marker: page.marker,
        })
    }

    /// The holders of one type. `letter` is what their places begin with.
    async fn users_of_policy<H: Holder>(
        &self,
        cx: &Ctx,
        input: &ListEntitiesForPolicyRequest,
        letter: char,
    ) -> Result<Vec<Entry>, Error> {
        let account = cx.caller.account.as_str();
        let filter = input.policy_usage_filter;
        let attached = Some(H::BY_POLICY).filter(|_| filter != Some(PolicyUsageType::PermissionsBoundary));
        let bounded = H::BY_BOUNDARY.filter(|_| filter != Some(PolicyUsageType::PermissionsPolicy));
        let mut holders = Vec::new();
        for index in [attached, bounded].into_iter().flatten() {
            let entries = self.held_under(account, index, &input.policy_arn).await?;
            holders.extend(self.documents.load_entries::<H>(index, &entries).await?);
        }
        // One that has the policy in both ways is told once.
        holders.sort_by(|one, other| one.value.id().cmp(other.value.id()));
        holders.dedup_by(|one, other| one.value.id() == other.value.id());
        let prefix = input.path_prefix.as_deref().unwrap_or("/");
        let holders = holders.iter().map(|holder| &holder.value).filter(|holder| holder.path().starts_with(prefix));
        let mut entries: Vec<Entry> = holders
            .map(|holder| Entry {
                place: format!("{letter}{}{}", holder.path(), holder.name()),
                name: holder.name().to_owned(),
                id: holder.id().to_owned(),
            })
            .collect();
        entries.sort_by(|one, other| one.place.cmp(&other.place));
        Ok(entries)
    }
}
