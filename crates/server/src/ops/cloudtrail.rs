//! The operations of CloudTrail that are served (awsJson1_1).

use std::sync::Arc;

use strongroom_core::access::RequestKeys;
use strongroom_core::cloudtrail::{CloudTrail, Peers, TRAIL_KIND};
use strongroom_core::evidence::Notary;
use strongroom_core::{Ctx, Error, Permit, Resource, authorize};
use strongroom_wire::Shape;
use strongroom_wire::cloudtrail::{GetEventSelectorsRequest, GetTrailRequest, GetTrailStatusRequest, Operation};
use strongroom_wire::{json, record};

use super::{Acted, Answered};

/// What the operations work with.
pub(super) struct Trails<'a> {
    /// The operations themselves.
    pub(super) trail: &'a CloudTrail,
    /// Who knows of digests.
    pub(super) notary: &'a Notary,
    /// The other servers.
    pub(super) peers: &'a dyn Peers,
}

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub(super) async fn run(of: Trails<'_>, cx: &Ctx, operation: Operation, body: &[u8]) -> Result<Answered, Error> {
    let Trails { trail, notary, peers } = of;
    let call = Operated { trail, cx, operation, body };
    match operation {
        Operation::LookupEvents => {
            let lookup = async |trail: &CloudTrail, cx: &Ctx, permit: &Permit, input| {
                trail.lookup_events(cx, permit, input, peers).await
            };
            call.on_account(lookup).await
        }
        Operation::DescribeTrails => call.on_account(CloudTrail::describe_trails).await,
        Operation::ListTrails => call.on_account(CloudTrail::list_trails).await,
        Operation::GetTrail => call.on_trail(|i: &GetTrailRequest| &i.name, CloudTrail::get_trail).await,
        Operation::GetEventSelectors => {
            call.on_trail(|i: &GetEventSelectorsRequest| &i.trail_name, CloudTrail::get_event_selectors).await
        }
        Operation::GetTrailStatus => {
            let status = async |trail: &CloudTrail, cx: &Ctx, permit: &Permit, input| {
                trail.get_trail_status(cx, permit, input, notary).await
            };
            call.on_trail(|i: &GetTrailStatusRequest| &i.name, status).await
        }
    }
}

/// A call that is being answered.
struct Operated<'a> {
    trail: &'a CloudTrail,
    cx: &'a Ctx,
    operation: Operation,
    body: &'a [u8],
}

impl Operated<'_> {
    /// An operation that names no trail.
    async fn on_account<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&CloudTrail, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let permit = authorize(self.cx, self.operation.action(), Resource::Account, &input)?;
        let output = operation(self.trail, self.cx, &permit, input).await?;
        Ok(Answered { body: json::encode(&output), ..Answered::default() })
    }

    /// An operation on the trail that the input names.
    async fn on_trail<I, O, F>(&self, name: fn(&I) -> &str, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&CloudTrail, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let arn = self.trail.arn_of(self.cx, name(&input))?;
        let resource = Resource::List(Arc::from(arn.as_str()));
        let permit = authorize(self.cx, self.operation.action(), resource, &input)?;
        let output = operation(self.trail, self.cx, &permit, input).await?;
        let acted = Acted { arn, account: self.cx.caller.account.clone(), kind: TRAIL_KIND };
        Ok(Answered { body: json::encode(&output), acted: Some(acted), ..Answered::default() })
    }

    fn input<I: Shape>(&self) -> Result<I, Error> {
        let input: I = json::decode(self.body)?;
        let parameters = record::encode(&input);
        self.cx.amend_record(|record| record.request_parameters = Some(parameters));
        Ok(input)
    }
}
