//! Databases of several hosts: one that is silent is no obstacle, and nothing is acknowledged that no standby has.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use strongroom_store::contract::database::DatabaseServer;
use strongroom_store::contract::fixture::{put, puts, take, version};
use strongroom_store::{PostgresConfig, Store, StoreError};

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
