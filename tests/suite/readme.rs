//! Promise: the README's table of operations is true: what it says works does not answer that it is not offered.

use std::collections::BTreeMap;

use serde_json::json;
use strongroom_testkit::Instance;
use strongroom_wire::secretsmanager::Operation;

#[tokio::test]
async fn the_table_of_operations_is_what_the_server_does() {
    let readme = include_str!("../../README.md");
    let rows: BTreeMap<&str, &str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "))
        .filter(|(name, _)| Operation::from_name(name).is_some())
        .collect();
    let instance = Instance::start();
    let client = instance.raw();
    for operation in Operation::ALL {
        let state = rows.get(operation.name()).unwrap_or_else(|| panic!("{} is not in the table", operation.name()));
        let answer = client.call(operation.name(), json!({})).await;
        let refused = answer.message().contains("does not offer");
        assert_eq!(refused, *state == "answers with an error", "{}: {}", operation.name(), answer.message());
    }
    assert_eq!(rows.len(), Operation::ALL.len());
}
