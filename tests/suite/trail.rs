//! Promise: the trail is evidence: whoever has the public key finds the first record that somebody changed, and openssl
//! alone can check a digest's signature.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use strongroom_testkit::{Instance, instance};
use tempfile::TempDir;

fn run(arguments: &[&str]) -> Output {
    Command::new(instance::binary()).args(arguments).output().expect("it runs")
}

fn told(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].concat().iter().map(|byte| char::from(*byte)).collect()
}

/// All files under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_record_is_named_with_the_public_key_alone() {
    let home = TempDir::new().expect("directory");
    let (data, key) = (home.path().join("data"), home.path().join("public.pem"));
    let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    let mut server = Instance::start_in(&data, &[]);
    for _ in 0..5 {
        assert_eq!(server.raw().call("ListSecrets", json!({})).await.status, 200);
    }
    assert!(server.stop());
    // As if it had been written long ago.
    let trail = data.join("trail");
    let hour = trail.join("2024/02/29");
    fs::create_dir_all(&hour).expect("directories");
    let mut lines = String::new();
    for written in files(&trail) {
        lines += &fs::read_to_string(&written).expect("a segment");
        fs::remove_file(&written).expect("removed");
    }
    let segment = hour.join("trail-20240229T23.jsonl");
    fs::write(&segment, &lines).expect("written");
    let mut server = Instance::start_in(&data, &[]);
    assert!(server.stop(), "whose last work is to make the digests that are due");
    assert!(hour.join("trail-20240229T23.digest.json").exists());

    let printed = run(&["audit", "public-key", "--data", &text(&data)]);
    assert!(printed.status.success(), "{}", told(&printed));
    fs::write(&key, &printed.stdout).expect("written");
    let count = lines.lines().count();
    let whole = format!("trail: 1 segments with {count} records agree with their digests");
    let by_key = ["audit", "verify", "--trail", &text(&trail), "--public-key", &text(&key)];
    for command in [&by_key[..], &["audit", "verify", "--data", &text(&data)], &["verify", "--data", &text(&data)]] {
        let output = run(command);
        assert!(output.status.success() && told(&output).contains(&whole), "{command:?}: {}", told(&output));
    }
    by_openssl(home.path(), &hour.join("trail-20240229T23.digest.json"), &key);

    fs::write(&segment, lines.replacen("ListSecrets", "DescribeSecret", 1)).expect("altered");
    for command in [&by_key[..], &["audit", "verify", "--data", &text(&data)], &["verify", "--data", &text(&data)]] {
        let output = run(command);
        let fault = "2024/02/29/trail-20240229T23.jsonl: record 1 was changed";
        assert!(!output.status.success() && told(&output).contains(fault), "{command:?}: {}", told(&output));
    }
}

fn by_openssl(scratch: &Path, digest: &Path, key: &Path) {
    let digest = fs::read_to_string(digest).expect("a digest");
    let (line, signature) = digest.split_once('\n').expect("two lines");
    let (message, signed) = (scratch.join("message"), scratch.join("signature"));
    fs::write(&message, line).expect("written");
    fs::write(&signed, STANDARD.decode(signature.trim()).expect("base64")).expect("written");
    let checked = Command::new("openssl")
        .args(["dgst", "-sha256", "-verify"])
        .arg(key)
        .arg("-signature")
        .args([&signed, &message])
        .output()
        .expect("openssl runs");
    assert!(checked.status.success(), "{}", told(&checked));
}

/// Lets the first server of a data directory write some records, and puts them where records of long ago would be.
fn of_long_ago(data: &Path, stem: &str) -> String {
    let trail = data.join("trail");
    let hour = trail.join("2024/02/29");
    fs::create_dir_all(&hour).expect("directories");
    let mut lines = String::new();
    for written in files(&trail).into_iter().filter(|file| file.extension().is_some_and(|end| end == "jsonl")) {
        lines += &fs::read_to_string(&written).expect("a segment");
        fs::remove_file(&written).expect("removed");
    }
    fs::write(hour.join(format!("{stem}.jsonl")), &lines).expect("written");
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_segments_are_compressed_exported_and_removed_when_their_time_is_over() {
    let home = TempDir::new().expect("directory");
    let (data, key) = (home.path().join("data"), home.path().join("public.pem"));
    let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    let mut server = Instance::start_in(&data, &[]);
    for _ in 0..5 {
        assert_eq!(server.raw().call("ListSecrets", json!({})).await.status, 200);
    }
    assert!(server.stop());
    let lines = of_long_ago(&data, "trail-20240229T22");
    let hour = data.join("trail/2024/02/29");
    fs::write(hour.join("trail-20240229T22_0001.jsonl"), &lines).expect("written");
    let mut server = Instance::start_in(&data, &[]);
    assert!(server.stop(), "whose last work is to make the digests that are due");
    let mut server = Instance::start_in(&data, &[]);
    let compressed = ["trail-20240229T22.jsonl.gz", "trail-20240229T22_0001.jsonl.gz"].map(|name| hour.join(name));
    until("compressed", || {
        compressed.iter().all(|file| file.exists()) && files(&hour).iter().all(|file| not_plain(file))
    });
    assert!(server.stop());
    for file in &compressed {
        let unpacked = Command::new("zcat").arg(file).output().expect("zcat runs");
        assert_eq!(told(&unpacked), lines);
    }
    let printed = run(&["audit", "public-key", "--data", &text(&data), "--all-servers"]);
    fs::write(&key, &printed.stdout).expect("written");
    let trail = text(&data.join("trail"));
    let by_key = ["audit", "verify", "--trail", &trail, "--public-key", &text(&key)];
    let output = run(&by_key);
    let count = 2 * lines.lines().count();
    let whole = format!("trail: 2 segments with {count} records agree with their digests");
    assert!(output.status.success() && told(&output).contains(&whole), "{}", told(&output));

    // The span is that of the events, not of the file's name.
    let out = home.path().join("out.json");
    let span = ["--from", "2024-02-29", "--until", "2024-03-01"];
    let exported = run(&[&["audit", "export", "--data", &text(&data)], &span[..]].concat());
    assert_eq!(String::from_utf8_lossy(&exported.stdout), "{\"Records\":[]}\n");
    let today = ["--from", "2024-02-29T22:00:00Z", "--until", "2999-01-01", "--out", &text(&out)];
    let exported = run(&[&["audit", "export", "--trail", &trail], &today[..]].concat());
    assert!(exported.status.success(), "{}", told(&exported));
    let records: serde_json::Value = serde_json::from_slice(&fs::read(&out).expect("written")).expect("JSON");
    assert!(records["Records"].as_array().expect("records").len() >= count);
    let again = run(&[&["audit", "export", "--trail", &trail], &today[..]].concat());
    assert!(
        !again.status.success() && told(&again).contains("is there already: name another file"),
        "{}",
        told(&again)
    );
    damaged_and_mistaken(home.path(), &trail, &text(&key));
    let turned = ["audit", "export", "--trail", &trail, "--from", "2024-03-01", "--until", "2024-02-29"];
    assert!(told(&run(&turned)).contains("--from must be before --until"));

    // A day later it is removed, and the rest is whole; what somebody else takes away is missing.
    let config = home.path().join("strongroom.toml");
    fs::write(&config, "audit.retention_days = 1\n").expect("written");
    let removed = |data: &Path| {
        let mut server = Instance::start_in(data, &["--config", &text(&config)]);
        until("removed", || compressed.iter().all(|file| !file.exists()));
        assert!(server.stop());
    };
    removed(&data);
    for command in [&by_key[..], &["audit", "verify", "--data", &text(&data)]] {
        let output = run(command);
        let removed = "2 segments up to 2024/02/29/trail-20240229T22_0001.jsonl were removed by retention";
        assert!(output.status.success() && told(&output).contains(removed), "{}", told(&output));
    }
    fs::remove_file(data.join("trail/removed.json")).expect("removed");
    assert!(run(&["audit", "verify", "--data", &text(&data)]).status.success(), "the store knows");
}

/// Of a copy with a damaged segment the rest is exported, and a folder that is no trail's is no trail without records.
fn damaged_and_mistaken(home: &Path, trail: &str, key: &str) {
    let (copy, out) = (home.join("copy"), home.join("rest.jsonl"));
    let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    assert!(Command::new("cp").args(["-r", trail, &text(&copy)]).status().expect("cp runs").success());
    let segment = copy.join("2024/02/29/trail-20240229T22.jsonl.gz");
    let mut bytes = fs::read(&segment).expect("a segment");
    bytes[30] ^= 0x55;
    fs::write(&segment, &bytes).expect("damaged");
    let wanted = ["--from", "2020-01-01", "--until", "2999-01-01", "--format", "lines"];
    let export =
        |folder: &str, more: &[&str]| run(&[&["audit", "export", "--trail", folder], &wanted[..], more].concat());
    let exported = export(&text(&copy), &["--out", &text(&out)]);
    let words = told(&exported);
    assert!(!exported.status.success() && words.contains("segment 20240229T22:"), "{words}");
    assert!(words.contains("1 segment could not be read to the end"), "{words}");
    let rest = fs::read_to_string(&out).expect("the rest");
    let all = told(&export(trail, &[]));
    assert!(!rest.is_empty() && rest.lines().all(|line| all.contains(line)));

    let nothing = home.join("nothing");
    fs::create_dir_all(&nothing).expect("a directory");
    for mistaken in
        [export(&text(&nothing), &[]), run(&["audit", "verify", "--trail", &text(&nothing), "--public-key", key])]
    {
        assert!(!mistaken.status.success() && told(&mistaken).contains("there is no segment of a trail"));
    }
}

fn not_plain(file: &Path) -> bool {
    file.extension().is_none_or(|end| end != "jsonl")
}

fn until(what: &str, is: impl Fn() -> bool) {
    for _ in 0..300 {
        if is() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("not {what} in time");
}
