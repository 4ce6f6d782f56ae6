//! `PolicyExclusionList`: policies of the holder that a simulation leaves out. What the request gives stays.

use strongroom_types::AccountId;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::iam::{PolicyIdentifier, PolicyIdentifierPolicyType};

use super::inputs::refused;
use super::scene::Held;
use crate::caller::PolicySource;
use crate::error::Error;
use crate::iam::attachments::name_of;
use crate::iam::target::holder_in;

/// Policies that are left out.
#[derive(Debug)]
pub(super) enum Exclusion {
    /// All of a type.
    Type(PolicyIdentifierPolicyType),
    /// Managed policies by a pattern of their ARN.
    Managed(String),
    /// Inline policies of a name, of holders by their type and a pattern of their name.
    Inline { name: String, kind: &'static str, holder: String },
}

/// Reads the list. The texts are unconfirmed: the words of the API's documentation.
///
/// # Errors
/// InvalidInput for an identifier without exactly one member, an ARN of no managed policy, or wildcards where none may
/// be.
pub(super) fn read(list: &[PolicyIdentifier]) -> Result<Vec<Exclusion>, Error> {
    list.iter().map(exclusion).collect()
}

fn exclusion(identifier: &PolicyIdentifier) -> Result<Exclusion, Error> {
    match (&identifier.policy_type, &identifier.policy_arn, &identifier.inline_policy_identifier) {
        (Some(policy_type), None, None) => Ok(Exclusion::Type(*policy_type)),
        (None, Some(arn), None) if is_pattern_of_managed(arn) => Ok(Exclusion::Managed(arn.clone())),
        (None, Some(arn), None) => Err(refused(&format!("Invalid ARN provided in the request: {arn}"))),
        (None, None, Some(inline)) if inline.attachment_name.matches('*').count() <= 1 => Ok(Exclusion::Inline {
            name: inline.policy_name.clone(),
            kind: inline.attachment_type.as_str(),
            holder: inline.attachment_name.clone(),
        }),
        (None, None, Some(inline)) => {
            let name = &inline.attachment_name;
            Err(refused(&format!("Invalid attachment name: {name} has more than one wildcard (*).")))
        }
        _ => Err(refused("Specify exactly one of PolicyType, PolicyArn, or InlinePolicyIdentifier.")),
    }
}

/// Whether a text is the ARN of managed policies, with wildcards in the name alone and one `*` at most.
fn is_pattern_of_managed(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource] => {
            let name = resource.strip_prefix("policy/").unwrap_or_default();
            let owned = *account == "aws" || AccountId::parse(account).is_ok();
            let plain = !partition.is_empty() && !partition.contains(['*', '?']);
            plain && owned && !name.is_empty() && !name.contains(':') && name.matches('*').count() <= 1
        }
        _ => false,
    }
}

/// Takes what is excluded out of what is held.
pub(super) fn apply(exclusions: &[Exclusion], held: &mut Held) {
    held.identity.retain(|policy| !exclusions.iter().any(|exclusion| excludes(exclusion, &policy.source)));
    let has = |wanted| exclusions.iter().any(|exclusion| matches!(exclusion, Exclusion::Type(of) if *of == wanted));
    // An ARN stands for the policy as it is attached, not as a boundary.
    if has(PolicyIdentifierPolicyType::PermissionBoundary) {
        held.boundary = None;
    }
    if has(PolicyIdentifierPolicyType::Scp) {
        held.levels = None;
    }
}

fn excludes(exclusion: &Exclusion, source: &PolicySource) -> bool {
    match (exclusion, source) {
        (Exclusion::Type(PolicyIdentifierPolicyType::Inline), PolicySource::Inline { .. }) => true,
        (Exclusion::Type(PolicyIdentifierPolicyType::AwsManaged), PolicySource::Managed { arn }) => is_of_aws(arn),
        (Exclusion::Type(PolicyIdentifierPolicyType::UserManaged), PolicySource::Managed { arn }) => !is_of_aws(arn),
        (Exclusion::Managed(pattern), PolicySource::Managed { arn }) => {
            // AWS also knows a policy by its ARN without the path.
            let pathless = arn.split_once(":policy/").map(|(head, _)| format!("{head}:policy/{}", name_of(arn)));
            is_like(pattern, arn) || pathless.is_some_and(|pathless| is_like(pattern, &pathless))
        }
        (Exclusion::Inline { name, kind, holder }, PolicySource::Inline { holder: arn, name: own }) => {
            let (own_kind, own_holder) = holder_in(arn).unwrap_or_default();
            **own == **name && own_kind == *kind && is_like(holder, own_holder)
        }
        _ => false,
    }
}

fn is_of_aws(arn: &str) -> bool {
    arn.split(':').nth(4) == Some("aws")
}

/// Whether a text is like a pattern with one `*` at most and any number of `?`.
fn is_like(pattern: &str, text: &str) -> bool {
    let same = |pattern: &str, text: &[char]| {
        pattern.chars().count() == text.len() && pattern.chars().zip(text).all(|(p, c)| p == '?' || p == *c)
    };
    let text: Vec<char> = text.chars().collect();
    let Some((head, tail)) = pattern.split_once('*') else { return same(pattern, &text) };
    let (head_chars, tail_chars) = (head.chars().count(), tail.chars().count());
    let Some(middle) = text.len().checked_sub(head_chars + tail_chars) else { return false };
    let begins = text.get(..head_chars).is_some_and(|start| same(head, start));
    begins && text.get(head_chars + middle..).is_some_and(|end| same(tail, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_one_star_and_any_number_of_question_marks() {
        for (pattern, text, like) in [
            ("a*c", "abbc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("*", "", true),
            ("?b*", "ab", true),
            ("a?", "a", false),
            ("ab", "ab", true),
            ("ab", "abc", false),
            ("?", "ä", true),
        ] {
            assert_eq!(is_like(pattern, text), like, "{pattern} {text}");
        }
    }

    #[test]
    fn wildcards_stand_in_the_name_alone() {
        for arn in
            ["arn:aws:iam::111122223333:policy/a/b*", "arn:aws:iam::aws:policy/Read????", "arn:aws:iam::aws:policy/*"]
        {
            assert!(is_pattern_of_managed(arn), "{arn}");
        }
        for arn in [
            "arn:aws:iam::*:policy/a",
            "arn:*:iam::aws:policy/a",
            "arn:aws:iam::aws:policy/*a*",
            "arn:aws:iam::111122223333:user/a",
            "arn:aws:iam::111122223333:policy/",
            "policy",
        ] {
            assert!(!is_pattern_of_managed(arn), "{arn}");
        }
    }
}
