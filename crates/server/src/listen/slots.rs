//! Places for connections: so many in all and, if configured, so many for one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::{Duration, timeout};

use crate::config::LimitsConfig;
use crate::figures::ConnectionFigures;

/// How long a connection that was asked to make room may take before another one is asked.
const ROOM_PAUSE: Duration = Duration::from_millis(100);

/// The places.
#[derive(Clone)]
pub(super) struct Slots {
    all: Arc<Semaphore>,
    count: u32,
    per_peer: Option<Arc<Peers>>,
    figures: Arc<ConnectionFigures>,
}

struct Peers {
    most: u32,
    open: Mutex<HashMap<IpAddr, u32>>,
}

/// One connection's place; free again when dropped.
pub(super) struct Slot {
    _place: OwnedSemaphorePermit,
    _peer: Option<PeerPlace>,
    figures: Arc<ConnectionFigures>,
}

/// A connection's place among those of its address, before it has one among all.
pub(super) struct Seat(Option<PeerPlace>);

struct PeerPlace {
    peers: Arc<Peers>,
    address: IpAddr,
}

impl Slots {
    pub(super) fn new(limits: &LimitsConfig, figures: &Arc<ConnectionFigures>) -> Self {
        let count = limits.connections_max;
        let places = usize::try_from(count).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let per_peer = limits.connections_per_peer_max;
        Self {
            all: Arc::new(Semaphore::new(places)),
            count,
            figures: Arc::clone(figures),
            per_peer: per_peer.map(|most| Arc::new(Peers { most, open: Mutex::default() })),
        }
    }

    /// A seat for a connection from `address`; none when that address has all it may have.
    pub(super) fn seat(&self, address: IpAddr) -> Option<Seat> {
        match &self.per_peer {
            Some(peers) => Peers::take(peers, address.to_canonical()).map(|place| Seat(Some(place))),
            None => Some(Seat(None)),
        }
    }

    /// Waits for a free place. While there is none, asks again and again that room be made.
    pub(super) async fn place(&self, seat: Seat, make_room: impl Fn()) -> Option<Slot> {
        loop {
            let place = match Arc::clone(&self.all).try_acquire_owned() {
                Ok(place) => place,
                Err(TryAcquireError::Closed) => return None,
                Err(TryAcquireError::NoPermits) => {
                    make_room();
                    match timeout(ROOM_PAUSE, Arc::clone(&self.all).acquire_owned()).await {
                        Ok(place) => place.ok()?,
                        Err(_) => continue,
                    }
                }
            };
            self.figures.opened();
            return Some(Slot { _place: place, _peer: seat.0, figures: Arc::clone(&self.figures) });
        }
    }

    /// Waits until every place is free.
    pub(super) async fn all_free(&self) {
        // Fails only when the semaphore is closed, which nobody does.
        drop(self.all.acquire_many(self.count).await);
    }

    /// How many places are taken.
    pub(super) fn taken(&self) -> usize {
        usize::try_from(self.count).unwrap_or(usize::MAX).saturating_sub(self.all.available_permits())
    }

    #[cfg(test)]
    pub(super) fn try_take(&self, address: IpAddr) -> Option<Slot> {
        let seat = self.seat(address)?;
        let place = Arc::clone(&self.all).try_acquire_owned().ok()?;
        self.figures.opened();
        Some(Slot { _place: place, _peer: seat.0, figures: Arc::clone(&self.figures) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.figures.closed();
    }
}

impl Peers {
    fn take(peers: &Arc<Self>, address: IpAddr) -> Option<PeerPlace> {
        let mut open = peers.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_insert(0);
        if *count >= peers.most {
            return None;
        }
        *count += 1;
        Some(PeerPlace { peers: Arc::clone(peers), address })
    }
}

impl Drop for PeerPlace {
    fn drop(&mut self) {
        let mut open = self.peers.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places() {
        let limits = LimitsConfig { connections_max: 3, connections_per_peer_max: Some(1), ..LimitsConfig::default() };
        let slots = Slots::new(&limits, &Arc::default());
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = slots.try_take(one).unwrap();
        assert!(slots.try_take("::ffff:192.0.2.1".parse().unwrap()).is_none());
        let second = slots.try_take(other).unwrap();
        assert_eq!(slots.taken(), 2);
        drop(first);
        assert!(slots.try_take(one).is_some());
        drop(second);
        assert_eq!(slots.taken(), 0);
    }
}
