//! Tests of metric filters on a clock that is handed in.

use std::sync::Arc;

use strongroom_crypto::Keyring;
use strongroom_crypto::aead::generate_key;
use strongroom_crypto::random::SeededRandom;
use strongroom_store::{Batch, MemoryStore};
use strongroom_types::{AccountId, Region, Timestamp};

use super::*;
use crate::cloudwatch::{CloudWatch, Topics};

const MINUTE: i64 = 60_000;
const NOW: i64 = 20_000 * 86_400_000;
const GROUP: &str = "trail";

struct House {
    documents: Arc<Documents>,
    metrics: CloudWatch,
    logs: Logs,
}

impl House {
    fn new() -> Self {
        let random = Arc::new(SeededRandom::new(4));
        let ring = Keyring::new(&[generate_key(random.as_ref()).expect("a key")]).expect("a ring");
        let documents = Arc::new(Documents::new(Arc::new(MemoryStore::new()), Arc::new(ring), random, 1 << 20));
        let region = Region::parse("us-east-1").unwrap();
        let metrics = CloudWatch::new(Arc::clone(&documents), region.clone(), "1", MINUTE, Topics::default());
        let logs = Logs::new(Arc::clone(&documents), region, GROUP);
        Self { documents, metrics, logs }
    }

    async fn put(&self, filter: MetricFilter) {
        let mut batch = Batch::default();
        self.documents.put(&mut batch, None, &Arc::new(filter)).unwrap();
        self.documents.commit(batch).await.unwrap();
        self.logs.forget_filters();
        assert!(self.logs.prepare(Timestamp::from_millis(NOW)).await.unwrap());
    }

    /// The points of a metric in all: name, dimensions, and sum by minute.
    async fn points(&self) -> Vec<(String, i64, f64)> {
        let account = AccountId::parse("111111111111").unwrap();
        let keeper = self.metrics.keeper();
        keeper.flush(Timestamp::from_millis(NOW)).await.unwrap();
        let mut points = Vec::new();
        for series in keeper.names(&account, Timestamp::from_millis(NOW)).await.unwrap().into_keys() {
            let wanted = crate::cloudwatch::Wanted { series: series.clone(), any_unit: true, period_ms: MINUTE };
            let read = keeper.read(&account, &[wanted], (NOW - MINUTE, NOW + 60 * MINUTE)).await.unwrap();
            let dimensions: Vec<_> = series.metric.dimensions.iter().map(|(_, value)| value.as_str()).collect();
            let name = [&[series.metric.name.as_str()], dimensions.as_slice()].concat().join("/");
            points.extend(read[0].iter().map(|(at, set)| (name.clone(), (at - NOW) / MINUTE, set.sum)));
        }
        points
    }

    fn event(&self, minute: i64, account: &str, rest: &str) {
        let text = format!(r#"{{"eventName":"GetSecretValue","recipientAccountId":"{account}"{rest}}}"#);
        self.logs.hold(&text, Timestamp::from_millis(NOW + minute * MINUTE + 1), &self.metrics);
    }
}

fn filter(pattern: &str) -> MetricFilter {
    MetricFilter {
        account: "111111111111".to_owned(),
        region: "us-east-1".to_owned(),
        group: GROUP.to_owned(),
        name: "f".to_owned(),
        pattern: pattern.to_owned(),
        namespace: "Mine".to_owned(),
        metric: "m".to_owned(),
        value: "1".to_owned(),
        default: None,
        dimensions: [].into(),
        unit: None,
        created_ms: NOW,
        put_ms: NOW,
    }
}

fn point(name: &str, minute: i64, sum: f64) -> (String, i64, f64) {
    (name.to_owned(), minute, sum)
}

#[tokio::test]
async fn matching_records_of_the_account_are_counted_from_the_filter_on() {
    let house = House::new();
    house.put(filter("{ $.eventName = Get* }")).await;
    house.event(-1, "111111111111", "");
    house.event(0, "111111111111", "");
    house.event(0, "111111111111", "");
    house.event(0, "222222222222", r#","about":"111111111111""#);
    house.event(1, "111111111111", "");
    house.logs.hold("half a line 111111111111", Timestamp::from_millis(NOW), &house.metrics);
    assert_eq!(house.points().await, [point("m", 0, 2.0), point("m", 1, 1.0)]);
}

#[tokio::test]
async fn a_default_value_counts_where_events_came_and_none_matched() {
    let house = House::new();
    house.put(MetricFilter { default: Some(0.0), ..filter("{ $.errorCode = * }") }).await;
    house.event(0, "111111111111", "");
    house.event(1, "111111111111", "");
    house.event(1, "111111111111", r#","errorCode":"x""#);
    house.event(3, "111111111111", "");
    assert_eq!(house.points().await, [point("m", 0, 0.0), point("m", 1, 1.0)], "minute 3 has not ended");
    house.logs.settle(Timestamp::from_millis(NOW + 4 * MINUTE), &house.metrics);
    assert_eq!(house.points().await, [point("m", 0, 0.0), point("m", 1, 1.0), point("m", 3, 0.0)]);
}

#[tokio::test]
async fn values_and_dimensions_come_from_the_record() {
    let house = House::new();
    let dimensions = [("Name".to_owned(), "$.eventName".to_owned()), ("Who".to_owned(), "$.who".to_owned())].into();
    house.put(MetricFilter { value: "$.size".to_owned(), dimensions, ..filter("") }).await;
    house.event(0, "111111111111", r#","size":2.5,"who":"a""#);
    house.event(0, "111111111111", r#","size":"4","who":"b""#);
    house.event(0, "111111111111", r#","size":8"#);
    house.event(0, "111111111111", r#","size":"large","who":"a""#);
    let expected = [point("m", 0, 8.0), point("m/GetSecretValue/a", 0, 2.5), point("m/GetSecretValue/b", 0, 4.0)];
    assert_eq!(house.points().await, expected);
}

#[tokio::test]
async fn filters_of_others_are_heard_of_within_seconds() {
    let house = House::new();
    assert!(!house.logs.prepare(Timestamp::from_millis(NOW)).await.unwrap());
    let mut batch = Batch::default();
    house.documents.put(&mut batch, None, &Arc::new(filter(""))).unwrap();
    house.documents.commit(batch).await.unwrap();
    assert!(!house.logs.prepare(Timestamp::from_millis(NOW + 4999)).await.unwrap());
    assert!(house.logs.prepare(Timestamp::from_millis(NOW + 5000)).await.unwrap());
}

#[tokio::test]
async fn how_far_a_server_has_come_is_kept() {
    let house = House::new();
    assert_eq!(house.logs.progress("one").await.unwrap(), None);
    house.logs.set_progress("one", "20260503T17:1".to_owned()).await.unwrap();
    house.logs.set_progress("one", "20260503T17:2".to_owned()).await.unwrap();
    assert_eq!(house.logs.progress("one").await.unwrap().as_deref(), Some("20260503T17:2"));
    assert_eq!(house.logs.progress("two").await.unwrap(), None);
}
