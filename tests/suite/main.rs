//! The real binary under real load and real clients: one test program, a file a promise.

mod backup;
mod durability;
mod planted;
mod readme;
mod start;
