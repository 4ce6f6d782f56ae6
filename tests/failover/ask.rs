//! Short questions by HTTP, for what tells of itself: whoever does not answer in time has nothing to say.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// For each step of a question.
const TIME: Duration = Duration::from_secs(2);

/// GET; status and body.
pub fn get(server: &str, path: &str) -> Option<(u16, String)> {
    ask(server, &format!("GET {path} HTTP/1.0\r\nHost: {server}\r\n\r\n"))
}

/// POST of JSON; status and body.
pub fn post(server: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.0\r\nHost: {server}\r\nContent-Type: application/json\r\n");
    ask(server, &format!("{head}Content-Length: {length}\r\n\r\n{body}"))
}

fn ask(server: &str, request: &str) -> Option<(u16, String)> {
    let server: SocketAddr = server.parse().ok()?;
    let mut stream = TcpStream::connect_timeout(&server, TIME).ok()?;
    stream.set_read_timeout(Some(TIME)).ok()?;
    stream.set_write_timeout(Some(TIME)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned());
    Some((status, body))
}
