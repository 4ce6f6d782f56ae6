//! Tests of metrics and alarms on a clock that is handed in.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use strongroom_crypto::Keyring;
use strongroom_crypto::aead::generate_key;
use strongroom_crypto::random::SeededRandom;
use strongroom_store::{Batch, MemoryStore};
use strongroom_types::{AccountId, Region, Timestamp};
use strongroom_wire::cloudwatch::{ComparisonOperator, PutMetricAlarmInput, Statistic};
use strongroom_wire::ops::AnyOperation;
use strongroom_wire::secretsmanager::Operation;

use super::alarm::{State, UNCHECKED};
use super::chunk::{Chunk, DAY_MS, HOUR_MS, Tier, place, tier_place};
use super::keeping::{Points, Wanted};
use super::*;

const MINUTE: i64 = 60_000;
/// The start of a day.
const DAY: i64 = 20_000 * DAY_MS;
const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:told";

fn documents() -> Arc<Documents> {
    let random = Arc::new(SeededRandom::new(4));
    let ring = Keyring::new(&[generate_key(random.as_ref()).expect("a key")]).expect("a ring");
    Arc::new(Documents::new(Arc::new(MemoryStore::new()), Arc::new(ring), random, 1 << 20))
}

fn server(documents: &Arc<Documents>, node: &str) -> CloudWatch {
    let region = Region::parse("us-east-1").unwrap();
    CloudWatch::new(Arc::clone(documents), region, node, MINUTE, Topics::default())
}

fn account() -> AccountId {
    AccountId::parse("111111111111").unwrap()
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn calls() -> Series {
    let metric = Metric::of_service(USAGE, CALL_COUNT, "Secrets Manager", "API", "GetSecretValue");
    Series { metric, unit: Some("None".to_owned()) }
}

async fn read(server: &CloudWatch, series: Series, period_ms: i64, stretch: (i64, i64)) -> Points {
    let wanted = Wanted { series, any_unit: false, period_ms };
    server.keeper().read(&account(), &[wanted], stretch).await.unwrap().remove(0)
}

fn sums(points: &Points) -> Vec<(i64, f64)> {
    points.iter().map(|(at, set)| ((at - DAY) / MINUTE, set.sum)).collect()
}

#[tokio::test]
async fn calls_of_all_servers_are_summed_by_the_minute() {
    let documents = documents();
    let (one, two) = (server(&documents, "one"), server(&documents, "two"));
    let get = AnyOperation::SecretsManager(Operation::GetSecretValue);
    (0..3).for_each(|_| one.note(&account(), get));
    (0..2).for_each(|_| two.note(&account(), get));
    one.flush_due(at(DAY + MINUTE)).await.unwrap();
    two.flush_due(at(DAY + MINUTE + 900)).await.unwrap();
    one.note(&account(), get);
    // Within a minute nothing is written.
    one.flush_due(at(DAY + MINUTE + 59_000)).await.unwrap();
    one.flush_due(at(DAY + 2 * MINUTE)).await.unwrap();
    let points = read(&one, calls(), MINUTE, (DAY, DAY + HOUR_MS)).await;
    assert_eq!(sums(&points), [(0, 5.0), (1, 1.0)]);
    assert_eq!(sums(&read(&two, calls(), MINUTE, (DAY + MINUTE, DAY + HOUR_MS)).await), [(1, 1.0)]);
    let names = two.keeper().names(&account(), at(DAY + 2 * MINUTE)).await.unwrap();
    assert_eq!(names.keys().collect::<Vec<_>>(), [&calls()]);
    let late = two.keeper().names(&account(), at(DAY + 15 * DAY_MS)).await.unwrap();
    assert!(late.is_empty(), "named for two weeks");
}

#[tokio::test]
async fn points_grow_coarser_with_age_and_end() {
    let documents = documents();
    let (one, two) = (server(&documents, "one"), server(&documents, "two"));
    for minute in 0..120 {
        one.keeper().add(&account(), calls(), at(DAY + minute * MINUTE), Set::of(1.0, 1.0));
        two.keeper().add(&account(), calls(), at(DAY + minute * MINUTE), Set::of(3.0, 1.0));
    }
    one.keeper().flush(at(DAY)).await.unwrap();
    two.keeper().flush(at(DAY)).await.unwrap();
    let stretch = (DAY, DAY + DAY_MS);
    let place = place("111111111111", "us-east-1");
    let mut seen = Vec::new();
    for days in [15, 16, 63, 64, 65, 456, 457] {
        one.keeper().grow_coarser(&account(), at(DAY + days * DAY_MS), 10).await.unwrap();
        let mut chunks = Vec::new();
        for tier in Tier::ALL {
            chunks.push(documents.scan::<Chunk>(&tier_place(&place, tier), None, 100).await.unwrap().len());
        }
        let mut counts = Vec::new();
        for period_ms in [MINUTE, 5 * MINUTE, HOUR_MS] {
            let points = read(&one, calls(), period_ms, stretch).await;
            let sum: f64 = points.values().map(|set| set.sum).sum();
            counts.push((points.len(), sum));
        }
        seen.push((days, chunks, counts));
    }
    let none = (0, 0.0);
    let fine = vec![(120, 480.0), (120, 480.0), (120, 480.0)];
    let middle = vec![none, (24, 480.0), (24, 480.0)];
    let coarse = vec![none, none, (2, 480.0)];
    assert_eq!(
        seen,
        [
            (15, vec![4, 0, 0], fine),
            (16, vec![0, 1, 0], middle.clone()),
            (63, vec![0, 1, 0], middle),
            (64, vec![0, 0, 1], coarse.clone()),
            (65, vec![0, 0, 1], coarse.clone()),
            (456, vec![0, 0, 0], vec![none; 3]),
            (457, vec![0, 0, 0], vec![none; 3]),
        ]
    );
}

#[tokio::test]
async fn metrics_are_bounded_in_number() {
    let documents = documents();
    let one = server(&documents, "one");
    for number in 0..=SERIES_MAX {
        let metric = Metric { namespace: "Mine".to_owned(), name: format!("m{number:05}"), dimensions: Vec::new() };
        one.keeper().add(&account(), Series { metric, unit: None }, at(DAY), Set::of(1.0, 1.0));
    }
    one.keeper().flush(at(DAY)).await.unwrap();
    assert_eq!(one.keeper().names(&account(), at(DAY)).await.unwrap().len(), SERIES_MAX);
    assert_eq!(one.keeper().take_dropped(), 1);
    // What is named already goes on.
    let metric = Metric { namespace: "Mine".to_owned(), name: "m00000".to_owned(), dimensions: Vec::new() };
    one.keeper().add(&account(), Series { metric, unit: None }, at(DAY + HOUR_MS), Set::of(1.0, 1.0));
    one.keeper().flush(at(DAY + HOUR_MS)).await.unwrap();
    assert_eq!(one.keeper().take_dropped(), 0);
}

#[tokio::test]
async fn one_server_at_a_time_has_the_work_and_each_minute_is_looked_at_once() {
    let documents = documents();
    let (one, two) = (server(&documents, "one"), server(&documents, "two"));
    let due = one.take_work("one", at(DAY + 5 * MINUTE)).await.unwrap().expect("the work");
    assert_eq!((due.look_ms, due.count, due.age), (Some(DAY + 4 * MINUTE), true, true));
    assert_eq!(two.take_work("two", at(DAY + 5 * MINUTE + 1000)).await.unwrap(), None);
    let due = one.take_work("one", at(DAY + 5 * MINUTE + 9000)).await.unwrap().expect("the work");
    assert_eq!((due.look_ms, due.count, due.age), (None, false, false));
    let due = one.take_work("one", at(DAY + 5 * MINUTE + 10_000)).await.unwrap().expect("the work");
    assert_eq!(due.look_ms, Some(DAY + 5 * MINUTE), "once other servers had the time to write");
    // Its holder is gone.
    let due = two.take_work("two", at(DAY + 8 * MINUTE)).await.unwrap().expect("the work");
    assert_eq!((due.look_ms, due.count), (Some(DAY + 7 * MINUTE), false));
    let due = two.take_work("two", at(DAY + HOUR_MS)).await.unwrap().expect("the work");
    assert!(due.count, "secrets are counted each hour");
}

/// What was told.
#[derive(Default)]
struct Told {
    invoked: Mutex<Vec<String>>,
}

impl Actions for Told {
    fn invoke<'a>(
        &'a self,
        function_arn: &'a str,
        _alarm_arn: &'a str,
        payload: String,
        _now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        let payload: serde_json::Value = serde_json::from_str(&payload).unwrap();
        let state = payload["alarmData"]["state"]["value"].as_str().unwrap();
        self.invoked.lock().unwrap().push(format!("{state} {function_arn}"));
        Box::pin(async { Ok(()) })
    }
}

async fn put_alarm(documents: &Documents, periods: i32, treated: Option<&str>) {
    let input = PutMetricAlarmInput {
        alarm_name: "busy".to_owned(),
        alarm_actions: Some(vec![FUNCTION.to_owned()]),
        namespace: Some(USAGE.to_owned()),
        metric_name: Some(CALL_COUNT.to_owned()),
        dimensions: Some(calls().metric.shown_dimensions()),
        statistic: Some(Statistic::Sum),
        period: Some(60),
        evaluation_periods: Some(periods),
        threshold: Some(10.0),
        comparison_operator: Some(ComparisonOperator::GreaterThanThreshold),
        treat_missing_data: treated.map(str::to_owned),
        ..PutMetricAlarmInput::default()
    };
    let state =
        State { value: "INSUFFICIENT_DATA".to_owned(), reason: UNCHECKED.to_owned(), data: None, updated_ms: DAY };
    let alarm = Alarm {
        account: account().to_string(),
        region: "us-east-1".to_owned(),
        name: "busy".to_owned(),
        definition: Alarm::definition_of(&input).unwrap(),
        configured_ms: DAY,
        actions_enabled: true,
        tags: Vec::new(),
        state,
        transitioned_ms: DAY,
        untold: None,
    };
    let mut batch = Batch::default();
    documents.put(&mut batch, None, &Arc::new(alarm)).unwrap();
    documents.commit(batch).await.unwrap();
}

async fn look_and_tell(server: &CloudWatch, end: i64, told: &Told, now: Timestamp) {
    for name in server.look_at_alarms(&account(), end, now).await.unwrap() {
        server.tell_of(&account(), &name, told, now).await.unwrap();
    }
}

async fn alarm(documents: &Documents) -> Arc<Alarm> {
    documents.load::<Alarm>("111111111111:us-east-1:busy").await.unwrap().expect("the alarm").value
}

#[tokio::test]
async fn an_alarm_changes_with_its_metric_and_tells_once() {
    let documents = documents();
    let one = server(&documents, "one");
    put_alarm(&documents, 2, None).await;
    let told = Told::default();
    let mut states = Vec::new();
    // Calls in each minute; none at all in those with a dash.
    for (minute, calls_made) in
        [Some(1.0), Some(2.0), Some(11.0), Some(12.0), Some(13.0), Some(1.0), None].into_iter().enumerate()
    {
        let start = DAY + i64::try_from(minute).unwrap() * MINUTE;
        if let Some(made) = calls_made {
            one.keeper().add(&account(), calls(), at(start), Set::of(1.0, made));
        }
        one.keeper().flush(at(start)).await.unwrap();
        let end = start + MINUTE;
        look_and_tell(&one, end, &told, at(end + 10_000)).await;
        states.push(alarm(&documents).await.state.value.clone());
    }
    assert_eq!(states, ["OK", "OK", "OK", "ALARM", "ALARM", "OK", "OK"]);
    assert_eq!(*told.invoked.lock().unwrap(), [format!("ALARM {FUNCTION}")]);
    let events = documents.store().feed(crate::announcing::TOPIC, 0, 10).await.unwrap();
    let events: Vec<serde_json::Value> = events
        .iter()
        .map(|row| serde_json::from_str(&crate::announcing::open(documents.keyring(), row).unwrap()).unwrap())
        .collect();
    let changes: Vec<String> = events
        .iter()
        .map(|event| format!("{} -> {}", event["detail"]["previousState"]["value"], event["detail"]["state"]["value"]))
        .collect();
    assert_eq!(changes, [r#""INSUFFICIENT_DATA" -> "OK""#, r#""OK" -> "ALARM""#, r#""ALARM" -> "OK""#]);
    assert_eq!(
        (&events[0]["source"], &events[0]["detail-type"]),
        (&"aws.cloudwatch".into(), &"CloudWatch Alarm State Change".into())
    );
    assert_eq!(events[0]["resources"][0], "arn:aws:cloudwatch:us-east-1:111111111111:alarm:busy");
    let history = documents.load::<History>("111111111111:us-east-1:busy").await.unwrap().expect("a history");
    let summaries: Vec<&str> = history.value.items.iter().map(|item| item.summary.as_str()).collect();
    assert_eq!(
        summaries,
        [
            "Alarm updated from INSUFFICIENT_DATA to OK",
            "Alarm updated from OK to ALARM",
            &format!("Successfully executed action {FUNCTION}"),
            "Alarm updated from ALARM to OK",
        ]
    );
    assert!(alarm(&documents).await.untold.is_none());
}

#[tokio::test]
async fn reasons_are_in_the_services_words() {
    let documents = documents();
    let one = server(&documents, "one");
    put_alarm(&documents, 2, None).await;
    let told = Told::default();
    for (minute, made) in [(0, 11.0), (1, 12.0)] {
        one.keeper().add(&account(), calls(), at(DAY + minute * MINUTE), Set::of(1.0, made));
    }
    one.keeper().flush(at(DAY)).await.unwrap();
    look_and_tell(&one, DAY + 2 * MINUTE, &told, at(DAY + 2 * MINUTE + 10_000)).await;
    let found = alarm(&documents).await;
    assert_eq!(
        found.state.reason,
        "Threshold Crossed: 2 out of the last 2 datapoints [12.0 (04/10/24 00:01:00), 11.0 (04/10/24 00:00:00)] were greater \
         than the threshold (10.0) (minimum 2 datapoints for INSUFFICIENT_DATA -> ALARM transition)."
    );
    assert_eq!(
        found.state.data.as_deref().unwrap(),
        r#"{"evaluatedDatapoints":[{"timestamp":"2024-10-04T00:01:00.000+0000","value":12.0},{"timestamp":"2024-10-04T00:00:00.000+0000","value":11.0}],"period":60,"queryDate":"2024-10-04T00:02:10.000+0000","recentDatapoints":[11.0,12.0],"startDate":"2024-10-04T00:00:00.000+0000","statistic":"Sum","threshold":10.0,"version":"1.0"}"#
    );
    // Long after, nothing is known.
    look_and_tell(&one, DAY + HOUR_MS, &told, at(DAY + HOUR_MS)).await;
    let found = alarm(&documents).await;
    assert_eq!(found.state.reason, "Insufficient Data: 2 datapoints were unknown.");
}

#[tokio::test]
async fn missing_points_count_as_the_alarm_says() {
    for (treated, expected) in [("breaching", "ALARM"), ("notBreaching", "OK"), ("ignore", "INSUFFICIENT_DATA")] {
        let documents = documents();
        let one = server(&documents, "one");
        put_alarm(&documents, 3, Some(treated)).await;
        look_and_tell(&one, DAY + HOUR_MS, &Told::default(), at(DAY + HOUR_MS)).await;
        assert_eq!(alarm(&documents).await.state.value, expected, "{treated}");
    }
}

#[tokio::test]
async fn points_beyond_all_numbers_keep_nobody_from_reading_them() {
    let documents = documents();
    let one = server(&documents, "one");
    for _ in 0..2 {
        one.keeper().add(&account(), calls(), at(DAY), Set::of(2e108, f64::MAX));
        one.keeper().flush_of(&account(), at(DAY)).await.unwrap();
    }
    let points = read(&one, calls(), MINUTE, (DAY, DAY + HOUR_MS)).await;
    assert_eq!(sums(&points), [(0, f64::MAX)]);
}

#[tokio::test]
async fn a_document_keeps_so_many_values_one_by_one() {
    let mut chunk = Chunk::new("p", Tier::Fine, DAY, "one");
    let mut many = Set::of(0.0, 1.0);
    (1..400_u32).for_each(|value| many.add(&Set::of(f64::from(value), 1.0)));
    let series = |namespace: &str| Series { metric: Metric::new(namespace, "m", &[]), unit: None };
    for second in 0..1000 {
        chunk.add(&series("own"), DAY + second * 1000, &many);
    }
    chunk.add(&series("AWS/Usage"), DAY, &many);
    chunk.lighten();
    assert!(chunk.points(&series("own")).all(|(_, set)| set.values.is_none() && set.count > 399.0));
    assert!(chunk.points(&series("AWS/Usage")).all(|(_, set)| set.values.is_some()));
}
