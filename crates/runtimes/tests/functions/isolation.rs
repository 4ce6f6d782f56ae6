//! What a function sees of the machine, and that nothing of it is left.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use strongroom_runtimes::{Failure, Isolation, Runtimes, User};

use crate::house::{Function, json, log, settings};

/// The numbers of processes whose command line holds `mark`.
fn with_mark(mark: &str) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(mark)
        })
        .collect()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..300 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}");
}

#[tokio::test]
async fn a_function_sees_its_code_and_the_system_alone() {
    let data = tempfile::tempdir().unwrap();
    let planted = data.path().join("store.db");
    std::fs::write(&planted, "secret").unwrap();
    let mut closed = settings();
    closed.isolation = Isolation::Required;
    let runtimes = Runtimes::new(closed).unwrap();
    assert!(runtimes.is_isolated());
    let function = Function::python(
        "import os\ndef links():\n  for n in os.listdir('/proc/self/fd'):\n    try: yield os.readlink('/proc/self/fd/' + n)\n    except OSError: pass\n\
         def handler(event, context):\n  def tried(f):\n    try: f()\n    except OSError as e: return type(e).__name__\n    return 'done'\n  \
         return {'planted': os.path.exists(event['planted']), 'pids': len([p for p in os.listdir('/proc') if p.isdigit()]),\n    \
         'code': tried(lambda: open('/var/task/x', 'w')), 'usr': tried(lambda: open('/usr/x', 'w')), 'tmp': tried(lambda: open('/tmp/kept', 'w')),\n    \
         'seen': sorted(os.listdir('/tmp')), 'task': os.listdir('/var/task'), 'cwd': os.getcwd(), 'uid': os.getuid(),\n    \
         'fds': sorted(links()), 'mount': tried(lambda: os.chroot('/tmp')), 'kill': tried(lambda: os.kill(event['server'], 0))}\n",
    );
    let event = json!({"planted": planted, "server": std::process::id()});
    let answer = function.run(&runtimes, &event).await.unwrap();
    let seen = json(&answer);
    assert_eq!(seen["planted"], false, "{seen}");
    assert!(seen["pids"].as_u64().unwrap() <= 3, "{seen}");
    assert_eq!((&seen["code"], &seen["tmp"]), (&json!("OSError"), &json!("done")), "{seen}");
    assert_ne!(seen["usr"], "done", "{seen}");
    assert_eq!(seen["mount"], "PermissionError", "{seen}");
    assert_eq!(seen["kill"], "ProcessLookupError", "{seen}");
    assert_eq!(seen["seen"], json!(["kept"]), "{seen}");
    assert_eq!(seen["task"], json!(["index.py"]), "{seen}");
    assert_eq!((&seen["cwd"], &seen["uid"]), (&json!("/var/task"), &json!(993)), "{seen}");
    // Its own input and output, and what AWS's client opens; nothing that the server has open.
    let open: Vec<&str> = seen["fds"].as_array().unwrap().iter().filter_map(|link| link.as_str()).collect();
    let own = |link: &&str| ["pipe:", "socket:", "/dev/null"].iter().any(|kind| link.starts_with(kind));
    assert!(open.iter().all(own) && open.len() <= 7, "{open:?}");
    assert!(!std::path::Path::new("/tmp/kept").exists());
    runtimes.stop().await;
}

#[tokio::test]
async fn the_environment_is_lambdas_and_the_functions_own() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let mut function = Function::python("import os\ndef handler(event, context):\n  return dict(os.environ)\n");
    let text = |text: &str| strongroom_types::SecretText::new(text.to_owned());
    function.job.environment.extend([
        ("EXCLUDE_CHARACTERS".to_owned(), text("/@\"'\\")),
        ("AWS_REGION".to_owned(), text("elsewhere")),
        ("LANG".to_owned(), text("de_DE.UTF-8")),
        ("LD_PRELOAD".to_owned(), text("/nonexistent.so")),
    ]);
    let answer = function.run(&runtimes, &json!({})).await.unwrap();
    let seen = json(&answer);
    assert_eq!(seen["EXCLUDE_CHARACTERS"], "/@\"'\\");
    assert_eq!(seen["AWS_REGION"], "eu-west-1");
    assert_eq!(seen["AWS_LAMBDA_FUNCTION_NAME"], function.job.function_name.as_str());
    assert_eq!(seen["LANG"], "de_DE.UTF-8");
    assert_eq!(seen["LAMBDA_TASK_ROOT"], "/var/task");
    let known = [
        "AWS_",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "EXCLUDE_CHARACTERS",
        "HOME",
        "LAMBDA_",
        "LANG",
        "LD_PRELOAD",
        "LC_CTYPE",
        "PATH",
        "PWD",
        "SECRETS_MANAGER_ENDPOINT",
        "TMPDIR",
        "TZ",
        "PYTHON",
    ];
    let foreign: Vec<_> =
        seen.as_object().unwrap().keys().filter(|name| !known.iter().any(|known| name.starts_with(known))).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    // The linker's complaint comes once, from the function's program: what starts it has none of these variables.
    assert!(log(&answer).matches("/nonexistent.so").count() <= 1, "{}", log(&answer));
    runtimes.stop().await;
}

#[tokio::test]
async fn the_servers_certificates_are_there_for_the_sdk() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("ca.pem");
    std::fs::write(&bundle, "certificates").unwrap();
    let runtimes = Runtimes::new(settings()).unwrap();
    let mut function = Function::shell("while next; do answer \"\\\"$(cat $AWS_CA_BUNDLE)\\\"\"; done\n");
    function.job.ca_bundle = Some(bundle);
    let answer = function.run(&runtimes, &json!({})).await.unwrap();
    assert_eq!(json(&answer), "certificates", "{}", log(&answer));
    runtimes.stop().await;
}

#[tokio::test]
async fn nobody_else_takes_a_functions_events() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::shell("while next; do answer \"\\\"$AWS_LAMBDA_RUNTIME_API\\\"\"; done\n");
    let answer = json(&function.run(&runtimes, &json!({})).await.unwrap());
    let mut stream = tokio::net::TcpStream::connect(answer.as_str().unwrap()).await.unwrap();
    let request = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: x\r\n\r\n";
    let _refused = stream.write_all(request.as_bytes()).await;
    assert_eq!(json(&function.run(&runtimes, &json!({})).await.unwrap()), answer);
    let mut said = Vec::new();
    let _reset = stream.read_to_end(&mut said).await;
    assert!(said.is_empty(), "{}", String::from_utf8_lossy(&said));
    runtimes.stop().await;
}

#[tokio::test]
async fn nothing_is_left_of_what_a_function_started() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let mark = "98765.4321";
    let function = Function::shell(&format!("setsid sleep {mark} & sleep {mark} &\nnext\nanswer 1\nnext\n"));
    function.run(&runtimes, &json!({})).await.unwrap();
    assert_eq!(with_mark(&format!("sleep\0{mark}")).len(), 2);
    runtimes.stop().await;
    assert!(with_mark(mark).is_empty());
}

#[tokio::test]
async fn a_call_is_cut_short_by_a_stop() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let mark = "97531.8642";
    let function = Function::shell(&format!("next\nsleep {mark}\n"));
    let nothing = json!({});
    let stop = async {
        until("the function runs", || !with_mark(&format!("sleep\0{mark}")).is_empty()).await;
        runtimes.stop().await;
    };
    let (answer, ()) = tokio::join!(function.run(&runtimes, &nothing), stop);
    assert!(matches!(answer, Err(Failure::Stopped)));
    assert!(with_mark(mark).is_empty());
}

#[tokio::test]
async fn without_bubblewrap_root_needs_another_user() {
    let mut open = settings();
    open.isolation = Isolation::Off;
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if !is_root {
        assert!(Runtimes::new(open).is_ok());
        return;
    }
    assert!(matches!(Runtimes::new(open.clone()), Err(Failure::Settings(text)) if text.contains("another user")));
    open.user = Some(User { uid: 65_534, gid: 65_534 });
    // A place that the other user reaches.
    let public = tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o755)).tempdir_in("/tmp").unwrap();
    let launcher = public.path().join("launcher");
    std::fs::copy(&open.launcher[0], &launcher).unwrap();
    open.launcher = vec![launcher.into()];
    let planted = public.path().join("planted");
    std::fs::write(&planted, "secret").unwrap();
    std::fs::set_permissions(&planted, PermissionsExt::from_mode(0o600)).unwrap();
    for isolation in [Isolation::Off, Isolation::Required] {
        open.isolation = isolation;
        let runtimes = Runtimes::new(open.clone()).unwrap();
        let function = Function::shell(
            "next\nread=$(cat $(echo $event | tr -d '\"') 2>/dev/null)\nmine=$TMPDIR/x; echo x > $mine && [ -f $mine ] && wrote=yes\n\
             answer \"[\\\"$(id -u)\\\", \\\"$(id -G)\\\", \\\"$read\\\", \\\"$wrote\\\", \\\"$(pwd)\\\", \\\"$LAMBDA_TASK_ROOT\\\", \\\"$(touch y 2>&1 && echo written)\\\"]\"\nnext\n",
        );
        let answer = function.run(&runtimes, &json!(planted)).await.unwrap();
        let seen = json(&answer);
        let (uid, gid) = if isolation == Isolation::Off { ("65534", "65534") } else { ("993", "990") };
        assert_eq!((&seen[0], &seen[2], &seen[3]), (&json!(uid), &json!(""), &json!("yes")), "{seen}");
        assert!(seen[1].as_str().unwrap().starts_with(gid), "{seen}");
        assert_eq!(seen[4], seen[5]);
        assert_ne!(seen[6], "written", "{seen}");
        runtimes.stop().await;
    }
}

/// The name of the variable that makes [`a_server_to_be_killed`] one.
const KILLED: &str = "STRONGROOM_TEST_KILLED_SERVER";

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "how the test below tells it")]
async fn a_server_to_be_killed() {
    let Ok(mark) = std::env::var(KILLED) else { return };
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::shell(&format!("next\nsleep {mark}\n"));
    let _never = function.run(&runtimes, &json!({})).await;
}

#[tokio::test]
async fn functions_end_with_a_server_that_is_killed() {
    let mark = "86420.1357";
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "isolation::a_server_to_be_killed"])
        .env(KILLED, mark)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the function runs", || !with_mark(&format!("sleep\0{mark}")).is_empty()).await;
    server.kill().unwrap();
    server.wait().unwrap();
    until("the function ends", || with_mark(mark).is_empty()).await;
}
