//! The operations of Strongroom's own service (awsJson1_1): databases whose users' secrets it owns, and events
//! that were not delivered.

use std::sync::Arc;

use strongroom_core::access::RequestKeys;
use strongroom_core::databases::DATABASE_KIND;
use strongroom_core::{Ctx, Databases, Error, Events, Permit, Resource, Secrets, authorize};
use strongroom_wire::Shape;
use strongroom_wire::strongroom::{
    DeregisterDatabaseRequest, DescribeDatabasesRequest, Operation, RegisterDatabaseRequest,
};
use strongroom_wire::{json, record};

use super::{Acted, Answered};
use crate::app::App;

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub async fn run(app: &App, cx: &Ctx, operation: Operation, body: &[u8]) -> Result<Answered, Error> {
    let call =
        Operated { databases: &app.databases, events: &app.events.bridge, secrets: &app.secrets, cx, operation, body };
    match operation {
        Operation::RegisterDatabase => {
            call.on_database(|i: &RegisterDatabaseRequest| Some(i.database_id.as_str()), Databases::register_database)
                .await
        }
        Operation::DescribeDatabases => {
            call.on_database(|i: &DescribeDatabasesRequest| i.database_id.as_deref(), Databases::describe_databases)
                .await
        }
        Operation::DescribeDeadLetters => call.on_events(Events::describe_dead_letters).await,
        Operation::RetryDeadLetters => call.on_events(Events::retry_dead_letters).await,
        Operation::DropDeadLetters => call.on_events(Events::drop_dead_letters).await,
        Operation::DeregisterDatabase => {
            call.on_database(
                |i: &DeregisterDatabaseRequest| Some(i.database_id.as_str()),
                Databases::deregister_database,
            )
            .await
        }
    }
}

/// A call that is being answered.
struct Operated<'a> {
    databases: &'a Databases,
    events: &'a Events,
    secrets: &'a Secrets,
    cx: &'a Ctx,
    operation: Operation,
    body: &'a [u8],
}

impl Operated<'_> {
    /// An operation on what the account has of events.
    async fn on_events<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&Events, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = json::decode(self.body)?;
        let parameters = record::encode(&input);
        self.cx.amend_record(|record| record.request_parameters = Some(parameters));
        let permit = authorize(self.cx, self.operation.action(), Resource::Account, &input)?;
        let output = operation(self.events, self.cx, &permit, input).await?;
        Ok(Answered { body: json::encode(&output), ..Answered::default() })
    }

    /// An operation on the database that the input names, or on the account when it names none.
    async fn on_database<I, O, F>(&self, id: fn(&I) -> Option<&str>, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&Databases, &Secrets, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = json::decode(self.body)?;
        let parameters = record::encode(&input);
        self.cx.amend_record(|record| record.request_parameters = Some(parameters));
        let (resource, acted) = match id(&input) {
            None => (Resource::Account, None),
            Some(id) => {
                let database = self.databases.resolve(self.cx, id).await?;
                let (arn, account) = (database.arn.clone(), database.account.clone());
                let acted = database.found.is_some().then_some(Acted { arn, account, kind: DATABASE_KIND });
                (Resource::Database(Arc::new(database)), acted)
            }
        };
        let permit = authorize(self.cx, self.operation.action(), resource, &input)?;
        let output = operation(self.databases, self.secrets, self.cx, &permit, input).await?;
        Ok(Answered { body: json::encode(&output), acted, ..Answered::default() })
    }
}
