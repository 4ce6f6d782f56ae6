//! What a simulation is asked, checked. The texts are those of the real service but where it is said.

use strongroom_types::AccountId;
use strongroom_wire::iam::{ContextEntry, SimulateCustomPolicyRequest, SimulatePrincipalPolicyRequest, errors};

use crate::error::Error;
use crate::iam::target::holder_in;

/// The scenarios of `ec2:RunInstances` that `ResourceHandlingOption` may name; the ones without VPC are undocumented. AWS
/// does not hold the resources against them.
const SCENARIOS: [&str; 6] = [
    "EC2-Classic-InstanceStore",
    "EC2-Classic-EBS",
    "EC2-VPC-InstanceStore",
    "EC2-VPC-InstanceStore-Subnet",
    "EC2-VPC-EBS",
    "EC2-VPC-EBS-Subnet",
];
/// The action that has them.
const RUN_INSTANCES: &str = "ec2:RunInstances";
/// The parts of an ARN.
const ARN_PARTS: usize = 6;

/// What both operations are asked.
#[derive(Debug)]
pub(super) struct Asked {
    /// Policies that are given.
    pub(super) policies: Vec<String>,
    /// Boundaries that are given: one at most.
    pub(super) boundaries: Vec<String>,
    /// Service control policies by level; none when they are not given.
    pub(super) levels: Option<Vec<Vec<String>>>,
    /// Actions.
    pub(super) actions: Vec<String>,
    /// ARNs of resources, or `*` alone.
    pub(super) resources: Vec<String>,
    /// A policy that all resources have.
    pub(super) resource_policy: Option<String>,
    /// The account that owns the resources, by an ARN.
    pub(super) owner: Option<String>,
    /// Who makes the requests.
    pub(super) caller: Option<String>,
    /// What the requests' conditions may ask.
    pub(super) context: Vec<ContextEntry>,
    /// `MaxItems`.
    pub(super) max_items: Option<i32>,
    /// `Marker`.
    pub(super) marker: Option<String>,
    handling: Option<String>,
}

impl From<SimulateCustomPolicyRequest> for Asked {
    fn from(input: SimulateCustomPolicyRequest) -> Self {
        let levels = input.ordered_organization_policy_input_list;
        let texts = |levels: Vec<strongroom_wire::iam::OrderedOrganizationPolicyType>| {
            levels.into_iter().map(|level| level.service_control_policy_input_list.unwrap_or_default()).collect()
        };
        Self {
            policies: input.policy_input_list,
            boundaries: input.permissions_boundary_policy_input_list.unwrap_or_default(),
            levels: levels.filter(|levels| !levels.is_empty()).map(texts),
            actions: input.action_names,
            resources: resources_or_any(input.resource_arns),
            resource_policy: input.resource_policy,
            owner: input.resource_owner,
            caller: input.caller_arn,
            context: input.context_entries.unwrap_or_default(),
            max_items: input.max_items,
            marker: input.marker,
            handling: input.resource_handling_option,
        }
    }
}

impl From<SimulatePrincipalPolicyRequest> for Asked {
    fn from(input: SimulatePrincipalPolicyRequest) -> Self {
        Self {
            policies: input.policy_input_list.unwrap_or_default(),
            boundaries: input.permissions_boundary_policy_input_list.unwrap_or_default(),
            levels: None,
            actions: input.action_names,
            resources: resources_or_any(input.resource_arns),
            resource_policy: input.resource_policy,
            owner: input.resource_owner,
            caller: input.caller_arn,
            context: input.context_entries.unwrap_or_default(),
            max_items: input.max_items,
            marker: input.marker,
            handling: input.resource_handling_option,
        }
    }
}

fn resources_or_any(given: Option<Vec<String>>) -> Vec<String> {
    given.filter(|given| !given.is_empty()).unwrap_or_else(|| vec!["*".to_owned()])
}

impl Asked {
    /// Whether resources are named.
    pub(super) fn names_resources(&self) -> bool {
        self.resources != ["*"]
    }

    /// Checks what needs no policy.
    ///
    /// # Errors
    /// InvalidInput.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.boundaries.len() > 1 {
            return Err(refused("The list of Permissions Boundary policies cannot exceed 1 items."));
        }
        for (at, level) in self.levels.iter().flatten().enumerate() {
            if level.is_empty() {
                let text = "must contain at least one service control policy";
                return Err(refused(&format!("Organization policy at index {} {text}", at + 1)));
            }
        }
        for resource in &self.resources {
            if (resource == "*" && self.resources.len() > 1) || (resource != "*" && !is_arn(resource)) {
                return Err(no_resource(resource));
            }
        }
        if self.actions.is_empty() || self.actions.iter().any(|action| !action.contains(':')) {
            return Err(refused("The action is invalid since it is missing names"));
        }
        if let Some(option) = self.handling.as_deref().filter(|_| self.names_resources()) {
            let scenario = SCENARIOS.contains(&option);
            let fits = |action: &&String| scenario && action.eq_ignore_ascii_case(RUN_INSTANCES);
            if let Some(action) = self.actions.iter().find(|action| !fits(action)) {
                let text = "Invalid input resource handling options. Action does not support resource handling options";
                return Err(refused(&format!("{text}: {action}.")));
            }
        }
        Ok(())
    }

    /// The account of the resources' owner, if it is given.
    ///
    /// # Errors
    /// InvalidInput.
    pub(super) fn owner_account(&self) -> Result<Option<String>, Error> {
        let Some(owner) = &self.owner else { return Ok(None) };
        let account = owner.split(':').nth(4).filter(|account| AccountId::parse(account).is_ok());
        let of_iam = is_arn(owner) && owner.split(':').nth(2) == Some("iam");
        match account.filter(|_| of_iam) {
            Some(account) => Ok(Some(account.to_owned())),
            None => Err(refused(&format!("'{owner}' is not a valid as a Resource Owner."))),
        }
    }

    /// Who makes the requests, if it is given.
    ///
    /// # Errors
    /// InvalidInput when it is no user, group or role.
    pub(super) fn caller_in_form(&self) -> Result<Option<Caller<'_>>, Error> {
        let Some(arn) = self.caller.as_deref() else { return Ok(None) };
        let caller = Caller::read(arn)
            .ok_or_else(|| refused("Invalid caller - Caller must be an IAM user, role or group in this context."))?;
        Ok(Some(caller))
    }
}

/// Who makes the simulated requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caller<'a> {
    /// The ARN of the user, group or role.
    pub(super) arn: &'a str,
    /// Its account.
    pub(super) account: &'a str,
    /// The name, of a user alone.
    pub(super) user_name: Option<&'a str>,
}

impl<'a> Caller<'a> {
    /// Reads the ARN of a user, group or role, whether there is such or not.
    pub(super) fn read(arn: &'a str) -> Option<Self> {
        let (kind, name) = holder_in(arn).filter(|_| is_arn(arn))?;
        let account = arn.split(':').nth(4).filter(|account| AccountId::parse(account).is_ok())?;
        let known = matches!(kind, "user" | "group" | "role") && !name.is_empty();
        known.then_some(Self { arn, account, user_name: (kind == "user").then_some(name) })
    }
}

/// Whether a text has the six parts of an ARN, wildcards included.
fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(ARN_PARTS, ':').collect();
    match parts.as_slice() {
        [scheme, partition, service, _, _, resource] => {
            *scheme == "arn" && !partition.is_empty() && !service.is_empty() && !resource.is_empty()
        }
        _ => false,
    }
}

/// A resource that cannot be simulated.
pub(super) fn no_resource(resource: &str) -> Error {
    refused(&format!("ResourceNames are not in a valid ARN format: {resource}."))
}

/// InvalidInput.
pub(super) fn refused(text: &str) -> Error {
    Error::refused(errors::INVALID_INPUT_EXCEPTION, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_users_groups_and_roles() {
        let user = Caller::read("arn:aws:iam::111122223333:user/team/ann").expect("a user");
        assert_eq!((user.account, user.user_name), ("111122223333", Some("ann")));
        let role = Caller::read("arn:aws:iam::111122223333:role/r").expect("a role");
        assert_eq!(role.user_name, None);
        for arn in [
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:policy/p",
            "arn:aws:sts::111122223333:assumed-role/r/s",
            "arn:aws:iam::1:user/ann",
            "arn:aws:iam::111122223333:user/",
            "ann",
        ] {
            assert_eq!(Caller::read(arn), None, "{arn}");
        }
    }

    #[test]
    fn resources_have_the_parts_of_an_arn() {
        for arn in ["arn:aws:s3:::bucket/*", "arn:aws:secretsmanager:*:*:secret:a-??????", "arn:aws:iam::aws:policy/p"]
        {
            assert!(is_arn(arn), "{arn}");
        }
        for text in ["", "arn:aws:s3", "arn:aws:s3:::", "arn::s3:::b", "urn:aws:s3:::b", "bucket"] {
            assert!(!is_arn(text), "{text}");
        }
    }
}
