//! What is wrong with a schedule, in AWS's words.

use thiserror::Error;

/// Why a schedule is refused. `Display` is the text that AWS answers with an InvalidParameterException.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The expression is neither `rate()` nor `cron()`, breaks their rules, or never comes due.
    #[error("Invalid schedule expression.")]
    Expression,
    /// `rate(N hours)` with fewer than 4 or more than 23.
    #[error("Rate in hour should be least 4 and less than 24.")]
    RateInHours,
    /// `rate(N days)` with none or more than 999. The same for AutomaticallyAfterDays outside of 1 to 1000, which the
    /// API's model refuses before.
    #[error("Rate in day should be greater than 0 and less than 1000.")]
    RateInDays,
    /// The duration is not of the form `3h`, or not within 1 to 24 hours.
    #[error("Duration must be at least 1 hour, at most 24 hour.")]
    Duration,
    /// The window would reach into the next one.
    #[error("Duration cannot be greater than Rate in hour.")]
    DurationOverRate,
    /// The window would reach into the next day.
    #[error("Starting hour and duration must be within a day.")]
    DurationOverDay,
    /// AutomaticallyAfterDays and ScheduleExpression at once.
    #[error("You cannot specify both rotation frequency and schedule expression together.")]
    Both,
}
