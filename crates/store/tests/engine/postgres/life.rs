//! The contract, and the differential runs.

use std::sync::Arc;

use strongroom_store::contract::differential::{generate, run};
use strongroom_store::{Engine, PostgresConfig, Store, contract};

use super::{config, open, schema_name, server};
use crate::differential::keep;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_postgres_engine_keeps_the_contract() {
    let url = server().database().await.expect("a database");
    let passed = contract::run(|| async {
        let config = PostgresConfig { schema: schema_name(), readers_max: 4, ..config(&url) };
        open(&config).await as Arc<dyn Store>
    })
    .await;
    assert_eq!(passed, Ok(contract::CASES.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_answers_like_the_model() {
    for seed in 0..4 {
        let config = config(&server().database().await.expect("a database"));
        let operations = generate(seed, 1000).expect("operations");
        if let Err(difference) = run(&operations, || async { open(&config).await as Arc<dyn Store> }).await {
            panic!("seed {seed}: {}", keep(&difference));
        }
        let found = open(&config).await.integrity().await.expect("the check runs");
        assert_eq!(found.faults, Vec::<String>::new(), "seed {seed}");
        assert!(found.documents > 0 && found.terms > 0 && found.unique_keys > 0, "seed {seed}: {found:?}");
    }
}
