//! Tags of functions.

use std::collections::BTreeMap;

use strongroom_wire::lambda::{ListTagsRequest, ListTagsResponse, TagResourceRequest, UntagResourceRequest};

use super::{Functions, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

/// Tags of a function at most (Lambda's developer guide).
const TAGS_MAX: usize = 50;

/// `tags` with `added`, which replace those of the same key.
///
/// # Errors
/// InvalidParameterValueException for keys reserved for AWS, keys that differ in case alone (which AWS allows: conditions
/// know no case, so a policy would be about either), and too many.
pub(super) fn checked(
    mut tags: BTreeMap<String, String>,
    added: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    for (key, value) in added {
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(refusals::invalid("System tags cannot be added or removed by a user"));
        }
        if tags.keys().any(|other| *other != key && other.eq_ignore_ascii_case(&key)) {
            return Err(refusals::invalid("Tag keys must differ in more than upper and lower case"));
        }
        tags.insert(key, value);
    }
    if tags.len() > TAGS_MAX {
        return Err(refusals::invalid(format!("The number of tags exceeds the limit of {TAGS_MAX}.")));
    }
    Ok(tags)
}

impl Functions {
    /// Sets tags.
    ///
    /// # Errors
    /// ResourceNotFoundException, InvalidParameterValueException.
    pub async fn tag_resource(&self, cx: &Ctx, permit: &Permit, input: TagResourceRequest) -> Result<(), Error> {
        unqualified(permit)?;
        let change = |function: &mut super::Function, _: &mut _| {
            function.tags = checked(std::mem::take(&mut function.tags), input.tags.clone())?;
            Ok(())
        };
        self.change(cx, permit, "tag_function", change, |()| None).await
    }

    /// Removes tags; those that are not there are no error.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn untag_resource(&self, cx: &Ctx, permit: &Permit, input: UntagResourceRequest) -> Result<(), Error> {
        unqualified(permit)?;
        let change = |function: &mut super::Function, _: &mut _| {
            function.tags.retain(|key, _| !input.tag_keys.contains(key));
            Ok(())
        };
        self.change(cx, permit, "untag_function", change, |()| None).await
    }

    /// The tags of a function.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn list_tags(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        _input: ListTagsRequest,
    ) -> Result<ListTagsResponse, Error> {
        unqualified(permit)?;
        Ok(ListTagsResponse { tags: Some(permit.function()?.found()?.tags.clone()) })
    }
}

/// Tags are of functions, not of versions or aliases.
fn unqualified(permit: &Permit) -> Result<(), Error> {
    match permit.function()?.qualifier {
        None => Ok(()),
        Some(_) => Err(refusals::invalid(
            "Tags on function aliases and versions are not supported. Please specify a function ARN.",
        )),
    }
}
