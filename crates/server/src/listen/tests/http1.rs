//! HTTP/1.1: answers and their headers, bodies in pieces, pipelining, health checks, browsers.

use std::sync::atomic::Ordering;

use super::toy::{Plain, start};

fn require_usual_headers(answer: &Plain) {
    assert_eq!(answer.header("x-amzn-RequestId").unwrap().len(), 36);
    assert_eq!(answer.header("date"), Some("Sat, 03 Feb 2024 04:05:06 GMT"));
    assert!(answer.header("content-type").is_some());
}

#[tokio::test]
async fn a_call_has_all_that_the_request_had() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    client.post("/tell?a=%41&b", "abc").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 200);
    require_usual_headers(&answer);
    assert_eq!(answer.header("content-type"), Some("application/x-amz-json-1.1"));
    let id = answer.header("x-amzn-RequestId").unwrap();
    let expected = format!(
        "POST /tell?a=%41&b HTTP/1.1 host=test source=127.0.0.1 peer=127.0.0.1 tls=plain bytes=3 \
         sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad received=1706933106 id={id}"
    );
    assert_eq!(answer.body, expected);
    port.stop().await;
}

#[tokio::test]
async fn any_method_and_path_goes_to_the_endpoint() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    for request in ["GET / HTTP/1.1", "DELETE /health/live HTTP/1.1", "OPTIONS * HTTP/1.1", "BREW /health HTTP/1.1"] {
        client.send(format!("{request}\r\nHost: test\r\n\r\n")).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{request}");
        require_usual_headers(&answer);
    }
    assert_eq!(port.toy.ended.load(Ordering::SeqCst), 4);
    port.stop().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_each_with_its_own_id() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    let request = |body: &str| format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\n{body}");
    client.send([request("1"), request("2"), request("3")].concat()).await;
    let answers = [client.answer().await, client.answer().await, client.answer().await];
    assert_eq!(answers.each_ref().map(|answer| answer.body.as_str()), ["1", "2", "3"]);
    assert_ne!(answers[0].header("x-amzn-RequestId"), answers[1].header("x-amzn-RequestId"));
    port.stop().await;
}

#[tokio::test]
async fn a_chunked_body_is_read_whole_and_hashed() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    client.send("POST /tell HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await;
    client.send("2\r\nbc\r\n0\r\n\r\n").await;
    let answer = client.answer().await;
    assert!(answer.body.contains("bytes=3 sha256=ba7816bf8f01cfea"), "{}", answer.body);
    client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "");
    port.stop().await;
}

#[tokio::test]
async fn a_body_that_comes_in_pieces_is_put_together() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    let body: String = (0..50_000).map(|number| format!("{number:06} ")).collect();
    client.send(format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", body.len())).await;
    for piece in body.as_bytes().chunks(30_011) {
        client.send(piece).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer().await.body, body);
    port.stop().await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    let head = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    client.send(head).await;
    assert_eq!(client.bodiless().await.status, 100);
    client.send("abc").await;
    assert_eq!(client.answer().await.body, "abc");
    port.stop().await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_keep_too_large_a_body() {
    let port = start("[limits]\nbody_bytes_max = 1024", |_| {}).await;
    let mut client = port.raw().await;
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1025\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 413);
    port.stop().await;
}

#[tokio::test]
async fn head_gets_the_headers_of_an_answer_without_its_body() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    client.send("HEAD /health/live HTTP/1.1\r\nHost: test\r\n\r\n").await;
    let answer = client.bodiless().await;
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("17")));
    client.send("HEAD /strange HTTP/1.1\r\nHost: test\r\n\r\n").await;
    let answer = client.bodiless().await;
    assert_eq!((answer.status, answer.header("content-length")), (500, Some("3")));
    client.post("/", "still in step").await;
    assert_eq!(client.answer().await.body, "still in step");
    port.stop().await;
}

#[tokio::test]
async fn an_answer_may_have_its_own_headers_and_content_type() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    client.post("/strange", "").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 500, "a status that is none");
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(answer.header("x-amzn-errortype"), Some("Odd"));
    assert_eq!(answer.body, "odd");
    port.stop().await;
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    client.send("POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi").await;
    assert_eq!(client.answer().await.body, "hi");
    assert!(client.rest().await.is_empty());
    port.stop().await;
}

#[tokio::test]
async fn health_is_told_without_asking_the_endpoint() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    client.send("GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n").await;
    let live = client.answer().await;
    assert_eq!((live.status, live.body.as_str()), (200, r#"{"status":"live"}"#));
    require_usual_headers(&live);
    assert_eq!(live.header("content-type"), Some("application/json"));
    client.send("GET /health/ready HTTP/1.1\r\nHost: test\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(port.toy.begun.load(Ordering::SeqCst), 0);
    port.stop().await;

    let port = start("", |toy| toy.unready = true).await;
    let mut client = port.raw().await;
    client.send("GET /health/ready HTTP/1.1\r\nHost: test\r\n\r\n").await;
    let ready = client.answer().await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.body, r#"{"status":"not ready","reasons":["the toy is broken"]}"#);
    port.stop().await;
}

#[tokio::test]
async fn a_configured_origin_may_call_and_others_may_not() {
    let port = start("[cors]\norigins = [\"http://localhost:3000\"]\nmax_age_s = 60", |_| {}).await;
    let mut client = port.raw().await;
    let preflight = |origin: &str| {
        format!("OPTIONS / HTTP/1.1\r\nHost: t\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\r\n")
    };
    client.send(preflight("http://localhost:3000")).await;
    let allowed = client.answer().await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("http://localhost:3000"));
    assert_eq!(allowed.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(allowed.header("access-control-max-age"), Some("60"));
    assert_eq!(allowed.header("vary"), Some("Origin"));
    let headers = allowed.header("access-control-allow-headers").unwrap();
    for header in ["authorization", "x-amz-target", "x-amz-security-token", "amz-sdk-invocation-id", "amz-sdk-request"]
    {
        assert!(headers.split(", ").any(|allowed| allowed == header), "{header}");
    }
    client.send(preflight("http://localhost:3001")).await;
    let refused = client.answer().await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, None));
    assert_eq!(port.toy.begun.load(Ordering::SeqCst), 0);

    client.send("POST / HTTP/1.1\r\nHost: t\r\nOrigin: http://localhost:3000\r\nContent-Length: 0\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:3000"));
    assert_eq!(answer.header("access-control-expose-headers"), Some("x-amzn-RequestId, x-amzn-errortype, date"));
    client.post("/", "").await;
    let answer = client.answer().await;
    assert_eq!((answer.header("vary"), answer.header("access-control-allow-origin")), (Some("Origin"), None));
    port.stop().await;
}

#[tokio::test]
async fn without_origins_no_answer_speaks_of_cors() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    let preflight = "OPTIONS / HTTP/1.1\r\nHost: t\r\nOrigin: http://a\r\nAccess-Control-Request-Method: POST\r\n\r\n";
    client.send(preflight).await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 200);
    assert_eq!((answer.header("vary"), answer.header("access-control-allow-origin")), (None, None));
    assert_eq!(port.toy.begun.load(Ordering::SeqCst), 1, "the endpoint answered it");
    port.stop().await;
}

#[tokio::test]
async fn forwarded_addresses_are_believed_from_trusted_proxies_alone() {
    let request = "POST /tell HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 198.51.100.7\r\nContent-Length: 0\r\n\r\n";
    for (text, source) in [("", "127.0.0.1"), ("[listen]\ntrusted_proxies = [\"127.0.0.0/8\"]", "198.51.100.7")] {
        let port = start(text, |_| {}).await;
        let mut client = port.raw().await;
        client.send(request).await;
        let told = client.answer().await.body;
        assert!(told.contains(&format!(" source={source} peer=127.0.0.1 ")), "{told}");
        port.stop().await;
    }
}

#[tokio::test]
async fn a_panic_costs_one_answer_and_not_the_connection() {
    let port = start("", |_| {}).await;
    let mut client = port.raw().await;
    client.post("/panic", "").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 500);
    assert!(answer.body.starts_with(r#"{"__type":"InternalServiceError","#));
    client.post("/", "next").await;
    assert_eq!(client.answer().await.body, "next");
    port.stop().await;
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_the_server_stays() {
    let port = start("", |_| {}).await;
    for bytes in ["\u{16}\u{3}\u{1} this is no request\r\n\r\n", "POST\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"] {
        let mut client = port.raw().await;
        client.send(bytes).await;
        let rest = client.rest().await;
        assert!(rest.starts_with(b"HTTP/1.1 400 ") || rest.is_empty(), "{bytes:?}");
    }
    let mut client = port.raw().await;
    client.post("/", "fine").await;
    assert_eq!(client.answer().await.body, "fine");
    port.stop().await;
}

#[tokio::test]
async fn developer_mode_answers_no_web_page() {
    let port = start("dev = true\n[cors]\norigins = [\"http://localhost:3000\"]", |_| {}).await;
    let mut client = port.raw().await;
    let mut ask = async |method: &str, path: &str, headers: &str| {
        client.send(format!("{method} {path} HTTP/1.1\r\n{headers}Content-Length: 0\r\n\r\n")).await;
        client.answer().await
    };
    for host in ["localhost:4000", "127.0.0.1:1", "[::1]"] {
        assert_eq!(ask("POST", "/", &format!("Host: {host}\r\n")).await.status, 200, "{host}");
    }
    assert_eq!(ask("POST", "/", "Host: localhost\r\nOrigin: http://localhost:3000\r\n").await.status, 200);
    let begun = port.toy.begun.load(Ordering::SeqCst);
    for path in ["/", "/health/live"] {
        let refused = ask("GET", path, "Host: rebound.example.org\r\n").await;
        require_usual_headers(&refused);
        assert_eq!(refused.status, 403);
        assert!(refused.body.starts_with(r#"{"__type":"AccessDeniedException","message":"Developer mode"#));
        assert!(refused.body.contains("loopback"), "{}", refused.body);
    }
    let refused = ask("POST", "/", "Host: localhost\r\nOrigin: http://example.org\r\n").await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("cors.origins"), "{}", refused.body);
    assert_eq!(port.toy.begun.load(Ordering::SeqCst), begun, "the endpoint was not asked");
    port.stop().await;
}
