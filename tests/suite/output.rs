//! Promise: a command whose reader goes away early ends without a word; one whose output has no room says so and fails.

use std::fs::{self, File};
use std::process::{Command, Output, Stdio};

use strongroom_testkit::{Instance, instance};
use tempfile::TempDir;

#[test]
fn a_reader_that_goes_away_is_no_error_and_a_full_disk_is_one() {
    let home = TempDir::new().expect("directory");
    let data = home.path().join("data");
    assert!(Instance::start_in(&data, &[]).stop());
    let folder = data.to_str().expect("a path in UTF-8");
    let policy = home.path().join("policy.json");
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}"#;
    fs::write(&policy, text).expect("written");
    let policy = policy.to_str().expect("a path in UTF-8");
    for arguments in [
        &["account", "list", "--data", folder][..],
        &["audit", "export", "--data", folder, "--from", "2020-01-01", "--until", "2100-01-01"],
        &["doctor", "--data", folder],
        &["policy", "check", policy, "--kind", "resource"],
        &["report", "unused", "--data", folder],
        &["verify", "--data", folder],
    ] {
        let run = |stdout: Stdio| -> Output {
            let mut command = Command::new(instance::binary());
            command.args(arguments).stdout(stdout).stderr(Stdio::piped()).output().expect("it runs")
        };
        let told = |output: &Output| String::from_utf8(output.stderr.clone()).expect("text");
        let (all, taken) = (run(Stdio::piped()), File::options().write(true).open("/dev/full").expect("opened"));
        assert!(!all.stdout.is_empty(), "{arguments:?}: {}", told(&all));
        let (reader, gone) = std::io::pipe().expect("a pipe");
        drop(reader);
        let unread = run(gone.into());
        assert_eq!(unread.status.code(), all.status.code(), "{arguments:?}: {}", told(&unread));
        assert!(!told(&unread).contains("panicked") && !told(&unread).contains("pipe"), "{}", told(&unread));
        let full = run(taken.into());
        assert!(!full.status.success() && told(&full).contains("No space"), "{arguments:?}: {}", told(&full));
    }
}
