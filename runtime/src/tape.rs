//! A request's body, kept while it passes, so that the request can be handled once more.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use wasmtime_wasi_http::{Error, WasiBody};

/// The largest body that is kept: the default limit of a route.
const MOST_BYTES: usize = 256 << 10;

/// What has passed of a body.
#[derive(Clone, Default)]
pub(crate) struct Tape(Arc<Mutex<Passed>>);

#[derive(Default)]
struct Passed {
    /// Shared with the body, not copied from it.
    pieces: Vec<Bytes>,
    bytes: usize,
    ended: bool,
    /// There was more than is kept, or it broke off.
    lost: bool,
}

impl Tape {
    /// A body that is the same, and keeps what passes.
    pub(crate) fn record(&self, body: WasiBody) -> WasiBody {
        let mut recorded = Recorded { body, tape: self.clone() };
        recorded.note_end();
        recorded.boxed_unsync()
    }

    /// The whole body again, once; `None` where the guest has not read all of it, or it was too large.
    pub(crate) fn replay(&self) -> Option<WasiBody> {
        let passed = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let body = || Full::new(Bytes::from(passed.pieces.concat())).map_err(|never| match never {}).boxed_unsync();
        (passed.ended && !passed.lost).then(body)
    }
}

/// A body whose pieces are kept.
struct Recorded {
    body: WasiBody,
    tape: Tape,
}

impl Recorded {
    fn note_end(&mut self) {
        if self.body.is_end_stream() {
            self.tape.0.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        }
    }

    fn note(&self, piece: Option<&Result<Frame<Bytes>, Error>>) {
        let mut passed = self.tape.0.lock().unwrap_or_else(PoisonError::into_inner);
        match piece {
            None => passed.ended = true,
            Some(Ok(frame)) => match frame.data_ref() {
                Some(data) if passed.bytes + data.len() <= MOST_BYTES => {
                    passed.bytes += data.len();
                    passed.pieces.push(data.clone());
                }
                _ => passed.lost = true,
            },
            Some(Err(_)) => passed.lost = true,
        }
        if passed.lost {
            passed.pieces = Vec::new();
        }
    }
}

impl Body for Recorded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.note(piece.as_ref());
        self.note_end();
        Poll::Ready(piece)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
