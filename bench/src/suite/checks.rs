//! Looks at one answer of each kind before it is measured: a fast wrong answer does not count.

use serde_json::Value;

use crate::failure::Failure;
use crate::operation::{BATCH_SIZE, Operation};
use crate::population::{GROUP_SIZE, ONLY_ONE, SHARDS, TEAMS};
use crate::subject::Subject;

const PAGE: u64 = 100;

/// Asks `subject` each of `operations` once and compares with what its secrets must give.
pub async fn check(subject: &Subject, operations: &[Operation], value_bytes: usize) -> Result<(), Failure> {
    for operation in operations {
        let answer = subject.ask(*operation, subject.count / 2).await?;
        let (found, expected) = match operation {
            Operation::Get => (text_length(&answer, "SecretString"), value_bytes as u64),
            Operation::Describe => (text_length(&answer, "Name"), "g000000/key00000000".len() as u64),
            Operation::Batch => (items(&answer, "SecretValues"), BATCH_SIZE.min(subject.count)),
            Operation::Put | Operation::Create => continue,
            list => (items(&answer, "SecretList"), page_of(*list, subject.count)),
        };
        // A page of a search may be short, as AWS's may, when it says where it goes on.
        let goes_on = answer.get("NextToken").is_some_and(Value::is_string);
        if found != expected && !(found < expected && goes_on && operation.is_search()) {
            let (name, title) = (subject.name, operation.title());
            return Err(Failure::void(format!("{name}: {title} gave {found} where {expected} was right: {answer}")));
        }
    }
    Ok(())
}

/// How many secrets the first page has.
fn page_of(operation: Operation, count: u64) -> u64 {
    match operation {
        Operation::ListName => PAGE.min(GROUP_SIZE).min(count),
        Operation::ListTagValue => PAGE.min(count / TEAMS),
        Operation::ListNotTagValue => PAGE.min(count - count / TEAMS),
        Operation::ListTagKey => u64::from(count > ONLY_ONE),
        Operation::ListDescription | Operation::ListAll => PAGE.min(count / SHARDS),
        _ => PAGE.min(count),
    }
}

fn text_length(answer: &Value, member: &str) -> u64 {
    answer.get(member).and_then(Value::as_str).map_or(0, |text| text.len() as u64)
}

fn items(answer: &Value, member: &str) -> u64 {
    answer.get(member).and_then(Value::as_array).map_or(0, |items| items.len() as u64)
}
