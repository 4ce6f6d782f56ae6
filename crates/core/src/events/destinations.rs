//! API destinations: made, described, listed, changed, deleted.

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_types::Timestamp;
use strongroom_wire::events::{
    ApiDestination, ApiDestinationHttpMethod, ApiDestinationState, CreateApiDestinationRequest,
    CreateApiDestinationResponse, DeleteApiDestinationRequest, DeleteApiDestinationResponse,
    DescribeApiDestinationRequest, DescribeApiDestinationResponse, ListApiDestinationsRequest,
    ListApiDestinationsResponse, UpdateApiDestinationRequest, UpdateApiDestinationResponse,
};
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::record;

use super::destination::{Connection, DESTINATION_KIND, Destination, Named as _, document_key};
use super::named::{own_arn, permitted_name};
use super::{Events, refusals};
use crate::access::{Permit, without_keys};
use crate::ctx::{Ctx, Done};
use crate::documents::{Document as _, Loaded, retry};
use crate::error::Error;
use crate::random_uuid;

/// Calls in a second when the request does not say (EventBridge's API reference).
const RATE_DEFAULT: i32 = 300;
/// API destinations of an account and region, at most (EventBridge's quotas).
const DESTINATIONS_MAX: usize = 3000;
/// How refusals call one.
const WHAT: &str = "ApiDestination";

without_keys!(
    CreateApiDestinationRequest,
    DeleteApiDestinationRequest,
    DescribeApiDestinationRequest,
    ListApiDestinationsRequest,
    UpdateApiDestinationRequest,
);

impl Events {
    /// Makes an API destination.
    ///
    /// # Errors
    /// ResourceAlreadyExistsException, ResourceNotFoundException for its connection, LimitExceededException;
    /// ValidationException for an endpoint that no target may be here.
    pub async fn create_api_destination(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: CreateApiDestinationRequest,
    ) -> Result<CreateApiDestinationResponse, Error> {
        let name = permitted_name(permit, "api-destination")?;
        self.connection_there(cx, &input.connection_arn).await?;
        self.check_endpoint(&input.invocation_endpoint)?;
        let new = Destination {
            account: cx.caller.account.to_string(),
            region: cx.region.to_string(),
            partition: cx.region.partition().to_owned(),
            name: name.to_owned(),
            id: random_uuid(self.documents.random())?,
            description: input.description,
            connection_arn: input.connection_arn,
            url: input.invocation_endpoint,
            method: input.http_method.as_str().to_owned(),
            rate_max: input.invocation_rate_limit_per_second.unwrap_or(RATE_DEFAULT),
            created_ms: cx.now.millis(),
            changed_ms: cx.now.millis(),
        };
        let prefix = document_key(&new.account, &new.region, "");
        if self.documents.scan::<Destination>(&prefix, None, DESTINATIONS_MAX).await?.len() >= DESTINATIONS_MAX {
            return Err(refusals::limit());
        }
        let _turn = self.documents.writer::<Destination>(&new.key()).await?;
        retry(|| async {
            if self.documents.load::<Destination>(new.key()).await?.is_some() {
                return Err(refusals::exists(WHAT, &new.name));
            }
            let response = CreateApiDestinationResponse {
                api_destination_arn: Some(new.arn()),
                api_destination_state: Some(ApiDestinationState::Active),
                creation_time: Some(Timestamp::from_millis(new.created_ms)),
                last_modified_time: Some(Timestamp::from_millis(new.changed_ms)),
            };
            self.put_destination(cx, None, new.clone(), Some(record::encode(&response))).await?;
            Ok(response)
        })
        .await
    }

    /// Refuses a connection that the caller's account does not have, also one of another account whose ARN is known.
    async fn connection_there(&self, cx: &Ctx, arn: &str) -> Result<(), Error> {
        let is_own = arn.starts_with(&own_arn(cx, &["connection/"]));
        let found = if is_own { self.of_arn::<Connection>(arn, "connection").await? } else { None };
        found.map(drop).ok_or_else(|| refusals::absent("connection", arn))
    }

    async fn put_destination(
        &self,
        cx: &Ctx,
        before: Option<&Loaded<Destination>>,
        after: Destination,
        response_elements: Option<String>,
    ) -> Result<(), Error> {
        let mut batch = Batch::named("put_api_destination");
        let done = Done { response_elements, arn: Some(after.arn()), resource_kind: DESTINATION_KIND };
        self.documents.put(&mut batch, before, &Arc::new(after))?;
        cx.commit(&self.documents, batch, done).await
    }

    async fn destination(&self, cx: &Ctx, permit: &Permit) -> Result<Loaded<Destination>, Error> {
        let name = permitted_name(permit, "api-destination")?;
        let key = document_key(cx.caller.account.as_str(), cx.region.as_str(), name);
        self.documents.load::<Destination>(key).await?.ok_or_else(|| refusals::absent(WHAT, name))
    }

    /// An API destination.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn describe_api_destination(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: DescribeApiDestinationRequest,
    ) -> Result<DescribeApiDestinationResponse, Error> {
        let found = self.destination(cx, permit).await?.value;
        let state = self.state_of(&found).await?;
        Ok(DescribeApiDestinationResponse {
            api_destination_arn: Some(found.arn()),
            name: Some(found.name.clone()),
            description: found.description.clone(),
            api_destination_state: Some(state),
            connection_arn: Some(found.connection_arn.clone()),
            invocation_endpoint: Some(found.url.clone()),
            http_method: ApiDestinationHttpMethod::parse(&found.method),
            invocation_rate_limit_per_second: Some(found.rate_max),
            creation_time: Some(Timestamp::from_millis(found.created_ms)),
            last_modified_time: Some(Timestamp::from_millis(found.changed_ms)),
        })
    }

    /// Active while its connection is there and authorized.
    async fn state_of(&self, destination: &Destination) -> Result<ApiDestinationState, Error> {
        let connection = self.connection_of(destination).await?;
        let authorized = connection.is_some_and(|connection| connection.secret_arn.is_some());
        Ok(if authorized { ApiDestinationState::Active } else { ApiDestinationState::Inactive })
    }

    /// The account's API destinations, in the order of their names.
    ///
    /// # Errors
    /// ValidationException for a token that is none.
    pub async fn list_api_destinations(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListApiDestinationsRequest,
    ) -> Result<ListApiDestinationsResponse, Error> {
        let prefix = input.name_prefix.unwrap_or_default();
        let (token, limit) = (input.next_token.as_deref(), input.limit);
        let (found, next_token) = self.page::<Destination>(cx, "ListApiDestinations", &prefix, token, limit).await?;
        let mut shown = Vec::with_capacity(found.len());
        for found in found {
            if input.connection_arn.as_ref().is_some_and(|arn| *arn != found.connection_arn) {
                continue;
            }
            shown.push(ApiDestination {
                api_destination_arn: Some(found.arn()),
                name: Some(found.name.clone()),
                api_destination_state: Some(self.state_of(&found).await?),
                connection_arn: Some(found.connection_arn.clone()),
                invocation_endpoint: Some(found.url.clone()),
                http_method: ApiDestinationHttpMethod::parse(&found.method),
                invocation_rate_limit_per_second: Some(found.rate_max),
                creation_time: Some(Timestamp::from_millis(found.created_ms)),
                last_modified_time: Some(Timestamp::from_millis(found.changed_ms)),
            });
        }
        Ok(ListApiDestinationsResponse { api_destinations: Some(shown), next_token })
    }

    /// Changes what the request names of an API destination.
    ///
    /// # Errors
    /// ResourceNotFoundException, ValidationException.
    pub async fn update_api_destination(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: UpdateApiDestinationRequest,
    ) -> Result<UpdateApiDestinationResponse, Error> {
        if let Some(arn) = &input.connection_arn {
            self.connection_there(cx, arn).await?;
        }
        if let Some(url) = &input.invocation_endpoint {
            self.check_endpoint(url)?;
        }
        retry(|| async {
            let before = self.destination(cx, permit).await?;
            let mut after = Destination::clone(&before.value);
            after.changed_ms = cx.now.millis();
            after.description = input.description.clone().or(after.description);
            after.connection_arn = input.connection_arn.clone().unwrap_or(after.connection_arn);
            after.url = input.invocation_endpoint.clone().unwrap_or(after.url);
            after.method = input.http_method.map_or(after.method, |method| method.as_str().to_owned());
            after.rate_max = input.invocation_rate_limit_per_second.unwrap_or(after.rate_max);
            let response = UpdateApiDestinationResponse {
                api_destination_arn: Some(after.arn()),
                api_destination_state: Some(self.state_of(&after).await?),
                creation_time: Some(Timestamp::from_millis(after.created_ms)),
                last_modified_time: Some(Timestamp::from_millis(after.changed_ms)),
            };
            self.put_destination(cx, Some(&before), after, Some(record::encode(&response))).await?;
            Ok(response)
        })
        .await
    }

    /// Deletes an API destination. Rules that have it as a target keep it, and their events become dead letters.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn delete_api_destination(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: DeleteApiDestinationRequest,
    ) -> Result<DeleteApiDestinationResponse, Error> {
        retry(|| async {
            let before = self.destination(cx, permit).await?;
            let mut batch = Batch::named("delete_api_destination");
            self.documents.delete(&mut batch, &before);
            let done = Done { arn: Some(before.value.arn()), resource_kind: DESTINATION_KIND, ..Done::default() };
            cx.commit(&self.documents, batch, done).await?;
            Ok(DeleteApiDestinationResponse::default())
        })
        .await
    }
}
