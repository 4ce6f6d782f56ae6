//! Where the trail's records go beside its files: standard output, syslog, an OTLP collector, a bucket, a webhook.
//!
//! A [`Sink`] takes one batch after the other. A [`Pump`] reads them from the trail, gives each to its sink until that has
//! it, and remembers how far it is: in order, at least once, with no more than one batch in memory.

mod archive;
mod headers;
mod otlp;
mod output;
mod protobuf;
mod pump;
mod record;
mod spare;
mod syslog;
mod webhook;

use std::future::Future;
use std::pin::Pin;

use thiserror::Error;

pub use archive::{Archive, ArchiveSettings};
pub use headers::HeaderSource;
pub use otlp::{Otlp, OtlpSettings};
pub use output::Output;
pub use pump::{Lag, Next, Pace, Progress, Pump, Saved, Trail};
pub use record::Batch;
pub use syslog::{Address, Facility, Framing, Identity, Syslog, SyslogSettings};
pub use webhook::{Webhook, WebhookSettings};

/// A future of a sink, boxed so that a sink can be used as `dyn Sink`.
pub type SinkFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, SinkError>> + Send + 'a>>;

/// Why a sink has not taken a batch. It is given the same batch again.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SinkError {
    /// Nobody is there, or what is there does not take it.
    #[error("{0}")]
    Unavailable(String),
    /// It was not taken in time.
    #[error("nothing was acknowledged within {ms} ms")]
    Time {
        /// The limit.
        ms: u64,
    },
}

/// What a sink has to say of a batch that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Records that the far side has refused one by one and would refuse again.
    pub refused: u64,
    /// Records that were too long for the way there; a mark with their event id went in their place.
    pub shortened: u64,
    /// Why, in words, where there are any of either.
    pub why: String,
}

/// Where records go.
pub trait Sink: Send {
    /// Where that is, for people.
    fn describe(&self) -> String;

    /// Whether what becomes of a batch there hangs on where it begins and ends: then that is written down before it is
    /// sent, so that the same batch is sent again after a crash.
    fn names_batches(&self) -> bool {
        false
    }

    /// Looks whether somebody is there who would take records, without sending any.
    fn reach(&mut self) -> SinkFuture<'_, ()> {
        Box::pin(async { self.send(&Batch::default()).await.map(drop) })
    }

    /// Sends a batch, and returns once the far side has all of it. After an error, or when the future was let go, it is
    /// given the same batch again, and may go on where it was.
    fn send<'a>(&'a mut self, batch: &'a Batch) -> SinkFuture<'a, Taken>;
}

fn unavailable(error: impl ToString) -> SinkError {
    SinkError::Unavailable(error.to_string())
}
