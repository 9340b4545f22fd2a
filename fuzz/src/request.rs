//! An input: an HTTP/1.1 request as text, whose headers starting with `x-fuzz-` are for the target and not for the
//! gate.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use crate::NOW;

/// The headers for targets, without the prefix `x-fuzz-`.
const CONTROL: &str = "x-fuzz-";

/// More headers than a host accepts would only be slower.
const MAX_HEADERS: usize = 100;

/// A request, and the headers for the target.
#[derive(Debug, Clone)]
pub struct Input {
    /// The request. Its body is everything after the head, whatever a header says about its length.
    pub request: Request<Bytes>,
    controls: BTreeMap<String, Vec<u8>>,
}

impl Input {
    /// Reads an input; `None` if it is not a request that a host would pass on.
    pub fn read(data: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(data).ok()? else { return None };
        let mut request = Request::new(Bytes::copy_from_slice(&data[length..]));
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
        Some(Self { request, controls })
    }

    /// The value of a header for the target.
    pub fn control(&self, name: &str) -> Option<&[u8]> {
        self.controls.get(name).map(Vec::as_slice)
    }

    /// The time of day, in Unix seconds, until some thousand years from now.
    pub fn now(&self) -> u64 {
        self.number("now").map_or(NOW, |now| now % (1 << 36))
    }

    /// The number in a header for the target.
    pub fn number(&self, name: &str) -> Option<u64> {
        std::str::from_utf8(self.control(name)?).ok()?.trim().parse().ok()
    }
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
