//! The operations of CloudWatch, in each of its protocols.

use strongroom_core::access::RequestKeys;
use strongroom_core::cloudwatch::{ALARM_KIND, AlarmRef, CloudWatch};
use strongroom_core::{Ctx, Error, Permit, Resource, authorize};
use strongroom_types::SecretBytes;
use strongroom_wire::cloudwatch::{
    DeleteAlarmsInput, DisableAlarmActionsInput, EnableAlarmActionsInput, ListTagsForResourceInput, Operation,
    PutMetricAlarmInput, PutMetricDataInput, SERVICE, SetAlarmStateInput, TagResourceInput, UntagResourceInput,
};
use strongroom_wire::forms::Nothing;
use strongroom_wire::ops::Protocol;
use strongroom_wire::query::Query;
use strongroom_wire::{Shape, cbor, json, record, xml};

use super::{Acted, Answered};
use crate::app::App;
use crate::front::Call;
use crate::{cloudwatch, route};

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub(super) async fn run(app: &App, cx: &Ctx, operation: Operation, call: &Call) -> Result<Answered, Error> {
    let asked = Asked { cloudwatch: &app.watch.metrics, cx, operation, call, protocol: route::spoken(call, &SERVICE) };
    match operation {
        Operation::ListMetrics => asked.on_account(CloudWatch::list_metrics).await,
        Operation::GetMetricData => asked.on_account(CloudWatch::get_metric_data).await,
        Operation::GetMetricStatistics => asked.on_account(CloudWatch::get_metric_statistics).await,
        Operation::PutMetricData => asked.put_metric_data().await,
        Operation::PutMetricAlarm => asked.put_metric_alarm().await,
        Operation::DescribeAlarms => asked.on_list(CloudWatch::describe_alarms).await,
        Operation::DescribeAlarmsForMetric => asked.on_list(CloudWatch::describe_alarms_for_metric).await,
        Operation::DescribeAlarmHistory => asked.on_list(CloudWatch::describe_alarm_history).await,
        Operation::DeleteAlarms => asked.delete_alarms().await,
        Operation::SetAlarmState => asked.set_alarm_state(app).await,
        Operation::EnableAlarmActions => {
            let input: EnableAlarmActionsInput = asked.input()?;
            asked.set_actions(&input.alarm_names, &input, true).await
        }
        Operation::DisableAlarmActions => {
            let input: DisableAlarmActionsInput = asked.input()?;
            asked.set_actions(&input.alarm_names, &input, false).await
        }
        Operation::ListTagsForResource => asked.list_tags().await,
        Operation::TagResource => asked.tag().await,
        Operation::UntagResource => asked.untag().await,
    }
}

/// A call that is being answered.
struct Asked<'a> {
    cloudwatch: &'a CloudWatch,
    cx: &'a Ctx,
    operation: Operation,
    call: &'a Call,
    protocol: Protocol,
}

impl Asked<'_> {
    /// Reads the input and puts its parameters into the record.
    fn input<I: Shape>(&self) -> Result<I, Error> {
        let body = self.call.body.expose();
        let input: I = match self.protocol {
            Protocol::RpcV2Cbor => cbor::decode(body)?,
            Protocol::Query => Query::parse(route::form(self.call).unwrap_or_default())?.decode()?,
            Protocol::Json10 | Protocol::Json11 | Protocol::RestJson => json::decode(body)?,
        };
        let parameters = record::encode(&input);
        self.cx.amend_record(|record| record.request_parameters = Some(parameters));
        Ok(input)
    }

    fn written<O: Shape>(&self, output: Option<&O>) -> SecretBytes {
        match (self.protocol, output) {
            (Protocol::Query, output) => {
                xml::encode(self.operation.name(), SERVICE.xml_namespace, output, &self.call.request_id)
            }
            (Protocol::RpcV2Cbor, Some(output)) => cbor::encode(output),
            (_, Some(output)) => json::encode(output),
            (Protocol::RpcV2Cbor, None) => SecretBytes::default(),
            (_, None) => json::encode(&Nothing),
        }
    }

    fn answered<O: Shape>(&self, output: &O) -> Answered {
        Answered { body: self.written(Some(output)), ..Answered::default() }
    }

    /// The answer of an operation without output, on an alarm if that is there.
    fn silence(&self, alarm: Option<&AlarmRef>) -> Answered {
        let acted = alarm.map(|alarm| Acted {
            arn: alarm.arn.clone(),
            account: self.cx.caller.account.clone(),
            kind: ALARM_KIND,
        });
        Answered { body: self.written::<Nothing>(None), acted, ..Answered::default() }
    }

    /// An operation on the account's metrics.
    async fn on_account<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&CloudWatch, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let permit = authorize(self.cx, self.operation.action(), Resource::Account, &input)?;
        Ok(self.answered(&operation(self.cloudwatch, self.cx, &permit, input).await?))
    }

    /// An operation that lists alarms.
    async fn on_list<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&CloudWatch, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let permit = self.cloudwatch.permitted_list(self.cx, self.operation.action(), &input)?;
        Ok(self.answered(&operation(self.cloudwatch, self.cx, &permit, input).await?))
    }

    async fn permitted(&self, name: &str, input: &dyn RequestKeys) -> Result<(Permit, AlarmRef), Error> {
        self.cloudwatch.permitted(self.cx, self.operation.action(), name, input).await
    }

    async fn all_permitted(&self, names: &[String], input: &dyn RequestKeys) -> Result<Vec<(Permit, AlarmRef)>, Error> {
        let mut permitted = Vec::with_capacity(names.len());
        for name in names {
            permitted.push(self.permitted(name, input).await?);
        }
        Ok(permitted)
    }

    async fn put_metric_data(&self) -> Result<Answered, Error> {
        let input: PutMetricDataInput = self.input()?;
        let permit = authorize(self.cx, self.operation.action(), Resource::Account, &input)?;
        self.cloudwatch.put_metric_data(self.cx, &permit, input).await?;
        Ok(self.silence(None))
    }

    async fn put_metric_alarm(&self) -> Result<Answered, Error> {
        let input: PutMetricAlarmInput = self.input()?;
        let (permit, alarm) = self.permitted(&input.alarm_name, &input).await?;
        self.cloudwatch.put_metric_alarm(self.cx, &permit, &alarm, input).await?;
        Ok(self.silence(Some(&alarm)))
    }

    async fn delete_alarms(&self) -> Result<Answered, Error> {
        let input: DeleteAlarmsInput = self.input()?;
        let permitted = self.all_permitted(&input.alarm_names, &input).await?;
        self.cloudwatch.delete_alarms(self.cx, &permitted).await?;
        Ok(self.silence(None))
    }

    async fn set_actions(&self, names: &[String], input: &dyn RequestKeys, enabled: bool) -> Result<Answered, Error> {
        let permitted = self.all_permitted(names, input).await?;
        self.cloudwatch.set_actions(self.cx, &permitted, enabled).await?;
        Ok(self.silence(None))
    }

    async fn set_alarm_state(&self, app: &App) -> Result<Answered, Error> {
        let input: SetAlarmStateInput = self.input()?;
        let (permit, alarm) = self.permitted(&input.alarm_name, &input).await?;
        self.cloudwatch.set_alarm_state(self.cx, &permit, input).await?;
        cloudwatch::tell_soon(app, &self.cx.caller.account, &alarm.name);
        Ok(self.silence(Some(&alarm)))
    }

    async fn list_tags(&self) -> Result<Answered, Error> {
        let input: ListTagsForResourceInput = self.input()?;
        let name = self.cloudwatch.alarm_in(self.cx, &input.resource_arn)?;
        let (permit, alarm) = self.permitted(&name, &input).await?;
        Ok(self.answered(&self.cloudwatch.list_tags(&permit, &alarm)?))
    }

    async fn tag(&self) -> Result<Answered, Error> {
        let input: TagResourceInput = self.input()?;
        let name = self.cloudwatch.alarm_in(self.cx, &input.resource_arn)?;
        let (permit, alarm) = self.permitted(&name, &input).await?;
        self.cloudwatch.tag_alarm(self.cx, &permit, &alarm, input).await?;
        Ok(self.written_empty(&alarm))
    }

    async fn untag(&self) -> Result<Answered, Error> {
        let input: UntagResourceInput = self.input()?;
        let name = self.cloudwatch.alarm_in(self.cx, &input.resource_arn)?;
        let (permit, alarm) = self.permitted(&name, &input).await?;
        self.cloudwatch.untag_alarm(self.cx, &permit, &alarm, input).await?;
        Ok(self.written_empty(&alarm))
    }

    /// The answer of an operation whose output has no members.
    fn written_empty(&self, alarm: &AlarmRef) -> Answered {
        Answered { body: self.written(Some(&Nothing)), ..self.silence(Some(alarm)) }
    }
}
