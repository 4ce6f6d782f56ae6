//! The operations of CloudWatch: level of access, and which change nothing.

use super::AccessLevel;
use crate::cloudwatch::Operation;

impl Operation {
    /// The action's level of access in AWS's service authorization reference.
    #[must_use]
    pub const fn access_level(self) -> AccessLevel {
        match self {
            Self::ListMetrics | Self::ListTagsForResource => AccessLevel::List,
            Self::DescribeAlarmHistory
            | Self::DescribeAlarms
            | Self::DescribeAlarmsForMetric
            | Self::GetMetricData
            | Self::GetMetricStatistics => AccessLevel::Read,
            Self::TagResource | Self::UntagResource => AccessLevel::Tagging,
            Self::DeleteAlarms
            | Self::DisableAlarmActions
            | Self::EnableAlarmActions
            | Self::PutMetricAlarm
            | Self::PutMetricData
            | Self::SetAlarmState => AccessLevel::Write,
        }
    }

    /// `readOnly` of the operation's audit records.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        self.access_level().is_read_only()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudwatch::SERVICE;
    use crate::ops::{AnyOperation, Protocol};

    #[test]
    fn cloudwatch_is_described_as_its_model_says() {
        assert_eq!((SERVICE.signing_name, SERVICE.api_version), ("monitoring", "2010-08-01"));
        assert_eq!((SERVICE.protocol, SERVICE.also), (Protocol::RpcV2Cbor, &[Protocol::Json10, Protocol::Query][..]));
        assert_eq!(SERVICE.xml_namespace, "http://monitoring.amazonaws.com/doc/2010-08-01/");
        assert!(SERVICE.query_names.contains(&("InvalidParameterValue", "InvalidParameterValueException")));
        assert_eq!(Operation::PutMetricAlarm.action(), "cloudwatch:PutMetricAlarm");
    }

    #[test]
    fn paths_of_remote_calls_name_operations() {
        let list = Some(AnyOperation::CloudWatch(Operation::ListMetrics));
        let path = "/service/GraniteServiceVersion20100801/operation/ListMetrics";
        assert_eq!(AnyOperation::of_call_path(path), list);
        assert_eq!(AnyOperation::of_call_path(&format!("/behind{path}")), list);
        assert_eq!(AnyOperation::of_target("GraniteServiceVersion20100801.ListMetrics"), list);
        for bad in [
            "/service/Logs_20140328/operation/PutMetricFilter",
            "/service//operation/ListMetrics",
            "/",
            path.trim_start_matches('/'),
        ] {
            assert_eq!(AnyOperation::of_call_path(bad), None, "{bad}");
        }
    }
}
