//! What conditions may ask about the parameters of CloudWatch's requests.

use strongroom_policy::Values;
use strongroom_wire::cloudwatch::{
    DeleteAlarmsInput, DescribeAlarmHistoryInput, DescribeAlarmsForMetricInput, DescribeAlarmsInput,
    DisableAlarmActionsInput, EnableAlarmActionsInput, GetMetricDataInput, GetMetricStatisticsInput, ListMetricsInput,
    ListTagsForResourceInput, PutMetricAlarmInput, PutMetricDataInput, SetAlarmStateInput, Tag, TagResourceInput,
    UntagResourceInput,
};

use crate::access::{RequestKeys, without_keys};

without_keys!(
    DeleteAlarmsInput,
    DescribeAlarmHistoryInput,
    DescribeAlarmsForMetricInput,
    DescribeAlarmsInput,
    DisableAlarmActionsInput,
    EnableAlarmActionsInput,
    GetMetricDataInput,
    GetMetricStatisticsInput,
    ListMetricsInput,
    ListTagsForResourceInput,
    SetAlarmStateInput,
);

/// `aws:RequestTag/…` and `aws:TagKeys` of a list of tags.
fn of_tags<'a>(tags: &'a [Tag], key: &str) -> Option<Values<'a>> {
    if key == "aws:tagkeys" {
        return (!tags.is_empty()).then(|| Values::texts(tags.iter().map(|tag| tag.key.as_str())));
    }
    let wanted = key.strip_prefix("aws:requesttag/")?;
    let found = tags.iter().filter(|tag| tag.key.eq_ignore_ascii_case(wanted));
    Values::of_tags(found.map(|tag| tag.value.as_str().into()))
}

impl RequestKeys for PutMetricDataInput {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        (key == "cloudwatch:namespace").then(|| Values::text(&self.namespace))
    }
}

impl RequestKeys for PutMetricAlarmInput {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        if key == "cloudwatch:alarmactions" {
            let lists = [&self.alarm_actions, &self.ok_actions, &self.insufficient_data_actions];
            let actions: Vec<&str> = lists.into_iter().flatten().flatten().map(String::as_str).collect();
            return (!actions.is_empty()).then(|| Values::texts(actions));
        }
        of_tags(self.tags.as_deref().unwrap_or_default(), key)
    }
}

impl RequestKeys for TagResourceInput {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        of_tags(&self.tags, key)
    }
}

impl RequestKeys for UntagResourceInput {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        let keys = &self.tag_keys;
        (key == "aws:tagkeys" && !keys.is_empty()).then(|| Values::texts(keys.iter().map(String::as_str)))
    }
}
