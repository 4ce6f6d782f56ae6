//! Any bytes as a form of the query protocol: reading it never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_wire::query::Query;
use strongroom_wire::secretsmanager::{BatchGetSecretValueRequest, CreateSecretRequest, ListSecretsRequest};

fuzz_target!(|data: &[u8]| {
    drop(Query::parse(data).map(|query| query.action().map(str::to_owned)));
    // The outcome is not looked at: only that there is one.
    drop(Query::parse(data).and_then(Query::decode::<CreateSecretRequest>));
    drop(Query::parse(data).and_then(Query::decode::<ListSecretsRequest>));
    drop(Query::parse(data).and_then(Query::decode::<BatchGetSecretValueRequest>));
});
