//! CloudWatch behind the gate, in each of its protocols, and metric filters on the trail.

use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use strongroom_types::{SecretBytes, Timestamp};
use strongroom_wire::cloudwatch::{
    Dimension, GetMetricStatisticsInput, GetMetricStatisticsOutput, MetricDatum, PutMetricDataInput, Statistic,
};
use strongroom_wire::{Shape, cbor, json};

use super::{House, NOW, received};
use crate::front::{Answer, Call, Endpoint as _};
use crate::{cloudwatch, logs};

const MINUTE: i64 = 60_000;
const CALL: &str = "/service/GraniteServiceVersion20100801/operation/";

/// A call of CloudWatch that is signed, as far as developer mode looks.
fn call(path: &str, body: &[u8], more: &[(&'static str, &str)]) -> Call {
    let mut headers = HeaderMap::new();
    headers.insert("host", "test".parse().unwrap());
    headers.insert("x-amz-date", "20240203T040506Z".parse().unwrap());
    let claim = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20240203/us-east-1/monitoring/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature={}",
        "0".repeat(64)
    );
    headers.insert("authorization", claim.parse().unwrap());
    more.iter().for_each(|(name, value)| drop(headers.insert(*name, value.parse().unwrap())));
    let call = received(headers, "");
    Call { uri: path.parse().unwrap(), body: SecretBytes::new(body.to_vec()), ..call }
}

const IN_CBOR: [(&str, &str); 2] = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];

impl House {
    async fn answer(&self, call: Call) -> Answer {
        Arc::clone(&self.gate).call(call).await
    }

    async fn in_cbor<I: Shape>(&self, operation: &str, input: &I) -> Answer {
        self.answer(call(&format!("{CALL}{operation}"), cbor::encode(input).expose(), &IN_CBOR)).await
    }
}

async fn create(house: &House, name: &str) {
    let token = "00000000-0000-4000-8000-000000000000";
    let body = format!(r#"{{"Name":"{name}","SecretString":"v","ClientRequestToken":"{token}"}}"#);
    assert_eq!(house.call("CreateSecret", &body, true).await.status, 200);
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let found = answer.headers.iter().find(|(known, _)| known.as_str() == name);
    found.map(|(_, value)| value.to_str().unwrap())
}

fn statistics(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> GetMetricStatisticsInput {
    let shown = |(name, value): &(&str, &str)| Dimension { name: (*name).to_owned(), value: (*value).to_owned() };
    GetMetricStatisticsInput {
        namespace: namespace.to_owned(),
        metric_name: name.to_owned(),
        dimensions: Some(dimensions.iter().map(shown).collect()),
        start_time: Timestamp::from_millis(NOW.millis() - 60 * MINUTE),
        end_time: Timestamp::from_millis(NOW.millis() + 60 * MINUTE),
        period: 60,
        statistics: Some(vec![Statistic::Sum]),
        extended_statistics: None,
        unit: None,
    }
}

async fn sums(house: &House, input: &GetMetricStatisticsInput) -> Vec<f64> {
    let answer = house.in_cbor("GetMetricStatistics", input).await;
    assert_eq!((answer.status, answer.content_type), (200, "application/cbor"));
    assert_eq!(header(&answer, "smithy-protocol"), Some("rpc-v2-cbor"));
    let output: GetMetricStatisticsOutput = cbor::decode_answer(answer.body.expose()).unwrap();
    output.datapoints.unwrap().into_iter().map(|point| point.sum.unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_whether_they_succeed_or_not() {
    let house = House::open(|_| {}).await;
    create(&house, "a").await;
    for name in ["a", "a", "b"] {
        house.call("GetSecretValue", &format!(r#"{{"SecretId":"{name}"}}"#), true).await;
    }
    house.call("GetSecretValue", r#"{"SecretId":"a"}"#, false).await;
    let dimensions =
        [("Class", "None"), ("Resource", "GetSecretValue"), ("Service", "Secrets Manager"), ("Type", "API")];
    let asked = statistics("AWS/Usage", "CallCount", &dimensions);
    house.clock.set(Timestamp::from_millis(NOW.millis() + MINUTE));
    cloudwatch::flush(&house.app).await.unwrap();
    assert_eq!(sums(&house, &asked).await, [3.0], "who does not sign is nobody's");
    cloudwatch::work(&house.app).await.unwrap();
    house.clock.set(Timestamp::from_millis(NOW.millis() + 2 * MINUTE));
    cloudwatch::flush(&house.app).await.unwrap();
    let dimensions =
        [("Class", "None"), ("Resource", "SecretCount"), ("Service", "Secrets Manager"), ("Type", "Resource")];
    assert_eq!(sums(&house, &statistics("AWS/SecretsManager", "ResourceCount", &dimensions)).await, [1.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_in_the_protocol_of_the_request() {
    let house = House::open(|_| {}).await;
    let path = format!("{CALL}GetMetricStatistics");
    let input = GetMetricStatisticsInput { period: 61, ..statistics("A", "b", &[]) };
    let answer = house.answer(call(&path, cbor::encode(&input).expose(), &IN_CBOR)).await;
    assert_eq!((answer.status, answer.content_type), (400, "application/cbor"));
    assert_eq!(header(&answer, "x-amzn-query-error"), Some("InvalidParameterValue;Sender"));
    let told = cbor::parse(answer.body.expose(), 10).unwrap();
    let strongroom_wire::node::Node::Map(entries) = told else { panic!("a map") };
    assert_eq!(entries[0].1.echo(), "InvalidParameterValueException");
    let in_json = [
        ("x-amz-target", "GraniteServiceVersion20100801.GetMetricStatistics"),
        ("content-type", "application/x-amz-json-1.0"),
    ];
    let answer = house.answer(call("/", json::encode(&input).expose(), &in_json)).await;
    assert_eq!((answer.status, answer.content_type), (400, "application/x-amz-json-1.0"));
    assert_eq!(header(&answer, "x-amzn-query-error"), Some("InvalidParameterValue;Sender"));
    assert!(answer.body.expose().starts_with(br#"{"__type":"InvalidParameterValueException""#));
    let form =
        b"Action=GetMetricStatistics&Version=2010-08-01&Namespace=A&MetricName=b&Period=61&Statistics.member.1=Sum\
        &StartTime=2024-02-03T04%3A00%3A00Z&EndTime=2024-02-03T05%3A00%3A00Z";
    let answer = house.answer(call("/", form, &[("content-type", "application/x-www-form-urlencoded")])).await;
    assert_eq!((answer.status, answer.content_type), (400, "text/xml"));
    let text = String::from_utf8(answer.body.expose().to_vec()).unwrap();
    assert!(text.contains("<Type>Sender</Type><Code>InvalidParameterValue</Code>"), "{text}");
    // What is not CBOR, and what is no operation.
    let answer = house.answer(call(&path, b"\xff", &IN_CBOR)).await;
    assert_eq!(header(&answer, "x-amzn-query-error"), Some("MalformedInput;Sender"));
    let answer = house.answer(call(&format!("{CALL}Dance"), b"", &IN_CBOR)).await;
    assert_eq!((answer.status, header(&answer, "x-amzn-query-error")), (400, Some("InvalidAction;Sender")));
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_bodies_are_unpacked_up_to_a_bound() {
    let house = House::open(|_| {}).await;
    let packed = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let datum = MetricDatum { metric_name: "m".to_owned(), value: Some(2.0), ..MetricDatum::default() };
    let input = PutMetricDataInput {
        namespace: "Mine".to_owned(),
        metric_data: Some(vec![datum]),
        entity_metric_data: None,
        strict_entity_validation: None,
    };
    let path = format!("{CALL}PutMetricData");
    let headers = [IN_CBOR[0], IN_CBOR[1], ("content-encoding", "gzip")];
    let answer = house.answer(call(&path, &packed(cbor::encode(&input).expose()), &headers)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(sums(&house, &statistics("Mine", "m", &[])).await, [2.0]);
    let bomb = packed(&vec![0; 64 << 20]);
    assert_eq!(house.answer(call(&path, &bomb, &headers)).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_held_against_metric_filters_and_gone_on_with_after_a_restart() {
    let directory = tempfile::TempDir::new().unwrap();
    let refused = r#"{"SecretId":"gone"}"#;
    let house = House::open_in(directory.path(), 12, |_| {}).await.unwrap();
    logs::follow(&house.app).await.unwrap();
    let put = br#"{"logGroupName":"CloudTrail/DefaultLogGroup","filterName":"f","metricTransformations":
        [{"metricName":"m","metricNamespace":"Mine","metricValue":"1"}],
        "filterPattern":"{ $.errorMessage = \"*secret because it was marked for deletion*\" }"}"#;
    let target = [("x-amz-target", "Logs_20140328.PutMetricFilter"), ("content-type", "application/x-amz-json-1.1")];
    let mut signed = call("/", put, &target);
    let claim = signed.headers["authorization"].to_str().unwrap().replace("monitoring", "logs");
    signed.headers.insert("authorization", claim.parse().unwrap());
    assert_eq!(house.answer(signed).await.status, 200);
    create(&house, "gone").await;
    house.call("DeleteSecret", refused, true).await;
    house.call("GetSecretValue", refused, true).await;
    let later = |minutes: i64| Timestamp::from_millis(NOW.millis() + minutes * MINUTE);
    house.clock.set(later(1));
    cloudwatch::flush(&house.app).await.unwrap();
    logs::follow(&house.app).await.unwrap();
    assert_eq!(sums(&house, &statistics("Mine", "m", &[])).await, [1.0], "read after its minute was written");
    house.clock.set(later(2));
    cloudwatch::flush(&house.app).await.unwrap();
    logs::follow(&house.app).await.unwrap();
    assert_eq!(sums(&house, &statistics("Mine", "m", &[])).await, [1.0]);
    house.call("GetSecretValue", refused, true).await;
    house.app.close().await.unwrap();
    drop(house);
    let house = House::open_in(directory.path(), 13, |_| {}).await.unwrap();
    logs::follow(&house.app).await.unwrap();
    cloudwatch::flush_last(&house.app).await;
    assert_eq!(sums(&house, &statistics("Mine", "m", &[])).await, [2.0], "one by each run");
    house.call("GetSecretValue", refused, true).await;
    logs::follow(&house.app).await.unwrap();
    cloudwatch::flush_last(&house.app).await;
    assert_eq!(sums(&house, &statistics("Mine", "m", &[])).await, [3.0]);
    house.app.close().await.unwrap();
    drop(house);
    let house = House::open_in(directory.path(), 14, |_| {}).await.unwrap();
    logs::follow(&house.app).await.unwrap();
    cloudwatch::flush_last(&house.app).await;
    assert_eq!(sums(&house, &statistics("Mine", "m", &[])).await, [3.0], "a stop in order counts nothing twice");
}
