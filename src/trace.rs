//! W3C Trace Context: reads, passes on and logs the trace that a request belongs to.
//!
//! The gate does not pass on `tracestate`: it is text that a stranger chose, and no header of ours needs it.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header (Trace Context, 3.2).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The length of version 00: two, 32, 16 and two hexadecimal digits with dashes between.
const LENGTH: usize = 55;

/// The gate's span in a trace. `Display` gives the `traceparent` for calls that it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    trace: u128,
    span: u64,
    flags: u8,
}

impl Trace {
    /// Continues the caller's trace, or starts a new one if the caller names none. `random` becomes the id of a new
    /// trace, and `span` the id of the gate's span.
    pub fn of(headers: &HeaderMap, random: u128, span: u64) -> Self {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let parent = match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok().and_then(parse),
            _ => None,
        };
        // An id of zero is invalid, so in one case of 2^64 another number takes its place.
        let (trace, flags) = parent.unwrap_or((random.max(1), 0));
        Self { trace, span: span.max(1), flags }
    }

    /// The trace's id, as logs name it.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The id of the gate's span in it.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span)
    }

    /// The flags: `01` if the caller samples the trace.
    pub fn trace_flags(&self) -> String {
        format!("{:02x}", self.flags)
    }

    /// The header for calls that the gate makes.
    pub(crate) fn header(&self) -> HeaderValue {
        // It contains only digits and dashes.
        HeaderValue::try_from(self.to_string()).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

/// Trace and flags of the caller's header. In headers of later versions only the first 55 characters count, as the
/// standard requires.
fn parse(text: &str) -> Option<(u128, u8)> {
    let (known, rest) = text.split_at_checked(LENGTH)?;
    let mut parts = known.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lengths = [(version, 2), (trace, 32), (parent, 16), (flags, 2)];
    let well_formed = lengths.iter().all(|(part, length)| {
        part.len() == *length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    });
    let rest_is_fine = rest.is_empty() || (version != "00" && rest.starts_with('-'));
    if !well_formed || !rest_is_fine || version == "ff" {
        return None;
    }
    let trace = u128::from_str_radix(trace, 16).ok()?;
    let parent = u64::from_str_radix(parent, 16).ok()?;
    // Only the flag "sampled" has a meaning in every version.
    let flags = u8::from_str_radix(flags, 16).ok()? & 1;
    (trace != 0 && parent != 0).then_some((trace, flags))
}
