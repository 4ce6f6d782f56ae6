//! Python functions through AWS's own client of the Runtime API.

use serde_json::json;
use strongroom_runtimes::Runtimes;

use crate::house::{Function, json, log, settings};

#[tokio::test]
async fn a_function_answers_and_its_process_is_kept() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::python(
        "import os\nprint('starting')\ncount = 0\ndef handler(event, context):\n  global count\n  count += 1\n  print('hello', event['name'])\n  \
         return {'count': count, 'pid': os.getpid(), 'name': context.function_name, 'id': context.aws_request_id, \
         'arn': context.invoked_function_arn, 'ms': context.get_remaining_time_in_millis()}\n",
    );
    let first = function.run(&runtimes, &json!({"name": "one"})).await.unwrap();
    assert_eq!(first.function_error, None, "{}", log(&first));
    let answer = json(&first);
    assert_eq!(answer["count"], 1);
    assert_eq!(answer["name"], function.job.function_name.as_str());
    assert_eq!(answer["arn"], function.job.function_arn.as_str());
    let left = answer["ms"].as_i64().unwrap();
    assert!((1..=30_000).contains(&left), "{left}");
    let text = log(&first);
    let id = answer["id"].as_str().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "starting");
    assert_eq!(lines[1], format!("START RequestId: {id} Version: $LATEST"));
    assert_eq!(lines[2], "hello one");
    assert_eq!(lines[3], format!("END RequestId: {id}"));
    assert!(lines[4].starts_with(&format!("REPORT RequestId: {id}\tDuration: ")), "{text}");
    assert!(
        lines[4].contains("Memory Size: 256 MB\tMax Memory Used: ") && lines[4].contains("Init Duration: "),
        "{text}"
    );
    assert!(first.init_duration_ms.is_some());

    let second = function.run(&runtimes, &json!({"name": "two"})).await.unwrap();
    assert_eq!(json(&second)["count"], 2, "the same process");
    assert!(log(&second).starts_with("START") && !log(&second).contains("Init Duration"), "{}", log(&second));
    assert_eq!(second.init_duration_ms, None);
    runtimes.stop().await;
}

#[tokio::test]
async fn an_exception_is_the_answer_and_the_process_is_kept() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::python(
        "import os\ndef handler(event, context):\n  if event.get('bad'): raise ValueError('no good')\n  return os.getpid()\n",
    );
    let before = json(&function.run(&runtimes, &json!({})).await.unwrap());
    let failed = function.run(&runtimes, &json!({"bad": true})).await.unwrap();
    assert_eq!(failed.function_error, Some("Unhandled"));
    let error = json(&failed);
    assert_eq!(error["errorMessage"], "no good");
    assert_eq!(error["errorType"], "ValueError");
    assert!(error["stackTrace"][0].as_str().unwrap().contains("/var/task/index.py"), "{error}");
    assert!(log(&failed).contains("[ERROR] ValueError: no good"), "{}", log(&failed));
    assert_eq!(json(&function.run(&runtimes, &json!({})).await.unwrap()), before);
    runtimes.stop().await;
}

#[tokio::test]
async fn code_that_cannot_be_imported_is_told_in_lambdas_words() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::python("import nothing_of_that_name\n");
    let failed = function.run(&runtimes, &json!({})).await.unwrap();
    assert_eq!(failed.function_error, Some("Unhandled"));
    let error = json(&failed);
    assert_eq!(error["errorType"], "Runtime.ImportModuleError");
    assert_eq!(error["errorMessage"], "Unable to import module 'index': No module named 'nothing_of_that_name'");
    let mut missing = Function::python("x = 1\n");
    missing.job.handler = "index.other".into();
    assert_eq!(json(&missing.run(&runtimes, &json!({})).await.unwrap())["errorType"], "Runtime.HandlerNotFound");
    runtimes.stop().await;
}

#[tokio::test]
async fn a_process_that_ends_is_replaced() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::python(
        "import os, sys, signal\ndef handler(event, context):\n  end = event.get('end')\n  if end == 'exit': sys.exit(3)\n  \
         if end == 'kill': os.kill(os.getpid(), signal.SIGKILL)\n  if end == 'now': os._exit(0)\n  return 'well'\n",
    );
    for (end, said) in [
        ("exit", "Runtime exited with error: exit status 3"),
        ("kill", "Runtime exited with error: signal: killed"),
        ("now", "Runtime exited without providing a reason"),
    ] {
        let failed = function.run(&runtimes, &json!({"end": end})).await.unwrap();
        assert_eq!(failed.function_error, Some("Unhandled"));
        let error = json(&failed);
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.starts_with("RequestId: 00000000-") && message.ends_with(said), "{message}");
        assert_eq!(error["errorType"], "Runtime.ExitError");
        assert_eq!(json(&function.run(&runtimes, &json!({})).await.unwrap()), "well");
    }
    runtimes.stop().await;
}

#[tokio::test]
async fn a_time_out_ends_the_process() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let mut function = Function::python(
        "import os, time\ndef handler(event, context):\n  if event.get('slow'): print('sleeping'); time.sleep(60)\n  return os.getpid()\n",
    );
    function.job.timeout_seconds = 1;
    let failed = function.run(&runtimes, &json!({"slow": true})).await.unwrap();
    assert_eq!(failed.function_error, Some("Unhandled"));
    let error = json(&failed);
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.ends_with(" Task timed out after 1.00 seconds"), "{message}");
    assert_eq!(error.as_object().unwrap().len(), 1);
    assert!(log(&failed).contains("sleeping\n") && log(&failed).contains(message), "{}", log(&failed));
    assert!((1000..10_000).contains(&failed.duration_ms), "{}", failed.duration_ms);
    assert_eq!(function.run(&runtimes, &json!({})).await.unwrap().function_error, None);
    runtimes.stop().await;
}

#[tokio::test]
async fn answers_are_bounded_as_on_lambda() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::python("def handler(event, context):\n  return 'x' * event['bytes']\n");
    let whole = function.run(&runtimes, &json!({"bytes": 6_291_554})).await.unwrap();
    assert_eq!((whole.function_error, whole.payload.len()), (None, 6_291_556));
    let failed = function.run(&runtimes, &json!({"bytes": 6_291_555})).await.unwrap();
    assert_eq!(failed.function_error, Some("Unhandled"));
    assert_eq!(
        json(&failed),
        json!({
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
        })
    );
    // Events of that size arrive too.
    let length = Function::python("def handler(event, context):\n  return len(event['text'])\n");
    let answer = length.run(&runtimes, &json!({"text": "y".repeat(6_000_000)})).await.unwrap();
    assert_eq!(json(&answer), 6_000_000);
    runtimes.stop().await;
}

#[tokio::test]
async fn memory_is_bounded() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let mut function = Function::python(
        "import time\ndef handler(event, context):\n  held = b'x' * (event['mb'] << 20)\n  time.sleep(event['seconds'])\n  return len(held)\n",
    );
    function.job.memory_mb = 128;
    let well = function.run(&runtimes, &json!({"mb": 40, "seconds": 1})).await.unwrap();
    assert_eq!(well.function_error, None, "{}", log(&well));
    assert!((40..=128).contains(&well.memory_used_mb), "{}", well.memory_used_mb);
    let failed = function.run(&runtimes, &json!({"mb": 300, "seconds": 20})).await.unwrap();
    assert_eq!(failed.function_error, Some("Unhandled"));
    assert!(json(&failed)["errorMessage"].as_str().unwrap().ends_with("signal: killed"), "{}", log(&failed));
    assert_eq!(failed.note.as_deref(), Some("the function had more than its 128 MB of memory"));
    runtimes.stop().await;
}

#[tokio::test]
async fn calls_at_the_same_time_have_processes_of_their_own() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::python(
        "import os, time\nlife = os.urandom(8).hex()\ndef handler(event, context):\n  time.sleep(event['seconds'])\n  return life\n",
    );
    let event = json!({"seconds": 1.5});
    let (a, b, c) =
        tokio::join!(function.run(&runtimes, &event), function.run(&runtimes, &event), function.run(&runtimes, &event));
    let mut lives: Vec<_> = [a, b, c].map(|ran| json(&ran.unwrap()).to_string()).into();
    lives.sort();
    lives.dedup();
    assert_eq!(lives.len(), 3);
    let again = json(&function.run(&runtimes, &json!({"seconds": 0})).await.unwrap()).to_string();
    assert!(lives.contains(&again), "a kept process");
    runtimes.stop().await;
}

#[tokio::test]
async fn the_number_of_processes_is_bounded() {
    let mut settings = settings();
    settings.instances_max = 1;
    settings.queue_ms = 300;
    let runtimes = Runtimes::new(settings).unwrap();
    let slow = Function::python("import time\ndef handler(event, context):\n  time.sleep(3)\n");
    let other = Function::python("def handler(event, context):\n  return 'other'\n");
    let nothing = json!({});
    let later = async {
        tokio::time::sleep(std::time::Duration::from_millis(1000)).await;
        other.run(&runtimes, &nothing).await
    };
    let (first, second) = tokio::join!(slow.run(&runtimes, &nothing), later);
    assert_eq!(first.unwrap().function_error, None);
    assert!(matches!(second, Err(strongroom_runtimes::Failure::Busy)));
    // The kept process makes room for another function's.
    assert_eq!(json(&other.run(&runtimes, &nothing).await.unwrap()), "other");
    runtimes.stop().await;
}

#[tokio::test]
async fn boto3_inside_signs_with_the_roles_credentials_and_calls_this_server() {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stub = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).unwrap();
        }
        let length =
            head.to_lowercase().split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let answer = r#"{"Name":"n","RotationEnabled":true}"#;
        let start = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        stream.write_all((start + answer).as_bytes()).unwrap();
        head + &String::from_utf8(body).unwrap()
    });
    let runtimes = Runtimes::new(settings()).unwrap();
    let mut function = Function::python(
        "import boto3, os\nclient = boto3.client('secretsmanager')\nold = boto3.client('secretsmanager', endpoint_url=os.environ['SECRETS_MANAGER_ENDPOINT'])\n\
         assert old.meta.endpoint_url == client.meta.endpoint_url\ndef handler(event, context):\n  return client.describe_secret(SecretId='s')['RotationEnabled']\n",
    );
    function.job.endpoint_url = format!("http://{address}");
    let answer = function.run(&runtimes, &json!({})).await.unwrap();
    assert_eq!(json(&answer), true, "{}", log(&answer));
    let request = stub.join().unwrap();
    assert!(
        request.contains("X-Amz-Target: secretsmanager.DescribeSecret") && request.ends_with(r#"{"SecretId": "s"}"#),
        "{request}"
    );
    assert!(
        request.contains("Credential=ASIAEXAMPLE/") && request.contains("/eu-west-1/secretsmanager/aws4_request"),
        "{request}"
    );
    assert!(request.contains("X-Amz-Security-Token: the-token"), "{request}");
    runtimes.stop().await;
}

#[tokio::test]
async fn a_process_does_not_outlive_its_credentials_or_its_configuration() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let mut function = Function::python(
        "import os\nlife = os.urandom(8).hex()\ndef handler(event, context):\n  return [life, os.environ.get('GREETING')]\n",
    );
    let soon = function.job.credentials.expires;
    let first = json(&function.run(&runtimes, &json!({})).await.unwrap());
    assert_eq!(json(&function.run(&runtimes, &json!({})).await.unwrap()), first);
    // The time-out would reach beyond the end of the credentials that the kept process has.
    function.job.timeout_seconds = 3_590;
    function.job.credentials.expires = soon.plus_millis(3_600_000);
    let second = json(&function.run(&runtimes, &json!({})).await.unwrap());
    assert_ne!(second, first);
    function.job.environment.insert("GREETING".into(), strongroom_types::SecretText::new("hello".into()));
    let third = json(&function.run(&runtimes, &json!({})).await.unwrap());
    assert_ne!(third[0], second[0]);
    assert_eq!(third[1], "hello");
    runtimes.retire(&function.job.function_arn).await;
    let fourth = json(&function.run(&runtimes, &json!({})).await.unwrap());
    assert_ne!(fourth[0], third[0], "retired");
    runtimes.stop().await;
    assert!(matches!(function.run(&runtimes, &json!({})).await, Err(strongroom_runtimes::Failure::Stopped)));
}

#[tokio::test]
async fn the_client_context_arrives() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::python("def handler(event, context):\n  return context.client_context.custom\n");
    let mut job = function.asked(&json!({}));
    job.client_context = Some(r#"{"custom":{"a":"b"}}"#.into());
    let answer = runtimes.invoke(job, function.zip.clone()).await.unwrap();
    assert_eq!(json(&answer), json!({"a": "b"}), "{}", log(&answer));
    runtimes.stop().await;
}

#[tokio::test]
async fn free_processes_are_ended() {
    let mut settings = settings();
    settings.idle_ms = 200;
    let runtimes = Runtimes::new(settings).unwrap();
    let function =
        Function::python("import os\nlife = os.urandom(8).hex()\ndef handler(event, context):\n  return life\n");
    let first = json(&function.run(&runtimes, &json!({})).await.unwrap());
    let mut changed = false;
    for _ in 0..20 {
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        changed = json(&function.run(&runtimes, &json!({})).await.unwrap()) != first;
        if changed {
            break;
        }
    }
    assert!(changed);
    runtimes.stop().await;
}
