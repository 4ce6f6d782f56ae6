//! PostgreSQL and Redshift. A password reaches a statement only as the verifier that the server would store, so that no
//! log of statements holds it.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use postgres_protocol::password as verifier;
use rustls::{ClientConfig, pki_types::ServerName};
use strongroom_types::secret::SecretText;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_postgres::{
    Client, Config, Connection, Error, SimpleQueryMessage,
    config::SslMode,
    error::SqlState,
    tls::{ChannelBinding, TlsConnect, TlsStream},
};
use tokio_rustls::{TlsConnector, client};

use super::{Change, Driver, Limits, Login, Refused, Session, within};
use crate::{Failure, Fut, settings::Trust};

/// Database to log in to when the secret names none.
const DBNAME: &str = "postgres";

/// The form in which passwords are stored.
#[derive(Clone, Copy)]
pub enum Hashes {
    /// As the server's `password_encryption` says.
    AsConfigured,
    /// MD5 with the name, which Redshift takes.
    Md5,
}

/// The driver.
pub struct Postgres {
    pub hashes: Hashes,
}

impl Driver for Postgres {
    fn log_in<'a>(
        &'a self,
        login: &'a Login,
        trust: Option<&'a Trust>,
        limits: Limits,
    ) -> Fut<'a, Result<Box<dyn Session>, Refused>> {
        Box::pin(async move {
            let stream = TcpStream::connect((login.host.as_str(), login.port))
                .await
                .map_err(|error| Refused::unreached(format!("{}:{}: {error}", login.host, login.port)))?;
            // Statements are small and are waited for.
            let _ = stream.set_nodelay(true);
            let mut config = Config::new();
            config
                .user(&login.user)
                .password(login.password.expose())
                .dbname(login.dbname.as_deref().unwrap_or(DBNAME))
                .application_name("strongroom-rotation")
                .ssl_mode(if trust.is_some() { SslMode::Require } else { SslMode::Disable });
            let tls = MaybeTls { config: trust.map(|trust| trust.config.clone()), host: login.host.clone() };
            let (client, connection) = config.connect_raw(stream, tls).await.map_err(|error| refused(&error))?;
            let mut session = Logged { client, connection: Box::pin(connection), hashes: self.hashes, limits };
            session.ask("SELECT 1").await.map_err(|error| refused(&error))?;
            Ok(Box::new(session) as Box<dyn Session>)
        })
    }
}

fn refused(error: &Error) -> Refused {
    let by_credentials = error.code() == Some(&SqlState::INVALID_PASSWORD);
    let reason = match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(told), _) => told.message().to_owned(),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    };
    Refused { reason, by_credentials }
}

/// A session with its connection, which makes progress while a statement is waited for.
struct Logged {
    client: Client,
    connection: Pin<Box<Connection<TcpStream, Secured>>>,
    hashes: Hashes,
    limits: Limits,
}

impl Logged {
    /// Runs statements without parameters; the first column of the rows.
    async fn ask(&mut self, statements: &str) -> Result<Vec<Option<String>>, Error> {
        let asked = self.client.simple_query(statements);
        tokio::pin!(asked);
        let answers = tokio::select! {
            biased;
            answers = &mut asked => answers?,
            ended = &mut self.connection => {
                ended?;
                // The connection is over: so is the wait for its answers.
                asked.await?
            }
        };
        Ok(answers
            .iter()
            .filter_map(|answer| match answer {
                SimpleQueryMessage::Row(row) => Some(row.get(0).map(str::to_owned)),
                _ => None,
            })
            .collect())
    }

    async fn change(&mut self, doing: &str, statements: &str) -> Result<Vec<Option<String>>, Failure> {
        self.ask(statements).await.map_err(|error| failure(doing, &error))
    }

    /// What the server stores for a password.
    async fn verifier(&mut self, user: &str, password: &SecretText) -> Result<String, Failure> {
        let bytes = password.expose().as_bytes();
        let stored = match self.hashes {
            Hashes::Md5 => "md5".to_owned(),
            Hashes::AsConfigured => {
                let rows = self.change("password_encryption", "SHOW password_encryption").await?;
                rows.into_iter().flatten().next().unwrap_or_default()
            }
        };
        // Servers before version 14 have `on` for MD5.
        Ok(match stored.as_str() {
            "md5" | "on" => verifier::md5(bytes, user),
            _ => verifier::scram_sha_256(bytes),
        })
    }
}

impl Session for Logged {
    fn set_password<'a>(&'a mut self, change: &'a Change) -> Fut<'a, Result<(), Failure>> {
        let limit = self.limits.statement;
        Box::pin(within(limit, async move {
            let verifier = self.verifier(&change.user, &change.password).await?;
            let user = identifier(&change.user);
            self.change("ALTER USER", &format!("ALTER USER {user} WITH PASSWORD {}", literal(&verifier))).await?;
            Ok(())
        }))
    }

    fn set_clone<'a>(&'a mut self, user: &'a str, clone: &'a Change) -> Fut<'a, Result<(), Failure>> {
        let limit = self.limits.statement;
        Box::pin(within(limit, async move {
            let verifier = self.verifier(&clone.user, &clone.password).await?;
            let (from, to, verifier) = (identifier(user), identifier(&clone.user), literal(&verifier));
            let catalog = match self.hashes {
                Hashes::AsConfigured => format!("SELECT 1 FROM pg_roles WHERE rolname = {}", literal(&clone.user)),
                Hashes::Md5 => format!("SELECT 1 FROM pg_user WHERE usename = {}", literal(&clone.user)),
            };
            if !self.change("the look-up of the user", &catalog).await?.is_empty() {
                self.change("ALTER USER", &format!("ALTER USER {to} WITH PASSWORD {verifier}")).await?;
                return Ok(());
            }
            match self.hashes {
                Hashes::AsConfigured => {
                    let made = format!("BEGIN; CREATE ROLE {to} WITH LOGIN PASSWORD {verifier}; GRANT {from} TO {to}; COMMIT");
                    self.change("CREATE ROLE", &made).await?;
                }
                Hashes::Md5 => self.clone_in_redshift(user, &to, &verifier).await?,
            }
            Ok(())
        }))
    }
}

impl Logged {
    /// Users of Redshift are members of groups, which the clone joins.
    async fn clone_in_redshift(&mut self, user: &str, to: &str, verifier: &str) -> Result<(), Failure> {
        let groups = format!(
            "SELECT g.groname FROM pg_group g, pg_user u WHERE u.usename = {} AND u.usesysid = ANY(g.grolist)",
            literal(user)
        );
        let groups = self.change("the look-up of groups", &groups).await?;
        let mut made = format!("BEGIN; CREATE USER {to} WITH PASSWORD {verifier}; ");
        for group in groups.iter().flatten() {
            made.push_str(&format!("ALTER GROUP {} ADD USER {to}; ", identifier(group)));
        }
        made.push_str("COMMIT");
        self.change("CREATE USER", &made).await?;
        Ok(())
    }
}

/// A failed statement. The server's text may quote the statement, so that only its code goes on.
fn failure(doing: &str, error: &Error) -> Failure {
    match error.code() {
        Some(code) => Failure::new("DatabaseError", format!("The database refused {doing} with SQLSTATE {}", code.code())),
        None => Failure::new("OperationalError", format!("The connection broke during {doing}")),
    }
}

/// A name as an identifier, whatever it is made of.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal, the same whether `standard_conforming_strings` is on or not.
fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!(" E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// TLS as the driver asks for it; none when there is no configuration.
struct MaybeTls {
    config: Option<Arc<ClientConfig>>,
    host: String,
}

impl TlsConnect<TcpStream> for MaybeTls {
    type Stream = Secured;
    type Error = io::Error;
    type Future = Fut<'static, io::Result<Secured>>;

    fn connect(self, stream: TcpStream) -> Self::Future {
        Box::pin(async move {
            let config = self.config.ok_or_else(|| io::Error::other("TLS is not wanted"))?;
            let name = ServerName::try_from(self.host).map_err(io::Error::other)?;
            Ok(Secured(TlsConnector::from(config).connect(name, stream).await?))
        })
    }
}

/// A stream under TLS.
struct Secured(client::TlsStream<TcpStream>);

impl TlsStream for Secured {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Secured {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_quoted() {
        assert_eq!(identifier(r#"a"b c"#), r#""a""b c""#);
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"a\'b"), r" E'a\\''b'");
    }
}
