//! The domain: secrets, keys, identities, access, the trail. Knows no HTTP, no SQL and no wire format.

pub mod access;
pub mod announcing;
pub mod backup;
pub mod bootstrap;
pub mod caller;
pub mod catalogue;
pub mod cloudtrail;
pub mod cloudwatch;
pub mod compliance;
pub mod ctx;
pub mod data_keys;
pub mod databases;
pub mod documents;
pub mod error;
pub mod events;
pub mod evidence;
pub mod functions;
pub mod iam;
pub mod identities;
pub mod kms;
pub mod logs;
pub mod nodes;
pub mod oidc;
pub mod page;
pub mod password;
pub mod questions;
pub mod rewrapping;
pub mod rotation;
pub mod secrets;
pub mod sts;
pub mod trail;
pub mod verification;

pub use access::{Permit, Resource, authorize};
pub use caller::{Caller, Principal};
pub use cloudwatch::CloudWatch;
pub use ctx::{Ctx, Way};
pub use databases::Databases;
pub use documents::Documents;
pub use error::Error;
pub use events::Events;
pub use functions::Functions;
pub use iam::Iam;
pub use identities::Identities;
pub use kms::Kms;
pub use logs::Logs;
pub use nodes::Nodes;
pub use rotation::Rotations;
pub use secrets::Secrets;
pub use sts::Sts;

use strongroom_crypto::{CryptoError, Random};

/// A new UUID of version 4.
///
/// # Errors
/// When the random source fails.
pub fn random_uuid(random: &dyn Random) -> Result<String, CryptoError> {
    Ok(strongroom_types::ids::uuid_v4(strongroom_crypto::random::bytes(random)?))
}
