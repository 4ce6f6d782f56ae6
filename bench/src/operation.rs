//! The operations under load and the bodies of their requests.

use std::fmt::Write;

use clap::ValueEnum;

use crate::guard::RESOURCE_POLICY;
use crate::keys::Prng;
use crate::population::{
    GROUP_SIZE, SHARDS, TEAMS, ValueText, write_group_prefix, write_labels, write_name, write_shard, write_token,
};

/// Secrets asked for by one BatchGetSecretValue: the most that AWS allows.
pub const BATCH_SIZE: u64 = 20;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Operation {
    /// GetSecretValue by name.
    Get,
    /// PutSecretValue by name.
    Put,
    /// CreateSecret with a value, a description and two tags.
    Create,
    /// PutResourcePolicy by name.
    PutPolicy,
    /// DescribeSecret by name.
    Describe,
    /// BatchGetSecretValue of twenty names.
    Batch,
    /// ListSecrets, first page of 100, no filter.
    List,
    /// The same by a name prefix that 200 secrets have.
    ListName,
    /// The same by a tag value that one secret of fifty has.
    ListTagValue,
    /// The same by a tag value that one secret of fifty does not have.
    ListNotTagValue,
    /// The same by a tag key that one secret alone has.
    ListTagKey,
    /// The same by a word of the description of one secret in a hundred.
    ListDescription,
    /// The same by that word anywhere.
    ListAll,
}

impl Operation {
    /// The value of `x-amz-target`.
    pub const fn target(self) -> &'static str {
        match self {
            Self::Get => "secretsmanager.GetSecretValue",
            Self::Put => "secretsmanager.PutSecretValue",
            Self::Create => "secretsmanager.CreateSecret",
            Self::PutPolicy => "secretsmanager.PutResourcePolicy",
            Self::Describe => "secretsmanager.DescribeSecret",
            Self::Batch => "secretsmanager.BatchGetSecretValue",
            Self::List
            | Self::ListName
            | Self::ListTagValue
            | Self::ListNotTagValue
            | Self::ListTagKey
            | Self::ListDescription
            | Self::ListAll => "secretsmanager.ListSecrets",
        }
    }

    /// Whether it looks for secrets that no order of theirs gives at once.
    pub const fn is_search(self) -> bool {
        matches!(
            self,
            Self::ListTagValue | Self::ListNotTagValue | Self::ListTagKey | Self::ListDescription | Self::ListAll
        )
    }

    /// What the report calls it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Get => "GetSecretValue",
            Self::Put => "PutSecretValue",
            Self::Create => "CreateSecret",
            Self::PutPolicy => "PutResourcePolicy",
            Self::Describe => "DescribeSecret",
            Self::Batch => "BatchGetSecretValue of 20",
            Self::List => "ListSecrets",
            Self::ListName => "ListSecrets by name prefix",
            Self::ListTagValue => "ListSecrets by tag value (1 in 50)",
            Self::ListNotTagValue => "ListSecrets by negated tag value",
            Self::ListTagKey => "ListSecrets by tag key (1 in all)",
            Self::ListDescription => "ListSecrets by description (1 in 100)",
            Self::ListAll => "ListSecrets by all (1 in 100)",
        }
    }
}

/// Writes the bodies of one operation's requests.
#[derive(Clone, Debug)]
pub struct Bodies {
    operation: Operation,
    /// How many secrets there are.
    count: u64,
    value: ValueText,
}

impl Bodies {
    /// Bodies of `operation` over `count` secrets with values of `value_bytes` bytes.
    pub fn new(operation: Operation, count: u64, value_bytes: usize) -> Self {
        Self { operation, count, value: ValueText::new(value_bytes) }
    }

    /// Writes the body of a request for secret `number`.
    pub fn write(&self, out: &mut String, number: u64, random: &mut Prng) {
        out.clear();
        match self.operation {
            Operation::Get | Operation::Describe => {
                out.push_str(r#"{"SecretId":""#);
                write_name(out, number);
                out.push_str(r#""}"#);
            }
            Operation::Put => {
                out.push_str(r#"{"SecretId":""#);
                write_name(out, number);
                out.push_str("\",");
                self.write_content(out, random);
                out.push('}');
            }
            Operation::PutPolicy => {
                out.push_str(r#"{"SecretId":""#);
                write_name(out, number);
                out.push_str(r#"","ResourcePolicy":""#);
                out.push_str(&RESOURCE_POLICY.replace('"', "\\\""));
                out.push_str("\"}");
            }
            Operation::Create => {
                out.push_str(r#"{"Name":""#);
                write_name(out, number);
                out.push_str("\",");
                self.write_content(out, random);
                out.push(',');
                write_labels(out, number);
                out.push('}');
            }
            Operation::Batch => self.write_batch(out, number),
            _ => self.write_list(out, random),
        }
    }

    fn write_content(&self, out: &mut String, random: &mut Prng) {
        out.push_str(r#""ClientRequestToken":""#);
        write_token(out, random);
        out.push_str(r#"","SecretString":""#);
        self.value.write(out, random.next());
        out.push('"');
    }

    fn write_batch(&self, out: &mut String, number: u64) {
        out.push_str(r#"{"SecretIdList":["#);
        for position in 0..BATCH_SIZE.min(self.count) {
            out.push_str(if position == 0 { "\"" } else { ",\"" });
            write_name(out, number.wrapping_add(position) % self.count.max(1));
            out.push('"');
        }
        out.push_str("]}");
    }

    fn write_list(&self, out: &mut String, random: &mut Prng) {
        out.push_str(r#"{"MaxResults":100"#);
        // Writing to a string cannot fail.
        let _ = match self.operation {
            Operation::ListName => {
                out.push_str(r#","Filters":[{"Key":"name","Values":[""#);
                write_group_prefix(out, random.below((self.count / GROUP_SIZE).max(1)));
                write!(out, r#""]}}]"#)
            }
            Operation::ListTagValue => {
                write!(out, r#","Filters":[{{"Key":"tag-value","Values":["team-{:02}"]}}]"#, random.below(TEAMS))
            }
            Operation::ListNotTagValue => {
                write!(out, r#","Filters":[{{"Key":"tag-value","Values":["!team-{:02}"]}}]"#, random.below(TEAMS))
            }
            Operation::ListTagKey => write!(out, r#","Filters":[{{"Key":"tag-key","Values":["only-one"]}}]"#),
            Operation::ListDescription => by_word(out, "description", random),
            Operation::ListAll => by_word(out, "all", random),
            _ => Ok(()),
        };
        out.push('}');
    }
}

fn by_word(out: &mut String, key: &str, random: &mut Prng) -> std::fmt::Result {
    write!(out, r#","Filters":[{{"Key":"{key}","Values":[""#)?;
    write_shard(out, random.below(SHARDS));
    out.write_str("\"]}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(operation: Operation) -> serde_json::Value {
        let (mut out, mut random) = (String::from("left over"), Prng::new(1, 1));
        Bodies::new(operation, 1000, 1024).write(&mut out, 500, &mut random);
        serde_json::from_str(&out).unwrap()
    }

    #[test]
    fn every_body_is_json() {
        for operation in Operation::value_variants() {
            assert!(body(*operation).is_object(), "{operation:?}");
        }
    }

    #[test]
    fn bodies_say_what_the_operation_needs() {
        assert_eq!(body(Operation::Get)["SecretId"], "g000002/key00000500");
        assert_eq!(body(Operation::Put)["SecretString"].as_str().unwrap().len(), 1024);
        let policy = body(Operation::PutPolicy)["ResourcePolicy"].as_str().unwrap().to_owned();
        assert_eq!(policy, RESOURCE_POLICY);
        assert_eq!(body(Operation::Create)["Tags"][2]["Key"], "only-one");
        assert_eq!(body(Operation::Batch)["SecretIdList"].as_array().unwrap().len(), 20);
        assert_eq!(body(Operation::List)["Filters"], serde_json::Value::Null);
        assert_eq!(body(Operation::ListName)["Filters"][0]["Key"], "name");
    }
}
