//! An input: an HTTP/1.1 request as text, whose headers below `x-fuzz-` speak to the target and not to the gate.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use crate::NOW;

/// The start of the names of headers that speak to the target, which knows them by the rest.
const CONTROL: &str = "x-fuzz-";

/// More headers than a host lets through would only be slower.
const MAX_HEADERS: usize = 100;

/// The most bytes that a body has after its repetition: somewhat more than routes accept.
const MAX_BODY_BYTES: usize = 512 * 1024;

/// What stands before and after the piece of a body that is repeated.
const REPEATED: &[u8] = b"@@";

/// A request, and what its input says to the target.
#[derive(Debug, Clone)]
pub struct Input {
    /// The request. Its body is all that follows the head, whatever a header says of its length.
    pub request: Request<Bytes>,
    controls: BTreeMap<String, Vec<u8>>,
}

impl Input {
    /// Reads an input; `None` where a host would not hand it on.
    ///
    /// A body's piece between `@@` and `@@` is repeated as often as `x-fuzz-times` says: a short input is then a large
    /// request, and what takes more than linear time or memory shows.
    pub fn read(data: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(data).ok()? else { return None };
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = head.method?.parse().ok()?;
        *request.uri_mut() = head.path?.parse().ok()?;
        let mut controls = BTreeMap::new();
        for header in head.headers.iter() {
            let name: HeaderName = header.name.parse().ok()?;
            match name.as_str().strip_prefix(CONTROL) {
                Some(name) => {
                    controls.insert(name.to_owned(), header.value.to_vec());
                }
                None => {
                    request.headers_mut().append(name, HeaderValue::from_bytes(header.value).ok()?);
                }
            }
        }
        let mut input = Self { request, controls };
        let body = &data[length..];
        let repeated = input.number("times").and_then(|times| repeat(body, usize::try_from(times).ok()?));
        *input.request.body_mut() = repeated.map_or_else(|| Bytes::copy_from_slice(body), Bytes::from);
        Some(input)
    }

    /// What the input says under a name.
    pub fn control(&self, name: &str) -> Option<&[u8]> {
        self.controls.get(name).map(Vec::as_slice)
    }

    /// The time of day, in Unix seconds, until some thousand years from now.
    pub fn now(&self) -> u64 {
        self.number("now").map_or(NOW, |now| now % (1 << 36))
    }

    /// A number that the input says under a name.
    pub fn number(&self, name: &str) -> Option<u64> {
        std::str::from_utf8(self.control(name)?).ok()?.trim().parse().ok()
    }
}

/// A body with its repeated piece; `None` where there is none.
fn repeat(body: &[u8], times: usize) -> Option<Vec<u8>> {
    let mark = |bytes: &[u8]| bytes.windows(REPEATED.len()).position(|window| window == REPEATED);
    let start = mark(body)?;
    let rest = &body[start + REPEATED.len()..];
    let piece = &rest[..mark(rest)?];
    let after = &rest[piece.len() + REPEATED.len()..];
    let room = MAX_BODY_BYTES.saturating_sub(start + after.len());
    let times = times.min(room / piece.len().max(1));
    Some([&body[..start], &piece.repeat(times), after].concat())
}

/// The input for a request.
pub fn text(request: &Request<Bytes>, controls: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("{} {} HTTP/1.1\n", request.method(), request.uri()).into_bytes();
    for (name, value) in controls {
        text.extend(format!("{CONTROL}{name}: {value}\n").bytes());
    }
    write(&mut text, request.headers());
    text.extend(b"\n");
    text.extend(request.body());
    text
}

fn write(text: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat());
    }
}

/// The input for a request, with nothing to say to the target.
pub(crate) fn plain(request: http::request::Builder, body: impl Into<Bytes>) -> Vec<u8> {
    text(&request.body(body.into()).unwrap(), &[])
}
