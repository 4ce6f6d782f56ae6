//! The operations of EventBridge (awsJson1_1).

use strongroom_core::access::RequestKeys;
use strongroom_core::{Ctx, Error, Events, Permit, Resource, Secrets, authorize};
use strongroom_wire::Shape;
use strongroom_wire::events::{
    CreateApiDestinationRequest, CreateConnectionRequest, DeauthorizeConnectionRequest, DeleteApiDestinationRequest,
    DeleteConnectionRequest, DeleteRuleRequest, DescribeApiDestinationRequest, DescribeConnectionRequest,
    DescribeEventBusRequest, DescribeRuleRequest, DisableRuleRequest, EnableRuleRequest, ListEventBusesRequest,
    ListTagsForResourceRequest, ListTargetsByRuleRequest, Operation, PutEventsRequest, PutRuleRequest,
    PutTargetsRequest, RemoveTargetsRequest, TagResourceRequest, TestEventPatternRequest, UntagResourceRequest,
    UpdateApiDestinationRequest, UpdateConnectionRequest,
};
use strongroom_wire::{json, record};

use super::{Acted, Answered};
use crate::app::App;

/// A request about one rule.
trait OfRule: Shape + RequestKeys {
    /// The rule's name.
    fn rule(&self) -> &str;
    /// The bus that it names.
    fn bus(&self) -> Option<&str>;
}

macro_rules! of_rule {
    ($member:ident: $($request:ty),+ $(,)?) => { $(impl OfRule for $request {
        fn rule(&self) -> &str {
            &self.$member
        }

        fn bus(&self) -> Option<&str> {
            self.event_bus_name.as_deref()
        }
    })+ };
}

of_rule!(name: DeleteRuleRequest, DescribeRuleRequest, DisableRuleRequest, EnableRuleRequest, PutRuleRequest);
of_rule!(rule: ListTargetsByRuleRequest, PutTargetsRequest, RemoveTargetsRequest);

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub(super) async fn run(app: &App, cx: &Ctx, operation: Operation, body: &[u8]) -> Result<Answered, Error> {
    let call = Operated { events: &app.events.bridge, secrets: &app.secrets, cx, operation, body };
    match operation {
        Operation::PutRule => call.on_rule(Events::put_rule).await,
        Operation::DescribeRule => call.on_rule(Events::describe_rule).await,
        Operation::EnableRule => call.on_rule_silently(Events::enable_rule).await,
        Operation::DisableRule => call.on_rule_silently(Events::disable_rule).await,
        Operation::DeleteRule => call.on_rule_silently(Events::delete_rule).await,
        Operation::PutTargets => call.on_rule(Events::put_targets).await,
        Operation::RemoveTargets => call.on_rule(Events::remove_targets).await,
        Operation::ListTargetsByRule => call.on_rule(Events::list_targets_by_rule).await,
        Operation::ListRules => call.on_account(Events::list_rules).await,
        Operation::ListRuleNamesByTarget => call.on_account(Events::list_rule_names_by_target).await,
        Operation::ListConnections => call.on_account(Events::list_connections).await,
        Operation::ListApiDestinations => call.on_account(Events::list_api_destinations).await,
        Operation::TagResource => call.on_arn(|i: &TagResourceRequest| &i.resource_arn, Events::tag_resource).await,
        Operation::UntagResource => {
            call.on_arn(|i: &UntagResourceRequest| &i.resource_arn, Events::untag_resource).await
        }
        Operation::ListTagsForResource => {
            call.on_arn(|i: &ListTagsForResourceRequest| &i.resource_arn, Events::list_tags_for_resource).await
        }
        Operation::PutEvents => call.put_events().await,
        Operation::TestEventPattern => call.test_event_pattern(),
        Operation::DescribeEventBus => call.describe_event_bus(),
        Operation::ListEventBuses => call.list_event_buses(),
        Operation::CreateConnection => {
            call.on_connection(|i: &CreateConnectionRequest| &i.name, Events::create_connection).await
        }
        Operation::UpdateConnection => {
            call.on_connection(|i: &UpdateConnectionRequest| &i.name, Events::update_connection).await
        }
        Operation::DeauthorizeConnection => {
            call.on_connection(|i: &DeauthorizeConnectionRequest| &i.name, Events::deauthorize_connection).await
        }
        Operation::DeleteConnection => {
            call.on_connection(|i: &DeleteConnectionRequest| &i.name, Events::delete_connection).await
        }
        Operation::DescribeConnection => call.describe_connection().await,
        Operation::CreateApiDestination => {
            call.on_destination(|i: &CreateApiDestinationRequest| &i.name, Events::create_api_destination).await
        }
        Operation::DescribeApiDestination => {
            call.on_destination(|i: &DescribeApiDestinationRequest| &i.name, Events::describe_api_destination).await
        }
        Operation::UpdateApiDestination => {
            call.on_destination(|i: &UpdateApiDestinationRequest| &i.name, Events::update_api_destination).await
        }
        Operation::DeleteApiDestination => {
            call.on_destination(|i: &DeleteApiDestinationRequest| &i.name, Events::delete_api_destination).await
        }
    }
}

/// A call that is being answered.
struct Operated<'a> {
    events: &'a Events,
    secrets: &'a Secrets,
    cx: &'a Ctx,
    operation: Operation,
    body: &'a [u8],
}

impl Operated<'_> {
    /// Reads the input and puts its parameters into the record.
    fn input<I: Shape>(&self) -> Result<I, Error> {
        self.input_shown(record::encode)
    }

    fn input_shown<I: Shape>(&self, shown: impl FnOnce(&I) -> String) -> Result<I, Error> {
        let input: I = json::decode(self.body)?;
        let parameters = shown(&input);
        self.cx.amend_record(|record| record.request_parameters = Some(parameters));
        Ok(input)
    }

    async fn permitted_rule<I: OfRule>(&self) -> Result<(I, Permit), Error> {
        let input: I = self.input()?;
        let (action, rule, bus) = (self.operation.action(), input.rule(), input.bus());
        let permit = self.events.permitted_rule(self.cx, action, rule, bus, &input).await?;
        Ok((input, permit))
    }

    async fn on_rule<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: OfRule,
        O: Shape,
        F: AsyncFnOnce(&Events, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let (input, permit) = self.permitted_rule().await?;
        let output = operation(self.events, self.cx, &permit, input).await?;
        Ok(answer(&output, acted(&permit)))
    }

    async fn on_rule_silently<I, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: OfRule,
        F: AsyncFnOnce(&Events, &Ctx, &Permit, I) -> Result<(), Error>,
    {
        let (input, permit) = self.permitted_rule().await?;
        operation(self.events, self.cx, &permit, input).await?;
        Ok(Answered { acted: acted(&permit), ..Answered::default() })
    }

    async fn on_arn<I, O, F>(&self, arn: fn(&I) -> &str, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&Events, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let permit = self.events.permitted_arn(self.cx, self.operation.action(), arn(&input), &input).await?;
        let output = operation(self.events, self.cx, &permit, input).await?;
        Ok(answer(&output, acted(&permit)))
    }

    async fn on_account<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&Events, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let permit = authorize(self.cx, self.operation.action(), Resource::Account, &input)?;
        let output = operation(self.events, self.cx, &permit, input).await?;
        Ok(answer(&output, None))
    }

    async fn on_connection<I, O, F>(&self, name: fn(&I) -> &str, operation: F) -> Result<Answered, Error>
    where
        I: Shape,
        O: Shape,
        F: AsyncFnOnce(&Events, &Secrets, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let permit = Events::permitted_connection(self.cx, self.operation.action(), name(&input))?;
        let output = operation(self.events, self.secrets, self.cx, &permit, input).await?;
        Ok(answer(&output, acted(&permit)))
    }

    async fn describe_connection(&self) -> Result<Answered, Error> {
        let input: DescribeConnectionRequest = self.input()?;
        let permit = Events::permitted_connection(self.cx, self.operation.action(), &input.name)?;
        let output = self.events.describe_connection(self.cx, &permit, input).await?;
        Ok(answer(&output, acted(&permit)))
    }

    async fn on_destination<I, O, F>(&self, name: fn(&I) -> &str, operation: F) -> Result<Answered, Error>
    where
        I: Shape,
        O: Shape,
        F: AsyncFnOnce(&Events, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let permit = Events::permitted_destination(self.cx, self.operation.action(), name(&input))?;
        let output = operation(self.events, self.cx, &permit, input).await?;
        Ok(answer(&output, acted(&permit)))
    }

    /// PutEvents. Records do not show what the events tell.
    async fn put_events(&self) -> Result<Answered, Error> {
        let input: PutEventsRequest = self.input_shown(|input: &PutEventsRequest| {
            let mut shown = input.clone();
            shown.entries.iter_mut().for_each(|entry| entry.detail = None);
            record::encode(&shown)
        })?;
        let permit = Events::permitted_events(self.cx, self.operation.action(), &input)?;
        let output = self.events.put_events(self.cx, &permit, input).await?;
        Ok(answer(&output, acted(&permit)))
    }

    /// TestEventPattern. Records do not show the event.
    fn test_event_pattern(&self) -> Result<Answered, Error> {
        let input: TestEventPatternRequest = self.input_shown(|input: &TestEventPatternRequest| {
            record::encode(&TestEventPatternRequest { event: String::new(), ..input.clone() })
        })?;
        authorize(self.cx, self.operation.action(), Resource::Account, &input)?;
        Ok(answer(&Events::test_event_pattern(&input)?, None))
    }

    fn describe_event_bus(&self) -> Result<Answered, Error> {
        let input: DescribeEventBusRequest = self.input()?;
        let permit = Events::permitted_bus(self.cx, self.operation.action(), &input)?;
        Ok(answer(&Events::describe_event_bus(self.cx, &input)?, acted(&permit)))
    }

    fn list_event_buses(&self) -> Result<Answered, Error> {
        let input: ListEventBusesRequest = self.input()?;
        authorize(self.cx, self.operation.action(), Resource::Account, &input)?;
        Ok(answer(&Events::list_event_buses(self.cx, &input), None))
    }
}

fn answer<O: Shape>(output: &O, acted: Option<Acted>) -> Answered {
    Answered { body: json::encode(output), acted, ..Answered::default() }
}

/// What a permit is for, as records show it.
fn acted(permit: &Permit) -> Option<Acted> {
    let entity = permit.resource().entity()?;
    Some(Acted { arn: entity.arn.clone(), account: entity.account.clone(), kind: entity.kind })
}
