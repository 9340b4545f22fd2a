//! An origin: scheme, host and port, and nothing else (RFC 6454).

use http::Uri;
use http::uri::Scheme;
use std::fmt;
use std::str::FromStr;

/// An exact `http` or `https` origin, such as `https://example.communication.azure.com`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    tls: bool,
    host: String,
    port: u16,
}

/// Why a text or address is not an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin: write `https://host` or `http://host:port`, without a path, user name or wildcard.")]
pub struct OriginError(String);

impl Origin {
    /// The origin of an absolute address with a host; `None` for any other scheme or format.
    pub fn of(uri: &Uri) -> Option<Self> {
        let tls = is_tls(uri.scheme()?)?;
        let authority = uri.authority()?;
        let host = authority.host().to_ascii_lowercase();
        let plain = !host.is_empty() && !host.contains('*') && !authority.as_str().contains('@');
        let port = match authority.port() {
            Some(port) => Some(port.as_u16()),
            None => has_no_port(authority.as_str(), authority.host()).then(|| default_port(tls)),
        }?;
        plain.then_some(Self { tls, host, port })
    }
}

fn is_tls(scheme: &Scheme) -> Option<bool> {
    match scheme.as_str() {
        "https" => Some(true),
        "http" => Some(false),
        _ => None,
    }
}

/// `http::Uri` treats an empty or too large port as no port.
fn has_no_port(authority: &str, host: &str) -> bool {
    authority == host
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

impl FromStr for Origin {
    type Err = OriginError;

    /// Reads `scheme://host[:port]`. One trailing slash is allowed, because the Azure portal shows one in endpoints.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let uri = Uri::from_str(text).ok();
        uri.filter(|uri| uri.path() == "/" && uri.query().is_none() && !text.contains('#'))
            .and_then(|uri| Self::of(&uri))
            .ok_or_else(|| OriginError(text.to_owned()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(formatter, "{scheme}://{}", self.host)?;
        match self.port == default_port(self.tls) {
            true => Ok(()),
            false => write!(formatter, ":{}", self.port),
        }
    }
}
