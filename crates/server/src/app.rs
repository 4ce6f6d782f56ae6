//! Everything that a server is made of, wired together in one place. Nothing is global.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom_core::bootstrap::{self, BootstrapError};
use strongroom_core::ctx::Ctx;
use strongroom_core::identities::{NewKey, service};
use strongroom_core::trail::outbox::Outbox;
use strongroom_core::trail::segments::{Segments, SegmentsConfig};
use strongroom_core::{Documents, Error, Identities, Keys, Secrets};
use strongroom_crypto::{Random, RootError, RootOfTrust};
use strongroom_store::sqlite::{SqliteConfig, SqliteStore};
use strongroom_store::{Store, StoreError};
use strongroom_types::{AccountId, Clock, Region, SecretText};
use strongroom_wire::sigv4::SigningKeyCache;
use thiserror::Error;

use crate::config::Config;
use crate::credentials;
use crate::gate::fault_text;

/// Why a server cannot start. The text says what to do about it, where something can be done.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A file or directory cannot be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The root of trust is not available.
    #[error("root of trust: {0}")]
    Root(#[from] RootError),
    /// The store cannot be opened.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The store's keys cannot be had.
    #[error("keys: {0}")]
    Bootstrap(#[from] BootstrapError),
    /// The store is another account's.
    #[error("the store in {directory} is account {stored}'s; the configuration asks for {asked}")]
    OtherAccount {
        /// The data directory.
        directory: PathBuf,
        /// The account that is there.
        stored: AccountId,
        /// The account that was asked for.
        asked: AccountId,
    },
    /// Something else failed.
    #[error("{0}")]
    Fault(String),
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Fault(fault_text(&error))
    }
}

/// What the first start of a data directory made, to be shown once.
#[derive(Debug)]
pub struct FirstStart {
    /// The root access key of the account.
    pub key: NewKey,
}
