//! What conditions may ask about the requests of EventBridge.

use strongroom_policy::Values;
use strongroom_wire::events::{PutRuleRequest, PutTargetsRequest, Tag, TagResourceRequest, UntagResourceRequest};

use crate::access::RequestKeys;

/// `aws:RequestTag/…` and `aws:TagKeys`.
fn tags<'a>(key: &str, tags: &'a [Tag]) -> Option<Values<'a>> {
    if key == "aws:tagkeys" {
        return (!tags.is_empty()).then(|| Values::texts(tags.iter().map(|tag| tag.key.as_str())));
    }
    let asked = key.strip_prefix("aws:requesttag/")?;
    let found = tags.iter().filter(|tag| tag.key.eq_ignore_ascii_case(asked));
    Values::of_tags(found.map(|tag| tag.value.as_str().into()))
}

impl RequestKeys for PutRuleRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, self.tags.as_deref()?)
    }
}

impl RequestKeys for TagResourceRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, &self.tags)
    }
}

impl RequestKeys for UntagResourceRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        (key == "aws:tagkeys").then(|| Values::texts(self.tag_keys.iter().map(String::as_str)))
    }
}

impl RequestKeys for PutTargetsRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        (key == "events:targetarn").then(|| Values::texts(self.targets.iter().map(|target| target.arn.as_str())))
    }
}

/// The tags that a request gives.
pub(super) struct TagKeys<'a>(pub(super) Option<&'a [Tag]>);

impl RequestKeys for TagKeys<'_> {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, self.0?)
    }
}

/// What conditions may ask about one event that is put.
pub(super) struct OneEvent<'a> {
    pub(super) source: Option<&'a str>,
    pub(super) detail_type: Option<&'a str>,
}

impl RequestKeys for OneEvent<'_> {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "events:source" => self.source.map(Values::text),
            "events:detail-type" => self.detail_type.map(Values::text),
            _ => None,
        }
    }
}
