//! How documents of providers come here: the network is handed in.

use std::future::Future;
use std::pin::Pin;

use thiserror::Error;

use super::Thumbprint;

/// A document to get, and what it may cost.
#[derive(Clone, Copy, Debug)]
pub struct FetchRequest<'a> {
    /// Where it is, a URL.
    pub url: &'a str,
    /// SHA-1 of certificates: one that stands at the top of the server's chain is as good as a trusted root.
    pub thumbprints: &'a [Thumbprint],
    /// Bytes that are read at most.
    pub bytes_max: usize,
    /// Milliseconds from the first look-up of the name to the last byte.
    pub time_ms_max: u64,
}

/// A document under way.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, FetchError>> + Send + 'a>>;

/// Gets documents over the network.
pub trait Fetch: Send + Sync + 'static {
    /// Gets a document, following no redirection.
    ///
    /// # Errors
    /// Whatever else than the whole document within its bounds.
    fn get<'a>(&'a self, request: FetchRequest<'a>) -> Fetching<'a>;
}

/// Why a document did not come.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FetchError {
    /// The URL is none that is asked, or leads to an address that is not.
    #[error("not asked: {0}")]
    Refused(String),
    /// The server could not be reached, or broke off.
    #[error("not reached: {0}")]
    Unreachable(String),
    /// The server's certificate is not trusted.
    #[error("its certificate is not trusted: {0}")]
    Certificate(String),
    /// The server answered with another status than 200.
    #[error("it answered with status {0}")]
    Status(u16),
    /// The document has more bytes than it may.
    #[error("the document is larger than {0} bytes")]
    Size(usize),
    /// It took longer than it may.
    #[error("it took longer than {0} ms")]
    Time(u64),
}
