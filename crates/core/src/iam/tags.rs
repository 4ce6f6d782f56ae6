//! Tags of IAM's entities: keys are unique without regard to case, at most 50 (IAM's user guide, "Tags for IAM
//! resources").

use std::collections::BTreeSet;

use strongroom_wire::error::VALIDATION;
use strongroom_wire::iam::{self as shapes, Operation, errors};

use crate::access::{Permit, RequestKeys, authorize};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::identities::entity::Tag;

/// Tags of an entity, at most.
const TAGS_MAX: usize = 50;

/// Asks for leave to tag what `permit` lets the caller make, if it is to have tags: each Create operation's entry in the
/// service authorization reference has the tagging action beside it.
///
/// # Errors
/// AccessDenied.
pub(super) fn authorize_new(
    cx: &Ctx,
    permit: &Permit,
    operation: Operation,
    tags: Option<&Vec<shapes::Tag>>,
    input: &dyn RequestKeys,
) -> Result<(), Error> {
    if tags.is_some_and(|tags| !tags.is_empty()) {
        authorize(cx, operation.action(), permit.resource().clone(), input)?;
    }
    Ok(())
}

/// `tags` with `added` set in order.
///
/// # Errors
/// InvalidInput for a key twice or a reserved key, LimitExceeded for too many.
pub(super) fn checked(mut tags: Vec<Tag>, added: &[shapes::Tag]) -> Result<Vec<Tag>, Error> {
    let mut seen = BTreeSet::new();
    for shapes::Tag { key, value } in added {
        if is_reserved(key) {
            let text = "Tag keys beginning with aws: are reserved for system use.";
            return Err(Error::refused(VALIDATION, text));
        }
        if !seen.insert(key.to_lowercase()) {
            let text = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(Error::refused(errors::INVALID_INPUT_EXCEPTION, text));
        }
        match tags.iter_mut().find(|tag| tag.key.eq_ignore_ascii_case(key)) {
            // The key takes the case of the newest.
            Some(tag) => *tag = Tag { key: key.clone(), value: value.clone() },
            None => tags.push(Tag { key: key.clone(), value: value.clone() }),
        }
    }
    if tags.len() > TAGS_MAX {
        let text = format!("The number of tags has reached the maximum limit. Maximum number of tags: {TAGS_MAX}");
        return Err(Error::refused(errors::LIMIT_EXCEEDED_EXCEPTION, text));
    }
    Ok(tags)
}

/// `tags` without those of `keys`. A key that is absent is no error.
pub(super) fn without(mut tags: Vec<Tag>, keys: &[String]) -> Vec<Tag> {
    tags.retain(|tag| !keys.iter().any(|key| key.eq_ignore_ascii_case(&tag.key)));
    tags
}

fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}
