//! Tests of syslog against receivers that read, hang, and go away.

use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use super::*;
use crate::record::tests::batch;

fn syslog(address: &str, confirm: bool) -> Syslog {
    let settings = SyslogSettings {
        address: address.parse().unwrap(),
        tls: None,
        framing: Framing::Lines,
        confirm,
        facility: "audit".parse().unwrap(),
        identity: Identity { host: "h".into(), node: "1".into() },
        message_bytes_max: 65_536,
    };
    Syslog::open(settings).unwrap()
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    (listener, address)
}

#[tokio::test]
async fn a_batch_counts_once_the_receiver_has_read_all_of_it() {
    let (listener, address) = listener();
    let mut syslog = syslog(&address, true);
    let records = batch(0..1000);
    // Taken by the system, and read by nobody: it does not count.
    let waiting = tokio::time::timeout(Duration::from_millis(100), syslog.send(&records)).await;
    assert!(waiting.is_err());
    drop(listener.accept().unwrap());
    // A receiver that goes away in the midst of it: neither.
    let reading = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 100]).unwrap();
        drop(stream);
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    assert!(syslog.send(&records).await.is_err());
    assert_eq!(syslog.send(&records).await.unwrap(), Taken::default());
    let text = reading.join().unwrap();
    assert_eq!(text.lines().count(), 1000);
    assert!(text.lines().zip(records.records()).all(|(line, record)| line.ends_with(record.line())));
}

#[tokio::test]
async fn without_confirmation_one_connection_is_kept() {
    let (listener, address) = listener();
    let reading = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    let mut syslog = syslog(&address, false);
    for n in 0..3 {
        syslog.send(&batch(n..n + 1)).await.unwrap();
    }
    drop(syslog);
    assert_eq!(reading.join().unwrap().lines().count(), 3);
}

#[tokio::test]
async fn a_unix_socket_may_be_a_stream() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("log");
    let listener = UnixListener::bind(&path).unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        text
    });
    syslog(&format!("unix:{}", path.display()), true).send(&batch(0..5)).await.unwrap();
    assert_eq!(reading.join().unwrap().lines().count(), 5);
}

#[tokio::test]
async fn a_full_datagram_socket_is_gone_on_with_where_it_was() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("log");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    let mut syslog = syslog(&format!("unix:{}", path.display()), true);
    let records = batch(0..2000);
    let cut = tokio::time::timeout(Duration::from_millis(100), syslog.send(&records)).await;
    assert!(cut.is_err(), "nobody reads");
    let reading = std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        (0..2000).map(|_| socket.recv(&mut buffer).map(|count| buffer[..count].to_vec()).unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(syslog.send(&records).await.unwrap(), Taken::default());
    let got = reading.join().unwrap();
    assert!(got.iter().zip(records.records()).all(|(got, record)| got.ends_with(record.line().as_bytes())));
}

#[test]
fn tls_needs_settings_of_it() {
    let mut settings = syslog("tcp://h:1", true).settings;
    settings.address = "tls://h:1".parse().unwrap();
    assert!(Syslog::open(settings).is_err());
}
