//! Any bytes as a form of the query protocol: reading it never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_wire::ops::AnyOperation;
use strongroom_wire::query::Query;
use strongroom_wire::secretsmanager::{BatchGetSecretValueRequest, CreateSecretRequest, ListSecretsRequest};
use strongroom_wire::{iam, sts};

fuzz_target!(|data: &[u8]| {
    drop(Query::parse(data).map(|query| AnyOperation::of_query(&query, None)));
    // The outcome is not looked at: only that there is one.
    drop(Query::parse(data).and_then(Query::decode::<CreateSecretRequest>));
    drop(Query::parse(data).and_then(Query::decode::<ListSecretsRequest>));
    drop(Query::parse(data).and_then(Query::decode::<BatchGetSecretValueRequest>));
    drop(Query::parse(data).and_then(Query::decode::<iam::CreateUserRequest>));
    drop(Query::parse(data).and_then(Query::decode::<iam::SimulateCustomPolicyRequest>));
    drop(Query::parse(data).and_then(Query::decode::<sts::AssumeRoleRequest>));
});
