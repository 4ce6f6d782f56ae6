//! The rules in which the kinds of policies differ, with IAM's texts.

use crate::document::DocumentKind;
use crate::malformed::{Faults, Place, Stage, shown};
use crate::principals::is_partition;
use crate::statement::{Effect, Seen, Statement};

impl DocumentKind {
    /// Whether it belongs to IAM's identities.
    pub(crate) const fn is_of_identity(self) -> bool {
        matches!(self, Self::Identity | Self::Managed)
    }

    /// IAM's text for a fault of the grammar.
    pub(crate) const fn syntax_text(self) -> &'static str {
        match self {
            Self::Trust => "Syntax error in policy.",
            _ => "Syntax errors in policy.",
        }
    }

    /// For what is no JSON.
    pub(crate) const fn json_text(self) -> &'static str {
        match self {
            Self::Trust => "This policy contains invalid Json",
            _ => "Syntax errors in policy.",
        }
    }

    pub(crate) const fn version_text(self) -> &'static str {
        match self {
            Self::Trust => "The policy must contain a valid version string",
            _ => "Syntax errors in policy.",
        }
    }

    pub(crate) const fn no_statement_text(self) -> &'static str {
        match self {
            Self::Trust => "Could not parse the policy: Statement is empty!",
            _ => "Syntax errors in policy.",
        }
    }

    pub(crate) const fn sids_text(self) -> &'static str {
        match self {
            Self::Trust => "The Statement Ids in the policy are not unique",
            _ => "Statement IDs (SID) in a single policy must be unique.",
        }
    }

    /// Whether a statement has the elements that the kind asks for, and none that it forbids.
    pub(crate) fn check_elements(self, place: &Place, statement: &Statement, seen: &Seen, faults: &mut Faults) {
        match self {
            Self::Identity | Self::Managed => check_identity(place, statement, seen, faults),
            Self::Trust => check_trust(place, statement, seen, faults),
            Self::Resource | Self::Endpoint => {
                for (has, name) in [
                    (seen.effect, "Effect"),
                    (seen.action, "Action"),
                    (seen.resource, "Resource"),
                    (seen.principal, "Principal"),
                ] {
                    if !has {
                        faults.add(Stage::Grammar, place, format!("has no {name}"), self.syntax_text());
                    }
                }
            }
        }
    }

    /// Whether an action is `*`, or a service and a pattern of its operations: `secretsmanager:Get*`.
    pub(crate) fn check_action(self, place: &Place, text: &str, faults: &mut Faults) {
        let letters = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'?'));
        let syntax = self.syntax_text();
        let Some((vendor, name)) = text.split_once(':') else {
            if text != "*" {
                let why = format!("{} has no service", shown(text));
                match self {
                    Self::Trust | Self::Resource | Self::Endpoint => {
                        faults.add(Stage::Grammar, place, why, self.action_text());
                    }
                    Self::Identity | Self::Managed => {
                        let text = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
                        faults.add(Stage::Vendors, place, why, text);
                    }
                }
            } else if self == Self::Trust {
                faults.add(Stage::Grammar, place, "is no action of STS", self.action_text());
            }
            return;
        };
        if self == Self::Trust && !vendor.eq_ignore_ascii_case("sts") {
            faults.add(Stage::Grammar, place, format!("{} is no action of STS", shown(text)), self.action_text());
            return;
        }
        let named = !vendor.is_empty() && vendor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        if self.is_of_identity() && name.contains(':') {
            let text = "Actions/Condition can contain only one colon.";
            faults.add(Stage::Vendors, place, "has two colons", text);
        } else if self.is_of_identity() && !named && vendor != "*" {
            let why = format!("{} is no service", shown(vendor));
            faults.add(Stage::Vendors, place, why, format!("Vendor {vendor} is not valid"));
        } else if !(named || vendor == "*") || name.is_empty() || !letters(name) {
            faults.add(Stage::Grammar, place, format!("{} is no action", shown(text)), syntax);
        }
    }

    const fn action_text(self) -> &'static str {
        match self {
            Self::Trust => "AssumeRole policy may only specify STS AssumeRole actions.",
            _ => "Syntax errors in policy.",
        }
    }

    /// Whether a resource is `*`, or a pattern of an ARN. Policy variables have colons of their own.
    pub(crate) fn check_resource(self, place: &Place, text: &str, faults: &mut Faults) {
        if text == "*" || self == Self::Trust {
            return;
        }
        let shown_text = shown(text);
        if !self.is_of_identity() {
            let is_arn =
                text.split(':').count() >= 6 && text.starts_with("arn:") && !text.chars().any(char::is_control);
            if !is_arn {
                let why = format!("{shown_text} is no ARN of a resource");
                faults.add(Stage::Grammar, place, why, self.syntax_text());
            }
            return;
        }
        let mut parts = text.split(':');
        parts.next();
        let (Some(partition), vendor) = (parts.next(), parts.next()) else {
            let answer = format!("Resource {text} must be in ARN format or \"*\".");
            faults.add(Stage::Resources, place, format!("{shown_text} is no ARN"), answer);
            return;
        };
        if !text.starts_with("arn:") || !(partition == "*" || is_partition(partition)) {
            let why = format!("{shown_text} has no partition of AWS");
            faults.add(Stage::Resources, place, why, partition_text(text, partition));
            return;
        }
        if vendor.is_none_or(|vendor| vendor.is_empty() || vendor.contains(['*', '?'])) {
            let answer = "Resource vendor must be fully qualified and cannot contain regexes.";
            faults.add(Stage::Resources, place, format!("{shown_text} has no service"), answer);
            return;
        }
        let region = parts.next().unwrap_or_default();
        let has_region = !matches!(region, "" | "*");
        if vendor == Some("iam") && has_region {
            let answer = format!("IAM resource {text} cannot contain region information.");
            faults.add(Stage::Resources, place, format!("{shown_text} has a region"), answer);
        }
    }
}

/// The partition, and the ARN as IAM completes it.
fn partition_text(text: &str, partition: &str) -> String {
    let mut rest = text.splitn(6, ':').skip(2);
    let mut next = || rest.next().unwrap_or("*");
    let (service, region, account, resource) = (next(), next(), next(), next());
    let whole = format!("arn:{partition}:{service}:{region}:{account}:{resource}");
    format!("Partition \"{partition}\" is not valid for resource \"{whole}\".")
}

fn check_identity(place: &Place, statement: &Statement, seen: &Seen, faults: &mut Faults) {
    if !seen.effect {
        faults.add(Stage::Grammar, place, "has no Effect", "Syntax errors in policy.");
    }
    if seen.principal {
        let text = "Policy document should not specify a principal.";
        faults.add(Stage::Principal, place, "names principals", text);
    }
    if statement.actions().0.is_empty() {
        faults.add(Stage::Actions, place, "has no actions", "Policy statement must contain actions.");
    }
    if statement.resources().is_none_or(|(resources, _)| resources.is_empty()) {
        faults.add(Stage::Kind, place, "has no resources", "Policy statement must contain resources.");
    }
}

fn check_trust(place: &Place, statement: &Statement, seen: &Seen, faults: &mut Faults) {
    let mut refuse = |why: &str, text: &'static str| faults.add(Stage::Grammar, place, why, text);
    if !seen.effect {
        refuse("has no Effect", "Missing required field Effect");
    }
    if statement.has_not_principal() {
        let text = match statement.effect() {
            Effect::Allow => "Allow with NotPrincipal is not allowed.",
            Effect::Deny => "AssumeRole policy must not contain NotPrincipal field.",
        };
        refuse("has NotPrincipal", text);
    }
    if !seen.principal {
        refuse("has no Principal", "Missing required field Principal");
    }
    if !seen.action || statement.actions().0.is_empty() {
        refuse("has no Action", "Missing required field Action");
    }
    if let Some((_, negated)) = statement.resources() {
        let text =
            if negated { "AssumeRole policy must not contain resources." } else { "Has prohibited field Resource" };
        refuse("has resources", text);
    }
    let cognito = "cognito-identity.amazonaws.com";
    let trusts_cognito = statement.principals().any(|(_, text)| text == cognito);
    if trusts_cognito && statement.effect() == Effect::Allow && statement.conditions().is_empty() {
        refuse("trusts Cognito without a condition", "A condition block must be present for the Cognito provider");
    }
}
