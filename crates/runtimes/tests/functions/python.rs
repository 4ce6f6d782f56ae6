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
