//! What conditions may ask about the parameters of requests of CloudWatch Logs: nothing.

use strongroom_wire::logs::{
    DeleteMetricFilterRequest, DescribeLogGroupsRequest, DescribeMetricFiltersRequest, PutMetricFilterRequest,
    TestMetricFilterRequest,
};

use crate::access::without_keys;

without_keys!(
    DeleteMetricFilterRequest,
    DescribeLogGroupsRequest,
    DescribeMetricFiltersRequest,
    PutMetricFilterRequest,
    TestMetricFilterRequest,
);
