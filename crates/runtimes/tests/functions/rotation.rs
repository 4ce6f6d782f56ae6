//! The rotation function of `tests/rotation-function`, unchanged, against a few operations of Secrets Manager.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use strongroom_runtimes::Runtimes;

use crate::house::{Function, json, log, settings};

/// A rotation token.
const PROOF: &str = "22222222-2222-4222-8222-222222222222";

/// One secret: its versions' values and labels.
#[derive(Default)]
struct Secret {
    values: BTreeMap<String, Value>,
    labels: BTreeMap<String, Vec<String>>,
    calls: Vec<String>,
}

impl Secret {
    fn with(&self, label: &str) -> Option<String> {
        self.labels.iter().find(|(_, labels)| labels.iter().any(|l| l == label)).map(|(version, _)| version.clone())
    }

    fn answer(&mut self, operation: &str, input: &Value) -> Result<Value, &'static str> {
        self.calls.push(operation.to_owned());
        let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
        match operation {
            "DescribeSecret" => Ok(json!({"ARN": "arn", "RotationEnabled": true, "VersionIdsToStages": self.labels})),
            "GetRandomPassword" => {
                Ok(json!({"RandomPassword": "n".repeat(input["PasswordLength"].as_u64().unwrap() as usize)}))
            }
            "GetSecretValue" => {
                let version =
                    input["VersionId"].as_str().map(str::to_owned).or_else(|| self.with(&text("VersionStage")));
                let value = version.and_then(|version| self.values.get(&version)).ok_or("ResourceNotFoundException")?;
                Ok(json!({"SecretString": value}))
            }
            "PutSecretValue" => {
                assert_eq!(input["RotationToken"], PROOF);
                self.values.insert(text("ClientRequestToken"), input["SecretString"].clone());
                Ok(json!({}))
            }
            "UpdateSecretVersionStage" => {
                self.labels.insert(text("RemoveFromVersionId"), vec!["AWSPREVIOUS".into()]);
                self.labels.insert(text("MoveToVersionId"), vec!["AWSCURRENT".into()]);
                Ok(json!({}))
            }
            other => panic!("{other}"),
        }
    }
}

fn converse(mut stream: TcpStream, secret: &Mutex<Secret>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let (mut operation, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let (name, value) = line.trim_end().split_once(": ").unwrap_or_default();
            match name.to_lowercase().as_str() {
                "x-amz-target" => operation = value.rsplit('.').next().unwrap_or_default().to_owned(),
                "content-length" => length = value.parse().unwrap(),
                _ if line == "\r\n" => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let (status, answer) = match secret.lock().unwrap().answer(&operation, &serde_json::from_slice(&body).unwrap())
        {
            Ok(answer) => ("200 OK", answer),
            Err(code) => ("400 Bad Request", json!({"__type": code, "Message": code})),
        };
        let answer = answer.to_string();
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len())?;
    }
}

#[tokio::test]
async fn the_four_steps_rotate_and_may_be_repeated() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let secret = Arc::new(Mutex::new(Secret::default()));
    let (token, old) = ("11111111-1111-4111-8111-111111111111", "00000000-0000-4000-8000-000000000000");
    {
        let mut secret = secret.lock().unwrap();
        secret.values.insert(old.into(), json!(r#"{"user": "u", "password": "old"}"#));
        secret.labels.insert(old.into(), vec!["AWSCURRENT".into()]);
        secret.labels.insert(token.into(), vec!["AWSPENDING".into()]);
    }
    let served = Arc::clone(&secret);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let secret = Arc::clone(&served);
            std::thread::spawn(move || converse(stream, &secret));
        }
    });

    let runtimes = Runtimes::new(settings()).unwrap();
    let text = include_str!("../../../../tests/rotation-function/rotate.py");
    let mut function = Function::of("python3.13", "rotate.py", text);
    function.job.handler = "rotate.handler".into();
    function.job.endpoint_url = endpoint;
    for step in ["createSecret", "createSecret", "setSecret", "testSecret", "finishSecret", "finishSecret"] {
        let event = json!({"SecretId": "s", "ClientRequestToken": token, "Step": step, "RotationToken": PROOF});
        let answer = function.run(&runtimes, &event).await.unwrap();
        assert_eq!((answer.function_error, json(&answer)), (None, Value::Null), "{step}: {}", log(&answer));
        assert!(log(&answer).contains("[INFO]") && !log(&answer).contains("nnnn"), "{}", log(&answer));
    }
    let failed = function
        .run(&runtimes, &json!({"SecretId": "s", "ClientRequestToken": "x", "Step": "setSecret"}))
        .await
        .unwrap();
    assert_eq!(json(&failed)["errorMessage"], "s has no version x");
    runtimes.stop().await;

    let secret = secret.lock().unwrap();
    assert_eq!(secret.with("AWSCURRENT").as_deref(), Some(token));
    assert_eq!(secret.with("AWSPREVIOUS").as_deref(), Some(old));
    let value: Value = serde_json::from_str(secret.values[token].as_str().unwrap()).unwrap();
    assert_eq!(value, json!({"user": "u", "password": "n".repeat(32)}));
    assert_eq!(secret.calls.iter().filter(|call| *call == "PutSecretValue").count(), 1);
}
