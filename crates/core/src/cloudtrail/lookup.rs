//! LookupEvents: what is asked held against CloudTrail's rules, and the events of all servers in one order.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use strongroom_types::Timestamp;
use strongroom_types::time::DAY_MS;
use strongroom_wire::cloudtrail::errors::{
    INVALID_EVENT_CATEGORY_EXCEPTION, INVALID_LOOKUP_ATTRIBUTES_EXCEPTION, INVALID_MAX_RESULTS_EXCEPTION,
    INVALID_NEXT_TOKEN_EXCEPTION, INVALID_TIME_RANGE_EXCEPTION, UNSUPPORTED_OPERATION_EXCEPTION,
};
use strongroom_wire::cloudtrail::{
    Event, LookupAttribute, LookupEventsRequest, LookupEventsResponse, Resource as NamedResource,
};

use super::{Behind, CloudTrail, Peers, Question, Told, attribute};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::page::{self, Query};
use crate::trail::follow::Position;
use crate::trail::index::{DAYS, Facts, Hit, Lookup, Place};

/// Events of a page, at most; also when nothing else is asked.
const RESULTS_MAX: i32 = 50;
/// Characters of an attribute's value, at most.
const VALUE_MAX: usize = 2000;
/// The only category there is beside management events, which no category stands for.
const INSIGHT: &str = "insight";

/// An event of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Of the event, in seconds.
    pub time: i64,
    /// Where the server's trail has it.
    pub at: String,
    /// Its record.
    pub text: String,
}

impl From<Hit> for Found {
    fn from(hit: Hit) -> Self {
        Self { time: hit.place.time, at: hit.place.at.to_string(), text: hit.text }
    }
}

pub(super) fn no_index() -> Error {
    let text = "This server keeps no index of its audit trail: audit.index is false in its configuration.";
    Error::refused(UNSUPPORTED_OPERATION_EXCEPTION, text)
}

/// What the server called `node` is to look up; none when it has nothing behind the last event.
pub(super) fn of_node(question: &Question, node: &str) -> Option<Lookup> {
    let attribute = match &question.attribute {
        Some((key, value)) => Some((attribute(key)?, value.clone())),
        None => None,
    };
    let mut lookup = Lookup {
        account: question.account.clone(),
        attribute,
        from: question.from,
        until: question.until,
        behind: None,
        limit: question.limit,
    };
    if let Some(behind) = &question.behind {
        match node.cmp(&behind.node) {
            std::cmp::Ordering::Less => lookup.until = lookup.until.min(behind.time.saturating_sub(1)),
            std::cmp::Ordering::Equal => {
                lookup.behind = Some(Place { time: behind.time, at: behind.at.parse::<Position>().ok()? });
            }
            std::cmp::Ordering::Greater => lookup.until = lookup.until.min(behind.time),
        }
    }
    (lookup.from <= lookup.until).then_some(lookup)
}

impl CloudTrail {
    /// LookupEvents: the caller's account's events of the last ninety days, newest first, of all servers' trails.
    ///
    /// # Errors
    /// CloudTrail's for what is asked wrongly; ServiceUnavailableException when a server's events cannot be had; faults.
    pub async fn lookup_events(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: LookupEventsRequest,
        peers: &dyn Peers,
    ) -> Result<LookupEventsResponse, Error> {
        if let Some(category) = &input.event_category {
            if category != INSIGHT {
                let text = format!("The event category {category} is not valid. Valid is: {INSIGHT}.");
                return Err(Error::refused(INVALID_EVENT_CATEGORY_EXCEPTION, text));
            }
            // Insights are not computed, so there are no such events.
            return Ok(LookupEventsResponse { events: Some(Vec::new()), next_token: None });
        }
        let query = query(cx, &input);
        let mut question = self.question(cx, &input, &query)?;
        let wanted = question.limit;
        // One more tells whether there are more.
        question.limit = wanted + 1;
        let mut told =
            vec![Told { node: self.node().as_str().to_owned(), events: self.answer(&question, cx.now).await? }];
        told.extend(peers.ask(&question).await?);
        let mut events = merged(told, question.limit);
        let more = events.len() > wanted;
        events.truncate(wanted);
        let next_token = match events.last().filter(|_| more) {
            Some((node, found)) => {
                let place = format!("{} {node} {}", found.time, found.at);
                Some(page::seal(&self.documents, &query, &place)?)
            }
            None => None,
        };
        let mut shown: Vec<Event> = Vec::new();
        for event in events.into_iter().filter_map(|(_, found)| event(found.text)) {
            // When a server was taken for gone, its record may stand in another's trail too.
            if shown.iter().all(|other| other.event_id != event.event_id) {
                shown.push(event);
            }
        }
        Ok(LookupEventsResponse { events: Some(shown), next_token })
    }

    fn question(&self, cx: &Ctx, input: &LookupEventsRequest, query: &Query) -> Result<Question, Error> {
        let limit = input.max_results.unwrap_or(RESULTS_MAX);
        if !(1..=RESULTS_MAX).contains(&limit) {
            let text = format!("MaxResults must be from 1 to {RESULTS_MAX}.");
            return Err(Error::refused(INVALID_MAX_RESULTS_EXCEPTION, text));
        }
        let attribute = checked(input.lookup_attributes.as_deref().unwrap_or_default())?;
        let oldest = cx.now.plus_millis(-DAYS * DAY_MS);
        let (from, until) = (input.start_time.unwrap_or(oldest), input.end_time.unwrap_or(cx.now));
        if from > until {
            let text = "The start time must not be after the end time.";
            return Err(Error::refused(INVALID_TIME_RANGE_EXCEPTION, text));
        }
        let behind = match &input.next_token {
            Some(token) => {
                let invalid = || Error::refused(INVALID_NEXT_TOKEN_EXCEPTION, "The next token is not valid.");
                let place = match page::open(&self.documents, query, token) {
                    Err(Error::Refused(_)) => return Err(invalid()),
                    place => place?,
                };
                Some(behind(&place).ok_or_else(invalid)?)
            }
            None => None,
        };
        Ok(Question {
            account: cx.caller.account.to_string(),
            attribute,
            // Records have whole seconds.
            from: seconds_up(from.max(oldest)),
            until: until.seconds(),
            behind,
            limit: usize::try_from(limit).unwrap_or(1),
        })
    }
}

fn seconds_up(at: Timestamp) -> i64 {
    at.plus_millis(999).seconds()
}

/// The one attribute that may be asked for.
fn checked(attributes: &[LookupAttribute]) -> Result<Option<(String, String)>, Error> {
    let wrong = |text: String| Err(Error::refused(INVALID_LOOKUP_ATTRIBUTES_EXCEPTION, text));
    let one = match attributes {
        [] => return Ok(None),
        [one] => one,
        [..] => return wrong("Only one lookup attribute can be specified.".to_owned()),
    };
    let LookupAttribute { attribute_key, attribute_value } = one;
    if attribute(attribute_key).is_none() {
        return wrong(format!("The lookup attribute key {attribute_key} is not valid."));
    }
    if !(1..=VALUE_MAX).contains(&attribute_value.chars().count()) {
        return wrong(format!("The value of a lookup attribute must have from 1 to {VALUE_MAX} characters."));
    }
    if attribute_key == "ReadOnly" && !["true", "false"].contains(&attribute_value.as_str()) {
        return wrong("The value of the lookup attribute ReadOnly must be true or false.".to_owned());
    }
    Ok(Some((attribute_key.clone(), attribute_value.clone())))
}

/// What a token belongs to.
fn query(cx: &Ctx, input: &LookupEventsRequest) -> Query {
    let time = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.millis().to_string());
    let mut query = Query::new("LookupEvents")
        .part(cx.caller.account.as_str())
        .part(&time(input.start_time))
        .part(&time(input.end_time));
    for LookupAttribute { attribute_key, attribute_value } in input.lookup_attributes.iter().flatten() {
        query = query.part(attribute_key).part(attribute_value);
    }
    query
}

/// The place in a token.
fn behind(place: &str) -> Option<Behind> {
    let (time, rest) = place.split_once(' ')?;
    let (node, at) = rest.split_once(' ')?;
    Some(Behind { time: time.parse().ok()?, node: node.to_owned(), at: at.to_owned() })
}

/// The events of all servers in their order, at most `limit` of them.
pub(super) fn merged(told: Vec<Told>, limit: usize) -> Vec<(String, Found)> {
    let mut all = Vec::new();
    for Told { node, events } in told {
        all.extend(events.into_iter().map(|found| (node.clone(), found)));
    }
    // Those of one server are in their order already.
    all.sort_by(|(left_node, left), (right_node, right)| {
        (Reverse(left.time), left_node).cmp(&(Reverse(right.time), right_node))
    });
    all.truncate(limit);
    all
}

/// An event as it is answered.
fn event(text: String) -> Option<Event> {
    let facts = Facts::of(&text)?;
    let resources = facts.resources.iter().map(|(kind, name)| NamedResource {
        resource_type: Some(kind.to_string()),
        resource_name: Some(name.to_string()),
    });
    Some(Event {
        event_id: Some(facts.event_id.to_string()),
        event_name: Some(facts.name.to_string()),
        read_only: Some(facts.read_only.to_string()),
        access_key_id: facts.access_key.as_ref().map(ToString::to_string),
        event_time: Some(facts.time),
        event_source: Some(facts.source.to_string()),
        username: facts.user.as_ref().map(ToString::to_string),
        resources: Some(resources.collect()),
        cloud_trail_event: Some(text),
    })
}
