//! Functions elsewhere, against small servers on loopback.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;

use strongroom_core::functions::sites::{Named, Told};
use strongroom_types::{MockClock, Timestamp};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::config::LambdaEndpointConfig;

const ARN: &str = "arn:aws:lambda:us-east-1:111111111111:function:f";
const SECRET_KEY: &str = "wJalrXUtnFEMI";
const POLICY: &str = r#"{"Version":"2012-10-17"}"#;

/// A server on loopback, with what it was asked.
struct Stub {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    /// Answers each request, whose text it is given, in whole answers of HTTP; an empty answer never comes.
    async fn new(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&seen);
        tokio::spawn(async move {
            let mut held = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut got, mut part) = (Vec::new(), [0; 4096]);
                while !is_whole(&String::from_utf8_lossy(&got)) {
                    let count = stream.read(&mut part).await.unwrap();
                    got.extend_from_slice(&part[..count]);
                }
                let text = String::from_utf8(got).unwrap();
                let answer = answer(&text);
                noted.lock().unwrap().push(text);
                if answer.is_empty() {
                    held.push(stream);
                    continue;
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

fn is_whole(text: &str) -> bool {
    text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        body.len() >= length.unwrap_or(0)
    })
}

fn answer(status: u16, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

fn named(qualifier: Option<&str>) -> Named<'_> {
    Named { arn: ARN, name: "f", qualifier }
}

fn event() -> SecretBytes {
    SecretBytes::new(br#"{"Step":"createSecret"}"#.to_vec())
}

fn options() -> Options {
    Options { time: Duration::from_millis(500), ..Options::default() }
}

async fn invoked_at(url: &str) -> Result<Invoked, String> {
    HttpFunction::open(ARN, url, options()).unwrap().invoke(named(None), event()).await
}

#[tokio::test]
async fn a_function_is_posted_its_event_at_the_path_of_lambda_or_at_its_own() {
    let stub = Stub::new(|_| answer(200, &["X-Amz-Log-Result: TE9H"], "null")).await;
    let own = format!("{}/2015-03-31/functions/function/invocations", stub.url);
    for (url, qualifier, path) in [
        (stub.url.clone(), None, "/2015-03-31/functions/f/invocations"),
        (format!("{}/below/", stub.url), Some("live"), "/below/2015-03-31/functions/f/invocations?Qualifier=live"),
        (own, None, "/2015-03-31/functions/function/invocations"),
    ] {
        let function = HttpFunction::open(ARN, &url, options()).unwrap();
        let invoked = function.invoke(named(qualifier), event()).await.unwrap();
        assert_eq!((invoked.payload.expose(), invoked.function_error), (b"null".as_slice(), None));
        assert_eq!(invoked.log_tail.unwrap().expose(), b"LOG");
        let seen = stub.seen().pop().unwrap();
        assert!(seen.starts_with(&format!("POST {path} HTTP/1.1\r\n")), "{seen}");
        assert!(seen.ends_with("\r\n\r\n{\"Step\":\"createSecret\"}"), "{seen}");
        assert!(seen.contains("\r\nx-amz-log-type: Tail\r\n") && !seen.contains("authorization"), "{seen}");
    }
}

#[tokio::test]
async fn a_configured_function_lets_in_secrets_manager_for_its_own_account() {
    let function = HttpFunction::open(ARN, "https://127.0.0.1:1/", options()).unwrap();
    let Told::Found { policy: Some(policy) } = function.look_up(named(None)).await.unwrap() else { panic!("none") };
    let policy: Value = serde_json::from_str(&policy).unwrap();
    assert_eq!(policy["Statement"][0]["Principal"]["Service"], "secretsmanager.amazonaws.com");
    assert_eq!(policy["Statement"][0]["Condition"]["StringEquals"]["aws:SourceAccount"], "111111111111");
}

#[tokio::test]
async fn a_failed_function_is_told_whether_or_not_the_header_says_so() {
    let error = r#"{"errorType":"ValueError","errorMessage":"no such user"}"#;
    for (answered, kind) in [
        (answer(200, &["X-Amz-Function-Error: Handled"], error), Some("Handled")),
        (answer(200, &[], error), Some("Unhandled")),
        (answer(200, &["X-Amz-Function-Error: Unhandled"], "null"), Some("Unhandled")),
        (answer(200, &[], r#"{"errorMessage":"of a function that says so"}"#), None),
    ] {
        let stub = Stub::new(move |_| answered.clone()).await;
        assert_eq!(invoked_at(&stub.url).await.unwrap().function_error.as_deref(), kind);
    }
}

#[tokio::test]
async fn what_is_no_answer_of_a_function_is_no_success() {
    for (answered, told) in [
        (answer(200, &[], "Task timed out after 1.00 seconds"), "is no JSON: Task timed out after 1.00 seconds"),
        (answer(200, &[], ""), "the function ended without an answer"),
        (answer(202, &[], "null"), "answered with status 202"),
        (answer(302, &["Location: http://127.0.0.1:1/"], ""), "the service answered with status 302"),
        (answer(429, &[], r#"{"Type":"User","message":"Rate Exceeded."}"#), "Unknown: Rate Exceeded."),
        (String::new(), "no whole answer within 500 ms"),
    ] {
        let stub = Stub::new(move |_| answered.clone()).await;
        let failure = invoked_at(&stub.url).await.unwrap_err();
        assert!(failure.ends_with(told), "{failure}");
    }
    let failure = invoked_at("http://127.0.0.1:1").await.unwrap_err();
    assert!(failure.starts_with("http://127.0.0.1:1: "), "{failure}");
}

#[tokio::test]
async fn plain_http_stays_on_this_machine_unless_it_is_allowed() {
    let failure = invoked_at("http://192.0.2.1:9").await.unwrap_err();
    assert!(failure.contains("no address that may be asked without TLS"), "{failure}");
}

/// An outside Lambda with the access key of a file, and the file's folder.
fn outside(url: &str) -> (Lambda, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    fs::write(&file, format!("[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = {SECRET_KEY}\n"))
        .unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let config = LambdaEndpointConfig {
        url: url.to_owned(),
        region: None,
        credentials_file: file,
        profile: "default".to_owned(),
        time_ms_max: 500,
    };
    let clock = Arc::new(MockClock::at(Timestamp::from_seconds(1_440_938_160)));
    let region = strongroom_types::Region::parse("us-east-1").unwrap();
    (Lambda::new(Endpoint::open(url, options()).unwrap(), &config, &region, clock), folder)
}

#[tokio::test]
async fn an_outside_lambda_is_asked_by_signed_calls() {
    let stub = Stub::new(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path.contains("/policy") {
            return answer(200, &[], &serde_json::json!({ "Policy": POLICY, "RevisionId": "r" }).to_string());
        }
        let body = if path.ends_with("invocations?Qualifier=live") { "7" } else { "{}" };
        answer(200, &["x-amz-log-result: TE9H"], body)
    })
    .await;
    let (lambda, _folder) = outside(&stub.url);
    let told = lambda.look_up(named(Some("live"))).await.unwrap();
    assert_eq!(told, Told::Found { policy: Some(POLICY.to_owned()) });
    let invoked = lambda.invoke(named(Some("live")), event()).await.unwrap();
    assert_eq!((invoked.payload.expose(), invoked.log_tail.unwrap().expose()), (b"7".as_slice(), b"LOG".as_slice()));
    let seen = stub.seen();
    let function = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A111111111111%3Afunction%3Af";
    for (request, line) in seen.iter().zip([
        format!("GET {function}?Qualifier=live "),
        format!("GET {function}/policy?Qualifier=live "),
        format!("POST {function}/invocations?Qualifier=live "),
    ]) {
        assert!(request.starts_with(&line), "{request}");
        assert!(request.contains("Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request"), "{request}");
        assert!(!request.contains(SECRET_KEY));
    }
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn what_an_outside_lambda_has_not_or_does_not_tell_is_told_apart() {
    let not_found =
        answer(404, &["x-amzn-ErrorType: ResourceNotFoundException"], r#"{"Message":"Function not found"}"#);
    let denied = answer(403, &[], r#"{"__type":"AccessDeniedException","Message":"not authorized"}"#);
    let busy = answer(429, &["x-amzn-errortype: TooManyRequestsException"], r#"{"message":"Rate exceeded"}"#);
    let closed = |stub: &Stub| Told::Closed(format!("{}: AccessDeniedException: not authorized", stub.url));
    let stub = Stub::new({
        let not_found = not_found.clone();
        move |request| if request.contains("/policy") { not_found.clone() } else { answer(200, &[], "{}") }
    })
    .await;
    let (lambda, _folder) = outside(&stub.url);
    assert_eq!(lambda.look_up(named(None)).await, Ok(Told::Found { policy: None }));
    let stub = Stub::new(move |_| not_found.clone()).await;
    let (lambda, _folder) = outside(&stub.url);
    assert_eq!(lambda.look_up(named(None)).await, Ok(Told::Absent));
    let stub = Stub::new(move |_| denied.clone()).await;
    let (lambda, _folder) = outside(&stub.url);
    assert_eq!(lambda.look_up(named(None)).await, Ok(closed(&stub)));
    let stub = Stub::new(move |_| busy.clone()).await;
    let (lambda, folder) = outside(&stub.url);
    assert_eq!(lambda.look_up(named(None)).await, Err("TooManyRequestsException: Rate exceeded".to_owned()));
    fs::set_permissions(folder.path().join("credentials"), fs::Permissions::from_mode(0o644)).unwrap();
    let failure = lambda.look_up(named(None)).await.unwrap_err();
    assert!(failure.contains("is open to all users"), "{failure}");
    drop(folder);
    let failure = lambda.invoke(named(None), event()).await.unwrap_err();
    assert!(failure.contains("cannot be read") && !failure.contains(SECRET_KEY), "{failure}");
}

#[test]
fn places_are_as_configuration_has_them() {
    let clock: Arc<dyn Clock> = Arc::new(MockClock::at(Timestamp::from_seconds(1_440_938_160)));
    let text = format!(
        "[functions.http]\n\"{ARN}\" = \"http://127.0.0.1:1\"\n\
         [functions.lambda_endpoint]\nurl = \"https://lambda\"\ncredentials_file = \"c\"\n"
    );
    let config = Config::load(&text).unwrap();
    let found = sites(&config, None, &clock).unwrap();
    assert!(found.named.keys().eq([ARN]) && found.others.is_some());
    let none = sites(&Config::default(), None, &clock).unwrap();
    assert!(none.named.is_empty() && none.others.is_none());
    let wrong = sites(&config, Some(b"no certificate".to_vec()), &clock).unwrap_err();
    assert!(wrong.starts_with("functions.ca_file: "), "{wrong}");
}
