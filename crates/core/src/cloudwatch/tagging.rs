//! Tags of alarms.

use strongroom_wire::cloudwatch::{ListTagsForResourceOutput, Tag, TagResourceInput, UntagResourceInput, errors};

use super::CloudWatch;
use super::alarm::{Alarm, AlarmRef, alarm_arn};
use super::refusals::invalid_value;
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

/// Tags of an alarm, at most.
const TAGS_MAX: usize = 50;

/// The tags `before` with those that are given, if they are in order.
pub(super) fn checked(tags: Vec<Tag>, before: Vec<(String, String)>) -> Result<Vec<(String, String)>, Error> {
    let mut all = before;
    for tag in tags {
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid_value("Tag keys that begin with aws: are reserved."));
        }
        match all.iter_mut().find(|(key, _)| *key == tag.key) {
            Some((_, value)) => *value = tag.value,
            None => all.push((tag.key, tag.value)),
        }
    }
    if all.len() > TAGS_MAX {
        return Err(invalid_value(format!("An alarm can have at most {TAGS_MAX} tags.")));
    }
    Ok(all)
}

impl CloudWatch {
    /// The name of the alarm of an ARN. Only alarms have tags here.
    ///
    /// # Errors
    /// InvalidParameterValue for what is no ARN of an alarm of the caller's account.
    pub fn alarm_in(&self, cx: &Ctx, arn: &str) -> Result<String, Error> {
        let prefix = alarm_arn(cx.caller.account.as_str(), &self.region, "");
        let name = arn.strip_prefix(&prefix).filter(|name| !name.is_empty());
        name.map(str::to_owned).ok_or_else(|| invalid_value(format!("Invalid resource ARN: {arn}")))
    }

    /// The tags of an alarm.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub fn list_tags(&self, _permit: &Permit, alarm: &AlarmRef) -> Result<ListTagsForResourceOutput, Error> {
        let found = alarm.found.as_ref().ok_or_else(|| absent(&alarm.arn))?;
        Ok(ListTagsForResourceOutput { tags: Some(found.value.shown_tags()) })
    }

    /// Puts tags on an alarm.
    ///
    /// # Errors
    /// ResourceNotFoundException; InvalidParameterValue; faults.
    pub async fn tag_alarm(
        &self,
        cx: &Ctx,
        permit: &Permit,
        alarm: &AlarmRef,
        input: TagResourceInput,
    ) -> Result<(), Error> {
        self.change(cx, permit, &alarm.name, |before| {
            let before = before.ok_or_else(|| absent(&alarm.arn))?;
            let tags = checked(input.tags.clone(), before.tags.clone())?;
            Ok(Some((Alarm { tags, ..before.clone() }, Vec::new())))
        })
        .await
    }

    /// Takes tags off an alarm.
    ///
    /// # Errors
    /// ResourceNotFoundException; faults.
    pub async fn untag_alarm(
        &self,
        cx: &Ctx,
        permit: &Permit,
        alarm: &AlarmRef,
        input: UntagResourceInput,
    ) -> Result<(), Error> {
        self.change(cx, permit, &alarm.name, |before| {
            let before = before.ok_or_else(|| absent(&alarm.arn))?;
            let mut tags = before.tags.clone();
            tags.retain(|(key, _)| !input.tag_keys.contains(key));
            Ok(Some((Alarm { tags, ..before.clone() }, Vec::new())))
        })
        .await
    }
}

fn absent(arn: &str) -> Error {
    Error::refused(errors::RESOURCE_NOT_FOUND_EXCEPTION, format!("Unknown resource {arn}"))
}
