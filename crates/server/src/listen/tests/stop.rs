//! Stopping: what is under way is finished, what is idle is closed, what hangs is cut.

use std::sync::atomic::Ordering;

use super::toy::start;
use crate::listen::Stopped;

#[tokio::test]
async fn a_request_under_way_is_finished() {
    let mut port = start("", |_| {}).await;
    let mut client = port.raw().await;
    client.post("/gate", "").await;
    port.toy.beginning.notified().await;
    port.begin_stop().await;
    port.toy.gate.add_permits(1);
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "through"));
    // Whether the answer says `connection: close` depends on whether its lane had heard of the stop by then.
    assert!(client.rest().await.is_empty());
    assert_eq!(port.stopped().await, Stopped { unfinished: 0 });
}

#[tokio::test]
async fn idle_and_silent_connections_do_not_hold_the_stop_up() {
    let mut port = start("", |_| {}).await;
    let mut idle = port.raw().await;
    idle.post("/", "done").await;
    idle.answer().await;
    let mut silent = port.raw().await;
    port.begin_stop().await;
    assert!(idle.rest().await.is_empty());
    assert!(silent.rest().await.is_empty());
    assert_eq!(port.stopped().await, Stopped { unfinished: 0 });
}

#[tokio::test]
async fn what_hangs_is_cut_and_told() {
    let mut port = start("[limits]\nshutdown_ms_max = 50", |_| {}).await;
    let mut client = port.raw().await;
    client.post("/gate", "").await;
    port.toy.beginning.notified().await;
    port.begin_stop().await;
    assert!(client.rest().await.is_empty());
    assert_eq!(port.toy.ended.load(Ordering::SeqCst), 0);
    assert_eq!(port.stopped().await, Stopped { unfinished: 1 });
}

#[tokio::test]
async fn work_left_by_its_client_is_finished_too() {
    let mut port = start("", |_| {}).await;
    let mut client = port.raw().await;
    client.post("/gate", "").await;
    port.toy.beginning.notified().await;
    drop(client);
    port.begin_stop().await;
    port.toy.gate.add_permits(1);
    let toy = std::sync::Arc::clone(&port.toy);
    assert_eq!(port.stopped().await, Stopped { unfinished: 0 });
    assert_eq!(toy.ended.load(Ordering::SeqCst), 1);
}
