//! A sink that is a syslog receiver: RFC 5424 messages over a Unix socket, UDP, TCP or TLS.

mod address;
mod message;
mod stream;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::net::{UdpSocket, UnixDatagram};

use crate::{Batch, Sink, SinkError, SinkFuture, Taken, unavailable};
pub use address::{Address, Facility, Framing};
pub use message::Identity;
use stream::{Kind, Stream};

/// Bytes of a datagram over UDP that no packet can hold more than.
const UDP_BYTES_MAX: usize = 65_507;
/// Bytes of a stream that are made and written at a time: they are still in the processor's memory when they are written.
const PIECE_BYTES: usize = 64 * 1024;
/// Datagrams before others are let in between.
const DATAGRAMS_MAX: usize = 64;

/// What a receiver is reached by, and what messages say of their sender.
pub struct SyslogSettings {
    /// Where it is.
    pub address: Address,
    /// What TLS is spoken by, for an address with TLS.
    pub tls: Option<Arc<ClientConfig>>,
    /// How messages are told apart in a stream.
    pub framing: Framing,
    /// Whether each batch has a connection of its own, which counts when the receiver has closed it from its side: then it
    /// has read all. Else a batch counts when the system has taken it.
    pub confirm: bool,
    /// The facility.
    pub facility: Facility,
    /// The sender.
    pub identity: Identity,
    /// The longest message, in bytes.
    pub message_bytes_max: usize,
}

/// A syslog receiver.
pub struct Syslog {
    settings: SyslogSettings,
    open: Option<Open>,
    /// Messages of the present batch that have gone, over a way where each one is on its own.
    gone: usize,
}

enum Open {
    Udp(UdpSocket),
    Unix(UnixDatagram),
    Stream(Stream),
}

impl Syslog {
    /// The receiver of `settings`. Nothing is sent yet.
    ///
    /// # Errors
    /// When an address with TLS has no settings of it.
    pub fn open(mut settings: SyslogSettings) -> Result<Self, String> {
        if settings.address.is_tls() {
            settings.framing = Framing::OctetCounting;
            if settings.tls.is_none() {
                return Err(format!("{}: there are no settings of TLS", settings.address));
            }
        }
        if matches!(settings.address, Address::Udp { .. }) {
            settings.message_bytes_max = settings.message_bytes_max.min(UDP_BYTES_MAX);
        }
        Ok(Self { settings, open: None, gone: 0 })
    }

    async fn send_out(&mut self, batch: &Batch) -> Result<Taken, SinkError> {
        // Taken out: what was let go in the midst of a batch is not used again.
        let open = match self.open.take() {
            Some(open) => open,
            None => self.connect().await?,
        };
        let mut taken = Taken::default();
        let open = match open {
            Open::Stream(stream) => self.send_stream(stream, batch, &mut taken).await?,
            datagrams => {
                self.send_datagrams(&datagrams, batch, &mut taken).await?;
                Some(datagrams)
            }
        };
        self.open = open;
        self.gone = 0;
        if taken.shortened > 0 {
            taken.why = format!("messages longer than {} bytes", self.settings.message_bytes_max);
        }
        Ok(taken)
    }

    /// Each datagram that has gone has gone: one that failed is where the next attempt begins.
    async fn send_datagrams(&mut self, open: &Open, batch: &Batch, taken: &mut Taken) -> Result<(), SinkError> {
        let settings = &self.settings;
        let mut writer = message::Writer::new(settings.facility, &settings.identity, settings.message_bytes_max);
        let mut bytes = Vec::new();
        for record in batch.records().skip(self.gone) {
            let message = writer.message(&record);
            bytes.clear();
            message.push(&mut bytes);
            let shortened = message.shortened;
            match open {
                Open::Udp(socket) => socket.send(&bytes).await.map(drop),
                Open::Unix(socket) => socket.send(&bytes).await.map(drop),
                Open::Stream(_) => Ok(()),
            }
            .map_err(|error| fault(&settings.address, &error))?;
            taken.shortened += u64::from(shortened);
            self.gone += 1;
            if self.gone.is_multiple_of(DATAGRAMS_MAX) {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    async fn send_stream(
        &self,
        mut stream: Stream,
        batch: &Batch,
        taken: &mut Taken,
    ) -> Result<Option<Open>, SinkError> {
        let settings = &self.settings;
        let mut writer = message::Writer::new(settings.facility, &settings.identity, settings.message_bytes_max);
        let mut piece = Vec::with_capacity(2 * PIECE_BYTES);
        let mut records = batch.records().peekable();
        while let Some(record) = records.next() {
            let message = writer.message(&record);
            taken.shortened += u64::from(message.shortened);
            settings.framing.push(&mut piece, &message);
            if piece.len() >= PIECE_BYTES || records.peek().is_none() {
                stream.write(&piece).await.map_err(|error| self.fault(&error))?;
                piece.clear();
            }
        }
        if !self.settings.confirm {
            return Ok(Some(Open::Stream(stream)));
        }
        stream.end().await.map_err(|error| self.fault(&error))?;
        Ok(None)
    }

    async fn connect(&self) -> Result<Open, SinkError> {
        let said = |error: &std::io::Error| self.fault(error);
        match &self.settings.address {
            Address::Udp { host, port } => udp(host, *port).await.map(Open::Udp).map_err(|error| said(&error)),
            Address::Unix(path) => unix(path).await.map_err(|error| said(&error)),
            Address::Tcp { host, port } => {
                Stream::open(Kind::Tcp(host, *port)).await.map(Open::Stream).map_err(|error| said(&error))
            }
            Address::Tls { host, port } => {
                let config = self.settings.tls.clone().ok_or_else(|| unavailable("no settings of TLS"))?;
                Stream::open(Kind::Tls(host, *port, config)).await.map(Open::Stream).map_err(|error| said(&error))
            }
        }
    }

    fn fault(&self, error: &std::io::Error) -> SinkError {
        fault(&self.settings.address, error)
    }
}

fn fault(address: &Address, error: &std::io::Error) -> SinkError {
    SinkError::Unavailable(format!("{address}: {error}"))
}

async fn udp(host: &str, port: u16) -> std::io::Result<UdpSocket> {
    let mut last = std::io::Error::other("the host has no address");
    for address in tokio::net::lookup_host((host, port)).await? {
        let from: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(from).await?;
        match socket.connect(address).await {
            Ok(()) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A Unix socket of whichever kind it is.
async fn unix(path: &Path) -> std::io::Result<Open> {
    let socket = UnixDatagram::unbound()?;
    match socket.connect(path) {
        Ok(()) => Ok(Open::Unix(socket)),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::PROTOTYPE.raw_os_error()) => {
            Stream::open(Kind::Unix(PathBuf::from(path))).await.map(Open::Stream)
        }
        Err(error) => Err(error),
    }
}

impl Sink for Syslog {
    fn describe(&self) -> String {
        format!("syslog at {}", self.settings.address)
    }

    fn send<'a>(&'a mut self, batch: &'a Batch) -> SinkFuture<'a, Taken> {
        Box::pin(self.send_out(batch))
    }
}

impl fmt::Debug for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Syslog({})", self.settings.address)
    }
}

#[cfg(test)]
mod tests;
