//! Tests of sinks on a server without a port: what is refused and told while the far side is away, and what arrives later.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use strongroom_sinks::Trail as _;
use strongroom_types::Clock as _;
use tempfile::TempDir;

use super::*;
use crate::front::Readiness;
use crate::tests::House;

/// A sink called `name` at the socket `path`, with `more` settings.
fn sink(name: &str, path: &Path, more: &str) -> SinkConfig {
    let text = format!(
        "[[audit.sinks]]\nname = '{name}'\nbatch_bytes_max = 16384\nlag_bytes_max = 65536\n{more}\n\
         syslog = {{ address = 'unix:{}' }}",
        path.display()
    );
    Config::load(&text).unwrap().audit.sinks.remove(0)
}

async fn open(directory: &TempDir, sinks: Vec<SinkConfig>) -> House {
    let with = |config: &mut Config| config.audit.sinks = sinks;
    House::open_in(&directory.path().join("data"), 12, with).await.unwrap()
}

/// Makes records of more than 64 KiB.
async fn read_much(house: &House) {
    for _ in 0..160 {
        assert_eq!(house.call("ListSecrets", "{}", true).await.status, 200);
    }
}

/// Delivers what there is, by each sink; whether all was delivered.
async fn deliver(house: &House) -> bool {
    let mut all = true;
    for entry in &house.app.sinks.entries {
        all &= entry.pump.lock().await.finish().await;
    }
    watch::look(&house.app).await.unwrap();
    all
}

/// The event ids of the messages that wait at a socket.
fn receive(socket: UnixDatagram) -> std::thread::JoinHandle<Vec<String>> {
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    std::thread::spawn(move || {
        let (mut ids, mut buffer) = (Vec::new(), vec![0; 128 * 1024]);
        while let Ok(count) = socket.recv(&mut buffer) {
            let text = std::str::from_utf8(&buffer[..count]).unwrap();
            if text.ends_with("end") {
                break;
            }
            let (_, rest) = text.split_once("\"eventID\":\"").unwrap();
            ids.push(rest.split('"').next().unwrap().to_owned());
        }
        ids
    })
}

fn end(path: &Path) {
    UnixDatagram::unbound().unwrap().send_to(b"end", path).unwrap();
}

fn create(n: u32) -> String {
    format!(r#"{{"Name":"s{n}","SecretString":"v","ClientRequestToken":"00000000-0000-4000-8000-{n:012}"}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_refused_while_a_sink_that_must_have_all_is_too_far_behind() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("log");
    let house = open(&directory, vec![sink("siem", &path, "when_full = 'refuse'")]).await;
    assert!(!deliver(&house).await || house.app.sinks.entries[0].progress.now().delivered == 0);
    assert_eq!(house.call("CreateSecret", &create(1), true).await.status, 200, "within its bounds");
    read_much(&house).await;
    assert!(!deliver(&house).await, "nobody is there");
    let told = house.call("CreateSecret", &create(2), true).await;
    assert!(told.status == 503 && told.text.contains("ServiceUnavailableException"), "{told:?}");
    assert!(told.text.contains("do not reach a sink that must have them. No change"), "{told:?}");
    assert_eq!(house.call("GetSecretValue", r#"{"SecretId":"s1"}"#, true).await.status, 200, "reads go on");
    assert!(matches!(house.app.standing.readiness(), Readiness::ReadsOnly(_)));
    let warnings = house.app.standing.warnings().concat();
    assert!(warnings.contains("the trail's sink siem is ") && warnings.contains("more than it may be"), "{warnings}");
    assert!(!warnings.contains("unix:"), "anybody may ask for warnings: {warnings}");
    let figures = String::from_utf8(
        house.app.figures.answer(&house.app, crate::figures::Form::Prometheus).body.expose().to_vec(),
    )
    .unwrap();
    for line in ["strongroom_sink_full{sink=\"siem\"} 1", "strongroom_sink_delivered_total{sink=\"siem\"} 0"] {
        assert!(figures.lines().any(|told| told == line), "{line} in {figures}");
    }

    let receiving = receive(UnixDatagram::bind(&path).unwrap());
    assert!(deliver(&house).await);
    assert_eq!(house.app.standing.readiness(), Readiness::Ready);
    assert!(house.app.standing.warnings().is_empty());
    assert_eq!(house.call("CreateSecret", &create(2), true).await.status, 200);
    house.app.outbox.drain().await.unwrap();
    assert!(deliver(&house).await);
    end(&path);
    let got = receiving.join().unwrap();
    let files = house.app.trail.files();
    let mut follower = strongroom_core::trail::follow::Follower::new(Arc::clone(files), Position::START);
    let written = follower.next(u64::MAX).unwrap();
    let ids: Vec<String> = written
        .into_iter()
        .filter_map(|found| match found {
            strongroom_core::trail::follow::Found::Record(record) => Some(record.event_id),
            _ => None,
        })
        .collect();
    assert!(got.len() > 160);
    assert_eq!(got, ids, "each once, in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_refused_too_where_that_is_asked_for() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("log");
    let house = open(&directory, vec![sink("siem", &path, "when_full = 'refuse'\nrefuse_reads = true")]).await;
    read_much(&house).await;
    deliver(&house).await;
    let told = house.call("ListSecrets", "{}", true).await;
    assert!(told.status == 503 && told.text.contains("No request is carried out"), "{told:?}");
    assert!(matches!(house.app.standing.readiness(), Readiness::NotReady(_)));
    let receiving = receive(UnixDatagram::bind(&path).unwrap());
    assert!(deliver(&house).await);
    assert_eq!(house.call("ListSecrets", "{}", true).await.status, 200);
    end(&path);
    drop(receiving.join().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_only_to_be_warned_of_refuses_nothing_and_age_counts_as_well() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("log");
    let house = open(&directory, vec![sink("siem", &path, "lag_seconds_max = 60")]).await;
    assert_eq!(house.call("ListSecrets", "{}", true).await.status, 200);
    deliver(&house).await;
    assert!(house.app.standing.warnings().is_empty(), "it has failed only now");
    house.clock.advance_millis(61_000);
    deliver(&house).await;
    let warnings = house.app.standing.warnings().concat();
    assert!(warnings.contains("61 s behind, more than it may be"), "{warnings}");
    assert_eq!(house.call("CreateSecret", &create(1), true).await.status, 200);
    assert_eq!(house.app.standing.readiness(), Readiness::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sink_begins_where_it_is_told_and_goes_on_there_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let paths = ["now", "start"].map(|name| directory.path().join(name));
    let house = open(&directory, Vec::new()).await;
    assert_eq!(Reading(house.app.sinks.entries.clone()).oldest_needed(), None);
    assert_eq!(house.call("ListSecrets", "{}", true).await.status, 200);
    drop(house);
    let sinks = || vec![sink("now", &paths[0], ""), sink("start", &paths[1], "begin = 'start'")];
    let house = open(&directory, sinks()).await;
    assert_eq!(Reading(house.app.sinks.entries.clone()).oldest_needed(), Some(Position::START));
    assert_eq!(house.call("ListSecrets", "{}", true).await.status, 200);
    assert!(!deliver(&house).await);
    drop(house);
    let house = open(&directory, sinks()).await;
    let receiving = paths.each_ref().map(|path| receive(UnixDatagram::bind(path).unwrap()));
    assert!(deliver(&house).await);
    let upto = Reading(house.app.sinks.entries.clone()).oldest_needed();
    assert_eq!(upto, Some(Position::end_of(house.app.trail.files().as_ref()).unwrap()));
    paths.iter().for_each(|path| end(path));
    let [now, start] = receiving.map(|receiving| receiving.join().unwrap());
    assert_eq!((now.len(), start.len()), (1, 2));
    assert_eq!(now[0], start[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_cursor_begins_anew_rather_than_leaving_something_out() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("log");
    let house = open(&directory, vec![sink("siem", &path, "")]).await;
    assert_eq!(house.call("ListSecrets", "{}", true).await.status, 200);
    drop(house);
    let cursor = directory.path().join("data/trail/sinks/siem.cursor");
    std::fs::write(&cursor, "{\"thro").unwrap();
    let house = open(&directory, vec![sink("siem", &path, "")]).await;
    let receiving = receive(UnixDatagram::bind(&path).unwrap());
    assert!(deliver(&house).await);
    end(&path);
    assert_eq!(receiving.join().unwrap().len(), 1);
    assert_eq!(house.clock.now().seconds(), 1_706_933_106);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_behind_the_trail_s_end_passes_over_nothing() {
    for (moved, expected) in [
        // The segment has lost its end: what is written from now on arrives.
        (Position { offset: 9_999_999, ..Position::START }, 1),
        // There is no such segment: all arrives once more.
        ("90000101T00:7".parse::<Position>().unwrap(), 2),
    ] {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("log");
        let house = open(&directory, vec![sink("siem", &path, "")]).await;
        assert_eq!(house.call("ListSecrets", "{}", true).await.status, 200);
        let segment = Position::end_of(house.app.trail.files().as_ref()).unwrap().segment;
        drop(house);
        let through = if moved.segment == Position::START.segment { Position { segment, ..moved } } else { moved };
        Cursor { through, trying: Some(moved) }.save(&directory.path().join("data/trail"), "siem").unwrap();
        let house = open(&directory, vec![sink("siem", &path, "")]).await;
        assert_eq!(house.call("ListSecrets", "{}", true).await.status, 200);
        let receiving = receive(UnixDatagram::bind(&path).unwrap());
        assert!(deliver(&house).await);
        end(&path);
        assert_eq!(receiving.join().unwrap().len(), expected, "{moved}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_that_is_read_again_no_more_is_read_than_a_batch_can_be() {
    let directory = TempDir::new().unwrap();
    let house = open(&directory, vec![sink("siem", &directory.path().join("log"), "")]).await;
    let line = |n: u32| {
        let more = "x".repeat(60_000);
        format!(r#"{{"eventID":"{n}","eventTime":"2024-02-03T09:11:46Z","more":"{more}"}}"#)
    };
    for n in 0..600 {
        house.app.trail.append(&line(n)).unwrap();
    }
    let trail = &house.app.sinks.trail;
    let (first, end) = trail.read(&Position::START, None, 300_000).unwrap().unwrap();
    let again = trail.read(&Position::START, Some(&end), 300_000).unwrap();
    assert_eq!(again, Some((first, end)), "as it was");
    let all = "90000101T00:7".parse().unwrap();
    let (much, end) = trail.read(&Position::START, Some(&all), 300_000).unwrap().unwrap();
    assert!(much.bytes() < 18 * 1024 * 1024, "{}", much.bytes());
    let (next, _) = trail.read(&end, None, 300_000).unwrap().unwrap();
    assert!(
        next.text().lines().next().unwrap().contains(&format!(r#""eventID":"{}""#, much.count())),
        "none is passed over"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_sink_has_read_is_shared_until_nobody_was_behind_for_long() {
    let directory = TempDir::new().unwrap();
    let two = ["one", "two"].map(|name| sink(name, &directory.path().join("log"), ""));
    let house = open(&directory, two.into()).await;
    read_much(&house).await;
    let trail = &house.app.sinks.trail;
    let read = |from: &Position| trail.read(from, None, 16_384).unwrap();
    let (first, mut end) = read(&Position::START).unwrap();
    while let Some((_, behind)) = read(&end) {
        end = behind;
    }
    // One is at the end, another at the beginning.
    let (again, _) = read(&Position::START).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    for _ in 0..shared::RESTS_MAX {
        assert!(read(&end).is_none());
    }
    let (anew, _) = read(&Position::START).unwrap();
    assert!(!Arc::ptr_eq(&first, &anew) && first == anew);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_sink_has_read_record_by_record_another_reads_at_once() {
    let directory = TempDir::new().unwrap();
    let two = ["one", "two"].map(|name| sink(name, &directory.path().join("log"), ""));
    let house = open(&directory, two.into()).await;
    let trail = &house.app.sinks.trail;
    let (mut end, mut count) = (Position::end_of(house.app.trail.files().as_ref()).unwrap(), 0);
    let begin = end;
    for _ in 0..10 {
        assert_eq!(house.call("ListSecrets", "{}", true).await.status, 200);
        let (batch, behind) = trail.read(&end, None, 1_000_000).unwrap().unwrap();
        (end, count) = (behind, count + batch.count());
    }
    let (all, behind) = trail.read(&begin, None, 1_000_000).unwrap().unwrap();
    assert!(count >= 10 && all.count() == count && behind == end);
    // Nothing has come since.
    assert!(Arc::ptr_eq(&all, &trail.read(&begin, None, 1_000_000).unwrap().unwrap().0));
}

#[test]
fn what_is_wrong_with_settings_is_told() {
    let with = |more: &str| {
        let text = format!("[[audit.sinks]]\nname = 's'\n{more}");
        Config::load(&text).err().map_or_else(String::new, |problems| problems.to_string())
    };
    assert_eq!(with("stdout = {}"), "");
    for (settings, told) in [
        ("", "audit.sinks[0]: must have exactly one of stdout, syslog, otlp, s3 and webhook"),
        ("stdout = {}\notlp = { url = 'https://o' }", "audit.sinks[0]: must have exactly one of"),
        ("stdout = {}\nspeed = 1", "unknown field `speed`"),
        ("syslog = { address = 'logs:514' }", "audit.sinks[0].syslog.address: `logs:514` is not unix:/PATH"),
        ("syslog = { address = 'udp://h:1', facility = 'x' }", "audit.sinks[0].syslog.facility: `x` is none of"),
        ("syslog = { address = 'udp://h:1', ca_file = 'x' }", "certificates have no meaning without TLS"),
        ("syslog = { address = 'tls://h:1', key_file = 'x' }", "certificate_file and key_file belong together"),
        ("otlp = { url = 'http://collector:4318' }", "audit.sinks[0].otlp.url: `http://collector:4318` is neither"),
        ("stdout = {}\nrefuse_reads = true", "audit.sinks[0].refuse_reads: has no meaning"),
        ("stdout = {}\nlag_bytes_max = 1", "audit.sinks[0].lag_bytes_max: must not be less than batch_bytes_max"),
        ("stdout = {}\ngather_seconds = 3600", "audit.sinks[0].gather_seconds: must be less than lag_seconds_max"),
        ("stdout = {}\n[[audit.sinks]]\nname = 's'\nstdout = {}", "audit.sinks[1].name: there is another sink `s`"),
        ("stdout = {}\n[[audit.sinks]]\nname = '../s'\nstdout = {}", "audit.sinks[1].name: must be 1 to 32"),
    ] {
        let found = with(settings);
        assert!(found.contains(told), "{settings}: {found}");
    }
}
