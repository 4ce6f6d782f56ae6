//! Whether work on backups has room in the data directory, which it may share with the live store.

use std::path::Path;

use strongroom_core::catalogue::Manifest;

use super::BackupsError;
use super::shelf::Listing;
use crate::free::free_bytes;

/// What stays free beside what the work takes, in bytes.
const SPARE_BYTES: u64 = 256 * 1024 * 1024;

/// What a backup takes: the sealed file, and what is fetched of the one that it builds on. Both are about as long as the
/// longest that is there; of the first one nobody knows.
pub(super) fn for_backup(listing: &Listing) -> u64 {
    let longest = listing.backups.values().map(|shelved| shelved.manifest.object_bytes).max();
    longest.unwrap_or(0).saturating_mul(2)
}

/// What a drill takes: all that the newest backup builds on, fetched, opened, and as a store of its own with its log.
pub(super) fn for_drill(listing: &Listing) -> u64 {
    let chain = listing.newest(None).and_then(|name| listing.chain(name)).unwrap_or_default();
    let of = |manifest: &Manifest| manifest.object_bytes.saturating_add(manifest.plain_bytes.saturating_mul(3));
    chain.iter().map(of).fold(0, u64::saturating_add)
}

/// Refuses work that takes so much in `scratch` that the live store might find the disk full.
///
/// # Errors
/// When there is not as much room, or the system does not tell.
pub(super) fn check(scratch: &Path, needed: u64) -> Result<(), BackupsError> {
    let shown = scratch.display();
    let free = free_bytes(scratch).map_err(|error| BackupsError::File(format!("{shown}: {error}")))?;
    let wanted = needed.saturating_add(SPARE_BYTES);
    if free >= wanted {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1024 * 1024);
    let (free, wanted) = (mib(free), mib(wanted));
    Err(BackupsError::File(format!(
        "{shown}: {free} MiB are free, and this work wants {wanted} MiB beside the live store"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_would_fill_the_disk_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        check(folder.path(), 0).expect("there is room for nothing");
        let told = check(folder.path(), u64::MAX / 2).expect_err("no such disk").to_string();
        assert!(told.contains("beside the live store"), "{told}");
    }
}
