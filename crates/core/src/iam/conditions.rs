//! What conditions may ask about the requests of IAM.

use strongroom_policy::Values;
use strongroom_wire::iam::{CreateUserRequest, DeleteUserRequest, GetUserRequest, ListUsersRequest, Tag};

use crate::access::RequestKeys;

/// `aws:RequestTag/…` and `aws:TagKeys`.
pub(super) fn tags<'a>(key: &str, tags: Option<&'a Vec<Tag>>) -> Option<Values<'a>> {
    let tags = tags.filter(|tags| !tags.is_empty())?;
    if key == "aws:tagkeys" {
        return Some(Values::texts(tags.iter().map(|tag| tag.key.as_str())));
    }
    let asked = key.strip_prefix("aws:requesttag/")?;
    let found = tags.iter().filter(|tag| tag.key.eq_ignore_ascii_case(asked));
    Values::of_tags(found.map(|tag| tag.value.as_str().into()))
}

/// `aws:TagKeys` of a request that removes tags.
pub(super) fn removed_tags<'a>(key: &str, keys: &'a [String]) -> Option<Values<'a>> {
    (key == "aws:tagkeys" && !keys.is_empty()).then(|| Values::texts(keys.iter().map(String::as_str)))
}

/// `iam:PermissionsBoundary` of a request.
pub(super) fn boundary<'a>(key: &str, arn: Option<&'a String>) -> Option<Values<'a>> {
    arn.filter(|_| key == "iam:permissionsboundary").map(|arn| Values::text(arn))
}

impl RequestKeys for CreateUserRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        boundary(key, self.permissions_boundary.as_ref()).or_else(|| tags(key, self.tags.as_ref()))
    }
}

crate::access::without_keys!(DeleteUserRequest, GetUserRequest, ListUsersRequest);
