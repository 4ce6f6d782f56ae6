//! The bytes of SQL Server's protocol (TDS 7.4): packets, the two messages of a login, batches, and answers.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

const PRELOGIN: u8 = 0x12;
const LOGIN: u8 = 0x10;
const BATCH: u8 = 0x01;
const ANSWER: u8 = 0x04;
/// Length of a packet's head.
const HEAD: usize = 8;
const PACKET_MAX: usize = 4096;
/// The last packet of a message.
const LAST: u8 = 1;
/// Encryption as the messages before a login tell it.
const ENCRYPT_REQUIRED: u8 = 3;
const ENCRYPT_NOT_SUPPORTED: u8 = 2;

/// Who logs in.
pub struct Login {
    pub user: String,
    pub password: String,
    pub database: String,
}

trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

/// A client's connection.
pub struct Connection(Box<dyn Duplex>);

impl Connection {
    /// Takes a client up to its login.
    pub fn accept(mut tcp: TcpStream, tls: Option<Arc<ServerConfig>>) -> Option<(Self, Login)> {
        let (kind, asked) = message(&mut tcp)?;
        assert_eq!(kind, PRELOGIN);
        let encryption = if tls.is_some() { ENCRYPT_REQUIRED } else { ENCRYPT_NOT_SUPPORTED };
        send(&mut tcp, ANSWER, &prelogin(encryption))?;
        let wanted = encryption_of(&asked);
        let stream: Box<dyn Duplex> = match tls {
            None => Box::new(tcp),
            Some(_) if wanted == ENCRYPT_NOT_SUPPORTED => return None,
            Some(config) => Box::new(secured(tcp, config)?),
        };
        let mut connection = Self(stream);
        let (kind, login) = message(&mut connection.0)?;
        (kind == LOGIN).then(|| (connection, read_login(&login)))
    }

    /// The next batch; none when the client is gone.
    pub fn batch(&mut self) -> Option<String> {
        let (kind, bytes) = message(&mut self.0)?;
        assert_eq!(kind, BATCH);
        let heads = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
        Some(text(&bytes[heads..]))
    }

    pub fn answer(&mut self, tokens: &[u8]) {
        let _ = send(&mut self.0, ANSWER, tokens);
    }
}

fn message(stream: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut all = Vec::new();
    loop {
        let mut head = [0; HEAD];
        stream.read_exact(&mut head).ok()?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let mut bytes = vec![0; length.checked_sub(HEAD)?];
        stream.read_exact(&mut bytes).ok()?;
        all.extend(bytes);
        if head[1] & LAST != 0 {
            return Some((head[0], all));
        }
    }
}

fn send(stream: &mut impl Write, kind: u8, bytes: &[u8]) -> Option<()> {
    let count = bytes.chunks(PACKET_MAX - HEAD).count();
    for (index, part) in bytes.chunks(PACKET_MAX - HEAD).enumerate() {
        let status = if index + 1 == count { LAST } else { 0 };
        let length = u16::try_from(part.len() + HEAD).unwrap().to_be_bytes();
        let mut packet = vec![kind, status, length[0], length[1], 0, 0, u8::try_from(index + 1).unwrap_or(1), 0];
        packet.extend(part);
        stream.write_all(&packet).ok()?;
    }
    stream.flush().ok()
}

/// TLS, whose handshake goes in packets.
fn secured(mut tcp: TcpStream, config: Arc<ServerConfig>) -> Option<StreamOwned<ServerConnection, TcpStream>> {
    let mut tls = ServerConnection::new(config).unwrap();
    while tls.is_handshaking() {
        let (_, bytes) = message(&mut tcp)?;
        let mut bytes = bytes.as_slice();
        while !bytes.is_empty() {
            tls.read_tls(&mut bytes).ok()?;
            tls.process_new_packets().ok()?;
        }
        let mut out = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut out).ok()?;
        }
        if !out.is_empty() {
            send(&mut tcp, PRELOGIN, &out)?;
        }
    }
    Some(StreamOwned::new(tls, tcp))
}

/// The options of a message before a login: a list of number, place and length, then the values.
fn prelogin(encryption: u8) -> Vec<u8> {
    let options: [(u8, &[u8]); 4] = [(0, &[16, 0, 16, 0, 0, 0]), (1, &[encryption]), (2, &[0]), (4, &[0])];
    let mut place = options.len() * 5 + 1;
    let (mut list, mut values) = (Vec::new(), Vec::new());
    for (number, value) in options {
        list.push(number);
        list.extend(u16::try_from(place).unwrap().to_be_bytes());
        list.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        values.extend(value);
        place += value.len();
    }
    list.push(0xFF);
    [list, values].concat()
}

fn encryption_of(options: &[u8]) -> u8 {
    let option = options.chunks(5).find(|option| option[0] == 1).unwrap();
    options[usize::from(u16::from_be_bytes([option[1], option[2]]))]
}

fn read_login(bytes: &[u8]) -> Login {
    let number = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let part = |at: usize| &bytes[number(at)..number(at) + 2 * number(at + 2)];
    let hidden = part(44);
    let password: Vec<u8> = hidden.iter().map(|byte| (byte ^ 0xA5).rotate_left(4)).collect();
    Login { user: text(part(40)), password: text(&password), database: text(part(68)) }
}

fn text(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    String::from_utf16(&units).unwrap()
}

fn units(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A text with its length in characters as one byte.
fn short(text: &str) -> Vec<u8> {
    let mut out = vec![u8::try_from(text.encode_utf16().count()).unwrap()];
    out.extend(units(text));
    out
}

fn done(status: u16) -> Vec<u8> {
    let mut out = vec![0xFD];
    out.extend(status.to_le_bytes());
    out.extend([0; 10]);
    out
}

/// The answer to a login.
pub fn logged_in() -> Vec<u8> {
    let mut inside = vec![1, 0x74, 0, 0, 4];
    inside.extend(short("Stub"));
    inside.extend([16, 0, 0, 0]);
    let mut out = vec![0xAD];
    out.extend(u16::try_from(inside.len()).unwrap().to_le_bytes());
    out.extend(inside);
    out.extend(done(0));
    out
}

/// A refusal.
pub fn error(number: i32, told: &str) -> Vec<u8> {
    let mut inside = number.to_le_bytes().to_vec();
    inside.extend([1, 14]);
    inside.extend(u16::try_from(told.encode_utf16().count()).unwrap().to_le_bytes());
    inside.extend(units(told));
    inside.extend(short("stub"));
    inside.extend(short(""));
    inside.extend([1, 0, 0, 0]);
    let mut out = vec![0xAA];
    out.extend(u16::try_from(inside.len()).unwrap().to_le_bytes());
    out.extend(inside);
    out.extend(done(2));
    out
}

/// Rows of texts.
pub fn rows(rows: &[Vec<Option<String>>]) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(first) = rows.first() {
        out.push(0x81);
        out.extend(u16::try_from(first.len()).unwrap().to_le_bytes());
        for _ in first {
            // User type, flags (may be null), nvarchar of 4000 characters, its collation, no name.
            out.extend([0, 0, 0, 0, 1, 0, 0xE7, 0x40, 0x1F, 0x09, 0x04, 0xD0, 0x00, 0x34, 0]);
        }
    }
    for row in rows {
        out.push(0xD1);
        for value in row {
            match value {
                None => out.extend([0xFF, 0xFF]),
                Some(value) => {
                    let value = units(value);
                    out.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
                    out.extend(value);
                }
            }
        }
    }
    out.extend(done(0));
    out
}
