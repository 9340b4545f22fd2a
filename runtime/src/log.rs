//! The events that a host reports to its caller, and the guest's output as whole lines.

use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A line that the guest wrote to standard output, without its line break.
    Stdout(&'a str),
    /// A line that the guest wrote to standard error, without its line break.
    Stderr(&'a str),
    /// An instance ended with an error (trap, out of memory, out of time), in one sentence.
    Failed(&'a str),
    /// A request of the guest was denied or failed, in one sentence.
    Outbound(&'a str),
}

/// Receives events. Called from many threads; must not block for long.
pub type Log = Arc<dyn Fn(Event<'_>) + Send + Sync>;

/// A longer line is passed on in pieces of this many bytes.
const LINE_BYTES: usize = 256 << 10;

/// How many bytes a guest may write at once.
const WRITE_BYTES: usize = 64 << 10;

/// Which of the guest's streams a line comes from.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// One output stream of one instance; clones share the unfinished line.
#[derive(Clone)]
pub(crate) struct Lines(Arc<Mutex<PartialLine>>);

struct PartialLine {
    stream: Stream,
    log: Log,
    text: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(stream: Stream, log: Log) -> Self {
        Self(Arc::new(Mutex::new(PartialLine { stream, log, text: Vec::new() })))
    }

    fn push(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}

impl PartialLine {
    fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match piece.split_last() {
                Some((b'\n', rest)) => {
                    self.text.extend_from_slice(rest);
                    self.emit();
                }
                _ => self.text.extend_from_slice(piece),
            }
            if self.text.len() >= LINE_BYTES {
                self.emit();
            }
        }
    }

    fn emit(&mut self) {
        let line = String::from_utf8_lossy(&self.text);
        (self.log)(match self.stream {
            Stream::Out => Event::Stdout(&line),
            Stream::Err => Event::Stderr(&line),
        });
        self.text.clear();
    }
}

/// A guest's last output may lack its line break, especially if the guest failed.
impl Drop for PartialLine {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.emit();
        }
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

/// For guests that write through WASI 0.3.
impl AsyncWrite for Lines {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// For guests that write through WASI 0.2, as Rust's standard library does: needs no task.
impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}
