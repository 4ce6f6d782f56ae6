//! Wraps anew in the background, under the first root of trust, what other configured ones wrap.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use strongroom_core::rewrapping::{Rewrapped, rewrap};
use strongroom_core::{Documents, Error};
use strongroom_crypto::{Context, Random, RootError, RootOfTrust, Sealed};
use strongroom_types::SecretBytes;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::gate::fault_text;

/// Before work that a root or the store has hindered is tried again, in ms.
const HINDERED_MS: u64 = 600_000;

/// What is to be looked through.
#[derive(Clone)]
pub(crate) struct Rewrapping {
    pub(crate) documents: Arc<Documents>,
    pub(crate) root: Arc<dyn RootOfTrust>,
}

/// Goes on until everything is wrapped by the first root, or the server stops. That it is hindered is no fault of the
/// server: everything opens as before.
pub(crate) async fn until_done(work: Rewrapping, mut stopped: watch::Receiver<bool>) {
    let stop = Arc::new(AtomicBool::new(false));
    loop {
        let (work, runtime, flag) = (work.clone(), Handle::current(), Arc::clone(&stop));
        let root = Stoppable { root: work.root, stop: flag };
        // Roots may block.
        let running = tokio::task::spawn_blocking(move || runtime.block_on(rewrap(&work.documents, &root, false)));
        let done = tokio::select! {
            done = running => done.unwrap_or_else(|error| Err(Error::internal(error.to_string()))),
            _ = stopped.changed() => {
                stop.store(true, Ordering::SeqCst);
                return;
            }
        };
        match done {
            Ok(Rewrapped { anew: 0, .. }) => return,
            Ok(Rewrapped { anew, .. }) => {
                info!("wrapped {anew} keys anew under the first root of trust: nothing hangs on the others now");
                return;
            }
            Err(error) => {
                warn!(fault = %fault_text(&error), "keys of other roots of trust cannot be wrapped anew yet");
            }
        }
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(Duration::from_millis(HINDERED_MS)) => {}
        }
    }
}

/// A root that is not asked any more once the server stops.
struct Stoppable {
    root: Arc<dyn RootOfTrust>,
    stop: Arc<AtomicBool>,
}

impl Stoppable {
    fn asked(&self) -> Result<&dyn RootOfTrust, RootError> {
        if self.stop.load(Ordering::SeqCst) {
            return Err(RootError::Unavailable { name: self.describe(), reason: "the server stops".to_owned() });
        }
        Ok(self.root.as_ref())
    }
}

impl RootOfTrust for Stoppable {
    fn describe(&self) -> String {
        self.root.describe()
    }

    fn wrap(&self, random: &dyn Random, context: &Context, key: &SecretBytes) -> Result<Sealed, RootError> {
        self.asked()?.wrap(random, context, key)
    }

    fn unwrap(&self, context: &Context, wrapped: &Sealed) -> Result<SecretBytes, RootError> {
        self.asked()?.unwrap(context, wrapped)
    }

    fn is_current(&self, context: &Context, wrapped: &Sealed) -> Result<bool, RootError> {
        self.asked()?.is_current(context, wrapped)
    }
}
