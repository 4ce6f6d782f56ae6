//! The default bus: events are put on it, and patterns tried.

use serde_json::Value;
use strongroom_patterns::Pattern;
use strongroom_store::Batch;
use strongroom_wire::events::{
    DescribeEventBusRequest, DescribeEventBusResponse, EventBus, ListEventBusesRequest, ListEventBusesResponse,
    PutEventsRequest, PutEventsRequestEntry, PutEventsResponse, PutEventsResultEntry, TestEventPatternRequest,
    TestEventPatternResponse,
};

use super::conditions::OneEvent;
use super::named::{BUS, BUS_KIND, check_bus, own_arn};
use super::{Events, refusals};
use crate::access::{Permit, without_keys};
use crate::announcing::{self, Announcement};
use crate::ctx::{Ctx, Done};
use crate::error::Error;

/// Bytes that the events of one request may have together.
const BYTES_MAX: usize = 1024 * 1024;
/// What every event has to have.
const MEMBERS: [&str; 7] = ["id", "account", "source", "time", "region", "resources", "detail-type"];
/// What sources of events of services begin with, which nobody else may use.
const RESERVED: &str = "aws.";

without_keys!(DescribeEventBusRequest, ListEventBusesRequest, TestEventPatternRequest,);

impl Events {
    /// Leave to put each of the events.
    ///
    /// # Errors
    /// AccessDeniedException.
    pub fn permitted_events(cx: &Ctx, action: &'static str, input: &PutEventsRequest) -> Result<Permit, Error> {
        let mut permit = None;
        for entry in &input.entries {
            let keys = OneEvent { source: entry.source.as_deref(), detail_type: entry.detail_type.as_deref() };
            permit = Some(Self::permitted_bus(cx, action, &keys)?);
        }
        match permit {
            Some(permit) => Ok(permit),
            None => Self::permitted_bus(cx, action, &()),
        }
    }

    /// Puts events on the bus. They are committed before this is answered; each entry has a result of its own.
    ///
    /// # Errors
    /// ValidationException when they are too large together; faults.
    pub async fn put_events(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: PutEventsRequest,
    ) -> Result<PutEventsResponse, Error> {
        if input.entries.iter().map(size).sum::<usize>() > BYTES_MAX {
            return Err(refusals::invalid("Total size of the entries in the request is over the limit."));
        }
        let mut batch = Batch::named("put_events");
        let mut entries = Vec::with_capacity(input.entries.len());
        for asked in input.entries {
            entries.push(match refused(cx, &asked) {
                Some((code, message)) => PutEventsResultEntry {
                    event_id: None,
                    error_code: Some(code.to_owned()),
                    error_message: Some(message.to_owned()),
                },
                None => {
                    let announcement = Announcement {
                        source: asked.source.as_deref().unwrap_or_default(),
                        detail_type: asked.detail_type.as_deref().unwrap_or_default(),
                        account: cx.caller.account.as_str(),
                        region: &cx.region,
                        time: asked.time.unwrap_or(cx.now),
                        resources: asked.resources.as_deref().unwrap_or_default(),
                        detail: asked.detail.as_deref().unwrap_or_default(),
                    };
                    let (id, event) = announcement.envelope(&self.documents)?;
                    if self.documents.announces() {
                        batch.feed.push(announcing::seal(&self.documents, &id, &event)?);
                    }
                    PutEventsResultEntry { event_id: Some(id), ..PutEventsResultEntry::default() }
                }
            });
        }
        let failed = entries.iter().filter(|entry| entry.error_code.is_some()).count();
        let done = Done { arn: Some(own_arn(cx, &["event-bus/", BUS])), resource_kind: BUS_KIND, ..Done::default() };
        cx.commit(&self.documents, batch, done).await?;
        Ok(PutEventsResponse { failed_entry_count: i32::try_from(failed).ok(), entries: Some(entries) })
    }

    /// Whether an event matches a pattern.
    ///
    /// # Errors
    /// InvalidEventPatternException; ValidationException for what is no event.
    pub fn test_event_pattern(input: &TestEventPatternRequest) -> Result<TestEventPatternResponse, Error> {
        let pattern = Pattern::parse(&input.event_pattern).map_err(|fault| refusals::pattern(&fault))?;
        let event: Value = serde_json::from_str(&input.event)
            .map_err(|error| refusals::not_valid("Event", &format!("It is no JSON: {error}")))?;
        if let Some(missing) = MEMBERS.iter().find(|member| event.get(member).is_none()) {
            return Err(refusals::not_valid("Event", &format!("It has no {missing}.")));
        }
        Ok(TestEventPatternResponse { result: Some(pattern.matches(&event)) })
    }

    /// The default bus.
    ///
    /// # Errors
    /// ResourceNotFoundException for another one.
    pub fn describe_event_bus(cx: &Ctx, input: &DescribeEventBusRequest) -> Result<DescribeEventBusResponse, Error> {
        check_bus(cx, input.name.as_deref())?;
        let arn = Some(own_arn(cx, &["event-bus/", BUS]));
        Ok(DescribeEventBusResponse { name: Some(BUS.to_owned()), arn, ..DescribeEventBusResponse::default() })
    }

    /// The default bus, on a list.
    #[must_use]
    pub fn list_event_buses(cx: &Ctx, input: &ListEventBusesRequest) -> ListEventBusesResponse {
        let wanted = input.name_prefix.as_deref().is_none_or(|prefix| BUS.starts_with(prefix));
        let arn = Some(own_arn(cx, &["event-bus/", BUS]));
        let bus = EventBus { name: Some(BUS.to_owned()), arn, ..EventBus::default() };
        ListEventBusesResponse { event_buses: Some(wanted.then_some(bus).into_iter().collect()), next_token: None }
    }
}

/// The size of an event, as EventBridge counts it.
fn size(entry: &PutEventsRequestEntry) -> usize {
    let texts = [&entry.source, &entry.detail_type, &entry.detail].into_iter().flatten().map(String::len);
    let resources = entry.resources.iter().flatten().map(String::len);
    texts.chain(resources).sum::<usize>() + if entry.time.is_some() { 14 } else { 0 }
}

/// Why an event is not taken: a code and a text.
fn refused(cx: &Ctx, entry: &PutEventsRequestEntry) -> Option<(&'static str, &'static str)> {
    let missing = |member: &Option<String>| member.as_deref().is_none_or(str::is_empty);
    if missing(&entry.source) {
        return Some(("InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."));
    }
    if missing(&entry.detail_type) {
        return Some((
            "InvalidArgument",
            "Parameter DetailType is not valid. Reason: DetailType is a required argument.",
        ));
    }
    if missing(&entry.detail) {
        return Some(("InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."));
    }
    if entry.source.as_deref().is_some_and(|source| source.starts_with(RESERVED)) {
        return Some(("NotAuthorizedForSourceException", "Not authorized for the source."));
    }
    // Read as it will stand within the event: objects may be only so deep.
    let detail = entry.detail.as_deref().map(|detail| serde_json::from_str::<[Value; 1]>(&["[", detail, "]"].concat()));
    if !matches!(detail, Some(Ok([Value::Object(_)]))) {
        return Some(("MalformedDetail", "Detail is malformed."));
    }
    if check_bus(cx, entry.event_bus_name.as_deref()).is_err() {
        return Some(("ResourceNotFoundException", "The event bus does not exist."));
    }
    None
}
