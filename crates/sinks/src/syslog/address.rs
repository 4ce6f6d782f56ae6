//! Where syslog receivers are, and how they are spoken with, as a configuration writes it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::message::Message;

/// A receiver's address: `unix:/dev/log`, `udp://HOST:PORT`, `tcp://HOST:PORT` or `tls://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket, of datagrams or of a stream.
    Unix(PathBuf),
    /// Datagrams over UDP, of which any may be lost.
    Udp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// A stream over TCP.
    Tcp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// A stream over TLS.
    Tls {
        /// The host, which the certificate must be for.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Address {
    /// Whether it is reached by TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls { .. })
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not unix:/PATH, udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT");
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') { Ok(Self::Unix(path.into())) } else { Err(wrong()) };
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
        if host.is_empty() || port == 0 || host.contains(['/', '@', ' ']) {
            return Err(wrong());
        }
        match scheme {
            "udp" => Ok(Self::Udp { host, port }),
            "tcp" => Ok(Self::Tcp { host, port }),
            "tls" => Ok(Self::Tls { host, port }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self {
            Self::Unix(path) => return write!(f, "unix:{}", path.display()),
            Self::Udp { host, port } => ("udp", host, port),
            Self::Tcp { host, port } => ("tcp", host, port),
            Self::Tls { host, port } => ("tls", host, port),
        };
        if host.contains(':') { write!(f, "{scheme}://[{host}]:{port}") } else { write!(f, "{scheme}://{host}:{port}") }
    }
}

/// How messages are told apart in a stream: RFC 6587. Over TLS it is octet counting, as RFC 5425 has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// Each has its length before it.
    #[default]
    OctetCounting,
    /// Each ends with a line's end.
    Lines,
}

impl Framing {
    pub(super) fn push(self, bytes: &mut Vec<u8>, message: &Message<'_>) {
        match self {
            Self::OctetCounting => {
                bytes.extend_from_slice(message.bytes().to_string().as_bytes());
                bytes.push(b' ');
                message.push(bytes);
            }
            Self::Lines => {
                message.push(bytes);
                bytes.push(b'\n');
            }
        }
    }
}

/// A facility of syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

/// The facilities that an application may have, by their usual names.
const NAMES: [(&str, u8); 13] = [
    ("user", 1),
    ("daemon", 3),
    ("auth", 4),
    ("authpriv", 10),
    ("audit", 13),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

impl Facility {
    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

impl FromStr for Facility {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(name, _)| *name == text).map(|(_, number)| Self(*number));
        found.ok_or_else(|| format!("`{text}` is none of {}", NAMES.map(|(name, _)| name).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for text in ["unix:/dev/log", "udp://127.0.0.1:514", "tcp://[::1]:601", "tls://logs.example:6514"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for wrong in ["", "unix:log", "tcp://host", "tcp://:1", "tcp://h:0", "http://h:1", "tls://u@h:1", "udp://h:x"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
        assert_eq!("audit".parse::<Facility>().unwrap().number(), 13);
        assert!("kern".parse::<Facility>().is_err());
    }

    #[test]
    fn messages_are_told_apart() {
        let mut bytes = Vec::new();
        Framing::OctetCounting.push(&mut bytes, &Message::plain("one\ntwo"));
        Framing::Lines.push(&mut bytes, &Message::plain("three"));
        assert_eq!(bytes, b"7 one\ntwothree\n");
    }
}
