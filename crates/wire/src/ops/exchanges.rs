//! Tests: of every operation of the query services, a request and an answer as the models' facts say that they look.

use std::fmt::Debug;

use serde_json::{Map, Value, json};

use super::{AnyOperation, Protocol, Visitor};
use crate::forms::Shape;
use crate::query::Query;
use crate::{json as codec, record, xml};

/// Shapes that are secret though the facts do not say so.
const MARKED_SECRET: [&str; 3] = ["authenticationCodeType", "tokenCodeType", "tokenType"];

/// The facts of one service.
struct Facts(Value);

impl Facts {
    fn of(operation: AnyOperation) -> Self {
        let text = match operation.service().name {
            "iam" => include_str!("../../../../models/iam.json"),
            "sts" => include_str!("../../../../models/sts.json"),
            other => panic!("no facts of {other}"),
        };
        Self(serde_json::from_str(text).expect("facts"))
    }

    fn shape(&self, name: &Value) -> &Value {
        &self.0["shapes"][name.as_str().expect("a name")]
    }

    fn is_secret(&self, name: &Value) -> bool {
        self.shape(name)["sensitive"] == true || MARKED_SECRET.contains(&name.as_str().expect("a name"))
    }

    /// A value with every member, two elements in every list and two entries in every map.
    fn sample(&self, name: &Value) -> Value {
        let shape = self.shape(name);
        match shape["type"].as_str().expect("a type") {
            "structure" => members(shape).map(|(member, of)| (member.to_owned(), self.sample(of))).collect(),
            "list" => vec![self.sample(&shape["member"]["shape"]); 2].into(),
            "map" => {
                let key = self.shape(&shape["key"]["shape"]);
                let keys = key["enum"].as_array().map(|values| values[..2].to_vec());
                let keys = keys.unwrap_or_else(|| vec!["first".into(), "second".into()]);
                let entries = keys.iter().map(|key| (text(key), self.sample(&shape["value"]["shape"])));
                entries.collect::<Map<_, _>>().into()
            }
            "integer" | "long" => shape["min"].as_i64().unwrap_or(0).max(7).into(),
            "boolean" => true.into(),
            "timestamp" => 1_709_251_198.into(),
            "blob" => "AP8=".into(),
            _ => sample_text(shape).into(),
        }
    }

    /// The parameters that write a value, each as `&name=value`.
    fn form(&self, name: &str, shape: &Value, value: &Value) -> String {
        let shape = self.shape(shape);
        let dotted = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
        let list = || value.as_array().expect("a list").iter().enumerate();
        match shape["type"].as_str().expect("a type") {
            "structure" => members(shape).map(|(member, of)| self.form(&dotted(member), of, &value[member])).collect(),
            "list" => {
                let element =
                    |(at, value)| self.form(&dotted(&format!("member.{}", at + 1)), &shape["member"]["shape"], value);
                list().map(element).collect()
            }
            _ => format!("&{name}={}", text(value)),
        }
    }

    /// The element that carries a value.
    fn xml(&self, tag: &str, shape: &Value, value: &Value) -> String {
        let shape = self.shape(shape);
        let inside: String = match shape["type"].as_str().expect("a type") {
            "structure" => members(shape).map(|(member, of)| self.xml(member, of, &value[member])).collect(),
            "list" => {
                let elements = value.as_array().expect("a list").iter();
                elements.map(|value| self.xml("member", &shape["member"]["shape"], value)).collect()
            }
            "map" => {
                let entry = |(key, value)| {
                    format!("<entry><key>{key}</key>{}</entry>", self.xml("value", &shape["value"]["shape"], value))
                };
                value.as_object().expect("a map").iter().map(entry).collect()
            }
            "timestamp" => "2024-02-29T23:59:58Z".to_owned(),
            _ => text(value),
        };
        format!("<{tag}>{inside}</{tag}>")
    }
}

fn members(shape: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = shape["members"].as_array().into_iter().flatten();
    members.map(|member| (member["name"].as_str().expect("a name"), &member["shape"]))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text that satisfies the shape's constraints.
fn sample_text(shape: &Value) -> String {
    if let Some(first) = shape["enum"].get(0) {
        return text(first);
    }
    let text = match shape["pattern"].as_str().unwrap_or_default() {
        pattern if pattern.starts_with("[\\d]") || pattern == "\\d{12}" => "123456",
        pattern if pattern.contains("\\u002F") || pattern.starts_with("((/") => "/path/",
        pattern if pattern.starts_with("v[1-9]") => "v3",
        _ => "text1",
    };
    let length = usize::try_from(shape["min"].as_u64().unwrap_or(0)).expect("a length");
    if length <= text.len() { text.to_owned() } else { text.chars().cycle().take(length).collect() }
}

/// Takes an operation's sample through reading and writing.
struct Exchange<'a> {
    operation: AnyOperation,
    facts: &'a Facts,
}

impl Exchange<'_> {
    fn request<I: Shape + Debug + PartialEq>(&self, shape: &Value) {
        let sample = self.facts.sample(shape);
        let form = self.facts.form("", shape, &sample);
        let action = format!("Action={}&Version={}", self.operation.name(), self.operation.service().api_version);
        let form = action + &form;
        let query = Query::parse(form.as_bytes()).expect("a form");
        assert_eq!(AnyOperation::of_query(&query, None), Ok(self.operation));
        let input: I = query.decode().unwrap_or_else(|error| panic!("{form}: {error}"));
        let read: Value = serde_json::from_slice(codec::encode(&input).expose()).expect("JSON");
        assert_eq!(read, sample, "{form}");
        let record: Value = serde_json::from_str(&record::encode(&input)).expect("JSON");
        let shown = members(self.facts.shape(shape)).filter(|(_, of)| !self.facts.is_secret(of)).count();
        assert_eq!(record.as_object().expect("an object").len(), shown, "{record}");
    }

    fn answer<O: Shape + Debug + PartialEq>(&self, shape: &Value) {
        let sample = self.facts.sample(shape);
        let output: O = codec::decode_answer(sample.to_string().as_bytes()).expect("an output");
        let name = self.operation.name();
        let answer = xml::encode(name, "ns", Some(&output), "id-1");
        let result = self.facts.xml(&format!("{name}Result"), shape, &sample);
        let metadata = "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>";
        let expected = format!("<{name}Response xmlns=\"ns\">{result}{metadata}</{name}Response>");
        assert_eq!(std::str::from_utf8(answer.expose()), Ok(&*expected));
    }
}

impl Visitor for Exchange<'_> {
    type Answer = ();

    fn visit<I: Shape + Debug + PartialEq, O: Shape + Debug + PartialEq>(self) {
        let operation = &self.facts.0["operations"][self.operation.name()];
        if !operation["input"].is_null() {
            self.request::<I>(&operation["input"]);
        }
        if !operation["output"].is_null() {
            self.answer::<O>(&operation["output"]);
        }
    }
}

#[test]
fn every_operation_reads_its_request_and_writes_its_answer() {
    let queried = |service: &str| {
        let mut operations = AnyOperation::all().filter(|operation| operation.service().name == service).peekable();
        let facts = Facts::of(*operations.peek().expect("operations"));
        let mut count = 0;
        for operation in operations {
            assert_eq!(operation.service().protocol, Protocol::Query);
            operation.visit(Exchange { operation, facts: &facts });
            count += 1;
        }
        count
    };
    assert_eq!((queried("iam"), queried("sts")), (131, 12));
}

#[test]
fn policy_documents_are_percent_encoded_in_answers_alone() {
    let output = crate::iam::GetUserPolicyResponse {
        user_name: "a b".to_owned(),
        policy_name: "p".to_owned(),
        policy_document: r#"{"a": "é*~"}"#.to_owned(),
    };
    let answer = xml::encode("GetUserPolicy", "ns", Some(&output), "id-1");
    let answer = std::str::from_utf8(answer.expose()).expect("text");
    assert!(answer.contains("<PolicyDocument>%7B%22a%22%3A%20%22%C3%A9%2A~%22%7D</PolicyDocument>"), "{answer}");
    assert!(answer.contains("<UserName>a b</UserName>"), "{answer}");
    assert!(record::encode(&output).contains(r#""policyDocument":"{\"a\": \"é*~\"}""#));
    let record = record::encode_answer(&crate::iam::SERVICE, &output);
    assert!(record.contains(r#""policyDocument":"%7B%22a%22%3A%20%22%C3%A9%2A~%22%7D""#), "{record}");
}

#[test]
fn a_secret_structure_stays_out_of_records_as_a_whole() {
    let context = json!({"OriginIdentity": {"Subject": "s", "FederatedProviderArn": "arn"}});
    let output = json!({"Audience": "a", "TrustedIdentityPropagationContext": context});
    let output: crate::sts::AssumeRoleWithWebIdentityResponse =
        codec::decode_answer(output.to_string().as_bytes()).expect("an output");
    assert_eq!(record::encode(&output), r#"{"audience":"a"}"#);
    let answer = xml::encode("AssumeRoleWithWebIdentity", "ns", Some(&output), "id-1");
    let answer = std::str::from_utf8(answer.expose()).expect("text");
    assert!(answer.contains("<FederatedProviderArn>arn</FederatedProviderArn>"), "{answer}");
    assert!(!format!("{output:?}").contains("\"s\""), "{output:?}");
}

#[test]
fn credentials_show_in_the_answer_alone() {
    let credentials = json!({
        "AccessKeyId": "AKID", "SecretAccessKey": "hunter1", "SessionToken": "hunter2", "Expiration": 1_709_251_198
    });
    let output = json!({ "Credentials": credentials });
    let output: crate::sts::AssumeRoleResponse =
        codec::decode_answer(output.to_string().as_bytes()).expect("an output");
    let answer = xml::encode("AssumeRole", "ns", Some(&output), "id-1");
    assert!(std::str::from_utf8(answer.expose()).expect("text").contains("<SessionToken>hunter2</SessionToken>"));
    assert!(!format!("{output:?}").contains("hunter"), "{output:?}");
    assert_eq!(
        record::encode_answer(&crate::sts::SERVICE, &output),
        r#"{"credentials":{"accessKeyId":"AKID","expiration":"Feb 29, 2024, 11:59:58 PM"}}"#
    );
}

#[test]
fn names_are_refused_in_the_services_own_words_unless_a_constraint_comes_first() {
    let refusal = |form: &str| {
        let query = Query::parse(form.as_bytes()).expect("a form");
        query.decode::<crate::iam::CreateUserRequest>().expect_err(form).message
    };
    let words = "It must contain only alphanumeric characters and/or the following: +=,.@_-";
    assert_eq!(refusal("UserName=a%2Fb"), format!("The specified value for userName is invalid. {words}"));
    assert!(
        refusal("UserName=%2F&Path=b").starts_with("The specified value for path is invalid. It must begin and end")
    );
    assert_eq!(
        refusal("UserName=%2F&Path=b&PermissionsBoundary="),
        "1 validation error detected: Value '' at 'permissionsBoundary' failed to satisfy constraint: Member must have \
         length greater than or equal to 20"
    );
}
