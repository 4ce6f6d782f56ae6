//! A proxy before the database that cuts or freezes connections at the places where that hurts most.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Carries everything.
pub const CARRY: u8 = 0;
/// Carries the next COMMIT to the database, and no answer back: the connection ends.
pub const CUT_AFTER_COMMIT: u8 = 1;
/// Ends the connection in place of the next COMMIT.
pub const CUT_BEFORE_COMMIT: u8 = 2;
/// As [`CUT_AFTER_COMMIT`], and takes no new connections from then on.
pub const CUT_AND_CLOSE: u8 = 3;
/// Stops carrying to the database behind the next beginning of a transaction, until [`Proxy::thaw`].
pub const FREEZE: u8 = 4;
/// Takes no connections.
pub const CLOSED: u8 = 5;

/// A running proxy.
pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
}

struct State {
    mode: AtomicU8,
    hits: AtomicUsize,
    open: AtomicUsize,
    thawed: Notify,
}

impl Proxy {
    /// Before the database on `to`.
    pub async fn before(to: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State {
            mode: AtomicU8::new(CARRY),
            hits: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            thawed: Notify::new(),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if shared.mode.load(Ordering::SeqCst) == CLOSED {
                    continue;
                }
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else { continue };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let back = tokio::spawn(copy(from_server, to_client));
                let state = Arc::clone(&shared);
                state.open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    carry(from_client, to_server, &state, &back).await;
                    back.abort();
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, state }
    }

    /// The URL `url` with this in place of the database.
    pub fn url(&self, url: &str, port: u16) -> String {
        url.replace(&format!(":{port}/"), &format!(":{}/", self.port))
    }

    pub fn set(&self, mode: u8) {
        self.state.mode.store(mode, Ordering::SeqCst);
    }

    /// How often a connection was cut or frozen.
    pub fn hits(&self) -> usize {
        self.state.hits.load(Ordering::SeqCst)
    }

    /// Connections that it carries.
    pub fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    pub fn thaw(&self) {
        self.state.thawed.notify_waiters();
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State, back: &tokio::task::JoinHandle<()>) {
    let mut buffer = vec![0; 1024 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 {
            return;
        }
        let bytes = &buffer[..read];
        let mode = state.mode.load(Ordering::SeqCst);
        let hit = match mode {
            CUT_AFTER_COMMIT | CUT_BEFORE_COMMIT | CUT_AND_CLOSE => holds(bytes, b"COMMIT\0"),
            FREEZE => holds(bytes, b"BEGIN ISOLATION"),
            _ => false,
        };
        let next = if mode == CUT_AND_CLOSE { CLOSED } else { CARRY };
        if hit && state.mode.compare_exchange(mode, next, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            state.hits.fetch_add(1, Ordering::SeqCst);
            match mode {
                CUT_BEFORE_COMMIT => return,
                FREEZE => {
                    let thawed = state.thawed.notified();
                    if to.write_all(bytes).await.is_err() {
                        return;
                    }
                    thawed.await;
                    continue;
                }
                _ => {
                    back.abort();
                    let _ = to.write_all(bytes).await;
                    // The database carries it out meanwhile.
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                    return;
                }
            }
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
