//! Requests without a signature: health and figures.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use strongroom_testkit::Instance;

/// What a server answers to `GET path`, with further header lines.
pub fn get(server: &Instance, path: &str, headers: &str) -> String {
    let address = server.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("connected");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
