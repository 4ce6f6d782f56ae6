//! A connection's bytes: plain or TLS, the first of them looked at to tell HTTP/1 from HTTP/2, incoming ones reported.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::line::Line;
use super::marks::Marks;

/// What a client that speaks HTTP/2 sends first (RFC 9113 section 3.4).
const H2_PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream of bytes.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The first bytes of a connection, read to see which protocol it speaks.
pub(super) struct Opening {
    pub(super) h2: bool,
    bytes: [u8; H2_PREFACE.len()],
    count: usize,
}

impl Stream {
    /// Reads until the protocol is known. At the stream's end the protocol is HTTP/1, which copes with it.
    pub(super) async fn opening(&mut self) -> io::Result<Opening> {
        let mut opening = Opening { h2: false, bytes: [0; H2_PREFACE.len()], count: 0 };
        loop {
            let read = self.read(opening.bytes.get_mut(opening.count..).unwrap_or_default()).await?;
            opening.count += read;
            let come = opening.bytes.get(..opening.count).unwrap_or_default();
            if read == 0 || !H2_PREFACE.starts_with(come) {
                return Ok(opening);
            }
            if opening.count == H2_PREFACE.len() {
                opening.h2 = true;
                return Ok(opening);
            }
        }
    }
}

/// A stream with its opening put back in front, that tells its line about incoming bytes.
pub(super) struct Socket {
    stream: Stream,
    opening: Opening,
    given: usize,
    line: Arc<Line>,
    /// Where bytes have come to lie.
    marks: Marks,
}

impl Socket {
    pub(super) fn new(stream: Stream, opening: Opening, line: Arc<Line>) -> Self {
        // The HTTP/2 library moves bytes about in other ways than marks know.
        let marks = if opening.h2 { Marks::unknown() } else { Marks::new() };
        Self { stream, opening, given: 0, line, marks }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // Whoever reads has found a place to read to, and let go of what was read before.
        this.line.remains.wipe(&mut this.marks);
        let begin = end_of(buffer);
        if this.given < this.opening.count {
            let left = this.opening.bytes.get(this.given..this.opening.count).unwrap_or_default();
            let fits = left.get(..left.len().min(buffer.remaining())).unwrap_or_default();
            buffer.put_slice(fits);
            this.given += fits.len();
            this.marks.add(begin..end_of(buffer));
            return Poll::Ready(Ok(()));
        }
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        let end = end_of(buffer);
        this.marks.add(begin..end);
        if end > begin {
            this.line.bytes_read();
        }
        polled
    }
}

/// The address behind what `buffer` holds.
fn end_of(buffer: &ReadBuf<'_>) -> usize {
    buffer.filled().as_ptr_range().end.addr()
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
