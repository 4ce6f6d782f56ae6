//! What the tests share: runtimes with modest settings, zip archives, jobs.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use strongroom_runtimes::{CodeSource, Credentials, Failure, Invoked, Job, Runtimes, Settings};
use strongroom_types::{Clock, SecretText, SystemClock};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// An archive as the code of a function.
#[derive(Clone)]
pub struct Zip(pub Vec<u8>);

impl CodeSource for Zip {
    async fn zip(&self) -> Result<Vec<u8>, Failure> {
        Ok(self.0.clone())
    }
}

/// A function: its archive and the job that everything is made of.
#[derive(Clone)]
pub struct Function {
    pub zip: Zip,
    pub job: Job,
}

impl Function {
    /// A function whose code is one file.
    pub fn of(runtime: &str, file: &str, text: &str) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file(file, SimpleFileOptions::default().unix_permissions(0o755)).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        let zip = Zip(writer.finish().unwrap().into_inner());
        let now = SystemClock.now();
        let job = Job {
            function_arn: format!("arn:aws:lambda:eu-west-1:123456789012:function:f{number}"),
            function_name: format!("f{number}"),
            version: "$LATEST".into(),
            runtime: runtime.into(),
            handler: "index.handler".into(),
            environment: BTreeMap::new(),
            memory_mb: 256,
            timeout_seconds: 30,
            region: "eu-west-1".into(),
            code_sha256: format!("code-{number}"),
            credentials: Credentials {
                access_key_id: "ASIAEXAMPLE".into(),
                secret_access_key: SecretText::new("the-secret-key".into()),
                session_token: SecretText::new("the-token".into()),
                expires: now.plus_millis(3_600_000),
            },
            role_arn: "arn:aws:iam::123456789012:role/runs".into(),
            endpoint_url: "http://127.0.0.1:9".into(),
            ca_bundle: None,
            payload: b"{}".to_vec().into(),
            request_id: String::new(),
            client_context: None,
        };
        Self { zip, job }
    }

    /// Python with this text as `index.py`.
    pub fn python(text: &str) -> Self {
        Self::of("python3.12", "index.py", text)
    }

    /// A shell script as `bootstrap`, with `next` and `answer ID TEXT` defined.
    pub fn shell(text: &str) -> Self {
        let head = r#"#!/bin/bash
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
next() {
  local head; head=$(mktemp)
  event=$(curl -sS -D "$head" "$api/invocation/next")
  id=$(tr -d '\r' < "$head" | sed -n 's/^lambda-runtime-aws-request-id: //Ip')
  deadline=$(tr -d '\r' < "$head" | sed -n 's/^lambda-runtime-deadline-ms: //Ip')
}
answer() { curl -sS -o /dev/null --data-binary "$1" "$api/invocation/$id/response"; }
"#;
        Self::of("provided.al2023", "bootstrap", &format!("{head}{text}"))
    }

    /// Runs it with this event and a new request id.
    pub async fn run(&self, runtimes: &Runtimes, event: &Value) -> Result<Invoked, Failure> {
        runtimes.invoke(self.asked(event), self.zip.clone()).await
    }

    /// The job with this event and a new request id.
    pub fn asked(&self, event: &Value) -> Job {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let mut job = self.job.clone();
        job.request_id = format!("00000000-0000-4000-8000-{number:012x}");
        job.payload = event.to_string().into_bytes().into();
        job
    }
}

/// The JSON that a function answered.
pub fn json(invoked: &Invoked) -> Value {
    serde_json::from_slice(invoked.payload.expose()).unwrap()
}

/// What it printed.
pub fn log(invoked: &Invoked) -> String {
    String::from_utf8_lossy(invoked.log_tail.expose()).into_owned()
}

/// Settings for tests: with the runtimes that are installed once, and the launcher of this crate.
pub fn settings() -> Settings {
    static RUNTIMES: OnceLock<PathBuf> = OnceLock::new();
    let runtimes = RUNTIMES.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        let status = Command::new(workspace.join("scripts/install-runtimes"))
            .args(["target/runtimes", "python", "node"])
            .status()
            .unwrap();
        assert!(status.success(), "scripts/install-runtimes");
        workspace.join("target/runtimes")
    });
    let mut settings = Settings::new(vec![launcher().into()], Arc::new(SystemClock));
    settings.runtimes = Some(runtimes.clone());
    // The machine may be busy.
    settings.init_ms = 60_000;
    settings.queue_ms = 60_000;
    settings
}

/// The example `launcher`, which `cargo test` builds only when it is not told what to test.
fn launcher() -> PathBuf {
    static LAUNCHER: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let arguments = ["build", "--quiet", "-p", "strongroom-runtimes", "--example", "launcher"];
        let status =
            Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
        assert!(status.success());
        let own = std::env::current_exe().unwrap();
        own.parent().and_then(Path::parent).unwrap().join("examples/launcher")
    };
    LAUNCHER.get_or_init(build).clone()
}
