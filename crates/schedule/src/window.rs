//! The time in which a rotation may happen.

use strongroom_types::time::Timestamp;

/// What NextRotationDate shows less than the window's end, in milliseconds.
const SHOWN_LESS_MS: i64 = 1000;

/// A window of rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// The first instant that belongs to it, always on the hour.
    pub start: Timestamp,
    /// The first instant that no longer does.
    pub end: Timestamp,
}

impl Window {
    /// A window of whole hours.
    pub(crate) const fn of_hours(start: Timestamp, hours: i64) -> Self {
        Self { start, end: start.plus_millis(hours.saturating_mul(crate::calendar::HOUR_MS)) }
    }

    /// The end as NextRotationDate has it: its last second. Known from AWS for windows to the end of the day
    /// (23:59:59); that windows in hours are shown in the same way is unconfirmed.
    #[must_use]
    pub const fn shown_end(self) -> Timestamp {
        self.end.plus_millis(-SHOWN_LESS_MS)
    }

    /// Whether the instant lies in the window.
    #[must_use]
    pub fn contains(self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}
