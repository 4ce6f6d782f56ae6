//! Promise: Prometheus takes the figures, the alert rules and the dashboard, which ask only for what is there, and each alert
//! has a page that says what to do.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom_testkit::{Instance, instance};
use tempfile::TempDir;

/// A sink of the trail, whose figures are there with it.
const SINK: &str = "[[audit.sinks]]\nname = \"out\"\nstdout = {}\n";
/// What a page says, in this order.
const HEADINGS: [&str; 4] = ["## What it means", "## How to look", "## What to do", "## When it is over"];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A tool of Prometheus, which is put into the build directory unless it is there.
fn tool(name: &str) -> Command {
    let installed = Command::new(workspace().join("scripts/install-prometheus")).status().expect("bash");
    assert!(installed.success(), "scripts/install-prometheus");
    Command::new(workspace().join("target/tools/prometheus").join(name))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn alerts() -> PathBuf {
    workspace().join("deploy/prometheus/alerts.yml")
}

/// A server that tells its figures.
fn watched(home: &Path, more: &str) -> Instance {
    let file = home.join("strongroom.toml");
    fs::write(&file, format!("[metrics]\nenabled = true\n{more}")).expect("written");
    Instance::start_in(&home.join("data"), &["--config", &file.display().to_string()])
}

/// What a server answers to a request for its figures.
fn figures(instance: &Instance) -> String {
    let authority = instance.url().strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(authority).expect("a connection");
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_owned()
}

async fn busy(instance: &Instance) {
    let client = instance.raw();
    let token = "00000000-0000-4000-8000-000000000001";
    client.call("CreateSecret", json!({"Name": "s", "ClientRequestToken": token, "SecretString": "v"})).await;
    assert_eq!(client.call("GetSecretValue", json!({"SecretId": "s"})).await.text("SecretString"), "v");
    client.call("GetSecretValue", json!({"SecretId": "none"})).await;
}

fn checked(arguments: &[&str], input: &str) -> String {
    let mut command = tool("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().expect("promtool");
    running.stdin.take().expect("its input").write_all(input.as_bytes()).expect("written");
    let output = running.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promtool_finds_nothing_wrong_with_the_figures() {
    let home = TempDir::new().expect("directory");
    let instance = watched(home.path(), "");
    busy(&instance).await;
    let told = figures(&instance);
    assert!(told.contains("operation=\"GetSecretValue\",result=\"ok\""), "{told}");
    assert_eq!(checked(&["check", "metrics"], &told), "");
}

#[test]
fn promtool_takes_the_alerts_and_each_fires_when_it_should() {
    let rules = alerts();
    checked(&["check", "rules", &rules.display().to_string()], "");
    let tests = fs::read_to_string(rules.with_file_name("alerts.test.yml")).expect("tests");
    for alert in named("alert: ") {
        assert!(tests.contains(&format!("alertname=\"{alert}\"")), "{alert} is not tested");
    }
    checked(&["test", "rules", &rules.with_file_name("alerts.test.yml").display().to_string()], "");
}

/// What stands behind `key` in the lines of the alert rules.
fn named(key: &str) -> Vec<String> {
    let text = fs::read_to_string(alerts()).expect("rules");
    let lines = text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix(key));
    lines.map(str::to_owned).collect()
}

/// The expressions of the alerts, in their order, each in one line.
fn expressions() -> Vec<String> {
    let text = fs::read_to_string(alerts()).expect("rules");
    let parts = text.split("expr: ").skip(1).map(|part| {
        let lines =
            part.lines().take_while(|line| !["for: ", "labels:"].iter().any(|key| line.trim().starts_with(key)));
        let words = lines.flat_map(str::split_whitespace).filter(|word| *word != ">-");
        words.collect::<Vec<_>>().join(" ").trim_matches('\'').to_owned()
    });
    parts.collect()
}

#[test]
fn each_alert_has_a_page_and_its_commands_exist() {
    let (names, pages) = (named("alert: "), named("runbook_url: "));
    assert_eq!(names.len(), pages.len());
    let index = fs::read_to_string(workspace().join("docs/runbooks/README.md")).expect("an index");
    let mut commands = BTreeSet::new();
    for ((name, page), expression) in names.iter().zip(&pages).zip(expressions()) {
        let text = fs::read_to_string(workspace().join(page)).unwrap_or_else(|_| panic!("{page} is there"));
        assert!(text.contains(&format!("Alert `{name}`")), "{page} is of {name}");
        let shown = text.split("```promql").nth(1).and_then(|rest| rest.split("```").next()).expect("an expression");
        assert_eq!(shown.split_whitespace().collect::<Vec<_>>().join(" "), expression, "{page}");
        let places: Vec<_> = HEADINGS.map(|heading| text.find(heading).unwrap_or_else(|| panic!("{heading}"))).into();
        assert!(places.is_sorted(), "{page}");
        let file = page.rsplit('/').next().expect("a file");
        assert!(index.contains(&format!("[{name}]({file})")), "{name} is in the index");
        let lines = text.split('`').filter_map(|code| code.strip_prefix("strongroom "));
        for line in lines {
            let words = line.split_whitespace().take_while(|word| !word.starts_with('-') && *word != "SECRET");
            commands.insert(words.map(str::to_owned).collect::<Vec<_>>());
        }
    }
    let there = fs::read_dir(workspace().join("docs/runbooks")).expect("pages").count();
    assert_eq!(there, pages.len() + 1, "a page that no alert names");
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let output = Command::new(instance::binary()).args(&command).arg("--help").output().expect("it runs");
        assert!(output.status.success(), "strongroom {command:?}: {}", said(&output));
    }
}

/// The names of figures in an expression.
fn names(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("strongroom_") || word.starts_with("process_")).map(str::to_owned).collect()
}

/// The panels of the dashboard, with their titles and expressions.
fn panels() -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(workspace().join("deploy/grafana/strongroom.json")).expect("a dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    for (key, value) in [("uid", json!("strongroom")), ("title", json!("Strongroom")), ("schemaVersion", json!(38))] {
        assert_eq!(dashboard[key], value);
    }
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let names: Vec<_> = variables.iter().map(|variable| variable["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["datasource", "instance"]);
    let (mut ids, mut taken, mut found) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for panel in dashboard["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title").to_owned();
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}: its id is taken");
        let at = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
        for (x, y) in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
            assert!(x < 24 && taken.insert((x, y)), "{title} overlaps at {x}, {y}");
        }
        let kind = panel["type"].as_str().expect("a type");
        assert!(["row", "stat", "timeseries"].contains(&kind), "{title}: {kind}");
        if kind == "row" {
            continue;
        }
        assert_eq!(panel["datasource"], json!({"type": "prometheus", "uid": "${datasource}"}), "{title}");
        let targets = panel["targets"].as_array().expect("targets").iter();
        let expressions: Vec<_> = targets.map(|target| target["expr"].as_str().expect("one").to_owned()).collect();
        assert!(!expressions.is_empty(), "{title}");
        found.push((title, expressions));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_and_dashboard_ask_for_figures_that_exist() {
    let home = TempDir::new().expect("directory");
    let instance = watched(home.path(), SINK);
    busy(&instance).await;
    let rules = fs::read_to_string(alerts()).expect("rules");
    let pages = fs::read_dir(workspace().join("docs/runbooks")).expect("pages");
    let pages = pages.map(|page| fs::read_to_string(page.expect("one").path()).expect("text")).collect::<String>();
    let wanted = &names(&rules) | &names(&pages);
    // Those that cost a look are there soon after the start.
    let began = Instant::now();
    let mut told = families(&figures(&instance));
    while wanted.iter().any(|name| !is_among(&told, name)) && began.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        told = families(&figures(&instance));
    }
    let is_there = |name: &str| is_among(&told, name);
    for name in &wanted {
        assert!(is_there(name), "alerts or pages: {name} is not told");
    }
    let pages = ["observability.md", "backups.md", "sinks.md"].map(|page| workspace().join("docs").join(page));
    let pages = pages.map(|page| fs::read_to_string(page).expect("text")).concat();
    for family in &told {
        assert!(pages.contains(&format!("`{family}`")), "{family} is not in the documents");
    }
    let mut checks = "groups:\n- name: panels\n  rules:\n".to_owned();
    for (title, expressions) in panels() {
        for expression in expressions {
            for name in names(&expression) {
                assert!(is_there(&name), "{title}: {name} is not told");
            }
            let expression = expression.replace("$__rate_interval", "5m").replace("$instance", ".*");
            checks += &format!(
                "  - record: panel\n    expr: {}\n    labels: {{at: {:?}}}\n",
                json!(expression),
                expression.len()
            );
        }
    }
    let file = home.path().join("panels.yml");
    fs::write(&file, checks).expect("written");
    checked(&["check", "rules", "--lint=none", &file.display().to_string()], "");
}

/// The names of the families among figures.
fn families(figures: &str) -> BTreeSet<String> {
    figures.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next().map(str::to_owned)).collect()
}

fn is_among(families: &BTreeSet<String>, name: &str) -> bool {
    let mut parts = ["_bucket", "_sum", "_count"].iter().filter_map(|end| name.strip_suffix(end));
    families.contains(name) || parts.any(|part| families.contains(part))
}

/// A Prometheus that is ended with its test.
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn asked(authority: &str, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(authority).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {authority}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_scrapes_a_server_and_an_alert_fires() {
    let home = TempDir::new().expect("directory");
    let instance = watched(home.path(), "");
    busy(&instance).await;
    let target = instance.url().strip_prefix("http://").expect("plain HTTP");
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{}]\nscrape_configs:\n- job_name: \
         strongroom\n  static_configs: [{{targets: ['{target}']}}]\n",
        alerts().canonicalize().expect("rules").display()
    );
    let file = home.path().join("prometheus.yml");
    fs::write(&file, config).expect("written");
    let mut command = tool("prometheus");
    command.arg(format!("--config.file={}", file.display()));
    command.arg(format!("--storage.tsdb.path={}", home.path().join("tsdb").display()));
    command.args(["--web.listen-address=127.0.0.1:0", "--log.level=info"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("prometheus");
    let stderr = child.stderr.take().expect("its log");
    let _running = Prometheus(child);
    let (tell, told) = std::sync::mpsc::channel();
    // Read to its end, so that it never waits for its log to be read.
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some(address) = line.split("\"Listening on\" address=").nth(1) {
                let _ = tell.send(address.trim().to_owned());
            }
        }
    });
    let address = told.recv_timeout(Duration::from_secs(60)).expect("its address");
    let began = Instant::now();
    let waited = |what: &str| assert!(began.elapsed() < Duration::from_secs(300), "{what}");
    let scraped = |query: &str| {
        let answer = asked(&address, &format!("/api/v1/query?query={query}"))?;
        answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    };
    while scraped("strongroom_deleted_secret_reads_total").as_deref() != Some("0") {
        waited("it has scraped");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let client = instance.raw();
    client.call("DeleteSecret", json!({"SecretId": "s", "RecoveryWindowInDays": 7})).await;
    assert_eq!(client.call("GetSecretValue", json!({"SecretId": "s"})).await.code(), "InvalidRequestException");
    let firing = || {
        let answer = asked(&address, "/api/v1/alerts")?;
        let alerts = answer["data"]["alerts"].as_array()?.clone();
        alerts.into_iter().find(|alert| alert["state"] == "firing" && alert["labels"]["instance"] == target)
    };
    let alert = loop {
        if let Some(alert) = firing() {
            break alert;
        }
        waited("the alert fires");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(alert["labels"]["alertname"], "StrongroomDeletedSecretRead");
    assert_eq!(alert["annotations"]["runbook_url"], "docs/runbooks/deleted-secret-read.md");
    let targets = asked(&address, "/api/v1/targets").expect("targets");
    assert_eq!(targets["data"]["activeTargets"][0]["health"], "up", "{targets}");
}
