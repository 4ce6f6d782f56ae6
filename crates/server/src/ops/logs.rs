//! The operations of CloudWatch Logs (awsJson1_1).

use strongroom_core::access::RequestKeys;
use strongroom_core::logs::{LOG_GROUP_KIND, Logs};
use strongroom_core::{Ctx, Error, Permit, Resource, authorize};
use strongroom_wire::logs::{
    DeleteMetricFilterRequest, DescribeLogGroupsRequest, DescribeMetricFiltersRequest, Operation,
    PutMetricFilterRequest, TestMetricFilterRequest,
};
use strongroom_wire::{Shape, json, record};

use super::{Acted, Answered};
use crate::app::App;

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub(super) async fn run(app: &App, cx: &Ctx, operation: Operation, body: &[u8]) -> Result<Answered, Error> {
    let asked = Asked { logs: &app.watch.logs, cx, operation, body };
    match operation {
        Operation::PutMetricFilter => {
            asked.silently(|i: &PutMetricFilterRequest| &i.log_group_name, Logs::put_metric_filter).await
        }
        Operation::DeleteMetricFilter => {
            asked.silently(|i: &DeleteMetricFilterRequest| &i.log_group_name, Logs::delete_metric_filter).await
        }
        Operation::DescribeMetricFilters => {
            let input: DescribeMetricFiltersRequest = asked.input()?;
            let permit = asked.permitted(input.log_group_name.as_deref().unwrap_or_default(), &input)?;
            Ok(answered(&app.watch.logs.describe_metric_filters(cx, &permit, input).await?))
        }
        Operation::DescribeLogGroups => {
            let input: DescribeLogGroupsRequest = asked.input()?;
            let permit = asked.permitted("", &input)?;
            Ok(answered(&app.watch.logs.describe_log_groups(cx, &permit, input).await?))
        }
        Operation::TestMetricFilter => {
            let input: TestMetricFilterRequest = asked.input()?;
            authorize(cx, operation.action(), Resource::Account, &input)?;
            Ok(answered(&app.watch.logs.test_metric_filter(&input)?))
        }
    }
}

/// A call that is being answered.
struct Asked<'a> {
    logs: &'a Logs,
    cx: &'a Ctx,
    operation: Operation,
    body: &'a [u8],
}

impl Asked<'_> {
    /// Reads the input and puts its parameters into the record.
    fn input<I: Shape>(&self) -> Result<I, Error> {
        let input: I = json::decode(self.body)?;
        let parameters = record::encode(&input);
        self.cx.amend_record(|record| record.request_parameters = Some(parameters));
        Ok(input)
    }

    fn permitted(&self, group: &str, input: &dyn RequestKeys) -> Result<Permit, Error> {
        self.logs.permitted(self.cx, self.operation.action(), group, input)
    }

    /// An operation without output on the log group that the input names.
    async fn silently<I, F>(&self, group: fn(&I) -> &String, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        F: AsyncFnOnce(&Logs, &Ctx, &Permit, I) -> Result<(), Error>,
    {
        let input: I = self.input()?;
        let permit = self.permitted(group(&input), &input)?;
        operation(self.logs, self.cx, &permit, input).await?;
        let acted = permit.resource().entity().map(|entity| Acted {
            arn: entity.arn.clone(),
            account: entity.account.clone(),
            kind: LOG_GROUP_KIND,
        });
        Ok(Answered { acted, ..Answered::default() })
    }
}

fn answered<O: Shape>(output: &O) -> Answered {
    Answered { body: json::encode(output), ..Answered::default() }
}
