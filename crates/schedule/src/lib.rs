//! Rotation schedules of Secrets Manager: `rate()`, `cron()`, AutomaticallyAfterDays, and the windows that they make.
//! Pure: no clock, no files. All times are UTC.
//!
//! A [`Schedule`] is made from what a RotateSecret call says, or refused with AWS's text; it then answers which
//! [`Window`] an instant lies in and which one comes next.

mod calendar;
mod cron;
mod fault;
mod field;
mod schedule;
mod window;

#[cfg(test)]
mod tests;

pub use fault::Fault;
pub use schedule::Schedule;
pub use window::Window;
