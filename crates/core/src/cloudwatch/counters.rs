//! Counts the calls of each account and operation, without a lock and, but for an account's first call, without taking
//! memory.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use strongroom_types::AccountId;
use strongroom_wire::ops::AnyOperation;

/// Accounts whose calls are counted, at most.
pub const ACCOUNTS_MAX: usize = 4096;
/// Places that an account may be at.
const SLOTS: usize = 2 * ACCOUNTS_MAX;
/// Places that are looked at for an account.
const PROBES_MAX: usize = 64;

/// The counts of one account.
struct Counts {
    account: AccountId,
    /// One for each operation of all services.
    calls: Box<[AtomicU64]>,
}

/// Counts of calls since they were taken last.
pub struct Counters {
    slots: Box<[OnceLock<Counts>]>,
    hasher: RandomState,
    /// For each service, the number of operations of those before it.
    offsets: [usize; AnyOperation::SERVICES.len()],
    operations: Vec<AnyOperation>,
    uncounted: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        let operations: Vec<AnyOperation> = AnyOperation::all().collect();
        let before = |at: usize| {
            let is_before = |operation: &&AnyOperation| service_place(**operation) < at;
            operations.iter().filter(is_before).count()
        };
        let offsets = std::array::from_fn(before);
        let slots = (0..SLOTS).map(|_| OnceLock::new()).collect();
        Self { slots, hasher: RandomState::new(), offsets, operations, uncounted: AtomicU64::new(0) }
    }
}

/// The place of an operation's service among all.
fn service_place(operation: AnyOperation) -> usize {
    let service = operation.service();
    AnyOperation::SERVICES.iter().position(|known| std::ptr::eq(*known, service) || *known == service).unwrap_or(0)
}

impl Counters {
    /// Counts a call.
    pub fn note(&self, account: &AccountId, operation: AnyOperation) {
        let at = self.offsets.get(service_place(operation)).map(|offset| offset + operation.place());
        let counter = at.and_then(|at| self.counts(account)?.calls.get(at));
        counter.unwrap_or(&self.uncounted).fetch_add(1, Ordering::Relaxed);
    }

    fn counts(&self, account: &AccountId) -> Option<&Counts> {
        let hash = self.hasher.hash_one(account);
        let first = usize::try_from(hash % u64::try_from(SLOTS).unwrap_or(1)).unwrap_or(0);
        for probe in 0..PROBES_MAX {
            let slot = self.slots.get((first + probe) % SLOTS)?;
            let counts = slot.get_or_init(|| Counts {
                account: account.clone(),
                calls: self.operations.iter().map(|_| AtomicU64::new(0)).collect(),
            });
            if counts.account == *account {
                return Some(counts);
            }
        }
        None
    }

    /// Takes what was counted.
    #[must_use]
    pub fn take(&self) -> Vec<(AccountId, AnyOperation, u64)> {
        let mut taken = Vec::new();
        for counts in self.slots.iter().filter_map(OnceLock::get) {
            for (operation, calls) in self.operations.iter().zip(&counts.calls) {
                match calls.swap(0, Ordering::Relaxed) {
                    0 => {}
                    calls => taken.push((counts.account.clone(), *operation, calls)),
                }
            }
        }
        taken
    }

    /// Takes how many calls were of more accounts than are counted.
    #[must_use]
    pub fn take_uncounted(&self) -> u64 {
        self.uncounted.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use strongroom_wire::{iam, secretsmanager};

    use super::*;

    fn account(number: usize) -> AccountId {
        AccountId::parse(&format!("{number:012}")).unwrap()
    }

    #[test]
    fn calls_are_counted_by_account_and_operation() {
        let counters = Counters::default();
        let get = AnyOperation::SecretsManager(secretsmanager::Operation::GetSecretValue);
        let user = AnyOperation::Iam(iam::Operation::GetUser);
        for _ in 0..3 {
            counters.note(&account(1), get);
        }
        counters.note(&account(1), user);
        counters.note(&account(2), user);
        let mut taken = counters.take();
        taken.sort();
        assert_eq!(taken, [(account(1), get, 3), (account(1), user, 1), (account(2), user, 1)]);
        assert_eq!(counters.take(), []);
    }

    #[test]
    fn every_operation_has_a_counter_of_its_own() {
        let counters = Counters::default();
        AnyOperation::all().for_each(|operation| counters.note(&account(1), operation));
        let taken = counters.take();
        assert_eq!(taken.len(), AnyOperation::all().count());
        assert!(taken.iter().all(|(_, _, calls)| *calls == 1));
    }

    #[test]
    fn accounts_are_bounded_in_number() {
        let counters = Counters::default();
        let get = AnyOperation::SecretsManager(secretsmanager::Operation::GetSecretValue);
        for number in 0..3 * SLOTS {
            counters.note(&account(number), get);
        }
        let counted = u64::try_from(counters.take().len()).unwrap();
        assert!(counted >= u64::try_from(ACCOUNTS_MAX).unwrap(), "{counted}");
        assert_eq!(counted + counters.take_uncounted(), u64::try_from(3 * SLOTS).unwrap());
    }
}
