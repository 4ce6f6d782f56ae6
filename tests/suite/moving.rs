//! Promise: a store moves from one engine to another and back while it is read; nothing that was acknowledged is lost, and
//! what was moved takes no changes any more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use strongroom_testkit::{Instance, Raw};

use super::transfer::{Site, done, put, refused, value};

/// What a client sees of everything.
async fn seen(client: &Raw) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for number in 0..12 {
        let id = format!("s{number}");
        let described = client.call("DescribeSecret", json!({"SecretId": id})).await;
        let mut shown = described.body.clone();
        // Reads are noted by day, and not part of what is moved.
        if let Some(shown) = shown.as_object_mut() {
            shown.remove("LastAccessedDate");
        }
        all.insert(format!("{id} as described"), shown);
        for stage in ["AWSCURRENT", "AWSPREVIOUS", "MINE"] {
            let got = client.call("GetSecretValue", json!({"SecretId": id, "VersionStage": stage})).await;
            all.insert(format!("{id} {stage}"), got.body.clone());
        }
        let policy = client.call("GetResourcePolicy", json!({"SecretId": id})).await;
        all.insert(format!("{id} policy"), policy.body.clone());
    }
    let mut kms = client.clone();
    "kms".clone_into(&mut kms.service);
    all.insert("keys".to_owned(), kms.call("TrentService.ListKeys", json!({})).await.body.clone());
    all.insert("aliases".to_owned(), kms.call("TrentService.ListAliases", json!({})).await.body.clone());
    all
}

async fn fill(client: &Raw) {
    let mut kms = client.clone();
    "kms".clone_into(&mut kms.service);
    let key = kms.call("TrentService.CreateKey", json!({"Description": "of some"})).await;
    let key = key.body["KeyMetadata"]["KeyId"].as_str().expect("a key").to_owned();
    for number in 0..10_u32 {
        put(client, number, &format!("s{number}"), &format!("v{number}")).await;
        let id = format!("s{number}");
        if number % 2 == 0 {
            let input = json!({"SecretId": id, "SecretString": "second", "ClientRequestToken":
                format!("{:032}", 100 + number), "VersionStages": ["AWSCURRENT", "MINE"]});
            assert_eq!(client.call("PutSecretValue", input).await.status, 200);
        }
        if number % 3 == 0 {
            let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action":
                "secretsmanager:GetSecretValue", "Resource": "*", "Principal": {"AWS": "*"},
                "Condition": {"StringEquals": {"aws:PrincipalAccount": "000000000000"}}}]});
            let input = json!({"SecretId": id, "ResourcePolicy": policy.to_string(), "BlockPublicPolicy": false});
            let answer = client.call("PutResourcePolicy", input).await;
            assert_eq!(answer.status, 200, "{}", answer.message());
        }
        if number % 4 == 0 {
            let input = json!({"SecretId": id, "KmsKeyId": key});
            assert_eq!(client.call("UpdateSecret", input).await.status, 200);
        }
    }
    assert_eq!(client.call("DeleteSecret", json!({"SecretId": "s9"})).await.status, 200);
}

/// Reads all the time, and writes as long as that is acknowledged.
struct Load {
    stop: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
    reader: tokio::task::JoinHandle<()>,
    writer: tokio::task::JoinHandle<u64>,
}

impl Load {
    fn on(client: &Raw, name: &'static str) -> Self {
        let (stop, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (reading, stopped, counted) = (client.clone(), Arc::clone(&stop), Arc::clone(&reads));
        let reader = tokio::spawn(async move {
            while !stopped.load(Ordering::SeqCst) {
                let answer = reading.call("GetSecretValue", json!({"SecretId": "s1"})).await;
                assert_eq!((answer.status.as_u16(), answer.text("SecretString")), (200, "v1"), "{}", answer.message());
                let answer = reading.call("ListSecrets", json!({"MaxResults": 5})).await;
                assert_eq!(answer.status, 200, "{}", answer.message());
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        let (writing, stopped) = (client.clone(), Arc::clone(&stop));
        let writer = tokio::spawn(async move {
            let mut acknowledged = 0;
            while !stopped.load(Ordering::SeqCst) {
                let next = acknowledged + 1;
                let input = json!({"Name": format!("{name}/{next}"), "SecretString": next.to_string(),
                    "ClientRequestToken": token()});
                let answer = writing.call("CreateSecret", input).await;
                match answer.status.as_u16() {
                    200 => acknowledged = next,
                    503 => assert_eq!(answer.code(), "ServiceUnavailableException"),
                    status => panic!("{status}: {}", answer.message()),
                }
            }
            acknowledged
        });
        Self { stop, reads, reader, writer }
    }

    /// The last value that was acknowledged.
    async fn end(self) -> u64 {
        let before = self.reads.load(Ordering::SeqCst);
        while self.reads.load(Ordering::SeqCst) < before + 3 {
            assert!(!self.reader.is_finished(), "a read failed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.stop.store(true, Ordering::SeqCst);
        self.reader.await.expect("no read failed");
        self.writer.await.expect("no write failed but by refusal")
    }
}

/// A token that no other value has.
fn token() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("00000000-0000-4000-8000-{:012}", COUNT.fetch_add(1, Ordering::SeqCst))
}

/// Everything that was acknowledged is there, and nothing that was not.
async fn all_there(client: &Raw, name: &str, acknowledged: u64) {
    for number in 1..=acknowledged {
        assert_eq!(value(client, &format!("{name}/{number}")).await, Some(number.to_string()));
    }
    assert_eq!(value(client, &format!("{name}/{}", acknowledged + 1)).await, None);
}

async fn ready(server: &Instance, wanted: &str) {
    for _ in 0..100 {
        let answer = server.raw().send(http::Method::GET, "/health/ready", http::HeaderMap::new(), vec![]).await;
        let answer = answer.expect("an answer");
        if answer.status == 200 && answer.body.to_string().contains(wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("readiness never told {wanted}");
}

/// Moves the store of a running server to `target`, and returns what the next server must have.
async fn moved(site: &Site, server: &Instance, target: &Site, name: &'static str) -> (u64, BTreeMap<String, Value>) {
    let client = Raw::new(server.url(), &server.key().0, server.key().1);
    let load = Load::on(&client, name);
    let data = site.data();
    let copy = |rest: &[&'static str]| -> Vec<String> {
        let words = site.command(&data, "store", &[]);
        let mut line = vec!["store".to_owned(), "copy".to_owned()];
        line.extend(words.into_iter().skip(1).map(str::to_owned));
        line.extend(["--to".to_owned(), target.config.clone()]);
        line.extend(rest.iter().map(|word| (*word).to_owned()));
        line
    };
    let line = |line: &[String]| -> Vec<String> { line.to_vec() };
    let (first, last) = (line(&copy(&[])), line(&copy(&["--final"])));
    let (first, last): (Vec<&str>, Vec<&str>) =
        (first.iter().map(String::as_str).collect(), last.iter().map(String::as_str).collect());
    // One moment of it, whatever is written meanwhile.
    let told = tokio::task::block_in_place(|| done(&site.command(&data, "verify", &[])));
    assert!(told.contains("index entries agree"), "{told}");
    let told = tokio::task::block_in_place(|| done(&first));
    assert!(told.contains("stays shut"), "{told}");
    let unfinished = tokio::task::block_in_place(|| refused(&target.command(&target.data(), "verify", &[])));
    assert!(unfinished.contains("begun and not finished"), "{unfinished}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let told = tokio::task::block_in_place(|| done(&last));
    assert!(told.contains("moved: start servers on the copy"), "{told}");
    let acknowledged = load.end().await;
    assert!(acknowledged > 0);
    ready(server, "the store was moved").await;
    let refusal = client.call("TagResource", json!({"SecretId": "s1", "Tags": [{"Key": "a", "Value": "b"}]})).await;
    assert_eq!((refusal.status.as_u16(), refusal.code()), (503, "ServiceUnavailableException"));
    // Again it cannot be moved: its copy is the store.
    assert!(tokio::task::block_in_place(|| refused(&last)).contains("the source was moved"));
    (acknowledged, seen(&client).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_store_moves_to_a_database_and_back_while_it_is_read() {
    let (embedded, database) = (Site::new(false).await, Site::new(true).await);
    let mut first = embedded.start();
    fill(&first.raw()).await;
    database.take_keys(&embedded.data(), &["root.key", "credentials"]);
    let (acknowledged, was) = moved(&embedded, &first, &database, "there").await;

    let mut second = database.start();
    let client = Raw::new(second.url(), &first.key().0, first.key().1);
    all_there(&client, "there", acknowledged).await;
    assert_eq!(seen(&client).await, was);
    // The first goes on being read, also after a new start, and takes nothing.
    assert!(first.stop(), "{}", first.said());
    let mut first = embedded.start();
    all_there(&first.raw(), "there", acknowledged).await;
    ready(&first, "the store was moved").await;
    let input = json!({"SecretId": "s1", "SecretString": "x", "ClientRequestToken": format!("{:032}", 500)});
    assert_eq!(first.raw().call("PutSecretValue", input).await.status, 503);
    assert!(first.stop(), "{}", first.said());
    done(&database.command(&database.data(), "verify", &[]));
    done(&embedded.command(&embedded.data(), "verify", &[]));

    // And back, over the copy that was left there.
    put(&client, 70, "s11", "only there").await;
    let (acknowledged, was) = moved(&database, &second, &embedded, "back").await;
    let mut third = embedded.start();
    let client = Raw::new(third.url(), &third.key().0, third.key().1);
    all_there(&client, "back", acknowledged).await;
    assert_eq!(value(&client, "s11").await.as_deref(), Some("only there"));
    assert_eq!(seen(&client).await, was);
    put(&client, 80, "s10", "and on it goes").await;
    assert!(third.stop() && second.stop());
    done(&embedded.command(&embedded.data(), "verify", &[]));
    // Both sides tell what they are, and what was moved is thawed by force alone.
    let store = |site: &Site, command: &'static str, rest: &[&'static str]| -> Vec<String> {
        let data = site.data();
        let mut line = vec!["store".to_owned(), command.to_owned()];
        line.extend(site.command(&data, "", rest).into_iter().skip(1).map(str::to_owned));
        line
    };
    let words = |line: &[String]| -> String { done(&line.iter().map(String::as_str).collect::<Vec<_>>()) };
    assert_eq!(words(&store(&embedded, "standing", &[])).trim(), "open");
    assert_eq!(words(&store(&database, "standing", &[])).trim(), "moved");
    let thaw = store(&database, "thaw", &[]);
    assert!(refused(&thaw.iter().map(String::as_str).collect::<Vec<_>>()).contains("--force"));
    words(&store(&database, "thaw", &["--force"]));
    words(&store(&embedded, "freeze", &[]));
    let mut frozen = embedded.start();
    ready(&frozen, "the store is frozen").await;
    words(&store(&embedded, "thaw", &[]));
    put(&Raw::new(frozen.url(), &frozen.key().0, frozen.key().1), 90, "s12", "thawed").await;
    assert!(frozen.stop());
}

/// The words of a copy from one site to another.
fn copying(site: &Site, target: &Site) -> Vec<String> {
    let data = site.data();
    let mut line = vec!["store".to_owned(), "copy".to_owned()];
    line.extend(site.command(&data, "", &["--final"]).into_iter().skip(1).map(str::to_owned));
    line.extend(["--to".to_owned(), target.config.clone()]);
    line
}

fn words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_move_that_is_killed_anywhere_loses_nothing_and_can_be_carried_out_again() {
    for postgres in [false, true] {
        let (site, target) = (Site::new(postgres).await, Site::new(!postgres).await);
        let mut server = site.start();
        let client = server.raw();
        fill(&client).await;
        target.take_keys(&site.data(), &["root.key", "credentials"]);
        let line = copying(&site, &target);
        let mut acknowledged = 0;
        let mut delay_ms = 50;
        let mut ended = false;
        while !ended {
            let mut child = std::process::Command::new(strongroom_testkit::instance::binary())
                .args(words(&line))
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .expect("it runs");
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            ended = child.try_wait().expect("its state").is_some_and(|status| status.success());
            // By SIGKILL, wherever it is.
            let _ = child.kill();
            let said = child.wait_with_output().expect("ended").stderr;
            // The one before was killed behind the last of its work.
            ended |= String::from_utf8_lossy(&said).contains("the source was moved");
            assert_eq!(value(&client, "s1").await.as_deref(), Some("v1"), "reads go on");
            let input = json!({"Name": format!("between/{}", acknowledged + 1), "SecretString": "x",
                "ClientRequestToken": token()});
            let answer = client.call("CreateSecret", input).await;
            match answer.status.as_u16() {
                200 => acknowledged += 1,
                status => assert_eq!(status, 503, "{}", answer.message()),
            }
            delay_ms += delay_ms / 2;
        }
        let mut next = target.start();
        let client = Raw::new(next.url(), &server.key().0, server.key().1);
        for number in 1..=acknowledged {
            assert!(value(&client, &format!("between/{number}")).await.is_some(), "{number} of {acknowledged}");
        }
        assert_eq!(value(&client, "s1").await.as_deref(), Some("v1"));
        assert!(next.stop() && server.stop());
        done(&target.command(&target.data(), "verify", &[]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_source_that_is_not_as_it_was_written_is_not_moved_and_goes_on() {
    let (site, target) = (Site::new(true).await, Site::new(false).await);
    let mut server = site.start();
    let client = server.raw();
    fill(&client).await;
    target.take_keys(&site.data(), &["root.key", "credentials"]);
    // Behind the server's back, one of two equal rows.
    let config = std::fs::read_to_string(&site.config).expect("the configuration");
    let url = config.split('"').nth(1).expect("a URL").to_owned();
    let alter = "UPDATE strongroom.document SET body = overlay(body placing '\\x00'::bytea from length(body))
        WHERE (kind, key) IN (SELECT kind, key FROM strongroom.document WHERE kind = 'secret-version' LIMIT 1)";
    strongroom_store::contract::database::sql(&url, alter).await.expect("altered");
    let line = copying(&site, &target);
    let told = refused(&words(&line));
    assert!(told.contains("what was copied is not what was there") && told.contains("open again"), "{told}");
    put(&client, 99, "later", "still taken").await;
    let unfinished = refused(&target.command(&target.data(), "verify", &[]));
    assert!(unfinished.contains("begun and not finished"), "{unfinished}");
    assert!(server.stop(), "{}", server.said());
}
