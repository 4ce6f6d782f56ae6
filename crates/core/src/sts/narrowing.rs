//! What a request makes of a session: its policies, its tags, its source identity, and the room that they take.

use strongroom_policy::{Document, DocumentKind};
use strongroom_wire::sts::{PolicyDescriptorType, Tag};

use super::{Sts, refusals};
use crate::caller::SessionFacts;
use crate::error::Error;

/// Managed policies that narrow a session, at most (API reference, AssumeRole).
const POLICY_ARNS_MAX: usize = 10;
/// Characters of inline and managed policies together, at most (API reference, AssumeRole).
const POLICY_CHARS_MAX: usize = 2048;
/// Bytes of policies and tags in a token, at most. AWS tells neither its packed form nor how much of it there may be.
const PACKED_BYTES_MAX: usize = 4096;
/// Bytes that each tag and ARN takes beside its text.
const FRAME_BYTES: usize = 2;
/// Tags of a session, characters of a key and of a value, at most (IAM's user guide, "IAM and AWS STS quotas").
const TAGS_MAX: usize = 50;
const TAG_KEY_CHARS_MAX: usize = 128;
const TAG_VALUE_CHARS_MAX: usize = 256;

/// The tags of a session.
#[derive(Debug, Default)]
pub(super) struct SessionTags {
    /// All of them: those that the calling session hands on, and those of the request.
    pub(super) all: Vec<(String, String)>,
    /// The keys of those that go on to further sessions.
    pub(super) transitive: Vec<String>,
    /// How many of them the calling session hands on.
    inherited: usize,
}

impl SessionTags {
    /// The tags of the request beside those that the calling session hands on.
    ///
    /// # Errors
    /// InvalidParameterValue.
    pub(super) fn of(
        tags: &[(String, String)],
        transitive: &[String],
        calling: Option<&SessionFacts>,
    ) -> Result<Self, Error> {
        check(tags)?;
        let has = |tags: &[(String, String)], key: &str| tags.iter().any(|(other, _)| other.eq_ignore_ascii_case(key));
        if transitive.iter().any(|key| !has(tags, key)) {
            return Err(refusals::transitive_without_tag());
        }
        let handed_on = |calling: &SessionFacts| {
            let keys = &calling.transitive_keys;
            let is_handed_on = |key: &str| keys.iter().any(|other| other.eq_ignore_ascii_case(key));
            calling.session_tags.iter().filter(|(key, _)| is_handed_on(key)).cloned().collect::<Vec<_>>()
        };
        let mut all = calling.map(handed_on).unwrap_or_default();
        if tags.iter().any(|(key, _)| has(&all, key)) {
            return Err(refusals::transitive_conflict());
        }
        let inherited = all.len();
        let keys = all.iter().map(|(key, _)| key.clone()).chain(transitive.iter().cloned()).collect();
        all.extend(tags.iter().cloned());
        Ok(Self { all, transitive: keys, inherited })
    }

    /// The tags of the request itself.
    pub(super) fn requested(&self) -> &[(String, String)] {
        self.all.get(self.inherited..).unwrap_or_default()
    }
}

/// Tags as the API writes them, as pairs.
pub(super) fn pairs(tags: Option<&Vec<Tag>>) -> Vec<(String, String)> {
    tags.into_iter().flatten().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

fn check(tags: &[(String, String)]) -> Result<(), Error> {
    let fits = |(key, value): &(String, String)| {
        (1..=TAG_KEY_CHARS_MAX).contains(&key.chars().count()) && value.chars().count() <= TAG_VALUE_CHARS_MAX
    };
    if tags.len() > TAGS_MAX || !tags.iter().all(fits) {
        return Err(refusals::tags_out_of_bounds());
    }
    for (at, (key, _)) in tags.iter().enumerate() {
        if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(refusals::reserved_tag(key));
        }
        if tags.iter().skip(at + 1).any(|(other, _)| other.eq_ignore_ascii_case(key)) {
            return Err(refusals::duplicate_tags());
        }
    }
    Ok(())
}

/// The source identity of a session: the calling session's, or the one that is asked for.
///
/// # Errors
/// AccessDenied for one that differs from the calling session's.
pub(super) fn source_identity(asked: Option<&str>, calling: Option<&SessionFacts>) -> Result<Option<String>, Error> {
    match (asked, calling.and_then(|calling| calling.source_identity.as_deref())) {
        (Some(asked), Some(set)) if asked != set => Err(refusals::source_identity_set()),
        (_, Some(set)) => Ok(Some(set.to_owned())),
        (asked, None) => Ok(asked.map(str::to_owned)),
    }
}

/// The policies of a request that narrow the session.
#[derive(Debug, Default)]
pub(super) struct SessionPolicies {
    pub(super) inline: Option<String>,
    pub(super) arns: Vec<String>,
    minified_chars: usize,
}

impl Sts {
    /// The policies of a request, which have to read and to be there.
    ///
    /// # Errors
    /// MalformedPolicyDocument, ValidationError.
    pub(super) async fn session_policies(
        &self,
        (partition, account): (&str, &str),
        inline: Option<String>,
        arns: Option<Vec<PolicyDescriptorType>>,
    ) -> Result<SessionPolicies, Error> {
        let minified_chars = inline.as_deref().map(minified_chars).transpose()?.unwrap_or_default();
        // The model lets an entry be without its ARN. To pass it over would leave the session wider than was asked for.
        let arns: Option<Vec<String>> = arns.into_iter().flatten().map(|policy| policy.arn).collect();
        let arns = arns.ok_or_else(refusals::policy_without_arn)?;
        if arns.len() > POLICY_ARNS_MAX {
            return Err(refusals::too_many_policies(POLICY_ARNS_MAX));
        }
        for arn in &arns {
            if self.identities.offered_policy(partition, account, arn).await?.is_none() {
                return Err(refusals::no_policy(arn));
            }
        }
        Ok(SessionPolicies { inline, arns, minified_chars })
    }
}

fn minified_chars(policy: &str) -> Result<usize, Error> {
    if serde_json::from_str::<serde::de::IgnoredAny>(policy).is_err() {
        return Err(refusals::malformed_policy("This policy contains invalid Json"));
    }
    let parsed = Document::parse(policy, DocumentKind::Identity);
    parsed.map(|document| document.minified_chars()).map_err(|fault| refusals::malformed_policy(fault.client_text()))
}

/// How much of the room for policies and tags is taken, in percent; nothing when there are none.
///
/// # Errors
/// PackedPolicyTooLarge.
pub(super) fn packed_percent(policies: &SessionPolicies, tags: &[(String, String)]) -> Result<Option<i32>, Error> {
    let arn_bytes: usize = policies.arns.iter().map(|arn| arn.len() + FRAME_BYTES).sum();
    let tag_bytes: usize = tags.iter().map(|(key, value)| key.len() + value.len() + 2 * FRAME_BYTES).sum();
    let plain = policies.inline.as_deref().map_or(0, |text| text.chars().count())
        + policies.arns.iter().map(String::len).sum::<usize>();
    let packed = policies.minified_chars + arn_bytes + tag_bytes;
    if packed == 0 {
        return Ok(None);
    }
    let percent = (plain * 100).div_ceil(POLICY_CHARS_MAX).max((packed * 100).div_ceil(PACKED_BYTES_MAX));
    let percent = i32::try_from(percent).unwrap_or(i32::MAX);
    if percent > 100 {
        return Err(refusals::packed_too_large(percent, plain > 0));
    }
    Ok(Some(percent))
}
