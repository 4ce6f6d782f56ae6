//! A sink that is an open file, such as standard output: a line a record.

use std::io::IoSlice;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::{Errno, ReadWriteFlags, pwritev2, write};

use crate::{Batch, Sink, SinkError, SinkFuture, Taken, unavailable};

/// Bytes of a write that may wait. A pipe that can be written to has room for so many.
const WRITE_BYTES_MAX: usize = 4096;
/// Bytes of a write that waits for nobody.
const PIECE_BYTES_MAX: usize = 256 * 1024;
/// The place of a file that is where it is.
const HERE: u64 = u64::MAX;
/// Between two looks whether it can be written to, in ms.
const LOOK_MS: u64 = 20;
/// Writes before others are let in between.
const WRITES_MAX: u32 = 64;

/// An open file that records are written to. It is never waited for within a write: whoever reads it may be stopped.
#[derive(Debug)]
pub struct Output<F> {
    file: F,
    name: String,
    way: Way,
    /// Bytes of the present batch that are written.
    written: usize,
}

/// How something is written without waiting for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A file on a disk has no reader.
    File,
    /// The system is told not to wait.
    AtOnce,
    /// The system cannot be told that: as little is written as there is room for in any case.
    Little,
}

impl<F: AsFd + Send> Output<F> {
    /// The file `file`, called `name`.
    pub fn new(file: F, name: &str) -> Self {
        let is_file = fstat(&file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
        let way = if is_file { Way::File } else { Way::AtOnce };
        Self { file, name: name.to_owned(), way, written: 0 }
    }

    /// Writes some of `rest`; none when there is no room now.
    fn write_some(&mut self, rest: &[u8]) -> Result<Option<usize>, SinkError> {
        let piece = rest.get(..PIECE_BYTES_MAX).unwrap_or(rest);
        let written = match self.way {
            Way::File => write(&self.file, piece),
            Way::AtOnce => match pwritev2(&self.file, &[IoSlice::new(piece)], HERE, ReadWriteFlags::NOWAIT) {
                Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS | Errno::SPIPE | Errno::PERM) => {
                    self.way = Way::Little;
                    return self.write_some(rest);
                }
                written => written,
            },
            Way::Little if !self.has_room()? => return Ok(None),
            Way::Little => write(&self.file, rest.get(..WRITE_BYTES_MAX).unwrap_or(rest)),
        };
        match written {
            Ok(count) => Ok(Some(count)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Whether something can be written now.
    fn has_room(&self) -> Result<bool, SinkError> {
        let mut asked = [PollFd::new(&self.file, PollFlags::OUT)];
        match poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(0) | Err(Errno::INTR) => Ok(false),
            // An error of the file is told by the write.
            Ok(_) => Ok(true),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn write_out(&mut self, batch: &Batch) -> Result<Taken, SinkError> {
        let bytes = batch.text().as_bytes();
        let mut writes: u32 = 0;
        while let Some(rest) = bytes.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.write_some(rest)? {
                Some(count) => self.written = self.written.saturating_add(count),
                None => tokio::time::sleep(Duration::from_millis(LOOK_MS)).await,
            }
            writes = writes.wrapping_add(1);
            if writes.is_multiple_of(WRITES_MAX) {
                tokio::task::yield_now().await;
            }
        }
        self.written = 0;
        Ok(Taken::default())
    }
}

impl<F: AsFd + Send + Sync> Sink for Output<F> {
    fn describe(&self) -> String {
        self.name.clone()
    }

    fn send<'a>(&'a mut self, batch: &'a Batch) -> SinkFuture<'a, Taken> {
        Box::pin(self.write_out(batch))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::record::tests::batch;

    #[tokio::test]
    async fn a_reader_that_stops_holds_nobody_up_and_gets_each_line_once() {
        for way in [Way::AtOnce, Way::Little] {
            stops_and_goes_on(way).await;
        }
    }

    async fn stops_and_goes_on(way: Way) {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut output = Output::new(writer, "standard output");
        output.way = way;
        let records = batch(0..2000);
        // More than a pipe holds: the future is let go in the midst of a line, and again.
        for _ in 0..2 {
            let cut = tokio::time::timeout(Duration::from_millis(60), output.send(&records)).await;
            assert!(cut.is_err());
        }
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        assert_eq!(output.send(&records).await.unwrap(), Taken::default());
        assert_eq!(output.send(&batch(2000..2001)).await.unwrap(), Taken::default());
        drop(output);
        let expected: Vec<String> = batch(0..2001).records().map(|record| record.line().to_owned()).collect();
        assert_eq!(reading.join().unwrap().unwrap().lines().collect::<Vec<_>>(), expected);
    }

    #[tokio::test]
    async fn a_reader_that_is_gone_is_told() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let error = Output::new(writer, "o").send(&batch(0..1)).await.unwrap_err();
        assert!(error.to_string().contains("pipe"), "{error}");
    }

    #[tokio::test]
    async fn a_file_is_written_to_like_a_pipe() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        Output::new(file.reopen().unwrap(), "f").send(&batch(0..3)).await.unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text.lines().count(), 3);
    }
}
