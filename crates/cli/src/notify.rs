//! Tells the service manager that started this process how far it is, by the protocol of systemd's `sd_notify`.

use std::io;
use std::os::unix::net::UnixDatagram;

/// The variable that names the manager's socket.
const SOCKET: &str = "NOTIFY_SOCKET";

/// Tells that requests are served.
pub fn ready(url: &str) {
    tell(&format!("READY=1\nSTATUS=serving at {url}"));
}

/// Tells that the process is on its way to its end.
pub fn stopping() {
    tell("STOPPING=1\nSTATUS=finishing what is under way");
}

/// Tells what is waited for.
pub fn status(text: &str) {
    tell(&format!("STATUS={text}"));
}

fn tell(text: &str) {
    if let Some(socket) = socket()
        && let Err(error) = send(&socket, text)
    {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

#[expect(clippy::disallowed_methods, reason = "the command reads the environment, so that no other room has to")]
fn socket() -> Option<String> {
    std::env::var(SOCKET).ok().filter(|socket| !socket.is_empty())
}

#[cfg(target_os = "linux")]
fn send(socket: &str, text: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::SocketAddr;
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(text.as_bytes(), &address).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn send(socket: &str, text: &str) -> io::Result<()> {
    UnixDatagram::unbound()?.send_to(text.as_bytes(), socket).map(drop)
}
