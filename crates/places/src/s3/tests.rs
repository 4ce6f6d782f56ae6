//! A bucket on a real server, and on small ones that fail.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom_types::{SecretText, SystemClock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::gateway::Gateway;

fn settings(url: String) -> BucketSettings {
    BucketSettings {
        url,
        region: Gateway::REGION.to_owned(),
        bucket: Gateway::BUCKET.to_owned(),
        prefix: "one/".to_owned(),
        key: Arc::new(|| {
            Ok(Credentials {
                access_key_id: Gateway::ACCESS_KEY_ID.to_owned(),
                secret_access_key: SecretText::new(Gateway::SECRET_ACCESS_KEY.to_owned()),
                session_token: None,
            })
        }),
        trust: Trust::system(),
        time: Duration::from_secs(10),
        clock: Arc::new(SystemClock),
    }
}

fn bucket(url: String) -> Bucket {
    Bucket { pause_ms: 1, ..Bucket::open(settings(url)).unwrap() }
}

#[tokio::test]
async fn objects_are_kept_by_a_real_server() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path()).await.unwrap();
    let place = bucket(gateway.url());
    assert_eq!(place.list().await.unwrap(), []);
    place.put("b.1", Content::Bytes(b"short")).await.unwrap();
    assert_eq!(place.put("b.1", Content::Bytes(b"other")).await, Err(PlaceError::Exists("b.1".to_owned())));
    place.put("a", Content::Bytes(b"")).await.unwrap();
    let listed: Vec<_> = place.list().await.unwrap().into_iter().map(|entry| (entry.name, entry.bytes)).collect();
    assert_eq!(listed, [("a".to_owned(), 0), ("b.1".to_owned(), 5)]);
    assert_eq!(fs::read(gateway.bucket.join("one/b.1")).unwrap(), b"short");
    assert_eq!(place.read("b.1", 5).await.unwrap(), b"short");
    assert_eq!(place.read("a", 5).await.unwrap(), b"");
    assert_eq!(place.read("b.1", 4).await, Err(PlaceError::Size { name: "b.1".to_owned(), bytes_max: 4 }));
    assert_eq!(place.read("c", 4).await, Err(PlaceError::Absent("c".to_owned())));
    place.delete("b.1").await.unwrap();
    place.delete("b.1").await.unwrap();
    assert_eq!(place.list().await.unwrap().len(), 1);
    // Another prefix is another place.
    let other = Bucket::open(BucketSettings { prefix: String::new(), ..settings(gateway.url()) }).unwrap();
    assert_eq!(other.list().await.unwrap(), []);
}

#[tokio::test]
async fn what_is_long_goes_and_comes_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path()).await.unwrap();
    // The least that S3 takes as a part.
    let place = Bucket { part_bytes: 5 * 1024 * 1024, ..bucket(gateway.url()) };
    let content: Vec<u8> = (0..11 * 1024 * 1024_u32).map(|at| u8::try_from(at / 7 % 251).unwrap()).collect();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::write(&from, &content).unwrap();
    place.put("long", Content::File(&from)).await.unwrap();
    assert_eq!(place.put("long", Content::File(&from)).await, Err(PlaceError::Exists("long".to_owned())));
    let length = u64::try_from(content.len()).unwrap();
    assert_eq!(place.fetch("long", &to, length).await, Ok(length));
    assert!(fs::read(&to).unwrap() == content);
    let over = place.fetch("long", &folder.path().join("over"), length - 1).await;
    assert!(matches!(over, Err(PlaceError::Size { .. })), "{over:?}");
}

#[tokio::test]
async fn a_wrong_key_and_a_wrong_bucket_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path()).await.unwrap();
    let key: KeySource = Arc::new(|| {
        Ok(Credentials {
            access_key_id: Gateway::ACCESS_KEY_ID.to_owned(),
            secret_access_key: SecretText::new("wrong".to_owned()),
            session_token: None,
        })
    });
    let place = Bucket::open(BucketSettings { key, ..settings(gateway.url()) }).unwrap();
    let told = place.list().await.unwrap_err().to_string();
    assert!(told.contains("SignatureDoesNotMatch") && !told.contains("wrong"), "{told}");
    let place = Bucket::open(BucketSettings { bucket: "none".to_owned(), ..settings(gateway.url()) }).unwrap();
    let told = place.put("a", Content::Bytes(b"1")).await.unwrap_err().to_string();
    assert!(told.contains("NoSuchBucket"), "{told}");
}

#[test]
fn names_that_signatures_could_write_otherwise_are_refused() {
    for prefix in ["a b/", "/a", "a//b", "../a", "a/./b", "ä"] {
        let refused =
            Bucket::open(BucketSettings { prefix: prefix.to_owned(), ..settings("http://127.0.0.1:1".into()) });
        assert!(refused.is_err(), "{prefix}");
    }
    assert!(
        Bucket::open(BucketSettings { bucket: "a/b".to_owned(), ..settings("http://127.0.0.1:1".into()) }).is_err()
    );
}

/// A server that gives one answer after the other, whatever it is asked; an empty one is none: it hangs up.
async fn stub(answers: Vec<String>) -> (String, Arc<AtomicUsize>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut part = [0; 65536];
            let _ = stream.read(&mut part).await;
            let at = counted.fetch_add(1, Ordering::SeqCst);
            let answer = answers.get(at).or(answers.last()).unwrap();
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, count, serving)
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn refusal(status: u16, code: &str) -> String {
    answer(status, "", &format!("<Error><Code>{code}</Code><Message>m</Message></Error>"))
}

#[tokio::test]
async fn a_busy_service_is_asked_again_but_not_for_ever() {
    let (url, count, _serving) = stub(vec![refusal(503, "SlowDown"), String::new(), answer(200, "", "")]).await;
    bucket(url).put("a", Content::Bytes(b"1")).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 3);
    let (url, count, _serving) = stub(vec![refusal(500, "InternalError")]).await;
    let told = bucket(url).put("a", Content::Bytes(b"1")).await.unwrap_err().to_string();
    assert!(told.contains("InternalError") && count.load(Ordering::SeqCst) == 4, "{told}");
    let (url, count, _serving) = stub(vec![refusal(403, "AccessDenied")]).await;
    assert!(bucket(url).list().await.unwrap_err().to_string().contains("AccessDenied"));
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let (url, ..) = stub(vec![refusal(507, "InsufficientStorage")]).await;
    assert!(matches!(bucket(url).put("a", Content::Bytes(b"1")).await, Err(PlaceError::Full(_))));
}

#[tokio::test]
async fn an_object_that_a_lost_answer_was_about_is_known_again() {
    // The first attempt has no answer, the second finds what the first made.
    let there = answer(200, "", "x");
    let (url, ..) = stub(vec![String::new(), refusal(412, "PreconditionFailed"), there.clone()]).await;
    bucket(url).put("a", Content::Bytes(b"1")).await.unwrap();
    let (url, ..) = stub(vec![String::new(), refusal(412, "PreconditionFailed"), there]).await;
    assert_eq!(bucket(url).put("a", Content::Bytes(b"12")).await, Err(PlaceError::Exists("a".to_owned())));
}

#[tokio::test]
async fn a_service_that_hangs_or_cuts_off_is_no_answer() {
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", hanging.local_addr().unwrap());
    let place = Bucket {
        pause_ms: 1,
        ..Bucket::open(BucketSettings { time: Duration::from_millis(50), ..settings(url) }).unwrap()
    };
    let told = place.list().await.unwrap_err().to_string();
    assert!(told.contains("no whole answer within 50 ms"), "{told}");
    let cut =
        answer(206, "content-range: bytes 0-4/10\r\n", "12345").replace("content-length: 5", "content-length: 10");
    let (url, ..) = stub(vec![cut]).await;
    assert!(matches!(bucket(url).read("a", 10).await, Err(PlaceError::Unavailable(_))));
}

#[tokio::test]
async fn parts_of_different_objects_are_not_put_together() {
    let first = answer(206, "content-range: bytes 0-4/10\r\netag: \"1\"\r\n", "12345");
    let longer = answer(206, "content-range: bytes 5-9/11\r\n", "67890");
    let (url, ..) = stub(vec![first.clone(), longer]).await;
    let told = bucket(url).read("a", 100).await.unwrap_err().to_string();
    assert!(told.contains("another part"), "{told}");
    let (url, ..) = stub(vec![first, refusal(412, "PreconditionFailed")]).await;
    assert!(bucket(url).read("a", 100).await.unwrap_err().to_string().contains("PreconditionFailed"));
    let (url, ..) = stub(vec![answer(200, "", "<html/>")]).await;
    assert!(bucket(url).list().await.unwrap_err().to_string().contains("the listing is none"));
}
