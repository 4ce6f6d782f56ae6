//! A restored store held against the live one.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_store::{Kind, Row};

use crate::documents::Documents;
use crate::error::Error;

/// Documents read at a time.
const PAGE: usize = 500;
/// Faults that are told.
const FAULTS_MAX: usize = 20;

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Documents that both have in the same version, and that are the same to the last byte.
    pub same: u64,
    /// Documents that were changed, removed or made anew since the backup.
    pub changed: u64,
    /// What is wrong, the first twenty.
    pub faults: Vec<String>,
}

impl Comparison {
    fn fault(&mut self, fault: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

/// Holds the documents of `kinds` in `backup` against those in `live`, which is of the same moment or a later one. A
/// document that has the same version in both is to be the same. One that was removed and made anew since may have come to
/// the same version; then both are authentic, each for itself.
///
/// # Errors
/// When one of the stores cannot be read.
pub async fn compare(
    backup: &Documents,
    live: &Documents,
    kinds: &BTreeSet<&'static str>,
) -> Result<Comparison, Error> {
    let mut found = Comparison::default();
    for kind in kinds {
        let kind = Kind(kind);
        let mut after: Option<Arc<str>> = None;
        loop {
            let page = backup.store().scan(kind, "", after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(Arc::clone(&last.key.key));
            let keys: Vec<Arc<str>> = page.iter().map(|row| Arc::clone(&row.key.key)).collect();
            let now = live.store().get_many(kind, &keys).await?;
            for (then, now) in page.iter().zip(now) {
                hold(&mut found, backup, live, then, now);
            }
            tokio::task::yield_now().await;
        }
    }
    Ok(found)
}

fn hold(found: &mut Comparison, backup: &Documents, live: &Documents, then: &Row, now: Option<Row>) {
    let Some(now) = now.filter(|now| now.version == then.version) else {
        found.changed += 1;
        return;
    };
    if now.body == then.body {
        found.same += 1;
        return;
    }
    found.changed += 1;
    for (documents, row, whose) in [(backup, then, "the backup's"), (live, &now, "the live store's")] {
        if !documents.is_authentic(row) {
            let (key, version) = (&row.key, row.version);
            found.fault(format!("{key}: version {version} is not the same, and {whose} is not authentic"));
        }
    }
}
