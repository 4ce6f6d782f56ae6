//! Names and ARNs of what EventBridge has, and leave to act on it.

use std::sync::Arc;

use super::Events;
use super::destination::{CONNECTION_KIND, document_key as destination_key};
use super::destination::{Connection, DESTINATION_KIND, Destination};
use super::refusals;
use super::rule::{RULE_KIND, Rule, document_key};
use crate::access::{EntityRef, Permit, RequestKeys, Resource, authorize};
use crate::ctx::Ctx;
use crate::error::Error;

/// The name of the only bus.
pub const BUS: &str = "default";
/// How records name the type of a bus.
pub const BUS_KIND: &str = "AWS::Events::EventBus";

/// Headers that tell how a request is carried, which belong to whoever carries it.
const OF_CARRIERS: [&str; 12] = [
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Refuses the name of a header that a request to an endpoint may not have by the caller's wish.
pub(super) fn check_header(parameter: &str, name: &str) -> Result<(), Error> {
    if OF_CARRIERS.iter().any(|other| name.eq_ignore_ascii_case(other)) {
        return Err(refusals::not_valid(parameter, &format!("The header {name} may not be set.")));
    }
    Ok(())
}

/// The ARN of what an account has in a region.
#[must_use]
pub fn arn(partition: &str, region: &str, account: &str, resource: &[&str]) -> String {
    ["arn:", partition, ":events:", region, ":", account, ":", &resource.concat()].concat()
}

/// The ARN of something of the caller's account.
pub(super) fn own_arn(cx: &Ctx, resource: &[&str]) -> String {
    arn(cx.region.partition(), cx.region.as_str(), cx.caller.account.as_str(), resource)
}

/// Refuses every bus but the default one.
pub(super) fn check_bus(cx: &Ctx, bus: Option<&str>) -> Result<(), Error> {
    match bus {
        None | Some(BUS) => Ok(()),
        Some(bus) if bus == own_arn(cx, &["event-bus/", BUS]) => Ok(()),
        Some(other) => Err(refusals::no_bus(other)),
    }
}

/// What is named by the ARN that a permit is for, behind `kind`.
pub(super) fn permitted_name<'a>(permit: &'a Permit, kind: &str) -> Result<&'a str, Error> {
    let arn = permit.resource().entity().map(|entity| entity.arn.as_str());
    let resource = arn.and_then(|arn| arn.splitn(6, ':').nth(5));
    let name = resource.and_then(|resource| resource.strip_prefix(kind)?.strip_prefix('/'));
    name.ok_or_else(|| Error::internal(format!("a permit for something else was used on a {kind}")))
}

impl Events {
    /// Leave for an action on a rule of the caller's account, there or not.
    ///
    /// # Errors
    /// ResourceNotFoundException for another bus than the default one; AccessDeniedException.
    pub async fn permitted_rule(
        &self,
        cx: &Ctx,
        action: &'static str,
        name: &str,
        bus: Option<&str>,
        keys: &dyn RequestKeys,
    ) -> Result<Permit, Error> {
        let key = document_key(cx.caller.account.as_str(), cx.region.as_str(), name);
        let found = self.documents.load::<Rule>(key).await?;
        let tags = found.map(|rule| rule.value.tags.clone().into_iter().collect()).unwrap_or_default();
        let permit = permitted(cx, action, own_arn(cx, &["rule/", name]), RULE_KIND, tags, keys)?;
        check_bus(cx, bus)?;
        Ok(permit)
    }

    /// Leave for an action on what an ARN names: a rule, as only rules have tags here.
    ///
    /// # Errors
    /// ResourceNotFoundException, AccessDeniedException.
    pub async fn permitted_arn(
        &self,
        cx: &Ctx,
        action: &'static str,
        arn: &str,
        keys: &dyn RequestKeys,
    ) -> Result<Permit, Error> {
        let rule = arn.strip_prefix(own_arn(cx, &["rule/"]).as_str());
        // A rule of the default bus may be named with the bus.
        let name = rule.map(|name| name.strip_prefix("default/").unwrap_or(name));
        match name {
            Some(name) => self.permitted_rule(cx, action, name, None, keys).await,
            None => Err(refusals::no_resource(arn)),
        }
    }

    /// Leave for an action on the bus.
    ///
    /// # Errors
    /// AccessDeniedException.
    pub fn permitted_bus(cx: &Ctx, action: &'static str, keys: &dyn RequestKeys) -> Result<Permit, Error> {
        permitted(cx, action, own_arn(cx, &["event-bus/", BUS]), BUS_KIND, Vec::new(), keys)
    }

    /// Leave for an action on a connection, there or not.
    ///
    /// # Errors
    /// AccessDeniedException.
    pub fn permitted_connection(cx: &Ctx, action: &'static str, name: &str) -> Result<Permit, Error> {
        permitted(cx, action, own_arn(cx, &["connection/", name]), CONNECTION_KIND, Vec::new(), &())
    }

    /// Leave for an action on an API destination, there or not.
    ///
    /// # Errors
    /// AccessDeniedException.
    pub fn permitted_destination(cx: &Ctx, action: &'static str, name: &str) -> Result<Permit, Error> {
        permitted(cx, action, own_arn(cx, &["api-destination/", name]), DESTINATION_KIND, Vec::new(), &())
    }

    /// The API destination of an ARN with its connection, as they are now.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn destination_of(&self, arn: &str) -> Result<Option<(Arc<Destination>, Arc<Connection>)>, Error> {
        let Some(destination) = self.of_arn::<Destination>(arn, "api-destination").await? else { return Ok(None) };
        let connection = self.connection_of(&destination).await?;
        Ok(connection.map(|connection| (destination, connection)))
    }

    /// The connection of an API destination, which is of the same account and region or none.
    pub(super) async fn connection_of(&self, destination: &Destination) -> Result<Option<Arc<Connection>>, Error> {
        let found = self.of_arn::<Connection>(&destination.connection_arn, "connection").await?;
        let own = (&destination.account, &destination.region);
        Ok(found.filter(|connection| (&connection.account, &connection.region) == own))
    }

    pub(super) async fn of_arn<T: super::destination::Named>(
        &self,
        arn: &str,
        kind: &str,
    ) -> Result<Option<Arc<T>>, Error> {
        let mut parts = arn.splitn(6, ':').skip(3);
        let (Some(region), Some(account), Some(resource)) = (parts.next(), parts.next(), parts.next()) else {
            return Ok(None);
        };
        let mut names = resource.split('/');
        let (Some(named), Some(name)) = (names.next(), names.next()) else { return Ok(None) };
        if named != kind {
            return Ok(None);
        }
        let found = self.documents.load::<T>(destination_key(account, region, name)).await?;
        Ok(found.map(|found| found.value).filter(|found| found.arn() == arn))
    }
}

fn permitted(
    cx: &Ctx,
    action: &'static str,
    arn: String,
    kind: &'static str,
    tags: Vec<(String, String)>,
    keys: &dyn RequestKeys,
) -> Result<Permit, Error> {
    let account = cx.caller.account.clone();
    let entity = EntityRef { asked: None, arn, account, tags, boundary: None, kind };
    authorize(cx, action, Resource::Entity(Arc::new(entity)), keys)
}
