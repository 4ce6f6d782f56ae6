//! Streams to a syslog receiver: TCP, TLS, and Unix sockets of that kind.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// Bytes that a receiver may send: syslog has none for the sender.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// What is opened.
pub(super) enum Kind<'a> {
    Tcp(&'a str, u16),
    Tls(&'a str, u16, Arc<ClientConfig>),
    Unix(PathBuf),
}

trait Both: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Both for T {}

/// An open stream.
pub(super) struct Stream(Box<dyn Both>);

impl Stream {
    pub(super) async fn open(kind: Kind<'_>) -> io::Result<Self> {
        match kind {
            Kind::Tcp(host, port) => Ok(Self(Box::new(connected(host, port).await?))),
            Kind::Unix(path) => Ok(Self(Box::new(UnixStream::connect(path).await?))),
            Kind::Tls(host, port, config) => {
                let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
                let stream = TlsConnector::from(config).connect(name, connected(host, port).await?).await?;
                Ok(Self(Box::new(stream)))
            }
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// Ends the stream from this side, and waits until the receiver has ended it from the other: it has read all then.
    pub(super) async fn end(mut self) -> io::Result<()> {
        self.0.shutdown().await?;
        let mut said = Vec::new();
        let read = (&mut self.0).take(ANSWER_BYTES_MAX).read_to_end(&mut said).await;
        match read {
            Ok(count) if u64::try_from(count).is_ok_and(|count| count < ANSWER_BYTES_MAX) => Ok(()),
            Ok(_) => Err(io::Error::other("the receiver sends instead of reading")),
            // Receivers seldom end TLS as it should be before they close the connection.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) => Err(error),
        }
    }
}

async fn connected(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
