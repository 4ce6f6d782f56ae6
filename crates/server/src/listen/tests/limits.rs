//! Limits: large heads and bodies, slow clients, many connections, clients that go away.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::toy::start;

#[tokio::test]
async fn a_head_with_too_many_bytes_is_refused() {
    let port = start("[limits]\nheader_bytes_max = 512", |_| {}).await;
    let mut client = port.raw().await;
    client.send(format!("POST / HTTP/1.1\r\nHost: t\r\nX: {}\r\n\r\n", "x".repeat(400))).await;
    assert_eq!(client.answer().await.status, 200);
    client.send(format!("POST / HTTP/1.1\r\nHost: t\r\nX: {}\r\n\r\n", "x".repeat(600))).await;
    assert_eq!(client.bodiless().await.status, 431);
    let mut client = port.raw().await;
    client.send(format!("POST /{} HTTP/1.1\r\nHost: t\r\n\r\n", "p".repeat(600))).await;
    assert_eq!(client.bodiless().await.status, 431);
    assert_eq!(port.toy.begun.load(Ordering::SeqCst), 1);
    port.stop().await;
}

#[tokio::test]
async fn a_head_with_too_many_headers_is_refused() {
    let head = |count: usize| format!("GET / HTTP/1.1\r\nHost: t\r\n{}\r\n", "X: y\r\n".repeat(count - 1));
    for (most, fits) in [(3, 3), (100, 100), (150, 150)] {
        let port = start(&format!("[limits]\nheader_count_max = {most}"), |_| {}).await;
        let mut client = port.raw().await;
        client.send(head(fits)).await;
        assert_eq!(client.answer().await.status, 200, "{most}");
        client.send(head(fits + 1)).await;
        assert_eq!(client.bodiless().await.status, 431, "{most}");
        port.stop().await;
    }
}

#[tokio::test]
async fn too_large_a_body_gets_an_answer_and_the_connection_goes_on() {
    let port = start("[limits]\nbody_bytes_max = 1024\nbody_drain_bytes_max = 100000", |_| {}).await;
    let mut client = port.raw().await;
    client.post("/", &"x".repeat(1024)).await;
    assert_eq!(client.answer().await.body.len(), 1024);
    client.post("/", &"x".repeat(90_000)).await;
    let refused = client.answer().await;
    assert_eq!(refused.status, 413);
    assert!(refused.body.starts_with(r#"{"__type":"RequestEntityTooLargeException","message":""#));
    assert_eq!(refused.header("x-amzn-RequestId").unwrap().len(), 36);
    client.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let piece = format!("1ff\r\n{}\r\n", "x".repeat(0x1ff));
    client.send(format!("{piece}{piece}{piece}0\r\n\r\n")).await;
    assert_eq!(client.answer().await.status, 413);
    client.post("/", "fits").await;
    assert_eq!(client.answer().await.body, "fits");
    assert_eq!(port.toy.begun.load(Ordering::SeqCst), 2);
    port.stop().await;
}

#[tokio::test]
async fn a_body_beyond_all_measure_ends_the_connection() {
    let port = start("[limits]\nbody_bytes_max = 1024\nbody_drain_bytes_max = 2000", |_| {}).await;
    let mut client = port.raw().await;
    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000000000\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 413);
    assert!(client.rest().await.is_empty());
    port.stop().await;
}

#[tokio::test]
async fn a_client_that_says_nothing_or_half_a_head_is_cut() {
    let port = start("[limits]\nheader_read_ms_max = 50", |_| {}).await;
    for bytes in ["", "P", "PRI * HTTP/2.0\r\n", "POST / HTTP/1.1\r\nHost: t\r\n"] {
        let mut client = port.raw().await;
        client.send(bytes).await;
        assert!(client.rest().await.is_empty(), "{bytes:?}");
    }
    port.stop().await;
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_on_a_connection_in_use_too() {
    let port = start("[limits]\nheader_read_ms_max = 50", |_| {}).await;
    let mut client = port.raw().await;
    client.post("/", "first").await;
    assert_eq!(client.answer().await.body, "first");
    client.send("POST / HTTP/1.1\r\nX: ").await;
    // Each byte is a sign of life, and yet the connection must end.
    while client.0.write_all(b"x").await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(port.toy.begun.load(Ordering::SeqCst), 1);
    port.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let port = start("[limits]\nbody_read_ms_max = 50", |_| {}).await;
    let mut client = port.raw().await;
    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc").await;
    let refused = client.answer().await;
    assert_eq!(refused.status, 408);
    assert!(refused.body.contains("RequestTimeoutException"));
    assert!(client.rest().await.is_empty());
    assert_eq!(port.toy.begun.load(Ordering::SeqCst), 0);
    port.stop().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_reaches_nobody() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    client.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").await;
    assert_eq!(client.bodiless().await.status, 400);
    let mut client = port.raw().await;
    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc").await;
    client.0.shutdown().await.unwrap();
    assert!(client.rest().await.starts_with(b"HTTP/1.1 400 "));
    assert_eq!(port.toy.begun.load(Ordering::SeqCst), 0);
    port.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let port = start("[limits]\nidle_ms_max = 50", |_| {}).await;
    let mut client = port.raw().await;
    client.post("/", "last").await;
    assert_eq!(client.answer().await.body, "last");
    assert!(client.rest().await.is_empty());
    port.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_cut() {
    let port = start("[limits]\nanswer_write_ms_max = 50\nconnections_max = 1", |_| {}).await;
    let mut client = port.raw().await;
    client.post("/large", "").await;
    // The only place is free again when the first connection has been cut.
    let mut next = port.raw().await;
    next.post("/", "served").await;
    assert_eq!(next.answer().await.body, "served");
    assert!(client.rest().await.len() < 64 << 20, "the answer was not sent whole");
    port.stop().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_and_its_work_goes_on() {
    let port = start("[limits]\nrequest_ms_max = 50\nh2_streams_max = 1", |_| {}).await;
    let mut client = port.raw().await;
    client.post("/gate", "").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("could not be completed in time"));
    assert_eq!(port.toy.ended.load(Ordering::SeqCst), 0);

    client.post("/", "more").await;
    let refused = client.answer().await;
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("under way on this connection"), "left work counts: {}", refused.body);

    port.toy.gate.add_permits(1);
    port.toy.ending.notified().await;
    assert_eq!(port.toy.ended.load(Ordering::SeqCst), 1);
    port.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_its_request() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    client.post("/moved", "").await;
    port.toy.beginning.notified().await;
    drop(client);
    // The toy's work ends only when it has been moved away from the connection's task.
    port.toy.ending.notified().await;
    assert_eq!(port.toy.ended.load(Ordering::SeqCst), 1);
    port.stop().await;
}

#[tokio::test]
async fn with_all_connections_busy_the_next_one_waits_for_its_turn() {
    let port = start("[limits]\nconnections_max = 2", |_| {}).await;
    let (mut first, mut second) = (port.raw().await, port.raw().await);
    for client in [&mut first, &mut second] {
        client.post("/gate", "").await;
        port.toy.beginning.notified().await;
    }
    let mut third = port.raw().await;
    third.post("/", "3").await;
    port.toy.gate.add_permits(1);
    // Whichever came through is idle now, and the third has its place.
    assert_eq!(third.answer().await.body, "3");
    assert_eq!(port.toy.ended.load(Ordering::SeqCst), 2, "one of the two is still busy");
    port.toy.gate.add_permits(1);
    assert_eq!((first.answer().await.body, second.answer().await.body), ("through".to_owned(), "through".to_owned()));
    port.stop().await;
}

/// Idle times are kept in milliseconds: what comes after this is later for the server too.
async fn a_moment() {
    tokio::time::sleep(std::time::Duration::from_millis(3)).await;
}

#[tokio::test]
async fn with_all_connections_taken_the_longest_idle_one_makes_room() {
    let port = start("[limits]\nconnections_max = 3", |_| {}).await;
    let (mut busy, mut first, mut second) = (port.raw().await, port.raw().await, port.raw().await);
    busy.post("/gate", "").await;
    port.toy.beginning.notified().await;
    for client in [&mut first, &mut second] {
        client.post("/", "1").await;
        client.answer().await;
        a_moment().await;
    }
    let mut new = port.raw().await;
    new.post("/", "new").await;
    assert_eq!(new.answer().await.body, "new");
    a_moment().await;
    assert!(first.rest().await.is_empty(), "the first was closed");
    second.post("/", "2").await;
    assert_eq!(second.answer().await.body, "2");
    let mut newer = port.raw().await;
    newer.post("/", "newer").await;
    assert_eq!(newer.answer().await.body, "newer");
    assert!(new.rest().await.is_empty(), "the second was in use after it");
    port.toy.gate.add_permits(1);
    assert_eq!(busy.answer().await.body, "through");
    port.stop().await;
}

/// How often something is asked again that another thread is about to bring about.
const TRIES_MAX: u32 = 1000;

/// What a small port may hold of bodies and answers.
const SMALL: &str = "[limits]\nbody_bytes_max = 200000\nbodies_bytes_max = 200000";

#[tokio::test]
async fn bodies_of_all_connections_share_a_bound_and_small_ones_are_always_served() {
    let port = start(SMALL, |_| {}).await;
    let large = "x".repeat(150_000);
    let mut first = port.raw().await;
    first.post("/gate", &large).await;
    port.toy.beginning.notified().await;
    let mut second = port.raw().await;
    second.post("/", &large).await;
    let refused = second.answer().await;
    assert_eq!(refused.status, 503);
    assert!(refused.body.starts_with(r#"{"__type":"ServiceUnavailableException","message":""#), "{}", refused.body);
    second.post("/", &"y".repeat(10_000)).await;
    assert_eq!(second.answer().await.body.len(), 10_000, "on the same connection");
    port.toy.gate.add_permits(1);
    assert_eq!(first.answer().await.body, "through");
    second.post("/", &large).await;
    assert_eq!(second.answer().await.body.len(), 150_000, "there is room again");
    port.stop().await;
}

#[tokio::test]
async fn a_declared_length_takes_no_room_before_its_bytes_come() {
    let port = start(SMALL, |_| {}).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = port.raw().await;
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 150000\r\n\r\nx").await;
        clients.push(client);
    }
    let rest = "x".repeat(149_999);
    for client in &mut clients {
        client.send(&rest).await;
        let mut answer = client.answer().await;
        // The one before it gives its room back a moment after its client has the answer.
        for _ in 0..TRIES_MAX {
            if answer.status == 200 {
                break;
            }
            client.post("/", &"x".repeat(150_000)).await;
            answer = client.answer().await;
        }
        assert_eq!(answer.body.len(), 150_000);
    }
    port.stop().await;
}

#[tokio::test]
async fn a_large_answer_without_room_is_refused() {
    let port = start(SMALL, |_| {}).await;
    let mut first = port.raw().await;
    first.post("/gate", &"x".repeat(150_000)).await;
    port.toy.beginning.notified().await;
    let mut second = port.raw().await;
    second.post("/large", "").await;
    let refused = second.answer().await;
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("Too many request bodies and answers"), "{}", refused.body);
    drop(first);
    port.toy.gate.add_permits(1);
    port.toy.ending.notified().await;
    port.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_not_taken_leaves_no_room_until_its_client_goes() {
    let port = start(SMALL, |_| {}).await;
    let mut first = port.raw().await;
    // Alone even this fits.
    first.post("/large", "").await;
    port.toy.ending.notified().await;
    let mut second = port.raw().await;
    let mut status = 200;
    // The answer takes its room a moment after the work has ended.
    for _ in 0..TRIES_MAX {
        if status == 503 {
            break;
        }
        // On a busy machine the thread of the first connection has to get its turn.
        tokio::time::sleep(Duration::from_millis(5)).await;
        second.post("/", &"x".repeat(150_000)).await;
        status = second.answer().await.status;
    }
    assert_eq!(status, 503);
    drop(first);
    // There is room when the server has seen the first one go.
    loop {
        second.post("/", &"x".repeat(150_000)).await;
        if second.answer().await.status == 200 {
            break;
        }
    }
    port.stop().await;
}

#[tokio::test]
async fn work_left_by_a_client_keeps_its_place() {
    let port = start("[limits]\nconnections_max = 1", |_| {}).await;
    let mut client = port.raw().await;
    client.post("/gate", "").await;
    port.toy.beginning.notified().await;
    drop(client);
    let mut next = port.raw().await;
    next.post("/", "next").await;
    port.toy.gate.add_permits(1);
    assert_eq!(next.answer().await.body, "next");
    assert_eq!(port.toy.ended.load(Ordering::SeqCst), 2);
    port.stop().await;
}

#[tokio::test]
async fn one_address_may_have_so_many_connections() {
    let port = start("[limits]\nconnections_per_peer_max = 1", |_| {}).await;
    let mut first = port.raw().await;
    first.post("/", "1").await;
    first.answer().await;
    let mut second = port.raw().await;
    assert!(second.rest().await.is_empty(), "closed at once");
    drop(first);
    // The place is free when the server has seen the first one go.
    loop {
        let mut third = port.raw().await;
        let request = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nConnection: close\r\n\r\n3";
        if third.0.write_all(request).await.is_ok() && third.rest().await.ends_with(b"\r\n\r\n3") {
            break;
        }
    }
    port.stop().await;
}
