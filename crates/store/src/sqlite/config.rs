//! Settings of the SQLite engine: the bounds of its queue, groups, readers, caches and write-ahead log.

/// Settings of the SQLite engine. Every queue and wait has its bound here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteConfig {
    /// Commits that may wait for the writer; one more waits for a place.
    pub queue_jobs_max: usize,
    /// Longest wait for a place in the queue before the store answers that it is not available.
    pub queue_wait_ms: u64,
    /// Most commits that are made durable together.
    pub group_jobs_max: usize,
    /// A group that has this many bytes takes no further commit.
    pub group_bytes_max: usize,
    /// Connections for reads of single documents.
    pub point_readers_max: usize,
    /// Connections for ranges, scans, the feed, backups and checks.
    pub scan_readers_max: usize,
    /// Longest wait for a free reading connection.
    pub reader_wait_ms: u64,
    /// Longest wait for a lock that another program, such as the SQLite shell, holds on the database.
    pub busy_wait_ms: u64,
    /// Page cache of the writing connection.
    pub writer_cache_kib: u32,
    /// Page cache of each reading connection.
    pub reader_cache_kib: u32,
    /// Pages of 4 KiB in the write-ahead log that are not yet in the database, from which on the writer moves them.
    pub wal_checkpoint_pages: u32,
    /// Pages in the log from which on the writer waits for readers, so that it can begin the log anew.
    pub wal_pages_max: u32,
    /// Longest such wait. A reader that takes longer, such as a backup, lets the log grow.
    pub wal_wait_ms: u64,
    /// Entries that one trim takes out of the feed in one transaction; a longer trim goes on in the next.
    pub trim_entries_max: u32,
    /// Also opens a store that a copy into it was begun and not finished.
    pub unfinished: bool,
    /// Most pages of 4 KiB that the database may have; a commit that needs more is answered with `Full`.
    pub database_pages_max: u32,
}

impl Default for SqliteConfig {
    fn default() -> Self {
        Self {
            queue_jobs_max: 512,
            queue_wait_ms: 10_000,
            group_jobs_max: 256,
            group_bytes_max: 4 * 1024 * 1024,
            point_readers_max: 4,
            scan_readers_max: 4,
            reader_wait_ms: 10_000,
            busy_wait_ms: 5_000,
            writer_cache_kib: 16 * 1024,
            reader_cache_kib: 8 * 1024,
            wal_checkpoint_pages: 8_000,
            wal_pages_max: 64_000,
            wal_wait_ms: 100,
            trim_entries_max: 10_000,
            unfinished: false,
            database_pages_max: 4_000_000_000,
        }
    }
}
