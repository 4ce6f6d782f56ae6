//! Oracle's packages, as far as they go without a database: what they ask a listener for, which refuses it.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::json;
use strongroom_rotators::{Settings, Step};

use crate::{
    memory::Memory,
    rotate::{ARN, step},
};

/// Where the text of a request to connect begins.
const TEXT: usize = 74;

/// A listener that knows no database, and what it was asked for.
fn listener(number: u32) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 8];
            // A look whether the port is open, or TLS.
            if stream.read_exact(&mut head).is_err() || head[4] != 1 {
                continue;
            }
            let mut rest = vec![0; usize::from(u16::from_be_bytes([head[0], head[1]])) - head.len()];
            stream.read_exact(&mut rest).unwrap();
            heard.lock().unwrap().push(String::from_utf8_lossy(&rest[TEXT - head.len()..]).into_owned());
            let told = format!("(DESCRIPTION=(ERR={number})(VSNNUM=0))");
            let length = u8::try_from(told.len()).unwrap();
            let mut packet = vec![0, length + 12, 0, 0, 4, 0, 0, 0, 0, 0, 0, length];
            packet.extend(told.as_bytes());
            stream.write_all(&packet).unwrap();
        }
    });
    (port, asked)
}

async fn refused(number: u32, ssl: serde_json::Value) -> (Vec<String>, Vec<String>) {
    let (port, asked) = listener(number);
    let memory = Memory::new("a");
    let value = json!({
        "engine": "oracle", "host": "127.0.0.1", "port": port, "dbname": "ORCL", "username": "app", "password": "x",
        "ssl": ssl,
    });
    memory.create(ARN, &value.to_string());
    memory.put(ARN, "pending", "AWSPENDING", &value.to_string());
    let package = "strongroom/oracle-single-user";
    let (outcome, log) = step(package, &memory, &Settings::default(), Step::Test, "pending").await;
    assert!(outcome.unwrap_err().message.starts_with("Unable to log into database with pending secret"));
    let asked = asked.lock().unwrap().clone();
    (asked, log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_asked_for_by_service_and_by_sid() {
    let (asked, log) = refused(12514, json!(false)).await;
    assert!(asked[0].contains("(SERVICE_NAME=ORCL)"), "{asked:?}");
    let (asked, _) = refused(12505, json!("false")).await;
    assert_eq!(asked.len(), 2, "{log:#?}");
    assert!(asked[1].contains("(SID=ORCL)"), "{asked:?}");
    // Another refusal ends it.
    let (asked, log) = refused(12518, json!(false)).await;
    assert_eq!(asked.len(), 1, "{log:#?}");
    assert!(log.iter().any(|line| line.contains("12518")), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tls_comes_second_unless_it_is_forced() {
    let (asked, log) = refused(12518, json!(null)).await;
    assert_eq!(asked.len(), 1, "{log:#?}");
    assert!(log.iter().any(|line| line.contains("; without TLS: ")), "{log:#?}");
    let (asked, _) = refused(12518, json!(true)).await;
    assert!(asked.is_empty());
}
