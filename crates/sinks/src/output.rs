//! A sink that is an open file, such as standard output: a line a record.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, write};

use crate::{Batch, Sink, SinkError, SinkFuture, Taken, unavailable};

/// Bytes of one write. A pipe that can be written to has room for so many.
const WRITE_BYTES_MAX: usize = 4096;
/// Between two looks whether it can be written to, in ms.
const LOOK_MS: u64 = 20;
/// Writes before others are let in between.
const WRITES_MAX: u32 = 64;

/// An open file that records are written to. It is never waited for within a write: whoever reads it may be stopped.
#[derive(Debug)]
pub struct Output<F> {
    file: F,
    name: String,
    /// Bytes of the present batch that are written.
    written: usize,
}

impl<F: AsFd + Send> Output<F> {
    /// The file `file`, called `name`.
    pub fn new(file: F, name: &str) -> Self {
        Self { file, name: name.to_owned(), written: 0 }
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
        let mut bytes = Vec::with_capacity(batch.bytes());
        for record in batch.records() {
            bytes.extend_from_slice(record.line().as_bytes());
            bytes.push(b'\n');
        }
        let mut writes: u32 = 0;
        while let Some(rest) = bytes.get(self.written..).filter(|rest| !rest.is_empty()) {
            if !self.has_room()? {
                tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
                continue;
            }
            match write(&self.file, rest.get(..WRITE_BYTES_MAX).unwrap_or(rest)) {
                Ok(count) => self.written = self.written.saturating_add(count),
                Err(Errno::AGAIN | Errno::INTR) => tokio::time::sleep(Duration::from_millis(LOOK_MS)).await,
                Err(error) => return Err(unavailable(error)),
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
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut output = Output::new(writer, "standard output");
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
        let expected: Vec<String> = batch(0..2001).records().iter().map(|r| r.line().to_owned()).collect();
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
