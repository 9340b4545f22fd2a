//! HMAC-SHA256 signatures with an ACS access key
//! (Microsoft Learn, "Sign an HTTP request with C#", and the official SDKs' source).

use std::fmt;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// An access key, decoded. Its bytes never appear in output.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey(Vec<u8>);

/// The headers that authenticate a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `x-ms-date`: IMF-fixdate (RFC 9110, 5.6.7). ACS refuses one that is five minutes off.
    pub date: String,
    /// `x-ms-content-sha256`
    pub content_sha256: String,
    /// `Authorization`
    pub authorization: String,
}

impl AccessKey {
    /// Decodes a key.
    pub fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok().filter(|key| !key.is_empty()).map(Self)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("AccessKey(…)")
    }
}

/// Signs a request. `path_and_query` and `host` are as sent: the path with its leading slash, the host with its port
/// unless it is the default.
pub fn sign(
    key: &AccessKey,
    method: &http::Method,
    host: &str,
    path_and_query: &str,
    body: &[u8],
    now: SystemTime,
) -> Signature {
    let date = httpdate::fmt_http_date(now);
    let content_sha256 = STANDARD.encode(Sha256::digest(body));
    let text = format!("{method}\n{path_and_query}\n{date};{host};{content_sha256}");
    let signature = STANDARD.encode(mac(key, text.as_bytes()));
    let authorization = format!("HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}");
    Signature { date, content_sha256, authorization }
}

fn mac(key: &AccessKey, text: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length (RFC 2104, 3), so this never fails; if it did, the signature would be useless.
    Hmac::<Sha256>::new_from_slice(key.bytes())
        .map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}
