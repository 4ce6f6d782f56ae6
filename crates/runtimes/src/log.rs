//! What a process prints: a pipe that is read as it fills, and the bounded memory of its end.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_types::SecretBytes;
use tokio::net::unix::pipe::Receiver;

/// Bytes that are read from the pipe at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// Bytes that wait in a pipe at most, as the system makes them.
const PIPE_BYTES: usize = 64 * 1024;

/// The output of one process, standard output and standard error in their order.
pub struct Log {
    pipe: Receiver,
    /// The same pipe, to read at once what the runtime has not been told of yet.
    same: OwnedFd,
    end: Mutex<End>,
}

struct End {
    bytes: Vec<u8>,
    bytes_max: usize,
    cut: bool,
}

impl Drop for End {
    /// A function may have printed a secret.
    fn drop(&mut self) {
        drop(SecretBytes::new(std::mem::take(&mut self.bytes)));
    }
}

impl End {
    fn push(&mut self, bytes: &[u8]) {
        let all = self.bytes.len() + bytes.len();
        if let Some(excess) = all.checked_sub(self.bytes_max).filter(|excess| *excess > 0) {
            self.cut = true;
            let excess_here = excess.min(self.bytes.len());
            self.bytes.drain(..excess_here);
            self.bytes.extend_from_slice(bytes.get(excess - excess_here..).unwrap_or_default());
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

impl Log {
    /// A pipe and its end for the process.
    ///
    /// # Errors
    /// When the system gives no pipe.
    pub fn open(bytes_max: usize) -> io::Result<(Arc<Self>, OwnedFd)> {
        let (read, write) = std::io::pipe()?;
        let read = OwnedFd::from(read);
        let same = read.try_clone()?;
        let end = Mutex::new(End { bytes: Vec::with_capacity(bytes_max), bytes_max, cut: false });
        Ok((Arc::new(Self { pipe: Receiver::from_owned_fd(read)?, same, end }), OwnedFd::from(write)))
    }

    /// Reads until nobody can write any more.
    pub async fn follow(&self) {
        let mut chunk = [0_u8; CHUNK_BYTES];
        while self.pipe.readable().await.is_ok() {
            match self.pipe.try_read(&mut chunk) {
                Ok(0) => return,
                Ok(bytes) => self.push(chunk.get(..bytes).unwrap_or_default()),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => return,
            }
        }
    }

    /// Takes in what is there now: at most what fits into a pipe, since whoever prints without end would keep the thread
    /// here, and with it all other functions.
    pub fn drain(&self) {
        let mut chunk = [0_u8; CHUNK_BYTES];
        let mut left = PIPE_BYTES;
        while left > 0 {
            match rustix::io::read(&self.same, &mut chunk) {
                Ok(bytes) if bytes > 0 => {
                    self.push(chunk.get(..bytes).unwrap_or_default());
                    left = left.saturating_sub(bytes);
                }
                Err(rustix::io::Errno::INTR) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Adds to the log.
    pub fn push(&self, bytes: &[u8]) {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }

    /// Takes what there is, its last `bytes_max` bytes from a line's beginning on.
    pub fn take(&self, bytes_max: usize) -> SecretBytes {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let room = end.bytes_max;
        let whole = SecretBytes::new(std::mem::replace(&mut end.bytes, Vec::with_capacity(room)));
        let cut = std::mem::take(&mut end.cut);
        drop(end);
        tail(&whole, bytes_max, cut)
    }
}

/// The last `bytes_max` bytes, from the first whole line among them on if there is one.
fn tail(whole: &SecretBytes, bytes_max: usize, cut: bool) -> SecretBytes {
    let bytes = whole.expose();
    if bytes.len() <= bytes_max && !cut {
        return whole.clone();
    }
    let start = bytes.len().saturating_sub(bytes_max);
    let last = bytes.get(start..).unwrap_or_default();
    let line = last.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines = last.get(line..).filter(|lines| !lines.is_empty()).unwrap_or(last);
    SecretBytes::new(lines.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_and_bounded() {
        let mut end = End { bytes: Vec::new(), bytes_max: 5, cut: false };
        end.push(b"abc");
        assert!(!end.cut);
        end.push(b"defg");
        assert_eq!(end.bytes, b"cdefg");
        end.push(b"0123456789");
        assert_eq!(end.bytes, b"56789");
        assert!(end.cut);
    }

    #[test]
    fn a_tail_begins_with_a_line() {
        let whole = SecretBytes::new(b"one\ntwo\nthree\n".to_vec());
        assert_eq!(tail(&whole, 100, false).expose(), whole.expose());
        assert_eq!(tail(&whole, 12, false).expose(), b"two\nthree\n");
        assert_eq!(tail(&whole, 3, false).expose(), b"ee\n");
    }
}
