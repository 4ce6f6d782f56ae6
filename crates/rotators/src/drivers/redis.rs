//! Redis and Valkey: users of their access control lists. Passwords go to the server as the digests that it stores, but
//! for the login itself. Speaks as much of the protocol (RESP2) as this needs.

use rustls::pki_types::ServerName;
use strongroom_crypto::digest;
use strongroom_types::secret::{SecretBuffer, SecretText};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{Change, Driver, Limits, Login, Note, Refused, Session, within};
use crate::{Failure, Fut, settings::Trust};

/// Longest line of an answer, in bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Longest text of an answer, in bytes: a list of rules.
const BULK_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most texts of an answer: lists of users.
const ITEMS_MAX: usize = 100_000;

const NOT_SAVED: &str = "The server has neither an ACL file nor a configuration file that it could save users to: they \
                         are lost when it restarts";

/// The driver.
pub struct Redis;

impl Driver for Redis {
    fn log_in<'a>(
        &'a self,
        login: &'a Login,
        trust: Option<&'a Trust>,
        limits: Limits,
    ) -> Fut<'a, Result<Box<dyn Session>, Refused>> {
        Box::pin(async move {
            let unreached =
                |error: std::io::Error| Refused::unreached(format!("{}:{}: {error}", login.host, login.port));
            let tcp = TcpStream::connect((login.host.as_str(), login.port)).await.map_err(unreached)?;
            let _ = tcp.set_nodelay(true);
            let stream: Box<dyn Duplex> = match trust {
                None => Box::new(tcp),
                Some(trust) => {
                    let name = ServerName::try_from(login.host.clone())
                        .map_err(|_| Refused::unreached(format!("{} is no name for TLS", login.host)))?;
                    Box::new(TlsConnector::from(trust.config.clone()).connect(name, tcp).await.map_err(unreached)?)
                }
            };
            let mut session = Logged { stream: BufReader::new(stream), limits };
            match session.ask(&["AUTH", &login.user, login.password.expose()]).await {
                Ok(_) => Ok(Box::new(session) as Box<dyn Session>),
                Err(Wrong::Refused(code)) => Err(Refused {
                    by_credentials: code == "WRONGPASS",
                    reason: format!("the server refused the login with {code}"),
                }),
                Err(Wrong::Connection(reason)) => Err(Refused::unreached(reason)),
            }
        })
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A session.
struct Logged {
    stream: BufReader<Box<dyn Duplex>>,
    limits: Limits,
}

/// Why a command did not work.
enum Wrong {
    /// The server's code of the error; its text may quote the command.
    Refused(String),
    Connection(String),
}

impl From<std::io::Error> for Wrong {
    fn from(error: std::io::Error) -> Self {
        Self::Connection(error.to_string())
    }
}

impl Wrong {
    fn failure(self, doing: &str) -> Failure {
        match self {
            Self::Refused(code) => Failure::new("DatabaseError", format!("The database refused {doing} with {code}")),
            Self::Connection(_) => Failure::new("OperationalError", format!("The connection broke during {doing}")),
        }
    }
}

impl Logged {
    /// Sends a command and reads its answer: the texts of a list, or one.
    async fn ask(&mut self, words: &[&str]) -> Result<Vec<String>, Wrong> {
        let mut out = SecretBuffer::with_capacity(256);
        out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        for word in words {
            out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            out.extend_from_slice(word.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(out.into_secret().expose()).await?;
        self.stream.get_mut().flush().await?;
        let line = self.line().await?;
        let Some(count) = line.strip_prefix('*') else { return Ok(vec![self.item(line).await?]) };
        let count = count.parse::<usize>().ok().filter(|count| *count <= ITEMS_MAX).ok_or_else(unexpected)?;
        let mut items = Vec::new();
        for _ in 0..count {
            let line = self.line().await?;
            items.push(self.item(line).await?);
        }
        Ok(items)
    }

    async fn line(&mut self) -> Result<String, Wrong> {
        let mut bytes = Vec::new();
        (&mut self.stream).take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes).await?;
        let text = String::from_utf8(bytes).map_err(|_| unexpected())?;
        text.strip_suffix("\r\n").map(str::to_owned).ok_or_else(unexpected)
    }

    async fn item(&mut self, line: String) -> Result<String, Wrong> {
        let mut rest = line.chars();
        let kind = rest.next();
        let rest = rest.as_str();
        match kind {
            Some('+' | ':') => Ok(rest.to_owned()),
            Some('-') => Err(Wrong::Refused(rest.split(' ').next().unwrap_or_default().to_owned())),
            Some('$') => {
                let length = rest.parse::<usize>().ok().filter(|length| *length <= BULK_BYTES_MAX);
                let length = length.ok_or_else(unexpected)?;
                let mut bytes = vec![0; length + 2];
                self.stream.read_exact(&mut bytes).await?;
                bytes.truncate(length);
                String::from_utf8(bytes).map_err(|_| unexpected())
            }
            _ => Err(unexpected()),
        }
    }

    /// Has the server keep its users beyond its end, where it can.
    async fn save(&mut self) -> Result<Note, Failure> {
        for words in [["ACL", "SAVE"], ["CONFIG", "REWRITE"]] {
            match self.ask(&words).await {
                Ok(_) => return Ok(None),
                Err(Wrong::Refused(_)) => {}
                Err(wrong) => return Err(wrong.failure("saving users")),
            }
        }
        Ok(Some(NOT_SAVED))
    }

    /// The rules of a user, without its passwords and whether it is on.
    async fn rules(&mut self, user: &str) -> Result<Vec<String>, Failure> {
        let lines = self.ask(&["ACL", "LIST"]).await.map_err(|wrong| wrong.failure("ACL LIST"))?;
        let of = format!("user {user} ");
        let line = lines.iter().find_map(|line| line.strip_prefix(&of));
        let line = line.ok_or_else(|| Failure::value(format!("There is no user {user} to make a clone of")))?;
        Ok(words(line).into_iter().filter(|rule| !is_of_login(rule)).collect())
    }
}

fn unexpected() -> Wrong {
    Wrong::Connection("the server's answer is not of its protocol".to_owned())
}

/// Whether a rule says how a user logs in, and not what it may do.
fn is_of_login(rule: &str) -> bool {
    matches!(rule, "on" | "off" | "nopass") || rule.starts_with('#')
}

/// The rules of a line; a selector in parentheses is one.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut inside = false;
    for word in line.split(' ').filter(|word| !word.is_empty()) {
        match words.last_mut().filter(|_| inside) {
            Some(selector) => {
                selector.push(' ');
                selector.push_str(word);
            }
            None => words.push(word.to_owned()),
        }
        inside = (inside || word.starts_with('(')) && !word.ends_with(')');
    }
    words
}

/// A password as a rule: its digest, which the server stores.
fn hashed(password: &SecretText) -> String {
    let digest = digest::sha256(password.expose().as_bytes());
    digest.iter().fold("#".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

impl Session for Logged {
    fn set_password<'a>(&'a mut self, change: &'a Change) -> Fut<'a, Result<Note, Failure>> {
        let limit = self.limits.statement;
        Box::pin(within(limit, async move {
            let doing = "ACL SETUSER";
            let pending = hashed(&change.password);
            let mut rules = vec!["ACL", "SETUSER", &change.user, "resetpass", &pending];
            // The password in use goes on working until the rotation after this one.
            let old = change.old.as_ref().map(hashed);
            rules.extend(old.as_deref());
            self.ask(&rules).await.map_err(|wrong| wrong.failure(doing))?;
            self.save().await
        }))
    }

    fn set_clone<'a>(&'a mut self, user: &'a str, clone: &'a Change) -> Fut<'a, Result<Note, Failure>> {
        let limit = self.limits.statement;
        Box::pin(within(limit, async move {
            let copied = self.rules(user).await?;
            let pending = hashed(&clone.password);
            // One command, which the server carries out as a whole or not at all.
            let mut rules = vec!["ACL", "SETUSER", &clone.user, "reset"];
            rules.extend(copied.iter().map(String::as_str));
            rules.extend(["on", pending.as_str()]);
            self.ask(&rules).await.map_err(|wrong| wrong.failure("ACL SETUSER"))?;
            self.save().await
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_apart() {
        let line = "on sanitize-payload #ab12 nopass ~a:* &c -@all +get (~b:* -@all +set) (+@read)";
        let rules: Vec<String> = words(line).into_iter().filter(|rule| !is_of_login(rule)).collect();
        assert_eq!(rules, ["sanitize-payload", "~a:*", "&c", "-@all", "+get", "(~b:* -@all +set)", "(+@read)"]);
    }

    #[test]
    fn passwords_go_as_digests() {
        let digest = "#ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hashed(&SecretText::new("abc".to_owned())), digest);
    }
}
