//! Origins (RFC 6454): scheme, host and port of a server.

use std::fmt;

use http::Uri;

/// A server's address: https, or http on this machine; no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: http::uri::Scheme,
    authority: String,
}

impl Origin {
    /// Parses an address. Drops a trailing slash, which the portal shows, and a default port.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let host = authority.host().to_ascii_lowercase();
        let scheme = uri.scheme()?.clone();
        let local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        let default_port = match scheme.as_str() {
            "https" => 443,
            "http" if local => 80,
            _ => return None,
        };
        let bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
        let authority = match authority.port_u16().filter(|port| *port != default_port) {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        bare.then_some(Self { scheme, authority })
    }

    /// The address of a path on the server; the path starts with a slash.
    pub fn uri(&self, path: &str) -> Uri {
        let uri = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.as_str()).path_and_query(path);
        // The parts of an origin are valid in a URI, and so are the paths that this crate builds.
        uri.build().unwrap_or_default()
    }

    /// The `Host` header of requests: lower case, with a port only if it is not the scheme's default.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}", self.scheme, self.authority)
    }
}

/// Scheme, host and port of an http or https address without user information (RFC 6454).
pub fn server(uri: &Uri) -> Option<(bool, String, u16)> {
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    let (tls, usual) = match uri.scheme_str()? {
        "https" => (true, 443),
        "http" => (false, 80),
        _ => return None,
    };
    Some((tls, authority.host().to_ascii_lowercase(), authority.port_u16().unwrap_or(usual)))
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        let shown = |text| Origin::parse(text).map(|origin| origin.to_string());
        assert_eq!(shown("http://127.0.0.1:3001"), Some("http://127.0.0.1:3001".into()));
        assert_eq!(shown("http://localhost:80/"), Some("http://localhost".into()));
        assert_eq!(shown("http://[::1]:1"), Some("http://[::1]:1".into()));
        assert_eq!(shown("http://127.0.0.1.evil.example"), None);
        assert_eq!(shown("ftp://127.0.0.1"), None);
    }
}
