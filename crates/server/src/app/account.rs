//! The account of a server: found in the store, or made at the first start; and those who need no credentials.

use std::sync::Arc;

use strongroom_core::identities::NewKey;
use strongroom_core::identities::signers::identity_of;
use strongroom_core::trail::record::{IdentityKind, UserIdentity};
use strongroom_core::{Caller, Error, Identities};
use strongroom_crypto::Random;
use strongroom_store::Engine;
use strongroom_types::{AccountId, Clock, Region};

use super::OpenError;
use crate::authn::Authenticated;
use crate::config::Config;
use crate::{credentials, opening};

/// The root of the account, as records show whoever signs with a key that nobody was given: without the access key
/// id, for what stands in its place may be anything, even a secret.
pub(super) fn dev_signer(account: &AccountId, region: &Region) -> Authenticated {
    let caller = Caller::root(account.clone(), region.partition());
    let identity = Arc::new(identity_of(&caller, IdentityKind::Root, None));
    Authenticated { caller: Arc::new(caller), identity }
}

/// Who does not sign.
pub(super) fn anonymous(account: &AccountId) -> Authenticated {
    let caller = Arc::new(Caller::anonymous(account.clone()));
    Authenticated { caller, identity: Arc::new(UserIdentity::of(IdentityKind::Unknown)) }
}

/// Has the cipher library seed its generator, which it does at the first draw and takes a while: no request should wait
/// for it.
pub(super) fn seed(random: &dyn Random) -> Result<(), OpenError> {
    let drawn = strongroom_crypto::random::bytes::<16>(random);
    drawn.map(drop).map_err(|error| OpenError::Fault(error.to_string()))
}

/// The account of the store; made when there is none, its access key saved before it can sign anything. Only a store from
/// which nothing was taken may get its first account, and the access key of its root.
pub(super) async fn account(
    config: &Config,
    (identities, store): (&Identities, &dyn Engine),
    clock: &Arc<dyn Clock>,
    random: &dyn Random,
) -> Result<(AccountId, Option<NewKey>), OpenError> {
    let directory = &config.data.directory;
    let asked = config.account.id.clone();
    let stored = identities.accounts().await?;
    if let Some(first) = identities.first_account().await? {
        return match asked {
            Some(asked) if !stored.contains(&asked) => {
                Err(OpenError::OtherAccount { directory: directory.clone(), stored: first, asked })
            }
            Some(asked) => Ok((asked, None)),
            None => Ok((first, None)),
        };
    }
    opening::check_whole(store).await?;
    let account = match asked.clone() {
        Some(asked) => asked,
        None => random_account(random)?,
    };
    let key = identities.new_key()?;
    credentials::save_credentials(directory, &key)
        .map_err(|source| OpenError::File { path: directory.join(credentials::CREDENTIALS_FILE), source })?;
    match identities.create_first_account(&account, &key, clock.now()).await {
        Ok(()) => Ok((account, Some(key))),
        // Another server on the same database was quicker: the key that was saved signs nothing.
        Err(Error::Conflict) => {
            credentials::remove(directory)
                .map_err(|source| OpenError::File { path: directory.join(credentials::CREDENTIALS_FILE), source })?;
            let made = identities.first_account().await?;
            let first = made.ok_or_else(|| OpenError::Fault("the store's account is gone".to_owned()))?;
            match asked {
                Some(asked) if asked != first => {
                    Err(OpenError::OtherAccount { directory: directory.clone(), stored: first, asked })
                }
                _ => Ok((first, None)),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// A random account number that does not begin with a zero, which spreadsheets would eat.
/// A number for a new account.
///
/// # Errors
/// When the random source fails.
pub fn random_account(random: &dyn Random) -> Result<AccountId, OpenError> {
    let bytes: [u8; 8] =
        strongroom_crypto::random::bytes(random).map_err(|error| OpenError::Fault(error.to_string()))?;
    let number = 100_000_000_000 + u64::from_be_bytes(bytes) % 900_000_000_000;
    AccountId::parse(&number.to_string()).map_err(|error| OpenError::Fault(error.to_string()))
}
