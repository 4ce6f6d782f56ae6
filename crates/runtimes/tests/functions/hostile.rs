//! Functions that mean harm: to the thread that serves all, to the machine's memory, to the server's open files.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::Duration;

use serde_json::json;
use strongroom_runtimes::{Isolation, Runtimes};
use tokio::time::timeout;

use crate::house::{Function, json, log, settings};

#[tokio::test]
async fn one_that_prints_without_end_holds_up_nobody() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let mut loud = Function::shell(
        "next\nfor n in 1 2 3 4 5 6; do dd if=/dev/zero bs=60000 & done\nsleep 0.2; answer 1\nwhile next; do answer 2; done\n",
    );
    loud.job.timeout_seconds = 5;
    let quiet = Function::shell("while next; do answer 3; done\n");
    let all = async {
        for _ in 0..5 {
            let nothing = json!({});
            let (loud, quiet) = tokio::join!(loud.run(&runtimes, &nothing), quiet.run(&runtimes, &nothing));
            // Answered or timed out: it has ended.
            loud.unwrap();
            assert_eq!(json(&quiet.unwrap()), 3);
        }
        runtimes.stop().await;
    };
    timeout(Duration::from_secs(60), all).await.expect("all functions are held up");
}

#[tokio::test]
async fn memory_is_written_to_in_tmp_alone() {
    let mut closed = settings();
    closed.isolation = Isolation::Required;
    closed.tmp_bytes_max = 1024 * 1024;
    let runtimes = Runtimes::new(closed).unwrap();
    let function = Function::shell(
        "next\nwritten=\nfor folder in / /dev /dev/shm /etc /run /var /var/strongroom /tmp; do\n\
         touch $folder/x 2>/dev/null && written=\"$written $folder\"; done\n\
         echo null > /dev/null || written=\"no /dev/null\"\nhead -c 2000000 /dev/zero > /tmp/x 2>/dev/null && written=\"$written too much\"\n\
         answer \"\\\"$written\\\"\"\nnext\n",
    );
    let answer = function.run(&runtimes, &json!({})).await.unwrap();
    assert_eq!(json(&answer), " /tmp", "{}", log(&answer));
    runtimes.stop().await;
}

#[tokio::test]
async fn connections_to_the_api_are_few() {
    let runtimes = Runtimes::new(settings()).unwrap();
    let function = Function::python(
        "import os, socket\ndef handler(event, context):\n  host, port = os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')\n  \
         kept = [socket.create_connection((host, int(port))) for _ in range(40)]\n  return len(kept)\n",
    );
    let before = std::fs::read_dir("/proc/self/fd").unwrap().count();
    assert_eq!(json(&function.run(&runtimes, &json!({})).await.unwrap()), 40);
    let during = std::fs::read_dir("/proc/self/fd").unwrap().count();
    // Other tests open files too.
    assert!(during < before + 38, "{before} {during}");
    runtimes.stop().await;
}

#[tokio::test]
async fn no_setting_of_the_machine_is_changed() {
    let mut closed = settings();
    closed.isolation = Isolation::Required;
    let runtimes = Runtimes::new(closed).unwrap();
    // Opened to be written, and closed: a setting changes only when something is written.
    let function = Function::python(
        "import os\ndef handler(event, context):\n  opened = []\n  for folder, _, files in os.walk('/proc/sys'):\n    \
         for name in files:\n      path = os.path.join(folder, name)\n      try: os.close(os.open(path, os.O_WRONLY))\n      \
         except OSError: continue\n      opened.append(path)\n  return opened\n",
    );
    assert_eq!(json(&function.run(&runtimes, &json!({})).await.unwrap()), json!([]));
    runtimes.stop().await;
}

#[tokio::test]
async fn root_runs_functions_as_nobody_where_nobody_can() {
    let own = std::fs::metadata("/proc/self").unwrap().uid();
    let public = tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o755)).tempdir_in("/tmp").unwrap();
    for reached in [true, false] {
        let mut closed = settings();
        closed.isolation = Isolation::Required;
        closed.runtimes = None;
        let launcher = public.path().join("launcher");
        std::fs::copy(&closed.launcher[0], &launcher).unwrap();
        closed.launcher = vec![launcher.into()];
        if !reached {
            let hidden = public.path().join("hidden");
            std::fs::create_dir(&hidden).unwrap();
            std::fs::set_permissions(&hidden, PermissionsExt::from_mode(0o700)).unwrap();
            std::fs::write(hidden.join("ca.pem"), "").unwrap();
            closed.reached.push(hidden.join("ca.pem"));
        }
        let runtimes = Runtimes::new(closed).unwrap();
        let mark = if reached { "76543.21" } else { "65432.17" };
        let function = Function::shell(&format!("next\nsleep {mark} &\nanswer 1\nwait\n"));
        function.run(&runtimes, &json!({})).await.unwrap();
        let wanted = format!("sleep\0{mark}\0");
        let owners = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            (line == wanted.as_bytes()).then(|| entry.metadata().unwrap().uid())
        });
        let expected = if own == 0 && reached { 65_534 } else { own };
        assert_eq!(owners.collect::<Vec<_>>(), [expected]);
        runtimes.stop().await;
    }
}
