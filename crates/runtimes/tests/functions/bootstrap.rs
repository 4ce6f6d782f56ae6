//! Functions that bring their own program: `provided.al2023` with a shell script that speaks the Runtime API with curl.

use serde_json::json;
use strongroom_runtimes::{Failure, Runtimes};

use crate::house::{Function, json, log, settings};

#[tokio::test]
async fn a_script_answers_again_and_again() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::shell(
        "n=0\nwhile next; do\n  n=$((n+1)); echo \"event $event\"; answer \"{\\\"n\\\":$n,\\\"handler\\\":\\\"$_HANDLER\\\"}\"\ndone\n",
    );
    for n in 1..=3 {
        let answer = function.run(&runtimes, &json!({"a": n})).await.unwrap();
        assert_eq!(json(&answer), json!({"n": n, "handler": "index.handler"}), "{}", log(&answer));
        assert!(log(&answer).contains(&format!("event {{\"a\":{n}}}\n")), "{}", log(&answer));
    }
    runtimes.stop().await;
}

#[tokio::test]
async fn code_without_bootstrap_is_told_in_lambdas_words() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::of("provided.al2023", "main", "");
    let failed = function.run(&runtimes, &json!({})).await.unwrap();
    assert_eq!(json(&failed)["errorType"], "Runtime.InvalidEntrypoint");
    assert_eq!(failed.function_error, Some("Unhandled"));
    runtimes.stop().await;
}

#[tokio::test]
async fn a_start_that_fails_or_hangs_is_answered() {
    let mut settings = settings();
    settings.init_ms = 500;
    let runtimes = Runtimes::new(settings).unwrap();
    let failed = Function::shell("echo broken >&2\nexit 7\n").run(&runtimes, &json!({})).await.unwrap();
    let message = json(&failed)["errorMessage"].to_string();
    assert!(message.contains("Runtime exited with error: exit status 7"), "{message}");
    assert!(log(&failed).contains("broken\n"), "{}", log(&failed));

    let mut hanging = Function::shell("sleep 60\n");
    hanging.job.timeout_seconds = 1;
    let failed = hanging.run(&runtimes, &json!({})).await.unwrap();
    assert!(json(&failed)["errorMessage"].as_str().unwrap().ends_with("Task timed out after 1.00 seconds"));

    let own = Function::shell(
        "curl -sS -d '{\"errorType\":\"My.Error\",\"errorMessage\":\"not today\"}' $api/init/error\nsleep 60\n",
    );
    let failed = own.run(&runtimes, &json!({})).await.unwrap();
    assert_eq!(json(&failed)["errorType"], "My.Error");
    runtimes.stop().await;
}

#[tokio::test]
async fn wrong_calls_of_the_api_are_refused_and_harm_nothing() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::shell(
        "next\nstatus() { curl -s -o /dev/null -w '%{http_code} ' \"$@\"; }\n\
         all=$(status -d x $api/invocation/other/response; status $api/invocation/next; status -d x $api/init/error; \
         status $api/nothing; status -X DELETE $api/invocation/next)\nanswer \"\\\"$all\\\"\"\n\
         twice=$(status -d y $api/invocation/$id/response)\nnext\nanswer \"\\\"$twice\\\"\"\n",
    );
    let answer = function.run(&runtimes, &json!({})).await.unwrap();
    assert_eq!(json(&answer), "400 403 403 404 404 ", "{}", log(&answer));
    assert_eq!(json(&function.run(&runtimes, &json!({})).await.unwrap()), "400 ");
    runtimes.stop().await;
}

#[tokio::test]
async fn what_is_printed_is_kept_to_the_last_4_kib() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::shell("next\nseq 1 100000\necho last words >&2\nanswer 1\nsleep 60\n");
    let answer = function.run(&runtimes, &json!({})).await.unwrap();
    let text = log(&answer);
    assert!(text.len() <= 4096 && text.contains("\n100000\nlast words\nEND RequestId: "), "{text}");
    runtimes.stop().await;
}

#[tokio::test]
async fn other_runtimes_are_refused_with_a_reason() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let failure = Function::of("java21", "x", "").run(&runtimes, &json!({})).await.err().unwrap();
    assert!(matches!(&failure, Failure::Unsupported { .. }));
    assert_eq!(
        failure.to_string(),
        "the runtime java21 cannot run here: python3.N, nodejsN.x, provided.al2 and provided.al2023 can"
    );
    let mut none = settings();
    none.runtimes = None;
    let without = Runtimes::new(none).unwrap();
    assert!(without.check("python3.12").unwrap_err().to_string().contains("scripts/install-runtimes"));
    assert!(without.check("provided.al2023").is_ok());
    let broken = Function::of("provided.al2023", "../bootstrap", "");
    assert!(matches!(broken.run(&without, &json!({})).await, Err(Failure::Code(_))));
    runtimes.stop().await;
}
