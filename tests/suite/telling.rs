//! Promise: log, traces and figures say which request they are of, and never anything secret, however much they say; and a
//! hang-up has the server take what it can take of its configuration.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use strongroom_testkit::{Instance, Raw};
use tempfile::TempDir;

use crate::planted::{contains, plant};

/// A header of requests to the collector, and what must not be seen of it elsewhere.
const HEADER: &str = "PLANTED-header-2ab19";

/// A collector that keeps what it gets and answers 200, until the test ends.
fn collector() -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let kept = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&kept);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = Vec::new();
            let mut part = [0; 65536];
            while !is_whole(&request) {
                match stream.read(&mut part) {
                    Ok(count) if count > 0 => request.extend_from_slice(&part[..count]),
                    _ => break,
                }
            }
            tell.lock().expect("it").push(request);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    (url, kept)
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}

/// A server whose log goes to a file, and that file.
fn server(home: &Path, settings: &str) -> (Instance, PathBuf) {
    let (file, log) = (home.join("strongroom.toml"), home.join("log"));
    fs::write(&file, settings).expect("written");
    let to = Stdio::from(File::create(&log).expect("a log"));
    let flags = ["--config", &file.display().to_string()];
    (Instance::start_telling(&home.join("data"), &flags, &[], to), log)
}

fn figures(instance: &Instance) -> String {
    let authority = instance.url().strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(authority).expect("a connection");
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// Plaintexts, data keys, session tokens, signatures and headers of requests, beside what `plant` plants.
async fn plant_more(client: &Raw, planted: &mut Vec<String>) {
    let mut kms = client.clone();
    "kms".clone_into(&mut kms.service);
    let key = kms.call("TrentService.CreateKey", json!({})).await.body["KeyMetadata"]["KeyId"].clone();
    let plaintext = STANDARD.encode("PLANTED-plaintext-91c3");
    let sealed = kms.call("TrentService.Encrypt", json!({"KeyId": key, "Plaintext": plaintext})).await.body;
    let opened = kms.call("TrentService.Decrypt", json!({"CiphertextBlob": sealed["CiphertextBlob"]})).await.body;
    assert_eq!(opened["Plaintext"], plaintext.as_str());
    let data = kms.call("TrentService.GenerateDataKey", json!({"KeyId": key, "KeySpec": "AES_256"})).await.body;
    planted.extend([plaintext, data["Plaintext"].as_str().expect("a key").to_owned()]);
    for (service, body) in [("sts", "Action=GetSessionToken&Version=2011-06-15"), ("sts", "Action=PLANTED-action-77d0")]
    {
        let mut other = client.clone();
        service.clone_into(&mut other.service);
        let mut headers = other.signed("", body.as_bytes());
        headers.remove("x-amz-target");
        headers.insert("content-type", http::HeaderValue::from_static("application/x-www-form-urlencoded"));
        other.send(http::Method::POST, "/", headers, body.as_bytes().to_vec()).await.expect("an answer");
    }
    planted.push("PLANTED-action-77d0".to_owned());
    let body = br#"{"SecretId":"p"}"#;
    let mut signed = client.signed("GetSecretValue", body);
    let authorization = signed["authorization"].to_str().expect("text").to_owned();
    planted.push(authorization.rsplit('=').next().expect("a signature").to_owned());
    client.send(http::Method::POST, "/", signed.clone(), body.to_vec()).await.expect("an answer");
    for (name, value) in
        [("x-amz-security-token", "PLANTED-token-5e1f"), ("authorization", "Bearer PLANTED-bearer-0b6c")]
    {
        signed.insert(name, http::HeaderValue::from_static(value));
        client.send(http::Method::POST, "/", signed.clone(), body.to_vec()).await.expect("an answer");
        planted.push(value.trim_start_matches("Bearer ").to_owned());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_traces_and_figures_hold_nothing_secret_however_much_they_say() {
    let home = TempDir::new().expect("directory");
    let (url, told) = collector();
    let headers = home.path().join("headers");
    fs::write(&headers, format!("authorization: Bearer {HEADER}\n")).expect("written");
    fs::set_permissions(&headers, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its mode");
    let settings = format!(
        "[log]\nlevel = 'trace'\nformat = 'json'\n[metrics]\nenabled = true\n[otlp]\nendpoint = '{url}'\nheaders_file = \
         '{}'\ntraces_ratio = 1.0\ntraceparent = true\nmetrics_seconds = 1\n",
        headers.display()
    );
    let (mut instance, log) = server(home.path(), &settings);
    let client = instance.raw();
    let mut planted = plant(&client).await;
    plant_more(&client, &mut planted).await;
    planted.push(instance.key().1.expose().to_owned());
    let figures = figures(&instance);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(instance.stop());
    let log = fs::read_to_string(&log).expect("a log");
    let told = told.lock().expect("it").clone();
    let of = |path: &[u8]| told.iter().filter(|request| request.starts_with(path)).count();
    assert!(of(b"POST /v1/traces") > 0 && of(b"POST /v1/metrics") > 0, "the collector was told");
    assert!(log.lines().filter(|line| line.contains("\"a request was answered\"")).count() > 20, "{log}");
    for planted in &planted {
        let plain = STANDARD.decode(planted).unwrap_or_else(|_| planted.clone().into_bytes());
        for needle in [planted.as_bytes(), &plain] {
            assert!(!contains(log.as_bytes(), needle), "the log holds {planted}");
            assert!(!contains(figures.as_bytes(), needle), "the figures hold {planted}");
            assert!(!told.iter().any(|request| contains(request, needle)), "the collector was told {planted}");
        }
    }
    assert!(!log.contains(HEADER), "the log holds a header of the collector's");
    assert!(told.iter().all(|request| contains(request, HEADER.as_bytes())), "the collector gets its header");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_json_name_the_request_and_a_hang_up_changes_what_can_be_changed() {
    let home = TempDir::new().expect("directory");
    let (instance, log) = server(home.path(), "[log]\nformat = 'json'\n[metrics]\nenabled = true\n");
    let client = instance.raw();
    client.call("ListSecrets", json!({})).await;
    assert!(figures(&instance).starts_with("HTTP/1.1 200"));
    let settings = "[log]\nlevel = 'debug'\n[metrics]\nenabled = true\nnetworks = ['192.0.2.0/24']\naccounts_max = 5\n";
    fs::write(home.path().join("strongroom.toml"), settings).expect("written");
    let told = Command::new("kill").args(["-HUP", &instance.pid().to_string()]).status().expect("kill runs");
    assert!(told.success());
    let lines = || -> Vec<Value> {
        let text = fs::read_to_string(&log).expect("a log");
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))).collect()
    };
    let began = Instant::now();
    while !lines().iter().any(|line| line["message"] == "the configuration was read again") {
        assert!(began.elapsed() < Duration::from_secs(300), "it is told of");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!figures(&instance).starts_with("HTTP/1.1 200"), "not from here any more");
    let answer = client.call("ListSecrets", json!({})).await;
    let id = answer.headers["x-amzn-requestid"].to_str().expect("an id").to_owned();
    let began = Instant::now();
    let line = loop {
        let found = lines().into_iter().find(|line| line["request_id"] == id.as_str());
        if let Some(line) = found {
            break line;
        }
        assert!(began.elapsed() < Duration::from_secs(300), "each request has a line");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(
        (&line["operation"], &line["result"], &line["level"]),
        (&json!("ListSecrets"), &json!("ok"), &json!("DEBUG"))
    );
    let left: Vec<_> = lines().into_iter().filter(|line| line["settings"].is_string()).collect();
    assert_eq!(left[0]["settings"], "log.format, metrics.accounts_max");
    fs::write(home.path().join("strongroom.toml"), "[log]\nlevel = 'shout'\n").expect("written");
    Command::new("kill").args(["-HUP", &instance.pid().to_string()]).status().expect("kill runs");
    let began = Instant::now();
    while !lines().iter().any(|line| line["message"].as_str().is_some_and(|text| text.contains("is not taken"))) {
        assert!(began.elapsed() < Duration::from_secs(300), "what is wrong is told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(client.call("ListSecrets", json!({})).await.status, 200);
}
