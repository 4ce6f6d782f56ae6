//! The context of a request: who asks, where, when, and the audit record that the request will leave.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_store::Batch;
use strongroom_types::{Region, Timestamp};

use crate::announcing;
use crate::caller::{Caller, NamedPolicy};
use crate::documents::Documents;
use crate::error::Error;
use crate::random_uuid;
use crate::trail::outbox;
use crate::trail::record::{Outcome, Record, Resource};

/// How a request came: what conditions ask about beside the caller and the operation.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// The client's address: `aws:SourceIp`, or `aws:VpcSourceIp` behind a private endpoint. None for what this server
    /// does on its own.
    pub source: Option<IpAddr>,
    /// Whether the connection was encrypted: `aws:SecureTransport`.
    pub secure: bool,
    /// `aws:UserAgent`.
    pub user_agent: Arc<str>,
    /// The private endpoint that the request came through.
    pub endpoint: Option<Arc<PrivateEndpoint>>,
}

/// A listener that stands for a VPC endpoint.
#[derive(Clone, Debug)]
pub struct PrivateEndpoint {
    /// Its id, `vpce-…`: `aws:SourceVpce`.
    pub id: Arc<str>,
    /// The id of its VPC, `vpc-…`: `aws:SourceVpc`.
    pub vpc: Arc<str>,
    /// The policy that bounds all that comes through it.
    pub policy: NamedPolicy,
}

/// A request on its way through the domain.
#[derive(Debug)]
pub struct Ctx {
    /// Who asks.
    pub caller: Arc<Caller>,
    /// The region that the request's signature names.
    pub region: Region,
    /// When the request was received. All of it happens at this instant.
    pub now: Timestamp,
    /// How it came.
    pub way: Way,
    record: Mutex<Record>,
    recorded: AtomicBool,
    denied: Mutex<Option<String>>,
    parts: Mutex<Vec<String>>,
}

impl Ctx {
    /// A context whose record is still to be written.
    #[must_use]
    pub fn new(caller: Arc<Caller>, region: Region, now: Timestamp, way: Way, record: Record) -> Self {
        Self {
            caller,
            region,
            now,
            way,
            record: Mutex::new(record),
            recorded: AtomicBool::new(false),
            denied: Mutex::new(None),
            parts: Mutex::default(),
        }
    }

    /// Adds the record of something that a service did for the request's caller, such as a call of KMS. It is written
    /// together with the request's own.
    pub fn add_part(&self, line: String) {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// Takes the records of parts that were not yet written.
    #[must_use]
    pub fn take_parts(&self) -> Vec<String> {
        std::mem::take(&mut *self.parts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the record before it is written, such as to add the request's parameters.
    pub fn amend_record(&self, change: impl FnOnce(&mut Record)) {
        change(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Looks at the record as it stands.
    pub fn with_record<T>(&self, look: impl FnOnce(&Record) -> T) -> T {
        look(&self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps the authorization message of a denial, in the form that DecodeAuthorizationMessage answers.
    pub fn set_denied(&self, message: String) {
        *self.denied.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
    }

    /// Takes the authorization message of the denial, if the request was denied.
    #[must_use]
    pub fn take_denied(&self) -> Option<String> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The record as it ends with `outcome`: its event id and its line.
    #[must_use]
    pub fn finish_record(&self, outcome: &Outcome) -> (String, String) {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        (record.event_id.clone(), record.finish(outcome))
    }

    /// A copy of the record as it stands, for the record of a part of this request.
    #[must_use]
    pub fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Commits `batch` together with this request's record of success. After it, the record counts as written.
    ///
    /// # Errors
    /// As [`Documents::commit`].
    pub async fn commit(&self, documents: &Documents, mut batch: Batch, done: Done) -> Result<(), Error> {
        self.push_success(&mut batch, documents, done)?;
        // Where the store cannot say whether it kept the batch, or something fails behind it, the failure is recorded
        // too. It is another event: of two records with one id, the second is taken for the first again.
        let next = random_uuid(documents.random())?;
        self.amend_record(|record| record.event_id = next);
        documents.commit(batch).await?;
        self.recorded.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether the record was committed with a change.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.recorded.load(Ordering::Acquire)
    }

    /// The record of success as an entry of the feed, and the event that it makes as another.
    fn push_success(&self, batch: &mut Batch, documents: &Documents, done: Done) -> Result<(), Error> {
        let resources = done
            .arn
            .map(|arn| Resource {
                account_id: owner_in(&arn).unwrap_or(self.caller.account.as_str()).to_owned(),
                arn,
                kind: done.resource_kind.to_owned(),
            })
            .into_iter()
            .collect();
        let outcome = Outcome::Success { response_elements: done.response_elements, resources };
        let (event_id, own) = self.finish_record(&outcome);
        batch.feed.extend(self.with_record(|record| announcing::entry_of_record(documents, record, &own))?);
        // Parts go with it, ahead of it: where it stands in the trail, they do.
        let parts = self.take_parts();
        let line = if parts.is_empty() {
            own
        } else {
            let mut lines: Vec<String> = parts;
            lines.push(own);
            lines.join(outbox::JOINT)
        };
        let (keyring, random) = (documents.keyring(), documents.random());
        batch.feed.push(outbox::seal_entry(documents.records(), keyring, random, &event_id, &line)?);
        Ok(())
    }
}

/// The account in an ARN: what was changed may be another account's.
fn owner_in(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| account.len() == 12)
}

/// What a committed change tells the audit record.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// The response elements as a JSON object, or none.
    pub response_elements: Option<String>,
    /// The resource that was changed.
    pub arn: Option<String>,
    /// Its type, such as `AWS::SecretsManager::Secret`.
    pub resource_kind: &'static str,
}
