//! Figures of requests: how many, by operation, result and account, and how long they took.
//!
//! What was carried out counts in tables of plain atomics: no lock, no allocation. What was refused counts by the error's
//! code in a map behind a lock, as refusals are rarer and their codes many.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Unit;
use strongroom_types::{AccountId, Stopwatch, Times};
use strongroom_wire::ops::AnyOperation;

use super::accounts::{Accounts, Row};
use super::family::encode_times;

/// How the result of what was carried out is told.
const OK: &str = "ok";
/// How the result of what failed on the server's side is told, whatever the client was told.
pub(crate) const FAULT: &str = "fault";
/// How an operation is told of a request that names none.
const UNKNOWN: &str = "unknown";
/// Operations, accounts and codes that are told apart among what was refused. All of them come from the program, save
/// accounts, which are bounded.
const REFUSED_MAX: usize = 20_000;

/// Figures of requests.
pub(crate) struct RequestFigures {
    /// Whether anybody asks for them.
    on: bool,
    /// In their order, so that an operation's place is found.
    operations: Vec<AnyOperation>,
    accounts: Accounts,
    /// What was carried out: a row for each account, a column for each operation.
    carried_out: Box<[AtomicU64]>,
    /// What was not.
    refused: Mutex<HashMap<Refused, u64>>,
    /// By operation, and the last of those that name none.
    latencies: Box<[Times]>,
    signatures_refused: AtomicU64,
    deleted_reads: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Refused {
    row: Row,
    operation: usize,
    code: &'static str,
}

/// A request that is being timed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun(Option<Stopwatch>);

impl RequestFigures {
    /// Figures that tell up to `accounts_max` accounts apart. With `on` false nothing is counted.
    pub(crate) fn new(on: bool, accounts_max: u32) -> Self {
        let mut operations: Vec<AnyOperation> = AnyOperation::all().collect();
        operations.sort_unstable();
        let accounts = Accounts::new(if on { accounts_max } else { 0 });
        let cells = if on { accounts.rows() * operations.len() } else { 0 };
        Self {
            on,
            carried_out: (0..cells).map(|_| AtomicU64::new(0)).collect(),
            latencies: (0..if on { operations.len() + 1 } else { 0 }).map(|_| Times::default()).collect(),
            refused: Mutex::default(),
            operations,
            accounts,
            signatures_refused: AtomicU64::new(0),
            deleted_reads: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
        }
    }

    /// Begins to time a request.
    pub(crate) fn begin(&self) -> Begun {
        Begun(self.on.then(Stopwatch::start))
    }

    /// Where requests of an account count.
    pub(crate) fn row(&self, account: &AccountId) -> Row {
        if self.on { self.accounts.row(account) } else { Row::NONE }
    }

    /// Counts a request that was answered: with an error's `code`, or as it was asked for.
    pub(crate) fn count(&self, begun: Begun, operation: Option<AnyOperation>, row: Row, code: Option<&'static str>) {
        let Begun(Some(begun)) = begun else { return };
        let known = operation.and_then(|operation| self.operations.binary_search(&operation).ok());
        let at = known.unwrap_or(self.operations.len());
        if let Some(latency) = self.latencies.get(at) {
            latency.add(begun.elapsed());
        }
        match (code, known) {
            (None, Some(at)) => {
                if let Some(cell) = self.carried_out.get(row.number() * self.operations.len() + at) {
                    cell.fetch_add(1, Ordering::Relaxed);
                }
            }
            (code, _) => self.count_refused(Refused { row, operation: at, code: code.unwrap_or(OK) }),
        }
    }

    fn count_refused(&self, refused: Refused) {
        let mut counts = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() < REFUSED_MAX || counts.contains_key(&refused) {
            *counts.entry(refused).or_default() += 1;
        }
    }

    /// Counts the bytes of a request's body and of its answer's.
    pub(crate) fn count_bytes(&self, request: usize, answer: usize) {
        if self.on {
            self.bytes_in.fetch_add(u64::try_from(request).unwrap_or(0), Ordering::Relaxed);
            self.bytes_out.fetch_add(u64::try_from(answer).unwrap_or(0), Ordering::Relaxed);
        }
    }

    /// Counts a request whose signature was refused.
    pub(crate) fn signature_refused(&self) {
        self.signatures_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an attempt to use the value of a secret that is scheduled for deletion.
    pub(crate) fn deleted_secret_read(&self) {
        self.deleted_reads.fetch_add(1, Ordering::Relaxed);
    }

    /// Service and operation at a place.
    fn named(&self, at: usize) -> (&'static str, &'static str) {
        let operation = self.operations.get(at);
        operation.map_or((UNKNOWN, UNKNOWN), |operation| (operation.service().signing_name, operation.name()))
    }

    /// All counts: service, operation, result, account.
    fn counts(&self) -> Vec<([(&'static str, String); 4], u64)> {
        let labels = |row: Row, at: usize, result: &str| {
            let (service, operation) = self.named(at);
            let account = self.accounts.told(row);
            [
                ("service", service.to_owned()),
                ("operation", operation.to_owned()),
                ("result", result.to_owned()),
                ("account", account),
            ]
        };
        let mut counts = Vec::new();
        for row in self.accounts.used() {
            for at in 0..self.operations.len() {
                let cell = self.carried_out.get(row.number() * self.operations.len() + at);
                let count = cell.map_or(0, |cell| cell.load(Ordering::Relaxed));
                if count > 0 {
                    counts.push((labels(row, at, OK), count));
                }
            }
        }
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        counts.extend(refused.into_iter().map(|(key, count)| (labels(key.row, key.operation, key.code), count)));
        // Always in one order, whatever that of the map.
        counts.sort_unstable();
        counts
    }
}

impl fmt::Debug for RequestFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestFigures").field("on", &self.on).finish_non_exhaustive()
    }
}

impl Collector for RequestFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let told = "Requests that were answered. result is ok, the code of the error, or fault";
        let mut requests = encoder.encode_descriptor("requests", told, None, MetricType::Counter)?;
        for (labels, count) in self.counts() {
            ConstCounter::new(count).encode(requests.encode_family(&labels)?)?;
        }
        let told = "How long requests took, from the last byte of the request to the answer";
        let seconds = Unit::Seconds;
        let mut latencies =
            encoder.encode_descriptor("request_duration", told, Some(&seconds), MetricType::Histogram)?;
        for (at, latency) in self.latencies.iter().enumerate() {
            let (service, operation) = self.named(at);
            let family = [("service", service), ("operation", operation)];
            if latency.buckets().iter().any(|(_, count)| *count > 0) {
                encode_times(latency, &mut latencies.encode_family(&family)?)?;
            }
        }
        for (name, unit, told, count) in [
            ("signatures_refused", None, "Requests whose signature was refused", &self.signatures_refused),
            (
                "deleted_secret_reads",
                None,
                "Attempts to read the value of a secret that is scheduled for deletion",
                &self.deleted_reads,
            ),
            ("request_body", Some(Unit::Bytes), "Bytes of requests' bodies", &self.bytes_in),
            ("answer_body", Some(Unit::Bytes), "Bytes of answers' bodies", &self.bytes_out),
        ] {
            let count = ConstCounter::new(count.load(Ordering::Relaxed));
            count.encode(encoder.encode_descriptor(name, told, unit.as_ref(), MetricType::Counter)?)?;
        }
        Ok(())
    }
}
