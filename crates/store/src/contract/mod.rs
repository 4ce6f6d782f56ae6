//! The suite that every engine passes: small named cases, each run on an empty store of its own.

pub mod bare;
mod commits;
pub mod database;
pub mod differential;
pub mod fixture;
mod life;
pub mod operation;
mod reads;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::api::Store;
use fixture::Verdict;

/// A case under way.
type Running = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// One thing that an engine must do.
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// Runs it on an empty store; the error says what the engine did wrong.
    pub run: fn(Arc<dyn Store>) -> Running,
}

macro_rules! cases {
    ($($module:ident :: $name:ident),+ $(,)?) => {
        &[$(Case {
            name: stringify!($name),
            run: |store| Box::pin(async move { $module::$name(store).await }),
        }),+]
    };
}

/// All cases. The number is part of the type, so that none gets lost.
pub const CASES: &[Case; 34] = cases![
    commits::a_batch_is_taken_wholly_or_not_at_all,
    commits::an_expected_version_must_be_the_present_one,
    commits::versions_count_up_from_one_and_begin_anew_after_a_delete,
    commits::a_delete_expects_a_version_too,
    commits::a_document_stands_once_in_a_batch,
    commits::keys_and_values_follow_the_rules,
    commits::an_empty_batch_changes_nothing,
    commits::kinds_are_apart,
    commits::a_unique_key_has_one_holder,
    commits::a_unique_key_can_be_claimed_again_once_released,
    commits::unique_keys_can_be_swapped_in_one_batch,
    commits::two_claims_in_one_batch_are_refused,
    commits::a_deleted_document_frees_its_unique_keys_within_the_batch,
    commits::only_the_holder_releases_a_unique_key,
    commits::terms_follow_the_differences,
    commits::a_delete_removes_terms_and_unique_keys,
    commits::big_bodies_are_kept,
    reads::a_commit_is_seen_by_the_next_read,
    reads::many_are_answered_in_the_asked_order,
    reads::a_range_is_in_order_of_value_and_key,
    reads::a_range_keeps_to_its_prefix,
    reads::a_range_goes_on_behind_an_entry,
    reads::a_range_goes_down_as_well,
    reads::a_range_and_a_scan_keep_their_limit,
    reads::order_is_that_of_bytes,
    reads::a_prefix_may_end_in_the_greatest_character,
    reads::a_scan_walks_the_keys_of_one_kind,
    reads::long_values_are_kept_in_their_order,
    life::the_feed_is_in_order_and_by_topic,
    life::a_trimmed_number_is_never_used_again,
    life::one_of_many_writers_of_a_version_wins,
    life::a_commit_goes_on_when_nobody_waits_for_it,
    life::watchers_hear_of_a_change_before_its_writer,
    life::watchers_hear_in_order_and_see_what_went_along,
];

/// Runs every case, each on a store that `open` makes.
///
/// # Errors
/// The names of the cases that failed, and what was wrong.
pub async fn run<F: Future<Output = Arc<dyn Store>>>(open: impl Fn() -> F) -> Result<usize, String> {
    let mut failures = Vec::new();
    for case in CASES {
        if let Err(what) = (case.run)(open().await).await {
            failures.push(format!("{}: {what}", case.name));
        }
    }
    if failures.is_empty() { Ok(CASES.len()) } else { Err(failures.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryStore, SqliteConfig, SqliteStore};

    #[tokio::test]
    async fn the_memory_engine_keeps_the_contract() {
        let passed = run(|| async { Arc::new(MemoryStore::new()) as Arc<dyn Store> }).await;
        assert_eq!(passed, Ok(34));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_sqlite_engine_keeps_the_contract() {
        let home = tempfile::tempdir().expect("a directory");
        let count = std::sync::atomic::AtomicUsize::new(0);
        let passed = run(|| async {
            let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let store = SqliteStore::open(home.path().join(number.to_string()), SqliteConfig::default());
            Arc::new(store.expect("a new store")) as Arc<dyn Store>
        })
        .await;
        assert_eq!(passed, Ok(34));
    }
}
