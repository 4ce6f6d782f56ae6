//! Databases of several hosts: one that is silent is no obstacle, and nothing is acknowledged that no standby has.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use strongroom_store::contract::database::{DatabaseServer, command, sql};
use strongroom_store::contract::fixture::{boxed, entries, feed, put, puts, take, version};
use strongroom_store::{Batch, Engine, LedgerBegin, PostgresConfig, Store, StoreError};

use super::nodes::{Ear, nodes, witness};
use super::proxy::{self, Proxy};
use super::{config, open, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_answers_nothing_does_not_keep_from_the_others() {
    let url = server().database().await.expect("a database");
    // It takes connections and says nothing, as a machine that hangs does.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let silent = format!("127.0.0.1:{}", silent.local_addr().expect("an address").port());
    // Nobody listens here.
    let dead = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        format!("127.0.0.1:{}", listener.local_addr().expect("an address").port())
    };
    let own = format!("127.0.0.1:{}", server().port);
    let several = url.replace(&own, &format!("{silent},{dead},{own}"));
    // Without end, were one tried after the other.
    let node = open(&PostgresConfig { connect_ms_max: 3_600_000, ..config(&several) }).await;
    take(&*node, puts([put("a", 0).expect("a put")])).await.expect("taken");
    assert_eq!(version(&*node, "a").await, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_a_host_that_was_the_primary_are_given_up_when_another_one_is() {
    let url = server().database().await.expect("a database");
    let (before, after) = (Proxy::before(server().port).await, Proxy::before(server().port).await);
    after.set(proxy::CLOSED);
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", before.port, after.port);
    let several = url.replace(&format!("127.0.0.1:{}", server().port), &hosts);
    let node = open(&config(&several)).await;
    take(&*node, puts([put("a", 0).expect("a put")])).await.expect("taken");
    assert_eq!(version(&*node, "a").await, Ok(1));
    // One that reads, one that writes, one that hears.
    assert!(before.open() >= 3);
    // The next that connects finds the other one; the connection that writes is such a one.
    after.set(proxy::CARRY);
    before.set(proxy::CUT_AND_CLOSE);
    take(&*node, puts([put("a", 1).expect("a put")])).await.expect("taken");
    assert_eq!(version(&*node, "a").await, Ok(2));
    for _ in 0..500 {
        if before.open() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(before.open(), 0);
    assert!(after.open() >= 3);
}

/// Trims do not wait for the disk or a standby: a failover may undo them, and another commit gets their number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_last_commit_was_lost_in_a_failover_goes_on_with_what_is_there() {
    let config = config(&server().database().await.expect("a database"));
    let [one, other] = nodes(&config).await;
    let tables = ["document", "term", "unique_key", "topic", "entry", "change", "head"];
    let each = |form: &str| tables.map(|table| form.replace("{t}", table)).join(";");
    for round in 0..3 {
        take(&*one, entries("topic", &["an entry"]).expect("an entry")).await.expect("taken");
        let last = u64::try_from(feed(&*one, "topic", 0, 100).await.expect("a feed").len()).expect("few") + round;
        sql(&config.url, &each("CREATE TABLE standby_{t} AS TABLE strongroom.{t}")).await.expect("a standby");
        // Lost: a trim; what was read in between, for a commit that is refused.
        one.trim("topic", last).await.expect("trimmed");
        let refused = other.commit(puts([put("a", 77).expect("a put")])).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        let over = "DELETE FROM strongroom.{t}; INSERT INTO strongroom.{t} TABLE standby_{t}; DROP TABLE standby_{t}";
        sql(&config.url, &each(over)).await.expect("a failover");
        // The same number for another commit, and then the first node's.
        let third = open(&config).await;
        third.keep_ledger(witness(), LedgerBegin::There, Batch::named("none")).await.expect("opened");
        take(&*third, puts([put("c", round).expect("a put")])).await.expect("taken");
        for node in [&one, &other] {
            let key = format!("{round} {}", Arc::as_ptr(node).addr());
            take(&**node, puts([put(&key, 0).expect("a put")])).await.expect("taken");
        }
        assert_eq!(one.ledger_faults().await, Ok(vec![]), "round {round}");
    }
}

/// What was told of a commit that a failover lost says nothing of the one that has its number then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_became_another_commit_s_in_a_failover_is_noticed() {
    let config = config(&server().database().await.expect("a database"));
    // They look with their own commits alone.
    let quiet = PostgresConfig { poll_ms: 600_000, plain: true, ..config.clone() };
    let [one, other] = nodes(&quiet).await;
    let ears = [&one, &other].map(|node| {
        let ear = Arc::new(Ear::default());
        node.watch(Arc::<Ear>::clone(&ear));
        ear
    });
    // The first looks, at the start, are to be over.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let tables = ["document", "term", "unique_key", "topic", "entry", "change", "head"];
    let each = |form: &str| tables.map(|table| form.replace("{t}", table)).join(";");
    sql(&config.url, &each("CREATE TABLE standby_{t} AS TABLE strongroom.{t}")).await.expect("a standby");
    // Lost: a commit of which both know.
    take(&*one, puts([put("a", 0).expect("a put")])).await.expect("taken");
    let refused = other.commit(puts([put("a", 77).expect("a put")])).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    ears[1].hears("box a").await;
    let over = "DELETE FROM strongroom.{t}; INSERT INTO strongroom.{t} TABLE standby_{t}; DROP TABLE standby_{t}";
    sql(&config.url, &each(over)).await.expect("a failover");
    let third = open(&config).await;
    third.keep_ledger(witness(), LedgerBegin::There, Batch::named("none")).await.expect("opened");
    take(&*third, puts([put("b", 0).expect("a put")])).await.expect("the same number");
    for (node, ear) in [(&other, &ears[1]), (&one, &ears[0])] {
        assert_eq!(ear.missed.load(Ordering::SeqCst), 0);
        let key = format!("own {}", Arc::as_ptr(node).addr());
        take(&**node, puts([put(&key, 0).expect("a put")])).await.expect("taken");
        assert_eq!(ear.missed.load(Ordering::SeqCst), 1, "nobody told of b");
    }
}

/// A standby of `server` on a port of its own, in the folder beside its files.
fn standby(server: &DatabaseServer) -> (Child, u16) {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("an address").port();
    let data = server.folder.join("standby");
    let mut copy = command("pg_basebackup").expect("a program");
    copy.args(["-h", "127.0.0.1", "-p", &server.port.to_string(), "-U", "postgres", "-c", "fast", "-R", "-D"])
        .arg(&data);
    let copied = copy.output().expect("it runs");
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let mut serve = command("postgres").expect("a program");
    serve.arg("-D").arg(&data).args(["-p", &port.to_string()]);
    serve.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=300"]);
    serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    (serve.spawn().expect("it runs"), port)
}

/// Waits for the answer `wanted` to a question to the database of a URL.
async fn answers(url: &str, question: &str, wanted: &str) {
    for _ in 0..600 {
        if sql(url, question).await.is_ok_and(|answer| answer == [wanted]) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never {wanted}: {question}");
}

/// Lets logins into a database of the server of `url`, which names another one; or ends those that are there.
async fn let_in(url: &str, name: &str, allowed: bool) {
    sql(url, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}")).await.expect("set");
    if !allowed {
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        sql(url, &end).await.expect("ended");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_the_primary_once_is_not_read_from() {
    let former = DatabaseServer::start(&[]).expect("a server");
    let url = former.database().await.expect("a database");
    let name = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a name").to_owned();
    let (mut process, port) = standby(&former);
    let places = [former.port, port].map(|port| format!("127.0.0.1:{port}"));
    let later = url.replace(&places[0], &places[1]);
    let [at_former, at_later] = [former.url("postgres"), former.url("postgres").replace(&places[0], &places[1])];
    let both = config(&url.replace(&places[0], &places.join(",")));
    let settings = PostgresConfig { poll_ms: 50, retry_ms_max: 500, connect_ms_max: 2000, ..both };
    let node = open(&settings).await;
    take(&*node, puts([put("a", 0).expect("a put")])).await.expect("taken");
    answers(&later, "SELECT version FROM strongroom.document", "1").await;
    // The former primary hears nothing of it.
    answers(&at_later, "SELECT pg_promote()", "t").await;
    let other = open(&config(&later)).await;
    take(&*other, puts([put("a", 1).expect("a put")])).await.expect("taken");
    let_in(&at_former, &name, false).await;
    for _ in 0..200 {
        if version(&*node, "a").await == Ok(2) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(version(&*node, "a").await, Ok(2), "the later primary is reached");
    let_in(&at_former, &name, true).await;
    let_in(&at_later, &name, false).await;
    for _ in 0..20 {
        let answer = node.get(&boxed("a")).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    assert!(node.commit(puts([put("a", 1).expect("a put")])).await.is_err(), "another history");
    let_in(&at_later, &name, true).await;
    for _ in 0..200 {
        if version(&*node, "a").await == Ok(2) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    take(&*node, puts([put("a", 2).expect("a put")])).await.expect("it goes on");
    process.kill().expect("it ends");
    process.wait().expect("it ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_that_no_standby_has() {
    let server = DatabaseServer::start(&[]).expect("a server");
    let url = server.database().await.expect("a database");
    let settings = PostgresConfig { statement_ms_max: 300, commit_ms_max: 500, retry_ms_max: 500, ..config(&url) };
    let node = open(&settings).await;
    take(&*node, puts([put("a", 0).expect("a put")])).await.expect("taken");
    let standbys = async |names: &str| {
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'");
        server.sql("postgres", &set).await.expect("set");
        server.sql("postgres", "SELECT pg_reload_conf()").await.expect("read");
    };
    // A standby that is not there. The statements' limit is long over when the commit's is.
    standbys("nobody").await;
    for _ in 0..100 {
        let waits = server.sql("postgres", "SHOW synchronous_standby_names").await.expect("shown");
        if waits == ["nobody"] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let answer = node.commit(puts([put("a", 1).expect("a put")])).await;
    assert!(matches!(answer, Err(StoreError::Unknown(_))), "{answer:?}");
    // Nobody sees it before a standby has it, or none is asked for.
    assert_eq!(version(&*node, "a").await, Ok(1));
    standbys("").await;
    for _ in 0..500 {
        if version(&*node, "a").await == Ok(2) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(version(&*node, "a").await, Ok(2));
    take(&*node, puts([put("a", 2).expect("a put")])).await.expect("it goes on");
}
