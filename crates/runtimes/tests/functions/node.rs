//! Node.js functions through AWS's own client of the Runtime API.

use serde_json::json;
use strongroom_runtimes::Runtimes;

use crate::house::{Function, json, log, settings};

#[tokio::test]
async fn a_function_answers_fails_and_is_kept() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::of(
        "nodejs20.x",
        "index.mjs",
        "let count = 0;\nexport const handler = async (event, context) => {\n  console.log('hello', event.name);\n  \
         if (event.bad) throw new TypeError('no good');\n  count += 1;\n  \
         return { count, name: context.functionName, files: process.env.LAMBDA_TASK_ROOT };\n};\n",
    );
    let first = function.run(&runtimes, &json!({"name": "one"})).await.unwrap();
    assert_eq!(first.function_error, None, "{}", log(&first));
    assert_eq!(json(&first), json!({"count": 1, "name": function.job.function_name, "files": "/var/task"}));
    assert!(log(&first).contains("hello one\n"), "{}", log(&first));
    let failed = function.run(&runtimes, &json!({"bad": true})).await.unwrap();
    assert_eq!(failed.function_error, Some("Unhandled"));
    assert_eq!(json(&failed)["errorType"], "TypeError");
    assert_eq!(json(&failed)["errorMessage"], "no good");
    assert_eq!(json(&function.run(&runtimes, &json!({})).await.unwrap())["count"], 2);
    runtimes.stop().await;
}
