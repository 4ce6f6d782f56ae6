//! Changes of the organization: units, accounts in them, service control policies. Pure rules, told in words for whoever
//! runs the command; the limits are those of AWS Organizations.

use std::collections::BTreeMap;

use strongroom_policy::{Document, DocumentKind};

use super::organization::{ControlPolicy, DEPTH_MAX, FULL_ACCESS, Organization, Unit};
use super::policy_text::PolicyText;

/// Policies attached to one target, at most.
const ATTACHED_MAX: usize = 5;
/// Longest service control policy, in characters without white space between values.
const POLICY_CHARS_MAX: usize = 5120;
/// What a new target allows: everything.
const FULL_ACCESS_TEXT: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

impl Organization {
    /// A new organization with the management account alone. `letters` make its ids: at least 14 lower-case letters
    /// and digits.
    #[must_use]
    pub fn new(management: &str, letters: &str) -> Self {
        let (root, id) = letters.split_at_checked(4).unwrap_or(("root", letters));
        let root_id = format!("r-{root}");
        let full = ControlPolicy { name: "FullAWSAccess".to_owned(), document: PolicyText::new(FULL_ACCESS_TEXT) };
        let mut organization = Self {
            id: format!("o-{id}"),
            management: management.to_owned(),
            root_id: root_id.clone(),
            units: BTreeMap::new(),
            accounts: BTreeMap::new(),
            policies: [(FULL_ACCESS.to_owned(), full)].into(),
            attached: BTreeMap::new(),
        };
        organization.attached.insert(root_id.clone(), vec![FULL_ACCESS.to_owned()]);
        organization.take_in(management, &root_id);
        organization
    }

    fn take_in(&mut self, account: &str, parent: &str) {
        self.accounts.insert(account.to_owned(), parent.to_owned());
        self.attached.insert(account.to_owned(), vec![FULL_ACCESS.to_owned()]);
    }

    /// Makes a unit in the root or in another unit, both named by id; `letters` make its id.
    ///
    /// # Errors
    /// When there is no such parent, it has a unit of that name, or units would nest deeper than allowed.
    pub fn add_unit(&mut self, name: &str, parent: Option<&str>, letters: &str) -> Result<String, String> {
        let parent = parent.unwrap_or(&self.root_id).to_owned();
        self.check_parent(&parent)?;
        if self.units.values().any(|unit| unit.parent == parent && unit.name == name) {
            return Err(format!("{parent} has a unit named {name} already"));
        }
        if self.depth(&parent) >= DEPTH_MAX {
            return Err(format!("units nest {DEPTH_MAX} deep at most"));
        }
        let id = format!("ou-{}-{letters}", self.root_id.trim_start_matches("r-"));
        self.units.insert(id.clone(), Unit { name: name.to_owned(), parent });
        self.attached.insert(id.clone(), vec![FULL_ACCESS.to_owned()]);
        Ok(id)
    }

    fn depth(&self, target: &str) -> usize {
        let parents = std::iter::successors(self.units.get(target), |unit| self.units.get(&unit.parent));
        parents.take(DEPTH_MAX + 1).count()
    }

    fn check_parent(&self, id: &str) -> Result<(), String> {
        let known = id == self.root_id || self.units.contains_key(id);
        if known { Ok(()) } else { Err(format!("there is no root or unit {id}")) }
    }

    /// Removes a unit that holds nothing.
    ///
    /// # Errors
    /// When there is no such unit, or something is in it.
    pub fn remove_unit(&mut self, id: &str) -> Result<(), String> {
        let holds = self.units.values().any(|unit| unit.parent == id) || self.accounts.values().any(|at| at == id);
        if holds {
            return Err(format!("{id} is not empty"));
        }
        self.units.remove(id).ok_or_else(|| format!("there is no unit {id}"))?;
        self.attached.remove(id);
        Ok(())
    }

    /// Puts an account into the root or a unit, and into the organization if it is not there yet.
    ///
    /// # Errors
    /// When there is no such root or unit.
    pub fn place_account(&mut self, account: &str, parent: Option<&str>) -> Result<(), String> {
        let parent = parent.unwrap_or(&self.root_id).to_owned();
        self.check_parent(&parent)?;
        match self.accounts.get_mut(account) {
            Some(at) => *at = parent,
            None => self.take_in(account, &parent),
        }
        Ok(())
    }

    /// Takes an account out of the organization. The management account stays.
    ///
    /// # Errors
    /// When it is not in the organization, or is the management account.
    pub fn remove_account(&mut self, account: &str) -> Result<(), String> {
        if account == self.management {
            return Err("the management account cannot leave its organization".to_owned());
        }
        self.accounts.remove(account).ok_or_else(|| format!("account {account} is not in the organization"))?;
        self.attached.remove(account);
        Ok(())
    }

    /// Makes or replaces a service control policy by name; `letters` make the id of a new one.
    ///
    /// # Errors
    /// When the text is no policy of an identity, or too long.
    pub fn put_policy(&mut self, name: &str, text: &str, letters: &str) -> Result<String, String> {
        let document = Document::parse(text, DocumentKind::Identity).map_err(|malformed| malformed.to_string())?;
        if document.minified_chars() > POLICY_CHARS_MAX {
            return Err(format!("the policy has more than {POLICY_CHARS_MAX} characters"));
        }
        let of_name = self.policies.iter().find(|(_, policy)| policy.name == name).map(|(id, _)| id.clone());
        let id = of_name.unwrap_or_else(|| format!("p-{letters}"));
        if id == FULL_ACCESS {
            return Err("FullAWSAccess cannot be changed".to_owned());
        }
        let policy = ControlPolicy { name: name.to_owned(), document: PolicyText::parsed(text, document) };
        self.policies.insert(id.clone(), policy);
        Ok(id)
    }

    /// Removes a policy that is attached to nothing.
    ///
    /// # Errors
    /// When there is no such policy, it is FullAWSAccess, or it is attached.
    pub fn remove_policy(&mut self, policy: &str) -> Result<(), String> {
        let id = self.policy_id(policy)?;
        if id == FULL_ACCESS {
            return Err("FullAWSAccess cannot be removed".to_owned());
        }
        if let Some((target, _)) = self.attached.iter().find(|(_, ids)| ids.contains(&id)) {
            return Err(format!("{policy} is attached to {target}"));
        }
        self.policies.remove(&id);
        Ok(())
    }

    /// Attaches a policy, by id or name, to the root, a unit or an account.
    ///
    /// # Errors
    /// When one of them is not there, or the target has as many as it may.
    pub fn attach(&mut self, policy: &str, target: &str) -> Result<(), String> {
        let id = self.policy_id(policy)?;
        let attached = self.attached_to(target)?;
        if attached.contains(&id) {
            return Ok(());
        }
        if attached.len() >= ATTACHED_MAX {
            return Err(format!("{target} has {ATTACHED_MAX} policies, as many as it may"));
        }
        attached.push(id);
        Ok(())
    }

    /// Detaches a policy. The last one stays: without any, nothing would be allowed.
    ///
    /// # Errors
    /// When it is not attached to the target, or is the last one.
    pub fn detach(&mut self, policy: &str, target: &str) -> Result<(), String> {
        let id = self.policy_id(policy)?;
        let attached = self.attached_to(target)?;
        if !attached.contains(&id) {
            return Err(format!("{policy} is not attached to {target}"));
        }
        if attached.len() == 1 {
            return Err(format!("{policy} is the only policy of {target}: attach another one first"));
        }
        attached.retain(|other| *other != id);
        Ok(())
    }

    fn attached_to(&mut self, target: &str) -> Result<&mut Vec<String>, String> {
        self.attached.get_mut(target).ok_or_else(|| format!("there is no root, unit or account {target}"))
    }

    fn policy_id(&self, policy: &str) -> Result<String, String> {
        let found = self.policies.iter().find(|(id, known)| *id == policy || known.name == policy);
        found.map(|(id, _)| id.clone()).ok_or_else(|| format!("there is no policy {policy}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}"#;

    fn organization() -> Organization {
        Organization::new("111111111111", "abcdexampleorgid")
    }

    #[test]
    fn an_account_is_bound_by_its_units_and_its_own_policies() {
        let mut organization = organization();
        let outer = organization.add_unit("outer", None, "1").expect("made");
        let inner = organization.add_unit("inner", Some(&outer), "2").expect("made");
        organization.place_account("222222222222", Some(&inner)).expect("placed");
        organization.put_policy("no-iam", DENY, "x").expect("put");
        organization.attach("no-iam", &outer).expect("attached");
        let place = organization.place("222222222222").expect("read").expect("a place");
        assert_eq!(&*place.path, format!("{}/{}/{outer}/{inner}/", organization.id, organization.root_id));
        assert_eq!(place.levels.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 1, 1]);
        let management = organization.place("111111111111").expect("read").expect("a place");
        assert!(management.levels.is_empty(), "nothing bounds the management account");
        assert!(organization.place("333333333333").expect("read").is_none());
    }

    #[test]
    fn what_is_in_use_stays() {
        let mut organization = organization();
        let unit = organization.add_unit("unit", None, "1").expect("made");
        assert!(organization.add_unit("unit", None, "2").is_err(), "the name is taken");
        organization.place_account("222222222222", Some(&unit)).expect("placed");
        assert!(organization.remove_unit(&unit).is_err());
        organization.put_policy("no-iam", DENY, "x").expect("put");
        organization.attach("no-iam", &unit).expect("attached");
        assert!(organization.remove_policy("no-iam").is_err());
        organization.detach(FULL_ACCESS, &unit).expect("another is there");
        assert!(organization.detach("no-iam", &unit).is_err(), "the last one");
        assert!(organization.remove_account("111111111111").is_err(), "the management account");
        organization.remove_account("222222222222").expect("out");
        organization.remove_unit(&unit).expect("empty");
    }

    #[test]
    fn units_nest_as_deep_as_aws_allows() {
        let mut organization = organization();
        let mut parent = None;
        for depth in 0..DEPTH_MAX {
            parent = Some(organization.add_unit("u", parent.as_deref(), &depth.to_string()).expect("made"));
        }
        assert!(organization.add_unit("u", parent.as_deref(), "x").is_err());
    }
}
