//! Vocabulary of Strongroom: ARNs, identifiers, secret material, time. Pure: no files, no network, no global state.

pub mod arn;
pub mod ids;
pub mod secret;
pub mod time;
pub mod times;

pub use arn::Arn;
pub use ids::{AccountId, Region};
pub use secret::{SecretBuffer, SecretBytes, SecretText};
pub use time::{Clock, MockClock, SystemClock, Timestamp};
pub use times::{Stopwatch, Times};
