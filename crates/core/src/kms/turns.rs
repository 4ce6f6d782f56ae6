//! Turns for work that takes the processor long: few at a time, and few that wait for theirs, in all and of one account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_types::AccountId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusals;
use crate::error::Error;

/// How much is done and waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Works that go on at the same time, at most.
    pub(super) at_once: usize,
    /// Works that go on or are waited for, at most.
    pub(super) all_max: usize,
    /// The same, of one account.
    pub(super) account_max: usize,
}

/// Turns, each for one work.
pub(super) struct Turns {
    limits: Limits,
    at_once: Arc<Semaphore>,
    places: Arc<Mutex<Places>>,
}

/// How many works go on or are waited for.
#[derive(Default)]
struct Places {
    all: usize,
    of_account: HashMap<AccountId, usize>,
}

/// A place of an account, until the work is done or nobody waits for it any more.
struct Place {
    places: Arc<Mutex<Places>>,
    account: AccountId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.all = places.all.saturating_sub(1);
        if let Some(count) = places.of_account.get_mut(&self.account) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                places.of_account.remove(&self.account);
            }
        }
    }
}

impl Turns {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, at_once: Arc::new(Semaphore::new(limits.at_once)), places: Arc::default() }
    }

    /// Does a work of an account, away from the threads that answer requests, when its turn comes. Who drops the future
    /// before waits no longer; a work that has begun keeps its turn to its end, as nothing can end it sooner.
    ///
    /// # Errors
    /// ThrottlingException when too many wait; what the work fails with.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        account: &AccountId,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.turn(account).await?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| Error::internal("a work that took its turn did not end well"))?
    }

    async fn turn(&self, account: &AccountId) -> Result<(Place, OwnedSemaphorePermit), Error> {
        let place = self.place(account)?;
        let turn = Arc::clone(&self.at_once).acquire_owned().await;
        Ok((place, turn.map_err(|_| Error::internal("no turns are given any more"))?))
    }

    fn place(&self, account: &AccountId) -> Result<Place, Error> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let count = places.of_account.get(account).copied().unwrap_or_default();
        if places.all >= self.limits.all_max || count >= self.limits.account_max {
            return Err(refusals::throttled());
        }
        places.all += 1;
        places.of_account.insert(account.clone(), count + 1);
        Ok(Place { places: Arc::clone(&self.places), account: account.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::{Pin, pin};
    use std::sync::mpsc;
    use std::task::Poll;

    use super::*;

    fn account(number: u64) -> AccountId {
        AccountId::parse(&format!("{number:012}")).expect("account")
    }

    /// What a future answers at once, if anything.
    async fn polled<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    fn is_throttled<T>(answer: &Option<Result<T, Error>>) -> bool {
        matches!(answer, Some(Err(Error::Refused(refusal))) if refusal.code.name == "ThrottlingException")
    }

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_sent_away_and_others_are_not() {
        let turns = Turns::new(Limits { at_once: 1, all_max: 4, account_max: 2 });
        let (first, second, third) = (account(1), account(2), account(3));
        let held = turns.turn(&first).await.expect("a turn");
        let mut waits = Vec::new();
        for of in [&first, &second, &second] {
            let mut wait = Box::pin(turns.turn(of));
            assert!(polled(wait.as_mut()).await.is_none(), "waits");
            waits.push(wait);
        }
        assert!(is_throttled(&polled(pin!(turns.turn(&third))).await), "four in all");
        // Who gives up leaves the place to others.
        drop(waits.pop());
        assert!(is_throttled(&polled(pin!(turns.turn(&first))).await), "two of one account");
        let mut last = Box::pin(turns.turn(&third));
        assert!(polled(last.as_mut()).await.is_none());
        drop((held, waits));
        assert!(matches!(polled(last.as_mut()).await, Some(Ok(_))), "those before gave up");
        drop(last);
        let places = turns.places.lock().expect("places");
        assert_eq!((places.all, places.of_account.len()), (0, 0));
    }

    #[tokio::test]
    async fn a_work_that_nobody_waits_for_keeps_its_turn_to_its_end() {
        let turns = Turns::new(Limits { at_once: 1, all_max: 9, account_max: 9 });
        let own = account(1);
        let ((begin, begun), (end, ended)) = (mpsc::channel(), mpsc::channel());
        let mut first = Box::pin(turns.work(&own, move || {
            begin.send(()).expect("a test that waits");
            ended.recv().map_err(|_| Error::internal("never"))
        }));
        assert!(polled(first.as_mut()).await.is_none());
        drop(first);
        begun.recv().expect("a work that has begun");
        let mut second = Box::pin(turns.turn(&own));
        assert!(polled(second.as_mut()).await.is_none(), "the first goes on");
        end.send(()).expect("a work that waits");
        drop(second.await.expect("a turn"));
        assert_eq!(turns.work(&own, || Ok(7)).await.expect("done"), 7);
    }
}
