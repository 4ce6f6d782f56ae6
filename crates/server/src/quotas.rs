//! How often an account may call: AWS's rates for Secrets Manager, and those that the operator sets, each for itself.
//!
//! A rate is kept by the generic cell rate algorithm (ITU-T I.371): one number for each account and rate, the instant
//! at which all that was let through would have been due had it come evenly. Accounts share nothing, so that none can
//! use up what is another's. Each server counts for itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use strongroom_types::{AccountId, Timestamp};
use strongroom_wire::ops::AnyOperation;
use strongroom_wire::secretsmanager::Operation;

use crate::config::QuotasConfig;

const NANOS_A_SECOND: i64 = 1_000_000_000;
const NANOS_A_MILLISECOND: i64 = 1_000_000;
/// What stands behind a service's name for all of its operations.
const ALL: &str = "*";

/// A rate that operations share.
struct Shared {
    name: &'static str,
    per_second: u32,
    operations: &'static [Operation],
}

const fn one(name: &'static str, per_second: u32, operations: &'static [Operation]) -> Shared {
    Shared { name, per_second, operations }
}

/// The rates of Secrets Manager on AWS, requests a second for each account and region (User Guide, "Quotas").
const OF_AWS: [Shared; 13] = [
    one("DescribeSecret", 40_000, &[Operation::DescribeSecret]),
    one("GetSecretValue", 10_000, &[Operation::GetSecretValue]),
    one("BatchGetSecretValue", 100, &[Operation::BatchGetSecretValue]),
    one("ListSecrets", 100, &[Operation::ListSecrets]),
    one("CreateSecret", 50, &[Operation::CreateSecret]),
    one("DeleteSecret", 50, &[Operation::DeleteSecret]),
    one("RestoreSecret", 50, &[Operation::RestoreSecret]),
    one("GetRandomPassword", 50, &[Operation::GetRandomPassword]),
    one("ListSecretVersionIds", 50, &[Operation::ListSecretVersionIds]),
    one(
        "ResourcePolicies",
        50,
        &[
            Operation::DeleteResourcePolicy,
            Operation::GetResourcePolicy,
            Operation::ListResourcePolicies,
            Operation::PutResourcePolicy,
            Operation::ValidateResourcePolicy,
        ],
    ),
    one(
        "Changes",
        50,
        &[
            Operation::AssociateCrossAccountReplica,
            Operation::DisassociateCrossAccountReplica,
            Operation::PutSecretValue,
            Operation::RemoveRegionsFromReplication,
            Operation::ReplicateSecretToRegions,
            Operation::StopReplicationToReplica,
            Operation::UpdateSecret,
            Operation::UpdateSecretVersionStage,
        ],
    ),
    one("Rotations", 50, &[Operation::CancelRotateSecret, Operation::RotateSecret]),
    one("Tags", 50, &[Operation::TagResource, Operation::UntagResource]),
];

/// Which operations share a rate, and how high each is.
#[derive(Debug)]
pub(crate) struct Rates {
    /// Nanoseconds between two requests that come evenly.
    intervals: Vec<i64>,
    of_operations: HashMap<AnyOperation, usize>,
}

impl Rates {
    /// AWS's rates, changed by `asked`, which names known rates alone.
    fn new(asked: &BTreeMap<String, u32>) -> Self {
        let mut rates = Self { intervals: Vec::new(), of_operations: HashMap::new() };
        for shared in &OF_AWS {
            let per_second = asked.get(shared.name).copied().unwrap_or(shared.per_second);
            rates.share(per_second, shared.operations.iter().copied().map(AnyOperation::SecretsManager));
        }
        // What is said of one operation wins over what is said of all of its service.
        let of_all = |name: &str| name.ends_with(ALL);
        for (name, per_second) in asked.iter().filter(|(name, _)| of_all(name)) {
            rates.share(*per_second, named(name));
        }
        for (name, per_second) in asked.iter().filter(|(name, _)| !of_all(name)) {
            rates.share(*per_second, named(name));
        }
        rates
    }

    fn share(&mut self, per_second: u32, operations: impl Iterator<Item = AnyOperation>) {
        let at = self.intervals.len();
        // None for any number.
        let interval = NANOS_A_SECOND.checked_div(per_second.into());
        for operation in operations {
            match interval {
                Some(_) => drop(self.of_operations.insert(operation, at)),
                None => drop(self.of_operations.remove(&operation)),
            }
        }
        self.intervals.extend(interval);
    }

    /// The names in `asked` that are no rate's.
    pub(crate) fn unknown_names(asked: &BTreeMap<String, u32>) -> impl Iterator<Item = &String> {
        let is_rate = |name: &str| OF_AWS.iter().any(|shared| shared.name == name);
        asked.keys().filter(move |name| !is_rate(name) && named(name).next().is_none())
    }
}

/// The operations that `service:Operation` or `service:*` names.
fn named(name: &str) -> impl Iterator<Item = AnyOperation> {
    let (service, operation) = name.split_once(':').unwrap_or_default();
    AnyOperation::all()
        .filter(move |any| any.service().signing_name == service && (operation == ALL || any.name() == operation))
}

/// What each account has used of its rates.
#[derive(Debug)]
pub(crate) struct Throttle {
    rates: Rates,
    burst_nanos: i64,
    /// For each account that has called, one instant for each rate, in nanoseconds since 1970.
    accounts: ArcSwap<HashMap<AccountId, Arc<[AtomicI64]>>>,
}

impl Throttle {
    /// Nothing, where nobody is throttled.
    pub(crate) fn new(config: &QuotasConfig) -> Option<Self> {
        config.throttle.then(|| Self {
            rates: Rates::new(&config.rates),
            burst_nanos: i64::from(config.burst_ms).saturating_mul(NANOS_A_MILLISECOND),
            accounts: ArcSwap::default(),
        })
    }

    /// Whether `account` may call `operation` now. If so, the call is counted.
    pub(crate) fn lets_through(&self, account: &AccountId, operation: AnyOperation, now: Timestamp) -> bool {
        let Some(at) = self.rates.of_operations.get(&operation).copied() else { return true };
        let Some(interval) = self.rates.intervals.get(at).copied() else { return true };
        let accounts = self.accounts.load();
        match accounts.get(account) {
            Some(used) => self.take(used, at, interval, now),
            None => self.take(&self.begin(account), at, interval, now),
        }
    }

    /// A new account's place. Accounts are those of valid signers: there are as many as the operator has made.
    fn begin(&self, account: &AccountId) -> Arc<[AtomicI64]> {
        let fresh: Arc<[AtomicI64]> = self.rates.intervals.iter().map(|_| AtomicI64::new(i64::MIN)).collect();
        self.accounts.rcu(|accounts| {
            let mut accounts = HashMap::clone(accounts);
            accounts.entry(account.clone()).or_insert_with(|| Arc::clone(&fresh));
            accounts
        });
        self.accounts.load().get(account).map_or(fresh, Arc::clone)
    }

    fn take(&self, used: &[AtomicI64], at: usize, interval: i64, now: Timestamp) -> bool {
        let Some(due) = used.get(at) else { return true };
        let now = now.millis().saturating_mul(NANOS_A_MILLISECOND);
        // One request fits always, however low the rate.
        let latest = now.saturating_add(self.burst_nanos.max(interval));
        let counted = due.try_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
            // A due instant beyond what a burst leads to is one of a clock that was set back since.
            let from = if due > latest { now } else { due.max(now) };
            let next = from.saturating_add(interval);
            (next <= latest).then_some(next)
        });
        counted.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use strongroom_wire::kms;

    use super::*;

    const GET: AnyOperation = AnyOperation::SecretsManager(Operation::GetSecretValue);
    const PUT: AnyOperation = AnyOperation::SecretsManager(Operation::PutSecretValue);
    const UPDATE: AnyOperation = AnyOperation::SecretsManager(Operation::UpdateSecret);
    const TAG: AnyOperation = AnyOperation::SecretsManager(Operation::TagResource);
    const DECRYPT: AnyOperation = AnyOperation::Kms(kms::Operation::Decrypt);
    const ENCRYPT: AnyOperation = AnyOperation::Kms(kms::Operation::Encrypt);

    fn throttle(rates: &[(&str, u32)]) -> Throttle {
        let rates = rates.iter().map(|(name, rate)| ((*name).to_owned(), *rate)).collect();
        Throttle::new(&QuotasConfig { rates, ..QuotasConfig::default() }).unwrap()
    }

    fn account(number: u64) -> AccountId {
        AccountId::parse(&format!("{number:012}")).unwrap()
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_795_000_000_000 + ms)
    }

    /// How many of `count` calls at one instant are let through.
    fn through(throttle: &Throttle, account: &AccountId, operation: AnyOperation, count: usize, ms: i64) -> usize {
        (0..count).filter(|_| throttle.lets_through(account, operation, at(ms))).count()
    }

    #[test]
    fn each_operation_has_the_rate_of_the_guide_and_all_of_them_have_one() {
        let throttle = throttle(&[]);
        let one = account(1);
        for operation in Operation::ALL {
            let operation = AnyOperation::SecretsManager(operation);
            assert!(throttle.rates.of_operations.contains_key(&operation), "{operation:?}");
        }
        assert_eq!(through(&throttle, &one, GET, 10_500, 0), 10_000);
        assert_eq!(through(&throttle, &one, PUT, 30, 0), 30);
        assert_eq!(through(&throttle, &one, UPDATE, 30, 0), 20, "shared with PutSecretValue");
        assert_eq!(through(&throttle, &one, TAG, 60, 0), 50);
        assert_eq!(through(&throttle, &one, DECRYPT, 100_000, 0), 100_000, "no rate");
    }

    #[test]
    fn what_was_used_comes_back_evenly_and_no_more_than_a_burst_is_saved() {
        let throttle = throttle(&[]);
        let one = account(1);
        assert_eq!(through(&throttle, &one, TAG, 100, 0), 50);
        assert_eq!(through(&throttle, &one, TAG, 100, 19), 0);
        assert_eq!(through(&throttle, &one, TAG, 100, 20), 1);
        assert_eq!(through(&throttle, &one, TAG, 100, 500), 24);
        assert_eq!(through(&throttle, &one, TAG, 100, 3_600_000), 50);
        let total: usize = (0..10_000).map(|ms| through(&throttle, &one, TAG, 3, 4_000_000 + ms)).sum();
        assert!((549..=550).contains(&total), "{total} in ten seconds and a burst");
    }

    #[test]
    fn accounts_share_nothing() {
        let throttle = throttle(&[]);
        assert_eq!(through(&throttle, &account(1), PUT, 1000, 0), 50);
        for other in 2..20 {
            assert_eq!(through(&throttle, &account(other), PUT, 60, 0), 50);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let throttle = throttle(&[]);
        let one = account(1);
        assert_eq!(through(&throttle, &one, PUT, 100, 0), 50);
        assert_eq!(through(&throttle, &one, PUT, 100, -3_600_000), 50);
        assert_eq!(through(&throttle, &one, PUT, 100, -3_599_000), 50);
    }

    #[test]
    fn rates_are_changed_added_and_switched_off() {
        let throttle = throttle(&[
            ("Changes", 5),
            ("Tags", 0),
            ("secretsmanager:UpdateSecret", 7),
            ("kms:*", 10),
            ("kms:Decrypt", 20),
        ]);
        let one = account(1);
        assert_eq!(through(&throttle, &one, PUT, 100, 0), 5);
        assert_eq!(through(&throttle, &one, UPDATE, 100, 0), 7, "no longer shared");
        assert_eq!(through(&throttle, &one, TAG, 100, 0), 100);
        assert_eq!(through(&throttle, &one, ENCRYPT, 100, 0), 10);
        assert_eq!(through(&throttle, &one, DECRYPT, 100, 0), 20);
        let slow = QuotasConfig { burst_ms: 1, rates: BTreeMap::from([("Tags".to_owned(), 1)]), ..Default::default() };
        let slow = Throttle::new(&slow).unwrap();
        assert_eq!(through(&slow, &one, TAG, 100, 0), 1, "one fits always");
        assert!(Throttle::new(&QuotasConfig { throttle: false, ..QuotasConfig::default() }).is_none());
    }

    #[test]
    fn the_documentation_has_the_rates() {
        let text = include_str!("../../../docs/quotas.md");
        let rows: Vec<(&str, &str)> = text
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
            .filter_map(|(name, rest)| Some((name, rest.split(" | ").next()?)))
            .collect();
        let expected: Vec<(&str, String)> =
            OF_AWS.iter().map(|shared| (shared.name, shared.per_second.to_string())).collect();
        let expected: Vec<(&str, &str)> = expected.iter().map(|(name, rate)| (*name, rate.as_str())).collect();
        assert_eq!(rows, expected);
        for shared in OF_AWS.iter().filter(|shared| shared.operations.len() > 1) {
            let row = text.lines().find(|line| line.starts_with(&format!("| `{}` ", shared.name))).unwrap();
            for operation in shared.operations {
                assert!(row.contains(operation.name()), "{row}: {}", operation.name());
            }
        }
    }
}
