//! Tests of the PostgreSQL engine, on a server that they start.

mod faults;
mod life;
pub mod nodes;
mod proxy;
mod schema;
mod standby;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom_crypto::SystemRandom;
use strongroom_store::contract::database::{DatabaseServer, shared};
use strongroom_store::{PostgresConfig, PostgresStore};

/// The server that the tests share.
pub fn server() -> &'static DatabaseServer {
    shared().expect("a server")
}

/// The settings of a store in the database of a URL.
pub fn config(url: &str) -> PostgresConfig {
    PostgresConfig { url: url.to_owned(), ..PostgresConfig::default() }
}

/// A new schema's name.
pub fn schema_name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("store_{}", COUNT.fetch_add(1, Ordering::SeqCst))
}

/// A node of a store.
pub async fn open(config: &PostgresConfig) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(config.clone(), Arc::new(SystemRandom)).await.expect("the store opens"))
}
