//! The port: binds, accepts, keeps the limits of connections, stops in order.

mod alarm;
mod aside;
mod certificate;
mod connection;
mod lanes;
mod line;
mod lines;
mod load;
mod marks;
mod phases;
mod private;
mod remains;
mod slots;
mod socket;
mod stack;
mod tls;

#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use strongroom_core::ctx::PrivateEndpoint;
use strongroom_crypto::Random;
use strongroom_types::Clock;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

pub use certificate::CertificateFacts;
pub(crate) use line::{Line, Underway, Working};
pub(crate) use load::Held;
pub use private::EndpointPolicyError;
pub(crate) use remains::Remains;
pub use tls::{CertificateError, Certificates};

use crate::config::Config;
use crate::figures::ConnectionFigures;
use crate::front::{Endpoint, Front};
use connection::{Accepted, Shared, Stage};
use lanes::Lanes;
use slots::Slots;

/// How long to wait before accepting again when the system refuses, as it does without free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long cut connections may take to be gone.
const CUT_MAX: Duration = Duration::from_secs(1);

/// Why the port cannot be opened.
#[derive(Debug, Error)]
pub enum ListenError {
    /// An address cannot be bound.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The policy of a private endpoint cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointPolicyError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The TLS library refuses its configuration.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The threads that serve connections cannot be started.
    #[error("cannot start the threads that serve connections: {0}")]
    Threads(io::Error),
    /// Hang-up signals cannot be listened for.
    #[error("cannot listen for hang-up signals: {0}")]
    HangUp(io::Error),
}

/// An address that is listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The address, with the port that was taken.
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// The id of the private endpoint that it stands for.
    pub endpoint: Option<Arc<str>>,
}

/// The bound addresses. Clients can connect from now on; they are served once [`serve`] runs.
pub struct Listeners {
    listeners: Vec<Listener>,
    certificates: Option<Arc<Certificates>>,
    hang_up: Option<tls::HangUp>,
    lanes: Lanes,
}

struct Listener {
    socket: TcpListener,
    bound: Bound,
    tls: Option<TlsAcceptor>,
    /// The private endpoint that it stands for.
    endpoint: Option<Arc<PrivateEndpoint>>,
}

impl Listeners {
    /// Reads the certificate and binds every address of `config`. With a certificate, hang-up signals ask for a look
    /// at its files from now on. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the certificate cannot be used or an address cannot be bound.
    pub async fn bind(config: &Config) -> Result<Self, ListenError> {
        let certificates = Certificates::load(&config.tls)?;
        let acceptor = match &certificates {
            Some(certificates) => Some(TlsAcceptor::from(certificates.server_config()?)),
            None => None,
        };
        let hang_up = match certificates {
            Some(_) => Some(tls::HangUp::listen().map_err(ListenError::HangUp)?),
            None => None,
        };
        let mut listeners = Vec::new();
        for address in &config.listen.addresses {
            listeners.push(Listener::bind(*address, acceptor.clone(), None).await?);
        }
        for address in &config.listen.plain_addresses {
            listeners.push(Listener::bind(*address, None, None).await?);
        }
        for config in &config.private_endpoints {
            let endpoint = private::open(config)?;
            listeners.push(Listener::bind(config.address, acceptor.clone(), Some(endpoint)).await?);
        }
        let lanes = Lanes::start().map_err(ListenError::Threads)?;
        Ok(Self { listeners, certificates, hang_up, lanes })
    }

    /// The bound addresses, `listen.addresses` first, in their order; private endpoints last.
    #[must_use]
    pub fn addresses(&self) -> Vec<Bound> {
        self.listeners.iter().map(|listener| listener.bound.clone()).collect()
    }

    /// The certificate in use, when there is one; to have it looked at by other means than a signal.
    #[must_use]
    pub fn certificates(&self) -> Option<Arc<Certificates>> {
        self.certificates.clone()
    }
}

impl Listener {
    async fn bind(
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
        endpoint: Option<Arc<PrivateEndpoint>>,
    ) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Bind { address, source };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let bound = Bound {
            address: socket.local_addr().map_err(failed)?,
            tls: tls.is_some(),
            endpoint: endpoint.as_ref().map(|endpoint| Arc::clone(&endpoint.id)),
        };
        Ok(Self { socket, bound, tls, endpoint })
    }
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Connections with requests that were not finished within `limits.shutdown_ms_max`; 0 after an orderly stop.
    pub unfinished: usize,
}

/// Serves `endpoint` until `stop` resolves. Then no connection is accepted any more, idle ones are closed, requests
/// under way are finished within `limits.shutdown_ms_max`, the rest is cut off.
pub async fn serve(
    listeners: Listeners,
    endpoint: Arc<dyn Endpoint>,
    stop: impl Future<Output = ()>,
    config: &Config,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Stopped {
    let Listeners { listeners, certificates, hang_up, lanes } = listeners;
    let figures = endpoint.connections();
    let slots = Slots::new(&config.limits, &figures);
    let front = Arc::new(Front::new(Arc::clone(&endpoint), clock, config, Handle::current()));
    let shared = Arc::new(Shared::new(front, random, &config.limits));
    let (stage, stages) = watch::channel(Stage::Serving);
    let freshness = certificates.zip(hang_up).map(|(certificates, hang_up)| {
        let interval = Duration::from_millis(config.tls.reload_ms);
        tokio::spawn(tls::keep_fresh(certificates, interval, hang_up))
    });
    tokio::select! {
        () = stop => {}
        () = accept(&listeners, &slots, &lanes, (&shared, &figures), &stages) => {}
    }
    drop(listeners);
    if let Some(freshness) = freshness {
        freshness.abort();
    }
    endpoint.stopping();
    stage.send_replace(Stage::Stopping);
    let orderly = timeout(Duration::from_millis(config.limits.shutdown_ms_max), slots.all_free()).await;
    let unfinished = if orderly.is_ok() { 0 } else { slots.taken() };
    if unfinished > 0 {
        stage.send_replace(Stage::Cutting);
        // What is left after that is work whose end nobody waits for.
        drop(timeout(CUT_MAX, slots.all_free()).await);
    }
    Stopped { unfinished }
}

/// Accepts connections for ever. When there is no place for one, the longest idle connection makes room.
async fn accept(
    listeners: &[Listener],
    slots: &Slots,
    lanes: &Lanes,
    (shared, figures): (&Arc<Shared>, &ConnectionFigures),
    stages: &watch::Receiver<Stage>,
) {
    let mut first = 0;
    loop {
        let (at, accepted) = next(listeners, first).await;
        // The listener that was just served comes last next time.
        first = at + 1;
        match accepted {
            Ok((stream, peer, tls, endpoint)) => {
                let Some(seat) = slots.seat(peer.ip()) else {
                    figures.refused();
                    tracing::debug!(%peer, "the address has as many connections as it may");
                    continue;
                };
                // This one waits for its place, and those behind it in the system's queue.
                let Some(slot) = slots.place(seat, || make_room(shared, figures)).await else { return };
                match stream.into_std() {
                    Ok(stream) => {
                        let accepted = Accepted { stream, peer, tls, endpoint, slot };
                        lanes.spawn(connection::serve(accepted, Arc::clone(shared), stages.clone()));
                    }
                    Err(error) => tracing::warn!(%peer, %error, "a connection could not be handed on"),
                }
            }
            // The client was gone before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn make_room(shared: &Shared, figures: &ConnectionFigures) {
    figures.evicted();
    shared.lines.close_longest_idle();
}

type Incoming = (TcpStream, SocketAddr, Option<TlsAcceptor>, Option<Arc<PrivateEndpoint>>);

/// The next connection of any listener, and that listener's place; `first` is asked first.
async fn next(listeners: &[Listener], first: usize) -> (usize, io::Result<Incoming>) {
    poll_fn(|context| {
        for at in (0..listeners.len()).map(|offset| (first + offset) % listeners.len()) {
            let Some(listener) = listeners.get(at) else { continue };
            if let Poll::Ready(accepted) = listener.socket.poll_accept(context) {
                let (tls, endpoint) = (listener.tls.clone(), listener.endpoint.clone());
                return Poll::Ready((at, accepted.map(|(stream, peer)| (stream, peer, tls, endpoint))));
            }
        }
        Poll::Pending
    })
    .await
}
