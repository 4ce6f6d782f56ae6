//! Functions: Lambda as AWS has it, as far as rotation needs it. Functions with code, versions, aliases, policies, tags and
//! concurrency; their invocation by callers and by services; what runs them is handed in as a [`Host`], and where others are
//! as [`sites::Sites`].

mod aliases;
pub mod code;
mod concurrency;
mod conditions;
mod configuration;
mod create;
mod delete;
mod for_events;
pub mod host;
mod invoke;
mod lists;
pub mod model;
mod permissions;
mod reads;
mod refusals;
pub mod resolve;
mod roles;
mod running;
mod services;
mod shown;
pub mod sites;
mod tags;
mod telling;
mod updates;
mod versions;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_types::{AccountId, Clock, Region};
use tokio::sync::MutexGuard;

pub use self::code::Code;
pub use self::host::{Host, HostFailure, Hosting, Invocation, Invoked, NoHost, RoleCredentials};
pub use self::invoke::{Begun, Prepared};
pub use self::model::{Configuration, FUNCTION_KIND, Function};

use self::model::document_key;
use self::resolve::FunctionRef;
use self::running::{Later, Running};
use self::sites::Sites;
use crate::access::{Permit, RequestKeys, Resource, authorize};
use crate::ctx::{Ctx, Done};
use crate::documents::{Documents, Loaded, retry};
use crate::error::Error;
use crate::identities::Identities;
use crate::random_uuid;
use crate::sts::Sts;

/// The service as principals name it.
pub const LAMBDA: &str = "lambda.amazonaws.com";
/// What the handlers of native packages begin with.
pub const NATIVE: &str = "strongroom/";

/// The operations of Lambda.
pub struct Functions {
    documents: Arc<Documents>,
    identities: Arc<Identities>,
    sts: Sts,
    host: Arc<dyn Host>,
    sites: Sites,
    clock: Arc<dyn Clock>,
    region: Region,
    running: Arc<Running>,
    later: Arc<Later>,
}

impl Functions {
    /// Functions of `region` kept in `documents`, run by `host`.
    #[must_use]
    pub fn new(
        documents: Arc<Documents>,
        identities: Arc<Identities>,
        host: Arc<dyn Host>,
        clock: Arc<dyn Clock>,
        region: Region,
    ) -> Self {
        let sts = Sts::new(Arc::clone(&identities), Arc::clone(&documents));
        let sites = Sites::default();
        Self { documents, identities, sts, host, sites, clock, region, running: Arc::default(), later: Arc::default() }
    }

    /// The same with functions at places outside of this server, for what services do: callers are told of those that are
    /// here alone.
    #[must_use]
    pub fn with_sites(mut self, sites: Sites) -> Self {
        self.sites = sites;
        self
    }

    /// The function that a request names, with the qualifier that stands beside the name.
    ///
    /// # Errors
    /// As [`FunctionRef::resolve`].
    pub async fn resolve(&self, cx: &Ctx, asked: &str, beside: Option<&str>) -> Result<Arc<FunctionRef>, Error> {
        FunctionRef::resolve(&self.documents, cx, asked, beside).await.map(Arc::new)
    }

    /// Leave for an action on a function.
    ///
    /// # Errors
    /// AccessDeniedException; faults.
    pub fn permitted(
        &self,
        cx: &Ctx,
        action: &'static str,
        function: &Arc<FunctionRef>,
        keys: &dyn RequestKeys,
    ) -> Result<Permit, Error> {
        authorize(cx, action, Resource::Function(Arc::clone(function)), keys)
    }

    /// Waits until no other change of the permitted function is under way on this node, and loads it as it is now.
    async fn to_change(&self, function: &FunctionRef) -> Result<(MutexGuard<'_, ()>, Loaded<Function>), Error> {
        let absent = || refusals::not_found(&function.qualified());
        let key = function.found.as_ref().map(|found| found.value.document_key()).ok_or_else(absent)?;
        let turn = self.documents.writer::<Function>(&key).await?;
        let found = self.documents.load::<Function>(key).await?.ok_or_else(absent)?;
        Ok((turn, found))
    }

    /// Changes the permitted function by `change`, which also gives the answer, and commits it with the request's record.
    async fn change<T>(
        &self,
        cx: &Ctx,
        permit: &Permit,
        name: &'static str,
        change: impl Fn(&mut Function, &mut Batch) -> Result<T, Error>,
        recorded: impl Fn(&T) -> Option<String>,
    ) -> Result<T, Error> {
        retry(|| async {
            let (_turn, before) = self.to_change(permit.function()?).await?;
            let mut after = Function::clone(&before.value);
            let mut batch = Batch::named(name);
            let answer = change(&mut after, &mut batch)?;
            let after = Arc::new(after);
            self.documents.put(&mut batch, Some(&before), &after)?;
            cx.commit(&self.documents, batch, done(&after, recorded(&answer))).await?;
            Ok(answer)
        })
        .await
    }

    /// A new revision id.
    fn new_id(&self) -> Result<String, Error> {
        Ok(random_uuid(self.documents.random())?)
    }
}

impl Function {
    fn document_key(&self) -> String {
        document_key(&self.account, &self.region, &self.name)
    }
}

/// What the record of a change of a function says.
fn done(function: &Function, response_elements: Option<String>) -> Done {
    Done { response_elements, arn: Some(function.arn()), resource_kind: FUNCTION_KIND }
}

/// The account of an ARN.
fn account_of(arn: &str) -> Option<AccountId> {
    arn.split(':').nth(4).and_then(|account| AccountId::parse(account).ok())
}
